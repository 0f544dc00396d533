"""What a caller may be allowed to do."""

from typing import Literal

Role = Literal["read", "write", "admin"]
"""Each may do what those before it may."""
