"""The client's options with their origin: given, of the environment, of a file, or the default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

import msgspec

from ..errors import ConfigError
from .config import Config
from .loading import load_config
from .models import bundled_models
from .tier_choice import NamedTier, TierChoice, resolve_tier
from .tiers import Tier
from .timeouts import Timeouts

__all__ = (
    "API_KEY_VARIABLES",
    "BASE_URL",
    "BASE_URL_VARIABLE",
    "DEFAULT_LOCATION",
    "MODEL_VARIABLES",
    "TIER_VARIABLES",
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
# Ours first: other programs read the second too.
MODEL_VARIABLES = ("GEMSTREAM_MODEL", "GEMINI_MODEL")
TIER_VARIABLES = {
    "gemini": "GEMINI_TIER",
    "anthropic": "ANTHROPIC_TIER",
    "openai": "OPENAI_TIER",
}


class Backend(msgspec.Struct, frozen=True, kw_only=True):
    """Which of the two services is asked: the Gemini API, or Vertex AI when ``vertexai``.

    Vertex AI without a ``project`` is its express mode.
    """

    vertexai: bool = False
    project: str | None = None
    location: str | None = None


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of one client; ``origins`` tells where each came from.

    An origin is "given", the variable's name, the file with its line, or "default". The key itself
    is not among them: only the credentials hold it. ``origins["api_key"]`` may be "none", and so
    may that of ``tier``: None is a client without limits. ``warnings``: what may not be meant.
    """

    base_url: str
    api_version: str
    model: str
    timeouts: Timeouts
    backend: Backend
    tier: Tier | None
    config: Config
    origins: Mapping[str, str]
    warnings: Sequence[str] = ()

    @property
    def tier_origin(self) -> str:
        """Where the tier was named: "default" for Google's hosts, "none" without a tier."""
        return self.origins["tier"]

    def __repr__(self) -> str:
        values = {name: getattr(self, name, None) for name in self.origins}
        values["tier"] = None if self.tier is None else self.tier.name
        said = ", ".join(
            f"{name}={values[name]!r} ({origin})"
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
    config: Config | None = None,
) -> Options:
    """Return the options: ``given`` wins over ``environ``, that over ``config``, over the default.

    ``vertex_url`` is the default address of a Vertex AI ``backend``. ``config`` None: no files.
    Raises ConfigError for a value that cannot be used. Empty variables count as unset.
    """
    backend = backend or Backend()
    config = load_config(False) if config is None else config
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for source in _sources(vertex_url if backend.vertexai else None):
        usual = _written(source, config) or (source.default, "default")
        name = source.name
        values[name], origins[name] = _pick(name, given, source.variables, environ, usual)
    values["base_url"] = _checked_url(values["base_url"], origins["base_url"])
    values["timeouts"], origins["timeouts"] = _timeouts(given, config)
    choice = _tier(given, environ, config, values["base_url"])
    return Options(
        **values,
        backend=backend,
        tier=choice.tier,
        config=config,
        origins={**origins, "tier": choice.origin, "api_key": key_origin},
        warnings=(*config.warnings, *filter(None, (choice.warning,))),
    )


def _is_on(environ: Mapping[str, str], variable: str) -> bool:
    value = environ.get(variable, "").lower()
    if value not in ("", "true", "1", "false", "0"):
        raise ConfigError(f"{variable} is {value!r:.80}; it takes true or false")
    return value in ("true", "1")


class _Source(NamedTuple):
    """Where an option may come from; ``key`` is below [providers.gemini], "" for no key."""

    name: str
    variables: tuple[str, ...]
    key: str
    default: Any


def _sources(vertex_url: str | None) -> tuple[_Source, ...]:
    model = _Source("model", MODEL_VARIABLES, "default_model", bundled_models().default)
    if vertex_url is not None:  # the files' address and version are those of the Gemini API
        return (
            _Source("base_url", (VERTEX_BASE_URL_VARIABLE,), "", vertex_url),
            _Source("api_version", (), "", "v1beta1"),
            model,
        )
    return (
        _Source("base_url", (BASE_URL_VARIABLE,), "base_url", BASE_URL),
        _Source("api_version", (), "api_version", "v1beta"),
        model,
    )


def _written(source: _Source, config: Config) -> tuple[Any, str] | None:
    return config.find("providers", "gemini", source.key) if source.key else None


def _timeouts(given: Mapping[str, Any], config: Config) -> tuple[Timeouts, str]:
    if given.get("timeouts") is not None:
        return given["timeouts"], "given"
    found = [
        setting
        for key, setting in config.settings.items()
        if key[0] == "timeouts" or key == ("limits", "wait")
    ]
    places = dict.fromkeys(setting.origin for setting in found)
    return config.timeouts, ", ".join(places) or "default"


def _tier(
    given: Mapping[str, Any], environ: Mapping[str, str], config: Config, base_url: str
) -> TierChoice:
    if isinstance(given.get("tier"), Tier):
        return TierChoice(given["tier"], "given")
    usual = config.find("providers", "gemini", "default_tier") or (None, "none")
    name, origin = _pick("tier", given, (TIER_VARIABLES["gemini"],), environ, usual)
    if name is not None and not isinstance(name, str):
        raise ConfigError(f"tier is {name!r:.80}; pass the name of one, as 'free'")
    return resolve_tier(
        config.tiers["gemini"],
        None if name is None else NamedTier(name, origin),
        base_url=base_url,
        is_own_transport=given.get("transport") is not None,
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
