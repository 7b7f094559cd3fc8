"""The relay's options as frozen structs, checked; ``loading`` reads them from TOML."""

from __future__ import annotations

import enum
from typing import Any

import msgspec

from ..timeouts import Timeouts

__all__ = (
    "AccountOptions",
    "AdminOptions",
    "BudgetOptions",
    "DisconnectPolicy",
    "KeyOptions",
    "LedgerOptions",
    "LogForm",
    "RelayOptions",
    "ServerOptions",
)


class DisconnectPolicy(enum.Enum):
    """What becomes of an answer whose caller has gone."""

    CANCEL = "cancel"
    """The upstream is closed at once; the row holds what was counted and is flagged estimated."""
    DRAIN = "drain"
    """The answer is read on, within bounds, for its counts."""


class LogForm(enum.Enum):
    """How the relay's log is written."""

    JSON = "json"
    """One object on a line, for programs."""
    PLAIN = "plain"
    OFF = "off"


class ServerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The listener for callers; sizes in bytes, times in seconds.

    ``max_upload``: of one request that brings a file or a part of one, which is never held whole.
    ``public_url``: where callers reach the relay, for the addresses it gives them; None for the
    ``Host`` that the caller used.
    ``log``: one line for each request, and warnings, on stderr. ``metrics``: ``/metrics`` is served
    to callers as well. ``tracing``: requests are traced with OpenTelemetry.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    timeouts: Timeouts = Timeouts()
    max_body: int = 32 * 1024 * 1024
    max_upload: int = 2 * 1024 * 1024 * 1024
    max_depth: int = 64
    max_headers: int = 100
    max_header_bytes: int = 32 * 1024
    max_url: int = 8 * 1024
    header_timeout: float = 10.0
    drain_delay: float = 5.0
    grace: float = 120.0
    trusted_proxies: tuple[str, ...] = ()
    public_url: str | None = None
    log: LogForm = LogForm.JSON
    metrics: bool = False
    tracing: bool = False


class AdminOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The listener for operators; without a token there is none."""

    host: str = "127.0.0.1"
    port: int = 8081
    token: str | None = None

    def __repr__(self) -> str:
        return _shown(self, "token")


class AccountOptions(msgspec.Struct, frozen=True, kw_only=True):
    """An account at a service. ``models``: patterns as ``gemini-2.5-*``, none for all.

    Lower ``priority`` goes first. ``is_dedicated``: only for keys that name it. ``rpm``, ``tpm``
    and ``rpd`` are its own limits for each model, None for unknown.
    """

    name: str
    kind: str = "gemini"
    api_key: str = ""
    base_url: str | None = None
    models: tuple[str, ...] = ()
    priority: int = 50
    groups: tuple[str, ...] = ()
    is_dedicated: bool = False
    is_enabled: bool = True
    attempt_header: bool = False
    rpm: int | None = None
    tpm: int | None = None
    rpd: int | None = None
    concurrency: int | None = None

    def __repr__(self) -> str:
        return _shown(self, "api_key")


class BudgetOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What a key may cost, in micro-dollars, per UTC day, per UTC month and in all."""

    day: int | None = None
    month: int | None = None
    total: int | None = None


class KeyOptions(msgspec.Struct, frozen=True, kw_only=True):
    """A caller's key and what it may do; empty tuples are no restriction.

    ``accounts`` and ``groups``: the accounts it is served from, by name or group. ``queue``: how
    many requests may wait for a place under ``concurrency``, for ``queue_timeout`` seconds.
    ``rpm_burst`` and ``tpm_burst``: how much of a minute's may come at once, by default all of it.
    ``heartbeat``: seconds of silence after which a stream is kept alive, None for the dialect's
    own custom. ``expires``: seconds since 1970.
    """

    name: str
    key: str = ""
    models: tuple[str, ...] = ()
    surfaces: tuple[str, ...] = ()
    cidrs: tuple[str, ...] = ()
    expires: float | None = None
    is_enabled: bool = True
    rpm: int | None = None
    tpm: int | None = None
    rpd: int | None = None
    concurrency: int | None = None
    rpm_burst: int | None = None
    tpm_burst: int | None = None
    queue: int = 0
    queue_timeout: float = 10.0
    budget: BudgetOptions = BudgetOptions()
    accounts: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    on_disconnect: DisconnectPolicy = DisconnectPolicy.CANCEL
    drain_seconds: float = 60.0
    heartbeat: float | None = None
    max_output_tokens: int | None = None

    def __repr__(self) -> str:
        return _shown(self, "key")


class LedgerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Where the books are: ``url`` is None for a file in the state folder, ``sqlite:///path`` or
    ``postgresql://…``; rows are kept for ``retention`` days, None for ever.
    """

    url: str | None = None
    retention: int | None = None

    def __repr__(self) -> str:
        return _shown(self, "url")


class RelayOptions(msgspec.Struct, frozen=True, kw_only=True):
    """All of it; what is shown of it holds no secret.

    ``limits``: where limits are counted, "process", "machine" or a Redis URL. ``aliases``: the
    model that is asked for, by the name that callers use. ``prices``: of models in USD per million
    tokens, over the bundled ones; ``config.prices.price_table`` makes the table of them.
    """

    server: ServerOptions = ServerOptions()
    admin: AdminOptions = AdminOptions()
    ledger: LedgerOptions = LedgerOptions()
    accounts: tuple[AccountOptions, ...] = ()
    keys: tuple[KeyOptions, ...] = ()
    aliases: dict[str, str] = {}
    limits: str = "process"
    prices: dict[str, Any] = {}

    def __repr__(self) -> str:
        return _shown(self, "limits")


def _shown(options: msgspec.Struct, *secrets: str) -> str:
    """Return ``options`` as they may stand in a log: of a secret only that it is there."""
    fields = (
        f"{name}={'…' if value and name in secrets else repr(value)}"
        for name in options.__struct_fields__
        for value in (getattr(options, name),)
    )
    return f"{type(options).__name__}({', '.join(fields)})"
