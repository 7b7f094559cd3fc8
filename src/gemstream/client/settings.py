"""What a client's constructor was given → settings and credentials, or ConfigError."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..config.options import API_KEY_VARIABLES, Options
from ..config.timeouts import Timeouts
from ..credentials.api_key import APIKey, Credentials
from ..errors import ConfigError, InvalidRequest, MissingCredentials
from ..policy.retry import RetryPolicy
from ..wire.endpoint import API_VERSIONS
from .service import ServiceSettings

__all__ = ("credentials_of", "settings_of", "timeouts_of")

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)  # RFC 9110, 5.6.2
_NO_VALUE = re.compile(r"[\r\n\0]")  # would end the header, and begin another


def settings_of(
    options: Options,
    *,
    retry: RetryPolicy | None,
    headers: Mapping[str, str] | None,
    max_event_size: int,
    max_request_size: int,
) -> ServiceSettings:
    """Return the settings; raises ConfigError for what no request could be sent with."""
    if options.api_version not in API_VERSIONS:
        raise ConfigError(
            f"api_version {options.api_version!r} does not exist; "
            f"use one of {', '.join(API_VERSIONS)}"
        )
    if retry is not None and not isinstance(retry, RetryPolicy):
        raise ConfigError(f"retry is {retry!r:.80}; pass a RetryPolicy")
    _check_size("max_event_size", max_event_size)
    _check_size("max_request_size", max_request_size)
    return ServiceSettings(
        base_url=options.base_url,
        api_version=options.api_version,
        timeouts=options.timeouts,
        retry=retry or RetryPolicy(),
        headers=_headers(headers or {}),
        max_event_size=max_event_size,
        max_request_size=max_request_size,
    )


def credentials_of(key: str | None, origin: str) -> Credentials:
    """Return the credentials of an API key; raises MissingCredentials without one."""
    if key is None:
        raise MissingCredentials(
            f"no API key: pass api_key=… or set {' or '.join(API_KEY_VARIABLES)}; without a key, "
            "develop against the emulator (gemstream emulate, or ask --emulate)"
        )
    try:
        return APIKey(key)
    except InvalidRequest as error:
        if origin not in API_KEY_VARIABLES:
            raise
        raise InvalidRequest(f"{error} (it is that of the variable {origin})") from None


def timeouts_of(given: Timeouts | float | None, usual: Timeouts) -> Timeouts:
    """Return ``given``, where a number is the ``total`` of the ``usual`` timeouts."""
    if given is None:
        return usual
    if isinstance(given, Timeouts):
        return given
    return Timeouts(
        connect=usual.connect, first_chunk=usual.first_chunk, idle=usual.idle, total=given
    )


def _headers(given: Any) -> dict[str, str]:
    """Return the headers, names in lower case; an error shows no value, it may be a secret."""
    if not isinstance(given, Mapping):
        raise ConfigError(f"headers is a {type(given).__name__}; pass a dict of name to value")
    headers: dict[str, str] = {}
    for name, value in given.items():
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
            raise ConfigError(f"headers has the name {name!r:.80}, which no header can have")
        if not isinstance(value, str) or _NO_VALUE.search(value):
            raise ConfigError(f"the value of header {name!r} must be text of one line, without NUL")
        headers[name.lower()] = value
    return headers


def _check_size(name: str, value: object) -> None:
    if type(value) is not int or value < 1:
        raise ConfigError(f"{name} is {value!r:.80}; it must be a positive whole number of bytes")
