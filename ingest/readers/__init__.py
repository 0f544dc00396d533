"""Files into articles: Markdown with front matter, plain text, and JSON lines."""

import codecs
import io
import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Any

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from rag.errors import InputError, ReadError
from rag.language.text import language
from rag.types import Article, Language

SUFFIXES = (".md", ".markdown", ".txt", ".jsonl")
UPLOADED = "upload:"
"""How the source of an article begins that came over HTTP and not from a file."""
_LONGEST_TITLE = 300
_ESCAPED_CHAR, _OTHER_FIELDS = 12, 100_000
"""Bytes of one character in JSON at most (a surrogate pair, escaped), and room for the other fields of a line."""
_NO_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")

_Text = Annotated[str, BeforeValidator(lambda value: value.isoformat() if isinstance(value, date) else value)]


class _Fields(BaseModel):
    """What a writer may say of an article, in front matter or in a JSON line. Other keys are the writer's own."""

    model_config = ConfigDict(extra="ignore", str_strip_whitespace=True, coerce_numbers_to_str=True)

    id: str | None = Field(default=None, min_length=1, max_length=200)
    title: str | None = Field(default=None, max_length=_LONGEST_TITLE)
    language: Language | None = None
    url: str | None = Field(default=None, max_length=2000)
    date: _Text | None = None
    topic: str | None = Field(default=None, max_length=200)


class _Line(_Fields):
    text: Annotated[str, Field(strict=True)]


@dataclass(frozen=True, slots=True)
class Failure:
    """A file, or a line of one, that could not become an article, and why."""

    path: str
    reason: str


