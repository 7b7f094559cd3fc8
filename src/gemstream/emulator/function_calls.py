"""When the built-in model calls a function, which one, and with which arguments."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence

from ..wire.codec import JSONObject, encode
from ..wire.content import FunctionCall, FunctionResponse, Part
from ..wire.request import GenerateContentRequest
from ..wire.tool import FunctionCallingConfig, FunctionCallingMode, FunctionDeclaration
from .prompt import PromptValues
from .schema_filler import SchemaFiller

__all__ = ("call_parts", "functions_to_call", "result_text")


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
        signature = base64.b64encode(digest).decode() if number == 0 else None
        parts.append(Part(function_call=call, thought_signature=signature))
    return parts


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
