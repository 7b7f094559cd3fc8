"""The pool: who is asked, in which order, and what each answer does."""

from __future__ import annotations

from typing import Any

import pytest

from gemstream.config.relay.options import AccountOptions
from gemstream.policy.account.pool import AccountPool, Choice
from gemstream.policy.account.signal import SUCCEEDED, Signal, SignalKind
from gemstream.policy.account.state import Dimension, State
from gemstream.policy.account.wish import NoneLeft, Shortage, Wish

WISH = Wish(model="gemini-2.5-flash")
SOFT = Signal(SignalKind.SOFT, cause="500")


def pool_of(*names: str, **options: Any) -> AccountPool:
    return AccountPool([AccountOptions(name=name, **options) for name in names])


def chosen(pool: AccountPool, wish: Wish = WISH, now: float = 0.0) -> Choice:
    choice = pool.choose(wish, now, jitter=0.99)
    assert isinstance(choice, Choice), choice
    return choice


def name_of(pool: AccountPool, wish: Wish = WISH, now: float = 0.0) -> str:
    """Who would serve it; nothing of it runs afterwards."""
    choice = chosen(pool, wish, now)
    pool.finished(choice)
    return choice.account


def left(pool: AccountPool, wish: Wish = WISH, now: float = 0.0) -> NoneLeft:
    choice = pool.choose(wish, now, jitter=0.99)
    assert isinstance(choice, NoneLeft), choice
    return choice


def answer(pool: AccountPool, signal: Signal, wish: Wish = WISH, now: float = 0.0) -> Any:
    choice = chosen(pool, wish, now)
    change = pool.receive(choice, signal, now, jitter=0.0)
    pool.finished(choice)
    return change


def eject(pool: AccountPool, name: str, now: float = 0.0) -> Any:
    change = None
    for _ in range(5):
        change = answer(pool, SOFT, Wish(model=WISH.model, pinned=name), now)
    return change


# --- the order -------------------------------------------------------------------------------


def test_the_lowest_priority_goes_first() -> None:
    pool = AccountPool(
        [AccountOptions(name="b", priority=50), AccountOptions(name="a", priority=10)]
    )
    assert [name_of(pool) for _ in range(3)] == ["a", "a", "a"]


def test_of_equals_the_one_that_runs_least_is_asked() -> None:
    pool = pool_of("a", "b")
    assert [chosen(pool).account for _ in range(4)] == ["a", "b", "a", "b"]


def test_of_idle_equals_the_one_with_most_headroom_is_asked() -> None:
    pool = AccountPool([AccountOptions(name="a", rpm=2), AccountOptions(name="b", rpm=100)])
    assert [name_of(pool) for _ in range(4)] == ["a", "b", "b", "b"]
    assert name_of(pool, now=600.0) == "a"


def test_tokens_count_in_headroom() -> None:
    pool = AccountPool([AccountOptions(name="a", tpm=1000), AccountOptions(name="b", tpm=1000)])
    large = Wish(model=WISH.model, tokens=500)
    assert [name_of(pool, large), name_of(pool), name_of(pool), name_of(pool)] == list("abbb")


def test_of_idle_equals_without_limits_the_longest_unused_is_asked() -> None:
    pool = pool_of("a", "b", "c")
    assert [name_of(pool, now=float(second)) for second in range(6)] == list("abcabc")


def test_a_session_returns_to_its_account_until_that_is_cooling() -> None:
    pool = pool_of("a", "b")
    session = Wish(model=WISH.model, session="s")
    first = name_of(pool, session)
    assert [name_of(pool, session, float(n)) for n in range(3)] == [first] * 3
    answer(pool, Signal(SignalKind.QUOTA_MINUTE, 30.0), session, 4.0)
    other = name_of(pool, session, 5.0)
    assert other != first
    assert name_of(pool, session, 40.0) == other  # its cache is there by now


def test_a_session_ends_an_hour_after_its_last_request() -> None:
    pool = AccountPool([AccountOptions(name="a", priority=1), AccountOptions(name="b")])
    session = Wish(model=WISH.model, session="s")
    assert name_of(pool, Wish(model=WISH.model, session="s", tried=("a",))) == "b"
    assert name_of(pool, session, 3599.0) == "b"
    assert name_of(pool, session, 3599.0 + 3600.0) == "a"


