"""Which keys a relay's file may have: a row for each, with the option it becomes and its check.

The names are those of the options, but for a few that read better in a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..checks import Check, limit, seconds, store, switch, text, timeout, whole
from .checks import (
    between,
    cidrs,
    disconnect,
    expiry,
    ledger_url,
    listed,
    log_form,
    micros,
    model,
    moments,
    name,
    secret,
    surface,
    token,
    url,
)

__all__ = ("ACCOUNT", "ADMIN", "BUDGET", "KEY", "LEDGER", "LIMITS", "SERVER", "TIMEOUTS", "Row")

# The deepest JSON that is read without trouble; the parsers themselves give up near 1,000.
_DEEPEST = 512
_LARGEST = 1 << 30
_LARGEST_FILE = 1 << 40
_LONGEST_WAIT = 86_400


class Row(NamedTuple):
    """What a key becomes; ``is_secret``: its value is never shown."""

    field: str
    check: Check
    is_secret: bool = False


Rows = Mapping[str, Row]

_RATES: Rows = {name: Row(name, limit) for name in ("rpm", "tpm", "rpd", "concurrency")}

SERVER: Rows = {
    "host": Row("host", text),
    "port": Row("port", between(0, 65535)),
    "workers": Row("workers", between(1, 256)),
    "max_body": Row("max_body", between(1024, _LARGEST)),
    "max_upload": Row("max_upload", between(1024, _LARGEST_FILE)),
    "max_depth": Row("max_depth", between(1, _DEEPEST)),
    "max_headers": Row("max_headers", between(8, 1000)),
    "max_header_bytes": Row("max_header_bytes", between(1024, 1 << 20)),
    "max_url": Row("max_url", between(64, 1 << 16)),
    "header_timeout": Row("header_timeout", moments(600)),
    "drain_delay": Row("drain_delay", seconds),
    "grace": Row("grace", seconds),
    "trusted_proxies": Row("trusted_proxies", listed(cidrs)),
    "public_url": Row("public_url", url),
    "log": Row("log", log_form),
    "metrics": Row("metrics", switch),
    "tracing": Row("tracing", switch),
}
TIMEOUTS: Rows = {name: Row(name, timeout) for name in ("connect", "first_chunk", "idle", "total")}
ADMIN: Rows = {
    "host": Row("host", text),
    "port": Row("port", between(0, 65535)),
    "token": Row("token", secret, is_secret=True),
}
LEDGER: Rows = {
    "url": Row("url", ledger_url, is_secret=True),
    "retention": Row("retention", whole(1)),
}
LIMITS: Rows = {"store": Row("limits", store, is_secret=True)}
ACCOUNT: Rows = {
    "name": Row("name", name),
    "kind": Row("kind", name),
    "api_key": Row("api_key", token, is_secret=True),
    "base_url": Row("base_url", url, is_secret=True),
    "models": Row("models", listed(model)),
    "priority": Row("priority", between(0, 1_000_000)),
    "groups": Row("groups", listed(name)),
    "dedicated": Row("is_dedicated", switch),
    "enabled": Row("is_enabled", switch),
    "attempt_header": Row("attempt_header", switch),
    **_RATES,
}
KEY: Rows = {
    "name": Row("name", name),
    "key": Row("key", secret, is_secret=True),
    "models": Row("models", listed(model)),
    "surfaces": Row("surfaces", listed(surface)),
    "cidrs": Row("cidrs", listed(cidrs)),
    "expires": Row("expires", expiry),
    "enabled": Row("is_enabled", switch),
    **_RATES,
    "rpm_burst": Row("rpm_burst", whole(1)),
    "tpm_burst": Row("tpm_burst", whole(1)),
    "queue": Row("queue", between(0, 1_000_000)),
    "queue_timeout": Row("queue_timeout", moments(_LONGEST_WAIT)),
    "accounts": Row("accounts", listed(name)),
    "groups": Row("groups", listed(name)),
    "on_disconnect": Row("on_disconnect", disconnect),
    "drain_seconds": Row("drain_seconds", moments(_LONGEST_WAIT)),
    "heartbeat": Row("heartbeat", moments(_LONGEST_WAIT)),
    "max_output_tokens": Row("max_output_tokens", whole(1)),
}
# Of a key; in the options they are a struct of their own.
BUDGET: Rows = {
    "budget_day": Row("day", micros),
    "budget_month": Row("month", micros),
    "budget_total": Row("total", micros),
}
