from dataclasses import replace

import numpy as np
import pytest

from prompts import reader_message
from rag.answering import candidates
from rag.answering.candidates import asks_quantity
from rag.answering.extractive import choose_quotes, find_named_list, refusal_text
from rag.answering.quotes import Section, format_quotes
from rag.answering.reader import Reading, ReadSentence, read_by_scores
from rag.embedding import QueryVectors
from rag.grounding.markers import MARKER
from rag.language.document import Document
from rag.language.languages import LANGUAGES
from rag.language.sentences import find_sentences
from rag.store import SentenceVectors
from tests.doubles import make_hit, make_result

NO_TITLE = np.zeros((0, 2), np.float32)


def make_vectors(**cosines):
    """Vectors of sentences with these cosines to the question of `make_result`, by article; each is one token."""
    rows = {
        key: np.array([[cosine, (1 - cosine**2) ** 0.5] for cosine in values], np.float32)
        for key, values in cosines.items()
    }
    return {
        f"chunk of {key}": SentenceVectors(vectors, tuple(row[None] for row in vectors), NO_TITLE)
        for key, vectors in rows.items()
    }


def rank_sentences(result, vectors):
    """The sentences as they are quoted where no model reads them."""
    reading = read_by_scores(candidates.score_sentences(result, vectors), result.probability)
    return [read.sentence for read in reading.sentences]


def extract(*hits, answer_language="ar", question="سؤال عن كل شيء", **cosines):
    """The extractive answer from hits whose sentences have these cosines to the question."""
    result = make_result(*hits, question=question)
    scored = candidates.score_sentences(result, make_vectors(**cosines))
    quotes = choose_quotes(read_by_scores(scored, result.probability), scored)
    return format_quotes([Section("", quotes)], answer_language)


def score_sentences(*hits, question="سؤال عن كل شيء", **cosines):
    """The score of each sentence of some hits, by its words."""
    ranked = rank_sentences(make_result(*hits, question=question), make_vectors(**cosines))
    return {sentence.hit.article.text[slice(*sentence.span)]: sentence.score for sentence in ranked}


def find_quotes(answer):
    return [citation.quote for citation in answer.citations]


FIVE = " ".join(f"الجملة {which} من النص." for which in ("الأولى", "الثانية", "الثالثة", "الرابعة", "الخامسة"))


# Extractive answers


def test_a_quote_is_verbatim_and_the_answer_closes_what_it_opens():
    hit = make_hit("الجملة \u202eالأولى من\u2066 النص.", title="عنوان\u202e")
    answer = extract(hit, a=[0.9])
    assert find_quotes(answer) == [hit.text]
    assert answer.text == f"وفقًا لمقال «عنوان\u202e\u202c»:\n\n«{hit.text}\u2069\u202c» [1]"
    assert "«عنوان\u202e\u202c»" in refusal_text("ar", [hit])


@pytest.mark.parametrize("link", ["[كلمة](javascript:alert(1))", "[كلمة](<javascript:alert(1)>)", "![كلمة](data:x)"])
def test_a_link_in_a_quote_is_its_words_in_the_answer(link):
    answer = extract(make_hit(f"الجملة الأولى من النص {link} هنا."), a=[0.9])
    assert "«الجملة الأولى من النص كلمة هنا.» [1]" in answer.text


def test_at_most_three_sentences_are_quoted():
    answer = extract(make_hit(FIVE), a=[0.9] * 5)
    assert len(answer.citations) == 3


def test_a_third_sentence_is_quoted_only_when_it_is_near_the_best():
    answer = extract(make_hit(FIVE), a=[0.2, 0.9, 0.2, 0.88, 0.2])
    assert find_quotes(answer) == ["الجملة الثانية من النص.", "الجملة الرابعة من النص."]


def test_the_best_quote_comes_first_wherever_it_stands():
    answer = extract(make_hit(FIVE), a=[0.88, 0.2, 0.89, 0.2, 0.9])
    assert find_quotes(answer) == ["الجملة الخامسة من النص.", "الجملة الثالثة من النص.", "الجملة الأولى من النص."]
    assert [citation.number for citation in answer.citations] == [1, 2, 3]


