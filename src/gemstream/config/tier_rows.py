"""Tiers with what the files say of them: their numbers over the bundled ones."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from .config import Setting
from .limits import Limits
from .models import bundled_models
from .tiers import LimitsOverride, Provider, Tier, Tiers, bundled_tiers
from .toml_file import Key

__all__ = ("slips_in", "tiers_with")

_LIMITS = Limits.__struct_fields__


def tiers_with(settings: Mapping[Key, Setting]) -> Tiers:
    """Return the bundled tiers with what is written of them in its place."""
    written: dict[tuple[str, str], dict[Key, Any]] = {}
    for key, setting in settings.items():
        if len(key) > 4 and key[0] == "providers":
            written.setdefault((key[1], key[3]), {})[key[4:]] = setting.value
    bundled = bundled_tiers()
    if not written:
        return bundled
    providers = dict(bundled.providers)
    for (provider, name), values in written.items():
        before = providers[provider]
        tier = _changed(_tier_of(before, name), values)
        providers[provider] = msgspec.structs.replace(before, tiers={**before.tiers, name: tier})
    return msgspec.structs.replace(bundled, providers=providers)


def _tier_of(provider: Provider, name: str) -> Tier:
    """Return the bundled tier, or a new one, which has no limits but those that are written."""
    new = Tier(name=name, provider=provider.name, limits=Limits(), tpm_counts=provider.tpm_counts)
    return provider.tiers.get(name, new)


def _changed(tier: Tier, values: Mapping[Key, Any]) -> Tier:
    """Return ``tier`` with ``values``; a number of the tier takes the place of bundled rows' too.

    Somebody who writes ``rpm`` of a tier does not know that we ship rows for some of its models.
    """
    of_tier = {key[0]: value for key, value in values.items() if len(key) == 1}
    limits = {name: value for name, value in of_tier.items() if name in _LIMITS}
    rows = {
        model: {
            name: value
            for name in _LIMITS
            if name not in limits and (value := getattr(row, name)) is not msgspec.UNSET
        }
        for model, row in tier.models.items()
    }
    for key, value in values.items():
        if len(key) == 3:
            rows.setdefault(key[1], {})[key[2]] = value
    return msgspec.structs.replace(
        tier,
        limits=msgspec.structs.replace(tier.limits, **limits),
        models={model: LimitsOverride(**row) for model, row in rows.items()},
        **{name: value for name, value in of_tier.items() if name not in _LIMITS},
    )


def slips_in(settings: Mapping[Key, Setting]) -> Iterator[str]:
    """Yield what may be a slip: new models and new tiers appear, so it is no error."""
    seen: set[Key] = set()
    for key, setting in settings.items():
        if key[0] != "providers" or len(key) < 5:
            continue
        if (tier := key[:4]) not in seen:
            seen.add(tier)
            yield from _slip_of_tier(tier, setting.origin)
        if key[1] == "gemini" and len(key) == 7 and (row := key[:6]) not in seen:
            seen.add(row)
            yield from _slip_of_model(row, setting.origin)


def _slip_of_tier(key: Key, origin: str) -> Iterator[str]:
    known = bundled_tiers()[key[1]].tiers
    near = difflib.get_close_matches(key[3], known, n=1)
    if key[3] not in known and near and not key[3][-1:].isdigit():
        yield f"{origin}: {key[1]} has no tier {key[3]!r} yet; did you mean {near[0]}?"


def _slip_of_model(key: Key, origin: str) -> Iterator[str]:
    catalog = bundled_models()
    if catalog.find(key[5]) is not None or key[5].startswith("tunedModels/"):
        return
    near = difflib.get_close_matches(key[5], [model.name for model in catalog.models], n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    yield f"{origin}: the bundled list has no model {key[5]!r}{hint}"
