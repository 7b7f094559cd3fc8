"""``response_format`` → the MIME type and schema of Gemini's answer."""

from __future__ import annotations

import msgspec

from ...codec import JSONObject, encode
from ..json_schema import to_json_schema
from ..openapi_schema import to_openapi_schema
from .fields import Fields
from .options import ChatOptions

__all__ = ("AnswerFormat", "read_answer_format")

_KINDS = ("text", "json_object", "json_schema")
_JSON = "application/json"


class AnswerFormat(msgspec.Struct, frozen=True):
    """``config`` goes into generationConfig; ``schema`` is the caller's own, None for any JSON."""

    config: JSONObject
    schema: JSONObject | None = None

    def in_words(self) -> str:
        """Return the format as an instruction, for models that take none beside functions."""
        if self.schema is None:
            return "Answer with one JSON object and nothing else."
        schema = encode(self.schema).decode()
        return f"Answer with JSON and nothing else, valid under this JSON Schema: {schema}"


def read_answer_format(body: Fields, options: ChatOptions) -> AnswerFormat | None:
    """Return the format that ``body`` asks for, None for plain text."""
    format = body.object("response_format")
    kind = format and format.choice("type", _KINDS)
    if format is None or kind == "text":
        return None
    if kind is None:
        raise format.missing("type", "'json_schema'")
    if kind == "json_object":
        return AnswerFormat({"responseMimeType": _JSON})
    named = format.object("json_schema")
    schema = named and named.object("schema")
    if named is None or schema is None:
        raise format.missing("json_schema", '{"name": "answer", "schema": {…}}')
    with named.blamed("schema"):
        if options.traits.takes_json_schema:
            shape: JSONObject = {"responseJsonSchema": to_json_schema(schema.plain)}
        else:
            converted = to_openapi_schema(
                schema.plain, is_vertex=options.is_vertex, is_ordered=True
            )
            shape = {"responseSchema": converted}
    return AnswerFormat({"responseMimeType": _JSON, **shape}, schema.plain)