def test_the_same_words_are_quoted_once():
    twice = "الجملة الأولى من النص. الجملة الأولى من النص. الجملة الثانية من النص."
    assert find_quotes(extract(make_hit(twice), a=[0.9, 0.9, 0.89])) == [
        "الجملة الأولى من النص.",
        "الجملة الثانية من النص.",
    ]


def test_each_quote_stands_behind_the_source_that_it_is_of():
    hits = (make_hit("جملة من المقال الأول.", "a", "أول"), make_hit("جملة من المقال الثاني.", "b", "ثان"))
    answer = extract(*hits, a=[0.8], b=[0.9])
    assert answer.text == (
        "وفقًا لمقال «ثان»:\n\n«جملة من المقال الثاني.» [1]\n\nوفقًا لمقال «أول»:\n\n«جملة من المقال الأول.» [2]"
    )


def test_an_article_is_named_once():
    answer = extract(make_hit(FIVE), a=[0.9] * 5)
    assert answer.text.count("وفقًا لمقال") == 1


@pytest.mark.parametrize(
    ("answer_language", "source"), [("ar", "وفقًا لمقال «عنوان»:"), ("en", "According to “عنوان”:")]
)
def test_the_source_is_named_in_the_language_of_the_answer_and_the_quote_is_in_its_own(answer_language, source):
    answer = extract(make_hit("جملة من مقال عربي."), answer_language=answer_language, a=[0.9])
    assert answer.text == f"{source}\n\n«جملة من مقال عربي.» [1]"


def test_quotes_slice_back_and_are_verbatim():
    text = "  مقدمة قصيرة للنص\nالطويل.  ثم جملة أخرى فيه! "
    answer = extract(make_hit(text), a=[0.9] * len(find_sentences(text)))
    for citation in answer.citations:
        assert text[citation.start : citation.end] == citation.quote
        assert citation.verdict == "verbatim"


def test_brackets_of_an_article_are_not_taken_for_markers():
    answer = extract(make_hit("وقعت المعركة في ذلك العام [7]. وانتهت بعد شهر واحد [2]."), a=[0.9, 0.9])
    assert MARKER.findall(answer.text) == ["[1]", "[2]"]
    assert find_quotes(answer) == ["وقعت المعركة في ذلك العام [7].", "وانتهت بعد شهر واحد [2]."]


def test_links_images_and_html_of_an_article_are_inert_in_the_answer_and_unchanged_in_the_quote():
    text = "انظر ![صورة](http://evil.example/x.png) و[هنا](http://evil.example) <img src=x onerror=alert(1)> في المقال."
    answer = extract(make_hit(text, title="عنوان ![x](http://evil.example)"), a=[0.9])
    assert "(http" not in answer.text
    assert "<" not in answer.text
    assert find_quotes(answer) == [text]


def test_a_scrap_is_no_evidence_and_a_question_little():
    text = "عنوان فرعي.\nقلة الأمطار في تلك السنة كلها.\nفما الذي يفعله الناس إذن؟\nوكثرة السكان في المدن الكبيرة."
    answer = extract(make_hit(text), a=[0.9, 0.7, 0.8, 0.7])
    assert find_quotes(answer) == ["قلة الأمطار في تلك السنة كلها.", "وكثرة السكان في المدن الكبيرة."]


ITEMS = ["1. قلة الأمطار في السنة.", "2. كثرة السكان في المدن.", "3. غلاء الأرض في الريف.", "4. ضعف التعليم في القرى."]
LIST = "\n\n".join(["وهذه مقدمة عن البلاد كلها.", "أسباب الهجرة", *ITEMS, "وبعدها كلام آخر طويل."])


