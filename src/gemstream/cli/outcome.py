"""How one call to a model ended, and what a reader of the bare text is to be told; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from ..errors import GemstreamError
from ..policy.answer import Completeness, Response
from ..policy.cost import Cost
from ..wire.content import Part
from ..wire.response import FinishReason, first_candidate
from ..wire.usage import UsageMetadata
from .advice import describe
from .exit_codes import ExitCode, exit_code_of
from .timing import Timing, measure

__all__ = ("Outcome", "failure", "remarks")

_MEDIA = (
    "inline_data",
    "file_data",
    "function_call",
    "executable_code",
    "code_execution_result",
    "tool_call",
    "tool_response",
)


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of asking ``model``.

    ``arrivals``: seconds after the request at which each chunk came. ``response``: None when none
    did. ``interrupted``: the user ended it with Ctrl-C.
    """

    model: str | None
    arrivals: Sequence[float] = ()
    response: Response | None = None
    error: GemstreamError | None = None
    interrupted: bool = False

    @property
    def exit_code(self) -> ExitCode:
        """What the command ends with: a prompt that was blocked got no answer, so it failed."""
        if self.interrupted:
            return ExitCode.INTERRUPTED
        if self.error is not None:
            return exit_code_of(self.error)
        if self.response is not None and self.response.block_reason is not None:
            return ExitCode.FAILURE
        return ExitCode.OK

    @property
    def complete(self) -> Completeness:
        """Whether the answer is whole."""
        if self.interrupted:
            return Completeness.STOPPED
        if self.error is not None or self.response is None:
            return Completeness.PARTIAL
        return self.response.complete

    @property
    def usage(self) -> UsageMetadata | None:
        """The tokens the service counted, as far as it had told."""
        return None if self.response is None else self.response.usage

    @property
    def cost(self) -> Cost | None:
        """What it cost, as far as count and price are known; an error that broke it off knows."""
        if self.error is not None and self.error.cost is not None:
            known: Cost = self.error.cost
            return known
        return None if self.response is None else self.response.cost

    @property
    def timing(self) -> Timing:
        """When the chunks arrived."""
        usage = self.usage
        if usage is None:
            return measure(self.arrivals)
        written = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
        return measure(self.arrivals, written)


def failure(outcome: Outcome) -> str | None:
    """Return the line that tells of the outcome's error, None when there is none."""
    error = outcome.error
    if error is None:
        return None
    arrived = f" ({_count(error.delivered, 'chunk')} had arrived)" if error.delivered else ""
    return f"{describe(error)}{arrived}"


def remarks(outcome: Outcome) -> list[str]:
    """Return what the text alone does not say, one sentence each."""
    if outcome.interrupted:
        return [_interruption(outcome)]
    if outcome.error is not None or outcome.response is None:
        return []
    return list(_reservations(outcome.response))


def _reservations(response: Response) -> Iterator[str]:
    first = first_candidate(response.message)
    feedback = response.message.prompt_feedback
    if response.block_reason is not None:
        reason = feedback.block_reason_message if feedback else None
        yield f"the prompt was blocked: {response.block_reason}{_in_brackets(reason)}"
    elif response.finish_reason is None:
        yield "the service gave no finish reason"
    elif response.finish_reason != FinishReason.STOP:
        reason = first.finish_message if first else None
        yield f"the answer ended with {response.finish_reason}{_in_brackets(reason)}"
    if response.complete is Completeness.UNCONFIRMED:
        yield "the connection broke after the finish reason; the answer should be whole"
    if hidden := Counter(_kind(part) for part in response.parts if part.text is None):
        # Speech comes in hundreds of parts.
        named = [f"{kind} ({count} parts)" if count > 1 else kind for kind, count in hidden.items()]
        yield f"not shown, for it is not text: {', '.join(named)}"


def _interruption(outcome: Outcome) -> str:
    if not outcome.arrivals:
        return "interrupted before the answer began"
    chunks = _count(len(outcome.arrivals), "chunk")
    usage = outcome.usage
    if usage is None or usage.total_token_count is None:
        return f"interrupted: the answer is incomplete; {chunks} arrived, no usage was reported"
    prompt, written = usage.prompt_token_count or 0, usage.candidates_token_count or 0
    return (
        f"interrupted: the answer is incomplete; {chunks} arrived, "
        f"{_count(usage.total_token_count, 'token')} used ({prompt} prompt, {written} answer)"
    )


def _in_brackets(text: str | None) -> str:
    return f" ({text})" if text else ""


def _kind(part: Part) -> str:
    """Return what ``part`` is, as ``inline_data image/png`` or ``function_call``."""
    if part.inline_data is not None:
        return f"inline_data {part.inline_data.mime_type}"
    return next(
        (name for name in _MEDIA if getattr(part, name) is not None), "a part of a new kind"
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
