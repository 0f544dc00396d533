"""Documents that are no text: each made here by the library of its format, or as its program writes it."""

import io
import zipfile
from email.message import EmailMessage

import pytest
from openpyxl import Workbook
from pptx import Presentation
from pptx.util import Inches

from ingest.readers import ReadFailure, format_of_file, read_file, read_upload
from rag.types import Article

MAX_CHARS = 100_000
WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
SHEET = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def read_all(folder, name, content):
    file = folder / name
    file.write_bytes(content)
    return list(read_file(file, folder, MAX_CHARS))


def read_one(folder, name, content):
    one, *_ = read_all(folder, name, content)
    assert isinstance(one, Article), one
    return one


def reason_of(folder, name, content):
    (one,) = read_all(folder, name, content)
    assert isinstance(one, ReadFailure), one
    return one.reason


def pack(parts):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return packed.getvalue()


def repack(content, **changed):
    """An archive with other parts."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    return pack(parts | changed["parts"])


def save(document):
    content = io.BytesIO()
    document.save(content)
    return content.getvalue()


def word(body, **parts):
    """A Word document with this body, as XML."""
    targets = {"document": "officeDocument"}
    inner = {name: f"{RELATIONS}/{name}" for name in ("footnotes", "header")}
    relations = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{}</Relationships>'
    one = '<Relationship Id="r{}" Type="{}" Target="{}"/>'
    return pack(
        {
            "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
            "_rels/.rels": relations.format(one.format(1, f"{RELATIONS}/{targets['document']}", "word/document.xml")),
            "word/_rels/document.xml.rels": relations.format(
                "".join(one.format(name, kind, f"{name}.xml") for name, kind in inner.items() if name in parts)
            ),
            "word/document.xml": f"<w:document {WORD}><w:body>{body}</w:body></w:document>",
            **{f"word/{name}.xml": content for name, content in parts.items()},
        }
    )


def paragraph(text, style=""):
    style = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{style}<w:r><w:t>{text}</w:t></w:r></w:p>"


def workbook(rows):
    book = Workbook()
    book.active.title = "الميزانية"
    for row in rows:
        book.active.append(row)
    return book


def book(chapters, **parts):
    """An EPUB book; chapters by their names."""
    items = "".join(
        f'<item id="c{at}" href="c%20{at}.xhtml" media-type="application/xhtml+xml"/>' for at in range(len(chapters))
    )
    spine = "".join(f'<itemref idref="c{at}"/>' for at in range(len(chapters)))
    return pack(
        {
            "META-INF/container.xml": '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
            '<rootfile full-path="OPS/content.opf"/></rootfiles></container>',
            "OPS/content.opf": '<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/">'
            "<metadata><dc:title>كتاب البحر</dc:title><dc:date>2020-05-01</dc:date></metadata><manifest>"
            f'<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>{items}</manifest>'
            f'<spine><itemref idref="nav"/>{spine}</spine></package>',
            "OPS/nav.xhtml": "<html><body><nav><a>جدول المحتويات</a></nav></body></html>",
            **{f"OPS/c {at}.xhtml": content for at, content in enumerate(chapters)},
            **parts,
        }
    )


# Word


def test_a_word_document_gives_its_words_without_what_was_deleted(tmp_path):
    table = "<w:tbl><w:tr>{}</w:tr><w:tr>{}</w:tr></w:tbl>".format(
        *("".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in row) for row in (("السنة", "العدد"), ("٢٠٢٤", "-5")))
    )
    changes = (
        '<w:p><w:r><w:t xml:space="preserve">بقي </w:t></w:r><w:ins><w:r><w:t>وزيد</w:t></w:r></w:ins>'
        '<w:del><w:r><w:delText>وحذف</w:delText></w:r></w:del><w:r><w:footnoteReference w:id="2"/></w:r></w:p>'
    )
    notes = f'<w:footnotes {WORD}><w:footnote w:id="2">{paragraph("نص الحاشية")}</w:footnote></w:footnotes>'
    header = f"<w:hdr {WORD}>{paragraph('رأس الصفحة')}</w:hdr>"
    content = word(paragraph("العنوان", "Heading1") + changes + table, footnotes=notes, header=header)
    one = read_one(tmp_path, "a.docx", content)
    assert one.title == "العنوان"
    assert one.text == "بقي وزيد[1]\n\nالسنة | العدد\n٢٠٢٤ | -5\n1. نص الحاشية"


def test_the_words_of_a_text_box_are_kept(tmp_path):
    box = (
        '<w:p><w:r><w:pict xmlns:v="urn:schemas-microsoft-com:vml"><v:shape><v:textbox><w:txbxContent>'
        f"{paragraph('في المربع')}</w:txbxContent></v:textbox></v:shape></w:pict></w:r></w:p>"
    )
    assert read_one(tmp_path, "a.docx", word(paragraph("نص") + box)).text == "نص\n\nفي المربع"


# PowerPoint


def test_each_slide_is_named_above_its_words(tmp_path):
    deck = Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text = "الإيرادات"
    slide.placeholders[1].text = "زادت\nثم نقصت"
    table = slide.shapes.add_table(1, 2, 0, 0, Inches(1), Inches(1)).table
    table.cell(0, 0).text, table.cell(0, 1).text = "٢٠٢٤", "١٣٧٫٨"
    slide.notes_slide.notes_text_frame.text = "قل هذا"
    deck.slides.add_slide(deck.slide_layouts[5]).shapes.title.text = "شكرًا"
    one = read_one(tmp_path, "a.pptx", save(deck))
    assert one.title == "الإيرادات"
    first, second = "الشريحة 1: الإيرادات\n\nزادت\nثم نقصت\n٢٠٢٤ | ١٣٧٫٨\n\nملاحظات: قل هذا", "الشريحة 2: شكرًا\n\nشكرًا"
    assert one.text == f"{first}\n\n{second}"


def test_an_english_slide_is_named_in_english(tmp_path):
    deck = Presentation()
    deck.slides.add_slide(deck.slide_layouts[5]).shapes.title.text = "The revenue of the year"
    assert read_one(tmp_path, "a.pptx", save(deck)).text.startswith("Slide 1: The revenue")


def test_slides_without_words_are_a_failure(tmp_path):
    assert reason_of(tmp_path, "a.pptx", save(Presentation())) == "It holds no words."


# Excel and CSV


def test_a_sheet_is_named_above_its_rows_and_numbers_are_as_it_shows_them(tmp_path):
    sheets = workbook(
        [["البند", "٢٠٢٤"], [None, None], ["نسبة", 0.125], ["جمع", 0.1 + 0.2], ["كبير", 1e21], ["صيغة", "=B4+1"]]
    )
    sheets.active["B3"].number_format = "0.0%"
    sheets.create_sheet("فارغة")
    one = read_one(tmp_path, "الحساب.xlsx", save(sheets))
    assert (one.title, one.text.split("\n")) == (
        "الحساب",
        ["الميزانية", "", "البند | ٢٠٢٤", "نسبة | 12.5%", "جمع | 0.3", "كبير | 1000000000000000000000", "صيغة | =B4+1"],
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1256", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_as_text_is_read_in_its_encoding_and_by_its_delimiter(tmp_path, encoding, delimiter):
    rows = [["المدينة", "عدد السكان في العام"], ["مكة", "2"], ['"جدة\nالبحر"', "3"]]
    content = "\r\n".join(delimiter.join(row) for row in rows).encode(encoding)
    assert read_one(tmp_path, "a.csv", content).text == "المدينة | عدد السكان في العام\nمكة | 2\nجدة البحر | 3"


# EPUB and e-mail


def test_chapters_come_in_order_each_under_its_name(tmp_path):
    chapters = [
        "<html><head><title>الأول</title></head><body><p>نص أول.</p></body></html>",
        "<html><head><title/></head><body><h2>الثاني</h2><p>نص ثان.</p></body></html>",
    ]
    one = read_one(tmp_path, "a.epub", book(chapters))
    assert (one.title, one.date) == ("كتاب البحر", "2020-05-01")
    assert one.text == "الأول\n\nنص أول.\n\nالثاني\n\nنص ثان."


def test_a_protected_book_is_a_failure(tmp_path):
    encrypted = '<encryption><EncryptedData><CipherReference URI="OPS/c 0.xhtml"/></EncryptedData></encryption>'
    content = book(["<p>x</p>"], **{"META-INF/encryption.xml": encrypted})
    assert "DRM" in reason_of(tmp_path, "a.epub", content)


def test_a_message_gives_subject_date_sender_words_and_the_names_of_attachments(tmp_path):
    message = EmailMessage()
    message["Subject"], message["From"], message["Date"] = (
        "التقرير",
        "نادية <n@example.org>",
        "Sun, 16 Mar 2025 08:00:00 +0300",
    )
    message.set_content("السلام عليكم.")
    message.add_alternative("<p>غير هذا</p>", subtype="html")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="تقرير.pdf")
    one = read_one(tmp_path, "a.eml", bytes(message))
    assert (one.title, one.date) == ("التقرير", "2025-03-16")
    assert one.text == "من: نادية <n@example.org>\n\nالسلام عليكم.\n\nمرفق: تقرير.pdf"


@pytest.mark.parametrize("charset", ["windows-1256", "nonsense", "us-ascii"])
def test_a_message_is_read_in_the_encoding_that_it_is_in(tmp_path, charset):
    head = f"Subject: x\nContent-Type: text/html; charset={charset}\n\n".encode()
    assert (
        read_one(tmp_path, "a.eml", head + "<p>نص من الرسالة في الصباح</p>".encode("cp1256")).text
        == "نص من الرسالة في الصباح"
    )


# What is damaged, or made to harm

BOMB = b"<a>" + b" " * 30_000_000
ENTITIES = "".join(f'<!ENTITY e{at + 1} "{f"&e{at};" * 10}">' for at in range(9))
LAUGHS = f'<!DOCTYPE x [<!ENTITY e0 "ha">{ENTITIES}]><{{0}} {{1}}>&e9;</{{0}}>'
GOOD = {
    "docx": word(paragraph("نص")),
    "pptx": save(Presentation()),
    "xlsx": save(workbook([["نص"]])),
    "epub": book(["<p>نص</p>"]),
}
MAIN_PART = {
    "docx": "word/document.xml",
    "pptx": "ppt/presentation.xml",
    "xlsx": "xl/worksheets/sheet1.xml",
    "epub": "OPS/content.opf",
}


@pytest.mark.parametrize("kind", GOOD)
def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, kind):
    content = repack(GOOD[kind], parts={MAIN_PART[kind]: BOMB})
    assert "unpacks to too much (30 MB" in reason_of(tmp_path, f"a.{kind}", content)


def test_a_bomb_that_hides_in_its_own_sizes_is_refused(tmp_path):
    content = bytearray(repack(GOOD["docx"], parts={MAIN_PART["docx"]: BOMB}))
    at = content.rindex(b"PK\x01\x02", 0, content.rindex(b"word/document.xml"))
    content[at + 20 : at + 24] = (29_000_000).to_bytes(4, "little")  # as if it were packed no smaller
    assert "unpacks to too much" in reason_of(tmp_path, "a.docx", bytes(content))


@pytest.mark.parametrize("kind", GOOD)
def test_entities_that_grow_are_a_failure(tmp_path, kind):
    laughs = LAUGHS.format(*{"docx": ("w:document", WORD), "xlsx": ("worksheet", SHEET)}.get(kind, ("package", "")))
    assert "cannot be read" in reason_of(tmp_path, f"a.{kind}", repack(GOOD[kind], parts={MAIN_PART[kind]: laughs}))


@pytest.mark.parametrize("kind", GOOD)
@pytest.mark.parametrize(
    "content", [b"", b"text", b"PK\x03\x04", pack({"a": "b"})], ids=["empty", "text", "cut", "other"]
)
def test_what_is_no_such_document_is_a_failure(tmp_path, kind, content):
    assert "cannot be read" in reason_of(tmp_path, f"a.{kind}", content)


@pytest.mark.parametrize("kind", ["docx", "pptx", "xlsx"])
def test_a_password_is_named_and_told_from_an_old_format(tmp_path, kind):
    old = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
    assert "before 2007" in reason_of(tmp_path, f"a.{kind}", old)
    assert "password" in reason_of(tmp_path, f"a.{kind}", old + "EncryptedPackage".encode("utf-16-le"))


@pytest.mark.parametrize(("suffix", "new"), [(".XLS", ".xlsx"), (".ppt", ".pptx")])
def test_a_file_of_old_office_is_named_with_what_to_save_it_as(tmp_path, suffix, new):
    (tmp_path / f"a{suffix}").write_bytes(b"\xd0\xcf\x11\xe0")
    (failure,) = read_file(tmp_path / f"a{suffix}", tmp_path, 1_000)
    assert f"Save it as {new}:" in failure.reason


def test_elements_nested_without_end_are_a_failure(tmp_path):
    nested = "<w:sdt><w:sdtContent>" * 2000 + "</w:sdtContent></w:sdt>" * 2000
    deep = f"<w:document {WORD}><w:body>{nested}</w:body></w:document>"
    assert "cannot be read" in reason_of(tmp_path, "a.docx", repack(GOOD["docx"], parts={MAIN_PART["docx"]: deep}))


def test_a_row_without_end_is_a_failure(tmp_path):
    row = "9" * 12
    sheet = f'<worksheet {SHEET}><sheetData><row r="{row}"><c r="A{row}"><v>1</v></c></row></sheetData></worksheet>'
    assert "too much" in reason_of(tmp_path, "a.xlsx", repack(GOOD["xlsx"], parts={MAIN_PART["xlsx"]: sheet}))


def test_a_message_in_messages_without_end_and_what_is_none_are_failures(tmp_path):
    deep = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (at, at) for at in range(2000))
    assert isinstance(read_all(tmp_path, "a.eml", b"From: a\n" + deep)[0], ReadFailure)
    assert "no e-mail" in reason_of(tmp_path, "b.eml", b"hello")


@pytest.mark.parametrize("kind", GOOD)
def test_an_upload_of_bytes_is_read_as_a_file_is(tmp_path, kind):
    known = format_of_file(tmp_path / f"a.{kind}")
    (one,) = read_upload(GOOD[kind], known, "name", MAX_CHARS)
    (same,) = read_all(tmp_path, f"a.{kind}", GOOD[kind])
    assert getattr(one, "text", None) == getattr(same, "text", None)


@pytest.mark.parametrize("attribute", ['a{}="x"', "a{}", "a{}=x", "a{}='>'"])
def test_a_page_with_endless_attributes_is_a_failure(tmp_path, attribute):
    attributes, words = " ".join(attribute.format(number) for number in range(50_000)), "النحلة تصنع العسل. " * 20
    reason = reason_of(tmp_path, "a.html", f"<html><body><p {attributes}>{words}</p></body></html>".encode())
    assert "too many attributes" in reason


def test_a_script_that_compares_a_thousand_times_is_no_element_with_attributes(tmp_path):
    words = "النحلة تصنع العسل. " * 20
    script = "<script>" + "if (a <b && c) { d = 1; } " * 500 + "</script>"
    page = f"<html><head>{script}</head><body><!-- {script} --><p {'a=1 ' * 900}>{words}</p></body></html>"
    assert read_one(tmp_path, "a.html", page.encode()).text == words.strip()
