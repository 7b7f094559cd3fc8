"""Gemini's contents, candidates and tools as the messages of OpenTelemetry's GenAI conventions.

Plain JSON in, plain JSON out. Only a hook that was told to capture content comes here.
Source: gen-ai-input-messages.json and gen-ai-output-messages.json of semantic-conventions-genai.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from . import semconv

__all__ = ("request_messages", "response_messages")

JSON = Mapping[str, Any]

_ROLES = {"model": "assistant", "function": "tool"}
# The conventions name five ways to finish; what none of them covers keeps Gemini's name.
_FINISHES = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "OTHER": "error",
    "FINISH_REASON_UNSPECIFIED": "error",
    "MALFORMED_FUNCTION_CALL": "error",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "IMAGE_SAFETY": "content_filter",
}
# Beside the one field that says what a part is; thought signatures are opaque and never recorded.
_NOT_CONTENT = ("thought", "thoughtSignature", "videoMetadata", "mediaResolution", "partMetadata")


def request_messages(body: Any) -> dict[str, Any]:
    """Return the attributes that say what a request asks: messages, instructions, tools."""
    if not isinstance(body, Mapping):
        return {}
    # countTokens may carry a whole request of generateContent.
    body = body.get("generateContentRequest", body)
    told = {
        semconv.INPUT_MESSAGES: [_message(content) for content in _objects(body, "contents")],
        semconv.SYSTEM_INSTRUCTIONS: _instructions(body.get("systemInstruction")),
        semconv.TOOL_DEFINITIONS: [
            definition for tool in _objects(body, "tools") for definition in _definitions(tool)
        ],
    }
    return {name: value for name, value in told.items() if value}


def response_messages(answer: Any) -> dict[str, Any]:
    """Return the attribute that says what the model answered; none without a candidate."""
    messages = [_output(candidate) for candidate in _objects(answer, "candidates")]
    return {semconv.OUTPUT_MESSAGES: messages} if messages else {}


# --- messages --------------------------------------------------------------------------------


def _message(content: JSON) -> dict[str, Any]:
    role = content.get("role") or "user"
    return {"role": _ROLES.get(role, role), "parts": _parts(content)}


def _output(candidate: JSON) -> dict[str, Any]:
    message = _message({"role": "model", **(candidate.get("content") or {})})
    reason = candidate.get("finishReason")
    # No reason arrived: the answer broke off.
    return {**message, "finish_reason": _FINISHES.get(reason, reason) if reason else "error"}


def _instructions(content: Any) -> list[dict[str, Any]]:
    return _parts(content) if isinstance(content, Mapping) else []


def _parts(content: JSON) -> list[dict[str, Any]]:
    return [_part(part) for part in _objects(content, "parts")]


def _part(part: JSON) -> dict[str, Any]:
    for field, told in _PARTS.items():
        if field in part:
            return told(part[field], part)
    # A kind of part that came after this table keeps its name and its value.
    field = next((name for name in part if name not in _NOT_CONTENT), "empty")
    return {"type": field, "content": part.get(field)}


# --- parts -----------------------------------------------------------------------------------


def _text(text: Any, part: JSON) -> dict[str, Any]:
    return {"type": "reasoning" if part.get("thought") else "text", "content": text}


def _blob(data: JSON, part: JSON) -> dict[str, Any]:
    return {"type": "blob", **_medium(data), "content": data.get("data", "")}


def _uri(data: JSON, part: JSON) -> dict[str, Any]:
    return {"type": "uri", **_medium(data), "uri": data.get("fileUri", "")}


def _medium(data: JSON) -> dict[str, Any]:
    kind = data.get("mimeType") or ""
    return {"mime_type": kind, "modality": kind.partition("/")[0]}


def _call(call: JSON, part: JSON) -> dict[str, Any]:
    return {
        "type": "tool_call",
        "id": call.get("id"),
        "name": call.get("name", ""),
        "arguments": call.get("args"),
    }


def _call_response(answer: JSON, part: JSON) -> dict[str, Any]:
    return {
        "type": "tool_call_response",
        "id": answer.get("id"),
        "response": answer.get("response"),
    }


def _code(code: JSON, part: JSON) -> dict[str, Any]:
    return {
        "type": "server_tool_call",
        "id": code.get("id"),
        "name": "code_execution",
        "server_tool_call": {
            "type": "code_execution",
            "code": code.get("code"),
            "language": code.get("language"),
        },
    }


def _code_result(result: JSON, part: JSON) -> dict[str, Any]:
    return {
        "type": "server_tool_call_response",
        "id": result.get("id"),
        "server_tool_call_response": {
            "type": "code_execution",
            "outcome": result.get("outcome"),
            "output": result.get("output"),
        },
    }


_PARTS: Mapping[str, Callable[[Any, JSON], dict[str, Any]]] = {
    "text": _text,
    "inlineData": _blob,
    "fileData": _uri,
    "functionCall": _call,
    "functionResponse": _call_response,
    "executableCode": _code,
    "codeExecutionResult": _code_result,
}


# --- tools -----------------------------------------------------------------------------------


def _definitions(tool: JSON) -> list[dict[str, Any]]:
    functions = [
        {
            "type": "function",
            "name": one.get("name", ""),
            "description": one.get("description"),
            "parameters": one.get("parameters") or one.get("parametersJsonSchema"),
        }
        for one in _objects(tool, "functionDeclarations")
    ]
    others = [{"type": name, "name": name} for name in tool if name != "functionDeclarations"]
    return functions + others


def _objects(owner: Any, field: str) -> list[JSON]:
    """The JSON objects of a list; a lone object, which the API takes as well, is a list of one."""
    found = owner.get(field) if isinstance(owner, Mapping) else None
    items = found if isinstance(found, list | tuple) else [found]
    return [item for item in items if isinstance(item, Mapping)]
