"""The page of the configuration names every key, default, variable and number as it is."""

from __future__ import annotations

import json

from gemstream.cli.config_rows import rows_of
from gemstream.config.keys import KEYS
from gemstream.config.options import (
    API_KEY_VARIABLES,
    MODEL_VARIABLES,
    TIER_VARIABLES,
    resolve_options,
)
from gemstream.config.places import CONFIG_VARIABLE
from gemstream.config.tiers import Tier, bundled_tiers
from gemstream.limits.stores import PROCESS
from support.sources import REPOSITORY
from support.tables import read_table

PAGE = "docs/reference/configuration.md"
TEXT = (REPOSITORY / PAGE).read_text(encoding="utf-8")


def _told_defaults() -> dict[str, str]:
    told: dict[str, str] = {}
    for keys, defaults, _ in read_table(PAGE, "settings"):
        names, values = keys.replace("`", "").split(", "), defaults.replace("`", "").split(", ")
        told |= dict(zip(names, values * len(names) if len(values) == 1 else values, strict=True))
    return told


def test_every_key_is_told_with_its_default() -> None:
    told = _told_defaults()
    assert list(told) == [f"{table}.{name}" for table, names in KEYS.items() for name in names]
    assert json.loads(told.pop("limits.store")) == PROCESS
    rows = {row.key: row.value for row in rows_of(resolve_options({}, {}), {})}
    for key, default in told.items():
        assert json.loads(default) == rows[key], key


def test_every_variable_is_told() -> None:
    for name in (*MODEL_VARIABLES, *TIER_VARIABLES.values(), CONFIG_VARIABLE, *API_KEY_VARIABLES):
        assert f"`{name}`" in TEXT


def test_every_tier_is_told_with_its_numbers() -> None:
    told = {cells[0]: cells[1:] for cells in read_table(PAGE, "tiers")}
    tiers = {
        f"{provider.name} {tier.name}": tier
        for provider in bundled_tiers().providers.values()
        for tier in provider.tiers.values()
    }
    assert [name for name in told if "," not in name] == list(tiers)
    for name, (also, *numbers) in told.items():
        of_tier, _, model = name.partition(", ")
        assert numbers == _numbers(tiers[of_tier], model), name
        assert also == ("" if model else ", ".join(tiers[of_tier].aliases))


def test_the_rows_of_higher_tiers_are_as_the_page_says() -> None:
    tiers = bundled_tiers()["gemini"].tiers
    for tier in (tiers["tier2"], tiers["tier3"]):
        assert set(tier.models) == set(tiers["tier1"].models)
        for model in tier.models:
            row, first = tier.limits_of(model), tiers["tier1"].limits_of(model)
            assert (row.rpm, row.rpd) == (first.rpm, first.rpd)
            assert row.tpm == max(first.tpm or 0, tier.limits.tpm or 0)


def _numbers(tier: Tier, model: str) -> list[str]:
    limits = tier.limits_of(model)
    spent = [limits.rpm, limits.tpm, limits.rpd]
    if model:
        return [*map(_shown, spent), "", ""]
    return [_shown(number) for number in (*spent, limits.concurrency, tier.adaptive_ceiling)]


def _shown(number: int | None) -> str:
    return "–" if number is None else f"{number:,}"
