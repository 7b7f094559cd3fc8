"""The kinds of account that there are: one row each."""

from __future__ import annotations

from ...config.relay.reading import nearest
from ...errors import ConfigError
from ...wire.dialect.dialect import Dialect
from .gemini import GeminiKind
from .kind import Kind

__all__ = ("KINDS", "kind_named", "kinds_of")

KINDS: dict[str, Kind] = {kind.name: kind for kind in (GeminiKind(),)}


def kind_named(name: str) -> Kind:
    """Return the kind of this name; raises ConfigError that names those there are."""
    kind = KINDS.get(name)
    if kind is None:
        raise ConfigError(f"there is no kind of account {name!r:.40}; {nearest(name, KINDS)}")
    return kind


def kinds_of(dialect: Dialect) -> tuple[str, ...]:
    """Return the names of the kinds that are asked in ``dialect``, as a wish takes them."""
    return tuple(kind.name for kind in KINDS.values() if kind.dialect is dialect)
