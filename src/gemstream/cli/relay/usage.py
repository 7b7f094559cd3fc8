"""``gemstream relay usage``, ``request`` and ``export``: what the books say."""

from __future__ import annotations

import enum
import functools
from typing import Annotated, Any

import typer

from ...errors import InvalidRequest
from ..terminal import stdout
from .command import operators_command
from .reach import Operator
from .tables import Output, dollars, moment, print_table

__all__ = ("By", "add_usage")

_HEAD = ("REQUESTS", "ATTEMPTS", "PROMPT", "CACHED", "ANSWER", "THOUGHTS", "TOTAL", "COST")
_COLUMNS = (
    "requests",
    "attempts",
    "prompt_tokens",
    "cached_tokens",
    "candidates_tokens",
    "thoughts_tokens",
    "total_tokens",
)
_ATTEMPTS = ("NO", "STARTED", "KEY", "ACCOUNT", "MODEL", "STATUS", "TOKENS", "COST", "SECONDS")


class By(enum.Enum):
    """What the rows are about."""

    KEY = "key"
    MODEL = "model"
    ACCOUNT = "account"
    DAY = "day"


def _text(flag: str, metavar: str, text: str) -> Any:
    return typer.Option(flag, metavar=metavar, help=text, show_default=False)


Since = Annotated[str | None, _text("--since", "DAY", "The first day, of UTC, as 2027-01-31.")]
Until = Annotated[str | None, _text("--until", "DAY", "The last day, of UTC.")]


def add_usage(group: typer.Typer) -> None:
    """Put the three commands into ``group``."""
    command = functools.partial(operators_command, group)
    command("usage", "Show usage by key, model, account or day.", "gemstream.relay-usage/1")(_usage)
    command("request", "Show one request.", "gemstream.relay-request/1")(_request)
    command("export", "Write every attempt, a line of JSON each.", "gemstream.relay-export/1")(
        _export
    )


async def _usage(
    operator: Operator,
    output: Output,
    by: Annotated[By, typer.Option("--by", help="What the rows are about.")] = By.KEY,
    since: Since = None,
    until: Until = None,
    key: Annotated[str | None, _text("--key", "ID", "Only this key.")] = None,
    account: Annotated[str | None, _text("--account", "NAME", "Only this account.")] = None,
    model: Annotated[str | None, _text("--model", "NAME", "Only this model.")] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV; costs in micro-dollars.")] = False,
) -> None:
    """Show what was used and what it cost, by key, model, account or day, and in all."""
    if csv and output.as_json:
        raise InvalidRequest("--csv and --json exclude each other; choose one")
    query: dict[str, Any] = {"by": by.value, "since": since, "until": until}
    query |= {"key": key, "account": account, "model": model}
    if csv:
        table = await operator.read("GET", "/admin/usage", query={**query, "format": "csv"})
        stdout().write(table.decode())
        return
    report = await operator.ask("GET", "/admin/usage", query=query)
    output.show({"by": by.value, **report}, lambda: _print(by, report))


async def _request(
    operator: Operator,
    output: Output,
    request: Annotated[
        str, typer.Argument(metavar="ID", help="What its x-request-id header said.")
    ],
) -> None:
    """Show the attempts of one request: which accounts were asked, and what became of it."""
    if not request.replace("_", "").replace("-", "").isalnum() or len(request) > 64:
        raise InvalidRequest(f"{request!r:.80} is no id of a request")
    found = await operator.ask("GET", f"/admin/requests/{request}")
    output.show(found, lambda: print_table(_ATTEMPTS, map(_attempt, found["attempts"])))


async def _export(
    operator: Operator, output: Output, since: Since = None, until: Until = None
) -> None:
    """Write every attempt to stdout, a line of JSON each, the oldest first; also with --json."""
    out = stdout()
    rest = b""
    query = {"since": since, "until": until}
    async for piece in operator.pieces("GET", "/admin/export", query=query):
        whole, newline, rest = (rest + piece).rpartition(b"\n")
        out.write((whole + newline).decode())


def _print(by: By, report: dict[str, Any]) -> None:
    rows = [*report["rows"], report["total"]]
    head = (by.name, *_HEAD)
    print_table(head, map(_row, rows), right=range(1, len(head)))


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    # More than the sum says: some of it has no price here.
    mark = "+" if row["unpriced"] else ""
    return (row["name"], *(f"{row[name]:,}" for name in _COLUMNS), dollars(row["cost"]) + mark)


def _attempt(row: dict[str, Any]) -> tuple[str, ...]:
    cost, tokens, duration = row["cost"], row["total_tokens"], row["duration"]
    return (
        str(row["attempt_no"]),
        moment(row["started"]),
        row["key_id"],
        row["account"],
        row["model"],
        row["status"],
        "" if tokens is None else f"{tokens:,}",
        "" if cost is None else dollars(cost),
        "" if duration is None else f"{duration / 1_000_000:.3f}",
    )
