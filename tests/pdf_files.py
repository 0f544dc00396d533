"""Small PDF files for tests, written by hand: text at places, pages, encryption."""

import hashlib

_PADDING = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")
WIDTH, HEIGHT = 595, 842
_CHAR_WIDTH = 0.5
"""Of every character, in sizes of the font."""


def make_pdf(pages, names=None, password=None, labels=""):
    """A PDF.

    Parameters
    ----------
    pages : list of list of (x, y, size, text)
        What is drawn, in the order of drawing: the characters of each text from left to right from (x, y).
    names : dict, optional
        What the font says that a character is, where it says something else.
    password : str, optional
        Encrypts it (RC4, 40 bits).
    labels : str, optional
        What pages are called: the `/Nums` of the catalogue's `/PageLabels`.
    """
    chars = sorted({char for page in pages for *_, text in page for char in text})
    codes = {char: code for code, char in enumerate(chars, 1)}
    font = len(pages) * 2 + 3
    called = f"/PageLabels << /Nums [{labels}] >> " if labels else ""
    objects = {1: f"<< /Type /Catalog {called}/Pages 2 0 R >>".encode()}
    kids = " ".join(f"{3 + 2 * at} 0 R" for at in range(len(pages)))
    objects[2] = f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode()
    for at, page in enumerate(pages):
        box = f"/MediaBox [0 0 {WIDTH} {HEIGHT}]"
        resources = f"/Resources << /Font << /F {font} 0 R >> >>"
        objects[3 + 2 * at] = f"<< /Type /Page /Parent 2 0 R {box} {resources} /Contents {4 + 2 * at} 0 R >>".encode()
        objects[4 + 2 * at] = "\n".join(_draw(codes, *one) for one in page).encode()
    objects |= _font_objects(font, {codes[char]: (names or {}).get(char, char) for char in chars})
    return _join(objects, password)


def right_aligned(right, y, size, text):
    """A text in logical order as it is drawn so that it ends (begins, to its reader) at `right`."""
    return (right - len(text) * size * _CHAR_WIDTH, y, size, text[::-1])


def _draw(codes, x, y, size, text):
    shown = "".join(f"{codes[char]:04X}" for char in text)
    return f"BT /F {size} Tf 1 0 0 1 {x:.2f} {y:.2f} Tm <{shown}> Tj ET"


def _font_objects(number, names):
    pairs = "\n".join(f"<{code:04X}> <{name.encode('utf-16-be').hex()}>" for code, name in names.items())
    chars = f"{len(names)} beginbfchar\n{pairs}\nendbfchar"
    space = "1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange"
    cmap = f"/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n{space}\n{chars}\nendcmap\nend\nend"
    system = "/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >>"
    flags = "/Flags 4 /ItalicAngle 0 /Ascent 800 /Descent -200 /CapHeight 700 /StemV 80 /FontBBox [0 -200 500 800]"
    return {
        number: (
            f"<< /Type /Font /Subtype /Type0 /BaseFont /Own /Encoding /Identity-H "
            f"/DescendantFonts [{number + 1} 0 R] /ToUnicode {number + 3} 0 R >>"
        ).encode(),
        number + 1: (
            f"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Own {system} /DW {_CHAR_WIDTH * 1000:.0f} "
            f"/FontDescriptor {number + 2} 0 R >>"
        ).encode(),
        number + 2: f"<< /Type /FontDescriptor /FontName /Own {flags} >>".encode(),
        number + 3: cmap.encode(),
    }


def _join(objects, password):
    owner, key, identity = bytes(32), b"", b"0123456789abcdef"
    if password is not None:
        seed = (password.encode() + _PADDING)[:32] + owner + (0xFFFFFFFC).to_bytes(4, "little") + identity
        key = hashlib.md5(seed).digest()[:5]
    content, places = b"%PDF-1.4\n", {}
    for number, body in sorted(objects.items()):
        places[number] = len(content)
        if not body.startswith(b"<<"):
            if key:
                salted = key + number.to_bytes(3, "little") + bytes(2)
                body = _rc4(hashlib.md5(salted).digest()[:10], body)
            body = f"<< /Length {len(body)} >>\nstream\n".encode() + body + b"\nendstream"
        content += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    start, count = len(content), max(objects) + 1
    table = "".join(f"{places[number]:010d} 00000 n \n" for number in range(1, count))
    content += f"xref\n0 {count}\n0000000000 65535 f \n{table}".encode()
    locked = f"/ID [<{identity.hex()}> <{identity.hex()}>] /Encrypt << /Filter /Standard /V 1 /R 2 /P -4 "
    locked += f"/O <{owner.hex()}> /U <{_rc4(key, _PADDING).hex()}> >>" if key else ""
    trailer = f"trailer\n<< /Size {count} /Root 1 0 R {locked if key else ''} >>\nstartxref\n{start}\n%%EOF\n"
    return content + trailer.encode()


def _rc4(key, content):
    if not key:
        return content
    state, at = list(range(256)), 0
    for one in range(256):
        at = (at + state[one] + key[one % len(key)]) % 256
        state[one], state[at] = state[at], state[one]
    first = second = 0
    found = bytearray()
    for byte in content:
        first = (first + 1) % 256
        second = (second + state[first]) % 256
        state[first], state[second] = state[second], state[first]
        found.append(byte ^ state[(state[first] + state[second]) % 256])
    return bytes(found)
