"""Operators' fields are those of a relay's file, all of them and no others."""

from __future__ import annotations

import msgspec

from gemstream.config.relay.options import AccountOptions, KeyOptions
from gemstream.config.relay.rows import ACCOUNT, BUDGET, KEY
from gemstream.relay.admin.fields import (
    AccountFields,
    KeyFields,
    NewAccount,
    NewKey,
    account_options,
    key_options,
)
from gemstream.relay.admin.views import AccountView, KeyView


def test_the_names_are_those_of_the_file() -> None:
    assert {*AccountFields.__struct_fields__, "name"} == set(ACCOUNT)
    assert {*KeyFields.__struct_fields__, "name", "key"} == {*KEY, *BUDGET}
    assert set(ACCOUNT) - {"api_key"} <= set(AccountView.__struct_fields__)
    assert ({*KEY, *BUDGET} - {"key"}) <= set(KeyView.__struct_fields__)


def test_null_is_the_default_of_every_field() -> None:
    account = AccountOptions(name="a", api_key="k", base_url="http://x", rpm=1, concurrency=3)
    fields = msgspec.convert({"base_url": None, "rpm": None}, AccountFields)
    assert account_options(fields, account) == AccountOptions(name="a", api_key="k", concurrency=3)
    key = KeyOptions(name="k", rpm=1, heartbeat=5.0)
    given = {"rpm": None, "heartbeat": None, "budget_day": 0.1}
    changed = key_options(msgspec.convert(given, KeyFields), key)
    assert (changed.rpm, changed.heartbeat, changed.budget.day) == (None, None, 100_000)


def test_no_secret_is_in_what_is_logged_of_a_body() -> None:
    assert "secret" not in repr(NewAccount(name="a", api_key="secret"))
    assert repr(NewKey(name="a")) != ""
