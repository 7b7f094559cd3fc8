"""Which libraries the relay does not start on."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from gemstream.relay.server.floor import library_fault

GOOD = {"aiohttp": "3.14.5", "uvicorn": "0.54.0", "has_c_parser": True}


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({}, None),
        ({"aiohttp": "3.15.0a1"}, None),
        ({"aiohttp": "4.0.0"}, None),
        ({"uvicorn": "0.42.0"}, None),
        ({"uvicorn": "0.45.0"}, None),
        ({"uvicorn": "0.43.0"}, "uvicorn 0.43.0 cuts running streams"),
        ({"uvicorn": "0.44.1"}, "uvicorn 0.44.1 cuts running streams"),
        ({"aiohttp": "3.14.4"}, "aiohttp 3.14.4 is older than 3.14.5"),
        ({"aiohttp": "3.9"}, "aiohttp 3.9 is older than 3.14.5"),
        ({"aiohttp": "unknown"}, "aiohttp unknown is older than 3.14.5"),
        ({"has_c_parser": False}, "without its C extension"),
    ],
)
def test_versions_that_can_be_attacked_are_named(
    other: dict[str, str | bool], said: str | None
) -> None:
    fault = library_fault(**{**GOOD, **other})  # type: ignore[arg-type]
    assert (fault is None) == (said is None)
    assert said is None or (said in (fault or "") and "install" in (fault or ""))


@pytest.mark.parametrize(("value", "starts"), [("1", False), ("", True)])
def test_the_server_does_not_start_on_a_parser_in_python(value: str, starts: bool) -> None:
    run = subprocess.run(
        [sys.executable, "-c", "import gemstream.relay.server.listener"],
        env={**os.environ, "AIOHTTP_NO_EXTENSIONS": value},
        capture_output=True,
        text=True,
    )
    assert (run.returncode == 0) == starts
    assert starts or "ConfigError: aiohttp runs without its C extension" in run.stderr
