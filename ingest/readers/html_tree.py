"""Walks over the tree of a page, each in time that grows as the page does.

The parser's own lists of nodes are not used: to step through one takes time that grows with the square of its length
(2,000 cells of a row take a minute).
"""

from collections.abc import Iterator
from typing import Any

from resiliparse.parse.html import DOMNode, ElementNode, NodeType, traverse_dom


def find_elements(root: ElementNode, *tags: str) -> list[ElementNode]:
    """The elements of these tags below `root`, in order of the document."""
    found: list[ElementNode] = []

    def collect(context: Any) -> None:
        if context.depth and context.node.tag in tags:
            found.append(context.node)

    traverse_dom(root, collect, elements_only=True)
    return found


def find_outermost(root: ElementNode, *tags: str, within: str = "") -> list[tuple[ElementNode, int]]:
    """The elements of these tags that stand in no other of them, each with how deep it stands below `root`; with
    `within` those alone that stand in an element of that tag."""
    found: list[tuple[ElementNode, int]] = []
    inside = around = 0

    def enter(context: Any) -> None:
        nonlocal inside, around
        if not context.depth:
            return
        tag = context.node.tag
        if tag in tags:
            if not inside and (around or not within):
                found.append((context.node, context.depth))
            inside += 1
        around += tag == within

    def leave(context: Any) -> None:
        nonlocal inside, around
        if context.depth:
            inside -= context.node.tag in tags
            around -= context.node.tag == within

    traverse_dom(root, enter, leave, elements_only=True)
    return found


def find_first_text(root: ElementNode) -> DOMNode | None:
    """The first text with words below `root`; None where there is none."""
    found: list[DOMNode] = []

    def collect(context: Any) -> None:
        if not found and context.node.type == NodeType.TEXT and context.node.value.strip():
            found.append(context.node)

    traverse_dom(root, collect)
    return found[0] if found else None


def children_of(node: ElementNode) -> Iterator[ElementNode]:
    """What stands directly in an element, texts too."""
    child = node.first_child
    while child is not None:
        yield child
        child = child.next
