"""A new file against the running options: what holds at once and what waits."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gemstream.config.relay.changes import changes
from gemstream.config.relay.options import AccountOptions, KeyOptions, LogForm, RelayOptions
from gemstream.config.timeouts import Timeouts

ONE = AccountOptions(name="one", api_key="not-to-be-shown")
TEAM = KeyOptions(name="team", key="not-to-be-shown-either-0")
OLD = RelayOptions(accounts=(ONE,), keys=(TEAM,))


def replaced(section: str, **fields: Any) -> RelayOptions:
    part = msgspec.structs.replace(getattr(OLD, section), **fields)
    return msgspec.structs.replace(OLD, **{section: part})


LIVE: list[tuple[RelayOptions, tuple[str, ...]]] = [
    (replaced("server", timeouts=Timeouts(idle=3.0)), ("server.timeouts",)),
    (replaced("server", max_body=1, grace=2.0), ("server.max_body", "server.grace")),
    (replaced("ledger", retention=3), ("ledger.retention",)),
    (msgspec.structs.replace(OLD, aliases={"a": "b"}), ("aliases",)),
    (msgspec.structs.replace(OLD, prices={"a": {"input": 1, "output": 2}}), ("prices",)),
    (
        msgspec.structs.replace(OLD, accounts=(AccountOptions(name="two"),)),
        ("accounts two is new", "accounts one is gone"),
    ),
    (
        msgspec.structs.replace(OLD, keys=(msgspec.structs.replace(TEAM, rpm=3),)),
        ("keys team is changed",),
    ),
]

RESTART: list[tuple[RelayOptions, str]] = [
    (replaced("server", host="0.0.0.0"), "server.host"),
    (replaced("server", port=1), "server.port"),
    (replaced("server", workers=2), "server.workers"),
    (replaced("server", log=LogForm.OFF), "server.log"),
    (replaced("server", tracing=True), "server.tracing"),
    (replaced("admin", host="::1"), "admin.host"),
    (replaced("admin", port=1), "admin.port"),
    (replaced("admin", token="not-to-be-shown-at-all-0"), "admin.token"),
    (replaced("ledger", url="sqlite:///a"), "ledger.url"),
    (msgspec.structs.replace(OLD, limits="machine"), "limits.store"),
]


@pytest.mark.parametrize(("new", "told"), LIVE)
def test_what_holds_at_once(new: RelayOptions, told: tuple[str, ...]) -> None:
    found = changes(OLD, new)
    assert (found.applied, found.live, found.restart) == (new, told, ())
    assert found


@pytest.mark.parametrize(("new", "told"), RESTART)
def test_what_waits_for_a_restart_keeps_its_value(new: RelayOptions, told: str) -> None:
    found = changes(OLD, new)
    assert (found.applied, found.live, found.restart) == (OLD, (), (told,))


def test_another_token_holds_at_once() -> None:
    old = replaced("admin", token="a" * 24)
    new = replaced("admin", token="b" * 24)
    assert changes(old, new).live == ("admin.token",)


def test_the_same_options_change_nothing() -> None:
    assert not changes(OLD, OLD)


def test_no_secret_is_told() -> None:
    both = [changes(OLD, new) for new, _ in RESTART]
    assert not any("not-to-be" in repr(found) for found in both)
