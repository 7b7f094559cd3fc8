"""``gemstream init``: a stored key that nobody else reads, and files that stay as they were."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cli.program import GEMSTREAM, GUARD, Served, environment, gemstream

KEY = "AIza-a-key-of-thirty-nine-characters-0x"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def at_home(home: Path, **more: str) -> dict[str, str]:
    return environment(XDG_CONFIG_HOME=str(home / ".config"), **more)


def stored(home: Path) -> Path:
    return home / ".config" / "gemstream" / "credentials.toml"


def settings(home: Path) -> Path:
    return home / ".config" / "gemstream" / "gemstream.toml"


def init(*arguments: str, env: Mapping[str, str], key: str | None = KEY) -> Any:
    """Run it without a terminal, the key on stdin."""
    source = () if key is None else ("--api-key-file", "-")
    stdin = None if key is None else f"{key}\n".encode()
    return gemstream("init", *source, *arguments, env=env, stdin=stdin)


def test_key_tier_and_model_are_stored_privately(home: Path) -> None:
    env = at_home(home)
    arguments = ("--offline", "--tier", "Pay-as-you-go", "-m", "gemini-2.5-pro")
    result = init(*arguments, env=env)
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines()[:2] == [f"stored  {stored(home)}", f"stored  {settings(home)}"]
    assert KEY not in result.out
    assert stored(home).stat().st_mode & 0o777 == 0o600
    assert stored(home).parent.stat().st_mode & 0o777 == 0o700
    assert settings(home).read_text().endswith(
        '[providers.gemini]\ndefault_model = "gemini-2.5-pro"\ndefault_tier = "tier1"\n'
    ) or settings(home).read_text().endswith(
        '[providers.gemini]\ndefault_tier = "tier1"\ndefault_model = "gemini-2.5-pro"\n'
    )
    before = [stored(home).read_text(), settings(home).read_text()]
    again = init(*arguments, env=env)
    assert again.out.splitlines()[0] == "nothing to change"
    assert [stored(home).read_text(), settings(home).read_text()] == before


def test_what_is_in_the_file_stays(home: Path) -> None:
    settings(home).parent.mkdir(parents=True)
    settings(home).write_text("# mine\n[providers.gemini]\ndefault_tier = 'free' # yet\n[budget]\n")
    settings(home).chmod(0o644)
    assert init("--offline", "--tier", "tier2", env=at_home(home)).code == 0
    text = '# mine\n[providers.gemini]\ndefault_tier = "tier2" # yet\n[budget]\n'
    assert settings(home).read_text() == text
    assert settings(home).stat().st_mode & 0o777 == 0o644


def test_a_file_that_cannot_be_changed_leaves_everything_as_it_was(home: Path) -> None:
    settings(home).parent.mkdir(parents=True)
    settings(home).write_text("providers = {gemini = {default_tier = 'free'}}\n")
    result = init("--offline", "--tier", "tier2", env=at_home(home))
    assert result.code == 2
    assert 'put default_tier = "tier2" below [providers.gemini]' in result.err
    assert not stored(home).exists()


def test_the_stored_key_is_found_by_doctor_and_by_the_client(home: Path, service: Served) -> None:
    service.play("")
    url = service.env["GOOGLE_GEMINI_BASE_URL"]
    env = at_home(home, GOOGLE_GEMINI_BASE_URL=url)
    assert gemstream("ask", "Count to 2", env=env).code == 3
    assert init("--offline", env=env).code == 0
    assert gemstream("ask", "Count to 2", env=env).out == "1, 2\n"
    assert f"ok    key: from {stored(home)}, account key-" in gemstream("doctor", env=env).out
    stored(home).chmod(0o644)
    refused = gemstream("ask", "Count to 2", env=env)
    assert refused.code == 2
    assert "others may read the stored key" in refused.err
    assert "chmod 600" in gemstream("doctor", env=env).out


# --- online ----------------------------------------------------------------------------------


def test_the_service_is_asked_first(home: Path, service: Served) -> None:
    service.play("")
    env = at_home(home, GOOGLE_GEMINI_BASE_URL=service.env["GOOGLE_GEMINI_BASE_URL"])
    result = init("-m", "gemini-2.5-pro", env=env)
    assert result.code == 0
    for check in ("connection", "key accepted", "model exists", "stream", "live session"):
        assert f"note: ok {check}: " in result.err
    assert stored(home).exists()


def test_what_the_service_refuses_is_not_stored(home: Path, service: Served) -> None:
    service.play("")
    env = at_home(home, GOOGLE_GEMINI_BASE_URL=service.env["GOOGLE_GEMINI_BASE_URL"])
    result = init("-m", "gemini-9-nothing", env=env)
    assert result.code == 2
    assert "fail  model exists: NotFound" in result.out
    assert "nothing was stored; mend that, or store it unchecked with --offline" in result.err
    assert not stored(home).exists()
    assert not settings(home).exists()
    told = init("-m", "gemini-9-nothing", "--json", env=env)
    assert (told.code, told.json["exit_code"], told.json["changed"]) == (2, 2, [])
    states = [check["state"] for check in told.json["checks"]]
    assert states == ["ok", "ok", "fail", "skip", "skip"]


def test_a_base_url_is_asked_and_kept(home: Path, service: Served) -> None:
    service.play("")
    url = service.env["GOOGLE_GEMINI_BASE_URL"]
    assert init("--base-url", url, env=at_home(home)).code == 0
    assert f'base_url = "{url}"' in settings(home).read_text()
    assert gemstream("ask", "Count to 2", env=at_home(home)).out == "1, 2\n"


# --- without a terminal ----------------------------------------------------------------------

WRONG: list[tuple[tuple[str, ...], str | None, str]] = [
    ((), None, "no API key to store: name a file with --api-key-file"),
    (("--tier", "fre"), KEY, "there is no tier 'fre'; did you mean free?"),
    (("--tier", "gold"), KEY, "there is no tier 'gold'; there are free, tier1, tier2, tier3"),
    (("-m", "a b"), KEY, "model name 'a b' is not valid"),
    ((), "two words", "the API key has white space"),
    ((), "", "the API key is empty"),
    (("--base-url", "nowhere"), KEY, "base_url (given) is 'nowhere'"),
]


@pytest.mark.parametrize(("arguments", "key", "said"), WRONG)
def test_what_cannot_be_is_one_line_and_stores_nothing(
    home: Path, arguments: tuple[str, ...], key: str | None, said: str
) -> None:
    result = init("--offline", *arguments, env=at_home(home), key=key)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"error: {said}")
    assert result.err.count("\n") == 1
    assert not (home / ".config").exists()
    told = init("--offline", "--json", *arguments, env=at_home(home), key=key)
    assert (told.code, told.json["schema"]) == (2, "gemstream.init/1")
    assert told.json["error"]["message"].startswith(said)


def test_a_key_of_the_environment_is_used_and_not_copied(home: Path) -> None:
    result = init("--offline", "--tier", "free", env=at_home(home, GEMINI_API_KEY=KEY), key=None)
    assert result.code == 0
    assert "the key of GEMINI_API_KEY is used and was not stored" in result.err
    assert not stored(home).exists()


def test_what_wins_over_what_was_stored_is_told(home: Path) -> None:
    (home / "gemstream.toml").write_text('[providers.gemini]\ndefault_model = "m"\n')
    env = at_home(home, GOOGLE_API_KEY="other", GEMINI_TIER="tier3")
    result = init("--offline", "--tier", "free", "-m", "gemini-2.5-pro", env=env)
    assert result.code == 0
    assert "note: GOOGLE_API_KEY is set and wins over the stored key\n" in result.err
    assert f"the model of {home}/gemstream.toml:2 wins here over the one stored" in result.err
    assert "the tier of GEMINI_TIER wins here over the one stored" in result.err


def test_json_tells_what_changed(home: Path) -> None:
    told = init("--offline", "--tier", "tier1", "--json", env=at_home(home)).json
    assert told["schema"] == "gemstream.init/1"
    assert told["changed"] == [str(stored(home)), str(settings(home))]
    assert (told["exit_code"], told["tier"], told["model"]) == (0, "tier1", "gemini-2.5-flash")
    assert told["account"].startswith("key-")
    assert KEY not in json.dumps(told)


def test_a_keyring_that_is_none_is_told(home: Path) -> None:
    pytest.importorskip("keyring")
    env = at_home(home, PYTHON_KEYRING_BACKEND="keyring.backends.fail.Keyring")
    result = init("--offline", "--keyring", env=env)
    assert (result.code, result.out) == (2, "")
    assert "the keyring refused: NoKeyringError: " in result.err
    assert "store the key in a file" in result.err
    assert not stored(home).exists()


# --- on a terminal ---------------------------------------------------------------------------


def on_a_terminal(home: Path, typed: str, *arguments: str) -> tuple[int, str, str]:
    """Answer with the lines of ``typed``; return the code, stdout, and what the terminal showed."""
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [*GEMSTREAM, "init", *arguments],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env=at_home(home, NO_COLOR="1"),
        start_new_session=True,  # no terminal but the one given
    ) as program:
        os.close(theirs)
        shown = b""
        answers = [f"{line}\n".encode() for line in typed.split("\n")]
        try:
            while more := os.read(ours, 4096):
                shown += more
                if shown.endswith(b": ") and answers:
                    os.write(ours, answers.pop(0))
        except OSError:  # how Linux tells that the other end is closed
            pass
        assert program.stdout is not None
        out = program.stdout.read().decode()
        code = program.wait(GUARD)
    os.close(ours)
    return code, out, shown.decode().replace("\r\n", "\n")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such terminals")
def test_on_a_terminal_it_asks_and_does_not_show_the_key(home: Path) -> None:
    code, out, shown = on_a_terminal(home, f"{KEY}\ngold\ntier1\n", "--offline")
    assert code == 0
    assert "there is no tier 'gold'" in shown  # and it asks again
    assert "API key (not shown): " in shown
    assert "Tier of your account (free, tier1, tier2, tier3) [free]: " in shown
    assert "Model [gemini-2.5-flash]: " in shown
    assert KEY not in shown + out
    assert KEY in stored(home).read_text()
    assert 'default_tier = "tier1"' in settings(home).read_text()
    code, out, shown = on_a_terminal(home, "\n\n", "--offline")
    assert (code, out.splitlines()[0]) == (0, "nothing to change")
    assert f"(not shown, empty keeps that of {stored(home)})" in shown
    assert "[tier1]" in shown
