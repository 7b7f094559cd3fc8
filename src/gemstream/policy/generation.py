"""One streamed answer: bytes → chunks, and the judgement whether it is whole.

An answer is complete when every candidate seen has a finish reason (or the prompt a block
reason) and the end was clean. A clean end before that is ``StreamTruncated``: no other
client tells a short answer from a whole one. An unclean end after it leaves the full answer,
``unconfirmed``. After the finish reason CONTINUATION, or broken at a token behind which nothing was
delivered, the answer goes on in another hop; one Generation reads one hop.
"""

from __future__ import annotations

import enum

import msgspec

from ..errors import DecodeError, GemstreamError, StreamTruncated
from ..wire.codec import MessageDecoder
from ..wire.payload import PayloadDecoder
from ..wire.response import GenerateContentResponse
from ..wire.sse import MAX_EVENT_SIZE
from ..wire.status import error_of
from ..wire.usage import UsageMetadata
from .answer import Chunk, Completeness, Response
from .cost import Pricing, Tariff
from .fold import Fold
from .redaction import Redact, redacted

__all__ = ("Generation", "GenerationState", "check_content_type", "no_way_on")

_READABLE = ("text/event-stream", "application/json")


class GenerationState(enum.Enum):
    """Where an answer stands."""

    OPEN = "open"
    CONTINUED = "continued"  # this hop is over, and its token leads on
    ENDED = "ended"
    FAILED = "failed"


def _unchanged(body: bytes) -> bytes:
    return body