def test_the_whole_list_is_quoted_where_the_line_that_leads_to_it_matches_best():
    assert find_quotes(extract(make_hit(LIST), a=[0.5, 0.9, *[0.4] * 5])) == ITEMS
    assert find_quotes(extract(make_hit(LIST), a=[0.5, 0.4, 0.9, *[0.4] * 4]))[0] == ITEMS[0]
    assert find_quotes(extract(make_hit(LIST), a=[0.5, 0.4, 0.9, *[0.4] * 4])) != ITEMS


def test_a_line_that_says_what_the_list_is_of_comes_with_it():
    text = LIST.replace("أسباب الهجرة", "وأسباب الهجرة من البلاد ثلاثة:")
    quotes = find_quotes(extract(make_hit(text), a=[0.5, 0.9, *[0.4] * 5]))
    assert quotes == ["وأسباب الهجرة من البلاد ثلاثة:", *ITEMS]


def test_a_sentence_need_not_say_again_what_the_title_says():
    """Two tokens are asked for: the one names the subject, as the title does, the other what is asked of it."""
    result = make_result(make_hit(FIVE), question=ANY_QUESTION)
    two = QueryVectors(result.vectors.dense, np.eye(2, dtype=np.float32), result.vectors.sentence)
    rows = np.array([[0.9, 0.1], [0.1, 0.6], *[[0.1, 0.1]] * 3], np.float32)
    tokens, nothing = tuple(row[None] for row in rows), np.zeros((5, 2), np.float32)

    def rank(title):
        vectors = {"chunk of a": SentenceVectors(nothing, tokens, np.array(title, np.float32).reshape(-1, 2))}
        ranked = rank_sentences(replace(result, vectors=two), vectors)
        return result.hits[0].sentences.index(ranked[0].span), ranked[0].score

    assert rank([]) == (1, pytest.approx(0.7 * 0.9 + 0.6))  # the sentence before says it too
    assert rank([[0.9, 0.0]]) == (1, pytest.approx(0.9 * 0.9 + 0.6))
    assert rank([[0.0, 0.9]]) == (0, pytest.approx(0.9 + 0.9 * 0.9))


def test_a_question_for_a_number_prefers_a_sentence_that_holds_one():
    text = "المدة طويلة جدًا في الصيف. المدة ستون يومًا في الصيف. المدة 60 يومًا في الصيف كله."
    answer = extract(make_hit(text), question="كم الوقت؟", a=[0.9, 0.9, 0.895])
    assert "المدة 60 يومًا في الصيف كله." in find_quotes(answer)


def test_a_question_for_a_time_prefers_a_sentence_with_a_year():
    text = "قطعت القافلة الطريق في 40 يومًا. وقطع القطار الطريق عام 1908 أول مرة. ووقفت القافلة في الطريق طويلًا."
    assert "وقطع القطار الطريق عام 1908 أول مرة." in find_quotes(
        extract(make_hit(text), question="متى وصل؟", a=[0.9, 0.85, 0.89])
    )


def test_the_second_quote_adds_what_the_first_leaves_of_the_question():
    result = make_result(make_hit(FIVE))
    two = QueryVectors(result.vectors.dense, np.eye(2, dtype=np.float32) / 2, result.vectors.sentence)
    tokens = [[0.9, 0.28], [0.1, 0.1], [0.1, 0.1], [0.9, 0.3], [0.3, 0.8]]
    rows = np.array(tokens, np.float32)
    vectors = {"chunk of a": SentenceVectors(np.zeros((5, 2), np.float32), tuple(row[None] for row in rows), NO_TITLE)}
    best = rank_sentences(replace(result, vectors=two), vectors)
    assert [sentence.token_scores.tolist() for sentence in best[:2]] == (rows[[4, 3]] / 2).tolist()


def test_of_two_nearly_equal_sentences_the_neighbor_of_the_first_comes_before():
    result = make_result(make_hit(FIVE))
    best = rank_sentences(result, make_vectors(a=[0.52, 0.2, 0.2, 0.5, 0.9]))
    assert [result.hits[0].sentences.index(sentence.span) for sentence in best[:3]] == [4, 3, 0]


