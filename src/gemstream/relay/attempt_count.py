"""What an attempt used, as far as that is known when it ends."""

from __future__ import annotations

from typing import NamedTuple

from ..policy.estimate import tokens_of_text
from ..wire.endpoint import Operation
from ..wire.usage import UsageMetadata
from .answers.answer import Tally
from .call import Call
from .ledger.attempt import AttemptStatus

__all__ = ("Count", "counted")

_GENERATES = (Operation.GENERATE, Operation.STREAM)
_CUT = (
    AttemptStatus.CLIENT_CANCEL,
    AttemptStatus.TRUNCATED,
    AttemptStatus.LIMITED,
    AttemptStatus.DRAINED,
    AttemptStatus.UPSTREAM_ERROR,
)


class Count(NamedTuple):
    """The counts, and whether they are a guess or not the service's last word."""

    usage: UsageMetadata | None
    is_estimated: bool


def counted(tally: Tally | None, call: Call, status: AttemptStatus, *, was_at_work: bool) -> Count:
    """Return what the service counted; where it counted nothing and was at work, an estimate.

    ``was_at_work``: the request reached it, and it did not refuse. A service that was left in the
    middle of its answer, or before it, counts what it had written by then, and the prompt.
    """
    if tally is not None and tally.usage is not None:
        return Count(tally.usage, status in _CUT and not tally.is_finished)
    if not was_at_work or call.operation not in _GENERATES:
        return Count(None, False)
    prompt = call.estimate.input
    written = 0 if tally is None else tokens_of_text(tally.text_size)
    return Count(
        UsageMetadata(
            prompt_token_count=prompt,
            candidates_token_count=written,
            total_token_count=prompt + written,
        ),
        True,
    )
