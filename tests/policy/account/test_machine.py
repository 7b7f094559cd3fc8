"""The pool over thousands of steps: whatever is asked and answered, some things never happen."""

from __future__ import annotations

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gemstream.config.relay.options import AccountOptions
from gemstream.policy.account.fact import Fact
from gemstream.policy.account.pool import AccountPool, Choice
from gemstream.policy.account.signal import Signal, SignalKind
from gemstream.policy.account.state import Dimension, State
from gemstream.policy.account.wish import NoneLeft, Shortage, Wish

MODELS = ("fast", "deep")
DELAYS = {
    SignalKind.MODEL_MISSING: 3600.0,
    SignalKind.QUOTA_MINUTE: 20.0,
    SignalKind.QUOTA_DAY: 9000.0,
}
JITTERS = st.floats(0.0, 0.99)
# Mostly what ejects, for five in a row are rare otherwise.
SIGNALS = st.sampled_from([SignalKind.SOFT] * 12 + list(SignalKind))


class Pool(RuleBasedStateMachine):
    """Requests of two models to one to five accounts, with a clock that only this test moves."""

    @initialize(priorities=st.lists(st.integers(1, 3), min_size=1, max_size=5))
    def begin(self, priorities: list[int]) -> None:
        self.priorities = {f"n{number}": one for number, one in enumerate(priorities)}
        self.pool = AccountPool(
            [AccountOptions(name=name, priority=one) for name, one in self.priorities.items()]
        )
        self.now = 1000.0
        self.running: list[Choice] = []
        self.refused: set[str] = set()

    @rule(model=st.sampled_from(MODELS), jitter=JITTERS)
    def ask(self, model: str, jitter: float) -> None:
        self.take(Wish(model=model), jitter)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), kind=SIGNALS, jitter=JITTERS)
    def answer(self, data: st.DataObject, kind: SignalKind, jitter: float) -> None:
        choice = data.draw(st.sampled_from(self.running))
        signal = Signal(kind, DELAYS.get(kind))
        change = self.pool.receive(choice, signal, self.now, jitter=jitter)
        if kind is SignalKind.DISABLED:
            self.refused.add(choice.account)
        if change is not None:
            assert (change.standing.state is State.DISABLED) == (kind is SignalKind.DISABLED)
        self.end(choice)
        wish = Wish(model=choice.model, is_paid=choice.is_paid).after(choice.account, signal)
        if wish is not None:
            self.take(wish, jitter)

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def begin_answer(self, data: st.DataObject) -> None:
        self.pool.began(data.draw(st.sampled_from(self.running)), self.now)

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        choice = data.draw(st.sampled_from(self.running))
        self.end(choice)
        self.pool.finished(choice)

    @rule(seconds=st.sampled_from([0.1, 1.0, 5.0, 30.0, 31.0, 61.0, 301.0, 3600.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: self.refused)
    @rule(data=st.data())
    def reset(self, data: st.DataObject) -> None:
        account = data.draw(st.sampled_from(sorted(self.refused)))
        assert self.pool.reset(account)
        self.refused.discard(account)

    def take(self, wish: Wish, jitter: float) -> None:
        before = self.rows(wish.model)
        retries = sum(choice.is_paid for choice in self.running)
        budget = max(3, len(self.running) // 5)
        choice = self.pool.choose(wish, self.now, jitter=jitter)
        if isinstance(choice, NoneLeft):
            self.check_none(wish, choice, before)
            return
        if choice.is_paid:
            assert retries < budget
        assert choice.account not in wish.tried
        assert choice.account not in self.refused
        self.check_priority(wish, choice, before)
        self.running.append(choice)

    def check_none(self, wish: Wish, none: NoneLeft, rows: dict[str, list[Fact]]) -> None:
        """No account is left out for its failures alone: then it would have been asked."""
        if none.reason in (Shortage.RETRY_BUDGET, Shortage.OVERLOADED):
            return
        if none.until is not None:
            assert none.until > self.now
        for name in self.priorities:
            assert name in wish.tried or name in self.refused or any(map(is_hard, rows[name]))

    def check_priority(self, wish: Wish, choice: Choice, rows: dict[str, list[Fact]]) -> None:
        chosen = self.priorities[choice.account]
        for name, priority in self.priorities.items():
            is_free = not rows[name] and name not in wish.tried and name not in self.refused
            assert not (is_free and priority < chosen)

    def rows(self, model: str) -> dict[str, list[Fact]]:
        """What speaks against each account with this model."""
        found: dict[str, list[Fact]] = {name: [] for name in self.priorities}
        for fact in self.pool.facts(self.now).accounts:
            if fact.model == model and (fact.state is not State.OPEN or fact.ceiling is not None):
                found[fact.account].append(fact)
        return found

    def end(self, choice: Choice) -> None:
        self.running.remove(choice)
        self.pool.finished(choice)

    @invariant()
    def what_runs_is_known(self) -> None:
        if not hasattr(self, "pool"):
            return
        facts = self.pool.facts(self.now)
        assert facts.in_flight == len(self.running)
        assert facts.retries == sum(choice.is_paid for choice in self.running)
        runs = Counter(choice.account for choice in self.running)
        for fact in facts.accounts:
            if not fact.model:
                assert fact.in_flight == runs[fact.account]
                assert (fact.state is State.DISABLED) == (fact.account in self.refused)

    @invariant()
    def one_probe_at_a_time(self) -> None:
        probes = Counter(
            (choice.account, choice.model)
            for choice in getattr(self, "running", ())
            if choice.is_probe
        )
        assert all(count == 1 for count in probes.values())

    @invariant()
    def half_of_the_accounts_stay(self) -> None:
        if not hasattr(self, "pool"):
            return
        for model in MODELS:
            rows = self.rows(model)
            out = [
                name
                for name, facts in rows.items()
                if any(fact.dimension is Dimension.HEALTH and is_out(fact) for fact in facts)
            ]
            assert len(out) <= len(self.priorities) // 2


def is_out(fact: Fact) -> bool:
    return fact.state in (State.EJECTED, State.HALF_OPEN)


def is_hard(fact: Fact) -> bool:
    if fact.ceiling is not None and fact.in_flight >= fact.ceiling:
        return True
    return fact.state is State.COOLING


Pool.TestCase.settings = settings(max_examples=60, stateful_step_count=120, deadline=None)
TestPool = Pool.TestCase
