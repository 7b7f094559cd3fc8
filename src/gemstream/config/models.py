"""The bundled list of models: names, methods and limits as data, in ``models.json``.

Sources: the service's model pages of November 2026.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
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
        bare = model.removeprefix("publishers/google/").removeprefix("models/")
        return next((known for known in self.models if known.name == bare), None)


@functools.cache
def bundled_models() -> ModelCatalog:
    """Return the list shipped with this version."""
    data = resources.files(__package__).joinpath("models.json").read_bytes()
    return msgspec.json.decode(data, type=ModelCatalog)
