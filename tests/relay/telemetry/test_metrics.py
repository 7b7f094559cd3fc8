"""What Prometheus reads: the names, the numbers, and how many series there can be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gemstream.config.relay.options import KeyOptions, ServerOptions
from gemstream.emulator import Emulator, Rule, Script
from gemstream.emulator.scripts.faults import Status
from gemstream.policy.account.signal import Signal, SignalKind
from gemstream.relay.ledger.attempt import AttemptStatus, Settlement
from gemstream.relay.observer import AttemptEnded, End, RequestEnded
from gemstream.relay.telemetry.counts import Counter, Histogram, Sample, Snapshot, merged
from gemstream.relay.telemetry.exposition import Exposition
from gemstream.relay.telemetry.known_models import KnownModels
from gemstream.relay.telemetry.metric import METRICS
from gemstream.relay.telemetry.metrics import Metrics
from gemstream.relay.telemetry.siblings import Siblings
from gemstream.wire.usage import ModalityTokenCount, UsageMetadata
from support.relayed import MODEL, RELAY_KEY, Relayed, prompt, relayed

STREAM = f"/v1beta/models/{MODEL}:streamGenerateContent?alt=sse"
WHOLE = f"/v1beta/models/{MODEL}:generateContent"
OPEN = ServerOptions(metrics=True)
LIMITED = KeyOptions(name="team-a", key=RELAY_KEY, rpm=3)

Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def series(text: bytes) -> Series:
    """Read an exposition with Prometheus' own parser."""
    found: Series = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            labels = tuple(sorted(sample.labels.items()))
            assert (sample.name, labels) not in found, "a series is told once"
            found[sample.name, labels] = sample.value
    return found


def total(found: Series, name: str, **labels: str) -> float:
    """Add up the series of a name that have these labels."""
    wanted = set(labels.items())
    full = f"gemstream_relay_{name}"
    return sum(value for (each, has), value in found.items() if each == full and wanted <= set(has))


async def scraped(house: Relayed) -> Series:
    answer = await house.ask("/metrics", key=None)
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return series(answer.body)


async def test_every_name_is_there_and_parses(tmp_path: Path) -> None:
    async with relayed(tmp_path, server=OPEN) as house:
        await house.ask(STREAM, prompt())
        answer = await house.ask("/metrics", key=None)
    families = {one.name: one for one in text_string_to_metric_families(answer.body.decode())}
    for metric in METRICS.values():
        name = metric.full_name.removesuffix("_total")
        assert (name in families) == metric.is_exposed, name
        if metric.is_exposed:
            assert families[name].type == metric.kind.value
            assert families[name].documentation == metric.help


async def test_the_numbers_are_those_of_the_books(tmp_path: Path) -> None:
    emulators = (Emulator(Script([Rule(steps=[Status(code=429)])])), Emulator())
    accounts = {"one": {"priority": 1}}
    async with relayed(
        tmp_path, *emulators, accounts=accounts, keys=(LIMITED,), server=OPEN
    ) as house:
        await house.ask(STREAM, prompt())
        await house.ask(WHOLE, prompt())
        await house.ask(WHOLE, b"{")
        await house.ask(WHOLE, prompt(), key="no-key-of-this-house-at-all")
        await house.ask(WHOLE, prompt())
        await house.ask(WHOLE, prompt())
        found = await scraped(house)
        rows = await house.rows()
    answered = [row for row in rows if row["status"] == "ok"]
    assert total(found, "requests_total") == 6
    assert total(found, "requests_total", outcome="stop", code_class="2xx", model=MODEL) == 3
    assert total(found, "requests_total", outcome="refused", code_class="4xx") == 3
    assert total(found, "stream_end_total", reason="stop") == 1
    assert total(found, "stream_seconds_count", surface="gemini") == 1
    assert total(found, "ttfb_overhead_seconds_count", surface="gemini") == 3
    assert total(found, "first_chunk_seconds_count", model=MODEL) == 3
    assert total(found, "ledger_commit_seconds_count") == len(rows)
    assert total(found, "ledger_open_rows") == 0
    assert total(found, "retries_total") == len(rows) - 3
    assert total(found, "cost_micro_usd_total") == sum(row["cost"] for row in answered)
    assert total(found, "tokens_total", direction="input") == sum(
        row["prompt_tokens"] for row in answered
    )
    assert total(found, "limit_decisions_total", decision="granted", mode="process") == 3
    assert total(found, "limit_decisions_total", decision="refused", limit="rpm") == 1
    assert total(found, "account_state", state="open", model="") == 2
    assert total(found, "limiter_degraded") == 0
    assert total(found, "build_info") == 1
    (chunks,) = [row["chunks"] for row in answered if row["operation"] == "streamGenerateContent"]
    assert total(found, "chunk_gap_seconds_count", surface="gemini") == chunks - 1


async def test_what_runs_is_counted_while_it_runs(tmp_path: Path) -> None:
    async with relayed(tmp_path, server=OPEN) as house:
        stream = await house.open(STREAM, prompt())
        during = await scraped(house)
        while await stream.receive():
            pass
        after = await scraped(house)
    assert total(during, "streams_active", surface="gemini") == 1
    assert total(during, "ledger_open_rows") == 1
    assert total(after, "streams_active") == total(after, "ledger_open_rows") == 0


async def test_callers_see_no_metrics_by_default(tmp_path: Path) -> None:
    async with relayed(tmp_path) as house:
        assert (await house.ask("/metrics", key=None)).status == 401
        assert (await house.ask("/metrics")).status == 404


