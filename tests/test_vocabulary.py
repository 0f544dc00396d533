"""The rules of names and documentation that can be held by a machine; the others are in CONTRIBUTING.md."""

import ast
import re

from tests.test_layers import FILES, TREES, functions, within

LONE_PARTICIPLES = frozenset(
    "answered asked borne called changed chosen cited clean compared completed connected counted cut decoded done "
    "drafted embedded exchanged explained fitted flagged folded found given headed held heard isolated kept killed "
    "known limited linked listed lost made marked matched meant measured mentioned opened paired parsed picked placed "
    "planned planted preferred put quoted rated read_back refused removed renamed replaced restored rounded run_out "
    "said scored seen sent shown sliced spelled split_up spoken stored taken temporary tied timed told trimmed typed "
    "unpacked wanted watched written".split()
)
"""Each says that something was done, and neither what is done nor what comes of it."""

PRIVATE_WORDS = frozenset(
    "borne_out bears_out borne inbox leans_back octets of_passage of_question put_back settle standing_alone "
    "strange_names sweep telling told as_vectors known_views misfits exchanged answering_of".split()
)
"""What things were called before they were called as the field calls them (CONTRIBUTING.md has the table)."""

CODES = ("ar", "en")
MAY_NAME_LANGUAGES = ("rag.types", "rag.language")
MAY_TEST_SCRIPTS = ("rag.language", "eval.slices")
"""`eval.slices` respells questions in Arabic, letter by letter."""

_SCRIPT_TEST = re.compile(r"\\u06[0-9a-fA-F]{2}|isascii|[\u0621-\u064a]-[\u0621-\u064a]")
_SECTIONS = frozenset(("Parameters", "Returns", "Yields", "Raises", "Attributes", "Notes"))
_OTHER_FORM = re.compile(r"^\s*(:param|:return|Args:|Returns:)", re.MULTILINE)
_SECTION_LINE = re.compile(r"^ *([A-Z][a-z]+)\n *-{3,}$", re.MULTILINE)


def identifiers(tree):
    """Every name that a module gives to something."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


def public_documented(tree):
    """Public functions and classes of a module and of its classes."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    waiting = [tree]
    while waiting:
        parent = waiting.pop()
        found = [node for node in parent.body if isinstance(node, kinds) and not node.name.startswith("_")]
        yield from found
        waiting += [node for node in found if isinstance(node, ast.ClassDef)]


def where(find, outside=()):
    """What `find` finds in a tree, by module; nothing for the modules in which it finds nothing."""
    found = {name: sorted(find(tree)) for name, tree in TREES.items() if not within(name, outside)}
    return {name: offences for name, offences in found.items() if offences}


def test_no_function_is_named_by_a_lone_participle():
    assert where(lambda tree: {node.name.strip("_") for node in functions(tree)} & LONE_PARTICIPLES) == {}


def test_nothing_has_a_private_name_of_old():
    assert where(lambda tree: {name.strip("_").lower() for name in identifiers(tree)} & PRIVATE_WORDS) == {}


def test_a_module_says_what_it_is_for():
    assert where(lambda tree: [] if ast.get_docstring(tree) else ["no docstring"]) == {}


def other_sections(tree):
    """Public objects whose docstring has sections of another form than NumPy's."""
    for node in public_documented(tree):
        text = ast.get_docstring(node) or ""
        if not set(_SECTION_LINE.findall(text)) <= _SECTIONS or _OTHER_FORM.search(text):
            yield node.name


def test_public_docstrings_have_the_sections_of_one_form():
    assert where(other_sections) == {}


def test_a_language_is_named_in_its_own_package_alone():
    def literals(tree):
        return [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Constant) and node.value in CODES]

    assert where(literals, outside=MAY_NAME_LANGUAGES) == {}


def test_a_script_is_told_apart_in_the_package_of_languages_alone():
    sources = {name: path.read_text("utf-8") for name, path in FILES.items() if not within(name, MAY_TEST_SCRIPTS)}
    assert [name for name, source in sources.items() if _SCRIPT_TEST.search(source)] == []