def test_one_sentence_is_an_answer():
    assert find_quotes(extract(make_hit("نعم."), a=[0.5])) == ["نعم."]


# Scores of sentences. The question is in English and the sentences in Arabic where shared words are not to count.

ANY_QUESTION = "Tell me all about that?"


def test_a_score_is_that_of_the_tokens_and_a_share_of_that_of_the_sentence():
    scores = score_sentences(make_hit(FIVE), question=ANY_QUESTION, a=[0.9, 0.8, 0.7, 0.6, 0.5])
    first, beside, *others = scores.values()
    assert first == pytest.approx(0.9 + 0.2 * 0.9)
    assert others == pytest.approx([0.7 + 0.2 * 0.7, 0.6 + 0.2 * 0.6, 0.5 + 0.2 * 0.5])
    assert beside == pytest.approx(0.8 + 0.2 * 0.8 + 0.03)


def test_only_the_sentences_before_and_after_the_first_quote_get_the_bonus_of_neighbors():
    scores = score_sentences(make_hit(FIVE), question=ANY_QUESTION, a=[0.65, 0.65, 0.9, 0.65, 0.65])
    in_reading_order = [scores[FIVE[start:end].strip()] for start, end in find_sentences(FIVE)]
    bonuses = np.array(in_reading_order) - [0.78, 0.78, 1.08, 0.78, 0.78]
    assert bonuses == pytest.approx([0, 0.03, 0, 0.03, 0], abs=1e-6)


def test_sentences_of_another_hit_are_no_neighbors():
    ranked = rank_sentences(
        make_result(make_hit(FIVE, "a"), make_hit(FIVE.replace("النص", "المقال"), "b"), question=ANY_QUESTION),
        make_vectors(a=[0.65, 0.9, 0.65, 0.65, 0.65], b=[0.65] * 5),
    )
    with_bonus = [sentence for sentence in ranked[1:] if sentence.score > 0.78 + 0.01]
    assert [(one.hit.article.id, one.hit.sentences.index(one.span)) for one in with_bonus] == [("a", 0), ("a", 2)]


def test_a_sentence_gains_what_it_matches_of_the_question_beyond_the_first():
    result = make_result(make_hit(FIVE), question=ANY_QUESTION)
    two = QueryVectors(result.vectors.dense, np.eye(2, dtype=np.float32), result.vectors.sentence)
    rows = np.array([[0.9, 0.3], [0.1, 0.1], [0.5, 0.5], [0.3, 0.8], [0.2, 0.2]], np.float32)
    vectors = {"chunk of a": SentenceVectors(np.zeros((5, 2), np.float32), tuple(row[None] for row in rows), NO_TITLE)}
    order = result.hits[0].sentences
    scores = {
        order.index(sentence.span): sentence.score for sentence in rank_sentences(replace(result, vectors=two), vectors)
    }
    # What one of the two sentences before it matches counts for a sentence by 0.7.
    gained = [scores[at] for at in (2, 3, 4)]
    assert scores[0] == pytest.approx(0.9 + 0.3)
    assert gained == pytest.approx(
        [0.7 * 0.9 + 0.5 + (0.5 - 0.3), 0.7 * 0.5 + 0.8 + (0.8 - 0.3), 0.7 * 0.5 + 0.7 * 0.8]
    )
    assert scores[1] == pytest.approx(0.7 * 0.9 + 0.7 * 0.3 + 0.03)


def test_a_sentence_of_a_worse_hit_loses_twice_the_difference_of_the_hits():
    hits = make_hit(FIVE, "a", score=0.7), make_hit("جملة أخرى من مقال آخر.", "b", score=0.6)
    scores = score_sentences(*hits, question=ANY_QUESTION, a=[0.9, 0.1, 0.1, 0.1, 0.1], b=[0.8])
    assert scores["جملة أخرى من مقال آخر."] == pytest.approx(1.2 * 0.8 - 2 * (0.7 - 0.6))


