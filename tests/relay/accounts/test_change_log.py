"""What operators read when an account stands otherwise."""

from __future__ import annotations

import logging

import pytest

from gemstream.config.relay.options import AccountOptions
from gemstream.policy.account.fact import Change
from gemstream.policy.account.state import Dimension, Standing, State
from gemstream.relay.accounts.account import Account
from gemstream.relay.accounts.change_log import log_change

ACCOUNT = Account(AccountOptions(name="secret-customer", api_key="AIza-secret"))


@pytest.mark.parametrize(
    ("state", "level", "words"),
    [
        (State.DISABLED, logging.ERROR, "reset the account"),
        (State.EJECTED, logging.WARNING, "for 30 s"),
        (State.COOLING, logging.INFO, "for 30 s"),
        (State.OPEN, logging.INFO, "answers again"),
        (State.HALF_OPEN, logging.INFO, "one request"),
    ],
)
def test_a_change_is_one_line_without_names_and_secrets(
    state: State, level: int, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "gemstream.relay")
    standing = Standing(state, until=40.0, cause="403")
    log_change(Change("secret-customer", "m\n", Dimension.HEALTH, standing), ACCOUNT, 10.0)
    [record] = caplog.records
    line = record.getMessage()
    assert record.levelno == level
    assert words in line
    assert ACCOUNT.hash in line
    assert "secret" not in line
    assert "\n" not in line
