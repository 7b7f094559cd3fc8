"""What becomes of the URLs that callers name files by."""

from __future__ import annotations

import enum

__all__ = ("URLMode",)


class URLMode(enum.Enum):
    """What becomes of an ``https://`` URL in the place of a file."""

    REJECT = "reject"
    """The request is refused; nothing is fetched by anybody."""
    PASSTHROUGH = "passthrough"
    """The service gets the URL and fetches it itself, if it can."""
