"""What tokens cost: dated prices per model as data, in ``prices.json``, and a user's own over them.

Prices are whole micro-dollars per million tokens, so a cost is a sum of whole numbers. The data is
Google's list for paying accounts (https://ai.google.dev/gemini-api/docs/pricing); the file says
when it was read, and a row's note what it rests on when the page has no such row. Not in it, for no
token count tells of them: searches of Google's tools, hours of cache storage.
"""

from __future__ import annotations

import datetime
import difflib
import functools
import re
from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Any

import msgspec

from ..errors import ConfigError
from .dollars import MICROS, decimal_of

__all__ = (
    "HIGHEST",
    "LONG_PROMPT",
    "RATES",
    "REQUIRED",
    "Price",
    "PriceTable",
    "Rates",
    "bundled_prices",
    "price_table",
)

LONG_PROMPT = 200_000
"""Tokens of a prompt above which models with a price for long prompts charge it."""
_STANDARD = "standard"

RATES = (
    "input",
    "output",
    "cached",
    "audio_input",
    "audio_cached",
    "audio_output",
    "image_output",
)
REQUIRED = ("input", "output")
# What a rate that a row does not name is charged as; the order matters, for they build on another.
_INSTEAD = {
    "cached": "input",
    "audio_input": "input",
    "audio_cached": "cached",
    "audio_output": "output",
    "image_output": "output",
}
_KEYS = (*RATES, "long", "long_prompt")
# A million dollars per million tokens: a dollar a token.
HIGHEST = 1_000_000
# What a name may have behind the model it is a version of: -preview, a month or day, a number.
# Another word (-tts, -image, -lite, -live) is another model, perhaps of another price.
_VERSION = re.compile(r"(-preview)?(-\d{2}-(\d{2}|\d{4}))?(-\d{3})?(-customtools)?\Z")


