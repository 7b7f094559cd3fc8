from __future__ import annotations

import msgspec
import pytest

from gemstream.config.relay.options import BudgetOptions
from gemstream.limits.memory_store import MemoryStore
from gemstream.policy.key.presented import PresentationFault
from gemstream.policy.key.scope import ScopeFault
from gemstream.relay.keys.budgets import Budgets
from gemstream.relay.keys.key_info import key_info
from gemstream.relay.keys.limits import KeyLimits
from gemstream.relay.keys.refusal import UNKNOWN_KEY, key_refusal, too_many_failures
from gemstream.wire.dialect.refusal import Fault
from support.limit_clock import NOON, SetClock
from support.relay_keys import LITERAL, a_key


async def test_a_holder_sees_its_own_key_and_nothing_of_others() -> None:
    limits = KeyLimits(MemoryStore(SetClock()), Budgets(wall=lambda: NOON))
    key = a_key(
        rpm=60,
        models=("gemini-*",),
        surfaces=("openai",),
        cidrs=("10.0.0.0/8",),
        accounts=("secret-account",),
        budget=BudgetOptions(day=100),
    )
    (await limits.admit(a_key("team-b", budget=BudgetOptions(day=9)), 1, 1)).settle(1, 8)
    (await limits.admit(key, 1, 10)).settle(1, 20)
    told = msgspec.json.decode(msgspec.json.encode(await key_info(key, limits)))
    assert (told["id"], told["models"], told["surfaces"]) == ("team-a", ["gemini-*"], ["openai"])
    assert told["remaining"]["requests"] == {"limit": 60, "remaining": 59, "reset": 1.0}
    assert told["spent"] == {"day": 20, "month": 20, "total": 20}
    shown = msgspec.json.encode(told).decode()
    assert not any(text in shown for text in (LITERAL, "secret-account", "10.0.0.0", "team-b"))


async def test_a_key_without_a_budget_has_spent_nothing_that_is_known() -> None:
    limits = KeyLimits(MemoryStore(SetClock()))
    (await limits.admit(a_key(), 1, 10)).settle(1, 20)
    assert (await key_info(a_key(), limits)).spent is None


@pytest.mark.parametrize("fault", [*PresentationFault, *ScopeFault], ids=str)
def test_every_fault_of_a_key_has_its_answer(fault: PresentationFault | ScopeFault) -> None:
    kinds = {400: Fault.INVALID, 401: Fault.CLIENT_AUTH, 403: Fault.FORBIDDEN}
    assert key_refusal(fault).fault is kinds[fault.http_status]


def test_what_cannot_be_a_key_is_answered_like_one_that_is_not_known() -> None:
    assert key_refusal(PresentationFault.MALFORMED) == UNKNOWN_KEY


def test_an_address_that_failed_too_often_is_told_when_to_try_again() -> None:
    refusal = too_many_failures(7.5)
    assert (refusal.fault, refusal.retry_delay) == (Fault.RATE, 7.5)
