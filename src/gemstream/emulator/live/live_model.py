"""Which model a Live session may have."""

from __future__ import annotations

from ...config.models import KnownModel, bundled_models
from ...wire.live.address import LiveRoute, LiveService
from ..models import RETIRED
from ..refusal import retired_model, unknown_model, unknown_publisher_model
from .house import TURN

__all__ = ("live_model",)


def live_model(resource: str, route: LiveRoute) -> KnownModel:
    """Return the model that a setup names; raises NotFound for one that holds no sessions."""
    is_vertex = route.service is LiveService.VERTEX
    # Vertex names it below a project and a location.
    bare = resource.rpartition("/")[2] if is_vertex else resource.removeprefix("models/")
    if bare in RETIRED:
        raise retired_model(resource, RETIRED[bare])
    known = bundled_models().find(bare)
    if known is not None and TURN in known.methods:
        return known
    if is_vertex:
        raise unknown_publisher_model(resource)
    raise unknown_model(resource, route.version, TURN)
