"""Every setting as it holds here: its key, its value and its origin; no secret among them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from ..client.settings import find_key
from ..config.budget import Budget
from ..config.checks import FOREVER, UNLIMITED
from ..config.config import Config, LimitSettings
from ..config.keys import KEYS
from ..config.options import TIER_VARIABLES, Options
from ..config.timeouts import Timeouts
from ..config.toml_file import Key, dotted
from ..credentials.api_key import APIKey
from ..errors import GemstreamError
from ..policy.retry import RetryPolicy
from .limiting import STORE

__all__ = ("Row", "rows_of", "shown_value")

# What a table becomes; its defaults are those of the struct.
_STRUCTS: dict[str, msgspec.Struct] = {
    "budget": Budget(),
    "limits": LimitSettings(),
    "timeouts": Timeouts(),
    "retry": RetryPolicy(),
}


class Row(NamedTuple):
    """One setting, with its value as a gemstream.toml says it, if one could (``is_setting``)."""

    key: str
    value: Any
    origin: str
    is_setting: bool = True


def rows_of(options: Options, environ: Mapping[str, str]) -> list[Row]:
    """Return what holds for a client with ``options``; the key is shown as its account only."""
    return [
        _key(environ),
        *_gemini(options),
        *_others(options.config, environ),
        *_tables(options.config),
        *_written(options.config),
    ]


def shown_value(value: Any) -> str:
    """Return ``value`` as TOML."""
    if isinstance(value, Mapping):
        fields = (f"{dotted((name,))} = {shown_value(each)}" for name, each in value.items())
        return f"{{{', '.join(fields)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(shown_value, value))}]"
    if isinstance(value, str | bool):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def _key(environ: Mapping[str, str]) -> Row:
    try:
        key, origin = find_key(None, environ, None)
        account = "none" if key is None else APIKey(key).account
        return Row("api_key", account, origin, is_setting=False)
    except GemstreamError as error:
        return Row("api_key", "unusable", str(error), is_setting=False)


def _gemini(options: Options) -> Iterator[Row]:
    tier = "none" if options.tier is None else options.tier.name
    for name, value in (
        ("model", options.model),
        ("tier", tier),
        ("base_url", options.base_url),
        ("api_version", options.api_version),
    ):
        key = f"default_{name}" if name in ("model", "tier") else name
        is_setting = name != "tier" or options.tier is not None
        yield Row(f"providers.gemini.{key}", value, options.origins[name], is_setting)


def _others(config: Config, environ: Mapping[str, str]) -> Iterator[Row]:
    for name, provider in config.tiers.providers.items():
        if name == "gemini":
            continue
        variable = TIER_VARIABLES[name]
        usual = config.find("providers", name, "default_tier") or (provider.default_tier, "default")
        value, origin = (environ[variable], variable) if environ.get(variable) else usual
        yield Row(f"providers.{name}.default_tier", value, origin)
        for field, written in config.section("providers", name).items():
            if field != "default_tier":
                found = config.settings["providers", name, field]
                yield Row(f"providers.{name}.{field}", _harmless(written), found.origin)


def _tables(config: Config) -> Iterator[Row]:
    for table, names in KEYS.items():
        for name in names:
            found = config.find(table, name)
            value = getattr(_STRUCTS[table], name) if found is None else found.value
            if (table, name) == ("limits", "store") and found is None:
                yield Row("limits.store", STORE, 'default; "process" in programs', is_setting=False)
                continue
            origin = "default" if found is None else found.origin
            yield Row(f"{table}.{name}", _in_words((table, name), value), origin)


def _written(config: Config) -> Iterator[Row]:
    """Yield what only files say: numbers of tiers and models, and prices."""
    for key, (value, origin) in sorted(config.settings.items(), key=lambda item: item[0]):
        if key[0] == "prices" or (
            key[0] == "providers" and len(key) > len(("providers", "x", "y"))
        ):
            yield Row(dotted(key), _in_words(key, value), origin)


def _in_words(key: Key, value: Any) -> Any:
    """Return ``value`` as it is written, where TOML has no word for it."""
    if value is None and key[0] == "providers":
        return UNLIMITED
    if value is None:
        return False if key == ("limits", "check_every") else FOREVER
    return _harmless(value)


def _harmless(value: Any) -> Any:
    """Return a URL without the user and password in it, and dates as text."""
    if isinstance(value, str) and "://" in value and "@" in value:
        parts = urlsplit(value)
        return parts._replace(netloc=f"…@{parts.netloc.rpartition('@')[2]}").geturl()
    if isinstance(value, str | bool | int | float | list | Mapping):
        return value
    return str(value)
