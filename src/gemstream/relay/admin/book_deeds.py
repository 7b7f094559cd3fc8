"""What operators read of the books: usage, one request, everything; and who did what."""

from __future__ import annotations

import datetime

from ..ledger.attempt_row import Export, attempts_of
from ..ledger.day import utc_day
from ..ledger.report import UsageBy, UsageQuery, total_of, usage_csv, usage_report
from .answer import Streamed, Written
from .desk import Declined, Deed, Desk, missing
from .views import Audit, AuditView, Request, Usage, audit_view

__all__ = ("export_rows", "list_audit", "report_usage", "show_request")

_DEFAULT_ENTRIES = 100
_MOST_ENTRIES = 10_000


async def report_usage(desk: Desk, deed: Deed) -> Usage | Written:
    """Return usage by key, model, account or day."""
    query = UsageQuery(
        since=_day(deed, "since"),
        until=_day(deed, "until"),
        key_id=deed.query.get("key"),
        account=deed.query.get("account"),
        model=deed.query.get("model"),
        surface=deed.query.get("surface"),
    )
    rows = await usage_report(desk.database, UsageBy(deed.query.get("by", "key")), query)
    if deed.query.get("format") == "csv":
        return Written(content_type="text/csv; charset=utf-8", body=usage_csv(rows).encode())
    return Usage(rows=rows, total=total_of(rows))


async def show_request(desk: Desk, deed: Deed) -> Request:
    """Return the attempts of one request."""
    request_id = deed.params["id"]
    rows = await attempts_of(desk.database, request_id)
    if not rows:
        raise missing("request", request_id)
    return Request(request_id=request_id, attempts=rows)


async def export_rows(desk: Desk, deed: Deed) -> Streamed:
    """Return every attempt of a time, a line of JSON each, the oldest first."""
    rows = Export(desk.database, _day(deed, "since"), _day(deed, "until"))
    return Streamed(content_type="application/jsonl", pieces=rows)


async def list_audit(desk: Desk, deed: Deed) -> Audit:
    """Return what operators did, the newest first; of one key when it is named."""
    limit = _limit(deed)
    key_id = deed.query.get("key")
    entries: list[AuditView] = [
        audit_view(one, f"key {one.key_id}") for one in await desk.keys.audit(limit, key_id)
    ]
    if key_id is None:
        entries += [audit_view(one, one.key_id) for one in await desk.accounts.audit(limit)]
    entries.sort(key=lambda one: -one.at)
    return Audit(entries=tuple(entries[:limit]))


def _limit(deed: Deed) -> int:
    given = deed.query.get("limit", str(_DEFAULT_ENTRIES))
    if not (given.isascii() and given.isdigit()) or not 1 <= int(given[:9]) <= _MOST_ENTRIES:
        raise Declined(400, f"limit must be a whole number from 1 to {_MOST_ENTRIES}")
    return int(given)


def _day(deed: Deed, name: str) -> datetime.date | None:
    given = deed.query.get(name)
    if given is None:
        return None
    try:
        return utc_day(given)
    except ValueError:
        raise Declined(400, f"{name} must be a day of UTC, as 2027-01-31") from None
