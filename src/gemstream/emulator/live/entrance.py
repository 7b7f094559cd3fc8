"""The way into a Live session: the handshake, the key, the setup; and the way out of it.

Promises: a handshake on a Live path is accepted unless a script refuses it, and what is wrong is
told by a close code, as the service does; when the client leaves, all work for it ends; exactly one
journal entry is made for the connection, and one for each turn before its end is sent.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from urllib.parse import parse_qsl

from ...errors import APIError
from ...policy.live.client_event import SetUp
from ...wire.live.address import LiveRoute, LiveService, match_live
from ...wire.live.close_code import NO_CLOSE_FRAME
from ...wire.live.setup import LiveSetup
from ..admission import check_key, key_of
from ..exchange import Cut, Left, Receive, Scope, Send
from ..journal import End, JournalEntry, attempt_of, key_hash_of
from ..refusal import not_served
from .connection import LiveConnection
from .ending import SessionEnd, end_of
from .handles import Owner
from .handshake import play_handshake, refusal_of, refuse
from .house import CONNECTION, HANDSHAKE, TURN, House
from .live_model import live_model
from .session import Session
from .tokens import Grant, TokenGate, token_of
from .turn import Turn
from .wire_access import WireAccess

__all__ = ("LiveCall",)

_log = logging.getLogger("gemstream.emulator")


class LiveCall:
    """One WebSocket of the ASGI server; ``is_live``: False where recordings answer instead."""

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, house: House, *, is_live: bool
    ) -> None:
        self._receive = receive
        self._send = send
        self._house = house
        self._extensions = scope.get("extensions") or {}
        self._route = match_live(scope["path"]) if is_live else None
        self.path: str = scope["path"]
        self.is_vertex = self._route is not None and self._route.service is LiveService.VERTEX
        self.headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in scope["headers"]
        }
        self.query = dict(parse_qsl(scope.get("query_string", b"").decode("latin-1")))
        key = key_of(self)
        self._owner = Owner(key_hash_of(key) if key else "")
        self._wire = WireAccess(scope)
        self._connection = LiveConnection(receive, send, self._wire, self._end_ownership)
        self._model: str | None = None
        self._running: asyncio.Task[None] | None = None
        self._interrupted = False

    def interrupt(self) -> None:
        """Break the session off, as when the service goes down."""
        self._interrupted = True
        if self._running is not None:
            self._running.cancel()

    async def run(self) -> None:
        """Hold the session to its end; raises Cut when the connection is to break."""
        if (await self._receive())["type"] != "websocket.connect":
            return
        if self._route is None:
            refusal = refusal_of(not_served("a WebSocket on", self.path))
            await refuse(refusal, self._extensions, self._send)
            return
        running = asyncio.create_task(self._enter(self._route), name="emulator live session")
        try:
            await asyncio.wait((running,))
        finally:
            running.cancel()
            await asyncio.wait((running,))
        if running.cancelled():
            raise Cut
        running.result()

    async def _enter(self, route: LiveRoute) -> None:
        self._running = asyncio.current_task()  # from here on a cancellation is booked
        steps = self._house.steps_for(HANDSHAKE, "", "")
        try:
            if self._interrupted:
                raise Cut
            refusal = await play_handshake(steps, self._receive, self._wire, self._house)
            if refusal is None:
                await self._connection.accept(self._house.clock.now())
        except Left:
            await self._book_connection(NO_CLOSE_FRAME, End.ABORTED)
            return
        except (Cut, asyncio.CancelledError):
            await self._book_connection(NO_CLOSE_FRAME, End.ERROR)
            raise
        if refusal is not None:
            await self._book_connection(refusal.status, End.ERROR)
            await refuse(refusal, self._extensions, self._send)
            return
        await self._hold(route)

    async def _hold(self, route: LiveRoute) -> None:
        code, end = NO_CLOSE_FRAME, End.ABORTED
        ending: SessionEnd | None = None
        try:
            await self._converse(route)
        except Left:
            code = self._connection.left_with or code
            end = End.FINISHED if self._connection.was_left_well else End.ABORTED
        except SessionEnd as met:
            ending = met
            code, end = met.code, _end_of(met)
        except Cut:
            end = End.ERROR
            raise
        finally:
            self._end_ownership()
            await self._book_connection(code, end)  # before the client sees it
        if ending is not None:
            with suppress(Left):  # nobody is left to tell
                await self._connection.close(ending.code, ending.reason)

    def _end_ownership(self) -> None:
        """Let another connection resume the session."""
        if self._owner.ended_at is None:
            self._owner.ended_at = self._house.clock.now()

    async def _converse(self, route: LiveRoute) -> None:
        """Hold the conversation; raises SessionEnd, Left or Cut."""
        try:
            is_constrained = route.service is LiveService.CONSTRAINED
            grant = self._admit_token() if is_constrained else None
            setup = await self._setup()
            if grant is None:
                check_key(self, self._house.keys())
            model = live_model(setup.model or "", route)
            self._model = model.name
            if grant is not None:
                self._house.tokens.use(grant, setup)
            session = Session(
                setup,
                model,
                self._connection,
                self._house,
                self._owner,
                self._book_turn,
                is_vertex=self.is_vertex,
            )
            try:
                await session.hold()
            finally:
                await session.abandon()
        except APIError as error:
            raise end_of(error) from None
        except (SessionEnd, Left, Cut):
            raise
        except Exception:
            _log.exception("the emulator failed in a Live session")
            raise SessionEnd(1011, "Internal error encountered.") from None

    def _admit_token(self) -> Grant:
        """Return the token's grant: the session is its key's and says what it allows."""
        tokens = self._house.tokens
        grant = tokens.find(token_of(self))
        self._owner.key_hash = grant.key_hash
        self._connection.gate = TokenGate(tokens, grant)
        return grant

    async def _setup(self) -> LiveSetup:
        for event in await self._connection.events():
            if isinstance(event, SetUp):
                return event.setup
        raise SessionEnd(1007, "Request contains an invalid argument: the setup comes first")

    async def _book_turn(self, turn: Turn, end: End) -> None:
        await self._book(turn.request_id, TURN, 200, end, turn)

    async def _book_connection(self, code: int, end: End) -> None:
        await self._book(self._house.new_id(), CONNECTION, code, end, None)

    async def _book(
        self, request_id: str, method: str, status: int, end: End, turn: Turn | None
    ) -> None:
        entry = JournalEntry(
            request_id=request_id,
            attempt=attempt_of(self.headers.get("x-gemstream-attempt", "")),
            key_hash=self._owner.key_hash or None,
            model=self._model,
            method=method,
            status=status,
            end=end,
            usage=None if turn is None else turn.usage(),
            bytes=self._connection.bytes if turn is None else turn.bytes,
            at=self._house.clock.now(),
        )
        await self._house.journal.record(entry)


def _end_of(ending: SessionEnd) -> End:
    return End.FINISHED if ending.code == 1000 else End.ERROR
