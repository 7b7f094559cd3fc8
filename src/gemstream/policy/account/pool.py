"""Which account serves a request, and what its answers mean for the next one.

Strategy. An account is asked if nothing speaks against it: its own standing, that with the model,
and what the model says to everybody. Of several the order is: one that is dedicated to the key,
the one that served the session before, the lowest priority, the fewest running requests, the most
headroom, the longest unused. If only failures speak against those that are left, the one whose
time is over first is asked nevertheless: the last is never out.

Sources: Envoy's outlier detection and retry budgets.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator, Sequence

import msgspec

from ...config.relay.options import AccountOptions
from .fact import Change, Fact, PoolFacts, line_facts
from .line import FAILURES_IN_A_ROW, Barred, Line
from .member import Member
from .signal import Signal, SignalKind
from .state import Dimension, Standing, State
from .sticky import StickySessions
from .throttle import Throttle
from .wish import NoneLeft, Shortage, Wish

__all__ = ("AccountPool", "Choice")

_LEAST_RETRIES = 3
_RETRIES_PER = 5  # one in so many running requests: 20 %
# Names of models come from callers: a line takes some 500 bytes, so this is 2 MB.
_MOST_LINES = 4096
_MOST_THROTTLES = 512


class Choice(msgspec.Struct, frozen=True, eq=False):
    """One request on its way to ``account``; ``pool.finished`` ends it.

    ``is_probe``: it finds out whether the account is back. ``is_paid``: a retry of the budget.
    """

    account: str
    model: str
    sent: float
    is_probe: bool
    is_paid: bool
    member: Member
    line: Line

    def __repr__(self) -> str:
        return f"Choice({self.account!r}, {self.model!r})"


class AccountPool:
    """All accounts of a relay. Nothing waits; ``now`` is seconds of one clock that never steps."""

    __slots__ = (
        "_ejections",
        "_lines",
        "_members",
        "_refused_retries",
        "_retries",
        "_running",
        "_sticky",
        "_throttles",
    )

    def __init__(self, accounts: Sequence[AccountOptions]) -> None:
        self._members: dict[str, Member] = {}
        self._lines: OrderedDict[tuple[str, str], Line] = OrderedDict()
        self._throttles: OrderedDict[str, Throttle] = OrderedDict()
        self._sticky = StickySessions()
        self._running: set[Choice] = set()
        self._retries = 0
        self._refused_retries = 0
        self._ejections: Counter[str] = Counter()
        self.update(accounts)

    def update(self, accounts: Sequence[AccountOptions]) -> None:
        """Take these accounts from now on; one that stays keeps its states.

        One that was disabled is asked again when its credentials, kind or address changed.
        """
        before = self._members
        self._members = {one.name: Member.following(before.get(one.name), one) for one in accounts}
        kept = [key for key in self._lines if self._members.get(key[0]) is before.get(key[0])]
        self._lines = OrderedDict((key, self._lines[key]) for key in kept)

    def choose(self, wish: Wish, now: float, *, jitter: float) -> Choice | NoneLeft:
        """Return the account to ask, or why there is none; it runs the request until ``finished``.

        ``jitter``: a random number in [0, 1).
        """
        candidates = [member for member in self._members.values() if member.serves(wish)]
        if not candidates:
            is_off = any(member.suits(wish) for member in self._members.values())
            return NoneLeft(Shortage.DISABLED if is_off else Shortage.NO_ACCOUNT)
        untried = [member for member in candidates if member.name not in wish.tried]
        if not untried:
            return _all_tried(wish)
        if wish.is_paid and self._retries >= self.retry_budget:
            self._refused_retries += 1
            return NoneLeft(Shortage.RETRY_BUDGET)
        able = self._able(untried, wish, now)
        if isinstance(able, NoneLeft):
            return able
        if self._throttle(wish.model).refuses(now, jitter):
            return NoneLeft(Shortage.OVERLOADED)
        return self._send(self._first(able, wish, now), wish, now)

    def began(self, choice: Choice, now: float) -> Change | None:
        """Note that the answer has begun, and well: an account on probation is back."""
        return _change(choice, Dimension.HEALTH, choice.line.answered(now))

    def receive(
        self, choice: Choice, signal: Signal, now: float, *, jitter: float
    ) -> Change | None:
        """Take in what the answer says, once for each choice; return what that changed.

        An answer is a success when it ended well, so that one which breaks off is not.
        """
        match signal.kind:
            case SignalKind.CALLER_FAULT:
                return None
            case SignalKind.SUCCESS:
                choice.line.failures = 0
                return self.began(choice, now)
            case SignalKind.OVERLOADED:
                self._throttle(choice.model).receive_overload(choice.sent)
                return None
            case SignalKind.DISABLED:
                disabled = choice.member.disable(signal.cause, now)
                return _change(choice, Dimension.ACCOUNT, disabled)
            case SignalKind.SOFT_LIMIT:
                slowed = choice.line.slow_down(signal.cause, now)
                return _change(choice, Dimension.RATE, slowed)
            case SignalKind.SOFT | SignalKind.UNREACHED:
                return self._fail(choice, signal.cause, now, jitter)
            case _:
                dimension = _COOLED[signal.kind]
                standing = choice.line.cool(dimension, signal.delay or 0.0, signal.cause, now)
                return _change(choice, dimension, standing)

    def finished(self, choice: Choice) -> None:
        """Note that the request runs no more, whatever became of it; again is nothing."""
        if choice not in self._running:
            return
        self._running.remove(choice)
        self._retries -= choice.is_paid
        choice.member.in_flight -= 1
        choice.line.in_flight -= 1
        if choice.is_probe:
            choice.line.is_probed = False

    @property
    def retry_budget(self) -> int:
        """How many retries may run now: a fifth of all that runs, and always three."""
        return max(_LEAST_RETRIES, len(self._running) // _RETRIES_PER)

    @property
    def is_usable(self) -> bool:
        """False when no account is left that is neither switched off nor refused by its service."""
        return any(member.is_enabled for member in self._members.values())

    def reset(self, account: str) -> bool:
        """Forget what speaks against an account; False when there is none of this name."""
        member = self._members.get(account)
        if member is None:
            return False
        member.reset()
        for name, model in list(self._lines):
            if name == account:
                self._lines[name, model].reset()
        return True

    def facts(self, now: float) -> PoolFacts:
        """Return how everything stands, for operators."""
        return PoolFacts(
            accounts=tuple(self._facts(now)),
            refusing={
                model: chance
                for model, throttle in self._throttles.items()
                if (chance := throttle.chance(now))
            },
            in_flight=len(self._running),
            retries=self._retries,
            retry_budget=self.retry_budget,
            refused_retries=self._refused_retries,
            ejections=dict(self._ejections),
        )

    def _able(self, untried: Sequence[Member], wish: Wish, now: float) -> list[Member] | NoneLeft:
        """Return who can be asked now; of those with failures alone, one is always left."""
        able: list[Member] = []
        barred: list[tuple[Member, Barred]] = []
        for member in untried:
            bar = member.barred() or self._line(member, wish.model).barred(now)
            if bar is None:
                able.append(member)
            else:
                barred.append((member, bar))
        if able:
            return able
        soft = [(bar.until or now, member) for member, bar in barred if bar.is_soft]
        if soft:
            return [min(soft, key=lambda one: one[0])[1]]
        return _shortage([bar for _, bar in barred])

    def _first(self, able: Sequence[Member], wish: Wish, now: float) -> Member:
        """Return the best of those who can be asked."""
        if len(able) == 1:
            return able[0]
        session = self._sticky.account(wish.session, wish.model, now)

        def rank(member: Member) -> tuple[bool, bool, int, int, int, float]:
            line = self._line(member, wish.model)
            options = member.options
            return (
                not options.is_dedicated,
                member.name != session,
                options.priority,
                member.in_flight,
                -line.headroom(options, now),
                line.used_at,
            )

        return min(able, key=rank)

    def _send(self, member: Member, wish: Wish, now: float) -> Choice:
        line = self._line(member, wish.model)
        is_probe = line.standing(Dimension.HEALTH, now).state is State.HALF_OPEN
        is_probe = is_probe and not line.is_probed
        choice = Choice(
            account=member.name,
            model=wish.model,
            sent=now,
            is_probe=is_probe,
            is_paid=wish.is_paid,
            member=member,
            line=line,
        )
        self._keep(member, wish.model, line)
        line.is_probed = line.is_probed or is_probe
        line.use(wish.tokens, now)
        line.in_flight += 1
        member.in_flight += 1
        self._retries += wish.is_paid
        self._running.add(choice)
        self._sticky.bind(wish.session, wish.model, member.name, now)
        return choice

    def _fail(self, choice: Choice, cause: str, now: float, jitter: float) -> Change | None:
        """Count one failure, and eject the account when it is one too many."""
        line = choice.line
        line.failures += 1
        is_enough = choice.is_probe or line.failures >= FAILURES_IN_A_ROW
        if not is_enough or not self._may_eject(choice, now):
            return None
        standing = line.eject(cause, now, jitter)
        self._ejections[cause] += standing is not None
        return _change(choice, Dimension.HEALTH, standing)

    def _may_eject(self, choice: Choice, now: float) -> bool:
        """Return True while half of the accounts stay, and one of them can be asked now."""
        pool = [
            member
            for member in self._members.values()
            if member.is_enabled and member.has_model(choice.model)
        ]
        others = [self._line(member, choice.model) for member in pool if member != choice.member]
        out = 1 + sum(line.is_out(now) for line in others)
        return out <= len(pool) // 2 and any(line.barred(now) is None for line in others)

    def _line(self, member: Member, model: str) -> Line:
        """Return the line, a new one that is not kept when nothing is known."""
        return self._lines.get((member.name, model)) or Line()

    def _keep(self, member: Member, model: str, line: Line) -> None:
        key = (member.name, model)
        self._lines[key] = line
        self._lines.move_to_end(key)
        if len(self._lines) > _MOST_LINES:
            # The one that was asked longest ago: at worst its service repeats what it said.
            self._lines.popitem(last=False)

    def _throttle(self, model: str) -> Throttle:
        throttle = self._throttles.get(model)
        if throttle is None:
            throttle = self._throttles[model] = Throttle()
            if len(self._throttles) > _MOST_THROTTLES:
                self._throttles.popitem(last=False)
        self._throttles.move_to_end(model)
        return throttle

    def _facts(self, now: float) -> Iterator[Fact]:
        for member in self._members.values():
            yield Fact(
                account=member.name,
                state=member.standing.state,
                cause=member.standing.cause,
                in_flight=member.in_flight,
            )
        for (name, model), line in self._lines.items():
            yield from line_facts(name, model, line, now)


_COOLED = {
    SignalKind.MODEL_MISSING: Dimension.MODEL,
    SignalKind.QUOTA_MINUTE: Dimension.MINUTE,
    SignalKind.QUOTA_DAY: Dimension.DAY,
}


# No caller waits for these to pass.
_LASTING = (Shortage.DISABLED, Shortage.NO_MODEL)


def _change(choice: Choice, dimension: Dimension, standing: Standing | None) -> Change | None:
    if standing is None:
        return None
    model = "" if dimension is Dimension.ACCOUNT else choice.model
    return Change(choice.account, model, dimension, standing)


def _all_tried(wish: Wish) -> NoneLeft:
    return NoneLeft(Shortage.FULL, wish.fits_at) if wish.is_full else NoneLeft(Shortage.TRIED)


def _shortage(bars: Sequence[Barred]) -> NoneLeft:
    """Return the reason that passes first, for it is the one worth waiting for."""
    passing = [bar for bar in bars if bar.reason not in _LASTING]
    if not passing:
        is_there = any(bar.reason is Shortage.DISABLED for bar in bars)
        return NoneLeft(Shortage.DISABLED if is_there else Shortage.NO_MODEL)
    first = min(passing, key=lambda bar: bar.until or 0.0)
    return NoneLeft(first.reason, first.until)
