"""One usage from the many that a stream reports."""

from __future__ import annotations

import operator
from typing import Any

from ..wire.usage import UsageMetadata

__all__ = ("merge_usage",)


def merge_usage(old: UsageMetadata | None, new: UsageMetadata | None) -> UsageMetadata | None:
    """Return ``old`` overlaid with every field that ``new`` reports.

    Counts are cumulative, so the later value wins and nothing is summed; a field that a later
    chunk leaves out (the cached count often vanishes) keeps its last value.
    """
    if old is None or new is None:
        return new or old
    if _rare(old) == _rare(new) and None not in _usual(new):
        return new  # nearly every chunk: 0.5 µs against 1.2
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
