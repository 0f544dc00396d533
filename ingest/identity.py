"""Which article of the index each one is that a reader gives, so that none is replaced or doubled in silence.

An id is given once and kept: what tells an article is where it came from, and what it says. A file that is reached by
another folder, renamed, or moved with its folder is the article that it was; what comes from elsewhere is another one,
whatever it is called (docs/explanation/decisions.md).
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path, PurePosixPath

from ingest.known_files import FileEnd, FoundItem, KnownFile
from ingest.readers import UPLOAD_ORIGIN, DerivedId, ReadFailure, ReadResult, ReadWarning, clean_id, shorten_id
from rag.addresses import web_address
from rag.store import ArticleSummary
from rag.types import Article

_NUMBER = re.compile(r":[0-9]+\Z")
"""Of a line or an element of JSON, at the end of its id."""
_ESCAPED_BYTE = "\\x"
"""In the source of a file whose name is no Unicode, which cannot be looked for by it."""


class Identities:
    """The ids of an index, and those that are given while articles are read.

    Parameters
    ----------
    stored : mapping of str to ArticleSummary
        The articles of the index by id.
    """

    def __init__(self, stored: Mapping[str, ArticleSummary]) -> None:
        self._stored = stored
        self._id_by_key = {_key(article_id): article_id for article_id in stored}
        self._ids_by_place: dict[str, list[str]] = {}
        self._ids_by_revision: dict[str, list[str]] = {}
        for article_id, one in stored.items():
            self._ids_by_place.setdefault(_place(one.source), []).append(article_id)
            self._ids_by_revision.setdefault(one.revision, []).append(article_id)
        self._numbers_by_place: dict[str, Iterator[int]] = {}
        self._taken: dict[str, Article | ArticleSummary] = {}

    def resolve(self, found: Iterable[FoundItem]) -> Iterator[FoundItem]:
        """What a reader found, each article under the id that it has in the index.

        An article of a file that gave others before waits until the file is read when its content is new, since the
        lines behind it may be those that were there. One that cannot have its id becomes a failure.
        """
        source, waiting = "", list[Article]()
        for item in found:
            if not isinstance(item, Article):
                if isinstance(item, FileEnd | KnownFile):
                    yield from self._assign(waiting)
                    source, waiting = "", []
                yield from self._keep(item) if isinstance(item, KnownFile) else [item]
                continue
            if item.source != source:
                yield from self._assign(waiting)
                source, waiting = item.source, []
            same = self._find_same_content(item)
            if same is not None:
                yield self._take(item, same)
            elif isinstance(item.id, DerivedId) and self._ids_by_place.get(_place(item.source)):
                waiting.append(item)
            else:
                yield from self._assign([item])
        yield from self._assign(waiting)

    def _keep(self, file: KnownFile) -> Iterator[FoundItem]:
        """Have the articles of a known file go on having their ids; it is read where one of these was taken."""
        kept = {_key(one): self._stored[one] for one in file.ids}
        if kept.keys() & self._taken.keys():
            yield from self.resolve(file.read())
        else:
            self._taken |= kept
            yield file

    def _assign(self, articles: Iterable[Article]) -> Iterator[ReadResult]:
        for article in articles:
            yield from (
                self._assign_derived(article) if isinstance(article.id, DerivedId) else self._assign_given(article)
            )

    def _assign_given(self, article: Article) -> Iterator[ReadResult]:
        """An article whose writer gave it an id, which no other source may have."""
        article_id = self._id_by_key.get(_key(article.id), article.id)
        holder = self._find_holder(article_id)
        if holder is None or (_key(article_id) not in self._taken and self._is_same_article(article, holder, True)):
            yield from self._take_over(article, article_id)
        else:
            yield _refuse(article, holder)

    def _assign_derived(self, article: Article) -> Iterator[ReadResult]:
        """An article that is called by its source, and otherwise where another one is called so."""
        own = self._find_own(article)
        holder = self._find_holder(article.id)
        if own is not None:
            yield self._take(article, own)
        elif holder is None:
            yield self._take(article, shorten_id(unicodedata.normalize("NFC", article.id)))
        elif holder.revision == article.revision and _key(article.id) in self._taken:
            yield _tell_copy(article, holder)
        elif _key(article.id) not in self._taken and self._is_same_article(article, holder, False):
            yield from self._take_over(article, holder.id)
        else:
            others = _other_ids(article, holder)
            if _place(holder.source) == _place(article.source):
                others = self._unused_numbers(article)
            other = next((name for name in others if self._find_holder(name) is None), None)
            yield _refuse(article, holder) if other is None else self._take(article, other)

    def _find_holder(self, article_id: str) -> "Article | ArticleSummary | None":
        """Whoever has an id: of those read now, or of those stored; an id is the same in every Unicode form."""
        key = _key(article_id)
        return self._taken.get(key) or self._stored.get(self._id_by_key.get(key, ""))

    def _find_same_content(self, article: Article) -> str | None:
        """The stored article that an unnamed one is by its content: of its own source, or of one that is not there any
        more."""
        if not isinstance(article.id, DerivedId):
            return None
        equal = [one for one in self._ids_by_revision.get(article.revision, ()) if _key(one) not in self._taken]
        equal.sort(key=lambda one: _key(one) != _key(article.id))
        own = [one for one in equal if _place(self._stored[one].source) == _place(article.source)]
        return next(iter(own or (one for one in equal if _is_gone(self._stored[one].source))), None)

    def _find_own(self, article: Article) -> str | None:
        """The stored article of the same source, and of the same line of it, that no other one is."""
        own = [one for one in self._ids_by_place.get(_place(article.source), ()) if _key(one) not in self._taken]
        named = [one for one in own if _key(one) == _key(article.id)]
        return next(iter(named or (one for one in own if _number(one) == _number(article.id))), None)

    def _unused_numbers(self, article: Article) -> Iterator[str]:
        """What a new line may be called whose number another line of its file goes on having."""
        name, place = article.id.removesuffix(_number(article.id)), _place(article.source)
        numbers = self._numbers_by_place.setdefault(place, count(len(self._ids_by_place.get(place, ())) + 1))
        return (f"{name}:{number}" for number in numbers)

    def _is_same_article(self, article: Article, holder: "Article | ArticleSummary", is_given: bool) -> bool:
        """Whether one that has the id of a stored article is that article."""
        return (
            holder.revision == article.revision
            or _place(holder.source) == _place(article.source)
            or _has_moved(holder.source, article, is_given)
            or (is_given and all(web_address(one.source) is not None for one in (article, holder)))
        )

    def _take_over(self, article: Article, article_id: str) -> Iterator[ReadResult]:
        """The article under the id of another source's, and what is to be told of it."""
        holder = self._stored.get(article_id)
        yield self._take(article, article_id)
        if holder is None or _is_upload(article.source) or _place(holder.source) == _place(article.source):
            return
        if holder.revision != article.revision:
            reason = f"It takes the place of {article_id!r} from {_place(holder.source)}, which is not there any more."
            yield ReadWarning(_place(article.source), reason)
        elif not _is_upload(holder.source) and not _is_gone(holder.source):
            yield _tell_copy(article, holder)

    def _take(self, article: Article, article_id: str) -> Article:
        """The article under an id, which is then its own."""
        taken = replace(article, id=str(article_id), source=self._choose_source(article, article_id))
        self._taken[_key(article_id)] = taken
        return taken

    def _choose_source(self, article: Article, article_id: str) -> str:
        """Where an article is said to be from: its file as long as there is one, so that a sync of the file's folder
        knows it."""
        holder = self._stored.get(article_id)
        if holder is None or holder.source == article.source:
            return article.source
        is_upload_of_file = _is_upload(article.source) and not _is_upload(holder.source)
        if is_upload_of_file and (
            holder.revision == article.revision or _place(holder.source) == _place(article.source)
        ):
            return holder.source
        both_are_files = not _is_upload(article.source) and not _is_upload(holder.source)
        return holder.source if both_are_files and not _is_gone(holder.source) else article.source


