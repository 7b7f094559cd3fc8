"""``gemstream relay serve``: it says where it listens, reloads, and keeps its workers alive."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.program import GUARD, Served, environment, gemstream, served, started
from cli.relay.relayed import KEY, eventually, is_alive, relay_file, relayed

OTHER = "another-key-of-the-tests-012345"
ADDED = f'[[keys]]\nname = "team-b"\nkey = "{OTHER}"\n'
HELD = """
[[rule]]
step = [{ chunk = "begun" }, { wait = "ack" }, { chunk = "." }]
"""


@pytest.fixture(scope="module")
def upstream() -> Iterator[Served]:
    with served() as service:
        yield service


def url_of(service: Served) -> str:
    return service.env["GOOGLE_GEMINI_BASE_URL"]


def test_it_says_where_it_listens_and_for_whom(upstream: Served, tmp_path: Path) -> None:
    file = relay_file(tmp_path, url_of(upstream), "drain_delay = 0")
    env = environment(XDG_STATE_HOME=str(tmp_path))
    with started("relay", "serve", "--config", file, env=env) as program:
        assert program.stderr is not None
        said = [program.stderr.readline().decode().strip() for _ in range(4)]
        program.send_signal(signal.SIGTERM)
        out, err = program.communicate(timeout=GUARD)
    assert said[0].startswith("the relay listens on http://127.0.0.1:")
    assert said[1:3] == ["accounts    one", "keys        team-a"]
    assert said[3] == f"books       sqlite:///{tmp_path}/books.db"
    assert (program.returncode, out, err) == (0, b"", b"")


def test_json_tells_the_same_and_no_secret(upstream: Served, tmp_path: Path) -> None:
    with relayed(relay_file(tmp_path, url_of(upstream))) as relay:
        assert relay.told["schema"] == "gemstream.relay-serve/1"
        assert (relay.told["accounts"], relay.told["keys"]) == (["one"], ["team-a"])
        assert KEY not in json.dumps(relay.told)


def test_without_a_file_it_serves_an_emulator(tmp_path: Path) -> None:
    env = environment(XDG_STATE_HOME=str(tmp_path))
    with started("relay", "serve", "--emulate", "--port", "0", env=env) as program:
        assert program.stderr is not None
        said = [program.stderr.readline().decode().strip() for _ in range(6)]
        shell = dict(line.removeprefix("export ").split("=", 1) for line in said[4:])
        asked = gemstream("ask", "Count to 3", env={**env, **shell})
        assert (asked.out, asked.code) == ("1, 2, 3\n", 0)
        wrong = gemstream("ask", "hi", env={**env, **shell, "GEMINI_API_KEY": "wrong"})
        assert wrong.code == 3
        program.send_signal(signal.SIGINT)
        program.communicate(timeout=GUARD)
    assert program.returncode == 0


@pytest.mark.parametrize("how", ["signal", "watch"])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_changed_file_holds_without_cutting_a_stream(
    upstream: Served, tmp_path: Path, how: str, workers: int
) -> None:
    upstream.play(HELD)
    server = f"drain_delay = 0\nworkers = {workers}"
    with relayed(relay_file(tmp_path, url_of(upstream), server)) as relay:
        stream = relay.stream("hi")
        assert stream.text() == "begun"
        assert not relay.knows(OTHER)
        relay_file(tmp_path, url_of(upstream), f"{server}\nhost = '0.0.0.0'", ADDED)
        if how == "signal":
            relay.signal(signal.SIGHUP)
        # By both workers, whichever accepts.
        eventually(lambda: all(relay.knows(OTHER) for _ in range(6)))
        upstream.ack()
        assert b'"finishReason"' in stream.rest()
        relay.signal(signal.SIGTERM)
        said = relay.ended()[1]
    assert "the configuration changed: keys team-b is new" in said
    assert "these hold after a restart only: server.host" in said


def test_a_bad_file_changes_nothing_and_says_why(upstream: Served, tmp_path: Path) -> None:
    upstream.play("")
    with relayed(relay_file(tmp_path, url_of(upstream), "drain_delay = 0")) as relay:
        relay_file(tmp_path, url_of(upstream), "drain_delay = 'no'")
        relay.signal(signal.SIGHUP)
        assert relay.process.stderr is not None
        said = relay.process.stderr.readline()
        assert "the configuration stays as it was" in said
        assert "relay.toml:4: server.drain_delay is 'no'" in said
        assert relay.knows(KEY)


def test_a_worker_that_dies_is_started_again(upstream: Served, tmp_path: Path) -> None:
    file = relay_file(tmp_path, url_of(upstream), "drain_delay = 0\nworkers = 2")
    with relayed(file) as relay:
        first = relay.workers()
        assert len(first) == 2
        os.kill(first[0], signal.SIGKILL)
        assert [relay.get("/livez")[0] for _ in range(8)] == [200] * 8
        eventually(lambda: len(relay.workers()) == 2 and first[0] not in relay.workers())
        relay.signal(signal.SIGTERM)
        code, said = relay.ended()
    assert code == 0
    assert "ended with signal 9 and is started again" in said


def test_workers_leave_when_their_supervisor_is_gone(upstream: Served, tmp_path: Path) -> None:
    file = relay_file(tmp_path, url_of(upstream), "drain_delay = 0\nworkers = 2")
    with relayed(file) as relay:
        workers = relay.workers()
        assert len(workers) == 2
        relay.process.kill()
        relay.process.wait(GUARD)
        eventually(lambda: not any(map(is_alive, workers)))


@pytest.mark.parametrize("workers", ["1", "2"])
def test_what_cannot_be_opened_is_told_once(tmp_path: Path, workers: str) -> None:
    file = relay_file(tmp_path, "http://127.0.0.1:9")
    file.write_text(file.read_text().replace("/books.db", "/relay.toml/books.db"))
    result = gemstream("relay", "serve", "--config", file, "--workers", workers)
    assert result.code not in (0, 130)
    assert result.err.startswith("error: ")
    assert result.err.count("\n") == 1


REFUSED = [
    (["--config", "nowhere.toml"], "nowhere.toml"),
    (["--emulate", "--config", "a"], "--emulate serves without a file"),
    (["--emulate", "--workers", "2"], "--emulate serves in one process"),
    (["--emulate", "--host", "no.such.host.invalid"], "no.such.host.invalid"),
    (["--port", "70000"], "--port"),
    ([], "there is no relay.toml here"),
]


@pytest.mark.parametrize(("arguments", "word"), REFUSED)
def test_a_wrong_command_is_refused(
    arguments: list[str], word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = gemstream("relay", "serve", *arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: ")
    assert word in result.err