@pytest.mark.parametrize(
    ("wish", "served_by"),
    [
        (Wish(model="m"), {"shared", "grouped"}),
        (Wish(model="m", accounts=("own",)), {"own"}),
        (Wish(model="m", accounts=("own", "shared")), {"own", "shared"}),
        (Wish(model="m", groups=("g",)), {"grouped"}),
        (Wish(model="m", groups=("other",)), set()),
        (Wish(model="m", pinned="shared"), {"shared"}),
        (Wish(model="m", pinned="own"), set()),
        (Wish(model="gemini-2.5-pro"), {"shared", "grouped", "pro"}),
        (Wish(model="m", kinds=("vertex",)), set()),
        (Wish(model="m", kinds=("vertex", "gemini")), {"shared", "grouped"}),
    ],
)
def test_who_may_serve(wish: Wish, served_by: set[str]) -> None:
    pool = AccountPool(
        [
            AccountOptions(name="shared"),
            AccountOptions(name="own", is_dedicated=True, groups=("g",)),
            AccountOptions(name="grouped", groups=("g",)),
            AccountOptions(name="pro", models=("gemini-*-pro",)),
            AccountOptions(name="off", is_enabled=False),
        ]
    )
    served = set()
    while isinstance(choice := pool.choose(wish, 0.0, jitter=0.99), Choice):
        served.add(choice.account)
        wish = wish.without(choice.account)
    assert served == served_by
    assert choice.reason is (Shortage.FULL if served_by else Shortage.NO_ACCOUNT)


def test_when_all_were_asked_or_full_it_says_which_and_when_one_fits() -> None:
    pool = pool_of("a", "b")
    assert left(pool, Wish(model="m", tried=("a", "b"))) == NoneLeft(Shortage.TRIED)
    full = Wish(model="m").without("a", 30.0).without("b", 20.0)
    assert left(pool, full) == NoneLeft(Shortage.FULL, 20.0)
    assert left(pool, Wish(model="m").without("a").without("b")) == NoneLeft(Shortage.FULL)


def test_an_account_of_the_keys_own_goes_before_the_session_and_priority() -> None:
    pool = AccountPool(
        [
            AccountOptions(name="own", is_dedicated=True, priority=99),
            AccountOptions(name="shared", priority=1),
        ]
    )
    wish = Wish(model="m", accounts=("own", "shared"), session="s")
    assert name_of(pool, wish.without("own")) == "shared"
    assert name_of(pool, wish) == "own"


# --- the rows of the table -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("signal", "dimension", "state"),
    [
        (Signal(SignalKind.DISABLED), Dimension.ACCOUNT, State.DISABLED),
        (Signal(SignalKind.MODEL_MISSING, 3600.0), Dimension.MODEL, State.COOLING),
        (Signal(SignalKind.QUOTA_MINUTE, 12.0), Dimension.MINUTE, State.COOLING),
        (Signal(SignalKind.QUOTA_DAY, 5000.0), Dimension.DAY, State.COOLING),
        (Signal(SignalKind.SOFT_LIMIT), Dimension.RATE, State.COOLING),
    ],
)
def test_a_signal_puts_the_account_out(signal: Signal, dimension: Dimension, state: State) -> None:
    pool = pool_of("a")
    change = answer(pool, signal)
    assert (change.account, change.dimension, change.standing.state) == ("a", dimension, state)
    none = left(pool)
    assert none.reason is (Shortage.DISABLED if state is State.DISABLED else Shortage.COOLING)
    other_model = Wish(model="gemini-2.5-pro")
    if state is State.DISABLED:
        assert left(pool, other_model).reason is Shortage.DISABLED
        assert not pool.is_usable
    else:
        delay = 5.0 if signal.delay is None else signal.delay
        assert none.until == delay
        assert name_of(pool, other_model) == "a"  # the state is that of one model
        left(pool, now=delay - 0.1)
        assert name_of(pool, now=delay) == "a"


@pytest.mark.parametrize("kind", [SignalKind.SUCCESS, SignalKind.CALLER_FAULT])
def test_an_answer_and_a_callers_fault_change_nothing(kind: SignalKind) -> None:
    pool = pool_of("a")
    for _ in range(20):
        assert answer(pool, Signal(kind)) is None
    assert name_of(pool) == "a"


