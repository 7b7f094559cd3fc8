"""``gemstream relay check``: all that is wrong with a file, and nothing is started."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.program import gemstream
from cli.relay.relayed import relay_file

WRONG = '[server]\nport = 99999\n[[keys]]\nname = "a"\n'


@pytest.mark.parametrize("command", [["check"], ["serve", "--check", "--config"]])
def test_every_problem_is_told(command: list[str], tmp_path: Path) -> None:
    file = tmp_path / "relay.toml"
    file.write_text(WRONG)
    result = gemstream("relay", *command, file)
    assert (result.code, result.out) == (2, "")
    assert result.err.splitlines() == [
        f"error: {file}:2: server.port is 99999; it must be a whole number from 0 to 65535",
        f'error: {file}:3: keys "a" has no key; gemstream relay keys create makes one',
    ]


def test_a_good_file_is_told_so(tmp_path: Path) -> None:
    file = relay_file(tmp_path, "http://127.0.0.1:9")
    result = gemstream("relay", "check", file)
    assert (result.code, result.err) == (0, "")
    assert result.out == f"{file} is well-formed: 1 accounts, 1 keys, 0 aliases, 0 prices\n"
    assert list(tmp_path.iterdir()) == [file]


def test_json_is_for_programs(tmp_path: Path) -> None:
    file = tmp_path / "relay.toml"
    file.write_text(WRONG)
    result = gemstream("relay", "check", file, "--json")
    told = json.loads(result.out)
    assert (result.code, told["schema"], len(told["problems"])) == (2, "gemstream.relay-check/1", 2)
