"""The client's options: given, else from the environment, else the default, with their origin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

import msgspec

from ..errors import ConfigError
from .models import bundled_models
from .timeouts import Timeouts

__all__ = (
    "API_KEY_VARIABLES",
    "BASE_URL",
    "BASE_URL_VARIABLE",
    "DEFAULT_LOCATION",
    "VERTEX_BASE_URL_VARIABLE",
    "Backend",
    "Options",
    "resolve_backend",
    "resolve_key",
    "resolve_options",
)

BASE_URL = "https://generativelanguage.googleapis.com"
BASE_URL_VARIABLE = "GOOGLE_GEMINI_BASE_URL"
VERTEX_BASE_URL_VARIABLE = "GOOGLE_VERTEX_BASE_URL"
DEFAULT_LOCATION = "global"
# The official SDK's order, so that one environment serves both.
API_KEY_VARIABLES = ("GOOGLE_API_KEY", "GEMINI_API_KEY")


class Backend(msgspec.Struct, frozen=True, kw_only=True):
    """Which of the two services is asked: the Gemini API, or Vertex AI when ``vertexai``.

    Vertex AI without a ``project`` is its express mode.
    """

    vertexai: bool = False
    project: str | None = None
    location: str | None = None


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of one client; ``origins`` tells where each came from.

    The key itself is not among them: only the credentials hold it. ``origins["api_key"]`` is
    "given", the variable's name, or "none".
    """

    base_url: str
    api_version: str
    model: str
    timeouts: Timeouts
    backend: Backend
    origins: Mapping[str, str]

    def __repr__(self) -> str:
        said = ", ".join(
            f"{name}={getattr(self, name)!r} ({origin})"
            for name, origin in self.origins.items()
            if name != "api_key"
        )
        return f"Options({said}, api_key ({self.origins['api_key']}))"


def resolve_key(given: str | None, environ: Mapping[str, str]) -> tuple[str | None, str]:
    """Return the API key, one ``given`` before one of ``environ``, and where it came from."""
    return _pick("api_key", {"api_key": given}, API_KEY_VARIABLES, environ, (None, "none"))


def resolve_backend(given: Mapping[str, Any], environ: Mapping[str, str]) -> Backend:
    """Return the backend that ``vertexai``, ``project`` and ``location`` name, else ``environ``.

    A project or a location means Vertex AI. The variables are the official SDK's:
    GOOGLE_GENAI_USE_VERTEXAI, GOOGLE_CLOUD_PROJECT, GOOGLE_CLOUD_LOCATION. Raises ConfigError.
    """
    wanted = given.get("vertexai")
    named = [name for name in ("project", "location") if given.get(name) is not None]
    if wanted is False and named:
        raise ConfigError(f"vertexai is False, but {named[0]} is Vertex AI's; leave one out")
    if wanted is None:
        wanted = bool(named) or _is_on(environ, "GOOGLE_GENAI_USE_VERTEXAI")
    if not isinstance(wanted, bool):
        raise ConfigError(f"vertexai is {wanted!r:.80}; it takes True or False")
    if not wanted:
        return Backend()
    project, _ = _pick("project", given, ("GOOGLE_CLOUD_PROJECT",), environ, (None, ""))
    usual = DEFAULT_LOCATION if project else None
    location, _ = _pick("location", given, ("GOOGLE_CLOUD_LOCATION",), environ, (usual, ""))
    if project is None and given.get("location") is not None:
        raise ConfigError("a location on Vertex AI needs a project; pass project=…")
    return Backend(vertexai=True, project=project, location=location if project else None)


def resolve_options(
    given: Mapping[str, Any],
    environ: Mapping[str, str],
    *,
    key_origin: str = "none",
    backend: Backend | None = None,
    vertex_url: str = "",
) -> Options:
    """Return the options: a value in ``given`` wins over ``environ``, that over the default.

    ``vertex_url`` is the default address of a Vertex AI ``backend``. Raises ConfigError for a value
    that cannot be used. Empty variables count as unset.
    """
    backend = backend or Backend()
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for name, variables, default in _sources(vertex_url if backend.vertexai else None):
        usual = (default, "default")
        values[name], origins[name] = _pick(name, given, variables, environ, usual)
    values["base_url"] = _checked_url(values["base_url"], origins["base_url"])
    return Options(**values, backend=backend, origins={**origins, "api_key": key_origin})


def _is_on(environ: Mapping[str, str], variable: str) -> bool:
    value = environ.get(variable, "").lower()
    if value not in ("", "true", "1", "false", "0"):
        raise ConfigError(f"{variable} is {value!r:.80}; it takes true or false")
    return value in ("true", "1")


def _sources(vertex_url: str | None) -> tuple[tuple[str, tuple[str, ...], Any], ...]:
    is_vertex = vertex_url is not None
    variable = VERTEX_BASE_URL_VARIABLE if is_vertex else BASE_URL_VARIABLE
    return (
        ("base_url", (variable,), vertex_url if is_vertex else BASE_URL),
        ("api_version", (), "v1beta1" if is_vertex else "v1beta"),
        ("model", (), bundled_models().default),
        ("timeouts", (), Timeouts()),
    )


def _pick(
    name: str,
    given: Mapping[str, Any],
    variables: tuple[str, ...],
    environ: Mapping[str, str],
    default: tuple[Any, str],
) -> tuple[Any, str]:
    if given.get(name) is not None:
        return given[name], "given"
    for variable in variables:
        if environ.get(variable):
            return environ[variable], variable
    return default


def _checked_url(url: object, origin: str) -> str:
    if not isinstance(url, str) or not url.isprintable() or " " in url:
        raise ConfigError(f"base_url ({origin}) must be text without spaces, as {BASE_URL}")
    parts = _split(url)
    # Before the URL is shown: its query or user may be a secret.
    if "?" in url or "#" in url or "@" in (parts.netloc or url):
        raise ConfigError(
            f"base_url ({origin}) must not hold a query, a fragment or a user; "
            "pass credentials as api_key"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(
            f"base_url ({origin}) is {url!r}; it must be an http or https URL with a host, "
            f"as {BASE_URL}"
        )
    return url.rstrip("/")


def _split(url: str) -> SplitResult:
    """Return the parts of ``url``; none for a port or an IPv6 address that cannot be."""
    try:
        parts = urlsplit(url)
        return parts if parts.port != 0 else _NO_PARTS
    except ValueError:
        return _NO_PARTS


_NO_PARTS = urlsplit("")
