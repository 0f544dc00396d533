"""What the events of all areas share."""

import json
from collections.abc import MutableMapping
from typing import Any

import gradio as gr

HIDDEN: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
"""How Gradio is to call: the page shows for itself what is being done, and no event is a part of the API."""
UNLIMITED = HIDDEN | {"concurrency_limit": None}
"""As many at once as come: answers are limited elsewhere, or what is called only waits."""

Update = tuple[Any, ...]
"""New values of components, in the order in which they were named."""
ANNOUNCE = "(saved) => dalil.announce(saved)"
"""Tells the other tabs of this browser what is kept now."""


def scope_of(request: gr.Request) -> MutableMapping[str, Any]:
    """Of the request that asked for an event; empty where nobody asked."""
    return request.request.scope if request.request else {}


def with_other_tabs(*inputs: str) -> str:
    """JavaScript that gives an event, of what it takes, conversations as whichever tab has kept them last: Gradio reads
    the browser's store only when a tab is opened."""
    return f"(...values) => dalil.withOtherTabs({json.dumps(inputs)}, values)"
