"""What the assistant said: thoughts, text and tool uses → the parts of a model's turn.

A thought signature comes back in a thinking block in front of the part it belongs to, in an
envelope of ours; blocks that others signed are of no use to Gemini and are left out.
Source: https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from ...codec import JSONObject
from ..neutral import SignatureTarget
from ..signature import Envelope, decode_envelope
from ..tool_name import ToolNames
from .content import ContentReader, is_of_servers_tool
from .fields import Fields
from .images import image_key, parts_of_text
from .options import MessagesOptions
from .report import Report

__all__ = ("AssistantReader", "Call")


class Call(msgspec.Struct, frozen=True):
    """One tool use in the history; ``head`` is what its call and its response have in common."""

    id: str
    head: JSONObject


class AssistantReader:
    """Reads messages of the assistant; raises InvalidRequest with the place of what is wrong."""

    __slots__ = ("_names", "_options", "_reader", "_report")

    def __init__(
        self, options: MessagesOptions, names: ToolNames, reader: ContentReader, report: Report
    ) -> None:
        self._options = options
        self._names = names
        self._reader = reader
        self._report = report

    def read(self, message: Fields) -> tuple[list[JSONObject], list[Call]]:
        """Return the parts of ``message`` and the calls among them."""
        said = _Said()
        for block in self._reader.blocks(message):
            kind = block.text("type")
            if kind is not None and is_of_servers_tool(kind):
                self._report.drop(kind)
                continue
            if (kind := block.choice("type", _READERS)) is None:
                raise block.missing("type", "'text'")
            _READERS[kind](self, block, said)
            self._report.drop_unread(block, kind)
        self._sign_text(said.parts)
        return said.parts, said.calls

    def _read_text(self, block: Fields, said: _Said) -> None:
        for read in self._reader.parts(block):
            for part in parts_of_text(read["text"]):
                said.add(part, SignatureTarget.TEXT)

    def _read_call(self, block: Fields, said: _Said) -> None:
        id = block.filled_text("id", "'toolu_1'")
        name = self._names.upstream(block.filled_text("name", "'get_weather'"))
        echoes = self._options.echoes_ids
        if echoes is None:
            echoes = self._options.traits.takes_call_ids
        head: JSONObject = {"id": id, "name": name} if echoes else {"name": name}
        part: JSONObject = {"functionCall": {**head, "args": self._input(block)}}
        said.add(part, SignatureTarget.CALL)
        if self._options.signatures is not None and "thoughtSignature" not in part:
            _sign(part, self._options.signatures.of_call(id))
        said.calls.append(Call(id, head))

    def _input(self, block: Fields) -> JSONObject:
        value = block.value("input")
        if value is None or value == "":
            return {}
        if isinstance(value, str):
            value = _object_in(value)
        if isinstance(value, dict):
            return value
        if self._options.is_strict:
            raise block.fault("input", f"must be an object, not {value!r:.60}")
        # The call must stay: its result would be an orphan, which the service refuses.
        return {"_raw": value} if isinstance(value, str) else {"value": value}

    def _read_thinking(self, block: Fields, said: _Said) -> None:
        text = block.text("thinking") or ""
        envelope = self._envelope(block.text("signature"))
        if envelope is None:
            return
        said.carried[envelope.target] = envelope
        if envelope.target is SignatureTarget.THOUGHT:
            # The signed part is the thought itself, so it goes back with it.
            said.add({"text": text, "thought": True}, SignatureTarget.THOUGHT)
        elif self._options.replays_thoughts and text:
            said.parts.append({"text": text, "thought": True})

    def _read_redacted(self, block: Fields, said: _Said) -> None:
        envelope = self._envelope(block.text("data"))
        if envelope is not None:
            said.carried[envelope.target] = envelope

    def _envelope(self, carrier: str | None) -> Envelope | None:
        return decode_envelope(carrier, key=self._options.envelope_key) if carrier else None

    def _sign_text(self, parts: list[JSONObject]) -> None:
        """Restore the signatures of the answer's text and images that no block carried."""
        kept = self._options.signatures
        if kept is None:
            return
        texts = [part for part in parts if "text" in part and not part.get("thought")]
        if texts and not any("thoughtSignature" in part for part in texts):
            _sign(texts[-1], kept.of_text("".join(part["text"] for part in texts)))
        for part in parts:
            if "inlineData" in part and "thoughtSignature" not in part:
                _sign(part, kept.of_text(image_key(part["inlineData"]["data"])))


class _Said:
    """What was read of a message so far; ``carried`` are signatures whose part has not come."""

    __slots__ = ("calls", "carried", "parts")

    def __init__(self) -> None:
        self.parts: list[JSONObject] = []
        self.calls: list[Call] = []
        self.carried: dict[SignatureTarget, Envelope] = {}

    def add(self, part: JSONObject, target: SignatureTarget) -> None:
        """Append ``part`` with the signature that was carried in front of it."""
        envelope = self.carried.pop(target, None)
        _sign(part, None if envelope is None else envelope.signature)
        self.parts.append(part)


def _sign(part: JSONObject, signature: str | None) -> None:
    if signature:  # the service refuses a null or empty one
        part["thoughtSignature"] = signature


def _object_in(text: str) -> object:
    """Return the JSON object that ``text`` holds, else ``text``."""
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text
    return value if isinstance(value, dict) else text


_READERS: dict[str, Callable[[AssistantReader, Fields, _Said], None]] = {
    "text": AssistantReader._read_text,
    "tool_use": AssistantReader._read_call,
    "thinking": AssistantReader._read_thinking,
    "redacted_thinking": AssistantReader._read_redacted,
}
