"""Which model a Live session is had with, and who may name it."""

from __future__ import annotations

from ...config.models import ModelCatalog
from ...credentials.api_key import APIKey
from ...errors import InvalidRequest
from ...policy.capability import supports_live
from ...wire.live.setup import LiveSetup
from ..service import Service

__all__ = ("has_token", "live_resource", "model_named", "usual_live_resource")


def has_token(service: Service) -> bool:
    """Return whether sessions are opened by an ephemeral token, which may have settled a model."""
    return isinstance(service.credentials, APIKey) and service.credentials.is_ephemeral


def model_named(model: str | None, config: LiveSetup | None) -> str | None:
    """Return the model that is asked for by name or in a setup; None when it is by neither.

    Raises InvalidRequest for two that differ.
    """
    within = None if config is None else config.model
    if model is None:
        return within or None
    if within and str(model).rpartition("/")[2] != within.rpartition("/")[2]:
        raise InvalidRequest(f"the model is {model!r} and, in config, {within!r}; name one of them")
    return model


def live_resource(service: Service, catalog: ModelCatalog, model: str) -> str:
    """Return the resource name of a model that may have Live sessions; raises InvalidRequest."""
    resource = service.model_resource(model)
    if catalog.find(resource) is not None and not supports_live(resource, catalog):
        raise InvalidRequest(
            f"model {model!r} has no Live sessions; use one that has, as {catalog.default_live!r}"
        )
    return resource


def usual_live_resource(service: Service, catalog: ModelCatalog, usual: str) -> str:
    """Return the model to have a session with when none is named.

    It is the client's ``usual`` one, when it has Live sessions, else the newest that has; with an
    ephemeral token, which may name it, it is ``""`` then.
    """
    if supports_live(usual, catalog):
        return live_resource(service, catalog, usual)
    return "" if has_token(service) else live_resource(service, catalog, catalog.default_live)
