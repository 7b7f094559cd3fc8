"""What the transports that unpack nothing say to a packed body."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import ProtocolError

__all__ = ("check_coding",)


def check_coding(headers: Mapping[str, str], transport: str) -> None:
    """Raise ProtocolError for a body in a coding that nobody asked for (RFC 9110, 8.4)."""
    coding = headers.get("content-encoding", "identity")
    if coding.lower() != "identity":
        raise ProtocolError(
            f"the service packed its answer with {coding!r}, which {transport} does not unpack and "
            "had not asked for; use the default transport"
        )
