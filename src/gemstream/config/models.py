"""The bundled list of models: names, methods and limits as data, in ``models.json``.

Sources: the service's model pages of November 2026.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from importlib import resources

import msgspec

__all__ = ("KnownModel", "ModelCatalog", "bundled_models")


class KnownModel(msgspec.Struct, frozen=True):
    """One model; limits in tokens, ``methods`` by the API's names.

    ``writes_live``: in a Live session it can answer in writing, where the others only speak.
    """

    name: str
    methods: Sequence[str]
    display_name: str = ""
    input_token_limit: int = 1_048_576
    output_token_limit: int = 65_536
    version: str = "001"
    thinking: bool = False
    writes_live: bool = False


class ModelCatalog(msgspec.Struct, frozen=True):
    """What is known of models when the service has not been asked."""

    default: str
    default_embedding: str
    default_live: str
    models: Sequence[KnownModel]

    def find(self, model: str) -> KnownModel | None:
        """Return the model of this name, bare or after ``models/`` or ``publishers/google/``."""
        return next((known for known in self.models if known.name == _bare(model)), None)

    def with_live(self, live: Mapping[str, bool]) -> ModelCatalog:
        """Return a list in which these models answer in Live sessions alone, or not at all."""
        changed = [self._settled(_bare(name), is_live) for name, is_live in live.items()]
        names = {model.name for model in changed}
        kept = [model for model in self.models if model.name not in names]
        return msgspec.structs.replace(self, models=(*kept, *changed))

    def _settled(self, name: str, is_live: bool) -> KnownModel:
        known = self.find(name) or KnownModel(name, ())
        ways = (_LIVE,) if is_live else (_REST,)
        others = [method for method in known.methods if method not in (_LIVE, _REST)]
        return msgspec.structs.replace(known, methods=(*ways, *others))


_LIVE, _REST = "bidiGenerateContent", "generateContent"


def _bare(model: str) -> str:
    return model.removeprefix("publishers/google/").removeprefix("models/")


@functools.cache
def bundled_models() -> ModelCatalog:
    """Return the list shipped with this version."""
    data = resources.files(__package__).joinpath("models.json").read_bytes()
    return msgspec.json.decode(data, type=ModelCatalog)
