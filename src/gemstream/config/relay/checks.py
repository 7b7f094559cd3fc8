"""What a value of a relay's file must be, besides what ``config.checks`` knows of any file."""

from __future__ import annotations

import datetime
import ipaddress
import re
from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from ..checks import Check, text
from ..dollars import MICROS, decimal_of
from .options import DisconnectPolicy, LogForm

__all__ = (
    "SHORTEST_SECRET",
    "SURFACES",
    "between",
    "cidrs",
    "disconnect",
    "expiry",
    "ledger_url",
    "listed",
    "log_form",
    "micros",
    "model",
    "moments",
    "name",
    "secret",
    "surface",
    "token",
    "url",
)

SHORTEST_SECRET = 24
"""Characters of a secret that callers must not be able to guess."""

SURFACES = ("gemini", "openai", "anthropic")
"""The formats a caller can speak, as ``wire.dialect`` names them."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_MODEL = re.compile(r"[A-Za-z0-9*?][A-Za-z0-9._@:/*?\[\]-]{0,255}", re.ASCII)
_TOKEN = re.compile(r"[\x21-\x7e]+")
_MOST_DOLLARS = 1_000_000_000


def name(value: Any) -> str:
    """Return the name of an account, a key or a group: it stands in logs and metrics."""
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ValueError("it must be a name of letters, digits and . _ -, of 64 at most")
    return value


def model(value: Any) -> str:
    """Return the name of a model, or a pattern of names as ``gemini-2.5-*``."""
    if not isinstance(value, str) or not _MODEL.fullmatch(value) or ".." in value:
        raise ValueError("it must be a model or a pattern, as gemini-2.5-*")
    return value


def surface(value: Any) -> str:
    """Return the name of a format."""
    if value not in SURFACES or not isinstance(value, str):
        raise ValueError(f"it must be one of {', '.join(SURFACES)}")
    return value


def listed(check: Check) -> Check:
    """Return the check of an array whose elements pass ``check``; twice the same is refused."""

    def check_all(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise ValueError('it must be an array, as ["one", "two"]')
        found: list[Any] = []
        for at, element in enumerate(value, start=1):
            try:
                checked = check(element)
            except ValueError as error:
                raise ValueError(f"of its element {at}: {error}") from None
            if checked in found:
                raise ValueError(f"its element {at} is there twice")
            found.append(checked)
        return tuple(found)

    return check_all


def cidrs(value: Any) -> str:
    """Return a network of addresses as it is written, or the network of one address."""
    try:
        return str(ipaddress.ip_network(text(value)))
    except ValueError:
        raise ValueError("it must be a network, as 10.0.0.0/8 or 2001:db8::/32") from None


def between(least: int, most: int) -> Check:
    """Return the check of a whole number from ``least`` to ``most``."""

    def check(value: Any) -> int:
        if type(value) is not int or not least <= value <= most:
            raise ValueError(f"it must be a whole number from {least} to {most}")
        return value

    return check


def moments(most: float) -> Check:
    """Return the check of a length of time above zero, of ``most`` seconds at most."""

    def check(value: Any) -> float:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not 0 < value <= most:
            raise ValueError(f"it must be seconds, above 0 and at most {most:g}")
        return float(value)

    return check


def micros(value: Any) -> int:
    """Return an amount of dollars in micro-dollars."""
    dollars = decimal_of(value) if not isinstance(value, str) else None
    if dollars is None or not 0 <= dollars <= _MOST_DOLLARS:
        raise ValueError("it must be dollars, not negative, as 5.00")
    return int(dollars * MICROS)


def expiry(value: Any) -> float:
    """Return a date (its first moment in UTC) or a time with its offset in seconds since 1970."""
    if isinstance(value, datetime.datetime):
        if value.tzinfo is None:
            raise ValueError("it must say its offset: put Z behind it for UTC")
        return value.timestamp()
    if isinstance(value, datetime.date):
        midnight = datetime.datetime.combine(value, datetime.time(), datetime.UTC)
        return midnight.timestamp()
    raise ValueError("it must be a date without quotes, as 2027-01-01, or 2027-01-01T12:00:00Z")


def disconnect(value: Any) -> DisconnectPolicy:
    """Return what becomes of an answer whose caller has gone."""
    known = [policy.value for policy in DisconnectPolicy]
    if value not in known:
        raise ValueError(f"it must be one of {', '.join(known)}")
    return DisconnectPolicy(value)


def log_form(value: Any) -> LogForm:
    """Return how the log is written."""
    known = [form.value for form in LogForm]
    if value not in known:
        raise ValueError(f"it must be one of {', '.join(known)}")
    return LogForm(value)


def token(value: Any) -> str:
    """Return a secret that goes into a header: printable ASCII without spaces."""
    if not isinstance(value, str) or not _TOKEN.fullmatch(value):
        raise ValueError("it must be text of printable ASCII characters without spaces")
    return value


def secret(value: Any) -> str:
    """Return a secret that callers show, too long to be guessed."""
    if len(token(value)) < SHORTEST_SECRET:
        raise ValueError(f"it must be {SHORTEST_SECRET} or more characters, chosen at random")
    return str(value)


def url(value: Any) -> str:
    """Return the address of a service: http or https, with a host, no user and no query."""
    _check_url(value, ("http", "https"))
    parts = urlsplit(value)
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("it must have no user, query or fragment: a key has a place of its own")
    return str(value).rstrip("/")


def ledger_url(value: Any) -> str:
    """Return where the books are: a file of SQLite, or a database of Postgres."""
    if isinstance(value, str) and re.fullmatch(r"sqlite:///\S+", value):
        return value
    try:
        _check_url(value, ("postgresql", "postgres"))
    except ValueError:
        raise ValueError(
            "it must be sqlite:///path/of/file.db or postgresql://user@host/database"
        ) from None
    return str(value)


def _check_url(value: Any, schemes: Collection[str]) -> None:
    wanted = f"it must be a URL as {next(iter(schemes))}://host"
    if not isinstance(value, str) or not _TOKEN.fullmatch(value):
        raise ValueError(wanted)
    try:
        parts = urlsplit(value)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise ValueError(wanted) from None
    if parts.scheme not in schemes or not has_host:
        raise ValueError(wanted)
