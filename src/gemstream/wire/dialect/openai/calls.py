"""Tool calls of an assistant message and their results → function calls and responses."""

from __future__ import annotations

from typing import Any

import msgspec

from ...codec import JSONObject
from .fields import Fields
from .options import ChatOptions
from .signatures import call_signature, plain_id

__all__ = ("Call", "Step", "json_or_text", "read_calls")

_LEGACY = "function:"


class Call(msgspec.Struct, frozen=True):
    """One call in the history; ``id`` is None for the legacy form, which has names only.

    ``arguments``: a JSON object, byte by byte as the caller wrote it where it was one.
    """

    id: str | None
    name: str
    arguments: JSONObject | msgspec.Raw
    signature: str | None = None

    @property
    def key(self) -> str:
        """What its result names it by."""
        return self.id if self.id is not None else _LEGACY + self.name


class Step:
    """The calls of one assistant message and the results that have come for them."""

    __slots__ = ("_results", "calls", "place")

    def __init__(self, calls: list[Call], place: str) -> None:
        self.calls = {call.key: call for call in calls}
        self.place = place
        self._results: dict[str, JSONObject] = {}

    def answer(self, key: str, result: JSONObject) -> bool:
        """Take the result of the call ``key``, the last one counts; False when there is no such."""
        if key not in self.calls:
            return False
        self._results[key] = result
        return True

    @property
    def missing(self) -> list[str]:
        """The calls without a result."""
        return [key for key in self.calls if key not in self._results]

    def result(self, key: str) -> JSONObject:
        """Return the result of the call ``key``, or what stands for a missing one."""
        return self._results.get(key, {"response": {"error": "missing tool result"}})


def read_calls(message: Fields, options: ChatOptions) -> list[Call]:
    """Return the calls of an assistant message, those of the legacy form upgraded."""
    calls = [_read_call(call, options) for call in message.objects("tool_calls")]
    legacy = message.object("function_call")
    if legacy is not None and not calls:
        arguments = _arguments(legacy, "arguments", options)
        calls = [Call(id=None, name=_name(legacy), arguments=arguments)]
    if len({call.key for call in calls}) < len(calls):
        raise message.fault("tool_calls", "has two calls of one id: give each call its own")
    return calls


def json_or_text(text: str) -> Any:
    """Return ``text`` to be written as the JSON it is, else as text."""
    try:
        data = text.encode()
        msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError):
        return text
    # As it stands: a number of 20 digits, or 1.0, would not come out of a decoding the same.
    return msgspec.Raw(data.strip())


def _read_call(call: Fields, options: ChatOptions) -> Call:
    id = call.text("id")
    if not id:
        raise call.missing("id", "'call_1'")
    kind = call.choice("type", ("function", "custom")) or "function"
    tool = call.object(kind)
    if tool is None:
        raise call.missing(kind, '{"name": "f", …}')
    if kind == "custom":
        arguments: JSONObject | msgspec.Raw = {"input": tool.text("input") or ""}
    else:
        arguments = _arguments(tool, "arguments", options)
    signature = call_signature(call)
    if signature is None and options.signatures is not None:
        signature = options.signatures.of_call(plain_id(id))
    return Call(plain_id(id), _name(tool), arguments, signature)


def _name(tool: Fields) -> str:
    name = tool.text("name")
    if not name:
        raise tool.missing("name", "'get_weather'")
    return name


def _arguments(tool: Fields, name: str, options: ChatOptions) -> JSONObject | msgspec.Raw:
    text = tool.value(name)
    if isinstance(text, dict):
        return text
    text = (tool.text(name) or "").strip()
    if text in ("", "null"):
        return {}
    arguments = json_or_text(text)
    if isinstance(arguments, msgspec.Raw):
        return arguments if text.startswith("{") else {"value": arguments}
    if options.is_strict:
        raise tool.fault(name, f"is no JSON object: {text[:60]!r}")
    # The call must stay: its result would be an orphan, which the service refuses.
    return {"_raw": text}
