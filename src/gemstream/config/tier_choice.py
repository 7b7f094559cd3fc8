"""Which tier a client keeps to: named, else Free for Google's own hosts, else none."""

from __future__ import annotations

import difflib
import re
from typing import NamedTuple
from urllib.parse import urlsplit

from .tiers import Provider, Tier, plain_name, tier_named

__all__ = ("NamedTier", "TierChoice", "is_googles", "resolve_tier")

# The Gemini API, and Vertex AI: global, of a location, of a multi-region.
_GOOGLES = re.compile(
    r"(?:generativelanguage|(?:[a-z0-9-]+-)?aiplatform|aiplatform\.[a-z]+\.rep)\.googleapis\.com"
)


class NamedTier(NamedTuple):
    """A tier as somebody wrote it, and where: "given", a variable, or a file with its line."""

    name: str
    origin: str


class TierChoice(NamedTuple):
    """The tier, None for no limits, and where it was named; ``warning`` is ``""`` when all is well.

    Whoever asked shows the warning: nothing is logged here.
    """

    tier: Tier | None
    origin: str
    warning: str = ""


def resolve_tier(
    provider: Provider, named: NamedTier | None, *, base_url: str, is_own_transport: bool
) -> TierChoice:
    """Return the tier of a client of ``base_url``.

    ``named``: the strongest name of option, environment and files. Without one Google's hosts get
    the provider's default tier, and any other address, or a transport of the caller's
    (``is_own_transport``), gets none: nobody knows what it allows. A name that no tier has means
    the default tier, with a warning: it is the smallest.
    """
    if named is None:
        if is_own_transport or not is_googles(base_url):
            return TierChoice(None, "none")
        return TierChoice(provider.default, "default")
    tier = tier_named(provider, named.name)
    if tier is not None:
        return TierChoice(tier, named.origin)
    return TierChoice(provider.default, named.origin, _warning(provider, named))


def is_googles(base_url: str) -> bool:
    """Return whether ``base_url`` is one of the services whose tiers are known."""
    try:
        host = (urlsplit(base_url).hostname or "").rstrip(".")
    except ValueError:
        return False
    return _GOOGLES.fullmatch(host) is not None


def _warning(provider: Provider, named: NamedTier) -> str:
    known = {
        plain_name(name): tier.name
        for tier in provider.tiers.values()
        for name in (tier.name, *tier.aliases)
    }
    near = difflib.get_close_matches(plain_name(named.name), known, n=1)
    hint = f"did you mean {known[near[0]]}?" if near else f"there are {', '.join(provider.tiers)}"
    return (
        f"{provider.name} has no tier {named.name!r:.80} ({named.origin}): "
        f"{provider.default_tier} is used; {hint}"
    )