class Rates(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Micro-dollars per million tokens of each kind; thoughts are charged as ``output``."""

    input: int
    output: int
    cached: int
    audio_input: int
    audio_cached: int
    audio_output: int
    image_output: int


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """What a model costs from the day ``since`` on.

    ``long``: the rates of prompts of more than ``long_prompt`` tokens; None when they are the same.
    ``tiers``: what each service tier costs, in percent of these rates.
    """

    rates: Rates
    long: Rates | None = None
    long_prompt: int = LONG_PROMPT
    since: datetime.date = datetime.date.min
    tiers: Mapping[str, int] = {}

    def rates_for(self, prompt_tokens: int) -> Rates:
        """Return the rates of a request whose prompt, cached part included, has so many tokens."""
        is_long = self.long is not None and prompt_tokens > self.long_prompt
        return self.long if is_long and self.long is not None else self.rates

    def percent(self, tier: str | None) -> int | None:
        """Return what a service tier costs in percent; None for one whose price is not known."""
        name = (tier or _STANDARD).lower()
        return self.tiers.get(_STANDARD if name.endswith("unspecified") else name)


class PriceTable(msgspec.Struct, frozen=True):
    """The prices of all models whose prices are known; ``rows`` by name, oldest first."""

    rows: Mapping[str, tuple[Price, ...]]
    tiers: Mapping[str, int]

    def find(self, model: str, on: datetime.date) -> Price | None:
        """Return the price of ``model`` on a day, or None when it is not known.

        A name stands for itself, else for the model it is a version of: ``-001``, ``-preview``,
        ``-preview-09-2025`` and ``-customtools`` are cut off, any other word makes another model.
        """
        name = _bare(model)
        rows = self.rows.get(name) or self.rows.get(_VERSION.sub("", name)) or ()
        return next((price for price in reversed(rows) if price.since <= on), None)

    def overridden(self, prices: Mapping[str, Any]) -> PriceTable:
        """Return a table with ``prices`` in place of its own; raises ConfigError.

        Per model a mapping in USD per million tokens, for every day: ``input`` and ``output``, and
        where they differ ``cached``, ``audio_input``, ``audio_cached``, ``audio_output``,
        ``image_output``; ``long`` is such a mapping again, for prompts above ``long_prompt``
        (200,000) tokens. A model's row is replaced as a whole.
        """
        if not isinstance(prices, Mapping):
            raise ConfigError(f"prices is {prices!r:.80}; pass a mapping of model to its prices")
        rows = dict(self.rows)
        names: Mapping[Any, Any] = prices
        for model, given in names.items():
            if not isinstance(model, str) or not _bare(model):
                raise ConfigError(f"prices has {model!r:.80}, which is no name of a model")
            rows[_bare(model)] = (_price(given, f"prices of {model!r}", self.tiers),)
        return PriceTable(rows, self.tiers)


@functools.cache
def bundled_prices() -> PriceTable:
    """Return the prices shipped with this version."""
    data = resources.files(__package__).joinpath("prices.json").read_bytes()
    content = msgspec.json.decode(data, type=_Content)
    rows: dict[str, list[Price]] = {}
    for row in sorted(content.rows, key=lambda row: row.since):
        price = _price(row.price, f"prices.json, {row.model}", content.tiers, row.since)
        rows.setdefault(row.model, []).append(price)
    return PriceTable({model: tuple(prices) for model, prices in rows.items()}, content.tiers)


def price_table(*given: PriceTable | Mapping[str, Any] | None) -> PriceTable:
    """Return the bundled prices with each of ``given`` over the ones before; raises ConfigError.

    A PriceTable takes the place of all before it, a mapping overrides models of it.
    """
    table = bundled_prices()
    for prices in given:
        if isinstance(prices, PriceTable):
            table = prices
        elif prices is not None:
            table = table.overridden(prices)
    return table


class _Row(msgspec.Struct, frozen=True):
    model: str
    since: datetime.date
    price: Mapping[str, Any]


class _Content(msgspec.Struct, frozen=True):
    tiers: Mapping[str, int]
    rows: tuple[_Row, ...]


def _bare(model: str) -> str:
    return model.strip().rpartition("/")[2]


def _price(
    given: Any, where: str, tiers: Mapping[str, int], since: datetime.date = datetime.date.min
) -> Price:
    """Return the price that ``given`` tells in dollars; raises ConfigError, saying where."""
    rates = _rates(given, where, _KEYS)
    long = given.get("long")
    limit = given.get("long_prompt", LONG_PROMPT)
    if type(limit) is not int or limit < 1:
        raise ConfigError(f"{where}: long_prompt is {limit!r:.80}; it must be a number of tokens")
    return Price(
        rates=rates,
        long=None if long is None else _rates(long, f"{where}, long", RATES),
        long_prompt=limit,
        since=since,
        tiers=tiers,
    )


def _rates(given: Any, where: str, known: Iterable[str]) -> Rates:
    if not isinstance(given, Mapping):
        raise ConfigError(f"{where} is {given!r:.80}; give input = … and output = … in USD")
    names = list(known)
    for name in given:
        if name not in names:
            near = difflib.get_close_matches(str(name), names, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(names)}"
            raise ConfigError(f"{where} has {name!r:.80}, which is no price{hint}")
    if missing := [name for name in REQUIRED if name not in given]:
        raise ConfigError(f"{where}: {' and '.join(missing)} is missing")
    rates = {name: _rate(given[name], f"{where}: {name}") for name in RATES if name in given}
    for name, instead in _INSTEAD.items():
        rates.setdefault(name, rates[instead])
    return Rates(**rates)


def _rate(given: Any, where: str) -> int:
    """Return dollars per million tokens as micro-dollars, the nearest whole number of them."""
    dollars = decimal_of(given)
    if dollars is None or not 0 <= dollars <= HIGHEST:
        raise ConfigError(
            f"{where} is {given!r:.80}; it must be USD per million tokens, from 0 to {HIGHEST:,}"
        )
    return round(dollars * MICROS)
