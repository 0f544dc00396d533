"""Addresses of the web: the only ones that an article may carry, since a page that shows it makes a link of them."""

from urllib.parse import urlsplit

_SCHEMES = ("http", "https")


def web_address(text: str | None) -> str | None:
    """The address, where it is one of http or https; None for any other, which could run a script or open a file."""
    try:
        parts = urlsplit(text or "")
    except ValueError:  # brackets that hold no IPv6 address
        return None
    return text if parts.scheme in _SCHEMES and parts.hostname else None


def is_object_address(path: str) -> bool:
    """Whether this is the address of an object or a folder of them, and none of the web."""
    return "://" in path and not web_address(path)


def has_password(address: str) -> bool:
    """Whether an address holds one; what is kept with an article would show it to every reader."""
    try:
        return urlsplit(address).password is not None
    except ValueError:
        return False
