"""One usage from the many that a stream reports."""

from __future__ import annotations

import operator
from typing import Any

from ..wire.usage import UsageMetadata

__all__ = ("RunningUsage", "merge_usage")


class RunningUsage:
    """The usage of a stream so far; ``value`` is None until a chunk has reported some."""

    __slots__ = ("_rare", "value")

    def __init__(self) -> None:
        self.value: UsageMetadata | None = None
        self._rare: object = None  # the seldom fields of ``value``

    def receive(self, new: UsageMetadata | None) -> UsageMetadata | None:
        """Take in what the next chunk reports and return the sum of it all."""
        if new is None:
            return self.value
        rare = _rare(new)
        if rare == self._rare and None not in _usual(new):
            self.value = new  # nothing to keep, as in nearly every chunk: 0.4 µs against 1.2
            return new
        self.value = merge_usage(self.value, new)
        self._rare = _rare(self.value)
        return self.value


def merge_usage(old: UsageMetadata | None, new: UsageMetadata | None) -> UsageMetadata | None:
    """Return ``old`` overlaid with every field that ``new`` reports.

    Counts are cumulative, so the later value wins and nothing is summed; a field that a later
    chunk leaves out (the cached count often vanishes) keeps its last value.
    """
    if old is None or new is None:
        return new or old
    kept: dict[str, Any] = {
        name: earlier
        for name, earlier, later in zip(_FIELDS, _values(old), _values(new), strict=True)
        if later is None and earlier is not None
    }
    if old.extra:
        kept["extra"] = {**old.extra, **(new.extra or {})}
    if not kept:
        return new
    reported = {name: getattr(new, name) for name in new.__struct_fields__}
    return UsageMetadata(**{**reported, **kept})


_FIELDS = tuple(name for name in UsageMetadata.__struct_fields__ if name != "extra")

_usual = operator.attrgetter(*_FIELDS[:4])
_rare = operator.attrgetter(*_FIELDS[4:], "extra")
_values = operator.attrgetter(*_FIELDS)
