"""The list of articles: sorted, filtered, with what is told of each, several removed at once; the kept document."""

from dataclasses import replace

import pytest

from rag.settings import load_settings
from rag.types import PageMap
from tests.doubles import article, local_client, open_assistant, put
from tests.pdf_files import make_pdf
from tests.test_pdf import arabic
from ui.api import AnswerService, create_app
from ui.page.article_list import COLUMNS, ListOrder, describe_added, select_articles
from ui.page.library import Library

TEXT = "افتتحت جامعة الفرات مختبر الكيمياء في المدينة القديمة عام 1987."


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    settings = load_settings({}, data_dir=tmp_path_factory.mktemp("index"))
    with open_assistant(settings) as assistant:
        yield assistant


@pytest.fixture(scope="module")
def service(opened):
    long = TEXT * 3
    for one in (
        replace(article(TEXT, "b", title="بيت"), date="2024-01-01", health="ok"),
        replace(article(long, "a", title="أرض"), date="2023-05-05", health="mixed", pages=PageMap((0, 5))),
        replace(article(TEXT * 2, "c", title=""), topic="تاريخ", health="ok"),
    ):
        put(opened, one)
    return AnswerService(opened)


def ids(opened, wanted="", order=ListOrder()):  # noqa: B008
    return [one.id for one in select_articles(opened.store, wanted, order)[0]]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("title", "abc"),
        ("date", "bac"),
        ("size", "acb"),
        ("pages", "abc"),
        ("added", "cab"),
        ("health", "abc"),
    ],
)
def test_each_column_sorts_first_the_way_that_is_looked_for_and_unknown_last(service, opened, column, expected):
    order = ListOrder("topic").by(column)
    found = ids(opened, order=order)
    known = {"date": 2, "pages": 1, "title": 2, "health": 1}.get(column, 3)
    assert found[:known] == list(expected)[:known]
    assert sorted(found) == ["a", "b", "c"]
    if known > 1:
        assert ids(opened, order=order.by(column))[:known] == found[:known][::-1]


def test_a_list_is_filtered_and_counts_what_it_does_not_show(service, opened):
    assert ids(opened, "تاريخ") == ["c"]
    shown, matching = select_articles(opened.store, "", ListOrder(rows=2))
    assert (len(shown), matching) == (2, 3)
    assert len(select_articles(opened.store, "", ListOrder(rows=2).with_more())[0]) == 3


def test_an_unknown_column_changes_nothing():
    assert ListOrder().by("__class__") == ListOrder()


def test_sizes_pages_and_the_time_are_kept_with_an_article(service, opened):
    stored = opened.store.summarize_articles()
    assert (stored["a"].chars, stored["a"].page_count) == (len(TEXT) * 3, 2)
    assert stored["b"].page_count is None
    assert describe_added(stored["b"]).endswith("+00:00")
    assert describe_added(replace(stored["b"], stored_at=None)) == ""


@pytest.mark.parametrize("language", ["ar", "en"])
def test_the_table_has_every_column_and_removes_several_at_once(service, language, tmp_path):
    library = Library(service, language, tmp_path)
    html = library.render_list("")
    for column in COLUMNS:
        assert html.count(f'data-column="{column}"') >= 1
        assert library.labels[f"column_{column}"] in html
    notice = library.remove("a", "b", "none")
    assert "data-articles" in notice
    assert service.assistant.store.count_articles() == 1
    assert library.restore("a", "b").count("data-act") == 0
    assert service.assistant.store.count_articles() == 3


def test_the_document_of_an_article_is_downloaded_whole(service, opened):
    client = local_client(create_app(service))
    file = make_pdf([[arabic(700, TEXT)]])
    added = client.post("/v1/articles?name=t/1", content=file, headers={"content-type": "application/pdf"})
    assert added.status_code == 201
    try:
        found = client.get("/v1/articles/t/1/original")
        assert (found.content, found.headers["content-type"]) == (file, "application/pdf")
        assert found.headers["content-disposition"].startswith("attachment")
        assert client.get("/v1/articles/a/original").status_code == 404
        html = Library(service, "en", opened.settings.data_dir).render_list("")
        assert 'href="../v1/articles/t%2F1/original"' in html
        assert html.count("/original") == 1
    finally:
        client.delete("/v1/articles/t/1")
