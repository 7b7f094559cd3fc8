"""When the built-in model calls a function, which one, and with which arguments."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from ...wire.codec import JSONObject, encode
from ...wire.content import FunctionCall, FunctionResponse, Part, PartialArg
from ...wire.request import GenerateContentRequest
from ...wire.tool import FunctionCallingConfig, FunctionCallingMode, FunctionDeclaration
from .prompt import PromptValues
from .schema_filler import SchemaFiller
from .signature import signature_of
from .text_pieces import pieces

__all__ = ("argument_pieces", "call_parts", "functions_to_call", "result_text")


def functions_to_call(request: GenerateContentRequest, prompt: str) -> list[FunctionDeclaration]:
    """Return the declared functions whose names stand in the prompt, in the prompt's order.

    Mode NONE calls nothing. Mode ANY calls the first allowed one when none is named.
    """
    config = _calling_config(request)
    if config.mode == FunctionCallingMode.NONE:
        return []
    declared = [one for tool in request.tools for one in tool.function_declarations]
    if config.allowed_function_names:
        declared = [one for one in declared if one.name in config.allowed_function_names]
    places = [(_place(one.name or "", prompt), one) for one in declared]
    named = sorted(((place, one) for place, one in places if place >= 0), key=lambda pair: pair[0])
    if named or config.mode != FunctionCallingMode.ANY:
        return [one for _, one in named]
    return declared[:1]


def call_parts(functions: Sequence[FunctionDeclaration], prompt: str, *, seed: str) -> list[Part]:
    """Return a call of each function; the first carries the thought signature, as the service's."""
    parts = []
    for number, function in enumerate(functions):
        name = function.name or ""
        digest = hashlib.blake2b(f"{seed}|{number}|{name}".encode(), digest_size=32).digest()
        call = FunctionCall(name=name, args=_arguments(function, prompt, seed), id=digest[:6].hex())
        signature = signature_of(digest, name) if number == 0 else None
        parts.append(Part(function_call=call, thought_signature=signature))
    return parts


def argument_pieces(part: Part) -> Iterator[Part]:
    """Yield a function call as Vertex streams it: its name, its arguments in pieces, its end.

    A piece names its value by an RFC 9535 path; pieces of one text join. An argument that is an
    empty object or list has no piece.
    """
    call = part.function_call
    assert call is not None
    opening = FunctionCall(name=call.name, id=call.id, will_continue=True)
    yield msgspec.structs.replace(part, function_call=opening)
    for path, value in _leaves("$", call.args or {}):
        for piece in _value_pieces(path, value):
            yield Part(function_call=FunctionCall(partial_args=[piece], will_continue=True))
    yield Part(function_call=FunctionCall())


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(f"{path}{_member(key)}", inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _leaves(f"{path}[{index}]", inner)
    else:
        yield path, value


def _member(key: str) -> str:
    if re.fullmatch(r"[^\W\d]\w*", key):
        return f".{key}"
    quoted = key.replace("\\", "\\\\").replace("'", "\\'")
    return f"['{quoted}']"


def _value_pieces(path: str, value: Any) -> Iterator[PartialArg]:
    if isinstance(value, str):
        *firsts, last = pieces(value) or [""]
        for text in firsts:
            yield PartialArg(json_path=path, string_value=text, will_continue=True)
        yield PartialArg(json_path=path, string_value=last)
    elif isinstance(value, bool):
        yield PartialArg(json_path=path, bool_value=value)
    elif value is None:
        yield PartialArg(json_path=path, null_value="NULL_VALUE")
    else:
        yield PartialArg(json_path=path, number_value=value)


def result_text(results: Sequence[FunctionResponse]) -> str:
    """Say what functions returned."""
    return " ".join(_one_result(result.name or "", result.response or {}) for result in results)


def _one_result(name: str, response: JSONObject) -> str:
    if "error" in response:
        return f"The function {name} failed: {_shown(response['error'])}."
    for key in ("result", "output"):
        if key in response:
            return f"The function {name} returned {_shown(response[key])}."
    return f"The function {name} returned {_shown(response)}."


def _shown(value: object) -> str:
    return value if isinstance(value, str) else encode(value).decode()


def _calling_config(request: GenerateContentRequest) -> FunctionCallingConfig:
    config = request.tool_config.function_calling_config if request.tool_config else None
    return config or FunctionCallingConfig()


def _place(name: str, prompt: str) -> int:
    """Where ``name`` stands in the prompt as a word, also with spaces for underscores; or -1."""
    words = re.escape(name).replace("_", "[_ ]")
    found = re.search(rf"(?<!\w){words}(?!\w)", prompt, re.IGNORECASE) if name else None
    return found.start() if found else -1


def _arguments(function: FunctionDeclaration, prompt: str, seed: str) -> JSONObject:
    schema = function.parameters_json_schema or function.parameters or {}
    values = PromptValues(prompt, ignore=function.name or "")
    filled = SchemaFiller({"type": "object", **schema}, seed=seed, values=values).fill()
    return filled if isinstance(filled, dict) else {}
