"""What a client would meet here: versions, variables, key, proxy, certificates, terminal.

It looks, and judges nothing; nothing is sent.
"""

from __future__ import annotations

import os
import platform
import ssl
import sys
import time
from collections.abc import Mapping
from importlib import metadata
from typing import Any

import msgspec

from ..client.settings import find_key, options_of
from ..config.loading import load_config
from ..config.options import Options, resolve_backend
from ..config.version import VERSION
from ..errors import ConfigError, InvalidRequest
from ..net.proxy import environment_proxy, origin
from .session import Connection, read_text
from .sound_card import portaudio_problem
from .terminal import Printer

__all__ = ("Certificates", "Surroundings", "Terminal", "look_around", "options_here")

_LIBRARIES = (
    "aiohttp",
    "msgspec",
    "uvloop",
    "typer",
    "uvicorn",
    "httptools",
    "websockets",
    "h2",
    "opentelemetry-api",
    "sounddevice",
)


class Terminal(msgspec.Struct, frozen=True):
    """Where answers are printed."""

    is_terminal: bool
    has_colour: bool
    has_unicode: bool


class Certificates(msgspec.Struct, frozen=True):
    """What TLS trusts: ``place`` by which variable; ``problem`` when it cannot be read."""

    variable: str | None = None
    place: str | None = None
    problem: str = ""


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the checks judge.

    ``versions``: of gemstream's libraries, None for one that is not installed. ``key``: the secret
    itself; no check shows it. ``problems``: what kept ``config``, ``key``, ``base_url`` or
    ``proxy`` from being found out, or ``extra audio`` from being used.
    """

    python: tuple[int, int, int]
    system: str
    gemstream: str
    versions: Mapping[str, str | None]
    environ: Mapping[str, str]
    key: str | None
    key_origin: str
    options: Options | None
    proxy: str | None
    certificates: Certificates
    terminal: Terminal
    now: float
    problems: Mapping[str, str] = {}

    def __repr__(self) -> str:  # the environment may hold other secrets too
        return f"Surroundings({self.gemstream}, key ({self.key_origin}))"


def look_around(connection: Connection, out: Printer, *, model: str | None) -> Surroundings:
    """Return what is here; never raises for what is wrong, that is among its ``problems``."""
    problems: dict[str, str] = {}
    key, key_origin = _key(connection, problems)
    options = _options(connection, model, problems)
    versions = {library: _version(library) for library in _LIBRARIES}
    if versions["sounddevice"] is not None and (problem := portaudio_problem()):
        problems["extra audio"] = problem
    return Surroundings(
        python=sys.version_info[:3],
        system=f"{platform.python_implementation()} on {platform.system()} {platform.machine()}",
        gemstream=VERSION,
        versions=versions,
        environ=dict(os.environ),
        key=key,
        key_origin=key_origin,
        options=options,
        proxy=_proxy(options, problems),
        certificates=_certificates(os.environ),
        terminal=Terminal(out.is_terminal, out.has_colour, out.has_unicode),
        now=time.time(),
        problems=problems,
    )


def options_here(given: Mapping[str, Any] | None = None) -> Options:
    """Return the options of a client that is ``given`` these; raises ConfigError."""
    backend = resolve_backend({}, os.environ)
    return options_of(given or {}, os.environ, backend, key_origin="none")


def _version(library: str) -> str | None:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return None


def _key(connection: Connection, problems: dict[str, str]) -> tuple[str | None, str]:
    path = connection.api_key_file
    if path is None:
        try:
            return find_key(None, os.environ, None)
        except InvalidRequest as error:
            problems["key"] = str(error)
            return None, "none"
    try:
        return read_text(path, "API key").strip(), f"the file {path}"
    except InvalidRequest as error:
        problems["key"] = str(error)
        return None, f"the file {path}"


def _options(connection: Connection, model: str | None, problems: dict[str, str]) -> Options | None:
    given: dict[str, Any] = {
        "base_url": connection.base_url,
        "model": model,
        "tier": connection.tier,
    }
    try:
        load_config()
    except ConfigError as error:
        problems["config"] = str(error)
        given["config"] = False
    try:
        return options_here(given)
    except InvalidRequest as error:  # a location that is none, too
        problems["base_url"] = str(error)
        return None


def _proxy(options: Options | None, problems: dict[str, str]) -> str | None:
    if options is None:
        return None
    try:
        return environment_proxy(*origin(options.base_url))
    except ConfigError as error:
        problems["proxy"] = str(error)
        return None


def _certificates(environ: Mapping[str, str]) -> Certificates:
    """Return what OpenSSL will read; of a file or folder it cannot read it says nothing itself."""
    for variable, kind in (("SSL_CERT_FILE", "cafile"), ("SSL_CERT_DIR", "capath")):
        if place := environ.get(variable):
            return Certificates(variable, place, _problem_of(kind, place))
    paths = ssl.get_default_verify_paths()
    place = paths.cafile or paths.capath
    if not place and platform.system() != "Windows":  # there they lie in no file
        return Certificates(problem="none of the system were found")
    return Certificates(place=place)


def _problem_of(kind: str, place: str) -> str:
    if kind == "capath":
        return "" if os.path.isdir(place) else "there is no such folder"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=place)
    except ssl.SSLError:
        return "it holds no certificates in PEM form"
    except OSError as error:
        return error.strerror or str(error)
    return ""
