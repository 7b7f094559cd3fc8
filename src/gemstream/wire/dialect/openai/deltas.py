"""Neutral events → the steps of a chat answer, the same for a stream and for a whole answer.

The first candidate opens with the answer, so that its caller hears at once that it was accepted;
the others open with the first event of their own. What Gemini says beside the content waits for the
candidate's end: clients join the text of fields that come twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from ....errors import GemstreamError, ProtocolError, StreamTruncated
from ...codec import JSONObject, decode_plain
from ..neutral import (
    Blocked,
    CallArguments,
    CallClosed,
    CallOpened,
    Ended,
    Event,
    Failed,
    Finished,
    Media,
    Metadata,
    RawPart,
    Signature,
    SignatureTarget,
    Started,
    Text,
    Thought,
    Usage,
)
from ..signature import SignatureWrite
from ..tool_id import OPENAI_PREFIX, ToolIds
from .candidate import OpenCall, OpenCandidate
from .delta import (
    Annotations,
    Audio,
    Broken,
    CallHead,
    CallPiece,
    Closing,
    Counts,
    Delta,
    Done,
    Extras,
    Image,
    ImageSignature,
    Logprobs,
    Opening,
    Refused,
)
from .finish import BLOCKED_PREFIX, MALFORMED, finish_reason
from .grounding import url_citations
from .logprobs import token_logprobs
from .wishes import ChatWishes, ImageForm

__all__ = ("Deltas",)

_LOGPROBS = "logprobsResult"
_GROUNDING = "groundingMetadata"
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class Deltas:
    """The state machine of one answer; ``seed`` makes the ids of calls its own."""

    __slots__ = (
        "_candidates",
        "_ids",
        "_model",
        "_seed",
        "_usage",
        "dropped_calls",
        "failure",
        "is_over",
        "wishes",
        "writes",
    )

    def __init__(self, wishes: ChatWishes, *, seed: str) -> None:
        self.wishes = wishes
        self.is_over = False
        self.writes: list[SignatureWrite] = []  # signatures to keep for callers who lose them
        self.dropped_calls = 0
        self.failure: GemstreamError | None = None
        self._model = ""
        self._seed = seed
        self._ids = ToolIds(seed, OPENAI_PREFIX)
        self._candidates: dict[int, OpenCandidate] = {}
        self._usage: Usage | None = None

    def receive(self, event: Event) -> Iterable[Delta]:
        """Return the steps that ``event`` brings; none after the end of the answer."""
        return () if self.is_over else _STEPS[type(event)](self, event)

    def _start(self, event: Started) -> Iterator[Delta]:
        self._model = event.model
        yield from self._opened(0)

    def _opened(self, number: int) -> Iterator[Delta]:
        # In their order: OpenAI's SDK takes the first one it sees for number 0, and so on.
        for each in range(len(self._candidates), number + 1):
            self._candidates[each] = OpenCandidate(each)
            yield Opening(each)

    def _content(self, event: Text | Thought) -> Iterable[Delta]:
        # No generator: nearly every event comes here, and one more costs 0.3 µs.
        opening = () if event.candidate in self._candidates else self._opened(event.candidate)
        steps = (*opening, event)
        candidate = self._candidates[event.candidate]
        candidate.is_empty = False
        candidate.fresh_image = None
        if self.wishes.keeps_text and type(event) is Text:
            candidate.text.append(event.text)
        return steps

    def _sign(self, event: Signature) -> Iterator[Delta]:
        yield from self._opened(event.candidate)
        candidate = self._candidates[event.candidate]
        if event.target is SignatureTarget.CALL:
            candidate.signatures[event.number] = event.value
        elif event.target is SignatureTarget.SERVER:
            return  # it stands in its raw part, too
        elif candidate.fresh_image is not None:
            yield ImageSignature(event.candidate, candidate.fresh_image, event.value)
            candidate.fresh_image = None
        elif event.target is SignatureTarget.TEXT:
            # A thought's is not kept: callers do not bring thoughts back, and no other part may
            # have it.
            candidate.extras["thought_signature"] = event.value

    def _open_call(self, event: CallOpened) -> Iterator[Delta]:
        yield from self._opened(event.candidate)
        candidate = self._candidates[event.candidate]
        candidate.is_empty = False
        candidate.fresh_image = None
        if self.wishes.is_one_call and event.number > 0:
            self.dropped_calls += 1
            return
        call = OpenCall(event.name in self.wishes.custom_tools)
        candidate.calls[event.number] = call
        id = self._ids.give(event.id, candidate=event.candidate, number=event.number)
        signature = candidate.signatures.pop(event.number, None)
        if signature:
            self.writes.append(SignatureWrite(value=signature, model=self._model, call_id=id))
        name = self.wishes.tool_names.get(event.name, event.name)
        yield CallHead(event.candidate, event.number, id, name, signature, call.is_custom)

    def _argue(self, event: CallArguments) -> Iterator[Delta]:
        call = self._candidates[event.candidate].calls.get(event.number)
        if call is None:
            return
        call.pieces.append(event.json)
        if not call.is_custom:
            yield CallPiece(event.candidate, event.number, event.json)

    def _close_call(self, event: CallClosed) -> Iterator[Delta]:
        call = self._candidates[event.candidate].calls.get(event.number)
        if call is None:
            return
        if call.is_custom:
            text = _custom_input("".join(call.pieces))
            yield CallPiece(event.candidate, event.number, text, is_custom=True)
        elif not call.pieces:
            yield CallPiece(event.candidate, event.number, "{}")
        call.pieces.clear()

    def _media(self, event: Media) -> Iterator[Delta]:
        yield from self._opened(event.candidate)
        candidate = self._candidates[event.candidate]
        candidate.is_empty = False
        candidate.fresh_image = None
        kind = event.mime_type.partition("/")[0]
        if kind == "audio":
            id = None if candidate.has_audio else f"audio_{self._seed}_{event.candidate}"
            candidate.has_audio = True
            yield Audio(event.candidate, event.data, id)
        elif kind == "image":
            yield from self._image(event, candidate)
        else:
            blob = {"mimeType": event.mime_type, "data": event.data}
            candidate.parts.append({"inlineData": blob})

    def _image(self, event: Media, candidate: OpenCandidate) -> Iterator[Delta]:
        url = f"data:{event.mime_type};base64,{event.data}"
        if self.wishes.image_form is ImageForm.MARKDOWN and not event.is_thought:
            yield Text(f"![image]({url})", event.candidate)
            return
        candidate.fresh_image = candidate.images
        candidate.images += 1
        yield Image(event.candidate, candidate.fresh_image, url, event.is_thought)

    def _raw(self, event: RawPart) -> Iterator[Delta]:
        yield from self._opened(event.candidate)
        candidate = self._candidates[event.candidate]
        candidate.is_empty = False
        candidate.fresh_image = None
        candidate.parts.append(msgspec.Raw(event.json))

    def _note(self, event: Metadata) -> Iterator[Delta]:
        yield from self._opened(event.candidate)
        candidate = self._candidates[event.candidate]
        if event.name == _LOGPROBS:
            if tokens := token_logprobs(event.json):
                yield Logprobs(event.candidate, tokens)
            return
        candidate.notes[event.name] = _joined(candidate.notes.get(event.name), event.json)

    def _count(self, event: Usage) -> Iterator[Delta]:
        self._usage = event
        yield from ()

    def _block(self, event: Blocked) -> Iterator[Delta]:
        yield from self._opened(0)
        yield Refused(0, f"Prompt blocked by upstream: {event.reason}")
        for candidate in self._candidates.values():
            candidate.is_closed = True
            yield Closing(candidate.number, "content_filter", BLOCKED_PREFIX + event.reason)

    def _finish(self, event: Finished) -> Iterator[Delta]:
        known = self._candidates.get(event.candidate)
        if known is not None and known.is_closed:
            return  # the prompt was blocked in the midst of the answer, which says more
        if event.reason in MALFORMED and self._is_empty:
            yield from self._break(_malformed(event))
            return
        yield from self._opened(event.candidate)
        candidate = self._candidates[event.candidate]
        candidate.is_closed = True
        yield from self._afterwords(candidate, event.message)
        reason = finish_reason(event.reason, has_calls=bool(candidate.calls))
        yield Closing(event.candidate, reason, event.reason)

    @property
    def _is_empty(self) -> bool:
        return all(candidate.is_empty for candidate in self._candidates.values())

    def _afterwords(self, candidate: OpenCandidate, message: str) -> Iterator[Delta]:
        grounding = candidate.notes.get(_GROUNDING)
        if grounding and (citations := url_citations(grounding, "".join(candidate.text))):
            yield Annotations(candidate.number, citations)
        signature = candidate.extras.get("thought_signature")
        if signature and candidate.text:
            text = "".join(candidate.text)
            self.writes.append(SignatureWrite(value=signature, model=self._model, text=text))
        google: JSONObject = {
            **candidate.extras,
            **({"parts": candidate.parts} if candidate.parts else {}),
            **{_snake(name): msgspec.Raw(note) for name, note in candidate.notes.items()},
            **({"finish_message": message} if message else {}),
        }
        if google:
            yield Extras(candidate.number, google)

    def _end(self, event: Ended) -> Iterator[Delta]:
        candidates = self._candidates.values()
        if not candidates or not all(candidate.is_closed for candidate in candidates):
            yield from self._break(StreamTruncated("the answer ended without a finish reason"))
            return
        self.is_over = True
        if self._usage is not None:
            yield Counts(self._usage.value)
        yield Done()

    def _fail(self, event: Failed) -> Iterator[Delta]:
        yield from self._break(event.error)

    def _break(self, error: GemstreamError) -> Iterator[Delta]:
        self.is_over = True
        self.failure = error
        yield Broken(error)


def _custom_input(arguments: str) -> str:
    """Return the text in ``input``, or all there is when the model named it otherwise."""
    values = decode_plain(arguments.encode()) if arguments else {}
    if not values:
        return ""
    text = values.get("input") if isinstance(values, dict) else None
    return text if isinstance(text, str) else arguments


def _malformed(event: Finished) -> ProtocolError:
    said = f": {event.message}" if event.message else ""
    return ProtocolError(f"the model ended with {event.reason} before it said anything{said}")


_Fields = msgspec.json.Decoder(dict[str, msgspec.Raw])


def _joined(old: bytes | None, new: bytes) -> bytes:
    """Return both objects as one, field by field the later one's."""
    if old is None:
        return new
    try:
        return msgspec.json.encode(_Fields.decode(old) | _Fields.decode(new))
    except (msgspec.DecodeError, UnicodeDecodeError):  # a list, as that of the ratings
        return new


def _snake(name: str) -> str:
    return _CAPITAL.sub("_", name).lower()


_STEPS: dict[type[Event], Callable[[Deltas, Any], Iterable[Delta]]] = {
    Text: Deltas._content,
    Thought: Deltas._content,
    Started: Deltas._start,
    Signature: Deltas._sign,
    CallOpened: Deltas._open_call,
    CallArguments: Deltas._argue,
    CallClosed: Deltas._close_call,
    Media: Deltas._media,
    RawPart: Deltas._raw,
    Metadata: Deltas._note,
    Usage: Deltas._count,
    Blocked: Deltas._block,
    Finished: Deltas._finish,
    Ended: Deltas._end,
    Failed: Deltas._fail,
}
