"""What a caller may pass as ``schema`` → a JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ..errors import InvalidRequest

__all__ = ("json_schema_of",)


def json_schema_of(schema: Any) -> dict[str, Any]:
    """Return the JSON Schema of a schema, a pydantic model, or a type.

    Types are dataclasses, TypedDicts, msgspec Structs, and what these can hold, as ``list[Point]``.
    Raises InvalidRequest for anything else.
    """
    if isinstance(schema, Mapping):
        return dict(schema)
    if hasattr(schema, "model_json_schema"):  # pydantic, without importing it
        made: dict[str, Any] = schema.model_json_schema()
        return made
    try:
        return msgspec.json.schema(schema)
    except TypeError as error:
        raise InvalidRequest(
            f"schema is {schema!r:.80}; pass a JSON Schema, a dataclass, a TypedDict, a msgspec "
            f"Struct or a pydantic model ({error})"
        ) from None
