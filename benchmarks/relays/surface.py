"""How a caller asks for a stream, in each dialect, with what each relay wants to be told."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

__all__ = ("ANTHROPIC", "GEMINI", "KEY", "OPENAI", "Surface")

KEY = "sk-benchmark-key-of-24-characters"
_MODEL = "gemini-2.5-flash"


@dataclass(frozen=True, eq=False)  # one of a dialect
class Surface:
    """A dialect: its path, the header that holds the key, and the fields of its body."""

    name: str
    path: str
    key: str
    fields: dict[str, Any]

    def headers(self, key: str, upstream: int) -> list[str]:
        """Return a request's header lines. Those of Portkey mean nothing to anybody else."""
        return [
            f"{self.key}{key}",
            "x-portkey-provider: google",
            f"x-portkey-custom-host: http://127.0.0.1:{upstream}/v1beta",
        ]

    def body(self, prompt: str) -> str:
        """Return a request's body."""
        if self is GEMINI:
            content = {"contents": [{"role": "user", "parts": [{"text": prompt}]}]}
        else:
            content = {"messages": [{"role": "user", "content": prompt}]}
        return json.dumps({**self.fields, **content})


_CHAT = {"model": _MODEL, "stream": True, "max_tokens": 4096}

GEMINI = Surface(
    "Gemini", f"/v1beta/models/{_MODEL}:streamGenerateContent?alt=sse", "x-goog-api-key: ", {}
)
OPENAI = Surface(
    "OpenAI",
    "/v1/chat/completions",
    "Authorization: Bearer ",
    {**_CHAT, "stream_options": {"include_usage": True}},
)
ANTHROPIC = Surface("Anthropic", "/v1/messages", "x-api-key: ", _CHAT)
