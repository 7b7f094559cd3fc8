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
    "Options",
    "resolve_key",
    "resolve_options",
)

BASE_URL = "https://generativelanguage.googleapis.com"
BASE_URL_VARIABLE = "GOOGLE_GEMINI_BASE_URL"
# The official SDK's order, so that one environment serves both.
API_KEY_VARIABLES = ("GOOGLE_API_KEY", "GEMINI_API_KEY")


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of one client; ``origins`` tells where each came from.

    The key itself is not among them: only the credentials hold it. ``origins["api_key"]`` is
    "given", the variable's name, or "none".
    """

    base_url: str
    api_version: str
    model: str
    timeouts: Timeouts
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


def resolve_options(
    given: Mapping[str, Any], environ: Mapping[str, str], *, key_origin: str = "none"
) -> Options:
    """Return the options: a value in ``given`` wins over ``environ``, that over the default.

    Raises ConfigError for a value that cannot be used. Empty variables count as unset.
    """
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for name, variables, default in _sources():
        usual = (default, "default")
        values[name], origins[name] = _pick(name, given, variables, environ, usual)
    values["base_url"] = _checked_url(values["base_url"], origins["base_url"])
    return Options(**values, origins={**origins, "api_key": key_origin})


def _sources() -> tuple[tuple[str, tuple[str, ...], Any], ...]:
    return (
        ("base_url", (BASE_URL_VARIABLE,), BASE_URL),
        ("api_version", (), "v1beta"),
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