def test_the_share_of_the_questions_words_in_a_sentence_counts_within_a_language():
    text = "قطار الحجاز وصل إلى مدينة. وجملة لا صلة لها بذلك. وقال الناس عن الحجاز كلامًا."
    cosines = {"a": [0.5, 0.9, 0.5]}
    within = score_sentences(make_hit(text), question="من قطار الحجاز؟", **cosines)
    across = score_sentences(make_hit(text), question=ANY_QUESTION, **cosines)
    first, _, last = (text[start:end].strip() for start, end in find_sentences(text))
    # BM25's inverse document frequency: قطار stands in 1 of 3 sentences, الحجاز in 2
    rare, frequent = np.log(1 + 2.5 / 1.5), np.log(1 + 1.5 / 2.5)
    assert within[first] - across[first] == pytest.approx(0.1)
    assert within[last] - across[last] == pytest.approx(0.1 * frequent / (rare + frequent))


@pytest.mark.parametrize(
    ("question", "bonus"),
    [
        ("How many days is it?", 0.03),
        ("How many of the 60 days is it?", 0.0),  # the only number of the sentence is that of the question
        ("How many of the 61 days is it?", 0.03),
        ("Where is it?", 0.0),
    ],
)
def test_a_number_that_the_question_lacks_counts_where_a_number_is_asked_for(question, bonus):
    digits, spelled = "المدة تبلغ 60 يومًا في الصيف.", "المدة تبلغ ستين يومًا في الصيف."
    between = "المدة طويلة جدًا في الصيف كله."
    scores = score_sentences(make_hit(f"{digits} {between} {spelled}"), question=question, a=[0.65, 0.9, 0.65])
    assert scores[digits] - scores[spelled] == pytest.approx(bonus, abs=1e-6)


# Questions for a number


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("كم يومًا تحتاج الملكة؟", "ar"),
        ("وكم بلغت؟", "ar"),
        ("بكم اشترتها؟", "ar"),
        ("متى وُلد؟", "ar"),
        ("في أي سنة وُلد؟", "ar"),
        ("ما نسبة الملح؟", "ar"),
        ("إمتى اتولد؟", "ar"),
        ("How many days?", "en"),
        ("When did it land?", "en"),
        ("In which year?", "en"),
    ],
)
def test_questions_for_a_number_or_a_date_are_recognized(question, language):
    assert Document(question).language == language
    assert asks_quantity(Document(question))


@pytest.mark.parametrize(
    ("question", "language"),
    [("من كتب الكتاب؟", "ar"), ("لماذا حكم البلاد؟", "ar"), ("Who whenever wrote?", "en"), ("Why?", "en")],
)
def test_other_questions_ask_for_no_number(question, language):
    assert Document(question).language == language
    assert not asks_quantity(Document(question))


# Refusals


@pytest.mark.parametrize("answer_language", LANGUAGES)
def test_a_refusal_names_the_nearest_titles_once_each_and_at_most_three(answer_language):
    titles = ["واحد", "اثنان", "واحد", "ثلاثة", "أربعة"]
    text = refusal_text(answer_language, [make_hit("جملة.", str(at), title) for at, title in enumerate(titles)])
    assert text.startswith(reader_message(answer_language, "refusal"))
    assert [text.count(title) for title in ("واحد", "اثنان", "ثلاثة", "أربعة")] == [1, 1, 1, 0]
    assert not MARKER.search(text)


@pytest.mark.parametrize("answer_language", LANGUAGES)
def test_a_refusal_without_hits_names_no_title(answer_language):
    assert refusal_text(answer_language, []) == reader_message(answer_language, "refusal")


# A quote and what stands beside it


def quote_first(text, probabilities, detail="usual", **more):
    """What is quoted of sentences that were read with these probabilities."""
    hit = make_hit(text, **more)
    read = [
        ReadSentence(candidates.ScoredSentence(hit, span, np.ones(1, np.float32), 0.5), probability)
        for span, probability in zip(hit.sentences, probabilities, strict=True)
    ]
    reading = Reading(sorted(read, key=lambda one: -one.probability), sum(probabilities))
    return choose_quotes(reading, [], detail)


