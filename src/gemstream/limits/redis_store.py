"""The books in Redis, shared by all processes that are given the same server.

Strategy. The decision is one script, over all limits of a request and by the server's clock, so
processes agree without trusting each other's. What a process holds has a lease there, renewed by
one thread; a killed process frees its slots when the lease is over. While the server is away each
limit does what it was told to: ``away.py``.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
from collections.abc import Mapping, Sequence

from ..errors import ConfigError, StoreUnavailable
from ..policy.limit.claim import Claim, Refused, Spent, Unit, Wait
from ..policy.limit.log import Level
from ..stores.redis import RedisServer, Script
from ..telemetry.decision import Told
from .away import Away, AwayBooks
from .clock import Clock
from .redis_batch import SERVER_TIME, Operation, pattern_of, scope_in, scope_of, script_text
from .redis_courier import Courier, State
from .redis_mail import Answer, Letter

__all__ = ("LEASE", "RedisStore")

LEASE = 30.0


class RedisStore:
    """Limits shared through Redis; see ``LimitStore``.

    ``url``: ``redis://``, ``rediss://`` or ``unix://``. ``away``: what a limit does while the
    server is away, by its quota (``rpm``); see ``away.AWAY`` for the others. ``told``: told of
    that, and of what the books forgot, by a thread of the store. ``timeout``: seconds for a round
    trip; ``connect_timeout``: for connecting. ``lease``: for how long what a killed process held
    stays held. Raises ConfigError for a URL or number that cannot be used, and without the extra
    ``redis``; a wrong password or too old a server is told by the first ``reserve``.
    """

    is_shared = True

    def __init__(
        self,
        url: str,
        *,
        away: Mapping[str, Away] | None = None,
        told: Told | None = None,
        timeout: float = 0.05,
        connect_timeout: float = 2.0,
        lease: float = LEASE,
        clock: Clock | None = None,
        time_source: str = SERVER_TIME,
    ) -> None:
        for name, seconds in (
            ("timeout", timeout),
            ("connect_timeout", connect_timeout),
            ("lease", lease),
        ):
            if not 0 < seconds < float("inf"):
                raise ConfigError(f"{name} is {seconds!r}; it must be a number of seconds above 0")
        self._connect = functools.partial(
            RedisServer, url, timeout=timeout, connect_timeout=connect_timeout
        )
        clock = clock or Clock()
        self.moment = clock.moment
        self.seconds = clock.seconds
        self._patience = connect_timeout + 1.0
        self._books = AwayBooks(clock, away or {})
        self._names = itertools.count()
        self._courier = Courier(
            self._connect(),
            Script(script_text(time_source)),
            lease=lease,
            told=told,
            describe=self._books.describe,
        )

    def new_name(self) -> str:
        """Return a name that no other request in these books has."""
        return f"{self._courier.replica}:{next(self._names)}"

    async def reserve(self, name: str, claims: Sequence[Claim]) -> Wait | Refused | None:
        """Take all of ``claims`` and return None, or take nothing and say why.

        Raises ConfigError when the server cannot be used as it is, or when ``claims`` are of
        several scopes; StoreUnavailable when it is away and one of the limits is closed then.
        """
        _check_scope(claims)
        courier = self._courier
        if courier.state is not State.AWAY:
            try:
                answer = await self._ask("reserve", name, claims)
            except StoreUnavailable:
                pass
            else:
                return self._verdict(answer, claims)
        verdict = await self._books.reserve(
            name, claims, courier.processes.get(scope_of(claims), 1)
        )
        if verdict is None:
            courier.put(Operation("admit", name, claims))
        return verdict

    def stamp(self, name: str, claims: Sequence[Claim]) -> None:
        """Note that the head of the answer is here."""
        self._books.stamp(name)
        self._correct(Operation("stamp", name, claims))

    def adjust(self, name: str, claims: Sequence[Claim], tokens: int) -> None:
        """Correct what a running request has used of tokens so far."""
        self._books.adjust(name, tokens)
        counted = [claim for claim in claims if claim.unit is Unit.TOKENS]
        if counted:
            costs = [tokens] * len(counted)
            self._correct(Operation("adjust", name, counted, costs))

    def settle(self, name: str, claims: Sequence[Claim], spent: Spent) -> None:
        """Correct what a request used to what it was; it runs no more."""
        self._books.settle(name, spent)
        costs = [spent.in_unit(claim.unit) for claim in claims]
        self._correct(Operation("settle", name, claims, costs))

    def hold(self, gate: Claim, delay: int) -> None:
        """Let nothing through ``gate`` for ``delay`` microseconds."""
        self._books.hold(gate, delay)
        self._courier.start()
        self._courier.put(Operation("hold", "", [gate], [delay]))

    async def levels(self, claims: Sequence[Claim]) -> list[Level]:
        """Return how full the limits are. Raises as ``reserve``, for all limits as if closed."""
        numbers = await self._ask("levels", "", claims)
        now = self.moment().now
        levels = []
        for claim, used, left in zip(claims, numbers[::2], numbers[1::2], strict=True):
            levels.append(Level(claim, used, None if left < 0 else now + left))
        return levels

    async def scopes(self, prefix: str) -> list[str]:
        """Return the scopes that begin with ``prefix`` and of which something is written.

        Raises as ``reserve``; on a connection of its own, for it asks the server many times.
        """
        return await asyncio.to_thread(self._scopes, prefix)

    def _scopes(self, prefix: str) -> list[str]:
        server = self._connect()
        server.connect()
        try:
            return sorted({scope_in(key) for key in server.keys(pattern_of(prefix))})
        finally:
            server.close()

    def sweep(self, claims: Sequence[Claim]) -> bool:
        """Forget what changes nothing by it; True when this process remembers nothing of it."""
        return self._books.sweep(claims) and not self._courier.held.runs_in(scope_of(claims))

    async def aclose(self) -> None:
        """Write what is unwritten and let go; the store cannot be used again."""
        await asyncio.to_thread(self._courier.stop)

    def __del__(self) -> None:
        courier = getattr(self, "_courier", None)
        if courier is not None:
            courier.put(Operation("stop"))

    def _correct(self, operation: Operation) -> None:
        # A forked child inherits the reservations of its parent, which still runs them.
        if operation.name.startswith(self._courier.replica):
            self._courier.put(operation)

    async def _ask(self, what: str, name: str, claims: Sequence[Claim]) -> list[int]:
        """Have one operation done and return its answer, or raise what came instead."""
        courier = self._courier
        future: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()

        def give_back() -> None:
            courier.put(Operation("settle", name, claims, [0] * len(claims)))

        letter = Letter(future, give_back)

        def answered(found: Answer) -> None:
            if what == "reserve" and not isinstance(found, Exception) and found[0] == 0:
                courier.held.take(name, claims, is_new=False)
            courier.mail.add(letter, found)

        courier.start()
        courier.put(Operation(what, name, claims, None, answered))
        try:
            async with asyncio.timeout(self._patience):
                return await future
        except TimeoutError:
            raise StoreUnavailable(
                f"the Redis server at {courier.address} did not answer"
            ) from None

    def _verdict(self, answer: list[int], claims: Sequence[Claim]) -> Wait | Refused | None:
        status, index, left = answer
        if status == 0:
            return None
        if status == 2:
            return Refused(claims[index])
        return Wait(claims[index], None if left < 0 else self.moment().now + left)


def _check_scope(claims: Sequence[Claim]) -> None:
    """A Cluster decides only over what lies in one slot, and one scope is one slot."""
    scope = scope_of(claims)
    for claim in claims:
        if not claim.key.startswith(f"{scope}|"):
            raise ConfigError(
                f"limits of one request are of several scopes, as {scope!r:.80} and "
                f"{claim.key!r:.80}; in Redis they must share one"
            )
