"""``gemstream emulate``: listens, says where, and leaves when told to."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from cli.program import GUARD, environment, gemstream, served, started


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_listens_and_leaves_cleanly(number: signal.Signals) -> None:
    with started("emulate", "--port", "0") as program:
        assert program.stderr is not None
        said = [program.stderr.readline().decode().strip() for _ in range(3)]
        program.send_signal(number)
        out, err = program.communicate(timeout=GUARD)
    url = said[0].split()[4].rstrip(";")
    assert url.startswith("http://127.0.0.1:")
    assert said[1:] == [f"export GOOGLE_GEMINI_BASE_URL={url}", "export GEMINI_API_KEY=any"]
    assert (program.returncode, out, err) == (0, b"", b"")


def test_it_answers_by_the_script(tmp_path: Path) -> None:
    script = '[[rule]]\nmatch = { prompt = "weather" }\n[[rule.step]]\nchunk = "Rain."\n'
    file = tmp_path / "script.toml"
    file.write_text(script)
    with served("--script", file) as service:
        assert gemstream("ask", "The weather?", env=service.env).out == "Rain.\n"
        assert gemstream("ask", "Count to 3", env=service.env).out == "1, 2, 3\n"


def test_it_keeps_a_journal(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    with served("--journal", journal) as service:
        assert gemstream("ask", "hi", env=service.env).code == 0
    (entry,) = map(json.loads, journal.read_text().splitlines())
    assert (entry["model"], entry["end"]) == ("gemini-2.5-flash", "finished")


REFUSED = [
    (["--port", "65536"], "--port"),
    (["--rate", "-1"], "rate"),
    (["--time-scale", "-1"], "time scale"),
    (["--tls-ca", "ca.pem"], "--tls-ca is for --tls"),
    (["--json"], "--list-faults"),
    (["--script", "nowhere.toml"], "nowhere.toml"),
    (["--host", "no.such.host.invalid"], "no.such.host.invalid"),
]


@pytest.mark.parametrize(("arguments", "word"), REFUSED)
def test_a_wrong_command_is_refused(arguments: list[str], word: str) -> None:
    result = gemstream("emulate", *arguments)
    assert result.code == 2
    assert result.err.startswith("error: ")
    assert word in result.err
    assert result.err.count("\n") == 1


def test_it_lists_the_faults() -> None:
    result = gemstream("emulate", "--list-faults")
    assert (result.code, result.err) == (0, "")
    assert "\n  html: The answer is a proxy's error page in HTML; after the head" in result.out
    assert "    code: integer = 502\n" in result.out
    assert "\n  go_away: The service says that it will close" in result.out
    assert "\n  latency: " in result.out
    listed = json.loads(gemstream("emulate", "--list-faults", "--json").out)
    assert listed["schema"] == "gemstream.faults/1"
    usage = next(fault for fault in listed["faults"] if fault["kind"] == "usage")
    assert "swallow" in {toxic["kind"] for toxic in listed["toxics"]}
    words = "'missing' or 'decreasing' or 'first_only'"
    assert usage["fields"] == [{"name": "mode", "type": words, "default": "missing"}]


def test_a_script_that_is_wrong_says_where(tmp_path: Path) -> None:
    script = tmp_path / "script.toml"
    script.write_text("[[rule]]\n[[rule.step]]\nchunck = 'x'\n")
    result = gemstream("emulate", "--script", script)
    assert result.code == 2
    assert "did you mean 'chunk'" in result.err


def test_it_says_what_to_trust(tmp_path: Path) -> None:
    ca = tmp_path / "the ca.pem"
    with started("emulate", "--port", "0", "--tls", "--tls-ca", ca) as program:
        assert program.stderr is not None
        said = [program.stderr.readline().decode().strip() for _ in range(4)]
        url = said[0].split()[4].rstrip(";")
        assert url.startswith("https://127.0.0.1:")
        assert said[3] == f"export SSL_CERT_FILE='{ca}'"
        env = environment(GOOGLE_GEMINI_BASE_URL=url, GEMINI_API_KEY="any", SSL_CERT_FILE=str(ca))
        assert gemstream("ask", "Count to 3", env=env).out == "1, 2, 3\n"
        program.send_signal(signal.SIGTERM)
        program.communicate(timeout=GUARD)
    assert ca.exists()


def test_a_temporary_certificate_is_gone_at_the_end() -> None:
    with started("emulate", "--port", "0", "--tls") as program:
        assert program.stderr is not None
        said = [program.stderr.readline().decode().strip() for _ in range(4)]
        temporary = Path(said[3].partition("=")[2])
        assert temporary.read_bytes().startswith(b"-----BEGIN CERTIFICATE")
        program.send_signal(signal.SIGTERM)
        program.communicate(timeout=GUARD)
    assert not temporary.exists()


def test_time_goes_by_the_scale() -> None:
    """At 0 it stands: the pause ends when the clock is set forward, and never otherwise."""
    steps = '[{ chunk = "Wait" }, { pause = 300 }, { chunk = " for it." }]'
    with served("--time-scale", "0") as service:
        env = service.play(f"rule = [{{ step = {steps} }}]")
        with started("ask", "hi", env=env) as asking:
            assert asking.stdout is not None
            assert asking.stdout.read(4) == b"Wait"
            service.advance(300)
            assert asking.communicate(timeout=GUARD)[0] == b" for it.\n"
