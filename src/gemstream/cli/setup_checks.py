"""What may be wrong before anything is sent: each check judges the surroundings; pure."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import msgspec

from ..config.models import bundled_models
from ..config.options import API_KEY_VARIABLES, BASE_URL, Backend
from ..credentials.api_key import APIKey
from ..errors import InvalidRequest
from ..net.proxy import origin
from ..policy.capability import supports_streaming
from ..wire.endpoint import API_VERSIONS, VERTEX_VERSIONS
from ..wire.model import model_resource
from .diagnosis import Finding, fail, note, ok, warn
from .exit_codes import ExitCode
from .surroundings import Surroundings

__all__ = ("check_setup",)

_OLDEST_PYTHON = (3, 11)
# Google's keys have 39 characters, newer ones more.
_SHORTEST_KEY = 30
_EARLIEST = datetime(2026, 11, 1, tzinfo=UTC)  # this version did not exist before
_LATEST = datetime(2046, 1, 1, tzinfo=UTC)
_QUOTES = ("'", '"', "`")

# An extra, what it is for, and what it brings.
_EXTRAS = (
    ("audio", "gemstream live --mic", ("sounddevice",)),
    ("cli", "the command line", ("typer",)),
    ("emulator", "gemstream emulate", ("uvicorn", "httptools", "websockets")),
    ("http2", "the HTTP/2 transport", ("h2",)),
    ("otel", "traces and metrics", ("opentelemetry-api",)),
)


def check_setup(here: Surroundings) -> list[Finding]:
    """Return what every check found, in the order in which a person would look."""
    return [finding for check in _CHECKS for finding in check(here)]


def _python(here: Surroundings) -> Iterator[Finding]:
    version = ".".join(map(str, here.python))
    if here.python < _OLDEST_PYTHON:
        yield fail("python", f"{version} is too old", "install Python 3.11 or later")
    else:
        yield ok("python", f"{version} ({here.system})", version=version)


def _gemstream(here: Surroundings) -> Iterator[Finding]:
    yield ok("gemstream", here.gemstream, version=here.gemstream)
    for library in ("aiohttp", "msgspec"):
        version = here.versions.get(library)
        if version is None:
            yield fail(library, "not installed", "pip install --force-reinstall gemstream")
        else:
            yield ok(library, version, version=version)


def _extras(here: Surroundings) -> Iterator[Finding]:
    for extra, purpose, libraries in _EXTRAS:
        found = {library: here.versions.get(library) for library in libraries}
        if missing := [library for library, version in found.items() if version is None]:
            yield note(
                f"extra {extra}",
                f"{', '.join(missing)} not installed; only {purpose} needs it",
                f"pip install 'gemstream[{extra}]'",
                versions=found,
            )
            continue
        told = ", ".join(f"{library} {version}" for library, version in found.items())
        if problem := here.problems.get(f"extra {extra}"):
            wrong, _, advice = problem.partition("; ")
            yield warn(f"extra {extra}", f"{told}: {wrong}", advice, versions=found)
        else:
            yield ok(f"extra {extra}", told, versions=found)


def _event_loop(here: Surroundings) -> Iterator[Finding]:
    version = here.versions.get("uvloop")
    if version is None:
        yield note("event loop", "asyncio's own; uvloop is not installed, which is faster")
    else:
        yield ok("event loop", f"uvloop {version}", version=version)


def _config(here: Surroundings) -> Iterator[Finding]:
    """Tell which files are read, and what in them may not be meant."""
    if problem := here.problems.get("config"):
        yield fail("config", problem)
        return
    if here.options is None:
        return
    files = list(here.options.config.files)
    yield ok("config", ", ".join(files) or "no files", files=files)
    for warning in here.options.warnings:
        yield warn("config", warning, "gemstream config show --origin tells what holds")


def _tier(here: Surroundings) -> Iterator[Finding]:
    if here.options is None:
        return
    tier, where = here.options.tier, here.options.tier_origin
    if tier is None:
        yield ok("tier", "none: nothing is limited for this base URL unless a tier is named")
    else:
        yield ok("tier", f"{tier.name} ({where})", tier=tier.name, origin=where)


def _key(here: Surroundings) -> Iterator[Finding]:
    if problem := here.problems.get("key"):
        yield fail("key", problem)
    elif here.key is None:
        yield fail(
            "key",
            "no API key",
            "set GEMINI_API_KEY (or GOOGLE_API_KEY), store one with gemstream init, or name a file "
            "with --api-key-file",
            code=ExitCode.AUTH,
        )
    else:
        yield _shape(here.key, here)
    values = {here.environ[name] for name in API_KEY_VARIABLES if here.environ.get(name)}
    if len(values) > 1 and here.key_origin in API_KEY_VARIABLES:
        winner, loser = API_KEY_VARIABLES
        yield warn(
            "key variables",
            f"{winner} and {loser} hold different keys; {winner} is used",
            f"unset the one that is not meant (env -u {winner})",
        )


def _shape(key: str, here: Surroundings) -> Finding:
    try:
        account = APIKey(key).account
    except InvalidRequest as error:
        return fail("key", f"{error} (from {here.key_origin})", origin=here.key_origin)
    facts: dict[str, Any] = {"origin": here.key_origin, "account": account}
    said = f"from {here.key_origin}, account {account}"
    if key[0] in _QUOTES or key[-1] in _QUOTES:
        wrong = f"{said}: it begins or ends with a quote"
        return fail("key", wrong, "remove the quotes", code=ExitCode.AUTH, **facts)
    is_googles = here.options is not None and here.options.base_url == BASE_URL
    if is_googles and len(key) < _SHORTEST_KEY:
        advice = "copy it again from https://aistudio.google.com/apikey"
        return warn("key", f"{said}: {len(key)} characters, fewer than Google's", advice, **facts)
    return ok("key", said, **facts)


def _base_url(here: Surroundings) -> Iterator[Finding]:
    if here.options is None:
        yield fail("base url", here.problems.get("base_url", "cannot be used"))
        return
    url, where = here.options.base_url, here.options.origins["base_url"]
    yield _backend(here.options.backend)
    parts = urlsplit(url)
    facts = {"url": url, "origin": where}
    said = f"{url} ({_source(where, '--base-url')})"
    last = parts.path.rpartition("/")[2]
    if last in (*API_VERSIONS, *VERTEX_VERSIONS):
        advice = f"leave out /{last}"
        yield warn("base url", f"{said}: the API version is added to it again", advice, **facts)
    elif parts.scheme == "http" and not _is_local(parts.hostname or ""):
        advice = "use https://, or an address of this machine"
        yield warn("base url", f"{said}: the key travels unencrypted", advice, **facts)
    else:
        yield ok("base url", said, **facts)
    version = here.options.api_version
    yield ok("api version", f"{version} ({here.options.origins['api_version']})", version=version)


def _backend(backend: Backend) -> Finding:
    """Tell which service the variables choose."""
    facts = msgspec.structs.asdict(backend)
    if not backend.vertexai:
        return ok("backend", "the Gemini API", **facts)
    if backend.project is None:
        return ok("backend", "Vertex AI in express mode, by API key", **facts)
    said = f"Vertex AI, project {backend.project}, location {backend.location}"
    return ok("backend", said, **facts)


def _proxy(here: Surroundings) -> Iterator[Finding]:
    if problem := here.problems.get("proxy"):
        yield fail("proxy", problem)
    elif here.options is not None and here.proxy is None:
        named = sorted(name for name in here.environ if _names_proxy(name, here))
        aside = f" for {origin(here.options.base_url)[1]}, though {', '.join(named)} is set"
        yield ok("proxy", f"none{aside if named else ''}", proxy=None)
    elif here.options is not None and here.proxy is not None:
        shown = "{}://{}".format(*origin(here.proxy))
        host = urlsplit(here.options.base_url).hostname or ""
        if _is_local(host):
            said = f"{shown} is asked for {host}, which is this machine"
            yield warn("proxy", said, f"set NO_PROXY={host}", proxy=shown)
        else:
            yield ok("proxy", f"{shown} for {host}, from the environment", proxy=shown)


def _certificates(here: Surroundings) -> Iterator[Finding]:
    found = here.certificates
    said = f"{found.place} ({found.variable or 'the system'})"
    facts: dict[str, Any] = {"place": found.place, "variable": found.variable}
    if found.problem and found.variable == "SSL_CERT_FILE":
        advice = "mend or unset it: without certificates no TLS connection stands"
        yield fail("certificates", f"{said}: {found.problem}", advice, **facts)
    elif found.problem and found.variable:
        yield warn("certificates", f"{said}: {found.problem}", "mend or unset it", **facts)
    elif found.problem:
        yield warn("certificates", found.problem, "set SSL_CERT_FILE to a bundle of them", **facts)
    else:
        yield ok("certificates", said if found.place else "the system's", **facts)
    for other in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        if here.environ.get(other) and found.variable is None:
            said = f"{other} is set, which is not read here"
            yield warn("certificate variables", said, "set SSL_CERT_FILE to the same file")


def _clock(here: Surroundings) -> Iterator[Finding]:
    now = datetime.fromtimestamp(here.now, UTC)
    said = f"{now:%Y-%m-%d %H:%M:%S} UTC"
    if not _EARLIEST <= now < _LATEST:
        advice = "set the clock: certificates are judged by it"
        yield warn("clock", f"{said} cannot be right", advice, time=here.now)
    else:
        yield ok("clock", said, time=here.now)


def _terminal(here: Surroundings) -> Iterator[Finding]:
    terminal = here.terminal
    said = "stdout is a terminal" if terminal.is_terminal else "stdout is no terminal"
    said += ", in colour" if terminal.has_colour else ", without colour"
    facts = {"is_terminal": terminal.is_terminal, "has_colour": terminal.has_colour}
    if terminal.has_unicode:
        yield ok("terminal", f"{said}, UTF-8", **facts)
    else:
        yield warn("terminal", f"{said}, not UTF-8", "set PYTHONUTF8=1 or LC_ALL=C.UTF-8", **facts)


def _model(here: Surroundings) -> Iterator[Finding]:
    if here.options is None:
        return
    name, catalog = here.options.model, bundled_models()
    where = _source(here.options.origins["model"], "--model")
    try:
        resource = model_resource(name)
    except InvalidRequest as error:
        yield fail("model", str(error))
        return
    if catalog.find(name) is None:
        near = difflib.get_close_matches(name, [model.name for model in catalog.models], n=1)
        advice = f"did you mean {near[0]}?" if near else "--online asks the service"
        yield warn("model", f"{name} ({where}) is not in the bundled list", advice, model=name)
    elif not supports_streaming(resource, catalog):
        yield fail("model", f"{name} ({where}) does not stream", "choose another", model=name)
    else:
        yield ok("model", f"{name} ({where})", model=name)


def _source(where: str, option: str) -> str:
    return option if where == "given" else where


def _is_local(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _names_proxy(name: str, here: Surroundings) -> bool:
    is_one = name.upper() in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
    return is_one and bool(here.environ[name])


_CHECKS: tuple[Callable[[Surroundings], Iterator[Finding]], ...] = (
    _python,
    _gemstream,
    _extras,
    _event_loop,
    _config,
    _key,
    _base_url,
    _proxy,
    _certificates,
    _clock,
    _terminal,
    _model,
    _tier,
)
