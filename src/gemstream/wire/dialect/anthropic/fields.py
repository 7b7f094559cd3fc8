"""The objects of a request, read field by field with the place of whatever is wrong.

A place is written as Anthropic writes it, ``messages.2.content.0.source``. ``null`` counts as
absent everywhere.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection
from typing import Any

from ....errors import InvalidRequest
from ...codec import JSONObject

__all__ = ("Fields",)

_SHOWN = 60


class Fields:
    """One object: its values by name, each checked for its type; remembers what was asked for.

    Every method raises InvalidRequest for a value of another type.
    """

    __slots__ = ("_asked", "_inner", "_values", "path")

    def __init__(self, values: Any, path: str = "") -> None:
        if not isinstance(values, dict):
            raise _wrong_type(path or "the body", "an object", values)
        self._values: JSONObject = values
        self._asked: set[str] = set()
        self._inner: dict[str, Fields] | None = None  # one for each object: it remembers, too
        self.path = path

    @property
    def plain(self) -> JSONObject:
        """The object itself."""
        return self._values

    def place(self, name: str) -> str:
        """Return where the field ``name`` stands in the request."""
        return f"{self.path}.{name}" if self.path else name

    def fault(self, name: str, message: str) -> InvalidRequest:
        """Return the error that ``message`` says of the field ``name``."""
        return InvalidRequest(f"{self.place(name)}: {message}")

    def missing(self, name: str, example: str) -> InvalidRequest:
        """Return the error that the field ``name`` is not there."""
        return self.fault(name, f"field required, as {example}")

    def value(self, name: str) -> Any:
        """Return the field as it is, None when absent."""
        self._asked.add(name)
        return self._values.get(name)

    def text(self, name: str) -> str | None:
        """Return the text in the field, None when absent."""
        value = self.value(name)
        if value is None or isinstance(value, str):
            return value
        raise _wrong_type(self.place(name), "text", value)

    def required_text(self, name: str, example: str) -> str:
        """Return the text in the field; raises InvalidRequest when it is absent."""
        if (value := self.text(name)) is None:
            raise self.missing(name, example)
        return value

    def filled_text(self, name: str, example: str) -> str:
        """Return the text in the field; raises InvalidRequest when it is absent or empty."""
        if not (value := self.text(name)):
            raise self.missing(name, example)
        return value

    def flag(self, name: str) -> bool | None:
        """Return the boolean in the field, None when absent."""
        value: bool | None = self._typed(name, bool, "true or false")
        return value

    def number(self, name: str, *, least: float, most: float) -> float | None:
        """Return the number in the field, within its bounds; None when absent."""
        value: float | None = self._typed(name, (int, float), "a number")
        if value is not None and not least <= value <= most:
            raise self.fault(name, f"is {value}: it must be from {least:g} to {most:g}")
        return value

    def integer(self, name: str, *, least: int) -> int | None:
        """Return the whole number in the field, at least ``least``; None when absent."""
        value: int | None = self._typed(name, int, "a whole number")
        if value is not None and value < least:
            raise self.fault(name, f"is {value}: the least is {least}")
        return value

    def object(self, name: str) -> Fields | None:
        """Return the object in the field, None when absent."""
        value: JSONObject | None = self._typed(name, dict, "an object")
        if value is None:
            return None
        if self._inner is None:
            self._inner = {}
        if name not in self._inner:
            self._inner[name] = Fields(value, self.place(name))
        return self._inner[name]

    def required_object(self, name: str, example: str) -> Fields:
        """Return the object in the field; raises InvalidRequest when it is absent."""
        if (value := self.object(name)) is None:
            raise self.missing(name, example)
        return value

    def items(self, name: str) -> list[Any]:
        """Return the array in the field, empty when absent."""
        return self._typed(name, list, "an array") or []

    def objects(self, name: str) -> list[Fields]:
        """Return the objects of the array in the field, none when absent."""
        place = self.place(name)
        return [Fields(item, f"{place}.{index}") for index, item in enumerate(self.items(name))]

    def choice(self, name: str, options: Collection[str]) -> str | None:
        """Return the text in the field, one of ``options``; None when absent."""
        value = self.text(name)
        if value is None or value in options:
            return value
        near = difflib.get_close_matches(value, options, n=1)
        hint = f"did you mean {near[0]!r}" if near else f"use one of {', '.join(options)}"
        raise self.fault(name, f"is {value[:_SHOWN]!r}: {hint}")

    def unread(self) -> list[str]:
        """Return the places of fields that have a value and were never asked for."""
        if self._values.keys() <= self._asked:  # nearly always, and there are many blocks
            return []
        return [
            self.place(name)
            for name, value in self._values.items()
            if name not in self._asked and value is not None
        ]

    def _typed(self, name: str, kind: type | tuple[type, ...], expected: str) -> Any:
        value = self.value(name)
        if value is None:
            return None
        # In Python a boolean is a number, in JSON it is not.
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise _wrong_type(self.place(name), expected, value)
        return value


def _wrong_type(place: str, expected: str, value: Any) -> InvalidRequest:
    return InvalidRequest(f"{place}: must be {expected}, not {repr(value)[:_SHOWN]}")
