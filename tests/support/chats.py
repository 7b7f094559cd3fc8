"""Chat requests of OpenAI's callers, translated for a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gemstream.wire.dialect.model_traits import traits_of
from gemstream.wire.dialect.openai import ChatOptions, ChatRequest, chat_request

PLAIN = {"messages": [{"role": "user", "content": "hi"}]}
FLASH_3 = "gemini-3-flash"
FLASH_2_5 = "gemini-2.5-flash"
FLASH_2_0 = "gemini-2.0-flash"

_FILE = Path(__file__).parents[1] / "vectors" / "openai.json"
VECTORS: dict[str, Any] = {case["id"]: case for case in json.loads(_FILE.read_text("utf-8"))}


def translated(body: dict[str, Any], **options: Any) -> ChatRequest:
    """The request that becomes of ``body``, a plain chat where it says nothing of messages."""
    body = {"model": FLASH_2_5, **PLAIN, **body}
    options = {"model": body["model"], "traits": traits_of(body["model"]), **options}
    return chat_request(json.dumps(body).encode(), options=ChatOptions(**options))


def gemini(body: dict[str, Any], **options: Any) -> Any:
    """The Gemini request that becomes of ``body``, as JSON."""
    return json.loads(translated(body, **options).body)


def call(id: str, name: str = "f", arguments: str = "{}", **more: Any) -> dict[str, Any]:
    """An entry of ``tool_calls``."""
    return {
        "id": id,
        "type": "function",
        "function": {"name": name, "arguments": arguments},
        **more,
    }


def result(id: str, content: Any = "1") -> dict[str, Any]:
    """A tool message."""
    return {"role": "tool", "tool_call_id": id, "content": content}


def function(name: str = "f", **more: Any) -> dict[str, Any]:
    """A declared function with one parameter."""
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    return {"type": "function", "function": {"name": name, "parameters": schema, **more}}
