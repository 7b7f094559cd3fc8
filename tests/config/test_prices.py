"""Prices: the bundled rows, how a name finds its row, and what a user's own may be."""

from __future__ import annotations

import datetime
import re
import tomllib
from decimal import Decimal
from typing import Any

import pytest

from gemstream import AsyncClient
from gemstream.config.dollars import decimal_of, in_dollars
from gemstream.config.models import bundled_models
from gemstream.config.prices import PriceTable, bundled_prices, price_table
from gemstream.errors import ConfigError, GemstreamError

PRICES = bundled_prices()
TODAY = datetime.date(2026, 11, 21)


def rates(table: PriceTable, model: str, on: datetime.date = TODAY) -> tuple[int, int, int]:
    price = table.find(model, on)
    assert price is not None
    return price.rates.input, price.rates.output, price.rates.cached


# --- the bundled rows ------------------------------------------------------------------------


def test_the_default_model_has_its_list_price() -> None:
    price = PRICES.find(bundled_models().default, TODAY)
    assert price is not None
    assert rates(PRICES, "gemini-2.5-flash") == (300_000, 2_500_000, 30_000)
    assert (price.rates.audio_input, price.rates.audio_cached) == (1_000_000, 100_000)


@pytest.mark.parametrize(
    ("model", "day", "found"),
    [
        ("gemini-4-argon", "2026-09-29", None),
        ("gemini-4-argon", "2026-09-30", (2_000_000, 10_000_000, 100_000)),
        ("gemini-4-argon", "2026-11-30", (2_000_000, 10_000_000, 100_000)),
        ("gemini-4-argon", "2026-12-01", (4_000_000, 20_000_000, 200_000)),
        ("gemini-3.8-flash", "2026-12-31", (750_000, 3_750_000, 75_000)),
        ("gemini-3.8-flash", "2027-01-01", (1_500_000, 7_500_000, 150_000)),
    ],
)
def test_a_price_holds_from_its_day_on(model: str, day: str, found: Any) -> None:
    on = datetime.date.fromisoformat(day)
    if found is None:
        assert PRICES.find(model, on) is None
    else:
        assert rates(PRICES, model, on) == found


@pytest.mark.parametrize("model", sorted(PRICES.rows))
def test_a_row_is_plausible(model: str) -> None:
    days = [price.since for price in PRICES.rows[model]]
    assert days == sorted(set(days))
    for price in PRICES.rows[model]:
        for row in (price.rates, price.long or price.rates):
            assert 0 <= row.cached <= row.input <= row.audio_input
            assert row.input <= row.output <= row.image_output
        assert price.long is None or price.long.input > price.rates.input
        assert set(price.tiers) == {"standard", "flex", "priority"}


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("gemini-2.5-flash", "gemini-2.5-flash"),
        ("models/gemini-2.5-flash", "gemini-2.5-flash"),
        ("publishers/google/models/gemini-2.5-flash", "gemini-2.5-flash"),
        ("gemini-2.5-flash-001", "gemini-2.5-flash"),
        ("gemini-2.5-flash-preview", "gemini-2.5-flash"),
        ("gemini-2.5-flash-preview-09-2025", "gemini-2.5-flash"),
        ("gemini-2.5-pro-preview-06-05", "gemini-2.5-pro"),
        ("gemini-2.5-flash-lite-001", "gemini-2.5-flash-lite"),
        ("gemini-3.1-pro-preview", "gemini-3.1-pro"),
        ("gemini-3.1-pro-preview-customtools", "gemini-3.1-pro"),
        ("gemini-3.1-flash-image-preview", "gemini-3.1-flash-image"),
        # Another word is another model, perhaps of another price.
        ("gemini-2.5-flash-preview-tts", None),
        ("gemini-2.5-flash-native-audio", None),
        ("gemini-2.5-flash-live", None),
        ("gemini-2.5-flash-exp", None),
        ("gemini-2.5", None),
        ("gemini-flash-latest", None),
        ("test", None),
        ("", None),
    ],
)
def test_a_name_finds_the_row_of_the_model_it_is_a_version_of(name: str, row: str | None) -> None:
    assert PRICES.find(name, TODAY) == (None if row is None else PRICES.find(row, TODAY))


