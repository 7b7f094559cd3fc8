"""Events of one Live turn → the chunks that generateContent would have answered with.

What stands where: written text and thoughts are the parts they came as; speech is inline data, and
its transcription text, so that ``text`` is what the model said in either case; a function call ends
the answer, as it does over REST. Why a turn ended is told as a finish reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...wire.codec import JSONObject
from ...wire.content import Content, Part
from ...wire.live.server_message import TurnCompleteReason
from ...wire.response import Candidate, FinishReason, GenerateContentResponse
from ...wire.usage import UsageMetadata
from .server_event import (
    Audio,
    GenerationCompleted,
    Grounded,
    Interrupted,
    OtherPart,
    OutputTranscribed,
    ServerEvent,
    Text,
    Thought,
    ToolCalled,
    TurnCompleted,
    UnknownFields,
    UsageReported,
)

__all__ = ("FINISH_REASONS", "TurnChunks")

_R, _F = TurnCompleteReason, FinishReason
# What is not listed, as reasons that this version has no name for, is OTHER; the message names it.
FINISH_REASONS = {
    _R.NEED_MORE_INPUT: _F.STOP,
    _R.MALFORMED_FUNCTION_CALL: _F.MALFORMED_FUNCTION_CALL,
    _R.BLOCKLIST: _F.BLOCKLIST,
    _R.GENERATED_CONTENT_BLOCKLIST: _F.BLOCKLIST,
    _R.PROHIBITED_INPUT_CONTENT: _F.PROHIBITED_CONTENT,
    _R.IMAGE_PROHIBITED_INPUT_CONTENT: _F.PROHIBITED_CONTENT,
    _R.INPUT_TEXT_CONTAIN_PROMINENT_PERSON_PROHIBITED: _F.PROHIBITED_CONTENT,
    _R.INPUT_IMAGE_CELEBRITY: _F.PROHIBITED_CONTENT,
    _R.INPUT_IMAGE_PHOTO_REALISTIC_CHILD_PROHIBITED: _F.PROHIBITED_CONTENT,
    _R.INPUT_TEXT_NCII_PROHIBITED: _F.PROHIBITED_CONTENT,
    _R.INPUT_IP_PROHIBITED: _F.PROHIBITED_CONTENT,
    _R.GENERATED_CONTENT_PROHIBITED: _F.PROHIBITED_CONTENT,
    _R.GENERATED_CONTENT_SAFETY: _F.SAFETY,
    _R.GENERATED_AUDIO_SAFETY: _F.SAFETY,
    _R.GENERATED_VIDEO_SAFETY: _F.SAFETY,
    _R.GENERATED_IMAGE_SAFETY: _F.IMAGE_SAFETY,
    _R.UNSAFE_PROMPT_FOR_IMAGE_GENERATION: _F.IMAGE_SAFETY,
    _R.GENERATED_IMAGE_PROHIBITED: _F.IMAGE_PROHIBITED_CONTENT,
    _R.GENERATED_IMAGE_CELEBRITY: _F.IMAGE_PROHIBITED_CONTENT,
    _R.GENERATED_IMAGE_PROMINENT_PEOPLE_DETECTED_BY_REWRITER: _F.IMAGE_PROHIBITED_CONTENT,
    _R.GENERATED_IMAGE_IDENTIFIABLE_PEOPLE: _F.IMAGE_PROHIBITED_CONTENT,
    _R.GENERATED_IMAGE_MINORS: _F.IMAGE_PROHIBITED_CONTENT,
    _R.OUTPUT_IMAGE_IP_PROHIBITED: _F.IMAGE_RECITATION,
}


class TurnChunks:
    """Reads one turn; ``is_over`` once it has ended, or functions were asked for.

    ``is_generated``: all is said and only the turn's end stays out. It may come as late as if the
    speech were being played.
    ``output_limit``: the ``max_output_tokens`` that was asked for. Live does not tell that an
    answer ran into it, so a turn that counted so many tokens is taken to have.
    """

    __slots__ = ("_is_interrupted", "_output_limit", "_usage", "is_generated", "is_over")

    def __init__(self, output_limit: int | None = None) -> None:
        self._output_limit = output_limit
        self._usage: UsageMetadata | None = None
        self._is_interrupted = False
        self.is_generated = False
        self.is_over = False

    def receive(self, events: Sequence[ServerEvent]) -> GenerateContentResponse | None:
        """Return the chunk that the events of one message are; None when they say nothing."""
        parts: list[Part] = []
        fields: dict[str, Any] = {}
        unknown: JSONObject = {}
        for event in events:
            if isinstance(event, UsageReported):
                self._usage = event.usage
            elif isinstance(event, Grounded):
                fields |= _grounding(event)
            elif isinstance(event, Interrupted):
                self._is_interrupted = True
            elif isinstance(event, UnknownFields):
                unknown |= {event.path: event.fields} if event.path else event.fields
            elif isinstance(event, GenerationCompleted):
                self.is_generated = True
            elif isinstance(event, TurnCompleted):
                fields |= self._finish(event)
            else:
                parts += _parts(event)
            if isinstance(event, ToolCalled):
                fields["finish_reason"] = FinishReason.STOP
                self.is_over = True
        usage = next((one.usage for one in events if isinstance(one, UsageReported)), None)
        if not (parts or fields or unknown or usage):
            return None
        content = Content(role="model", parts=parts) if parts else None
        candidates = [Candidate(content=content, index=0, **fields)] if parts or fields else []
        return GenerateContentResponse(
            candidates=candidates, usage_metadata=usage, extra=unknown or None
        )

    def end(self) -> GenerateContentResponse:
        """Return the last chunk of a turn that is generated and whose end never came."""
        return GenerateContentResponse(
            candidates=[Candidate(index=0, **self._finish(TurnCompleted()))]
        )

    def _finish(self, event: TurnCompleted) -> dict[str, Any]:
        """Return why the turn ended; nothing when another follows."""
        self.is_over = not event.goes_on
        if event.goes_on:
            self.is_generated = False
            return {}
        if event.reason is not None:
            reason = FINISH_REASONS.get(event.reason, FinishReason.OTHER)
            return {"finish_reason": reason, "finish_message": str(event.reason)}
        if self._is_interrupted:
            return {"finish_reason": FinishReason.OTHER, "finish_message": "interrupted"}
        is_cut = self._output_limit is not None and self._written >= self._output_limit
        return {"finish_reason": FinishReason.MAX_TOKENS if is_cut else FinishReason.STOP}

    @property
    def _written(self) -> int:
        usage = self._usage or UsageMetadata()
        return (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)


def _parts(event: ServerEvent) -> list[Part]:
    """Return what an event says; nothing for one that says nothing."""
    if isinstance(event, Text | Thought | OtherPart):
        return [event.part]
    if isinstance(event, Audio):
        return [Part.of_bytes(event.data, event.mime_type)]
    if isinstance(event, OutputTranscribed):
        return [Part(text=event.text)] if event.text else []
    if isinstance(event, ToolCalled):
        return [Part(function_call=call) for call in event.calls]
    return []


def _grounding(event: Grounded) -> dict[str, Any]:
    fields = {
        "grounding_metadata": event.grounding,
        "url_context_metadata": event.url_context,
    }
    return {name: value for name, value in fields.items() if value is not None}
