"""The emulator as an ASGI application: route, admit, read, answer.

Runs embedded (the client's in-process transport) and under any ASGI server; keeps no state but
the script, the acks and the journal, so any number of streams run side by side.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from ..errors import APIError, ConfigError, DeadlineExceeded
from ..net.recording import Recording
from ..wire.endpoint import Operation, Route, match
from ..wire.request import GenerateContentRequest
from .acks import Acks
from .admission import Admission, check_head, key_of
from .builtin.answer import Answer
from .builtin.built_in import BuiltIn
from .builtin.prompt import prompt_text
from .builtin.token_count import request_tokens
from .clock import Clock
from .control import PREFIX, answer_control
from .deadline import within_deadline
from .exchange import Cut, Exchange, Left, Receive, Scope, Send
from .exchanges import Exchanges
from .journal import End, Journal, JournalEntry, attempt_of, key_hash_of
from .live.entrance import LiveCall
from .live.handles import Handles
from .live.house import House
from .live.tokens import Tokens
from .output import ArrayOutput, ErrorForm, EventOutput, Output, WholeOutput, send_error
from .recording.recorder import Recorder
from .recording.replay import Replay
from .recording.source import Source, source_of
from .refusal import internal, not_served
from .request_check import check_request, read_request
from .scripts.playing import Performance, Told, play
from .scripts.script import Request, Rule, Script
from .scripts.steps import Step
from .service import Call, answer_call
from .vertex import as_vertex_error, vertex_dressing

__all__ = ("Emulator",)

_GENERATES = (Operation.GENERATE.value, Operation.STREAM.value)
_log = logging.getLogger("gemstream.emulator")


class Emulator:
    """A local Gemini; an instance is the ASGI application.

    ``script``: answers and faults, replaceable at any time; what no rule fits is answered by the
    built-in model. ``journal``: a file for the books. ``seed``: of every made-up value. ``rate``:
    tokens per second of built-in answers, None as fast as they are taken. ``clock``: of pauses,
    pace, limits, deadlines, recordings and the journal, None the machine's. ``hop_tokens``: how
    long one request may answer with Gemini 4, None for the service's own caps (65,536 streamed,
    32,768 whole). ``replay``: recordings that answer every API request instead. ``record``:
    forwards every API request instead. Raises ConfigError for a rate or a hop that is not positive,
    more than one of script, replay and record, and what Replay does.
    """

    def __init__(
        self,
        script: Script | None = None,
        *,
        journal: Path | None = None,
        seed: int = 0,
        rate: float | None = None,
        clock: Clock | None = None,
        hop_tokens: int | None = None,
        replay: Replay | Sequence[Recording | Path | str] = (),
        record: Recorder | None = None,
    ) -> None:
        if rate is not None and not rate > 0:
            raise ConfigError(
                f"rate is {rate!r}; it must be a positive number of tokens per second"
            )
        if hop_tokens is not None and not hop_tokens > 0:
            raise ConfigError(f"hop_tokens is {hop_tokens!r}; it must be a positive number")
        self._source = source_of(replay, record, is_scripted=script is not None)
        self._script = script or Script()
        self._built_in = BuiltIn(seed, hop_tokens)
        self._journal = Journal(journal)
        self._seed = seed
        self._rate = rate
        self._clock = clock or Clock()
        self._acks = Acks()
        self._admission = Admission(self._clock)
        self._served = 0
        self._ordinals: Counter[str] = Counter()
        self._exchanges = Exchanges()
        self._house = House(
            clock=self._clock,
            journal=self._journal,
            handles=Handles(self._clock),
            tokens=Tokens(self._clock, self._new_id),
            seed=seed,
            rate=rate,
            keys=lambda: self._script.keys,
            steps_for=self._live_steps,
            take_ack=self._acks.take,
            new_id=self._new_id,
        )

    @property
    def script(self) -> Script:
        """The rules in force; setting them starts the count of requests anew."""
        return self._script

    @script.setter
    def script(self, script: Script) -> None:
        if script.rules and self._source is not None:
            raise ConfigError("recordings answer every request: a script would have no say")
        self._script = script
        self._ordinals.clear()

    @property
    def journal(self) -> list[JournalEntry]:
        """The newest entries, oldest first."""
        return self._journal.entries

    @property
    def clock(self) -> Clock:
        """The clock that all of it goes by."""
        return self._clock

    def advance(self, seconds: float) -> None:
        """Set the clock forward and wake what is due; from any thread. See ``Clock.advance``."""
        self._clock.advance(seconds)

    def ack(self) -> None:
        """Release one step that waits for an ack, now or when it comes; from any thread."""
        self._acks.give()

    def reset(self) -> None:
        """Forget script, journal, counts, used quota and acks; running answers and time go on."""
        self.script = Script()
        if self._source is not None:
            self._source.reset()
        self._journal.clear()
        self._admission.clear()
        self._acks.clear()
        self._house.handles.clear()
        self._house.tokens.clear()

    def interrupt(self) -> None:
        """Break off every answer that is running, as when the service goes down."""
        self._exchanges.interrupt()

    async def idle(self) -> None:
        """Wait until no exchange is running, so that the journal is complete."""
        await self._exchanges.idle()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection: ``http``, ``websocket`` or ``lifespan``."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "websocket":
            call = LiveCall(scope, receive, send, self._house, is_live=self._source is None)
            with self._exchanges.running(call):
                await call.run()
        else:
            raise NotImplementedError(f"the emulator does not speak {scope['type']}")

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope, receive, send, self._settle)
        with self._exchanges.running(exchange):
            try:
                await exchange.run(self._answer)
            finally:
                self._admission.leave(exchange)  # what broke off was not settled

    async def _answer(self, exchange: Exchange) -> None:
        try:
            if exchange.path.startswith(PREFIX):
                await answer_control(self, exchange)
            else:
                await self._answer_api(exchange)
        except (Cut, Left):
            raise
        except APIError as error:
            await self._refuse(exchange, error)
        except Exception:
            _log.exception("the emulator failed on %s %s", exchange.method, exchange.path)
            if exchange.status:
                raise
            await self._refuse(exchange, internal())

    async def _refuse(self, exchange: Exchange, error: APIError) -> None:
        if exchange.is_vertex:
            error = as_vertex_error(error)
        in_array = _is_stream(exchange) and not _wants_events(exchange)
        await send_error(exchange, error, in_array=in_array)

    async def _answer_api(self, exchange: Exchange) -> None:
        route = match(exchange.method, exchange.path)
        if self._source is not None:
            await self._answer_from(self._source, exchange, route)
            return
        if route is None:
            raise not_served(exchange.method, exchange.path)
        exchange.operation = route.operation.value
        exchange.model = _bare_name(route.model or "")
        exchange.is_vertex = route.is_vertex
        exchange.request_id = self._new_id()
        check_head(exchange, self._script.keys)
        if exchange.body_error is not None:
            raise exchange.body_error
        call = Call(route, exchange.query, exchange.body)
        if route.operation.value in _GENERATES:
            await self._generate(exchange, call)
        else:
            await self._serve_call(exchange, call)

    async def _answer_from(self, source: Source, exchange: Exchange, route: Route | None) -> None:
        exchange.operation = route.operation.value if route else exchange.path
        exchange.model = _bare_name((route.model if route else None) or "")
        exchange.request_id = self._new_id()
        if not source.judges:
            check_head(exchange, self._script.keys)
        if exchange.body_error is not None:
            raise exchange.body_error
        await source.answer(exchange, self._clock.sleep)

    async def _generate(self, exchange: Exchange, call: Call) -> None:
        request = read_request(call.body, GenerateContentRequest)
        check_request(request, call.route)
        tokens = request_tokens(request)
        self._admission.enter(exchange, sum(tokens.values()), self._script.limits)
        frame = Answer((), tokens, exchange.model or "", exchange.request_id)
        await self._tell(
            exchange,
            prompt_text(request.contents),
            frame,
            lambda: self._built_in.answer(call, request, frame),
        )

    async def _serve_call(self, exchange: Exchange, call: Call) -> None:
        frame = Answer((), {"TEXT": 0}, exchange.model or "", exchange.request_id)
        body = call.body.decode("utf-8", "replace")
        key_hash = key_hash_of(key_of(exchange) or "")
        await self._tell(
            exchange, body, frame, lambda: answer_call(call, self._house.tokens, key_hash)
        )

    async def _tell(
        self, exchange: Exchange, prompt: str, frame: Answer, answer: Callable[[], Told]
    ) -> None:
        performance = Performance(
            exchange=exchange,
            output=_output_for(exchange, self._clock.now()),
            frame=frame,
            answer=answer,
            sleep=self._clock.sleep,
            take_ack=self._acks.take,
            whole=not _is_stream(exchange),
            rate=self._rate,
        )
        rule = self._rule_for(exchange, prompt)
        try:
            async with within_deadline(exchange, self._clock):
                await play(rule.steps if rule is not None else (), performance)
        except DeadlineExceeded as error:
            form = ErrorForm.PRETTY if exchange.status else ErrorForm.STATUS
            await performance.output.send_error(error, form)

    def _rule_for(self, exchange: Exchange, prompt: str) -> Rule | None:
        method = exchange.operation or ""
        return self._rule(method, exchange.model or "", prompt)

    def _rule(self, method: str, model: str, prompt: str) -> Rule | None:
        family = "generate" if method in _GENERATES else method
        self._ordinals[family] += 1
        return self._script.rule_for(Request(prompt, model, method, self._ordinals[family]))

    def _live_steps(self, method: str, model: str, prompt: str) -> tuple[Step, ...]:
        rule = self._rule(method, model, prompt)
        return () if rule is None else tuple(rule.steps)

    def _new_id(self) -> str:
        self._served += 1
        number = f"{self._seed}|{self._served}".encode()
        return hashlib.blake2b(number, digest_size=11).hexdigest()

    async def _settle(self, exchange: Exchange, end: End) -> None:
        self._admission.leave(exchange)  # before the client sees the end and asks again
        if exchange.operation is None:
            return  # a control, or a path nobody serves
        key = key_of(exchange)
        entry = JournalEntry(
            request_id=exchange.request_id,
            attempt=attempt_of(exchange.headers.get("x-gemstream-attempt", "")),
            key_hash=key_hash_of(key) if key else None,
            model=exchange.model,
            method=exchange.operation,
            status=exchange.status,
            end=end,
            usage=exchange.usage,
            bytes=exchange.bytes,
            at=self._clock.now(),
        )
        await self._journal.record(entry)


def _bare_name(resource: str) -> str | None:
    return resource.removeprefix("publishers/google/").removeprefix("models/") or None


def _is_stream(exchange: Exchange) -> bool:
    return exchange.operation == Operation.STREAM.value


def _wants_events(exchange: Exchange) -> bool:
    return exchange.query.get("alt") == "sse"


def _output_for(exchange: Exchange, now: float) -> Output:
    output = _plain_output_for(exchange)
    if exchange.is_vertex:
        output.alterations = (vertex_dressing(now),)
    return output


def _plain_output_for(exchange: Exchange) -> Output:
    if not _is_stream(exchange):
        return WholeOutput(exchange)
    return EventOutput(exchange) if _wants_events(exchange) else ArrayOutput(exchange)


async def _live(receive: Receive, send: Send) -> None:
    """Answer the server's start and stop; there is nothing to prepare."""
    while True:
        event = (await receive())["type"]
        await send({"type": f"{event}.complete"})
        if event == "lifespan.shutdown":
            return
