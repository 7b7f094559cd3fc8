"""Enums that a new value of the service does not break."""

from __future__ import annotations

import enum
from typing import Any

__all__ = ("OpenEnum",)


class OpenEnum(enum.StrEnum):
    """A set of known strings that lets unknown ones live.

    A value without a member becomes an unlisted member of the same type, equal to its string;
    ``is_known`` tells them apart. Unlisted members are made anew each time, so strangers sent by a
    hostile service cannot grow the process.
    """

    @classmethod
    def _missing_(cls, value: object) -> Any:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = value
        member._value_ = value
        return member

    @property
    def is_known(self) -> bool:
        """True when this version of gemstream lists the value."""
        return self._value_ in type(self)._value2member_map_

    @property
    def is_unspecified(self) -> bool:
        """True for proto's zero value, as FINISH_REASON_UNSPECIFIED: it means not set."""
        return self._value_.endswith("_UNSPECIFIED")

    def __str__(self) -> str:
        return str(self._value_)

    def __eq__(self, other: object) -> bool:
        return str.__eq__(self, other) if isinstance(other, str) else NotImplemented

    def __hash__(self) -> int:
        return str.__hash__(self)