def ended(number: int, **changed: Any) -> RequestEnded:
    fields: dict[str, Any] = {
        "request_id": f"req_{number}",
        "surface": ("gemini", "openai", "anthropic")[number % 3],
        "operation": "streamGenerateContent",
        "asked": f"invented-{number}",
        "model": f"invented-{number}",
        "key_id": f"key-{number}",
        "account": f"account-{number}",
        "account_hash": f"{number:08x}",
        "status": 200 + 100 * (number % 4),
        "end": list(End)[number % len(End)],
        "fault": "",
        "limit": f"limit-{number % 50}",
        "is_admitted": True,
        "attempts": 1,
        "first_chunk": 0.1,
        "overhead": 0.001,
        "passing": 1.0,
        "duration": 1.1,
        "usage": None,
        "cost": 5,
        "is_stream": True,
        "sent": 10,
        "chunks": 5,
    }
    return RequestEnded(**{**fields, **changed})


def attempted(number: int) -> AttemptEnded:
    usage = UsageMetadata(
        prompt_token_count=5,
        candidates_token_count=5,
        prompt_tokens_details=[ModalityTokenCount(modality=f"NEW_{number}", token_count=3)],
    )
    return AttemptEnded(
        request_id=f"req_{number}",
        account=f"account-{number}",
        account_hash=f"{number:08x}",
        operation="streamGenerateContent",
        model=f"invented-{number}",
        model_version="",
        base_url="http://one",
        is_stream=True,
        settlement=Settlement(
            request_id=f"req_{number}", number=1, status=AttemptStatus.OK, usage=usage, cost=5
        ),
        signal=Signal(SignalKind.SUCCESS),
        change=None,
        after=list(SignalKind)[number % len(SignalKind)],
        began=0.0,
        duration=1.0,
        commit=0.001,
        first_chunk=0.1,
    )


async def test_a_million_names_make_no_million_series(tmp_path: Path) -> None:
    """Callers invent models, operators have many keys and accounts: the bound holds."""
    models = {f"named-{number}": {"input": 1, "output": 1} for number in range(3_000)}
    async with relayed(tmp_path, prices=models) as house:
        parts = house.relay.parts
        known = KnownModels(parts.options, parts.prices)
        metrics = Metrics(lambda: known, mode="process")
        for number in range(20_000):
            model = f"named-{number % 3000}" if number % 2 else f"invented-{number}"
            metrics.request_ended(ended(number, model=model))
            metrics.attempt_ended(attempted(number))
        found = series(Exposition(metrics.snapshot)())
    assert len(known) <= 200
    assert len(found) < 5_000
    assert total(found, "requests_total") == 20_000
    assert total(found, "tokens_total", direction="input") == 100_000
    assert not [labels for _, labels in found if "invented" in str(labels)]
    assert not [labels for _, labels in found if "key-" in str(labels)]


def test_bounds_hold_over_all_metrics() -> None:
    """Full of everything, what is exposed stays below 5,000 series."""
    most = sum(
        metric.most * (len(metric.buckets) + 3 if metric.buckets else 1)
        for metric in METRICS.values()
        if metric.is_exposed and metric.labels
    )
    assert most + len(METRICS) + 50 < 5_000


def test_a_bucket_holds_its_own_bound() -> None:
    gap = Histogram("chunk_gap_seconds")
    bounds = METRICS["chunk_gap_seconds"].buckets
    for bound in bounds:
        gap.observe(("gemini",), bound)
    gap.observe(("gemini",), 1e9, 2)
    (told,) = gap.distributions()
    assert told.reading.buckets == [1] * len(bounds) + [2]
    assert told.reading.sum == pytest.approx(sum(bounds) + 2e9)


def test_workers_add_up() -> None:
    one, two = Counter("requests"), Counter("requests")
    labels = ("gemini", MODEL, "2xx", "stop")
    one.add(labels, 2)
    two.add(labels, 3)
    first = Snapshot({"requests": one.samples(), "event_loop_lag_seconds": (Sample((), 0.5),)})
    second = Snapshot({"requests": two.samples(), "event_loop_lag_seconds": (Sample((), 0.1),)})
    both = merged([first, second])
    assert both.value("requests", *labels) == 5
    assert both.value("event_loop_lag_seconds") == 0.5


def _numbers(requests: int, streams: int) -> Snapshot:
    return Snapshot(
        {
            "requests": (Sample(("gemini", MODEL, "2xx", "stop"), requests),),
            "streams_active": (Sample(("gemini",), streams),),
        }
    )


def test_what_the_dead_counted_remains_and_what_they_ran_does_not(tmp_path: Path) -> None:
    labels = ("gemini", MODEL, "2xx", "stop")
    folder = tmp_path / "workers" / "a"
    living = Siblings(folder, lambda: _numbers(1, 1))
    dead = Siblings(folder, lambda: _numbers(10, 5), name="999999999")
    dead.write()
    assert living.all().value("requests", *labels) == 11
    assert living.all().value("streams_active", "gemini") == 1
    heir = Siblings(folder, lambda: _numbers(2, 1), name="1")
    heir.write()
    assert living.all().value("requests", *labels) == 1 + 10 + 2
    assert living.all().value("streams_active", "gemini") == 2
    heir.leave()
    assert living.all().value("requests", *labels) == 1
    living.leave()
    assert not folder.exists()


def test_a_broken_file_of_another_worker_harms_nobody(tmp_path: Path) -> None:
    folder = tmp_path / "workers" / "a"
    living = Siblings(folder, lambda: _numbers(1, 1))
    (folder / "1.json").write_bytes(b'{"samples":')
    assert living.all().value("streams_active", "gemini") == 1