class Generation:
    """Bytes of one answer → its chunks, each decoded once.

    ``redact`` is applied to the payload of an error before it is read, so that a service which
    repeats the key in its message does not carry it into our errors. Raises APIError, DecodeError,
    ProtocolError, StreamTruncated; what arrived before a fault is returned first and the fault
    raised by ``check`` or the next ``receive_*``. After a fault every call raises it again.
    ``after``: the hop before, which this one goes on from; see ``continuation_token``. ``pricing``:
    the prices that hold, for the chunks to tell their cost by.
    """

    __slots__ = (
        "_complete",
        "_decoder",
        "_earlier",
        "_fold",
        "_payloads",
        "_pricing",
        "_redact",
        "_spent",
        "_tariff",
        "failure",
        "hop",
        "state",
    )

    def __init__(
        self,
        content_type: str | None = None,
        *,
        max_event_size: int = MAX_EVENT_SIZE,
        redact: Redact = _unchanged,
        after: Generation | None = None,
        pricing: Pricing | None = None,
    ) -> None:
        self._payloads = PayloadDecoder(content_type, max_event_size=max_event_size)
        self._decoder = MessageDecoder(GenerateContentResponse)
        self._redact = redact
        self._fold = Fold()
        self._spent: UsageMetadata | None = None  # at the end of this hop, all before included
        self._pricing = pricing
        self._tariff: Tariff | None = None  # once a message has named the model that answers
        self._earlier: tuple[UsageMetadata, ...] = ()  # at the end of each hop before
        self.hop = 1
        if after is not None:
            self._earlier = after._earlier + (() if after._spent is None else (after._spent,))
            self._fold = after._fold
            self._fold.begin_hop(after._spent)
            self.hop = after.hop + 1
        self.failure: GemstreamError | None = None
        self._complete = Completeness.PARTIAL
        self.state = GenerationState.OPEN

    @property
    def is_finished(self) -> bool:
        """True when every candidate seen has its finish reason, or the prompt was blocked."""
        return self._fold.is_finished

    def receive_data(self, data: bytes) -> list[Chunk]:
        """Return the chunks that ``data`` completes; none after the end."""
        if self.state is not GenerationState.OPEN:
            return self._nothing()
        chunks: list[Chunk] = []
        try:
            for payload in self._payloads.receive_data(data):
                chunks.append(self._decode(payload))
            self._payloads.check()
        except GemstreamError as error:
            self._fail(error)
            if not chunks:
                self.check()
        return chunks

    def receive_eof(self) -> list[Chunk]:
        """Return what only lacked its end after a clean end; raises StreamTruncated."""
        if self.state is not GenerationState.OPEN:
            return self._nothing()
        chunks: list[Chunk] = []
        complete = Completeness.CONFIRMED
        try:
            for payload in self._payloads.receive_eof():
                chunks.append(self._decode(payload))
            if not self._is_over:
                raise StreamTruncated(self._cut_short)
        except StreamTruncated as cut:
            if not self._is_over:
                self._fail(cut)
            complete = Completeness.UNCONFIRMED
        except GemstreamError as error:
            self._fail(error)
        if self.failure is None:
            self._end(complete)
        if not chunks:
            self.check()
        return chunks

    def receive_interruption(self, error: GemstreamError) -> None:
        """Judge a broken connection: raises ``error`` with the partial answer unless finished."""
        if self.state is not GenerationState.OPEN:
            self._nothing()
        elif self._is_over:
            self._end(Completeness.UNCONFIRMED)
        else:
            self._fail(error)
            self.check()

    def settle(self, *, undelivered: int = 0) -> None:
        """Add up all chunks but the newest ``undelivered``, as ``response`` would."""
        self._fold.settle(withheld=undelivered)

    def stop(self, *, undelivered: int = 0) -> None:
        """Note that the caller wants no more, and not the newest ``undelivered`` chunks either.

        A fault behind undelivered chunks is nobody's any more.
        """
        if self.state in (GenerationState.OPEN, GenerationState.CONTINUED) or undelivered:
            self._fold.forget(undelivered)
            self.failure = None
            self._end(Completeness.STOPPED)

    @property
    def continuation_token(self) -> str | None:
        """The newest token for going on from here; None when the service gave none."""
        return self._fold.continuation_token

    @property
    def usage(self) -> UsageMetadata | None:
        """What was used so far, all hops added up; None when no chunk has told."""
        return self._fold.usage

    @property
    def spent(self) -> UsageMetadata | None:
        """What was used until this hop ended; None while it goes on."""
        return self._spent

    @property
    def can_go_back(self) -> bool:
        """True when the token stands for all that was generated: there is one candidate."""
        return self._fold.has_one_candidate

    def go_back(self, chunks: int, spent: UsageMetadata | None) -> None:
        """Leave out the newest ``chunks`` of a broken hop, which the next will bring again.

        ``spent``: the token counts at the chunk that is then the last.
        """
        self._fold.go_back(chunks, spent)
        self._continue(spent)

    def check(self) -> None:
        """Raise ``failure``, the fault that follows the chunks already returned, if any."""
        if self.failure is not None:
            raise self.told(self.failure)

    def told(self, error: GemstreamError) -> GemstreamError:
        """Return ``error`` with what was received before it; not while chunks are withheld."""
        error.partial = self._fold.text()
        error.usage = self._fold.usage
        if error.cost is None and self._tariff is not None:
            error.cost = self._tariff.cost(error.usage)
        error.continuation_token = self._fold.continuation_token
        return error

    def response(
        self, *, attempts: int = 1, undelivered: int = 0, newest: Chunk | None = None
    ) -> Response:
        """Return the fold of all chunks but the newest ``undelivered``.

        ``newest``: the last chunk that was delivered; its token counts and its hop then hold.
        """
        usage, hops, tariff = self._fold.usage, self.hop, self._tariff
        message = self._fold.message(withheld=undelivered)
        if newest is not None and (usage, hops) != (newest.usage, newest.hop):
            usage, hops, tariff = newest.usage, newest.hop, newest.tariff
            message = msgspec.structs.replace(message, usage_metadata=usage)
        complete = Completeness.PARTIAL if undelivered else self._complete
        return Response(
            message=message,
            usage=usage,
            tariff=tariff,
            complete=complete,
            attempts=attempts,
            hops=hops,
        )

    def _nothing(self) -> list[Chunk]:
        """What comes after the end: nothing, or the fault again."""
        self.check()
        return []

    def _decode(self, payload: bytes) -> Chunk:
        try:
            message = self._decoder.decode(payload)
        except DecodeError as error:
            raise self._undecodable(payload, error) from None
        if message.extra is not None and message.extra.get("error") is not None:
            raise self._api_error(payload)
        usage = self._fold.receive(message)
        tariff = self._tariff
        if tariff is None and self._pricing is not None:
            tariff = self._settle_tariff(message.model_version)
        return Chunk(message=message, usage=usage, raw=payload, tariff=tariff, hop=self.hop)

    def _settle_tariff(self, model_version: str | None) -> Tariff:
        """Return the tariff; it is settled once the price or the model that answers is known."""
        assert self._pricing is not None
        tariff = self._pricing.tariff(model_version, self._earlier)
        if tariff.price is not None or model_version:
            self._tariff = tariff
        return tariff

    def _undecodable(self, payload: bytes, error: DecodeError) -> DecodeError:
        """Return the error anew from the redacted payload: its excerpt may cut a secret in two."""
        try:
            self._decoder.decode(self._redact(payload))
        except DecodeError as told:
            return told
        return error

    def _api_error(self, payload: bytes) -> GemstreamError:
        decoded = MessageDecoder(GenerateContentResponse).decode(self._redact(payload))
        return error_of((decoded.extra or {}).get("error"))

    @property
    def _is_over(self) -> bool:
        """True when nothing is missing in this hop."""
        return self.is_finished or self._fold.is_to_be_continued

    @property
    def _cut_short(self) -> str:
        reason = no_way_on(self._fold) or _CUT_SHORT
        return f"{reason}, so the answer is cut short; .partial holds what arrived"

    def _fail(self, error: GemstreamError) -> None:
        # Without its frames, which hold whoever holds us: a dropped stream would stay until the
        # next sweep of the garbage collector.
        self.failure = redacted(error, self._redact).with_traceback(None)
        self.state = GenerationState.FAILED

    def _end(self, complete: Completeness) -> None:
        if complete is not Completeness.STOPPED and self._fold.is_to_be_continued:
            self._continue(self._fold.usage)
            return
        self._complete = complete
        self.state = GenerationState.ENDED

    def _continue(self, spent: UsageMetadata | None) -> None:
        self._spent = spent
        self.failure = None
        self.state = GenerationState.CONTINUED


_CUT_SHORT = "the stream ended cleanly but without a finish reason"
_NO_TOKEN = "the service wants the answer continued but gave no token to go on with"
_SEVERAL = "the service wants one of several candidates continued, which no token can ask for"


def no_way_on(fold: Fold) -> str | None:
    """Return why an answer that is to be continued cannot be; None when that is not its fault."""
    if not fold.wants_more or fold.is_to_be_continued:
        return None
    return _NO_TOKEN if fold.has_one_candidate else _SEVERAL


def check_content_type(content_type: str | None, excerpt: bytes) -> None:
    """Raise DecodeError when a body of this type cannot be an answer, as an HTML error page."""
    media_type = (content_type or "").partition(";")[0].strip().lower()
    if media_type and media_type not in _READABLE:
        raise DecodeError(
            f"the service answered with content type {media_type!r} instead of "
            f"{' or '.join(_READABLE)}: {excerpt[:200]!r}; is base_url that of a Gemini API?",
            excerpt=excerpt[:200],
        )