# --- a user's own ----------------------------------------------------------------------------


def test_a_toml_table_overrides_whole_rows() -> None:
    text = """
        [prices."gemini-2.5-flash"]
        input = 0.1
        output = 2
        [prices.mine]
        input = 0.25
        output = 1.5
        cached = 0.025
        audio_input = 0.5
        long_prompt = 1000
        long = { input = 0.5, output = 3 }
    """
    table = price_table(None, tomllib.loads(text)["prices"])
    assert rates(table, "gemini-2.5-flash") == (100_000, 2_000_000, 100_000)
    assert rates(table, "gemini-2.5-flash-001", datetime.date(1999, 1, 1))[0] == 100_000
    assert rates(table, "gemini-2.5-pro") == rates(PRICES, "gemini-2.5-pro")
    mine = table.find("mine", TODAY)
    assert mine is not None
    assert mine.rates_for(1000).audio_input == 500_000
    assert (mine.rates_for(1001).input, mine.rates_for(1001).cached) == (500_000, 500_000)
    assert (mine.percent(None), mine.percent("FLEX"), mine.percent("turbo")) == (100, 50, None)


def test_a_later_mapping_wins_and_a_table_replaces_all() -> None:
    first, second = ({"mine": {"input": price, "output": 1}} for price in (1, 2))
    assert rates(price_table(first, second), "mine")[0] == 2_000_000
    empty = PriceTable({}, {})
    assert price_table(first, empty).find("mine", TODAY) is None


BAD = [
    ({"mine": {"input": 1}}, "output is missing"),
    ({"mine": {}}, "input and output is missing"),
    ({"mine": 1}, "give input"),
    ({"mine": {"input": -1, "output": 1}}, "input is -1; it must be USD per million tokens"),
    ({"mine": {"input": "cheap", "output": 1}}, "input is 'cheap'"),
    ({"mine": {"input": True, "output": 1}}, "input is True"),
    ({"mine": {"input": None, "output": 1}}, "input is None"),
    ({"mine": {"input": float("nan"), "output": 1}}, "input is nan"),
    ({"mine": {"input": float("inf"), "output": 1}}, "input is inf"),
    ({"mine": {"input": "1e999999", "output": 1}}, "input is '1e999999'"),
    ({"mine": {"input": 10**30, "output": 1}}, "from 0 to 1,000,000"),
    ({"mine": {"input": 1, "output": 1, "casched": 1}}, "did you mean 'cached'"),
    ({"mine": {"input": 1, "output": 1, "xyz": 1}}, "there are input, output"),
    ({"mine": {"input": 1, "output": 1, 7: 1}}, "has 7"),
    ({"mine": {"input": 1, "output": 1, "long": {"input": 1}}}, "long: output is missing"),
    ({"mine": {"input": 1, "output": 1, "long": 1}}, "long is 1"),
    ({"mine": {"input": 1, "output": 1, "long_prompt": 0}}, "long_prompt is 0"),
    ({"": {"input": 1, "output": 1}}, "no name of a model"),
    ({7: {"input": 1, "output": 1}}, "no name of a model"),
    ([], "pass a mapping"),
    ("gemini", "pass a mapping"),
]


@pytest.mark.parametrize(("prices", "said"), BAD)
def test_prices_that_cannot_be_are_refused(prices: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        price_table(prices)
    with pytest.raises(GemstreamError, match=re.escape(said)):
        AsyncClient("any-key", prices=prices)


# --- money -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "exact"),
    [
        (0.1, "0.1"),
        (1, "1"),
        ("0.01", "0.01"),
        (Decimal("0.000001"), "0.000001"),
        (-2.5, "-2.5"),
        (True, None),
        (None, None),
        ("", None),
        ("ten", None),
        ("nan", None),
        (float("-inf"), None),
        (10**400, None),
        ("1e13", None),
        (b"1", None),
    ],
)
def test_an_amount_is_the_number_it_is_written_as(amount: object, exact: str | None) -> None:
    assert decimal_of(amount) == (None if exact is None else Decimal(exact))


def test_dollars_keep_all_six_places() -> None:
    assert str(in_dollars(1_500_000)) == "1.500000"
    assert str(in_dollars(7)) == "0.000007"
