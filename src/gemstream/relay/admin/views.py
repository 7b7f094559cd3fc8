"""What operators are shown. No secret is in any of it, but a key's text in the answer to its mint.

Options have the names of a relay's file; times are µs since 1970 where nothing else is said.
"""

from __future__ import annotations

import datetime
import enum

import msgspec

from ...config.dollars import in_dollars
from ...config.relay.options import AccountOptions, KeyOptions
from ...policy.account.fact import Fact, PoolFacts
from ..accounts.store import StoredAccount
from ..keys.audit import AuditEntry
from ..keys.stored_key import StoredKey
from ..ledger.attempt_row import AttemptRow
from ..ledger.report import UsageRow
from ..telemetry.health import Check

__all__ = (
    "AccountView",
    "Accounts",
    "Audit",
    "AuditView",
    "Done",
    "Error",
    "Failure",
    "Health",
    "KeyView",
    "Keys",
    "Minted",
    "Pool",
    "Reloaded",
    "Request",
    "Rewrapped",
    "Source",
    "Usage",
    "Verdict",
    "account_view",
    "audit_view",
    "key_view",
)


class Source(enum.Enum):
    """Where something is configured: what stands in the file is changed there."""

    FILE = "file"
    DATABASE = "database"


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    """An account, without its key.

    ``is_shadowed``: the file has one of this name, which is used instead. ``standing``: how the
    pool of the process that answers sees it; empty where no relay runs.
    """

    name: str
    source: Source
    kind: str
    base_url: str | None
    models: tuple[str, ...]
    priority: int
    groups: tuple[str, ...]
    dedicated: bool
    enabled: bool
    attempt_header: bool
    rpm: int | None
    tpm: int | None
    rpd: int | None
    concurrency: int | None
    revision: str | None = None
    created: int | None = None
    changed: int | None = None
    is_shadowed: bool = False
    standing: tuple[Fact, ...] = ()


class Accounts(msgspec.Struct, frozen=True, kw_only=True):
    """All accounts, the file's first."""

    accounts: tuple[AccountView, ...]


class KeyView(msgspec.Struct, frozen=True, kw_only=True):
    """A key, without its text. Budgets in dollars; ``expires`` as RFC 3339.

    ``last4``: the end of its newest text. ``old_until``: when the last of its older texts stops
    opening it.
    """

    id: str
    name: str
    source: Source
    last4: str
    enabled: bool
    models: tuple[str, ...]
    surfaces: tuple[str, ...]
    cidrs: tuple[str, ...]
    expires: datetime.datetime | None
    rpm: int | None
    tpm: int | None
    rpd: int | None
    concurrency: int | None
    rpm_burst: int | None
    tpm_burst: int | None
    queue: int
    queue_timeout: float
    accounts: tuple[str, ...]
    groups: tuple[str, ...]
    on_disconnect: str
    drain_seconds: float
    heartbeat: float | None
    max_output_tokens: int | None
    budget_day: float | None
    budget_month: float | None
    budget_total: float | None
    revision: str | None = None
    created: int | None = None
    changed: int | None = None
    revoked: int | None = None
    old_until: int | None = None


class Keys(msgspec.Struct, frozen=True, kw_only=True):
    """All keys, the file's first."""

    keys: tuple[KeyView, ...]


class Minted(msgspec.Struct, frozen=True, kw_only=True):
    """A key that was just minted or rotated: ``text`` is the secret, shown here and never again."""

    id: str
    name: str
    text: str

    def __repr__(self) -> str:
        return f"Minted(id={self.id!r}, name={self.name!r})"


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What was done, to which account or key."""

    action: str
    target: str


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a service said to an account.

    ``asked``: the operation. ``status``: the HTTP status, None when no answer came. ``error``:
    what was wrong, without the key, ``""`` for nothing. ``seconds``: until the whole answer.
    """

    account: str
    asked: str
    is_ok: bool
    status: int | None
    error: str
    seconds: float


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """A report: its rows and their sum; cost in micro-dollars."""

    rows: tuple[UsageRow, ...]
    total: UsageRow


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What one request came to: its attempts in their order."""

    request_id: str
    attempts: tuple[AttemptRow, ...]


class Pool(msgspec.Struct, frozen=True, kw_only=True):
    """How the accounts stand in the process that answers; other workers may see it otherwise."""

    pool: PoolFacts


class Reloaded(msgspec.Struct, frozen=True, kw_only=True):
    """What a reload changed (``live``), and what waits for a restart."""

    live: tuple[str, ...]
    restart: tuple[str, ...]


class Rewrapped(msgspec.Struct, frozen=True, kw_only=True):
    """What the newest master secret seals now.

    ``rewrapped``: API keys that an older one had sealed. ``older_keys``: ids of callers' keys that
    are known under an older one, which cannot be changed for them: rotate those keys before the
    old secret is left out.
    """

    version: int
    rewrapped: int
    older_keys: tuple[str, ...]


class AuditView(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator did, to whom: ``subject`` is ``key ID``, ``account NAME`` or another word.

    ``is_genuine``: the row's signature is ours; None when the master secret that made it is not
    given any more.
    """

    at: int
    actor: str
    action: str
    subject: str
    fields: tuple[str, ...]
    is_genuine: bool | None