def test_a_refusal_without_reason_cools_twice_as_long_each_time() -> None:
    pool, now, delays = pool_of("a"), 0.0, []
    for _ in range(6):
        change = answer(pool, Signal(SignalKind.SOFT_LIMIT), now=now)
        delays.append(change.standing.until - now)
        now = change.standing.until
    assert delays == [5.0, 10.0, 20.0, 40.0, 60.0, 60.0]
    quiet = now + 61.0
    assert answer(pool, Signal(SignalKind.SOFT_LIMIT), now=quiet).standing.until == quiet + 5.0


def test_refusals_of_one_volley_count_once() -> None:
    pool = pool_of("a")
    volley = [chosen(pool) for _ in range(10)]
    refusal = Signal(SignalKind.SOFT_LIMIT)
    changes = [pool.receive(choice, refusal, 1.0, jitter=0.0) for choice in volley]
    assert [change is not None for change in changes] == [True] + [False] * 9


def test_after_a_refusal_without_reason_less_runs_at_first() -> None:
    pool = pool_of("a")
    volley = [chosen(pool) for _ in range(10)]
    pool.receive(volley[0], Signal(SignalKind.SOFT_LIMIT), 0.0, jitter=0.0)
    for choice in volley:
        pool.finished(choice)
    ran = 0
    while isinstance(choice := pool.choose(WISH, 5.0, jitter=0.99), Choice):
        ran += 1
    assert ran == 7  # of 10, as CUBIC cuts
    assert choice.reason is Shortage.FULL
    assert [fact.ceiling for fact in pool.facts(5.0).accounts if fact.model] == [7]
    assert isinstance(pool.choose(WISH, 30.0, jitter=0.99), Choice)


def test_five_failures_in_a_row_eject_and_one_probe_brings_back() -> None:
    pool = pool_of("a", "b")
    assert eject(pool, "a").standing.state is State.EJECTED
    assert {name_of(pool, now=float(n)) for n in range(29)} == {"b"}
    probe = chosen(pool, now=30.0)
    assert (probe.account, probe.is_probe) == ("a", True)
    assert {chosen(pool, now=31.0).account for _ in range(5)} == {"b"}  # while it is out
    change = pool.began(probe, 32.0)
    assert change is not None and change.standing.state is State.OPEN
    assert chosen(pool, now=32.0).account == "a"


def test_a_probe_that_was_cancelled_leaves_the_place_to_the_next() -> None:
    pool = pool_of("a", "b")
    eject(pool, "a")
    pool.finished(chosen(pool, now=30.0))
    assert chosen(pool, Wish(model=WISH.model, tried=("b",)), 31.0).is_probe


def test_there_is_one_probe_even_when_nobody_else_is_left() -> None:
    pool = pool_of("a", "b")
    eject(pool, "a")
    answer(pool, Signal(SignalKind.QUOTA_DAY, 9000.0))
    asked = [chosen(pool, now=30.0) for _ in range(3)]
    assert [(choice.account, choice.is_probe) for choice in asked] == [
        ("a", True),
        ("a", False),
        ("a", False),
    ]
    pool.finished(asked[0])
    assert chosen(pool, now=31.0).is_probe


def test_failures_of_requests_from_before_do_not_eject_again() -> None:
    pool = pool_of("a", "b")
    before = [chosen(pool, Wish(model=WISH.model, pinned="a")) for _ in range(12)]
    changes = [pool.receive(choice, SOFT, 1.0, jitter=0.0) for choice in before]
    assert [change is not None for change in changes] == [False] * 4 + [True] + [False] * 7


def test_each_failed_probe_ejects_for_longer_up_to_five_minutes() -> None:
    pool, now, delays = pool_of("a", "b"), 0.0, []
    change = eject(pool, "a")
    pinned = Wish(model=WISH.model, pinned="a")
    for _ in range(12):
        delays.append(change.standing.until - now)
        now = change.standing.until
        change = answer(pool, SOFT, pinned, now)
    assert delays == [30.0 * min(n, 10) for n in range(1, 13)]


def test_an_ejection_is_jittered_by_a_tenth() -> None:
    pool = pool_of("a", "b")
    for jitter in (0.0, 0.0, 0.0, 0.0, 0.5):
        choice = chosen(pool, Wish(model=WISH.model, pinned="a"))
        change = pool.receive(choice, SOFT, 0.0, jitter=jitter)
        pool.finished(choice)
    assert change is not None and change.standing.until == pytest.approx(31.5)


