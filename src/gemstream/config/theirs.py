"""The provider section of a ``botticelli.toml``, in the words of ours.

Only numbers of tiers, default models and default tiers are taken; whatever else is there belongs to
that program. Its largest whole numbers mean no limit, as they do there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .checks import UNLIMITED
from .toml_file import TOMLFile

__all__ = ("in_our_words",)

_PROVIDERS = ("gemini", "anthropic", "openai")
_DEFAULTS = ("default_model", "default_tier")
# Their name of a number of a tier → ours.
_LIMITS = {
    "rpm": "rpm",
    "tpm": "tpm",
    "rpd": "rpd",
    "max_concurrent": "concurrency",
    "concurrency": "concurrency",
}
_COSTS = ("cost_per_million_input_tokens", "cost_per_million_output_tokens")
# u32, i64 (TOML's own largest) and u64.
_NO_LIMIT = (2**32 - 1, 2**63 - 1, 2**64 - 1)


def in_our_words(file: TOMLFile) -> TOMLFile:
    """Return ``file`` with what we take of it, each value on its own line still."""
    providers = _table(file.tables.get("providers"))
    taken = {name: _provider(_table(providers.get(name))) for name in _PROVIDERS}
    lines = {(*key[:-1], _LIMITS.get(key[-1], key[-1])): line for key, line in file.lines.items()}
    return TOMLFile(file.path, {"providers": taken}, lines)


def _provider(table: Mapping[str, Any]) -> dict[str, Any]:
    tiers = _table(table.get("tiers"))
    defaults = {name: table[name] for name in _DEFAULTS if name in table}
    return {**defaults, "tiers": {name: _tier(_table(tier)) for name, tier in tiers.items()}}


def _tier(table: Mapping[str, Any]) -> dict[str, Any]:
    models = _table(table.get("models"))
    costs = {name: table[name] for name in _COSTS if name in table}
    rows = {name: _limits(_table(row)) for name, row in models.items()}
    return {**_limits(table), **costs, "models": rows}


def _limits(table: Mapping[str, Any]) -> dict[str, Any]:
    return {
        ours: UNLIMITED if table[name] in _NO_LIMIT else table[name]
        for name, ours in _LIMITS.items()
        if name in table
    }


def _table(value: Any) -> Mapping[str, Any]:
    """Return a table; what is none is not for us."""
    return value if isinstance(value, Mapping) else {}