def test_the_first_quote_takes_in_a_neighbor_that_may_answer_as_well():
    first, *others = quote_first(FIVE, [0.001, 0.5, 0.3, 0.001, 0.001])
    assert first.hit.article.text[slice(*first.span)] == "الجملة الثانية من النص. الجملة الثالثة من النص."
    assert others == []


@pytest.mark.parametrize(
    ("text", "probabilities", "expected"),
    [
        (FIVE, [0.3, 0.001, 0.5, 0.0, 0.0], "الجملة الثالثة من النص."),  # not beside it
        ("الجملة الأولى هنا.\n\nالجملة الثانية هنا.", [0.4, 0.5], "الجملة الثانية هنا."),  # of another paragraph
        (f"الجملة الأولى {'طويلة ' * 90}هنا. الجملة الثانية هنا.", [0.4, 0.5], "الجملة الثانية هنا."),
        (FIVE, [0.21, 0.2, 0.2, 0.2, 0.19], "الجملة الأولى من النص. الجملة الثانية من النص. الجملة الثالثة من النص."),
    ],
)
def test_a_quote_stays_within_bounds(text, probabilities, expected):
    first = quote_first(text, probabilities)[0]
    assert first.hit.article.text[slice(*first.span)] == expected


def words_of(quotes):
    return [quote.hit.article.text[slice(*quote.span)] for quote in quotes]


TABLE = "العبّارة | المقاعد\nمرجان | 310\nشراع | 140"


def test_a_row_is_quoted_alone_with_the_names_of_its_columns_behind_it():
    assert words_of(quote_first(TABLE, [0.5, 0.4, 0.001])) == ["مرجان | 310", "العبّارة | المقاعد"]


def test_a_heading_is_not_quoted_without_what_stands_beneath_it():
    text = "مقدمة قصيرة للمقال هنا.\n\nالتناضح العكسي\n\nيُضغط الماء عبر غشاء. ثم يُعقّم."
    assert words_of(quote_first(text, [0.6, 0.3, 0.01, 0.0])) == [
        "مقدمة قصيرة للمقال هنا.",
        "التناضح العكسي\n\nيُضغط الماء عبر غشاء.",
    ]


def test_a_heading_adds_nothing_to_the_sentence_beneath_it():
    text = "مقدمة قصيرة للمقال هنا.\n\nالتناضح العكسي\n\nيُضغط الماء عبر غشاء. ثم يُعقّم."
    assert words_of(quote_first(text, [0.001, 0.3, 0.6, 0.0])) == ["يُضغط الماء عبر غشاء."]


@pytest.mark.parametrize("probabilities", [[0.1, 0.6], [0.6, 0.3]])
def test_what_stands_beneath_a_heading_may_be_in_the_next_chunk(probabilities):
    text, behind = "مقدمة قصيرة للمقال هنا.\n\nالتناضح العكسي", "\n\nيُضغط الماء عبر غشاء. ثم يُعقّم."
    assert "التناضح العكسي\n\nيُضغط الماء عبر غشاء." in words_of(quote_first(text, probabilities, behind=behind))
    assert "التناضح العكسي" in words_of(quote_first(text, probabilities))  # nothing stands beneath it


def test_more_of_an_answer_is_one_quote_of_what_stands_around_it():
    (quote,) = quote_first(FIVE, [0.1, 0.1, 0.5, 0.1, 0.1], detail="long")
    assert words_of([quote]) == [FIVE]
    text = f"جملة قبل العنوان هنا.\n\nعنوان القسم\n\n{FIVE}"
    (quote,) = quote_first(text, [0.1, 0.1, 0.5, 0.1, 0.1, 0.1, 0.1], detail="long")
    assert words_of([quote])[0].startswith("الجملة الأولى من النص.")


