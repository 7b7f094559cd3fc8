"""``prices`` and ``max_cost``: what a client was given → the prices and the budget of one call."""

from __future__ import annotations

import datetime
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ..config.dollars import MICROS, decimal_of
from ..config.models import bundled_models
from ..config.prices import PriceTable
from ..errors import InvalidRequest
from ..policy.budget import Budget
from ..policy.cost import Pricing
from ..policy.estimate import prompt_size
from ..wire.codec import JSONObject, decode_plain
from .request import encode_body

__all__ = ("budget_of", "capping", "pricing_of")

# Every model that generates takes at least this cap; a higher one could be refused by a model whose
# limit is not known.
_SAFE_CAP = 8192


def pricing_of(table: PriceTable, model: str, given: Mapping[str, Any]) -> Pricing:
    """Return the prices of a call that is made now."""
    tier = given.get("service_tier")
    today = datetime.datetime.now(datetime.UTC).date()
    return Pricing(table=table, model=model, on=today, tier=None if tier is None else str(tier))


def budget_of(max_cost: Any, pricing: Pricing) -> Budget | None:
    """Return the budget of a call; raises InvalidRequest for one that is none or cannot be held."""
    if max_cost is None:
        return None
    dollars = decimal_of(max_cost)
    micros = (
        0 if dollars is None else int(dollars * MICROS)
    )  # a part of a micro-dollar buys nothing
    if micros < 1:
        raise InvalidRequest(
            f"max_cost is {max_cost!r:.80}; it must be an amount in USD of at least 0.000001"
        )
    return Budget(micros, pricing)


def capping(
    finish: Callable[[], Awaitable[bytes]], budget: Budget, *, model: str, max_size: int
) -> Callable[[], Awaitable[bytes]]:
    """Return what finishes a body, its ``maxOutputTokens`` no higher than the budget pays for."""

    async def finish_capped() -> bytes:
        finished = await finish()
        body: JSONObject = decode_plain(finished)
        config = _field(body, "generationConfig", "generation_config")
        settings = body.get(config) or {}
        if not isinstance(settings, dict):
            raise InvalidRequest(f"extra_body has {config} {settings!r:.80}; it must be a dict")
        answers = _number(settings, _field(settings, "candidateCount", "candidate_count"), 1)
        asked = _field(settings, "maxOutputTokens", "max_output_tokens")
        cap = budget.cap(prompt_size(finished), answers)
        if cap is not None and cap < _number(settings, asked, _longest(model)):
            body[config] = {**settings, asked: cap}
            budget.note_cap()
        return encode_body(body, max_size=max_size)

    return finish_capped


def _field(message: JSONObject, name: str, also: str) -> str:
    """Return which of a field's two names ``message`` uses; ``extra_body`` may hold either."""
    return also if also in message else name


def _number(settings: JSONObject, name: str, usual: int) -> int:
    """Return a number of the request; raises InvalidRequest for what no budget can reckon with."""
    given = settings.get(name)
    if given is None:
        return usual
    if type(given) is not int or given < 1:
        raise InvalidRequest(
            f"{name} is {given!r:.80}; with max_cost it must be a number from 1 on"
        )
    return given


def _longest(model: str) -> int:
    known = bundled_models().find(model)
    return _SAFE_CAP if known is None else known.output_token_limit
