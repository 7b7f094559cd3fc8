"""What each provider allows an account of each of its tiers: data, in ``tiers.json``.

Its ``sources`` say where every number comes from. Nothing here counts or waits.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from ..errors import ConfigError
from .limits import Limits

__all__ = (
    "LimitsOverride",
    "Provider",
    "Tier",
    "Tiers",
    "bare_model",
    "bundled_tiers",
    "plain_name",
    "tier_named",
)

# What a tokens-per-minute limit counts: the prompt, or the prompt and its answer.
TPMCounts = Literal["input", "total"]

_PREFIXES = ("publishers/google/models/", "models/")


class LimitsOverride(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of one model where they differ from its tier's.

    UNSET is the tier's number, None is no limit. Raises ConfigError as ``Limits`` does.
    """

    rpm: int | UnsetType | None = UNSET
    tpm: int | UnsetType | None = UNSET
    rpd: int | UnsetType | None = UNSET
    concurrency: int | UnsetType | None = UNSET

    def __post_init__(self) -> None:
        self.over(Limits())

    def over(self, limits: Limits) -> Limits:
        """Return ``limits`` with the numbers of this row in place of theirs."""
        fields = {name: getattr(self, name) for name in self.__struct_fields__}
        return msgspec.structs.replace(
            limits, **{name: value for name, value in fields.items() if value is not UNSET}
        )


class Tier(msgspec.Struct, frozen=True, kw_only=True):
    """One tier of one provider.

    ``models``: rows by bare model name. ``adaptive_ceiling``: how many answers may run at once
    when the concurrency adapts itself, None when it stays. ``tpm_counts``: "input" when only
    prompt tokens count to ``tpm``, else "total". ``live_messages_per_minute``: how often a client
    says something in all its Live sessions, None for no limit. The costs are dollars, None when
    unknown.
    """

    name: str
    provider: str
    limits: Limits
    aliases: Sequence[str] = ()
    models: Mapping[str, LimitsOverride] = {}
    adaptive_ceiling: int | None = None
    tpm_counts: TPMCounts = "total"
    live_messages_per_minute: int | None = None
    cost_per_million_input_tokens: float | None = None
    cost_per_million_output_tokens: float | None = None

    def limits_of(self, model: str) -> Limits:
        """Return the limits of ``model``, bare or after ``models/``."""
        row = self.models.get(bare_model(model))
        return self.limits if row is None else row.over(self.limits)


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """The tiers of one provider by name, and the one of a new account."""

    name: str
    default_tier: str
    tpm_counts: TPMCounts
    tiers: Mapping[str, Tier]

    @property
    def default(self) -> Tier:
        """The tier of an account that names none."""
        return self.tiers[self.default_tier]


class Tiers(msgspec.Struct, frozen=True, kw_only=True):
    """All providers by name, and where their numbers come from."""

    providers: Mapping[str, Provider]
    sources: Sequence[str] = ()

    def __getitem__(self, provider: str) -> Provider:
        return self.providers[provider]


def tier_named(provider: Provider, name: str) -> Tier | None:
    """Return the tier that ``name`` means, None when there is none.

    Case, spaces, dashes and underscores do not count: "Pay-as-you-go" is "payasyougo".
    """
    wanted = plain_name(name)
    for tier in provider.tiers.values():
        if wanted in map(plain_name, (tier.name, *tier.aliases)):
            return tier
    return None


def plain_name(name: str) -> str:
    """Return what counts in the name of a tier."""
    return "".join(character for character in name.casefold() if character.isalnum())


def bare_model(model: str) -> str:
    """Return the name of a model without ``models/`` or ``publishers/google/models/``."""
    for prefix in _PREFIXES:
        if model.startswith(prefix):
            return model.removeprefix(prefix)
    return model


@functools.cache
def bundled_tiers() -> Tiers:
    """Return the tiers shipped with this version."""
    data = resources.files(__package__).joinpath("tiers.json").read_bytes()
    table = msgspec.json.decode(data)
    providers = {name: _provider(name, fields) for name, fields in table["providers"].items()}
    return Tiers(providers=providers, sources=tuple(table["sources"]))


def _provider(name: str, fields: Mapping[str, Any]) -> Provider:
    counts = fields["tpm_counts"]
    tiers = {
        tier: _tier(tier, row, provider=name, counts=counts)
        for tier, row in fields["tiers"].items()
    }
    default = fields["default_tier"]
    if default not in tiers:
        raise ConfigError(f"the bundled tiers of {name} lack their default {default!r}")
    return Provider(name=name, default_tier=default, tpm_counts=counts, tiers=tiers)


def _tier(name: str, row: Mapping[str, Any], *, provider: str, counts: TPMCounts) -> Tier:
    rest = dict(row)
    limits = Limits(**{field: rest.pop(field, None) for field in Limits.__struct_fields__})
    models = {model: LimitsOverride(**given) for model, given in rest.pop("models", {}).items()}
    return Tier(
        name=name, provider=provider, limits=limits, models=models, tpm_counts=counts, **rest
    )
