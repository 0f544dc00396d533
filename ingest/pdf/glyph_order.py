"""The glyphs of a line, as they stand from left to right, in the order in which they are read."""

import re
import unicodedata
from collections.abc import Sequence
from itertools import groupby
from typing import Literal, NamedTuple

Kind = Literal["right", "left", "number", "arabic number", "neutral"]
_KINDS: dict[str, Kind] = {"R": "right", "AL": "right", "L": "left", "EN": "number", "AN": "arabic number"}
_SIGN = "-\u2212"
_PERCENT = "%٪‰"
_SEPARATORS = ".,/:٫٬"
"""Between digits they are part of a number, whichever way the line runs (UAX #9, W4)."""
_MIRRORED = str.maketrans("()[]{}«»<>‹›", ")(][}{»«><›‹")
_OPENING, _CLOSING = "([{", ")]}"
_BRACKETS = re.compile(r"[()\[\]{}«»‹›]")


class Cluster(NamedTuple):
    """A letter with its marks, or a sign, and how it takes part in the order of a line; `place` is where it stands
    among the letters of the line, -1 of a space."""

    text: str
    kind: Kind
    place: int = -1


def make_cluster(text: str, place: int = -1) -> Cluster:
    """A cluster of its text, whose first character that is no mark tells its kind."""
    strong = next((char for char in text if unicodedata.category(char) != "Mn"), " ")
    return Cluster(text, _KINDS.get(unicodedata.bidirectional(strong), "neutral"), place)


def read_order(clusters: Sequence[Cluster], is_rightwards: bool, mirrors: bool) -> str:
    """The text of a line; parameters as those of `order_clusters`."""
    return _join(order_clusters(clusters, is_rightwards, mirrors))


def order_clusters(clusters: Sequence[Cluster], is_rightwards: bool, mirrors: bool) -> list[Cluster]:
    """The clusters of a line as they are read.

    Parameters
    ----------
    clusters : sequence of Cluster
        From left to right.
    is_rightwards : bool
        Whether the line is read from left to right.
    mirrors : bool
        Whether brackets say how they look, so that those which are read from right to left say the opposite.
    """
    if is_rightwards:
        runs = (_order_leftwards(run, mirrors) if is_left else run for is_left, run in _left_runs(clusters))
        return [cluster for run in runs for cluster in run]
    return _order_leftwards(clusters, mirrors)


def _join(clusters: Sequence[Cluster]) -> str:
    return "".join(cluster.text for cluster in clusters)


def _left_runs(clusters: Sequence[Cluster]) -> list[tuple[bool, list[Cluster]]]:
    """The runs of a line that is read from left to right, and whether each is read from right to left: from an Arabic
    letter to the last one before a Latin letter."""
    marks = [cluster.kind in ("right", "arabic number") for cluster in clusters]
    inner = list(marks)
    last: int | None = None
    for at, cluster in enumerate(clusters):
        if cluster.kind == "left":
            last = None
        elif marks[at]:
            if last is not None:
                inner[last : at + 1] = [True] * (at + 1 - last)
            last = at
    return [
        (is_left, [one for _, one in run])
        for is_left, run in groupby(zip(inner, clusters, strict=True), key=lambda pair: pair[0])
    ]


def _order_leftwards(clusters: Sequence[Cluster], mirrors: bool) -> list[Cluster]:
    """Clusters that are read from right to left, Latin words and numbers in them from left to right."""
    levels = _find_levels(clusters)
    ordered: list[Cluster] = []
    end = len(clusters)
    while end:
        start = end - 1
        while start and levels[start] and levels[start - 1] == levels[end - 1]:
            start -= 1
        if levels[end - 1]:
            ordered += clusters[start:end]
        else:
            one = clusters[start]
            is_mirrored = mirrors and _BRACKETS.match(one.text)
            ordered.append(one._replace(text=one.text.translate(_MIRRORED)) if is_mirrored else one)
        end = start
    return ordered


def _find_levels(clusters: Sequence[Cluster]) -> list[int]:
    """For each cluster the number of the run of a Latin text or number that it is part of, 0 for none."""
    levels = [0] * len(clusters)
    at = run = 0
    while at < len(clusters):
        if clusters[at].kind not in ("left", "number", "arabic number"):
            at += 1
            continue
        run += 1
        end = _end_of_latin(clusters, at)
        end = end if end > at else _end_of_number(clusters, at)
        for place in range(at, end):
            levels[place] = run
        at = end
    return levels


def _end_of_latin(clusters: Sequence[Cluster], at: int) -> int:
    """Where the run of Latin words that begins at a cluster ends, with the numbers in and behind it; `at` where there
    is none."""
    end, place, has_letter = at, at, False
    while place < len(clusters) and clusters[place].kind in ("left", "number", "neutral"):
        has_letter = has_letter or clusters[place].kind == "left"
        if clusters[place].kind != "neutral":
            end = place + 1
        place += 1
    if not has_letter:
        return at
    inner = _join(clusters[at:end])
    closes = end < len(clusters) and any(
        clusters[end].text == closing and inner.count(opening) > inner.count(closing)
        for opening, closing in zip(_OPENING, _CLOSING, strict=True)
    )
    return end + closes


def _end_of_number(clusters: Sequence[Cluster], at: int) -> int:
    kind, place = clusters[at].kind, at + 1
    while place < len(clusters):
        is_inside = clusters[place].text in _SEPARATORS and place + 1 < len(clusters)
        if clusters[place].kind == kind or (is_inside and clusters[place + 1].kind == kind):
            place += 1
        elif clusters[place].text in _PERCENT:
            return place + 1
        else:
            break
    return place
