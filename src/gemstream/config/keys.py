"""Which keys a ``gemstream.toml`` may have: one table, and the walk of a file through it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from ..errors import ConfigError
from .checks import (
    Check,
    choice,
    chunks,
    limit,
    patience,
    rate,
    seconds,
    share,
    store,
    switch,
    text,
    timeout,
    usd,
    whole,
)
from .prices import RATES
from .tiers import bare_model, bundled_tiers, plain_name, tier_named
from .toml_file import Key, TOMLFile, dotted

__all__ = ("AWAY", "KEYS", "Found", "found_in")

AWAY = ("open", "closed", "share")

_LIMITS: dict[str, Check] = {"rpm": limit, "tpm": limit, "rpd": limit, "concurrency": limit}
_TIER: dict[str, Check] = {
    **_LIMITS,
    "adaptive_ceiling": whole(1),
    "tpm_counts": choice("input", "total"),
    "live_messages_per_minute": limit,
    "cost_per_million_input_tokens": usd,
    "cost_per_million_output_tokens": usd,
}
_PROVIDER: dict[str, Check] = {
    "default_model": text,
    "default_tier": text,
    "base_url": text,
    "api_version": text,
}

# Every key but those of tiers and models, whose names are free.
KEYS: Mapping[str, Mapping[str, Check]] = {
    "budget": {"rpm": share, "tpm": share, "rpd": share},
    "limits": {
        "store": store,
        "wait": patience,
        "check_every": chunks,
        "away": choice(*AWAY),
        "adaptive": switch,
    },
    "timeouts": {"connect": timeout, "first_chunk": timeout, "idle": timeout, "total": timeout},
    "retry": {
        "attempts": whole(1),
        "base": seconds,
        "throttled_base": seconds,
        "cap": seconds,
        "longest_delay": seconds,
        "cost": whole(0),
        "throttled_cost": whole(0),
    },
}
_RATES: dict[str, Check] = dict.fromkeys(RATES, rate)
_PRICE: dict[str, Check] = {**_RATES, "long_prompt": whole(1)}

_SECRETS = ("key", "api_key", "apikey", "token", "secret", "password", "credentials")
_GEMINI_MODEL = re.compile(r"(?:tunedModels/)?[A-Za-z0-9][A-Za-z0-9._@-]{0,127}", re.ASCII)
_OTHER_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@:/-]{0,255}", re.ASCII)

_IN_A_ROW = len(("providers", "gemini", "tiers", "free", "models", "gemini-2.0-flash", "rpm"))


class Found(NamedTuple):
    """A checked value, the key it stands under once names are settled, and its place."""

    key: Key
    value: Any
    place: str


def found_in(file: TOMLFile) -> Iterator[Found]:
    """Yield every value of ``file``; raises ConfigError for a key or value that cannot be."""
    tables = {"providers": _providers, **dict.fromkeys(KEYS, _section), "prices": _prices}
    for name, table in file.tables.items():
        key = (name,)
        if name in tables:
            yield from tables[name](file, key, _table(file, key, table))
        else:
            raise _unknown(file, key, tables)


def _section(file: TOMLFile, key: Key, table: Mapping[str, Any]) -> Iterator[Found]:
    yield from _values(file, key, table, KEYS[key[0]])


def _providers(file: TOMLFile, key: Key, table: Mapping[str, Any]) -> Iterator[Found]:
    known = bundled_tiers().providers
    for name, fields in table.items():
        here = (*key, name)
        if name not in known:
            raise _unknown(file, here, known)
        rest = dict(_table(file, here, fields))
        tiers = _table(file, (*here, "tiers"), rest.pop("tiers", {}))
        yield from _values(file, here, rest, _PROVIDER, also=("tiers",))
        yield from _named(file, (*here, "tiers"), tiers, _tier_name, _tier)


def _tier(file: TOMLFile, key: Key, written: Key, table: Mapping[str, Any]) -> Iterator[Found]:
    rest = dict(table)
    models = _table(file, (*written, "models"), rest.pop("models", {}))
    for found in _values(file, written, rest, _TIER, also=("models",)):
        yield found._replace(key=(*key, found.key[-1]))
    for row in _named(file, (*written, "models"), models, _model_name, _model):
        yield row._replace(key=(*key, *row.key[len(written) :]))


def _model(file: TOMLFile, key: Key, written: Key, table: Mapping[str, Any]) -> Iterator[Found]:
    for found in _values(file, written, table, _LIMITS):
        yield found._replace(key=(*key, found.key[-1]))


def _prices(file: TOMLFile, key: Key, table: Mapping[str, Any]) -> Iterator[Found]:
    yield from _named(file, key, table, _priced_model, _price)


def _price(file: TOMLFile, key: Key, written: Key, table: Mapping[str, Any]) -> Iterator[Found]:
    rest = dict(table)
    long = _table(file, (*written, "long"), rest.pop("long", {}))
    for found in _values(file, written, rest, _PRICE, also=("long",)):
        yield found._replace(key=(*key, found.key[-1]))
    for found in _values(file, (*written, "long"), long, _RATES):
        yield found._replace(key=(*key, "long", found.key[-1]))


_Walk = Callable[[TOMLFile, Key, Key, Mapping[str, Any]], Iterator[Found]]


def _named(
    file: TOMLFile,
    key: Key,
    table: Mapping[str, Any],
    settle: Callable[[TOMLFile, Key], str],
    walk: _Walk,
) -> Iterator[Found]:
    """Walk tables with free names, each under its settled name; raises for two that are one."""
    written: dict[str, str] = {}
    for name, fields in table.items():
        here = (*key, name)
        settled = settle(file, here)
        if settled in written:
            raise _wrong(file, here, f"is {dotted((*key, written[settled]))} again; merge the two")
        written[settled] = name
        yield from walk(file, (*key, settled), here, _table(file, here, fields))


def _tier_name(file: TOMLFile, key: Key) -> str:
    name = key[-1]
    if not plain_name(name):
        raise _wrong(file, key, "is no name of a tier")
    known = tier_named(bundled_tiers()[key[1]], name)
    return plain_name(name) if known is None else known.name


def _model_name(file: TOMLFile, key: Key) -> str:
    name = bare_model(key[-1])
    pattern = _GEMINI_MODEL if key[1] == "gemini" else _OTHER_MODEL
    if not pattern.fullmatch(name) or ".." in name:
        raise _wrong(file, key, "is no name of a model; use letters, digits and . _ @ -, in quotes")
    return name


def _priced_model(file: TOMLFile, key: Key) -> str:
    name = bare_model(key[-1])
    if not _OTHER_MODEL.fullmatch(name):
        raise _wrong(file, key, "is no name of a model; use letters, digits and . _ @ -, in quotes")
    return name


def _values(
    file: TOMLFile,
    key: Key,
    table: Mapping[str, Any],
    checks: Mapping[str, Check],
    also: Iterable[str] = (),
) -> Iterator[Found]:
    for name, value in table.items():
        here = (*key, name)
        check = checks.get(name)
        if check is None:
            raise _unknown(file, here, [*checks, *also])
        try:
            yield Found(here, check(value), file.place(here))
        except ValueError as error:
            shown = "is no place to count in; " if check is store else f"is {value!r:.80}; "
            raise _wrong(file, here, f"{shown}{error}") from None


def _table(file: TOMLFile, key: Key, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _wrong(file, key, f"must be a table: write [{dotted(key)}] and its keys below")
    return value


def _unknown(file: TOMLFile, key: Key, known: Iterable[str]) -> ConfigError:
    if key[-1].lower() in _SECRETS:
        return _wrong(
            file,
            key,
            "is a secret, and this file is shown, copied and committed: remove it; gemstream init "
            "stores a key where only you can read it, or set GEMINI_API_KEY",
        )
    if len(key) == _IN_A_ROW and key[-1][:1].isdigit():  # models.gemini-2.5-pro, without quotes
        name = ".".join(key[-2:])
        return _wrong(file, key, f'is no key; a name with dots stands in quotes, as "{name}"')
    names = list(known)
    near = difflib.get_close_matches(key[-1], names, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}"
    return _wrong(file, key, f"does not exist; {hint}")


def _wrong(file: TOMLFile, key: Key, said: str) -> ConfigError:
    return ConfigError(f"{file.place(key)}: {dotted(key)} {said}")
