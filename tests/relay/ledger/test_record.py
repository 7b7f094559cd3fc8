"""Whatever a service or a caller makes up, a settlement fits the columns and its line."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from gemstream.relay.ledger.attempt import AttemptStatus, Settlement
from gemstream.relay.ledger.ledger import Ledger
from gemstream.relay.ledger.record import Record, settling
from gemstream.relay.migrations import relay_migrations
from gemstream.wire.usage import ModalityTokenCount, UsageMetadata
from support.books import attempt, statuses
from support.clock import in_no_time
from support.memory_database import MemoryDatabase

COUNTS = st.none() | st.integers() | st.integers(0, 10**6)
# With NUL, and with the halves of surrogate pairs.
TEXTS = st.text(st.characters(exclude_categories=()))
DETAILS = st.lists(st.builds(ModalityTokenCount, modality=TEXTS, token_count=st.integers(0, 99)))
USAGES = st.builds(
    UsageMetadata,
    prompt_token_count=COUNTS,
    candidates_token_count=COUNTS,
    total_token_count=COUNTS,
    thoughts_token_count=COUNTS,
    prompt_tokens_details=st.none() | DETAILS,
    service_tier=st.none() | TEXTS,
    extra=st.none() | st.dictionaries(TEXTS, TEXTS),
)
SETTLEMENTS = st.builds(
    Settlement,
    request_id=st.just("a"),
    number=st.just(1),
    status=st.sampled_from(AttemptStatus),
    http_status=st.none() | st.integers(100, 599),
    usage=st.none() | USAGES,
    cache_creation=COUNTS,
    cost=COUNTS,
    duration=st.integers(),
    bytes=st.integers(),
    finish_reason=TEXTS,
    upstream_id=TEXTS,
    error=TEXTS | st.text(min_size=600),
)


@given(SETTLEMENTS)
def test_what_is_written_fits_both_engines(settlement: Settlement) -> None:
    for value in settling(settlement).values:
        if isinstance(value, str):
            assert "\0" not in value
            value.encode()
        elif value is not None:
            assert -(2**63) <= value < 2**63


@given(SETTLEMENTS)
def test_a_record_comes_back_whole_from_one_line(settlement: Settlement) -> None:
    record = settling(settlement)
    line = record.line()
    assert line.endswith(b"\n") and len(line.splitlines()) == 1
    assert json.loads(line)["request_id"] == "a"
    assert Record.from_line(line) == record


@given(SETTLEMENTS)
@settings(max_examples=30)
def test_whatever_it_is_it_is_taken(settlement: Settlement) -> None:
    async def settle() -> None:
        database = MemoryDatabase(relay_migrations())
        ledger = Ledger(database, "r")
        await ledger.start()
        await ledger.open(attempt("a"))
        ledger.settle(settlement)
        await ledger.flush()
        assert await statuses(database) == {"a": settlement.status.value}
        await ledger.aclose()
        await database.aclose()

    in_no_time(settle())
