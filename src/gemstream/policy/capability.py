"""What a model can do, judged by its name and the bundled list of known models."""

from __future__ import annotations

import re

from ..config.models import ModelCatalog

__all__ = (
    "answers_client_content",
    "answers_live_only",
    "can_write_live",
    "supports_live",
    "supports_streaming",
    "takes_thinking_budget",
)

_GENERATION = re.compile(r"gemini-(\d+)", re.ASCII)
# https://ai.google.dev/gemini-api/docs/thinking: a budget is answered with 400 there.
_FIRST_WITHOUT_BUDGET = 4
# https://ai.google.dev/gemini-api/docs/live-guide: content is history alone there.
_CONTENT_IS_HISTORY = re.compile(r"gemini-3\.1-.*live", re.ASCII)
_LIVE = "bidiGenerateContent"
_GENERATES = "generateContent"
_IN_NAMES = frozenset({"live", "streaming"})
# Tuned models and endpoints have names of their users' choice, and no Live sessions.
_NAMED_BY_GOOGLE = ("", "models")
_STREAMS = frozenset({"generateContent", "streamGenerateContent", "bidiGenerateContent"})


def supports_streaming(model: str, catalog: ModelCatalog) -> bool:
    """Return False for a model known to lack generateContent and Live, True for all others.

    Embedding, Imagen and Veo models do not stream; a model the list does not know may.
    """
    known = catalog.find(model)
    return known is None or not _STREAMS.isdisjoint(known.methods)


def takes_thinking_budget(model: str) -> bool:
    """Return False for the models that take a thinking level only, from Gemini 4 on."""
    found = _GENERATION.match(model.rpartition("/")[2])
    return found is None or int(found[1]) < _FIRST_WITHOUT_BUDGET


def supports_live(model: str, catalog: ModelCatalog) -> bool:
    """Return whether a model has Live sessions; one the list does not know tells by its name."""
    known = catalog.find(model)
    if known is not None:
        return _LIVE in known.methods
    home, _, name = model.rpartition("/")
    is_theirs = home.rpartition("/")[2] in _NAMED_BY_GOOGLE
    return is_theirs and not _IN_NAMES.isdisjoint(name.split("-"))


def answers_live_only(model: str, catalog: ModelCatalog) -> bool:
    """Return True for a model that is asked in Live sessions because it has no generateContent."""
    known = catalog.find(model)
    generates = known is not None and _GENERATES in known.methods
    return not generates and supports_live(model, catalog)


def can_write_live(model: str, catalog: ModelCatalog) -> bool:
    """Return True for a model known to take TEXT as response modality; most Live models speak."""
    known = catalog.find(model)
    return known is not None and known.writes_live


def answers_client_content(model: str) -> bool:
    """Return False for the Live models that answer realtime input only."""
    return _CONTENT_IS_HISTORY.match(model.rpartition("/")[2]) is None
