"""What a model can do, judged by its name and the bundled list of known models."""

from __future__ import annotations

from ..config.models import ModelCatalog

__all__ = ("supports_streaming",)

_STREAMS = frozenset({"generateContent", "streamGenerateContent", "bidiGenerateContent"})


def supports_streaming(model: str, catalog: ModelCatalog) -> bool:
    """Return False for a model known to lack generateContent and Live, True for all others.

    Embedding, Imagen and Veo models do not stream; a model the list does not know may.
    """
    known = catalog.find(model)
    return known is None or not _STREAMS.isdisjoint(known.methods)
