"""What a model can do, judged by its name and the bundled list of known models."""

from __future__ import annotations

import re

from ..config.models import ModelCatalog

__all__ = ("supports_streaming", "takes_thinking_budget")

_GENERATION = re.compile(r"gemini-(\d+)", re.ASCII)
# https://ai.google.dev/gemini-api/docs/thinking: a budget is answered with 400 there.
_FIRST_WITHOUT_BUDGET = 4
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
