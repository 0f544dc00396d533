"""Which blocks of a page are menus: most of their words are those of links."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from resiliparse.parse.html import ElementNode, NodeType, traverse_dom

_LINK_BLOCKS = ("ul", "ol", "dl", "div", "section", "nav", "aside", "table")
_MIN_LINKS, _LINK_SHARE = 3, 0.8
"""From which a block is a menu: chosen, not fitted."""
_KEPT_PARTS = ("h1", "article", "main")


class _Counts(NamedTuple):
    """What a page holds up to a place."""

    links: int
    link_chars: int
    kept_parts: int
    chars: int


@dataclass(slots=True)
class _MenuFinder:
    """Counts in one walk what stands in each block: the counts at its end less those at its beginning."""

    menus: list[ElementNode]
    blocks: list[_Counts]
    link_starts: list[int]
    links: int = 0
    link_chars: int = 0
    kept_parts: int = 0
    chars: int = 0

    def enter(self, context: Any) -> None:
        """A node begins."""
        node = context.node
        if node.type == NodeType.TEXT:
            self.chars += len(" ".join(node.value.split()))
        elif node.tag in _LINK_BLOCKS:
            self.blocks.append(_Counts(self.links, self.link_chars, self.kept_parts, self.chars))
        elif node.tag == "a":
            self.link_starts.append(self.chars)
        elif node.tag in _KEPT_PARTS:
            self.kept_parts += 1

    def leave(self, context: Any) -> None:
        """An element ends."""
        tag = context.node.tag
        if tag == "a":
            self.links += 1
            self.link_chars += self.chars - self.link_starts.pop()
        elif tag in _LINK_BLOCKS and self._is_menu(self.blocks.pop()):
            self.menus.append(context.node)

    def _is_menu(self, start: _Counts) -> bool:
        return (
            self.links - start.links >= _MIN_LINKS
            and self.kept_parts == start.kept_parts
            and self.link_chars - start.link_chars >= _LINK_SHARE * (self.chars - start.chars)
        )


def remove_menus(body: ElementNode) -> None:
    """Take the menus out of a page."""
    finder = _MenuFinder([], [], [])
    traverse_dom(body, finder.enter, finder.leave)
    for menu in finder.menus:
        if menu.parent is not None:
            menu.parent.remove_child(menu)