class Audit(msgspec.Struct, frozen=True, kw_only=True):
    """The newest first."""

    entries: tuple[AuditView, ...]


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """All that was looked at; ``is_well`` when all of it is."""

    is_well: bool
    checks: tuple[Check, ...]


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why not; ``status`` is the word of google.rpc.Code, ``problems`` a line for each."""

    code: int
    status: str
    message: str
    problems: tuple[str, ...] = ()


class Error(msgspec.Struct, frozen=True, kw_only=True):
    """The envelope of every refusal."""

    error: Failure


def account_view(
    options: AccountOptions,
    stored: StoredAccount | None = None,
    *,
    is_shadowed: bool = False,
    standing: tuple[Fact, ...] = (),
) -> AccountView:
    """Return what is shown of an account of the file, or of one that is ``stored``."""
    view = AccountView(
        name=options.name,
        source=Source.FILE,
        kind=options.kind,
        base_url=options.base_url,
        models=options.models,
        priority=options.priority,
        groups=options.groups,
        dedicated=options.is_dedicated,
        enabled=options.is_enabled,
        attempt_header=options.attempt_header,
        rpm=options.rpm,
        tpm=options.tpm,
        rpd=options.rpd,
        concurrency=options.concurrency,
        is_shadowed=is_shadowed,
        standing=standing,
    )
    if stored is None:
        return view
    return msgspec.structs.replace(
        view,
        source=Source.DATABASE,
        revision=stored.revision,
        created=stored.created,
        changed=stored.changed,
    )


def key_view(options: KeyOptions, stored: StoredKey | None = None) -> KeyView:
    """Return what is shown of a key of the file, or of one that is ``stored``."""
    budget = options.budget
    view = KeyView(
        id=options.name,
        name=options.name,
        source=Source.FILE,
        last4=options.key[-4:],
        enabled=options.is_enabled,
        models=options.models,
        surfaces=options.surfaces,
        cidrs=options.cidrs,
        expires=_moment(options.expires),
        rpm=options.rpm,
        tpm=options.tpm,
        rpd=options.rpd,
        concurrency=options.concurrency,
        rpm_burst=options.rpm_burst,
        tpm_burst=options.tpm_burst,
        queue=options.queue,
        queue_timeout=options.queue_timeout,
        accounts=options.accounts,
        groups=options.groups,
        on_disconnect=options.on_disconnect.value,
        drain_seconds=options.drain_seconds,
        heartbeat=options.heartbeat,
        max_output_tokens=options.max_output_tokens,
        budget_day=_dollars(budget.day),
        budget_month=_dollars(budget.month),
        budget_total=_dollars(budget.total),
    )
    if stored is None:
        return view
    return msgspec.structs.replace(
        view,
        id=stored.id,
        source=Source.DATABASE,
        last4=stored.last4,
        revision=stored.revision,
        created=stored.created,
        changed=stored.changed,
        revoked=stored.revoked,
        old_until=stored.old_until,
    )


def audit_view(entry: AuditEntry, subject: str) -> AuditView:
    """Return what is shown of a row of the audit about ``subject``."""
    return AuditView(
        at=entry.at,
        actor=entry.actor,
        action=entry.action,
        subject=subject,
        fields=entry.fields,
        is_genuine=entry.is_genuine,
    )


def _moment(seconds: float | None) -> datetime.datetime | None:
    return None if seconds is None else datetime.datetime.fromtimestamp(seconds, datetime.UTC)


def _dollars(micros: int | None) -> float | None:
    return None if micros is None else float(in_dollars(micros))
