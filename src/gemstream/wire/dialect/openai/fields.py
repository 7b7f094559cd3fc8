"""The objects of a request, read field by field with the place of whatever is wrong.

``null`` counts as absent everywhere, as OpenAI's SDKs send it for what their caller left open.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from ....errors import InvalidRequest
from ...codec import JSONObject
from ..invalid_parameter import InvalidParameter

__all__ = ("Fields",)

_SHOWN = 60


class Fields:
    """One object: its values by name, each checked for its type; remembers what was asked for."""

    __slots__ = ("_asked", "_values", "path")

    def __init__(self, values: JSONObject, path: str = "") -> None:
        self._values = values
        self._asked: set[str] = set()
        self.path = path

    @classmethod
    def of(cls, value: Any, path: str) -> Fields:
        """Return ``value`` as an object; raises InvalidParameter when it is none."""
        if not isinstance(value, dict):
            raise _wrong_type(path, "an object", value)
        return cls(value, path)

    @property
    def plain(self) -> JSONObject:
        """The object as it is."""
        return self._values

    def place(self, name: str) -> str:
        """Return where the field ``name`` stands in the request."""
        return f"{self.path}.{name}" if self.path else name

    def fault(self, name: str, message: str, *, code: str = "invalid_value") -> InvalidParameter:
        """Return the error that ``message`` says of the field ``name``."""
        place = self.place(name)
        return InvalidParameter(f"{place} {message}", param=place, code=code)

    @contextmanager
    def blamed(self, name: str) -> Iterator[None]:
        """Say of an InvalidRequest raised inside that the field ``name`` is at fault."""
        try:
            yield
        except InvalidParameter:
            raise
        except InvalidRequest as error:
            raise InvalidParameter(str(error), param=self.place(name)) from error

    def missing(self, name: str, example: str) -> InvalidParameter:
        """Return the error that the field ``name`` is not there."""
        message = f"is missing: give it, as {example}"
        return self.fault(name, message, code="missing_required_parameter")

    def value(self, name: str) -> Any:
        """Return the field as it is, None when absent."""
        self._asked.add(name)
        return self._values.get(name)

    def text(self, name: str) -> str | None:
        """Return the text in the field, None when absent."""
        value: str | None = self._typed(name, str, "text")
        return value

    def flag(self, name: str) -> bool | None:
        """Return the boolean in the field, None when absent."""
        value: bool | None = self._typed(name, bool, "true or false")
        return value

    def number(self, name: str) -> float | None:
        """Return the number in the field, None when absent."""
        value: float | None = self._typed(name, (int, float), "a number")
        return value

    def integer(
        self, name: str, *, least: int | None = None, most: int | None = None
    ) -> int | None:
        """Return the whole number in the field, within its bounds; None when absent."""
        value: int | None = self._typed(name, int, "a whole number")
        if value is not None and least is not None and value < least:
            raise self.fault(name, f"is {value}: the least is {least}")
        if value is not None and most is not None and value > most:
            raise self.fault(name, f"is {value}: the most is {most}")
        return value

    def object(self, name: str) -> Fields | None:
        """Return the object in the field, None when absent."""
        value: JSONObject | None = self._typed(name, dict, "an object")
        return None if value is None else Fields(value, self.place(name))

    def items(self, name: str) -> list[Any] | None:
        """Return the array in the field, None when absent."""
        value: list[Any] | None = self._typed(name, list, "an array")
        return value

    def objects(self, name: str) -> list[Fields]:
        """Return the objects of the array in the field, none when absent."""
        place = self.place(name)
        items = enumerate(self.items(name) or ())
        return [Fields.of(item, f"{place}[{index}]") for index, item in items]

    def choice(self, name: str, options: Iterable[str]) -> str | None:
        """Return the text in the field, one of ``options``; None when absent."""
        value = self.text(name)
        known = list(options)
        if value is None or value in known:
            return value
        near = difflib.get_close_matches(value, known, n=1)
        hint = f"did you mean {near[0]!r}" if near else f"use one of {', '.join(known)}"
        raise self.fault(name, f"is {value[:_SHOWN]!r}: {hint}")

    def unread(self) -> list[str]:
        """Return the places of fields that have a value and were never asked for."""
        names = self._values.items()
        return [
            self.place(name)
            for name, value in names
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


def _wrong_type(place: str, expected: str, value: Any) -> InvalidParameter:
    shown = repr(value)[:_SHOWN]
    return InvalidParameter(
        f"{place} must be {expected}, not {shown}", param=place, code="invalid_type"
    )
