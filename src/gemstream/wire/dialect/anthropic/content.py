"""What a user and a tool say: content blocks → Gemini's parts.

Source: https://docs.anthropic.com/en/api/messages, ``messages.content``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from ...codec import JSONObject
from .fields import Fields
from .media import MediaReader
from .options import MessagesOptions
from .report import Report

__all__ = ("ContentReader", "is_of_servers_tool", "json_or_text")


class ContentReader:
    """Reads ``content`` fields into parts, those of empty texts left out."""

    __slots__ = ("_media", "_report")

    def __init__(self, options: MessagesOptions, report: Report) -> None:
        self._media = MediaReader(options)
        self._report = report

    def blocks(self, holder: Fields) -> list[Fields]:
        """Return the blocks of a content, plain text as the one block it stands for."""
        content = holder.value("content")
        if isinstance(content, str):
            return [Fields({"type": "text", "text": content}, holder.place("content"))]
        if content is None or isinstance(content, list):
            return holder.objects("content")
        raise holder.fault("content", "must be text or a list of blocks")

    def parts(self, block: Fields) -> list[JSONObject]:
        """Return the parts of one block of a user or of a tool's result."""
        kind = block.text("type")
        if kind in _READERS:
            parts = [part for part in _READERS[kind](self, block) if part != {"text": ""}]
            self._report.drop_unread(block, kind)
            return parts
        if kind is not None and is_of_servers_tool(kind):
            self._report.drop(kind)
            return []
        # No reader: the choice refuses, and names the nearest type.
        block.choice("type", [*_READERS, "tool_result", "tool_use"])
        if kind is None:
            raise block.missing("type", "'text'")
        raise block.fault("type", f"a {kind} block has no place here")

    def texts(self, holder: Fields, name: str) -> list[JSONObject]:
        """Return the text parts of a field that may hold nothing else, as ``system``."""
        value = holder.value(name)
        if isinstance(value, str):
            return [{"text": value}] if value else []
        parts = []
        for block in holder.objects(name):
            if block.choice("type", ["text"]) is None:
                raise block.missing("type", "'text'")
            parts += self._text(block)
        return [part for part in parts if part["text"]]

    def result(self, block: Fields) -> tuple[str, list[JSONObject]]:
        """Return the text of a tool's result, and the media in it."""
        parts = [part for inner in self.blocks(block) for part in self.parts(inner)]
        texts = [part["text"] for part in parts if "text" in part]
        return "\n".join(texts), [part for part in parts if "text" not in part]

    def _text(self, block: Fields) -> list[JSONObject]:
        return [{"text": block.required_text("text", "'Hello'")}]

    def _image(self, block: Fields) -> list[JSONObject]:
        return [self._media.image(block)]

    def _document(self, block: Fields) -> list[JSONObject]:
        return self._media.document(block, self._content)

    def _content(self, holder: Fields) -> list[JSONObject]:
        blocks = self.blocks(holder)
        for block in blocks:
            if block.choice("type", ("text", "image")) is None:
                raise block.missing("type", "'text'")
        return [part for block in blocks for part in self.parts(block)]

    def _search_result(self, block: Fields) -> list[JSONObject]:
        head = [block.required_text("title", "'A page'"), block.required_text("source", "its URL")]
        texts = [part["text"] for part in self.texts(block, "content")]
        return [{"text": "\n".join([*head, *texts])}]

    def _tool_reference(self, block: Fields) -> list[JSONObject]:
        return [{"text": block.required_text("tool_name", "'get_weather'")}]


def is_of_servers_tool(kind: str) -> bool:
    """Return whether a block of this type is about a tool that Anthropic runs, or has run."""
    return kind in ("server_tool_use", "mcp_tool_use") or kind.endswith("_tool_result")


def json_or_text(text: str) -> Any:
    """Return ``text`` to be written as the JSON it is, else as text."""
    data = text.encode("utf-8", "replace")
    try:
        msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError):
        return text
    # As it stands: a number of 20 digits, or 1.0, would not come out of a decoding the same.
    return msgspec.Raw(data.strip())


_READERS: dict[str, Callable[[ContentReader, Fields], list[JSONObject]]] = {
    "text": ContentReader._text,
    "image": ContentReader._image,
    "document": ContentReader._document,
    "search_result": ContentReader._search_result,
    "tool_reference": ContentReader._tool_reference,
}
