"""A JSON schema filled with made-up, valid, deterministic values.

Reads OpenAPI style (``type: "OBJECT"``, ``minItems`` or ``min_items``, ``nullable``) and JSON
Schema (``$ref``, ``$defs``, ``const``, ``anyOf``, types in a list). Promises: the same schema and
seed give the same value, and the work is bounded however the schema nests. ``pattern``, ``not``
and dependencies between fields are not honoured.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from ...wire.codec import JSONObject
from .prompt import PromptValues
from .text_pieces import shortened

__all__ = ("SchemaFiller", "SchemaTooComplex")

# A value of this size is far above any answer; a schema that asks for more is refused.
MAX_VALUES = 20_000
# Below this depth optional fields are left out and the shallowest alternative is taken, so a
# schema that refers to itself comes to an end.
COMFORTABLE_DEPTH = 6
MAX_DEPTH = 60
MAX_STRING = 100_000


class SchemaTooComplex(ValueError):
    """The schema asks for more values than an answer could hold, or never ends."""


class SchemaFiller:
    """Fills one schema; ``values`` are used where they fit, ``seed`` makes the free choices."""

    __slots__ = ("_count", "_root", "_seed", "_values")

    def __init__(
        self, schema: Mapping[str, Any], *, seed: str = "", values: PromptValues | None = None
    ) -> None:
        self._root = schema
        self._seed = seed
        self._values = values
        self._count = 0

    def fill(self) -> Any:
        """Return a value that the schema accepts; raises SchemaTooComplex."""
        return self._fill(self._root, "value", 0)

    def _fill(self, schema: Any, path: str, depth: int) -> Any:
        self._count += 1
        if self._count > MAX_VALUES or depth > MAX_DEPTH:
            raise SchemaTooComplex("the schema has too many or too deeply nested values")
        schema = self._resolved(schema, depth)
        if "const" in schema:
            return schema["const"]
        if options := schema.get("enum"):
            return self._of_enum(options, path)
        if options := _get(schema, "anyOf", "oneOf"):
            rest = {key: value for key, value in schema.items() if key not in _ALTERNATIVES}
            return self._fill({**rest, **self._alternative(options, depth)}, path, depth + 1)
        kind = _type_of(schema)
        fill = _FILLERS.get(kind, SchemaFiller._string)
        return fill(self, schema, path, depth)

    def _resolved(self, schema: Any, depth: int) -> JSONObject:
        """Follow references and merge ``allOf``."""
        if not isinstance(schema, Mapping):
            return {}  # true, or something that says nothing
        seen = 0
        while isinstance(reference := _get(schema, "$ref", "ref"), str):
            seen += 1
            if seen > MAX_DEPTH:
                raise SchemaTooComplex(f"the reference {reference!r} leads to itself")
            rest = {key: value for key, value in schema.items() if key not in ("$ref", "ref")}
            schema = {**self._referenced(reference), **rest}
        merged: JSONObject = dict(schema)
        for part in merged.pop("allOf", ()):
            part = self._resolved(part, depth)
            properties = {**merged.get("properties", {}), **part.get("properties", {})}
            required = [*merged.get("required", ()), *part.get("required", ())]
            merged = {**merged, **part}
            if properties:
                merged |= {"properties": properties, "required": required}
        return merged

    def _referenced(self, reference: str) -> Mapping[str, Any]:
        target: Any = self._root
        for step in reference.removeprefix("#").strip("/").split("/"):
            step = step.replace("~1", "/").replace("~0", "~")
            if step and isinstance(target, Mapping):
                target = target.get(step, target.get(step.removeprefix("$"), {}))
        return target if isinstance(target, Mapping) else {}

    def _alternative(self, options: Any, depth: int) -> JSONObject:
        resolved = [self._resolved(option, depth) for option in options]
        solid = [option for option in resolved if _type_of(option) != "null"]
        if depth <= COMFORTABLE_DEPTH:
            return (solid or resolved)[0]
        return min(resolved, key=lambda option: _WEIGHTS.get(_type_of(option), 0))

    def _of_enum(self, options: Any, path: str) -> Any:
        if self._values is not None:
            for option in options:
                if isinstance(option, str) and self._values.mentions(option):
                    return option
        return options[self._pick(path, len(options))]

    def _object(self, schema: JSONObject, path: str, depth: int) -> Any:
        properties = schema.get("properties") or {}
        required = list(schema.get("required") or ())
        order = _get(schema, "propertyOrdering", "property_ordering") or ()
        known = [name for name in order if name in properties]
        known += [name for name in properties if name not in known]
        if depth > COMFORTABLE_DEPTH:
            known = [name for name in known if name in required]
        more = schema.get("additionalProperties")
        names = [*known, *(name for name in required if name not in properties)]
        least = _get(schema, "minProperties", "min_properties") or 0
        names += [name for name in properties if name not in names][: max(0, least - len(names))]
        names += [f"key{number}" for number in range(len(names) + 1, min(least, MAX_VALUES) + 1)]
        return {
            name: self._fill(properties.get(name, more), f"{path}.{name}", depth + 1)
            for name in names
        }

    def _array(self, schema: JSONObject, path: str, depth: int) -> Any:
        least = int(_get(schema, "minItems", "min_items") or 0)
        most = _get(schema, "maxItems", "max_items")
        wanted = least if depth > COMFORTABLE_DEPTH else max(least, 2)
        count = wanted if most is None else max(least, min(wanted, int(most)))
        if count > MAX_VALUES:
            raise SchemaTooComplex(f"the schema asks for {count} items")
        first = schema.get("prefixItems") or ()
        items = schema.get("items")
        return [
            self._fill(first[index] if index < len(first) else items, f"{path}[{index}]", depth + 1)
            for index in range(max(count, len(first) if most is None else 0))
        ]

    def _string(self, schema: JSONObject, path: str, depth: int) -> Any:
        form = schema.get("format")
        if form in _FORMATS:
            return self._formatted(str(form), path)
        name = path.rpartition(".")[2]
        taken = self._values.next_text() if self._values is not None else None
        text = taken or f"{name} {self._pick(path, 100)}"
        least = min(int(_get(schema, "minLength", "min_length") or 0), MAX_STRING)
        most = _get(schema, "maxLength", "max_length")
        text = text if len(text) >= least else (text + " ").ljust(least, "x")
        return text if most is None else shortened(text, max(int(most), least))

    def _formatted(self, form: str, path: str) -> str:
        if form == "date" and self._values is not None and (date := self._values.next_date()):
            return date
        return _FORMATS[form].format(self._pick(path, 9) + 1)

    def _integer(self, schema: JSONObject, path: str, depth: int) -> Any:
        low, high = _range(schema, smallest_step=1)
        step = max(1, int(_get(schema, "multipleOf") or 1))
        given = self._values.next_number() if self._values is not None else None
        if given is not None and low <= given <= high and given % step == 0:
            return int(given)
        lowest = -(-int(-(-low // 1)) // step) * step  # the first multiple that is not below
        room = max(0, (int(high // 1) - lowest) // step)
        return lowest + self._pick(path, min(room, 99) + 1) * step

    def _number(self, schema: JSONObject, path: str, depth: int) -> Any:
        if _get(schema, "multipleOf"):
            return self._number_of_step(schema, path)
        low, high = _range(schema, smallest_step=0)
        given = self._values.next_number() if self._values is not None else None
        if given is not None and low <= given <= high:
            return int(given) if given.is_integer() else given
        part = (self._pick(path, 9) + 0.5) / 10  # strictly inside, so open ends hold too
        return low + min(high - low, 100.0) * part

    def _number_of_step(self, schema: JSONObject, path: str) -> Any:
        low, _ = _range(schema, smallest_step=0)
        step = float(_get(schema, "multipleOf"))
        return -(-low // step) * step

    def _boolean(self, schema: JSONObject, path: str, depth: int) -> Any:
        return self._pick(path, 2) == 0

    def _null(self, schema: JSONObject, path: str, depth: int) -> Any:
        return None

    def _pick(self, path: str, count: int) -> int:
        """Return a number below ``count`` that depends on seed and path alone."""
        digest = hashlib.blake2b(f"{self._seed}|{path}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") % count


_FILLERS: Mapping[str, Callable[[SchemaFiller, JSONObject, str, int], Any]] = {
    "object": SchemaFiller._object,
    "array": SchemaFiller._array,
    "string": SchemaFiller._string,
    "integer": SchemaFiller._integer,
    "number": SchemaFiller._number,
    "boolean": SchemaFiller._boolean,
    "null": SchemaFiller._null,
}
_ALTERNATIVES = ("anyOf", "any_of", "oneOf", "one_of")
_WEIGHTS = {"array": 1, "object": 2}
_FORMATS = {
    "date": "2026-01-0{}",
    "date-time": "2026-01-0{}T12:00:00Z",
    "time": "0{}:00:00Z",
    "duration": "PT{}H",
    "email": "person{}@example.com",
    "hostname": "host{}.example.com",
    "ipv4": "192.0.2.{}",
    "ipv6": "2001:db8::{}",
    "uri": "https://example.com/{}",
    "uuid": "00000000-0000-4000-8000-00000000000{}",
}


def _get(schema: Mapping[str, Any], *names: str) -> Any:
    """Return the first of the fields that is there, in camelCase or snake_case."""
    for name in names:
        snake = "".join(f"_{char.lower()}" if char.isupper() else char for char in name)
        for key in (name, snake):
            if schema.get(key) is not None:
                return schema[key]
    return None


def _type_of(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if str(one).lower() != "null"), "null")
    if kind is None:
        kind = "object" if "properties" in schema else "array" if "items" in schema else "string"
    return str(kind).lower()


def _range(schema: Mapping[str, Any], *, smallest_step: int) -> tuple[float, float]:
    """Return the lowest and highest number; one to a hundred when the schema is silent."""
    low, high = _get(schema, "minimum"), _get(schema, "maximum")
    above, below = _get(schema, "exclusiveMinimum"), _get(schema, "exclusiveMaximum")
    if above is not None and not isinstance(above, bool):
        low = above + smallest_step
    if below is not None and not isinstance(below, bool):
        high = below - smallest_step
    if low is None and high is None:
        return 1, 100
    if low is None:
        return min(1, float(high) - 99), high
    return low, max(low, float(low) + 99 if high is None else high)