def test_an_answer_in_between_begins_the_row_anew() -> None:
    pool = pool_of("a", "b")
    pinned = Wish(model=WISH.model, pinned="a")
    for signal in [SOFT] * 4 + [SUCCEEDED] + [SOFT] * 4:
        assert answer(pool, signal, pinned) is None


def test_the_last_is_never_ejected() -> None:
    pool = pool_of("a")
    for _ in range(50):
        assert answer(pool, SOFT) is None
    assert name_of(pool) == "a"


@pytest.mark.parametrize(("size", "ejected"), [(1, 0), (2, 1), (3, 1), (4, 2), (5, 2), (9, 4)])
def test_at_most_half_is_ejected(size: int, ejected: int) -> None:
    names = [f"n{n}" for n in range(size)]
    pool = pool_of(*names)
    for name in names:
        eject(pool, name)
    states = [fact.state for fact in pool.facts(1.0).accounts if fact.model]
    assert states.count(State.EJECTED) == ejected


def test_nobody_is_ejected_while_the_others_are_cooling() -> None:
    pool = pool_of("a", "b")
    answer(pool, Signal(SignalKind.QUOTA_DAY, 9000.0), Wish(model=WISH.model, pinned="b"))
    assert eject(pool, "a") is None
    healthy = pool_of("a", "b")
    assert eject(healthy, "a") is not None


def test_a_shorter_delay_does_not_end_a_longer_one() -> None:
    pool = pool_of("a")
    choices = [chosen(pool) for _ in range(2)]
    for choice, delay in zip(choices, (40.0, 5.0), strict=True):
        pool.receive(choice, Signal(SignalKind.QUOTA_MINUTE, delay), 0.0, jitter=0.0)
    assert left(pool).until == 40.0


def test_when_the_others_are_cooling_an_ejected_one_is_asked() -> None:
    pool = pool_of("a", "b")
    eject(pool, "a")
    answer(pool, Signal(SignalKind.QUOTA_DAY, 9000.0), now=1.0)
    assert name_of(pool, now=2.0) == "a"


# --- an overloaded model ---------------------------------------------------------------------


def test_an_overload_leaves_the_account_alone_and_moves_once() -> None:
    pool = pool_of("a", "b", "c")
    overload = Signal(SignalKind.OVERLOADED)
    assert answer(pool, overload) is None
    once = WISH.after("a", overload)
    assert once is not None and once.after("b", overload) is None
    assert not [fact for fact in pool.facts(0.0).accounts if fact.state is not State.OPEN]


def test_a_model_that_refuses_much_is_asked_less() -> None:
    pool = pool_of("a")
    for _ in range(30):
        choice = pool.choose(WISH, 0.0, jitter=0.999)
        assert isinstance(choice, Choice)
        pool.receive(choice, Signal(SignalKind.OVERLOADED), 0.0, jitter=0.0)
        pool.finished(choice)
    none = pool.choose(WISH, 1.0, jitter=0.5)
    assert isinstance(none, NoneLeft) and none.reason is Shortage.OVERLOADED
    other = pool.choose(Wish(model="gemini-2.5-pro"), 1.0, jitter=0.0)
    assert isinstance(other, Choice)
    assert isinstance(pool.choose(WISH, 200.0, jitter=0.0), Choice)  # two minutes later


def test_a_burst_of_slow_answers_is_no_overload() -> None:
    pool = pool_of("a")
    for _ in range(1000):
        assert isinstance(pool.choose(WISH, 0.0, jitter=0.0), Choice)


# --- the retry budget ------------------------------------------------------------------------


def test_three_retries_run_always_and_a_fifth_of_what_runs() -> None:
    pool = pool_of("a", "b")
    retry = WISH.after("a", SOFT)
    assert retry is not None
    retries = [chosen(pool, retry) for _ in range(3)]
    assert left(pool, retry).reason is Shortage.RETRY_BUDGET
    for _ in range(17):
        chosen(pool)
    chosen(pool, retry)
    assert left(pool, retry).reason is Shortage.RETRY_BUDGET
    pool.finished(retries[0])
    chosen(pool, retry)