def files(paths: Sequence[Path]) -> list[tuple[Path, Path]]:
    """Every readable file under `paths` with the folder its id counts from, in order of name.

    Raises InputError when a path does not exist or none holds a file of a known kind.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        if not path.exists():
            raise InputError(f"{path} does not exist.")
        if path.is_file():
            found.setdefault(path, path.parent)
        for file in _below(path) if path.is_dir() else ():
            found.setdefault(file, path)
    if not found:
        kinds = ", ".join(f"*{suffix}" for suffix in SUFFIXES)
        raise InputError(
            f"{' '.join(map(str, paths))}: there is nothing to read here (Dalil reads {kinds}). Nothing was changed."
        )
    return list(found.items())


def read(file: Path, root: Path, longest: int) -> Iterator[Article | Failure]:
    """The articles of one file, each a success or a failure of its own."""
    try:
        if file.suffix.lower() == ".jsonl":
            yield from _read_lines(file, root, longest)
            return
        if file.suffix.lower() not in SUFFIXES:
            raise ReadError(
                f"Dalil does not read {file.suffix or 'files without a suffix'}; it reads {', '.join(SUFFIXES)}."
            )
        markdown = file.suffix.lower() != ".txt"
        yield _of_text(_bytes(file, longest), markdown, _source(file), name_of(file, root), longest)
    except ReadError as error:
        yield Failure(_spelled(file), str(error))
    except OSError as error:
        yield Failure(_spelled(file), f"It cannot be read: {error.strerror}.")


def read_upload(content: bytes, kind: str, name: str, longest: int) -> list[Article | Failure]:
    """The articles of an upload of `kind` md, txt or jsonl; one without an id of its own is called `name`."""
    source = f"{UPLOADED}{name}"
    found: list[Article | Failure] = []
    lines = _objects(content) if kind == "jsonl" else [content]
    for number, line in enumerate(lines, 1):
        named = name if len(lines) == 1 else f"{name}:{number}"
        try:
            if kind == "jsonl":
                found.append(_article_of_line(line, source, named, longest))
            else:
                found.append(_of_text(line, kind == "md", source, named, longest))
        except ReadError as error:
            found.append(Failure(named, str(error)))
    return found


def _objects(content: bytes) -> list[bytes]:
    """The lines of JSON lines; one JSON object may also stand on several lines."""
    try:
        whole = isinstance(json.loads(content), dict)
    except (ValueError, RecursionError):
        whole = False
    return [content] if whole else [line for line in content.splitlines() if line.strip()] or [content]


def _of_text(content: bytes, markdown: bool, source: str, name: str, longest: int) -> Article:
    text = _decoded(content)
    if not markdown:
        return _article(_Fields(), text, source, name, longest)
    fields, body = _front_matter(text)
    heading, text = _markdown_text(body)
    return _article(fields, text, source, name, longest, heading)


def _read_lines(file: Path, root: Path, longest: int) -> Iterator[Article | Failure]:
    empty = True
    limit = _ESCAPED_CHAR * longest + _OTHER_FIELDS
    for number, line in enumerate(_lines(file, limit), 1):
        if not line.strip():
            continue
        empty = False
        try:
            if len(line) >= limit:
                raise ReadError(f"The line is too long for one article of at most {longest:,} characters.")
            yield _article_of_line(line, _source(file), f"{name_of(file, root)}:{number}", longest)
        except ReadError as error:
            yield Failure(f"{_spelled(file)}:{number}", str(error))
    if empty:
        raise ReadError("It is empty.")


def _lines(file: Path, limit: int) -> Iterator[bytes]:
    """The lines of `file` in UTF-8, each cut at `limit`, so that no line is held in memory whole because it is huge."""
    with file.open("rb") as source:
        wide = source.peek(2)[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        text = io.TextIOWrapper(source, "utf-16", "replace", newline="\n") if wide else None
        parts = iter(lambda: text.readline(limit).encode() if text else source.readline(limit), b"")
        for line in parts:
            yield line
            while line and not line.endswith(b"\n"):
                line = next(parts, b"")


def _article_of_line(line: bytes, source: str, name: str, longest: int) -> Article:
    try:
        fields = _Line.model_validate(json.loads(_decoded(line)))
    except json.JSONDecodeError as error:
        raise ReadError(f"The line is not JSON: {error.msg} at character {error.pos + 1}.") from None
    except ValidationError as error:
        raise ReadError(_explained(error)) from None
    except (RecursionError, ValueError):
        raise ReadError(
            "The line is not JSON that anyone wrote: it is nested too deeply or holds an endless number."
        ) from None
    return _article(fields, fields.text, source, name, longest)


def _bytes(file: Path, longest: int) -> bytes:
    # Four bytes is the longest character of UTF-8: a larger file is too long whatever it holds.
    if file.stat().st_size > 4 * longest:
        size = file.stat().st_size / 1e6
        raise ReadError(
            f"It is too large ({size:.0f} MB) for one article of at most {longest:,} characters "
            "(DALIL_MAX_ARTICLE_CHARS). Cut it into articles, for instance as JSON lines."
        )
    return file.read_bytes()


def _decoded(content: bytes) -> str:
    if not content.strip():
        raise ReadError("It is empty.")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return content.decode("utf-16")
        except UnicodeDecodeError:
            raise ReadError("It begins like UTF-16 but is not. Save it as UTF-8.") from None
    if b"\0" in content:
        raise ReadError("It is not text: it holds NUL bytes.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        guess = _likely_arabic(content)
        raise ReadError(f"It is not UTF-8 (byte {error.start + 1}){guess}. Save it as UTF-8.") from None


def _likely_arabic(content: bytes) -> str:
    """Names the legacy Arabic encoding the bytes look like, since the writer can then convert them."""
    decoded = content.decode("cp1256", "replace")
    letters = [char for char in decoded if char.isalpha()]
    arabic = sum("\u0600" <= char <= "\u06ff" for char in letters)
    return "; it looks like Windows-1256" if letters and arabic > 0.6 * len(letters) else ""


def _front_matter(content: str) -> tuple[_Fields, str]:
    lines = content.splitlines(keepends=True)
    if not lines or lines[0].strip() != "---":
        return _Fields(), content
    for at, line in enumerate(lines[1:], 1):
        if line.strip() in ("---", "..."):
            return _parsed("".join(lines[1:at])), "".join(lines[at + 1 :])
    raise ReadError("The front matter is not closed: a line of three hyphens is missing.")


def _parsed(block: str) -> _Fields:
    try:
        values = yaml.safe_load(block) or {}
    except (yaml.YAMLError, ValueError, RecursionError, AttributeError, KeyError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        where = "" if line is None else f" in line {line + 2}"
        raise ReadError(f"The front matter is not YAML{where}. Put values with a colon into quotes.") from None
    if not isinstance(values, dict):
        raise ReadError("The front matter is not a list of `name: value` lines.")
    try:
        return _Fields.model_validate(values)
    except ValidationError as error:
        raise ReadError(_explained(error)) from None


def _explained(error: ValidationError) -> str:
    problem = error.errors()[0]
    name = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "missing":
        return f"It lacks {name!r}."
    return f"{name or 'It'}: {problem['msg']}."


def _markdown_text(body: str) -> tuple[str | None, str]:
    """The words of a Markdown body, one block a line, and its first heading of level one.

    Readers see words, not marks, and a hard-wrapped paragraph is one line again, so that its line ends are not
    taken for ends of sentences.
    """
    # The parser drops what lies deeper than its limit (20 unless told); deep lists are real, endless ones are not.
    tokens = MarkdownIt("commonmark", {"html": False, "maxNesting": 100}).parse(body)
    blocks: list[str] = []
    heading: str | None = None
    marker = ""
    for at, token in enumerate(tokens):
        if token.type == "list_item_open":
            marker = f"{token.info}. " if token.info else "• "
        elif token.type == "inline":
            text = marker + _inline_text(token)
            marker = ""
            if tokens[at - 1].tag == "h1" and heading is None and not blocks:
                heading = text
            else:
                blocks.append(text)
        elif token.type in ("fence", "code_block"):
            blocks.append(token.content.rstrip())
    return heading, "\n\n".join(blocks)


def _inline_text(token: Token) -> str:
    parts = []
    for child in token.children or ():
        if child.type in ("text", "code_inline", "image"):
            parts.append(child.content)
        elif child.type == "softbreak":
            parts.append(" ")
        elif child.type == "hardbreak":
            parts.append("\n")
    return "".join(parts).strip()


def _article(
    fields: _Fields, content: str, source: str, name: str, longest: int, heading: str | None = None
) -> Article:
    text = _clean(content).strip()
    if not any(char.isalnum() for char in text):
        raise ReadError("It holds no words.")
    if len(text) > longest:
        raise ReadError(f"It is too long: {len(text):,} characters, at most {longest:,} (DALIL_MAX_ARTICLE_CHARS).")
    title = _clean(fields.title or heading or "").strip() or _first_line(text)
    kept: dict[str, Any] = {
        "title": title,
        "text": text,
        "language": fields.language or language(text),
        "url": fields.url,
        "date": fields.date,
        "topic": fields.topic,
    }
    revision = blake2b(json.dumps(kept, ensure_ascii=False, sort_keys=True).encode(), digest_size=12).hexdigest()
    return Article(id=_clean(fields.id or name), revision=revision, source=source, **kept)


def _clean(text: str) -> str:
    """Line ends as \\n; what cannot be stored or shown (control characters, halves of surrogate pairs) replaced."""
    return _NO_TEXT.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n"))


def _first_line(text: str) -> str:
    line = text.partition("\n")[0].strip()
    return line if len(line) <= 100 else line[:100].rsplit(" ", 1)[0] + "…"


def _source(file: Path) -> str:
    return _spelled(file.resolve())


def name_of(file: Path, root: Path) -> str:
    """The id of a file's article: its path under `root` without the suffix."""
    return _spelled(file.relative_to(root).with_suffix(""))


def _spelled(path: Path) -> str:
    """The path as text that can be stored and shown, also where its name is no Unicode."""
    return os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")


def _below(folder: Path) -> list[Path]:
    """Readable files under `folder`, hidden ones left out, in order of name; a folder that cannot be entered is an
    error, since its articles would otherwise look removed."""
    found = []
    for place, names, files_here in os.walk(folder, onerror=_cannot_enter):
        names[:] = [name for name in names if not name.startswith(".")]
        paths = (Path(place, name) for name in files_here if not name.startswith("."))
        found += [path for path in paths if path.suffix.lower() in SUFFIXES and path.is_file()]
    return sorted(found)


def _cannot_enter(error: OSError) -> None:
    raise InputError(f"The folder {error.filename} cannot be entered ({error.strerror}). Nothing was changed.")
