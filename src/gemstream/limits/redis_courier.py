"""The one thread of a process that talks to Redis: it carries operations there, and answers back.

Strategy. Limits are asked for on many event loops and in many threads, and corrected by
destructors; leases have to be renewed even when every loop of the process is busy. One thread with
one connection serves them all: what is put into its queue while a round trip is under way goes
with the next one, in order. A ``SimpleQueue`` may be put into from anywhere, a destructor included.
"""

from __future__ import annotations

import atexit
import enum
import logging
import os
import queue
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable

from ..errors import ConfigError, GemstreamError, StoreUnavailable
from ..stores.redis import RedisServer, Script, ScriptCall
from ..telemetry.decision import Decision, Told, Verdict
from .held import HeldRequests
from .midnights import Midnights
from .redis_batch import Batch, Operation, scope_of
from .redis_mail import Mail

__all__ = ("Courier", "State")

_log = logging.getLogger("gemstream.limits")

# A round trip holds the server, and every other process, for about 20 µs an operation.
_LARGEST_BATCH = 64
# So many leases are renewed with one round trip.
_RENEWED = 256
# How long a correction waits for a reservation to go along with.
_LINGER = 0.002
# How long the server is left alone after it failed.
_PAUSE = 1.0
# The second one knows the server's day, unless that changed again.
_TRIES = 3
# How long a process counts as one that uses a scope (limits.lua, SEEN), and how often it says so.
_SEEN = 60.0
_COUNTED = 10.0


# How long the end of the process waits for what is not written yet.
_LAST_WORDS = 1.0


class State(enum.Enum):
    """Whether the books can be asked."""

    NEW = "new"
    UP = "up"
    AWAY = "away"
    CLOSED = "closed"


