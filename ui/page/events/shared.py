"""What the events of all areas share."""

from typing import Any

HIDDEN: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
"""How Gradio is to call: the page shows for itself what is being done, and no event is a part of the API."""
UNLIMITED = HIDDEN | {"concurrency_limit": None}
"""As many at once as come: answers are limited elsewhere, or what is called only waits."""

Update = tuple[Any, ...]
"""New values of components, in the order in which they were named."""
StoredConversation = dict[str, Any]
"""A conversation as the browser keeps it."""
