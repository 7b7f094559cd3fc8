"""Leaving under load: nobody is cut who can end in time, and every row is settled."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.program import Served, served
from cli.relay.relayed import eventually, relay_file, relayed

# A stream that asks for n acks is n steps long.
SCRIPT = "".join(
    f'[[rule]]\nmatch = {{ prompt = "long {length}" }}\n[[rule.step]]\nchunk = "begun"\n'
    + '[[rule.step]]\nwait = "ack"\n[[rule.step]]\nchunk = "."\n' * length
    for length in (1, 2, 3, 5)
)


@pytest.fixture(scope="module")
def upstream() -> Iterator[Served]:
    with served() as service:
        yield service


def url_of(service: Served) -> str:
    return service.env["GOOGLE_GEMINI_BASE_URL"]


@pytest.mark.parametrize("workers", [1, 2])
def test_streams_of_different_lengths_all_end_by_themselves(
    upstream: Served, tmp_path: Path, workers: int
) -> None:
    upstream.play(SCRIPT)
    file = relay_file(
        tmp_path, url_of(upstream), f"drain_delay = 0\nlog = 'off'\nworkers = {workers}"
    )
    lengths = (1, 2, 3, 5, 1, 2)
    with relayed(file) as relay:
        streams = [relay.stream(f"long {length}") for length in lengths]
        assert [stream.text() for stream in streams] == ["begun"] * len(lengths)
        relay.signal(signal.SIGTERM)
        eventually(relay.is_deaf)
        assert relay.process.poll() is None
        for _ack in range(sum(lengths)):
            upstream.ack()
        for stream, length in zip(streams, lengths, strict=True):
            rest = stream.rest()
            assert rest.count(b'"text": "."') + rest.count(b'"text":"."') == length
            assert b'"finishReason"' in rest
            assert b'"error"' not in rest
        assert relay.ended() == (0, "")
        assert relay.rows("SELECT COUNT(*) FROM attempts WHERE status = 'open'") == [(0,)]
        assert relay.rows("SELECT COUNT(*) FROM attempts") == [(len(lengths),)]


def test_it_is_not_ready_and_still_serves_until_a_second_signal(
    upstream: Served, tmp_path: Path
) -> None:
    upstream.play(SCRIPT)
    file = relay_file(tmp_path, url_of(upstream), "drain_delay = 3600\ngrace = 7200\nlog = 'off'")
    with relayed(file) as relay:
        assert relay.get("/readyz") == (200, False)
        stream = relay.stream("long 1")
        assert stream.text() == "begun"
        relay.signal(signal.SIGTERM)
        eventually(lambda: relay.get("/readyz") == (503, True))
        assert relay.get("/livez") == (200, True)
        late = relay.stream("long 2")
        assert late.text() == "begun"
        relay.signal(signal.SIGTERM)
        for cut in (stream, late):
            assert b'{"error":' in cut.rest()
        code, said = relay.ended()
        assert (code, said.count("\n")) == (0, 1)
        assert "are ended now" in said
        assert relay.rows("SELECT COUNT(*) FROM attempts WHERE status = 'open'") == [(0,)]


def test_what_still_runs_at_the_end_of_the_grace_is_told_so(
    upstream: Served, tmp_path: Path
) -> None:
    upstream.play(SCRIPT)
    file = relay_file(tmp_path, url_of(upstream), "drain_delay = 0\ngrace = 5")
    with relayed(file) as relay:
        stream = relay.stream("long 1")
        assert stream.text() == "begun"
        relay.signal(signal.SIGTERM)
        assert b'{"error":' in stream.rest()
        assert relay.ended()[0] == 0
        assert relay.rows("SELECT COUNT(*) FROM attempts WHERE status = 'open'") == [(0,)]


def test_ctrl_c_does_not_wait_for_a_balancer(upstream: Served, tmp_path: Path) -> None:
    file = relay_file(tmp_path, url_of(upstream), "drain_delay = 3600\ngrace = 7200\nlog = 'off'")
    with relayed(file) as relay:
        relay.signal(signal.SIGINT)
        assert relay.ended() == (0, "")
