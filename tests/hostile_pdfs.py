"""PDF files that mean harm: trees without end, references that lead nowhere or in circles, streams that swell."""

import zlib

_LINE = b"BT /F 12 Tf 72 700 Td (harmless words on this page) Tj ET"
_FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"


def join(objects, startxref=None):
    """A file of the bodies of its objects, by number; its first is the catalogue."""
    content, places = b"%PDF-1.7\n", {}
    for number, body in objects.items():
        places[number] = len(content)
        content += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(content) if startxref is None else startxref
    table = b"".join(
        b"%010d 00000 n \n" % places[number] if number in places else b"0000000000 65535 f \n"
        for number in range(max(objects) + 1)
    )
    size = max(objects) + 1
    return content + b"xref\n0 %d\n%strailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (
        size,
        table,
        size,
        start,
    )


def stream(data, extra=b""):
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(data), extra, data)


def pages(count, content=_LINE):
    """A file of many pages, which share their contents."""
    kids = b" ".join(b"%d 0 R" % (10 + at) for at in range(count))
    page = (
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F 4 0 R >> >> /Contents 5 0 R >>"
    )
    objects = {1: b"<< /Type /Catalog /Pages 2 0 R >>", 2: b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, count)}
    return join(objects | {4: _FONT, 5: stream(content)} | dict.fromkeys(range(10, 10 + count), page))


def looping_tree():
    tree = b"<< /Type /Pages /Kids [3 0 R] /Count 9 /Parent 3 0 R >>"
    return join({1: b"<< /Type /Catalog /Pages 2 0 R >>", 2: tree, 3: tree.replace(b"3 0 R", b"2 0 R")})


def deep_tree(depth=20_000):
    objects = {1: b"<< /Type /Catalog /Pages 2 0 R >>"}
    for number in range(2, depth):
        objects[number] = b"<< /Type /Pages /Kids [%d 0 R] /Count 1 >>" % (number + 1)
    return join(objects | {depth: b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>"})


def deep_arrays(depth=200_000):
    return join(
        {
            1: b"<< /Type /Catalog /Pages 2 0 R /Deep %s%s >>" % (b"[" * depth, b"]" * depth),
            2: b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            3: b"<< /Type /Page /Parent 2 0 R >>",
        }
    )


def swelling_stream(size=2_000_000_000):
    """A few kilobytes that unpack to gigabytes."""
    once = zlib.compressobj(9)
    block, data = b" " * 10_000_000, b""
    for _ in range(size // len(block)):
        data += once.compress(block)
    packed = zlib.compress(data + once.flush(), 9)
    return _one_page(stream(packed, b"/Filter [/FlateDecode /FlateDecode]"))


def looping_form():
    form = stream(b"/X Do", b"/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X 6 0 R >> >>")
    return _one_page(stream(b"/X Do " * 1000), {6: form}, b"/XObject << /X 6 0 R >>")


def forms_of_forms(depth=12, times=10):
    """Each form draws the next many times over."""
    forms = {}
    for at in range(depth):
        resources = b"/Resources << /XObject << /X %d 0 R >> /Font << /F 4 0 R >> >>" % (7 + at)
        drawn = b"/X Do " * times if at < depth - 1 else _LINE
        forms[6 + at] = stream(drawn, b"/Type /XObject /Subtype /Form /BBox [0 0 595 842] " + resources)
    return _one_page(stream(b"/X Do"), forms, b"/XObject << /X 6 0 R >>")


def looping_xref():
    content = pages(1)
    start = content.rindex(b"xref\n0")
    return content.replace(b"/Root 1 0 R", b"/Root 1 0 R /Prev %d" % start)


def broken_xref():
    return join(
        {1: b"<< /Type /Catalog /Pages 2 0 R >>", 2: b"<< /Type /Pages /Kids [] /Count 0 >>"}, startxref=99_999_999
    )


def much_text(chars=30_000_000):
    return _one_page(
        stream(zlib.compress(b"BT /F 1 Tf " + b"(aaaaaaaaaa) Tj " * (chars // 10) + b"ET"), b"/Filter /FlateDecode")
    )


def cut_off():
    whole = pages(50)
    return whole[: len(whole) // 2]


def _one_page(content, others=None, resources=b""):
    resources = b"/Resources << /Font << /F 4 0 R >> %s >>" % resources
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] %s /Contents 5 0 R >>" % resources
    objects = {1: b"<< /Type /Catalog /Pages 2 0 R >>", 2: b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"}
    return join(objects | {3: page, 4: _FONT, 5: content} | (others or {}))


HOSTILE = {
    "10,000 pages": lambda: pages(10_000),
    "a page tree that loops": looping_tree,
    "a page tree 20,000 deep": deep_tree,
    "arrays 200,000 deep": deep_arrays,
    "a stream that unpacks to 2 GB": swelling_stream,
    "a form that draws itself": looping_form,
    "forms that draw forms": forms_of_forms,
    "tables of places that loop": looping_xref,
    "a table of places that is elsewhere": broken_xref,
    "30 million letters on a page": much_text,
    "half a file": cut_off,
}
