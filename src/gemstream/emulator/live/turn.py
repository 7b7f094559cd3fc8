"""One turn of the model: what it says as messages, and what that costs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from ...wire.content import Blob, Content, FunctionCall, FunctionResponse, Part
from ...wire.live.server_message import LiveToolCall, ServerContent, ServerMessage
from ...wire.live.usage import LiveUsageMetadata
from ...wire.media import Transcription
from ...wire.usage import UsageMetadata
from ..builtin.token_count import (
    CHARACTERS_PER_TOKEN,
    answer_modality,
    answer_size,
    tokens_of_size,
    usage_of,
)
from ..scripts.steps import Step
from .speech import MIME_TYPE, spoken

__all__ = ("Turn", "Voice", "live_usage", "tokens_in")


class Voice(msgspec.Struct, frozen=True):
    """How the model says a word: aloud or in writing, and transcribed or not."""

    is_spoken: bool
    is_transcribed: bool

    def messages(self, word: str) -> Iterator[ServerMessage]:
        """Yield what is sent for ``word``."""
        if not self.is_spoken:
            yield _output(Part(text=word))
            return
        yield _output(Part(inline_data=Blob.of(spoken(word), MIME_TYPE)))
        if self.is_transcribed:
            heard = Transcription(text=word)
            yield ServerMessage(server_content=ServerContent(output_transcription=heard))


class Turn:
    """What a turn has come to so far.

    ``task`` tells it; None or done while the client's functions run that it waits for, whose calls
    are ``calls`` and whose ``results`` are collected; ``rest`` is what the script then goes on
    with. ``asides``: calls that nobody waits for. ``prompt_tokens``: of all that was asked, by
    modality. ``is_booked``: its journal entry is made.
    """

    __slots__ = (
        "_sizes",
        "_text",
        "_thought",
        "asides",
        "bytes",
        "calls",
        "is_booked",
        "prompt_tokens",
        "request_id",
        "rest",
        "results",
        "task",
    )

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        self.task: asyncio.Task[None] | None = None
        self.prompt_tokens: Mapping[str, int] = {"TEXT": 0}
        self.calls: list[FunctionCall] = []
        self.asides: list[FunctionCall] = []
        self.results: dict[str, FunctionResponse] = {}  # by the id of the call
        self.rest: Sequence[Step] = ()
        self.is_booked = False
        self.bytes = 0
        self._text: list[str] = []
        self._sizes: dict[str, int] = {}  # characters by modality, as the answers of REST count
        self._thought = 0

    @property
    def contents(self) -> list[Content]:
        """What the history keeps of what was said, in writing, and of calls not waited for."""
        text = "".join(self._text)
        parts = [Part(text=text)] if text else []
        parts += [Part(function_call=call) for call in self.asides]
        return [Content(role="model", parts=parts)] if parts else []

    @property
    def awaited(self) -> list[str]:
        """The ids of the calls that it waits for."""
        return [call.id or "" for call in self.calls if (call.id or "") not in self.results]

    def word(self, word: str, voice: Voice) -> Iterator[ServerMessage]:
        """Yield the messages of ``word`` and count each when it is taken."""
        self._text.append(word)
        for message in voice.messages(word):
            content = message.server_content
            for part in content.model_turn.parts if content and content.model_turn else ():
                self._count(part)
            yield message

    def thought(self, text: str) -> ServerMessage:
        """Return the message of a piece of the thoughts."""
        self._thought += len(text)
        return _output(Part(text=text, thought=True))

    def other(self, part: Part) -> ServerMessage:
        """Return the message of any other part, as code."""
        self._count(part)
        return _output(part)

    def call(self, calls: Sequence[FunctionCall], awaited: Sequence[FunctionCall]) -> ServerMessage:
        """Return the message of ``calls``, some or all of which are waited for."""
        for call in calls:
            (self.calls if call in awaited else self.asides).append(call)
            self._count(Part(function_call=call))
        return ServerMessage(tool_call=LiveToolCall(function_calls=calls))

    def take(self, result: FunctionResponse) -> None:
        """Note a result; the second of a call that is waited for is one too many."""
        if (result.id or "") in self.awaited:
            self.results[result.id or ""] = result

    def exchange(self) -> list[Content]:
        """Return the calls and their results as the history keeps them, and begin anew."""
        calls = [Part(function_call=call) for call in self.calls]
        results = [Part(function_response=result) for result in self.results.values()]
        self.calls, self.results = [], {}
        return [Content(role="model", parts=calls), Content(role="user", parts=results)]

    def usage(self) -> UsageMetadata:
        """Return the tokens so far."""
        said = {kind: tokens_of_size(size) for kind, size in self._sizes.items()}
        return usage_of(self.prompt_tokens, said or 0, tokens_of_size(self._thought), is_last=True)

    def _count(self, part: Part) -> None:
        kind = answer_modality(part)
        self._sizes[kind] = self._sizes.get(kind, 0) + answer_size(part)


def tokens_in(message: ServerMessage) -> float:
    """Return the tokens that a message brings, unrounded: whole ones would let words bunch."""
    content = message.server_content
    parts = content.model_turn.parts if content and content.model_turn else ()
    return sum(map(answer_size, parts)) / CHARACTERS_PER_TOKEN


def live_usage(usage: UsageMetadata, *, is_vertex: bool) -> LiveUsageMetadata:
    """Return ``usage`` under the names of Live; Vertex has those of REST."""
    count, details = usage.candidates_token_count, usage.candidates_tokens_details
    return LiveUsageMetadata(
        prompt_token_count=usage.prompt_token_count,
        response_token_count=None if is_vertex else count,
        candidates_token_count=count if is_vertex else None,
        total_token_count=usage.total_token_count,
        thoughts_token_count=usage.thoughts_token_count,
        prompt_tokens_details=usage.prompt_tokens_details,
        response_tokens_details=None if is_vertex else details,
        candidates_tokens_details=details if is_vertex else None,
    )


def _output(part: Part) -> ServerMessage:
    turn = Content(role="model", parts=[part])
    return ServerMessage(server_content=ServerContent(model_turn=turn))