def test_moving_on_from_a_refused_key_costs_no_budget() -> None:
    pool = pool_of("a", "b")
    moved = WISH.after("a", Signal(SignalKind.DISABLED))
    assert moved is not None and not moved.is_paid
    for _ in range(20):
        chosen(pool, moved)


# --- operators -------------------------------------------------------------------------------


def test_reset_forgets_what_speaks_against_an_account() -> None:
    pool = pool_of("a")
    answer(pool, Signal(SignalKind.QUOTA_DAY, 9000.0))
    answer(pool, Signal(SignalKind.DISABLED), Wish(model="other"))
    assert pool.reset("a")
    assert name_of(pool) == "a"
    assert not pool.reset("nobody")


def test_a_reload_keeps_states_but_not_those_of_other_credentials() -> None:
    pool = pool_of("a", "b", api_key="one")
    for name in "ab":
        answer(pool, Signal(SignalKind.DISABLED), Wish(model="m", pinned=name))
    pool.update(
        [
            AccountOptions(name="a", api_key="one", priority=1),
            AccountOptions(name="b", api_key="two"),
        ]
    )
    assert name_of(pool) == "b"
    assert left(pool, Wish(model="m", pinned="a")).reason is Shortage.DISABLED


def test_what_runs_through_a_reload_is_finished_safely() -> None:
    pool = pool_of("a")
    choice = chosen(pool)
    pool.update([AccountOptions(name="b")])
    pool.receive(choice, SOFT, 1.0, jitter=0.0)
    pool.finished(choice)
    pool.finished(choice)
    assert pool.facts(2.0).in_flight == 0


def test_any_number_of_models_takes_bounded_memory() -> None:
    pool = pool_of("a")
    for number in range(6000):
        answer(pool, Signal(SignalKind.MODEL_MISSING, 3600.0), Wish(model=f"m{number}"))
    assert len(pool.facts(0.0).accounts) <= 4097


def test_facts_count_ejections_and_retries_that_were_refused() -> None:
    pool = pool_of("a", "b")
    eject(pool, "a")
    retry = Wish(model=WISH.model, is_paid=True)
    for _ in range(3):
        chosen(pool, retry)
    left(pool, retry)
    facts = pool.facts(1.0)
    assert (facts.ejections, facts.refused_retries) == ({"500": 1}, 1)


def test_facts_tell_how_everything_stands() -> None:
    pool = pool_of("a", "b")
    answer(pool, Signal(SignalKind.QUOTA_MINUTE, 20.0, "429"))
    chosen(pool, now=1.0)
    facts = pool.facts(5.0)
    assert (facts.in_flight, facts.retries, facts.retry_budget) == (1, 0, 3)
    rows = {(fact.account, fact.dimension): fact for fact in facts.accounts}
    cooling = rows["a", Dimension.MINUTE]
    assert (cooling.state, cooling.ends_in, cooling.cause) == (State.COOLING, 15.0, "429")
    assert rows["b", Dimension.ACCOUNT].in_flight == 1


def test_a_model_that_is_not_there_is_no_matter_of_time() -> None:
    pool = pool_of("a", "b")
    for _ in range(2):
        choice = pool.choose(WISH, 0.0, jitter=0.0)
        assert isinstance(choice, Choice)
        missing = Signal(SignalKind.MODEL_MISSING, 3600.0, "404")
        pool.receive(choice, missing, 0.0, jitter=0.0)
        pool.finished(choice)
    assert left(pool, WISH) == NoneLeft(Shortage.NO_MODEL)


def test_a_place_that_may_not_have_the_model_is() -> None:
    pool = pool_of("a")
    choice = pool.choose(WISH, 0.0, jitter=0.0)
    assert isinstance(choice, Choice)
    pool.receive(choice, Signal(SignalKind.MODEL_MISSING, 3600.0, "403"), 0.0, jitter=0.0)
    assert left(pool, WISH) == NoneLeft(Shortage.COOLING, 3600.0)


def test_who_is_switched_off_would_have_served() -> None:
    pool = AccountPool([AccountOptions(name="off", is_enabled=False, models=("m",))])
    assert left(pool, Wish(model="m")) == NoneLeft(Shortage.DISABLED)
    assert left(pool, Wish(model="n")) == NoneLeft(Shortage.NO_ACCOUNT)