def test_a_list_that_is_asked_for_shorter_is_the_first_clauses_of_its_items():
    items = ["1. قلة الأمطار في السنة، وهي أشدّ في الجنوب.", "2. غلاء الأرض في الريف (وفي المدن)."]
    hit = make_hit("\n\n".join(["أسباب الهجرة", *items]))
    scored = [
        candidates.ScoredSentence(hit, span, np.ones(1, np.float32), score)
        for span, score in zip(hit.sentences, [-0.1, 0.5, 0.4], strict=True)
    ]
    quotes = choose_quotes(Reading([], 0.5), scored, "short")
    assert words_of(quotes) == ["1. قلة الأمطار في السنة", "2. غلاء الأرض في الريف"]


STADIUMS = (
    "وهذه مقدمة عن البلاد كلها.\n\nوأقيمت المباريات على الملاعب الآتية:\n\n1. ملعب البيت في الخور.\n\n2. ملعب الجنوب."
)


def scored_of(hit):
    """The sentences of a hit, each less near to the question than the one before."""
    scores = [0.9 - at / 10 for at in range(len(hit.sentences))]
    one = np.ones(1, np.float32)
    return [candidates.ScoredSentence(hit, *pair) for pair in zip(hit.sentences, [one] * 9, scores, strict=False)]


@pytest.mark.parametrize(
    ("question", "cosine", "is_found"),
    [
        ("ما ملاعب البطولة؟", 0.0, True),
        ("كم ملعبا في البطولة؟", 0.0, True),
        ("ما الملعب الذي في الخور؟", 0.0, False),
        ("ما فرق البطولة؟", 0.0, False),
        ("How many stadiums are there?", 0.6, True),
        ("How many stadiums are there?", 0.5, False),
        ("Which stadium is in al-Khor?", 0.6, False),
    ],
)
def test_a_list_is_found_by_what_its_leading_line_names(question, cosine, is_found):
    scored = scored_of(make_hit(STADIUMS))
    quotes = find_named_list(scored, Document(question), lambda *_: cosine)
    assert (len(quotes) == 3) == is_found


@pytest.mark.parametrize(("probability", "is_list"), [(0.7, True), (0.9, False)])
def test_a_sentence_that_is_sure_to_answer_is_quoted_in_place_of_a_named_list(probability, is_list):
    hit = make_hit(STADIUMS)
    scored = scored_of(hit)
    reading = Reading([ReadSentence(scored[0], probability)], probability)
    named_list = find_named_list(scored, Document("ما ملاعب البطولة؟"), lambda *_: 0.0)
    quotes = choose_quotes(reading, scored, named_list=named_list)
    assert (words_of(quotes)[0] == "وهذه مقدمة عن البلاد كلها.") != is_list


def test_a_list_is_not_quoted_where_one_time_or_number_is_asked_for():
    hit = make_hit("\n\n".join(ITEMS))
    read = [
        ReadSentence(candidates.ScoredSentence(hit, span, np.ones(1, np.float32), 0.5), 0.2) for span in hit.sentences
    ]
    assert words_of(choose_quotes(Reading(read, 0.8), [])) == ITEMS
    assert words_of(choose_quotes(Reading(read, 0.8), [], asks_one=True)) != ITEMS


SECTIONS = (
    "مقدمة المقال هنا.\n\nالإجازة المرضية\n\nمدتها تسعون يومًا في السنة. وأجرها كامل في أولها.\n\n"
    "الإجازة السنوية\n\nمدتها شهر واحد كل عام."
)


def test_a_section_is_quoted_whole_where_its_heading_is_what_is_asked_for():
    hit = make_hit(SECTIONS, "1")
    assert find_quotes(extract(hit, **{"1": [0.1, 0.9, 0.5, 0.2, 0.1, 0.1]})) == [
        "مدتها تسعون يومًا في السنة. وأجرها كامل في أولها."
    ]


def test_a_heading_that_is_less_near_than_a_sentence_brings_no_section():
    hit = make_hit(SECTIONS, "1")
    quotes = find_quotes(extract(hit, **{"1": [0.1, 0.2, 0.9, 0.2, 0.1, 0.1]}))
    assert quotes[0] == "مدتها تسعون يومًا في السنة."
