"""What a client's constructor was given → settings and credentials, or ConfigError."""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from ..config.config import Config
from ..config.loading import ConfigSource, load_config
from ..config.options import (
    API_KEY_VARIABLES,
    DEFAULT_LOCATION,
    Backend,
    Options,
    resolve_backend,
    resolve_key,
    resolve_options,
)
from ..config.places import user_folder
from ..config.timeouts import Timeouts
from ..credentials.api_key import APIKey, Credentials
from ..credentials.stored_key import read_stored_key, stored_key_file
from ..errors import ConfigError, InvalidRequest, MissingCredentials
from ..policy.retry import RetryPolicy
from ..wire.endpoint import API_VERSIONS, EXPRESS, VERTEX_VERSIONS, vertex_host, vertex_parent
from ..wire.sse import MAX_EVENT_SIZE
from .client_options import check_options
from .headers import is_header_name, is_header_value
from .prompt import MAX_REQUEST_SIZE
from .service import ServiceSettings

__all__ = ("Setup", "find_key", "options_of", "set_up", "timeouts_of")

_log = logging.getLogger("gemstream.client")


class Setup(NamedTuple):
    """A client's options with their origins, what its service keeps to, and who pays."""

    options: Options
    settings: ServiceSettings
    credentials: Credentials


def set_up(api_key: str | None, given: Mapping[str, Any], environ: Mapping[str, str]) -> Setup:
    """Return what a client is made of; raises ConfigError, MissingCredentials, InvalidRequest."""
    check_options(given)
    backend = resolve_backend(given, environ)
    credentials, origin = _credentials(api_key, given, backend, environ)
    options = options_of(given, environ, backend, key_origin=origin)
    for warning in options.warnings:
        _warn_once(warning)
    return Setup(options, _settings(options, given), credentials)


def options_of(
    given: Mapping[str, Any], environ: Mapping[str, str], backend: Backend, *, key_origin: str
) -> Options:
    """Return the options of a client of ``backend``, each with its origin; raises ConfigError."""
    config = load_config(given.get("config"), environ)
    timeouts = given.get("timeouts")
    usual = {
        **given,
        "timeouts": None if timeouts is None else timeouts_of(timeouts, config.timeouts),
    }
    return resolve_options(
        usual,
        environ,
        key_origin=key_origin,
        backend=backend,
        vertex_url=f"https://{vertex_host(_location(backend))}",
        config=config,
    )


def find_key(
    given: str | None, environ: Mapping[str, str], config: ConfigSource
) -> tuple[str | None, str]:
    """Return the API key and where it came from: ``given``, of ``environ``, else the stored one.

    ``config`` False: nothing is read. Raises ConfigError for a stored key that cannot be used.
    """
    key, origin = resolve_key(given, environ)
    folder = user_folder(environ)
    if key is not None or config is False or folder is None:
        return key, origin
    stored = read_stored_key(stored_key_file(folder))
    return (None, "none") if stored is None else (stored.key, stored.origin)


def _settings(options: Options, given: Mapping[str, Any]) -> ServiceSettings:
    """Return the settings; raises ConfigError for what no request could be sent with."""
    versions = VERTEX_VERSIONS if options.backend.vertexai else API_VERSIONS
    if options.api_version not in versions:
        where = options.origins["api_version"]
        raise ConfigError(
            f"api_version {options.api_version!r} does not exist"
            f"{'' if where == 'given' else f' ({where})'}; use one of {', '.join(versions)}"
        )
    retry = given.get("retry")
    if retry is not None and not isinstance(retry, RetryPolicy):
        raise ConfigError(f"retry is {retry!r:.80}; pass a RetryPolicy")
    return ServiceSettings(
        base_url=options.base_url,
        api_version=options.api_version,
        parent=_parent(options.backend),
        timeouts=options.timeouts,
        retry=retry or _written_retry(options.config),
        headers=_headers(given.get("headers") or {}),
        max_event_size=_size(given, "max_event_size", MAX_EVENT_SIZE),
        max_request_size=_size(given, "max_request_size", MAX_REQUEST_SIZE),
    )


def _written_retry(config: Config) -> RetryPolicy:
    return RetryPolicy(**config.section("retry"))


@functools.lru_cache(maxsize=256)
def _warn_once(warning: str) -> None:
    """Log what is wrong with a file once, and not for each client that reads it."""
    _log.warning("%s", warning)


def _parent(backend: Backend) -> str:
    """Return what stands before a model's name in a path: nothing on the Gemini API."""
    if not backend.vertexai:
        return ""
    if backend.project is None:
        return EXPRESS
    return vertex_parent(backend.project, _location(backend))


def _location(backend: Backend) -> str:
    return DEFAULT_LOCATION if backend.location is None else backend.location


def _credentials(
    api_key: str | None,
    given: Mapping[str, Any],
    backend: Backend,
    environ: Mapping[str, str],
) -> tuple[Credentials, str]:
    """Return the credentials and where their key came from."""
    credentials: Credentials | None = given.get("credentials")
    if credentials is not None and api_key is not None:
        raise ConfigError("api_key and credentials exclude each other; pass one of them")
    if credentials is not None:
        return credentials, "none"
    key, origin = find_key(api_key, environ, given.get("config"))
    if key is None:
        raise MissingCredentials(_NO_TOKEN if backend.vertexai else _NO_KEY)
    try:
        given_key = APIKey(key)
    except InvalidRequest as error:
        if origin == "given":
            raise
        where = f"the variable {origin}" if origin in API_KEY_VARIABLES else origin
        raise InvalidRequest(f"{error} (it is that of {where})") from None
    if given_key.is_ephemeral and backend.vertexai:
        raise ConfigError(
            "the API key is an ephemeral token, which Vertex AI does not take; use the Gemini API, "
            "or credentials=AccessToken(…)"
        )
    return given_key, origin


_NO_KEY = (
    f"no API key: pass api_key=…, set {' or '.join(API_KEY_VARIABLES)}, or store one with "
    "gemstream init; without a key, "
    "develop against the emulator (gemstream emulate, or ask --emulate)"
)
_NO_TOKEN = (
    "no credentials for Vertex AI: pass credentials=AccessToken(…), or an API key of express mode "
    f"as api_key=… or {' or '.join(API_KEY_VARIABLES)}"
)


def timeouts_of(given: Timeouts | float | None, usual: Timeouts) -> Timeouts:
    """Return ``given``, where a number is the ``total`` of the ``usual`` timeouts."""
    if given is None:
        return usual
    if isinstance(given, Timeouts):
        return given
    return msgspec.structs.replace(usual, total=given)


def _headers(given: Any) -> dict[str, str]:
    """Return the headers, names in lower case; an error shows no value, it may be a secret."""
    if not isinstance(given, Mapping):
        raise ConfigError(f"headers is a {type(given).__name__}; pass a dict of name to value")
    headers: dict[str, str] = {}
    for name, value in given.items():
        if not is_header_name(name):
            raise ConfigError(f"headers has the name {name!r:.80}, which no header can have")
        if not is_header_value(value):
            raise ConfigError(f"the value of header {name!r} must be text of one line, without NUL")
        headers[name.lower()] = value
    return headers


def _size(given: Mapping[str, Any], name: str, usual: int) -> int:
    size = given.get(name)
    if size is None:
        return usual
    if type(size) is not int or size < 1:
        raise ConfigError(f"{name} is {size!r:.80}; it must be a positive whole number of bytes")
    return size