class Courier:
    """Owns the connection and the thread; ``put`` is for everybody, the rest is the thread's.

    ``describe`` says what holds while the books are away. ``told`` is called by the thread.
    """

    def __init__(
        self,
        server: RedisServer,
        script: Script,
        *,
        lease: float,
        told: Told | None,
        describe: Callable[[], str],
    ) -> None:
        self.address = server.address
        self._server, self._script, self._lease = server, script, lease
        self._told, self._describe = told, describe
        self._begin()
        _couriers.add(self)

    def _begin(self) -> None:
        self.state = State.NEW
        self.replica = os.urandom(6).hex()
        self.processes: dict[str, int] = {}  # that use each scope, as last counted
        self._beat_at = 0.0
        self._queue: queue.SimpleQueue[Operation] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self.held = HeldRequests()
        self.mail = Mail()
        self._due: deque[str] = deque()  # leases to renew
        self._error: GemstreamError = StoreUnavailable(f"{self.address} was never asked")
        self._midnights = Midnights()
        self._counted: dict[str, float] = {}
        self._retry_at = 0.0

    def put(self, operation: Operation) -> None:
        """Have ``operation`` done, after all that was put before it."""
        self._queue.put(operation)

    def start(self) -> None:
        """Start the thread unless it runs."""
        if self._thread is None:
            with self._starting:
                if self._thread is None:
                    self._thread = threading.Thread(
                        target=self._work, name="gemstream-limits", daemon=True
                    )
                    self._thread.start()

    def start_anew(self) -> None:
        """Forget everything: this is a forked child, and what runs is its parent's."""
        self._server.close()
        self._begin()

    def stop(self, seconds: float = _LAST_WORDS) -> None:
        """Have what was put before written, for ``seconds`` at most, and let go."""
        self.put(Operation("stop"))
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(seconds)

    def _work(self) -> None:
        while self.state is not State.CLOSED:
            operations = self._gather()
            self._reach()
            if self.state is State.UP:
                self._carry(operations)
            else:
                self._keep(operations)
            self.mail.deliver()
            if any(operation.what == "stop" for operation in operations):
                self.state = State.CLOSED
        self._keep(self._drain())
        self.mail.deliver()
        self._server.close()

    def _gather(self) -> list[Operation]:
        """Return what there is to do, as soon as somebody waits for it; [] when a beat is due."""
        operations: list[Operation] = []
        until = self._idle_until()
        while len(operations) < _LARGEST_BATCH:
            try:
                operations.append(self._queue.get_nowait())
                continue
            except queue.Empty:
                pass
            if any(operation.answered or operation.what == "stop" for operation in operations):
                break
            left = None if until is None else until - time.monotonic()
            if left is not None and left <= 0:
                break
            try:
                operations.append(self._queue.get(timeout=left))
            except queue.Empty:
                break
            lingers_until = time.monotonic() + _LINGER
            until = lingers_until if until is None else min(until, lingers_until)
        return operations

    def _drain(self) -> list[Operation]:
        operations = []
        while not self._queue.empty():
            operations.append(self._queue.get_nowait())
        return operations

    def _idle_until(self) -> float | None:
        if self.state is State.AWAY:
            return self._retry_at
        if self._due:
            return 0.0
        return self._beat_at if self.held else None

    def _reach(self) -> None:
        """Connect where that is due."""
        if self.state is State.UP or self.state is State.CLOSED:
            return
        if self.state is State.AWAY and time.monotonic() < self._retry_at:
            return
        try:
            self._server.connect()
        except GemstreamError as error:
            self._fail(error)
            return
        was_away, self.state = self.state is State.AWAY, State.UP
        self._beat_at = 0.0  # what was let in meanwhile is told at once
        if was_away:
            _log.warning("the limits in %s are back", self.address)
            self._tell(Verdict.BACK, self.address, "")

    def _fail(self, error: GemstreamError) -> None:
        """Note that the books cannot be asked."""
        self._retry_at = time.monotonic() + _PAUSE
        self._error = error
        if self.state is State.AWAY or (self.state is State.NEW and isinstance(error, ConfigError)):
            return
        self.state = State.AWAY
        held = self._describe()
        _log.warning("%s; %s", error, held)
        self._tell(Verdict.AWAY, self.address, held)

    def _keep(self, operations: Iterable[Operation]) -> None:
        """Note what changes for the time when the books are back; nothing can be asked now."""
        for operation in operations:
            self.held.receive(operation)
            if operation.answered is not None:
                operation.answered(self._error)

    def _carry(self, operations: list[Operation]) -> None:
        """Have ``operations`` done, in one round trip."""
        batches: dict[str, Batch] = {}
        now = time.monotonic()
        for operation in operations:
            self.held.receive(operation)
            if operation.what == "admit":
                self._beat_at = 0.0  # the books are back since, and do not know of it
            elif operation.what != "stop":
                scope = scope_of(operation.claims)
                self._batch(batches, scope, now).operations.append(operation)
        self._beat(batches, now)
        try:
            self._run(list(batches.values()))
        except ConfigError as error:
            _log.error("%s", error)
            for batch in batches.values():
                batch.fail(error)
        except StoreUnavailable as error:
            self._fail(error)
            for batch in batches.values():
                batch.fail(error)
        except Exception as error:  # a thread that ended here would let everybody wait
            _log.exception("the limits in %s could not be asked", self.address)
            for batch in batches.values():
                batch.fail(StoreUnavailable(f"the limits could not be asked: {error!r}"))

    def _batch(self, batches: dict[str, Batch], scope: str, now: float) -> Batch:
        batch = batches.get(scope)
        if batch is None:
            batch = batches[scope] = Batch(scope)
            if now - self._counted.get(scope, 0.0) > min(_COUNTED, now):
                self._counted[scope] = now
                batch.operations.append(self._count(scope))
        return batch

    def _count(self, scope: str) -> Operation:
        def answered(answer: list[int] | Exception) -> None:
            if not isinstance(answer, Exception):
                self.processes[scope] = max(1, answer[0])

        return Operation("count", answered=answered)

    def _beat(self, batches: dict[str, Batch], now: float) -> None:
        """Renew the leases of what runs, a part of them at a time."""
        if now >= self._beat_at:
            self._beat_at = now + self._lease / 3
            self._due.extend(self.held.names)
            self._forget_scopes(now)
        for _ in range(min(_RENEWED, len(self._due))):
            for scope, operation in self.held.renewals(self._due.popleft(), self._lost):
                self._batch(batches, scope, now).operations.append(operation)

    def _forget_scopes(self, now: float) -> None:
        for scope, counted in list(self._counted.items()):
            if now - counted > _SEEN:
                del self._counted[scope]
                self.processes.pop(scope, None)

    def _lost(self, scope: str, name: str) -> None:
        _log.warning("a running answer of %s was lost from the limits and is counted again", scope)
        self._tell(Verdict.LOST, scope, self.address)

    def _run(self, batches: list[Batch]) -> None:
        """Do the batches; those that hold days again if our idea of the server's time is wrong."""
        for _ in range(_TRIES):
            calls = [
                ScriptCall(batch.keys, batch.argument(self._lease, self.replica, self._midnights))
                for batch in batches
            ]
            answers = self._server.run(self._script, calls)
            walls = [batch.receive(answer) for batch, answer in zip(batches, answers, strict=True)]
            batches = [
                batch for batch, wall in zip(batches, walls, strict=True) if wall is not None
            ]
            if not batches:
                return
            self._midnights.correct(max(wall for wall in walls if wall is not None))
        raise StoreUnavailable(f"the clock of the Redis server at {self.address} runs wild")

    def _tell(self, verdict: Verdict, scope: str, setting: str) -> None:
        if self._told is None:
            return
        try:
            self._told(Decision(verdict=verdict, scope=scope, setting=setting))
        except Exception:
            _log.exception("what is told of decisions about limits failed")


_couriers: weakref.WeakSet[Courier] = weakref.WeakSet()


def _end() -> None:
    for courier in list(_couriers):
        courier.stop()


def _start_anew() -> None:
    for courier in list(_couriers):
        courier.start_anew()


atexit.register(_end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew)
