"""`dalil key`: make a key that may do something, in some collections."""

import argparse
import json
import secrets
from hashlib import sha256
from typing import Any, get_args

from rag.errors import InputError
from rag.settings import DEFAULT_COLLECTION, Settings
from ui.cli.console import OK, add_command, print_result
from ui.roles import Role

_KEY_BYTES = 32


def add_key_command(commands: Any) -> argparse.ArgumentParser:
    """Add `dalil key` to the commands of `dalil`; gives its parser."""
    key = add_command(commands, "key", _make_key, "Make a key, print it once, and put its digest into DALIL_KEYS_FILE.")
    key.add_argument("name", metavar="NAME", help="who will have it, for the audit log")
    key.add_argument("--role", choices=get_args(Role), default="read", help="what it may do")
    key.add_argument("--in", dest="collections", action="append", default=[], metavar="COLLECTION",
                     help="a collection that it may use; may be repeated; without any: all of them")  # fmt: skip
    return key


def _make_key(options: argparse.Namespace, settings: Settings) -> int:
    from rag.embedding.model_files import write_atomically
    from ui.api.grants import Grant, read_grants

    if settings.keys_file is None:
        raise InputError("Set DALIL_KEYS_FILE to the file of keys; it is made where it is missing.")
    unknown = set(options.collections) - {DEFAULT_COLLECTION, *settings.collection_names}
    if unknown:
        raise InputError(f"DALIL_COLLECTIONS does not name {', '.join(sorted(unknown))}.")
    grants = read_grants(settings.keys_file) if settings.keys_file.exists() else ()
    if any(grant.name == options.name for grant in grants):
        raise InputError(f"There is a key of the name {options.name!r} in {settings.keys_file}: remove it there first.")
    key = secrets.token_urlsafe(_KEY_BYTES)
    digest = sha256(key.encode()).hexdigest()
    grant = Grant(name=options.name, sha256=digest, role=options.role, collections=tuple(options.collections))
    content = json.dumps([one.model_dump() for one in (*grants, grant)], ensure_ascii=False, indent=1)
    write_atomically(settings.keys_file, content.encode())
    note = "It is shown this once. A service that runs knows it once it is started again."
    print_result(options, grant.model_dump() | {"key": key}, f"{key}\n{note}")
    return OK
