"""The articles on the page: dropped files, the list, removal."""

import re
from urllib.parse import quote

import httpx
import pytest

from tests.browser import BROWSER_TEST, CASTLE, HYPERION, MAX_BODY_BYTES, ask, drag_files, open_tab
from ui.page.labels import load_labels

pytestmark = BROWSER_TEST
OF_SITE = ".dalil-removed :is([data-article=castle], [data-article=hejaz-railway])"
"""What can be restored of the articles that a site begins with; other tests have removed what they had added."""


def test_good_files_go_in_bad_ones_are_named_and_a_removal_is_undone(page, tmp_path):
    (tmp_path / "good.md").write_text(
        "# فنار جديد\n\nافتتح فنار الرأس الأخضر سنة 1931 بحضور أهل الميناء كلهم.", "utf-8"
    )
    (tmp_path / "bad.md").write_bytes(b"\x00\x01bad\x00\x02")
    (tmp_path / "empty.txt").write_text("", "utf-8")
    page.get_by_role("tab", name="المقالات").click()
    page.set_input_files(
        "#dalil-files input[type=file]", [tmp_path / name for name in ("good.md", "bad.md", "empty.txt")]
    )
    page.wait_for_selector("#dalil-plan [data-outcome=added]")
    assert page.locator("#dalil-plan [data-outcome=failed]").count() == 2
    page.click("#dalil-add")
    page.wait_for_function("document.querySelector('.dalil-articles').innerText.includes('فنار جديد')")
    row = page.locator(".dalil-articles tbody tr", has_text="فنار جديد")
    row.locator("[data-act=remove]").click()
    page.wait_for_selector("[data-act=undo][data-article=good]")
    assert page.locator(".dalil-articles tbody tr", has_text="فنار جديد").count() == 0
    page.click("[data-act=undo][data-article=good]")
    page.wait_for_function("document.querySelector('.dalil-articles').innerText.includes('فنار جديد')")
    page.fill("#dalil-filter textarea, #dalil-filter input", "فنار")
    page.wait_for_function("document.querySelectorAll('.dalil-articles tbody tr').length === 1")
    page.locator(".dalil-articles [data-act=remove]").click()
    page.wait_for_selector("[data-act=undo][data-article=good]")


