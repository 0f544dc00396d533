"""One document in several formats: told once, found once, cited once."""

import io
import json
import re
import zipfile
from dataclasses import replace

import pytest

from ingest.embedding import embed_articles
from ingest.indexer import Indexer
from ingest.sync import Sync
from rag.answering.quotes import Quote
from rag.language.passage_words import JoinedSentences, join_words
from rag.settings import load_settings
from rag.types import Span
from tests.doubles import article, make_hit, open_assistant
from tests.pdf_files import make_pdf, right_aligned
from tests.test_documents import book, paragraph, word

TITLE = "قوارب القصب في هور الحمار"
SENTENCES = [
    "يصنع أهل هور الحمار قواربهم من القصب والبردي، ويطلون ظاهرها بالقار حتى لا ينفذ الماء.",
    "يحتاج القارب الواحد إلى ستمئة حزمة من القصب، ويعمل فيه ثلاثة رجال أحد عشر يوما.",
    "يحمل القارب الكبير أربعة جواميس أو ثلاثين كيسا من الرز، ولا يزيد غاطسه على شبرين.",
    "تعلم حسون بن لعيبي الصنعة من جده، وأقام ورشته في قرية أبو صبور سنة 1961.",
    "يبلى القصب بعد موسمين، فيفك القارب وتحرق حزمه لتجفيف السمك.",
]
QUESTION = "كم حزمة من القصب يحتاج القارب؟"


def book_part(name):
    """A part of a book of one chapter."""
    with zipfile.ZipFile(io.BytesIO(book([""]))) as archive:
        return archive.read(name).decode()


def write_pdf(folder):
    words = re.sub("[0-9]+", lambda found: found[0][::-1], " ".join(SENTENCES)).split()  # numbers run left to right
    lines = [" ".join(words[at : at + 9]) for at in range(0, len(words), 9)]
    drawn = [right_aligned(540, 700 - 24 * at, 12, line) for at, line in enumerate(lines)]
    (folder / "boats.pdf").write_bytes(make_pdf([[right_aligned(540, 760, 20, TITLE), *drawn]]))


def write_formats(folder):
    """The document in ten formats."""
    body = "\n\n".join(SENTENCES)
    for suffix in ("md", "markdown"):
        (folder / f"boats.{suffix}").write_text(f"# {TITLE}\n\n{body}\n")
    (folder / "boats.txt").write_text(f"{TITLE}\n\n{body}\n")
    paragraphs = "".join(f"<p>{one}</p>" for one in SENTENCES)
    for suffix in ("html", "htm", "xhtml"):
        page = f"<!DOCTYPE html><meta charset=utf-8><title>{TITLE}</title><h1>{TITLE}</h1>{paragraphs}"
        (folder / f"boats.{suffix}").write_text(page)
    (folder / "boats.docx").write_bytes(word(paragraph(TITLE, "Title") + "".join(map(paragraph, SENTENCES))))
    named = {"OPS/content.opf": book_part("OPS/content.opf").replace("كتاب البحر", TITLE)}
    (folder / "boats.epub").write_bytes(book([f"<h1>{TITLE}</h1>{paragraphs}"], **named))
    (folder / "boats.json").write_text(json.dumps({"title": TITLE, "text": body}))
    write_pdf(folder)


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """An assistant over the document in ten formats and one other, with what the ingest told."""
    folder = tmp_path_factory.mktemp("formats")
    write_formats(folder)
    (folder / "salt.txt").write_text("ملح السباخ\n\nيجمع الملح من السباخ في أواخر الصيف، ويباع بالكيل لا بالوزن.\n")
    with open_assistant(load_settings({}, data_dir=tmp_path_factory.mktemp("index"))) as assistant:
        indexer = Indexer(assistant.store, lambda: assistant.encoder, assistant.settings.chunk_tokens)
        yield assistant, Sync(assistant.store, indexer, 100_000).ingest([folder], lambda progress: None)


