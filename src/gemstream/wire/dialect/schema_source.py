"""What the two conversions of a caller's JSON Schema share: references, bounds, hints.

A keyword that the target lacks is told to the model in words, behind the description: the model
reads those. Keywords stand in schemas only; what stands in ``properties`` is a name, whatever it
is called.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

from ...errors import InvalidRequest
from ..codec import JSONObject, encode

__all__ = (
    "NO_COUNTERPART",
    "SchemaSource",
    "described",
    "hint",
    "inclusive_bounds",
    "keywords",
    "merged",
)


def keywords(words: str) -> frozenset[str]:
    """Return the keywords in ``words``, which stand apart by spaces."""
    return frozenset(words.split())


# Keywords that neither target has and that constrain something, so their loss is told.
NO_COUNTERPART = keywords(
    "not if then else dependentSchemas dependentRequired dependencies unevaluatedProperties "
    "unevaluatedItems patternProperties propertyNames contains minContains maxContains "
    "uniqueItems multipleOf additionalItems"
)
_MAX_HINT = 200  # characters: a hint is a reminder, not a second schema


class SchemaSource:
    """The caller's whole schema: finds what its references name and counts what was read of it."""

    __slots__ = ("_nodes", "root")

    def __init__(self, root: Any) -> None:
        if not isinstance(root, dict):
            raise InvalidRequest(f"a schema is a JSON object, not {root!r:.80}")
        self.root: JSONObject = root
        self._nodes = 0

    def count(self) -> int:
        """Return how many schemas were read, this one included."""
        self._nodes += 1
        return self._nodes

    def find(self, reference: Any) -> tuple[str, Any]:
        """Return the name and the schema that ``$ref`` points to.

        Raises InvalidRequest for what is not in this schema: no other document is ever fetched.
        """
        if not isinstance(reference, str) or not reference.startswith("#"):
            raise InvalidRequest(
                f"the schema refers to {reference!r:.120}; only references into itself, as "
                "'#/$defs/Name', can be sent"
            )
        found: Any = self.root
        *_, name = segments = [_unescaped(segment) for segment in reference[1:].split("/")]
        for segment in segments[1:]:
            found = _child(found, segment)
            if found is None:
                raise InvalidRequest(
                    f"the schema refers to {reference!r:.120}, which it does not hold; "
                    f"its definitions are {', '.join(self._definitions()) or 'none'}"
                )
        return name or "root", found

    def _definitions(self) -> list[str]:
        kept = (self.root.get("$defs"), self.root.get("definitions"))
        return [name for group in kept if isinstance(group, dict) for name in group][:20]


def _unescaped(segment: str) -> str:
    """Return a segment of a JSON pointer in a URI fragment as it is meant (RFC 6901 §6)."""
    return unquote(segment).replace("~1", "/").replace("~0", "~")


def _child(value: Any, segment: str) -> Any:
    if isinstance(value, list):
        is_index = segment.isdecimal() and int(segment[:9]) < len(value)
        return value[int(segment[:9])] if is_index else None
    return value.get(segment) if isinstance(value, dict) else None


def hint(keyword: str, value: Any) -> str:
    """Return a lost keyword in words, as ``multipleOf 5``."""
    shown = value if isinstance(value, str) else encode(value).decode()
    return f"{keyword} {shown}"[:_MAX_HINT]


def described(schema: JSONObject, hints: Iterable[str]) -> JSONObject:
    """Return ``schema`` with ``hints`` in brackets behind its description."""
    said = "; ".join(hints)
    if not said:
        return schema
    before = schema.get("description")
    return {**schema, "description": f"{before} ({said})" if before else f"({said})"}


def merged(schemas: Iterable[JSONObject]) -> JSONObject:
    """Return one schema for ``allOf``: properties and required united, of the rest the later.

    Of two unions the second goes into every branch of the first.
    """
    one: JSONObject = {}
    for schema in schemas:
        for key, value in schema.items():
            before = one.get(key)
            if key == "properties" and isinstance(before, dict) and isinstance(value, dict):
                one[key] = {**before, **value}
            elif key == "required" and isinstance(before, list) and isinstance(value, list):
                one[key] = [*before, *(name for name in value if name not in before)]
            elif key in ("anyOf", "oneOf") and isinstance(before, list):
                one[key] = [{"allOf": [branch, {key: value}]} for branch in before]
            else:
                one[key] = value
    return one


def inclusive_bounds(schema: JSONObject) -> tuple[JSONObject, list[str]]:
    """Return ``schema`` with exclusive bounds made inclusive ones, and what that loses.

    Of an integer nothing is lost. Draft 4 writes them as booleans beside ``minimum``.
    """
    hints: list[str] = []
    schema = dict(schema)
    for exclusive, inclusive, step in _BOUNDS:
        bound = schema.pop(exclusive, None)
        if bound is True:
            hints.append(hint(exclusive, schema.get(inclusive)))
        elif isinstance(bound, int | float) and not isinstance(bound, bool):
            is_whole = schema.get("type") == "integer" and isinstance(bound, int)
            hints += () if is_whole else (hint(exclusive, bound),)
            _tighten(schema, inclusive, bound + step if is_whole else bound, step)
    return schema, hints


_BOUNDS = (("exclusiveMinimum", "minimum", 1), ("exclusiveMaximum", "maximum", -1))


def _tighten(schema: JSONObject, inclusive: str, bound: float, step: int) -> None:
    before = schema.get(inclusive)
    if not isinstance(before, int | float) or (bound - before) * step > 0:
        schema[inclusive] = bound