@pytest.mark.parametrize("language", ["ar", "en"])
def test_a_file_too_large_is_refused_in_our_words_and_the_others_are_kept(site, chromium, language, tmp_path):
    labels = load_labels(language)
    line = f"زار {language} فنار الرأس الأزرق سنة 1932 ومكث فيه أيامًا. "
    (tmp_path / "large.md").write_text(line * (1 + MAX_BODY_BYTES // len(line.encode())), "utf-8")
    for name in ("one.md", "two.md"):  # each fits, together they do not
        (tmp_path / name).write_text(name + line * (MAX_BODY_BYTES * 6 // 10 // len(line.encode())), "utf-8")
    (tmp_path / "picture.gif").write_bytes(b"png")
    with open_tab(chromium, f"{site}/{language}/") as tab:
        tab.get_by_role("tab", name=labels["articles"]).click()
        tab.set_input_files("#dalil-files input[type=file]", sorted(tmp_path.iterdir()))
        tab.wait_for_selector("#dalil-plan [data-outcome=added]")
        plan = tab.locator("#dalil-plan")
        assert plan.locator("[data-outcome=added]").count() == 2
        row = plan.locator("li", has_text="large.md").inner_text()
        assert labels["error_large"].format(limit="0.4") in row
        assert labels["error_kind"].partition("{")[0] in plan.locator("li", has_text="picture.gif").inner_text()
        tab.click("#dalil-cancel")
        tab.wait_for_selector("#dalil-plan li", state="detached")
        assert tab.locator("#dalil-add").is_hidden()


def test_files_are_dragged_onto_the_page(page):
    page.get_by_role("tab", name="المقالات").click()
    files = drag_files(page, {"pier.md": "# رصيف\n\nبُني رصيف الميناء سنة 1744.", "empty.md": ""})
    zone = page.locator("#dalil-files .dalil-drop")
    for event in ("dragenter", "dragover"):
        zone.dispatch_event(event, files)
    assert "dalil-over" in zone.get_attribute("class")
    zone.dispatch_event("drop", files)
    page.wait_for_selector("#dalil-plan [data-outcome=added]")
    assert "dalil-over" not in zone.get_attribute("class")
    assert page.locator("#dalil-plan li", has_text="empty.md").locator("[data-outcome=failed]").count() == 1
    # A second drop comes beside the first.
    zone.dispatch_event("drop", drag_files(page, {"more.txt": "يقول النص شيئًا آخر."}))
    page.wait_for_function("document.querySelectorAll('#dalil-plan [data-outcome=added]').length === 2")
    page.click("#dalil-cancel")


def make_folder(folder):
    """A folder with two articles, one of them deeper, and what systems hide in folders."""
    for name, text in {
        "pier.md": "# رصيف\n\nبُني رصيف الميناء سنة 1744.",
        "deeper/pier.md": "# بوابة\n\nبُنيت بوابة المدينة سنة 1755.",
        ".hidden/old.txt": "نص قديم.",
        "deeper/.DS_Store": "x",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return folder


@pytest.mark.parametrize("way", ["drop", "choose"])
def test_a_folder_is_added_with_all_that_is_in_it(site, page, tmp_path, way):
    page.get_by_role("tab", name="المقالات").click()
    folder = make_folder(tmp_path / "folder")
    page.wait_for_selector("#dalil-files .dalil-drop[data-ready]")
    if way == "choose":
        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name=load_labels("ar")["choose_folder"]).click()
        chooser.value.set_files(folder)
    else:
        box = page.locator("#dalil-files .dalil-drop").bounding_box()
        place = {"x": box["x"] + 50, "y": box["y"] + 20}
        carried = {"items": [], "files": [str(folder)], "dragOperationsMask": 1}
        session = page.context.new_cdp_session(page)
        for event in ("dragEnter", "dragOver", "drop"):
            session.send("Input.dispatchDragEvent", {"type": event, **place, "data": carried})
    page.wait_for_function("document.querySelectorAll('#dalil-plan [data-outcome=added]').length === 2")
    names = page.locator("#dalil-plan li > span:first-child").all_inner_texts()
    assert sorted(names) == ["folder/deeper/pier.md", "folder/pier.md"]
    # Both are articles, though they are named alike.
    page.click("#dalil-add")
    rows = page.locator(".dalil-articles tbody tr", has_text=re.compile("بوابة|رصيف"))
    rows.nth(1).wait_for()
    for article_id in rows.locator("input").evaluate_all("all => all.map(one => one.dataset.article)"):
        # Not by the page, which would remember it.
        httpx.delete(f"{site}/v1/articles/{quote(article_id, safe='')}").raise_for_status()


def test_a_file_that_cannot_be_sent_is_told_in_the_plan_and_by_nothing_in_another_language(page):
    page.get_by_role("tab", name="المقالات").click()
    page.wait_for_selector("#dalil-files .dalil-drop[data-ready]")
    page.route("**/gradio_api/upload*", lambda route: route.abort())
    page.set_input_files(
        "#dalil-files input[type=file]", [{"name": "a.md", "mimeType": "text/markdown", "buffer": b"#"}]
    )
    page.wait_for_selector("#dalil-plan [data-outcome=failed]")
    page.wait_for_timeout(500)  # for a notice that comes late
    assert not page.locator(".toast-body").first.is_visible()


def test_files_dropped_beside_the_zone_do_not_take_the_page_away(page):
    page.get_by_role("tab", name="المقالات").click()
    page.evaluate("addEventListener('drop', event => { window.kept = event.defaultPrevented; })")
    page.locator("#dalil-middle").dispatch_event("drop", drag_files(page, {"note.md": "نص"}))
    assert page.evaluate("window.kept")
    assert page.locator("#dalil-plan li").count() == 0


def test_each_removal_can_be_undone_and_a_citation_keeps_its_quote_meanwhile(english):
    labels, names = load_labels("en"), ("castle", "hejaz-railway")
    chip = ask(english, CASTLE).locator("button.dalil-chip").first
    english.get_by_role("tab", name=labels["articles"]).click()
    first, second = (f".dalil-articles [data-act=remove][data-article={name}]" for name in names)
    english.click(first)
    english.click(".dalil-note [data-act=undo]")
    english.wait_for_selector(first)
    # Both at once, as a hasty reader presses them.
    english.evaluate("all => all.forEach(one => document.querySelector(one).click())", [second, first])
    english.wait_for_function("own => document.querySelectorAll(own).length === 2", arg=OF_SITE)
    english.get_by_role("tab", name=labels["chat"]).click()
    chip.click()
    english.wait_for_selector("#dalil-evidence blockquote")
    evidence = english.locator("#dalil-evidence")
    assert evidence.locator("blockquote").inner_text() == chip.get_attribute("data-quote")
    assert labels["article_gone"] in evidence.inner_text()
    english.get_by_role("tab", name=labels["articles"]).click()
    for name in names:
        english.click(f".dalil-removed [data-act=undo][data-article={name}]")
        english.wait_for_selector(f".dalil-articles [data-act=remove][data-article={name}]")
    assert english.locator(OF_SITE).count() == 0


def test_what_one_tab_has_removed_is_told_to_another_and_undone_there_in_its_language(page, english):
    arabic, labels = load_labels("ar"), load_labels("en")
    row = ".dalil-articles [data-act={}][data-article=castle]"
    for tab, name in ((page, arabic["articles"]), (english, labels["articles"])):
        tab.get_by_role("tab", name=name).click()
        tab.wait_for_selector(row.format("remove"))
    page.click(row.format("remove"))
    page.wait_for_selector(".dalil-removed [data-act=undo]")
    # The other tab has not heard of it yet.
    english.click(row.format("rename"))
    english.fill("#dalil-dialog input", "Castle")
    english.click("#dalil-dialog [value=yes]")
    english.get_by_text(labels["change_gone"]).wait_for()
    english.click(".dalil-removed [data-act=undo][data-article=castle]")
    english.wait_for_selector(row.format("remove"))
    assert english.locator(OF_SITE).count() == 0


def shown_ids(tab) -> list[str]:
    return tab.locator(".dalil-articles tbody input").evaluate_all("all => all.map(one => one.dataset.article)")


@pytest.mark.parametrize("language", ["ar", "en"])
def test_the_list_is_sorted_by_its_columns(site, chromium, language):
    labels = load_labels(language)
    with open_tab(chromium, f"{site}/{language}/") as tab:
        tab.get_by_role("tab", name=labels["articles"]).click()
        tab.wait_for_selector(".dalil-articles")
        newest = shown_ids(tab)
        heading = tab.get_by_role("columnheader", name=labels["column_size"])
        heading.get_by_role("button").click()
        tab.wait_for_function("document.querySelector('.dalil-of-size[aria-sort=descending]')")
        sizes = tab.locator("td.dalil-of-size").all_inner_texts()
        assert sizes == sorted(sizes, key=lambda size: -int(size.replace(",", "")))
        largest = shown_ids(tab)
        heading.get_by_role("button").click()
        tab.wait_for_function("document.querySelector('.dalil-of-size[aria-sort=ascending]')")
        assert shown_ids(tab) == largest[::-1]
        assert sorted(newest) == sorted(largest)


@pytest.mark.parametrize("language", ["ar", "en"])
def test_several_articles_are_removed_at_once_and_put_back_at_once(site, chromium, language):
    labels, chosen = load_labels(language), ("castle", "hejaz-railway")
    with open_tab(chromium, f"{site}/{language}/") as tab:
        tab.get_by_role("tab", name=labels["articles"]).click()
        tab.wait_for_selector(".dalil-articles")
        before = shown_ids(tab)
        assert tab.locator(".dalil-selected").is_hidden()
        for name in chosen:
            tab.check(f".dalil-articles input[data-article={name}]")
        assert tab.locator(".dalil-selected [role=status]").inner_text() == labels["selected_count"].format(count=2)
        tab.get_by_role("button", name=labels["remove_selected"]).click()
        tab.wait_for_selector(".dalil-note [data-act=undo]")
        assert labels["removed_many"].format(count=2) in tab.locator("#dalil-found .dalil-note").inner_text()
        assert set(shown_ids(tab)) == set(before) - set(chosen)
        assert tab.locator(".dalil-selected").is_hidden()
        tab.click(".dalil-note [data-act=undo]")
        tab.wait_for_function(f"document.querySelectorAll('.dalil-articles tbody tr').length === {len(before)}")
        assert set(shown_ids(tab)) == set(before)


def test_selected_articles_alone_are_asked_about(page):
    page.get_by_role("tab", name="المقالات").click()
    for name in ("castle", "hejaz-railway"):
        page.check(f".dalil-articles input[data-article={name}]")
    page.click(".dalil-selected [data-act=about]")
    page.wait_for_function("document.querySelectorAll('#dalil-scope [data-act=drop_article]').length === 2")
    assert ask(page, CASTLE).locator(".dalil-chip[data-article=castle]").count() > 0
    assert ask(page, HYPERION).locator(".dalil-chip[data-article=meta-superclusters]").count() == 0


def test_on_a_phone_the_list_fits_and_is_sorted_by_a_choice(site, chromium):
    with open_tab(chromium, f"{site}/ar/", viewport={"width": 390, "height": 844}) as tab:
        tab.get_by_role("tab", name="المقالات").click()
        tab.wait_for_selector(".dalil-articles")
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        tab.select_option(".dalil-sorting select", "title")
        tab.wait_for_function("document.querySelector('.dalil-of-title[aria-sort=ascending]')")
        assert tab.input_value(".dalil-sorting select") == "title"


@pytest.mark.parametrize("language", ["ar", "en"])
def test_an_article_is_renamed_and_its_title_is_back(site, chromium, language):
    labels = load_labels(language)
    row = ".dalil-articles tr:has([data-article=castle])"
    with open_tab(chromium, f"{site}/{language}/") as tab:
        tab.get_by_role("tab", name=labels["articles"]).click()
        tab.wait_for_selector(row)
        former = tab.locator(f"{row} .dalil-of-title").inner_text().strip()
        for title in ("حصن <b>الشويخ</b> القديم", former):
            tab.locator(f"{row} [data-act=rename]").click()
            box = tab.locator("#dalil-dialog input")
            assert box.input_value() == tab.locator(f"{row} .dalil-of-title").inner_text().strip()
            assert box.get_attribute("maxlength") == "300"
            box.fill(title)
            tab.locator("#dalil-dialog [value=yes]").click()
            tab.wait_for_function(
                "told => document.querySelector('#dalil-found .dalil-note')?.innerText.includes(told)", arg=title
            )
            assert tab.locator(f"{row} .dalil-of-title").inner_text().strip() == title
            assert labels["renamed"].format(title=title) in tab.locator("#dalil-found .dalil-note").inner_text()
