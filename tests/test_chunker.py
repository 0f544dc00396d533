import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingest.chunker import chunk_article
from ingest.readers import find_files, read_file
from rag.language.tokens import count_tokens
from tests.doubles import article
from tests.strategies import TEXTS, more_examples

ROOT = Path(__file__).parent.parent
LONG_TEXTS = st.lists(st.tuples(TEXTS, st.sampled_from([1, 1, 3, 40])), max_size=4).map(
    lambda parts: "".join(text * times for text, times in parts)
)
ARABIC = "هذه فقرة عربية عن الحجاز وعن القطار الذي كان يصل إلى المدينة."
ENGLISH = "This is a paragraph in English about the railway that reached the city."
TOKENS_DO_NOT_ADD_UP = (  # a chunk of these sentences has more tokens than they have one by one
    "0:0:0\U00011e400:0:0:0:0:0:\x950:0:0:0:0:0:\x950:0:0:0:0:0:\x950:0000:0:0000:0:;0A:0:0:  0000000:0:0:"
)


def cut_into_texts(text, budget=320):
    return [chunk.text for chunk in chunk_article(article(text), budget)]


@more_examples
@given(LONG_TEXTS, st.integers(64, 400))
def test_chunks_are_slices_of_the_article_in_order_that_leave_out_white_space_alone(text, budget):
    end = 0
    for chunk in chunk_article(article(text), budget):
        assert text[chunk.start : chunk.end] == chunk.text != ""
        assert text[end : chunk.start].strip() == ""
        assert chunk.start >= end
        end = chunk.end
    assert text[end:].strip() == ""


@more_examples
@given(LONG_TEXTS, st.integers(64, 400))
def test_the_sentences_of_a_chunk_cover_it_but_for_white_space(text, budget):
    for chunk in chunk_article(article(text), budget):
        end = chunk.start
        for sentence in chunk.sentences:
            assert text[end : sentence.start].strip() == ""
            assert end <= sentence.start < sentence.end
            assert text[slice(*sentence)] == text[slice(*sentence)].strip()
            end = sentence.end
        assert (chunk.sentences[0].start, end) == (chunk.start, chunk.end)


@more_examples
@given(LONG_TEXTS, st.integers(64, 400))
@example("• بند\n" * 500, 320)
@example("".join(map(chr, range(0x12000, 0x12040))), 64)
@example(TOKENS_DO_NOT_ADD_UP, 80)
def test_no_chunk_is_over_the_budget(text, budget):
    assert all(count <= budget for count in count_tokens(cut_into_texts(text, budget)))


def test_the_sample_articles_are_cut_within_the_budget():
    found = [item for file, root in find_files([ROOT / "articles"]) for item in read_file(file, root, 100_000)]
    chunks = [chunk for item in found for chunk in chunk_article(item, 320)]
    assert len(chunks) >= len(found) > 0
    assert max(count_tokens([chunk.text for chunk in chunks])) <= 320


@pytest.mark.parametrize("text", ["", " ", "\n \n\t", "\u2028"])
def test_a_text_without_words_has_no_chunk(text):
    assert chunk_article(article(text), 320) == []


def test_a_short_article_is_one_chunk_of_its_sentences():
    (chunk,) = chunk_article(article(" أول الكلام. ثانيه! \n"), 320)
    assert (chunk.start, chunk.end, chunk.text) == (1, 19, "أول الكلام. ثانيه!")
    assert chunk.sentences == ((1, 12), (13, 19))


def test_a_chunk_names_its_article_revision_and_language():
    origin = article(ARABIC)
    (chunk,) = chunk_article(origin, 320)
    assert (chunk.article_id, chunk.revision, chunk.language) == (origin.id, origin.revision, "ar")


def test_a_sentence_that_fits_is_never_cut():
    text = "كان القطار يصل إلى المدينة كل يوم. " * 60
    chunks = cut_into_texts(text, 100)
    assert len(chunks) > 1
    assert all(chunk.startswith("كان القطار") and chunk.endswith("كل يوم.") for chunk in chunks)


def test_no_chunk_is_a_scrap():
    sentence = "كان القطار يصل إلى المدينة كل يوم. "
    fits = 320 // count_tokens([sentence])[0]
    one, other = count_tokens(cut_into_texts(sentence * (fits + 4)))
    assert min(one, other) > 100


def test_an_english_paragraph_is_a_chunk_of_its_own():
    chunks = chunk_article(article(f"{ARABIC}\n\n{ENGLISH}\n\n{ARABIC}"), 320)
    assert [(chunk.text, chunk.language) for chunk in chunks] == [(ARABIC, "ar"), (ENGLISH, "en"), (ARABIC, "ar")]


def test_an_english_name_on_a_line_of_its_own_starts_no_chunk():
    text = f"{ARABIC}\n\nHejaz Railway\n\n{ARABIC}"
    assert cut_into_texts(text) == [text]


def test_a_sentence_over_the_budget_is_cut_at_spaces():
    words = [f"كلمة{number}" for number in range(2_000)]
    chunks = chunk_article(article(" ".join(words)), 64)
    assert [word for chunk in chunks for word in chunk.text.split()] == words
    assert all(count <= 64 for count in count_tokens([chunk.text for chunk in chunks]))


@pytest.mark.parametrize("letter", ["x", "ا", "語", "\u064e", "😀"])
def test_a_hundred_thousand_letters_without_a_space_are_cut(letter):
    chunks = cut_into_texts(letter * 100_000)
    assert "".join(chunks) == letter * 100_000
    assert max(count_tokens(chunks)) <= 320


def test_tokens_are_those_of_o200k():
    assert count_tokens(["hello world", "", "\n\n"]) == [2, 0, 1]
    assert count_tokens([]) == []


def test_tokens_are_counted_without_network_or_home(tmp_path):
    closed = "http://127.0.0.1:9"  # discard: nothing answers there
    environment = {name: value for name, value in os.environ.items() if "CACHE" not in name.upper()}
    environment |= {"HOME": str(tmp_path), "TMPDIR": str(tmp_path), "HTTP_PROXY": closed, "HTTPS_PROXY": closed}
    environment |= {"NO_PROXY": "", "PYTHONDONTWRITEBYTECODE": "1"}
    code = "from rag.language.tokens import count_tokens; print(count_tokens(['hello world']))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert (run.stdout.strip(), run.stderr) == ("[2]", "")
    assert list(tmp_path.iterdir()) == []
