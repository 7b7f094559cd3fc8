"""The requests that one answer takes: the first, and another for each continuation token.

Every hop is the same request with the newest token beside it; what was said before is not sent
again. A hop has attempts and a total timeout of its own. Source: the API's long decode.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from ..config.timeouts import Timeouts
from ..errors import GemstreamError, ProtocolError, StreamTruncated
from ..policy.answer import Response
from ..policy.budget import Budget
from ..policy.cost import Pricing, Tariff
from ..policy.fold import Fold
from ..policy.generation import Generation, no_way_on
from ..policy.usage import added_usage
from ..telemetry.events import Outcome
from ..wire.codec import encode
from ..wire.endpoint import Operation
from ..wire.usage import UsageMetadata
from .call import Call
from .channel import Channel, OpenStream
from .observation import SILENT
from .service import Broken

__all__ = ("MOST_HOPS", "Hops")


# A window of 1,048,576 tokens has 32 hops of the shortest cap (32,768); a service that goes on and
# on would spend the caller's money for ever.
MOST_HOPS = 256


class Hops:
    """Sends one request hop by hop; ``finish_body`` gives its body, ``token`` where it begins."""

    __slots__ = (
        "_advances",
        "_body",
        "_channel",
        "_finish_body",
        "_pricing",
        "_resumes",
        "_timeouts",
        "_token",
        "budget",
        "watch",
    )

    def __init__(
        self,
        channel: Channel,
        finish_body: Callable[[], Awaitable[bytes]],
        timeouts: Timeouts,
        token: str | None,
        *,
        pricing: Pricing | None = None,
        budget: Budget | None = None,
    ) -> None:
        self._channel = channel
        self._finish_body = finish_body
        self._timeouts = timeouts
        self._token = token
        self._pricing = pricing
        self.budget = budget  # when the caller set one
        self._body: bytes | None = None
        self._advances = 0  # hops begun after the first
        self._resumes = 0  # from the same token, one after another
        self.watch = SILENT  # until the body is there

    async def open(
        self, before: Generation | None = None, broken: GemstreamError | None = None
    ) -> tuple[OpenStream, int]:
        """Return the next hop's stream, once its first chunk is here, and how often it was sent.

        ``before``: the hop it goes on from. ``broken``: what broke that hop, when it did not end.
        """
        if before is not None:
            self._advance(before.continuation_token, broken)
            if self.budget is not None:
                self.budget.begin_hop()
            self.watch.hop_started(before.hop + 1)
        failure = Broken(broken, self._resumes) if broken is not None else None
        call = await self._next_call(Operation.STREAM)
        return await self._channel.open_stream(call, before, failure)

    def close(self) -> None:
        """Let go of the body, which may be 20 MB: no hop follows. What was listened to stays."""
        self._body = b""
        self._finish_body = _no_body

    async def whole(self) -> Response:
        """Return the answer of all hops, each unstreamed; an error tells what came before it."""
        try:
            response = await self._whole()
        except BaseException as error:
            self.watch.failed(error)
            raise
        self.watch.ended(Outcome.FINISHED, answer=response)
        return response

    async def _whole(self) -> Response:
        fold = Fold()
        spent: list[UsageMetadata] = []  # at the end of each hop
        tariff: Tariff | None = None
        attempts, hops = 0, 0
        while True:
            try:
                response = await self._channel.generate(await self._next_call(Operation.GENERATE))
                hops += 1
                attempts += response.attempts
                fold.receive(response.message)
                tariff = _over_hops(response.tariff, spent)
                if not fold.is_to_be_continued:
                    _check_whole(fold)
                    break
                self._advance(fold.continuation_token, None)
            except GemstreamError as error:
                _tell(error, fold, tariff)
                raise
            fold.begin_hop(fold.usage)
            spent += [] if fold.usage is None else [fold.usage]
            self.watch.hop_started(hops + 1)
        if hops == 1:
            return response
        return Response(
            message=fold.message(),
            usage=fold.usage,
            tariff=tariff,
            complete=response.complete,
            attempts=attempts,
            hops=hops,
        )

    def _advance(self, token: str | None, broken: GemstreamError | None) -> None:
        """Go on from ``token``; raises ProtocolError when the service leads nowhere."""
        self._advances += 1
        if self._advances >= MOST_HOPS:
            raise ProtocolError(
                f"the service wants the answer continued after {MOST_HOPS} hops, more than its "
                "window could fill; pass .continuation_token to go on all the same"
            )
        is_same = token == self._token
        if is_same and broken is None:
            raise ProtocolError(
                "the service wants the answer continued with the token that it was just "
                "continued with; nothing would come of it"
            )
        self._resumes = self._resumes + 1 if is_same else 1
        self._token = token

    async def _next_call(self, operation: Operation) -> Call:
        if self._body is None:
            self._body = await self._finish_body()
            self.watch = self._channel.watch(operation, self._next_body())
        return self._channel.request(
            operation, self._next_body(), self._timeouts, self.watch, self._pricing
        )

    def _next_body(self) -> bytes:
        assert self._body is not None
        if self._token is None:
            return self._body
        # Spliced, not encoded again: the request must be identical but for the token.
        return b'{"continuationToken":' + encode(self._token) + b"," + self._body[1:]


async def _no_body() -> bytes:
    return b""


def _check_whole(fold: Fold) -> None:
    """Raise StreamTruncated for an answer that wants to go on and cannot."""
    if reason := no_way_on(fold):
        raise StreamTruncated(f"{reason}, so the answer is cut short; .partial holds what arrived")


def _over_hops(tariff: Tariff | None, spent: Sequence[UsageMetadata]) -> Tariff | None:
    """Return the tariff of an answer of which ``spent`` was counted at the end of each hop."""
    return tariff and msgspec.structs.replace(tariff, earlier=tuple(spent))


def _tell(error: GemstreamError, fold: Fold, tariff: Tariff | None) -> None:
    """Put what the hops before brought in front of what the last one did."""
    before = None if tariff is None else tariff.cost(fold.usage)
    if before is not None:
        error.cost = before if error.cost is None else before + error.cost
    error.partial = fold.text() + error.partial
    error.usage = added_usage(fold.usage, error.usage)
    error.continuation_token = error.continuation_token or fold.continuation_token