def test_a_document_in_ten_formats_is_told_once(opened):
    _, result = opened
    assert (len(result.added), result.failed) == (10, [])  # as text it is the same to a letter as in Word
    (warning,) = result.warnings
    assert "It says nearly the same as 'boats'" in warning.reason
    assert "and 5 more" in warning.reason


@pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical"])
def test_a_document_in_ten_formats_is_found_once(opened, mode):
    assistant, _ = opened
    hits = assistant.search(QUESTION, mode=mode).hits
    assert [hit.article.title for hit in hits] == [TITLE, "ملح السباخ"][: len(hits)]


def test_a_document_in_ten_formats_is_cited_once(opened):
    assistant, _ = opened
    answer = assistant.ask(QUESTION)
    assert [one.quote for one in answer.citations] == [SENTENCES[1]]


def test_what_stands_behind_many_copies_is_found_too(tmp_path):
    texts = [" ".join(f"{SENTENCES[one % 5]} {number}" for one in range(12)) for number in range(4)]
    with open_assistant(load_settings({}, data_dir=tmp_path)) as assistant:
        originals = [article(text, str(number)) for number, text in enumerate(texts)]
        for one, chunks in embed_articles(originals, assistant.settings.chunk_tokens, assistant.encoder):
            for name in (f"{one.id}-{copy}" for copy in range(30)):
                renamed = [replace(each, chunk=replace(each.chunk, article_id=name)) for each in chunks]
                assistant.store.write(replace(one, id=name), renamed)
        hits = assistant.search(QUESTION, mode="dense").hits
    assert {hit.article.id.split("-")[0] for hit in hits} == {"0", "1", "2", "3"}
    assert len({hit.text for hit in hits}) == len(hits)


@pytest.mark.parametrize(
    ("title", "text"),
    [
        ("قوارب القصب في هور الحويزة", " ".join(SENTENCES)),
        (TITLE, " ".join(SENTENCES).replace("ستمئة", "سبعمئة")),
        (TITLE, " ".join(SENTENCES).replace("ولا يزيد", "وقد يزيد")),
        (TITLE, " ".join(SENTENCES).replace("1961", "1962")),
    ],
)
def test_a_passage_of_another_title_or_with_another_word_is_found_beside_it(tmp_path, title, text):
    with open_assistant(load_settings({}, data_dir=tmp_path)) as assistant:
        others = [article(" ".join(SENTENCES), "first", TITLE), article(text, "second", title)]
        for one, chunks in embed_articles(others, assistant.settings.chunk_tokens, assistant.encoder):
            assistant.store.write(one, chunks)
        assert {hit.article.id for hit in assistant.search(QUESTION).hits} == {"first", "second"}


def test_sentences_are_found_however_they_are_cut_but_not_out_of_what_denies_them():
    own = JoinedSentences(map(join_words, ["لا يجوز حمل الحطب.", "ويجوز حملُ القصب والبردي."]))
    assert own.has_all(map(join_words, ["ويجوز حمل\nالقصب", "والبردي"]))
    assert own.has_all([])
    assert own.has_all(["", join_words("لا يجوز")])
    assert not own.has_all([join_words("يجوز حمل الحطب.")])
    assert not own.has_all(map(join_words, ["والبردي", "لا يجوز"]))


@pytest.mark.parametrize(("words", "is_same"), [(SENTENCES[1], True), (SENTENCES[1].replace("ستمئة", "مئة"), False)])
def test_a_sentence_that_two_articles_have_is_quoted_once(words, is_same):
    first = make_hit(" ".join(SENTENCES), "first", TITLE)
    second = make_hit(f"{words} وهذه جملة أخرى.", "second", "مقال آخر")
    quote = Quote(first, Span(first.sentences[0].start, first.sentences[1].end), 1.0)
    assert quote.says(Quote(second, second.sentences[0], 1.0)) == is_same
    assert not quote.says(Quote(second, second.sentences[1], 1.0))
