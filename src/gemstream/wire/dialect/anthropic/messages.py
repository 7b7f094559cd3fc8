"""The messages of a conversation → Gemini's ``contents`` and ``systemInstruction``.

Strategy. Messages of one role in a row are one turn. What the system says leaves the conversation;
the results for a turn's tool uses become one content in the order of the uses, and what else the
user says stands in a content behind it. ``contents.normalised`` does the rest.
Source: https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/implement-tool-use.
"""

from __future__ import annotations

from itertools import groupby

from ....errors import InvalidRequest
from ...codec import JSONObject
from ..signature import sign_current_turn
from ..tool_name import ToolNames
from .assistant import AssistantReader, Call
from .content import ContentReader, json_or_text
from .contents import normalised
from .fields import Fields
from .options import MessagesOptions
from .report import Report

__all__ = ("Conversation",)

_MISSING: JSONObject = {"response": {"error": "missing tool result"}}
_EXAMPLE = '[{"role": "user", "content": "Hello"}]'


class Conversation:
    """Reads ``system`` and ``messages``; ``system`` and ``contents`` are what came of them.

    All methods raise InvalidRequest with the place of what is wrong.
    """

    __slots__ = ("_assistant", "_calls", "_options", "_reader", "_report", "contents", "system")

    def __init__(self, options: MessagesOptions, names: ToolNames, report: Report) -> None:
        self._options = options
        self._report = report
        self._reader = ContentReader(options, report)
        self._assistant = AssistantReader(options, names, self._reader, report)
        self._calls: dict[str, Call] = {}  # of the preceding turn, still without results
        self.system: list[JSONObject] = []
        self.contents: list[JSONObject] = []

    def read(self, body: Fields) -> None:
        """Take the whole conversation in."""
        self.system += self._reader.texts(body, "system")
        messages = body.objects("messages")
        if not messages:
            raise body.missing("messages", _EXAMPLE)
        for role, turn in groupby(self._without_system(messages), key=_role):
            (self._read_user if role == "user" else self._read_assistant)(list(turn))
        self._answer_calls({}, "the conversation ends")
        self.contents = normalised(self.contents)
        if self._options.traits.needs_signatures:
            sign_current_turn(self.contents)

    def _without_system(self, messages: list[Fields]) -> list[Fields]:
        """Return the messages of the two who speak; what the system says is taken aside."""
        said = []
        for message in messages:
            if message.choice("role", ("user", "assistant", "system")) is None:
                raise message.missing("role", "'user'")
            message.value("content")
            self._report.drop_unread(message, "messages")
            if _role(message) != "system":
                said.append(message)
            elif said and self._options.inlines_late_system:
                said.append(
                    Fields({"role": "user", "content": message.value("content")}, message.path)
                )
            else:
                self.system += self._reader.texts(message, "content")
        return said

    def _read_assistant(self, turn: list[Fields]) -> None:
        parts: list[JSONObject] = []
        for message in turn:
            said, calls = self._assistant.read(message)
            parts += said
            for call in calls:
                if call.id in self._calls:
                    raise message.fault(
                        "content", f"two tool_use blocks have the id {call.id!r:.80}"
                    )
                self._calls[call.id] = call
        self.contents.append({"role": "model", "parts": parts})

    def _read_user(self, turn: list[Fields]) -> None:
        results: dict[str, JSONObject] = {}
        others: list[JSONObject] = []
        for message in turn:
            for block in self._reader.blocks(message):
                others += self._read_block(block, results)
        has_calls = bool(self._calls)
        self._answer_calls(results, f"{turn[0].path} follows")
        if others or not has_calls:
            self.contents.append({"role": "user", "parts": others})

    def _read_block(self, block: Fields, results: dict[str, JSONObject]) -> list[JSONObject]:
        kind = block.text("type")
        if kind == "tool_result":
            return self._read_result(block, results)
        if kind != "mid_conv_system":
            return self._reader.parts(block)
        texts = self._reader.texts(block, "content")
        if self._options.inlines_late_system:
            return texts
        self.system += texts
        return []

    def _read_result(self, block: Fields, results: dict[str, JSONObject]) -> list[JSONObject]:
        """Keep a tool's result, the last one counts; return the media to stand beside it."""
        id = block.filled_text("tool_use_id", "the id of the tool_use")
        text, media = self._reader.result(block)
        if id not in self._calls:
            if not self._options.repairs_history:
                raise block.fault(
                    "tool_use_id",
                    f"is {id!r:.80}, which no tool_use block of the preceding message has",
                )
            self._report.warn(f"{block.path} answers no tool_use and was left out")
            return []
        is_error = block.flag("is_error")
        self._report.drop_unread(block, "tool_result")
        result = (
            {"error": text or "the tool failed"} if is_error else {"output": json_or_text(text)}
        )
        results[id] = {"response": result}
        if not media or not self._options.traits.takes_media_in_results:
            return media
        results[id]["parts"] = media
        return []

    def _answer_calls(self, results: dict[str, JSONObject], where: str) -> None:
        """Append the ``results`` of the preceding turn's calls, in the order of the calls."""
        missing = [id for id in self._calls if id not in results]
        if missing:
            said = f"{where} and there is no tool_result for {', '.join(missing)[:200]}"
            if not self._options.repairs_history:
                raise InvalidRequest(
                    f"messages: {said}; each tool_use block needs its tool_result in the next "
                    "message"
                )
            self._report.warn(f"{said}: an error stands for it")
        calls, self._calls = self._calls, {}
        responses: list[JSONObject] = [
            {"functionResponse": {**call.head, **results.get(id, _MISSING)}}
            for id, call in calls.items()
        ]
        if responses:
            self.contents.append({"role": "user", "parts": responses})


def _role(message: Fields) -> str:
    return str(message.value("role"))
