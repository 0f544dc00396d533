"""`dalil model`: whether the model that is set answers, which ones can be had, fetching one, and making the files of
the bundled ones."""

import argparse
from dataclasses import asdict
from typing import Any

from rag.errors import InputError
from rag.settings import Settings
from ui.cli.console import FAILED, OK, add_command, print_result

_FOLDER = "models"
_GIGABYTE, _MEGABYTE = 1e9, 1e6
_PREVIEW_CHARS = 200


def add_model_commands(commands: Any) -> list[argparse.ArgumentParser]:
    """Add `dalil model` with its commands to those of `dalil`; gives their parsers."""
    model = commands.add_parser("model", help="Check the model that writes the answers, or fetch one.")
    actions = model.add_subparsers(required=True, metavar="ACTION")
    check = add_command(actions, "check", _check, "Ask the model that is set one question, and time it.")
    listing = add_command(actions, "list", _list, "List models that answer in Arabic and run in this process.")
    pull = add_command(actions, "pull", _pull, "Fetch a model from Hugging Face; without --yes only say what it is.")
    pull.add_argument("name", metavar="NAME", help="as `dalil model list` has it, or OWNER/REPOSITORY/FILE.gguf")
    pull.add_argument("--yes", action="store_true", help="fetch it, into the folder `models` of DALIL_DATA_DIR")
    build = add_command(actions, "build", _build, "Make the files of the bundled models now, so that no start has to.")
    return [check, listing, pull, build]


def _check(options: argparse.Namespace, settings: Settings) -> int:
    from rag.answering.llm import Deadline, check_model, open_llm

    model = open_llm(settings)
    if model is None:
        raise InputError("No model is set, so answers are extractive: set DALIL_LLM_BASE_URL and DALIL_LLM_MODEL.")
    check = check_model(model, Deadline.from_settings(settings))
    where = str(settings.llm_gguf or settings.llm_base_url or "OpenAI")
    data = {
        "model": settings.llm_name,
        "where": where,
        "first_token_s": round(check.first_token_s, 2),
        "tokens_per_s": round(check.tokens_per_s, 1),
        "prompt_tokens": check.prompt_tokens,
        "answer_tokens": check.answer_tokens,
        "text": check.text[:_PREVIEW_CHARS],
        "reason": check.error.reason if check.error else None,
        "error": str(check.error) if check.error else None,
    }
    lines = [f"model: {settings.llm_name} at {where}"]
    if check.text:
        lines += [
            f"first token: after {check.first_token_s:.1f} s, of a prompt of {check.prompt_tokens} tokens",
            f"speed: {check.tokens_per_s:.1f} tokens/s ({check.answer_tokens} tokens, as o200k_base counts them)",
            f"text: {' '.join(check.text.split())[:_PREVIEW_CHARS]}",
        ]
    lines += [f"error: {check.error} ({check.error.reason})"] if check.error else []
    print_result(options, data, "\n".join(lines))
    return OK if check.error is None else FAILED


def _list(options: argparse.Namespace, settings: Settings) -> int:
    from rag.answering.llm.catalogue import CATALOGUE

    lines = [f"{entry.name:12}  {entry.gigabytes:4.1f} GB  {entry.note}" for entry in CATALOGUE]
    print_result(options, {"models": [asdict(entry) for entry in CATALOGUE]}, "\n".join(lines))
    return OK


def _pull(options: argparse.Namespace, settings: Settings) -> int:
    from rag.answering.llm.catalogue import describe_remote, fetch_remote, find_entry

    remote = describe_remote(find_entry(options.name))
    path = fetch_remote(remote, settings.data_dir / _FOLDER) if options.yes else None
    lines = [
        f"{remote.repository} {remote.file}, revision {remote.revision}",
        f"size: {remote.size / _GIGABYTE:.2f} GB",
        f"licence: {remote.licence}",
        f"sha256: {remote.sha256}",
        f"fetched: export DALIL_LLM_GGUF={path}" if path else "Nothing was fetched: --yes does so.",
    ]
    print_result(options, asdict(remote) | {"path": str(path) if path else None}, "\n".join(lines))
    return OK


def _build(options: argparse.Namespace, settings: Settings) -> int:
    from rag.answering.reader import open_reader
    from rag.embedding import open_encoder
    from rag.embedding.model_files import default_cache

    open_reader(open_encoder(settings).pieces, settings.threads)
    folder = default_cache()
    sizes = {path.name: path.stat().st_size for path in sorted(folder.iterdir()) if path.is_file()}
    lines = [f"{size / _MEGABYTE:5.1f} MB  {folder / name}" for name, size in sizes.items()]
    print_result(options, {"folder": str(folder), "files": sizes}, "\n".join(lines))
    return OK