def _other_ids(article: Article, holder: "Article | ArticleSummary") -> Iterator[str]:
    """What an article may be called whose name is another's, the best first: by the suffix of its file beside a file
    of the same folder, by the folders above it otherwise."""
    number = _number(article.id)
    name = article.id.removesuffix(number)
    path = PurePosixPath(_place(article.source))
    with_suffix = [f"{name}{path.suffix}{number}"] if path.suffix else []
    steps = path.with_suffix("").parts[path.is_absolute() :]
    above = ["/".join(steps[-length:]) for length in range(name.count("/") + 2, len(steps) + 1)]
    longer = [f"{tail}{suffix}{number}" for suffix in ("", path.suffix) for tail in above]
    is_beside = PurePosixPath(_place(holder.source)).parent == path.parent
    for one in with_suffix + longer if is_beside else longer + with_suffix:
        yield shorten_id(clean_id(unicodedata.normalize("NFC", one)))


def _refuse(article: Article, holder: "Article | ArticleSummary") -> ReadFailure:
    reason = f"Its id {holder.id!r} is already taken by {_place(holder.source)}. Give one of them another id."
    return ReadFailure(_place(article.source), reason)


def _tell_copy(article: Article, holder: "Article | ArticleSummary") -> ReadWarning:
    return ReadWarning(
        _place(article.source), f"It is {holder.id!r} from {_place(holder.source)} once more, and is kept once."
    )


def _has_moved(source: str, article: Article, is_given: bool) -> bool:
    """Whether what had an id comes from elsewhere now.

    A file that is gone from a folder that is there was removed or renamed; an id that is not a writer's own goes over
    to another content only where the whole folder is gone.
    """
    if _is_upload(source):
        # Of an earlier version, whose uploads were known by their names alone.
        return _is_upload(article.source) and (is_given or _place(source) == article.id)
    return _is_gone(source) and (is_given or _is_gone(str(PurePosixPath(source).parent)))


def _key(article_id: str) -> str:
    return unicodedata.normalize("NFC", article_id)


def _number(article_id: str) -> str:
    found = _NUMBER.search(article_id)
    return found[0] if found else ""


def _place(source: str) -> str:
    """Where an article is from: a file sent to a server and the same file read by it are one place."""
    return source.removeprefix(UPLOAD_ORIGIN)


def _is_upload(source: str) -> bool:
    return source.startswith(UPLOAD_ORIGIN)


def _is_gone(source: str) -> bool:
    """Whether there is no such file, which is not the case of one that cannot be looked at."""
    if _is_upload(source) or web_address(source) is not None:
        return False
    path = Path(source)
    if not path.is_absolute():
        return True
    if _ESCAPED_BYTE in source:
        return False
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False
