"""The messages of a chat → Gemini's ``contents`` and ``systemInstruction``.

Strategy. Messages are taken one by one. What the system says leaves the conversation; the results
of one step's calls become one content in the order of the calls; empty messages vanish before
anything is compared with its neighbour, so that they part nothing. Contents of the same role join,
parts never do.
"""

from __future__ import annotations

from collections.abc import Callable

from ...codec import JSONObject
from ..invalid_parameter import InvalidParameter
from ..signature import sign_current_turn
from ..tool_name import ToolNames
from .calls import Call, Step, json_or_text, read_calls
from .content import ContentReader
from .fields import Fields
from .options import ChatOptions
from .report import Report
from .signatures import image_signature, is_thought, message_signature, plain_id

__all__ = ("Conversation",)

_BLANK: JSONObject = {"text": " "}  # Gemini refuses a user who says nothing at all
_RESPONSE = "functionResponse"


class Conversation:
    """Reads the ``messages`` of a request; ``system`` and ``contents`` are what came of them."""

    __slots__ = (
        "_ends_with_results",
        "_names",
        "_options",
        "_reader",
        "_report",
        "_step",
        "_users",
        "contents",
        "system",
    )

    def __init__(self, options: ChatOptions, names: ToolNames, report: Report) -> None:
        self._options = options
        self._names = names
        self._report = report
        self._reader = ContentReader(options)
        self._step: Step | None = None
        self._users = 0
        self._ends_with_results = False  # the last content; looked up, for it may be long
        self.system: list[JSONObject] = []
        self.contents: list[JSONObject] = []

    def read(self, body: Fields) -> None:
        """Take all messages in; raises InvalidParameter with the place of what is wrong."""
        messages = body.objects("messages")
        if not messages:
            raise body.missing("messages", '[{"role": "user", "content": "Hello"}]')
        self._users = sum(message.value("role") == "user" for message in messages)
        for message in messages:
            role = message.choice("role", _ROLES)
            if role is None:
                raise message.missing("role", "'user'")
            _ROLES[role](self, message)
        self._end_step()
        if not self.contents or self.contents[0]["role"] == "model":
            self.contents.insert(0, {"role": "user", "parts": [_BLANK]})
        if self._options.traits.needs_signatures:
            sign_current_turn(self.contents)

    def _read_system(self, message: Fields) -> None:
        parts: list[JSONObject] = [{"text": text} for text in self._reader.texts(message)]
        is_late = bool(self.contents) or self._step is not None
        if not (is_late and self._options.inlines_late_system):
            self.system += parts
        elif parts:
            self._end_step()
            self._add("user", parts)

    def _read_user(self, message: Fields) -> None:
        self._drop_fields(message, "name")
        parts = self._reader.parts(message)
        if not parts and self._users == 1:
            parts = [_BLANK]
        if parts:
            self._end_step()
            self._add("user", parts)

    def _read_assistant(self, message: Fields) -> None:
        self._drop_fields(message, "name", "audio")
        calls = read_calls(message, self._options)
        parts = self._said(message, calls)
        if not parts:
            return
        self._end_step()
        self._add("model", parts)
        if calls:
            self._step = Step(calls, message.path)

    def _said(self, message: Fields, calls: list[Call]) -> list[JSONObject]:
        """Return the parts of an assistant message: what the service ran, text, images, calls."""
        extra = message.object("extra_content") or Fields({})
        google = extra.object("google") or Fields({})
        parts = [item for item in google.items("parts") or () if isinstance(item, dict)]
        parts += self._reader.parts(message)
        if not parts and (refusal := message.text("refusal")):
            parts.append({"text": refusal})
        self._sign_text(parts, message, calls)
        images = message.objects("images")
        parts += [self._image(image) for image in images if not is_thought(image)]
        parts += [self._call(call) for call in calls]
        return parts

    def _sign_text(self, parts: list[JSONObject], message: Fields, calls: list[Call]) -> None:
        texts = [part for part in parts if part.get("text")]
        signature = message_signature(message)
        if signature is None and texts and self._options.signatures is not None:
            whole = "".join(part["text"] for part in texts)
            signature = self._options.signatures.of_text(whole)
        if signature is None:
            return
        if texts:
            texts[-1].setdefault("thoughtSignature", signature)
        else:
            parts.append({"text": "", "thoughtSignature": signature})

    def _image(self, image: Fields) -> JSONObject:
        part = self._reader.image(image)
        signature = image_signature(image)
        return {**part, "thoughtSignature": signature} if signature else part

    def _call(self, call: Call) -> JSONObject:
        name = self._names.upstream(call.name)
        part: JSONObject = {"functionCall": {**self._id(call), "name": name}}
        part["functionCall"]["args"] = call.arguments
        if call.signature:
            part["thoughtSignature"] = call.signature
        return part

    def _id(self, call: Call) -> JSONObject:
        echoes = self._options.echoes_ids
        if echoes is None:
            echoes = self._options.traits.takes_call_ids
        return {"id": call.id} if echoes and call.id is not None else {}

    def _read_result(self, message: Fields) -> None:
        id = message.text("tool_call_id")
        if not id:
            raise message.missing("tool_call_id", "the id of the call")
        self._answer(message, "tool_call_id", plain_id(id))

    def _read_legacy_result(self, message: Fields) -> None:
        name = message.text("name")
        if not name:
            raise message.missing("name", "the function's")
        self._answer(message, "name", Call(None, name, {}).key)

    def _answer(self, message: Fields, field: str, key: str) -> None:
        parts = self._reader.parts(message)
        text = "".join(part.get("text", "") for part in parts)
        media = [part for part in parts if "text" not in part]
        result: JSONObject = {"response": {"output": json_or_text(text)}, "media": media}
        if self._step is not None and self._step.answer(key, result):
            return
        if not self._options.repairs_history:
            value = message.value(field)
            raise message.fault(
                field,
                f"is {value!r:.60}, which no call of the preceding assistant message has: a tool "
                "message must follow the message with its call",
            )
        self._report.warn(f"{message.path} answers no call and was left out")

    def _end_step(self) -> None:
        step, self._step = self._step, None
        if step is None:
            return
        if step.missing:
            self._refuse_missing(step)
        responses, beside = [], []
        for key, call in step.calls.items():
            response, media = self._response(call, step.result(key))
            responses.append(response)
            beside += media
        self._add("user", responses)
        if beside:
            self._add("user", beside)

    def _refuse_missing(self, step: Step) -> None:
        said = f"{step.place} has no result for {', '.join(step.missing)}"
        if self._options.repairs_history:
            self._report.warn(f"{said}: an error stands for it")
            return
        raise InvalidParameter(
            f"{said}: an assistant message with tool calls must be followed by tool messages, one "
            "for each tool_call_id",
            param=step.place,
        )

    def _response(self, call: Call, result: JSONObject) -> tuple[JSONObject, list[JSONObject]]:
        """Return the response to ``call`` and the media that must stand beside it."""
        name = self._names.upstream(call.name)
        response: JSONObject = {**self._id(call), "name": name, "response": result["response"]}
        media = result.get("media", [])
        if media and self._options.traits.takes_media_in_results:
            response["parts"] = media
            media = []
        return {_RESPONSE: response}, media

    def _add(self, role: str, parts: list[JSONObject]) -> None:
        """Append a content, or join it to its neighbour of the same role and kind.

        Results and other parts in one content would be read as the wrong speaker's.
        """
        last = self.contents[-1] if self.contents else None
        has_results = any(_RESPONSE in part for part in parts)
        if last is not None and last["role"] == role and self._ends_with_results == has_results:
            last["parts"] += parts
        else:
            self.contents.append({"role": role, "parts": parts})
            self._ends_with_results = has_results

    def _drop_fields(self, message: Fields, *names: str) -> None:
        for name in names:
            if message.value(name) is not None:
                self._report.drop(f"messages.{name}")


_ROLES: dict[str, Callable[[Conversation, Fields], None]] = {
    "system": Conversation._read_system,
    "developer": Conversation._read_system,
    "user": Conversation._read_user,
    "assistant": Conversation._read_assistant,
    "tool": Conversation._read_result,
    "function": Conversation._read_legacy_result,
}
