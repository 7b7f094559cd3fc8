"""A request that cannot be translated, and which field of it is at fault."""

from __future__ import annotations

from ...errors import InvalidRequest

__all__ = ("InvalidParameter",)


class InvalidParameter(InvalidRequest):
    """A field of the request cannot be used; nothing was sent.

    ``param``: the field's place, as ``messages[0].content``, None for the request as a whole.
    ``code``: the dialect's word for what is wrong with it.
    """

    def __init__(
        self, message: str, *, param: str | None = None, code: str = "invalid_value"
    ) -> None:
        super().__init__(message)
        self.param = param
        self.code = code
