"""The log and the numbers of the relay as a program, in one process and in several."""

from __future__ import annotations

import http.client
import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.program import Served, gemstream, served
from cli.relay.relayed import Relayed, eventually, relay_file, relayed

SERVER = "drain_delay = 0\nmetrics = true\nworkers = {}"
NAME = "gemstream_relay_requests_total"


@pytest.fixture
def upstream() -> Iterator[Served]:
    with served() as service:
        yield service


def counted(relay: Relayed) -> int:
    """Return how many requests a scrape knows of."""
    connection = http.client.HTTPConnection("127.0.0.1", relay.port, timeout=20)
    connection.request("GET", "/metrics")
    lines = connection.getresponse().read().decode().splitlines()
    connection.close()
    return round(sum(float(line.split()[-1]) for line in lines if line.startswith(f"{NAME}{{")))


@pytest.mark.parametrize("workers", [1, 2])
def test_one_scrape_has_the_numbers_of_all_workers(
    upstream: Served, tmp_path: Path, workers: int
) -> None:
    file = relay_file(tmp_path, upstream.env["GOOGLE_GEMINI_BASE_URL"], SERVER.format(workers))
    with relayed(file) as relay:
        for _ in range(12):  # a connection each, so that both workers have some
            assert relay.stream("hi").rest()
        eventually(lambda: counted(relay) == 12)
        relay.signal(signal.SIGTERM)
        relay.ended()
    assert not list((tmp_path / "state").rglob("relay-workers/*"))


@pytest.mark.parametrize("workers", [1, 2])
def test_every_request_is_a_line_on_stderr(upstream: Served, tmp_path: Path, workers: int) -> None:
    file = relay_file(tmp_path, upstream.env["GOOGLE_GEMINI_BASE_URL"], SERVER.format(workers))
    with relayed(file, "--log", "json") as relay:
        for _ in range(6):
            assert relay.stream("hi").rest()
        relay.signal(signal.SIGTERM)
        code, said = relay.ended()
    told = [json.loads(line) for line in said.splitlines()]
    requests = [one for one in told if "request_id" in one]
    assert (code, len(requests)) == (0, 6)
    assert len({one["request_id"] for one in requests}) == 6
    assert {one["end"] for one in requests} == {"stop"}


def test_a_form_that_is_none_is_told(upstream: Served, tmp_path: Path) -> None:
    file = relay_file(tmp_path, upstream.env["GOOGLE_GEMINI_BASE_URL"])
    done = gemstream("relay", "serve", "--config", str(file), "--log", "xml")
    assert done.code == 2
    assert "--log is 'xml'; it must be one of json, plain, off" in done.err
