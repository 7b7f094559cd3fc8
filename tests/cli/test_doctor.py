"""``gemstream doctor``: every check says what it should of good and of bad surroundings."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cli.program import Served, environment, gemstream
from gemstream.cli.diagnosis import Finding, State, exit_code
from gemstream.cli.exit_codes import ExitCode
from gemstream.cli.setup_checks import check_setup
from gemstream.cli.surroundings import Certificates, Surroundings, Terminal
from gemstream.config.options import resolve_options

KEY = "AIza-a-key-of-thirty-nine-characters-0x"
LIBRARIES = (
    "aiohttp",
    "msgspec",
    "uvloop",
    "typer",
    "uvicorn",
    "httptools",
    "websockets",
    "h2",
    "opentelemetry-api",
    "sounddevice",
)
HEALTHY = Surroundings(
    python=(3, 13, 1),
    system="CPython on Linux x86_64",
    gemstream="0.1.0",
    versions=dict.fromkeys(LIBRARIES, "1.0"),
    environ={},
    key=KEY,
    key_origin="GEMINI_API_KEY",
    options=resolve_options({}, {}),
    proxy=None,
    certificates=Certificates(place="/etc/ssl/cert.pem"),
    terminal=Terminal(is_terminal=True, has_colour=True, has_unicode=True),
    now=1_800_000_000.0,
)


def _changed(**changes: Any) -> Surroundings:
    return msgspec.structs.replace(HEALTHY, **changes)


def _at(url: str) -> dict[str, Any]:
    return {"options": resolve_options({"base_url": url}, {})}


def _without(library: str) -> dict[str, Any]:
    return {"versions": {**HEALTHY.versions, library: None}}


def test_where_all_is_well_no_check_complains() -> None:
    findings = check_setup(HEALTHY)
    assert {finding.state for finding in findings} == {State.OK}
    assert exit_code(findings) is ExitCode.OK
    checks = [finding.check for finding in findings]
    assert len(set(checks)) == len(checks)


# What is different → which check says so, how, in which words, and what the command ends with.
OK, USAGE, AUTH = ExitCode.OK, ExitCode.USAGE, ExitCode.AUTH
AILMENTS: list[tuple[dict[str, Any], str, State, str, ExitCode]] = [
    ({"python": (3, 10, 4)}, "python", State.FAIL, "3.10.4 is too old", USAGE),
    (_without("aiohttp"), "aiohttp", State.FAIL, "not installed", USAGE),
    (_without("typer"), "extra cli", State.NOTE, "gemstream[cli]", OK),
    (_without("httptools"), "extra emulator", State.NOTE, "gemstream[emulator]", OK),
    (_without("h2"), "extra http2", State.NOTE, "gemstream[http2]", OK),
    (_without("opentelemetry-api"), "extra otel", State.NOTE, "gemstream[otel]", OK),
    (_without("sounddevice"), "extra audio", State.NOTE, "gemstream[audio]", OK),
    (
        {"problems": {"extra audio": "PortAudio is not installed; apt install libportaudio2"}},
        "extra audio",
        State.WARN,
        "sounddevice 1.0: PortAudio is not installed; apt install libportaudio2",
        OK,
    ),
    (_without("uvloop"), "event loop", State.NOTE, "asyncio's own", OK),
    ({"key": None}, "key", State.FAIL, "set GEMINI_API_KEY", AUTH),
    ({"key": f"{KEY}\n"}, "key", State.FAIL, "white space at position 39", USAGE),
    ({"key": f"a {KEY}"}, "key", State.FAIL, "(from GEMINI_API_KEY)", USAGE),
    ({"key": f'"{KEY}"'}, "key", State.FAIL, "remove the quotes", AUTH),
    ({"key": "short"}, "key", State.WARN, "5 characters", OK),
    ({"key": "short", **_at("http://127.0.0.1:8089")}, "key", State.OK, "GEMINI_API_KEY", OK),
    ({"problems": {"key": "cannot read it"}}, "key", State.FAIL, "cannot read it", USAGE),
    (
        {"environ": {"GOOGLE_API_KEY": "a", "GEMINI_API_KEY": "b"}},
        "key variables",
        State.WARN,
        "GOOGLE_API_KEY is used",
        OK,
    ),
    (
        {"options": None, "problems": {"base_url": "base_url is wrong"}},
        "base url",
        State.FAIL,
        "base_url is wrong",
        USAGE,
    ),
    (_at("https://example.com/v1beta"), "base url", State.WARN, "leave out /v1beta", OK),
    (_at("http://example.com"), "base url", State.WARN, "unencrypted", OK),
    (_at("http://localhost:8089"), "base url", State.OK, "--base-url", OK),
    (_at("http://[::1]:8089"), "base url", State.OK, "http://[::1]:8089", OK),
    ({"problems": {"proxy": "a socks URL"}}, "proxy", State.FAIL, "a socks URL", USAGE),
    ({"proxy": "http://u:secret@p:3128"}, "proxy", State.OK, "http://p:3128 for generative", OK),
    ({"environ": {"https_proxy": "http://p"}}, "proxy", State.OK, "though https_proxy is set", OK),
    (
        {"proxy": "http://p:3128", **_at("http://127.0.0.1:8089")},
        "proxy",
        State.WARN,
        "set NO_PROXY=127.0.0.1",
        OK,
    ),
    (
        {"certificates": Certificates("SSL_CERT_FILE", "/a.pem", "No such file or directory")},
        "certificates",
        State.FAIL,
        "unset it: without certificates",
        USAGE,
    ),
    (
        {"certificates": Certificates(problem="none of the system were found")},
        "certificates",
        State.WARN,
        "set SSL_CERT_FILE",
        OK,
    ),
    (
        {"environ": {"REQUESTS_CA_BUNDLE": "/a.pem"}},
        "certificate variables",
        State.WARN,
        "REQUESTS_CA_BUNDLE",
        OK,
    ),
    ({"now": 0.0}, "clock", State.WARN, "1970-01-01", OK),
    ({"terminal": Terminal(True, True, False)}, "terminal", State.WARN, "PYTHONUTF8", OK),
    (
        {"options": resolve_options({"model": "gemini-2.5-flsh"}, {})},
        "model",
        State.WARN,
        "did you mean gemini-2.5-flash?",
        OK,
    ),
    (
        {"options": resolve_options({"model": "gemini-embedding-001"}, {})},
        "model",
        State.FAIL,
        "does not stream",
        USAGE,
    ),
    ({"options": resolve_options({"model": "a b"}, {})}, "model", State.FAIL, "not valid", USAGE),
]


@pytest.mark.parametrize(("changes", "check", "state", "said", "code"), AILMENTS)
def test_what_is_wrong_is_named_with_what_to_do(
    changes: dict[str, Any], check: str, state: State, said: str, code: ExitCode
) -> None:
    findings = check_setup(_changed(**changes))
    (finding,) = [each for each in findings if each.check == check]
    assert finding.state is state
    assert said in f"{finding.message}; {finding.advice}"
    assert exit_code(findings) is code
    others = [each for each in findings if each.check != check and each.state is State.FAIL]
    assert others == []


@pytest.mark.parametrize("key", [KEY, f"{KEY} ", f'"{KEY}"', f"ü{KEY}"])
def test_no_check_shows_the_key(key: str) -> None:
    here = _changed(key=key, proxy=f"http://user:{KEY}@proxy:3128")
    assert KEY not in repr(check_setup(here))
    assert KEY not in repr(here)


def test_the_first_failure_decides_the_code() -> None:
    failures = [
        Finding(check="a", state=State.WARN, message="", code=ExitCode.LIMITED),
        Finding(check="b", state=State.FAIL, message="", code=ExitCode.UPSTREAM),
        Finding(check="c", state=State.FAIL, message="", code=ExitCode.AUTH),
    ]
    assert exit_code(failures) is ExitCode.UPSTREAM


# --- the command -----------------------------------------------------------------------------

ONLINE = ["connection", "key accepted", "model exists", "stream", "live session"]


def _states(checks: list[dict[str, Any]]) -> dict[str, str]:
    return {check["check"]: check["state"] for check in checks}


def test_without_a_key_the_way_out_is_named() -> None:
    result = gemstream("doctor", env=environment())
    assert result.code == 3
    assert "\nfail  key: no API key; set GEMINI_API_KEY" in result.out
    assert "\nok    base url: https://generativelanguage.googleapis.com (default)\n" in result.out
    assert "\x1b" not in result.out


def test_nothing_is_sent_unless_asked_for() -> None:
    env = environment(GEMINI_API_KEY=KEY, GOOGLE_GEMINI_BASE_URL="http://127.0.0.1:1")
    result = gemstream("doctor", env=env)
    assert result.code == 0
    assert "connection" not in result.out
    assert result.err == "note: nothing is wrong here; --online asks the service too\n"
    assert KEY not in result.out + result.err


def test_against_an_emulator_all_is_well(service: Served) -> None:
    env = service.play("")
    result = gemstream("doctor", "--online", "--json", env=env)
    told = result.json
    assert (result.code, result.err) == (0, "")
    assert (told["schema"], told["exit_code"]) == ("gemstream.doctor/1", 0)
    states = _states(told["checks"])
    assert {states[step] for step in ONLINE} == {"ok"}
    assert "fail" not in states.values()
    facts = told["checks"][-2]["facts"]
    assert facts["first_chunk_ms"] > 0 and facts["chunks"] >= 1
    (key,) = [check for check in told["checks"] if check["check"] == "key"]
    assert key["facts"]["origin"] == "GEMINI_API_KEY"


def test_a_base_url_and_a_key_file_may_be_given(service: Served, tmp_path: Path) -> None:
    url = service.play("")["GOOGLE_GEMINI_BASE_URL"]
    (tmp_path / "key").write_text("any\n")
    given = ("--base-url", url, "--api-key-file", tmp_path / "key", "-m", "gemini-2.5-pro")
    result = gemstream("doctor", "--online", *given, env=environment())
    assert result.code == 0, result.out
    assert f"ok    base url: {url} (--base-url)" in result.out
    assert "ok    model exists: gemini-2.5-pro" in result.out


def test_where_nobody_listens_the_steps_after_are_not_tried() -> None:
    with socket.socket() as bound:  # a port that is taken and never answered
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        env = environment(GEMINI_API_KEY=KEY)
        result = gemstream("doctor", "--online", "--base-url", url, "--json", env=env)
    states = _states(result.json["checks"])
    assert result.code == 5
    assert [states[step] for step in ONLINE] == ["fail", *["skip"] * 4]
    assert "no connection" in result.json["checks"][-5]["message"]


def test_a_key_the_service_refuses(service: Served) -> None:
    env = {**service.play(""), "GEMINI_API_KEY": "bad-key"}
    result = gemstream("doctor", "--online", env=env)
    assert result.code == 3
    assert "ok    connection: " in result.out
    assert "fail  key accepted: Unauthenticated: 400" in result.out
    assert "skip  model exists: not tried, as key accepted failed" in result.out
    assert "bad-key" not in result.out + result.err


def test_a_stream_that_fails(service: Served) -> None:
    refusal = '[[rule]]\n[[rule.step]]\nfault = { kind = "status", code = 403 }\n'
    result = gemstream("doctor", "--online", env=service.play(refusal))
    assert result.code == 3
    assert "ok    model exists: " in result.out
    assert "fail  stream: PermissionDenied: 403" in result.out


def test_a_model_that_is_not_there_ends_before_the_stream(service: Served) -> None:
    result = gemstream("doctor", "--online", "-m", "gemini-0-nothing", env=service.play(""))
    assert result.code == 2
    assert "fail  model exists: NotFound: 404" in result.out
    assert "skip  stream: not tried, as model exists failed" in result.out


def test_what_fails_before_keeps_the_service_from_being_asked() -> None:
    env = environment(GOOGLE_GEMINI_BASE_URL="nonsense")
    result = gemstream("doctor", "--online", "--json", env=env)
    states = _states(result.json["checks"])
    assert result.code == 3
    assert (states["key"], states["base url"]) == ("fail", "fail")
    assert {states[step] for step in ONLINE} == {"skip"}


@pytest.mark.parametrize(
    ("content", "said"), [(None, "No such file"), ("no PEM", "it holds no certificates")]
)
def test_certificates_that_cannot_be_read(content: str | None, said: str, tmp_path: Path) -> None:
    place = tmp_path / "place"
    if content is not None:
        place.write_text(content)
    env = environment(GEMINI_API_KEY=KEY, SSL_CERT_FILE=str(place))
    result = gemstream("doctor", env=env)
    assert result.code == 2
    assert f"fail  certificates: {place} (SSL_CERT_FILE): {said}" in result.out


def test_a_folder_of_certificates_that_is_not_there(tmp_path: Path) -> None:
    place = tmp_path / "none"
    env = environment(GEMINI_API_KEY=KEY, SSL_CERT_FILE="", SSL_CERT_DIR=str(place))
    result = gemstream("doctor", env=env)
    assert result.code == 0
    assert f"warn  certificates: {place} (SSL_CERT_DIR): there is no such folder" in result.out


def test_a_key_file_that_is_not_there(tmp_path: Path) -> None:
    result = gemstream("doctor", "--api-key-file", tmp_path / "none", env=environment())
    assert result.code == 2
    assert "fail  key: cannot read the API key in" in result.out


def test_a_timeout_must_be_one() -> None:
    result = gemstream("doctor", "--timeout", "-1", env=environment(GEMINI_API_KEY=KEY))
    assert (result.code, result.out) == (2, "")
    assert "timeout total is -1.0" in result.err
