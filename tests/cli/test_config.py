"""``gemstream config``: what holds, from where, and no secret in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.program import environment, gemstream

GEMSTREAM_TOML = """
[providers.gemini]
default_model = "gemini-2.5-pro"
[providers.gemini.tiers.free.models."gemini-2.5-flash"]
rpm = 3
rpd = "unlimited"
[providers.openai]
base_url = "https://user:hunter2@relay.example/v1"
[limits]
store = "redis://:hunter2@cache:6379/0"
wait = "forever"
[prices."gemini-2.5-pro"]
input = 1.25
output = "10.00"
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def settings(home: Path, text: str | None = None, **more: str) -> dict[str, str]:
    """The environment of a user whose file holds ``text``."""
    if text is not None:
        file = home / "gemstream" / "gemstream.toml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return environment(XDG_CONFIG_HOME=str(home), **more)


def test_without_any_file_the_defaults_are_shown(home: Path) -> None:
    result = gemstream("config", "show", env=settings(home))
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert 'providers.gemini.default_model = "gemini-2.5-flash"' in lines
    assert 'providers.gemini.default_tier = "free"' in lines
    assert "limits.check_every = false" in lines
    assert 'limits.wait = "forever"' in lines
    assert '# limits.store = "machine"' in lines
    assert lines[0] == '# api_key = "none"'
    assert "default\n" not in result.out


def test_what_is_shown_can_be_put_into_a_file(home: Path) -> None:
    env = settings(home, GEMSTREAM_TOML)
    shown = gemstream("config", "show", env=env).out.splitlines()
    again = [line for line in shown if "…@" not in line]
    copied = home / "copied.toml"
    copied.write_text("\n".join(again), encoding="utf-8")
    env = environment(GEMSTREAM_CONFIG=str(copied))
    assert set(again) <= set(gemstream("config", "show", env=env).out.splitlines())


def test_each_value_tells_its_origin(home: Path) -> None:
    env = settings(home, GEMSTREAM_TOML, GEMINI_TIER="tier2", GEMINI_API_KEY="any")
    file = home / "gemstream" / "gemstream.toml"
    lines = gemstream("config", "show", "--origin", env=env).out.splitlines()
    row = 'providers.gemini.tiers.free.models."gemini-2.5-flash"'
    for line in (
        f'providers.gemini.default_model = "gemini-2.5-pro"  # {file}:3',
        'providers.gemini.default_tier = "tier2"  # GEMINI_TIER',
        'providers.gemini.api_version = "v1beta"  # default',
        f"{row}.rpm = 3  # {file}:5",
        f'{row}.rpd = "unlimited"  # {file}:6',
        f'limits.wait = "forever"  # {file}:11',
    ):
        assert line in lines
    assert any(line.startswith('# api_key = "key-') and "GEMINI_API_KEY" in line for line in lines)


def test_no_secret_is_shown(home: Path) -> None:
    env = settings(home, GEMSTREAM_TOML, GEMINI_API_KEY="AIza-hunter2")
    for arguments in (("--origin",), ("--json",)):
        result = gemstream("config", "show", *arguments, env=env)
        assert result.code == 0
        assert "hunter2" not in result.out + result.err
        assert "redis://…@cache:6379/0" in result.out
        assert "https://…@relay.example/v1" in result.out


def test_json_has_value_and_origin(home: Path) -> None:
    told = gemstream("config", "show", "--json", env=settings(home, GEMSTREAM_TOML)).json
    file = str(home / "gemstream" / "gemstream.toml")
    assert (told["schema"], told["files"]) == ("gemstream.config/1", [file])
    values = {row["key"]: (row["value"], row["origin"]) for row in told["settings"]}
    assert values["timeouts.total"] == (600.0, "default")
    assert values["providers.gemini.default_model"] == ("gemini-2.5-pro", f"{file}:3")
    assert values['prices."gemini-2.5-pro".input'] == (1.25, f"{file}:13")
    assert values['prices."gemini-2.5-pro".output'] == ("10.00", f"{file}:14")


def test_a_warning_is_told_beside(home: Path) -> None:
    result = gemstream("config", "show", env=settings(home, GEMINI_TIER="payg"))
    assert result.code == 0
    assert result.err.startswith("note: gemini has no tier 'payg' (GEMINI_TIER): free is used")


@pytest.mark.parametrize("command", [("config", "show"), ("ask", "hi")])
def test_a_file_that_means_nothing_is_one_line_with_its_place(
    home: Path, command: tuple[str, ...]
) -> None:
    env = settings(home, "[budget]\nrpm = 0\n", GEMINI_API_KEY="any")
    result = gemstream(*command, env=env)
    assert (result.code, result.out) == (2, "")
    file = home / "gemstream" / "gemstream.toml"
    assert result.err.startswith(f"error: {file}:2: budget.rpm is 0; it must be a number above 0")
    assert result.err.count("\n") == 1


def test_the_paths_the_strongest_first(home: Path) -> None:
    env = settings(home, "")
    (home / "botticelli.toml").touch()
    result = gemstream("config", "path", env=env)
    assert result.out.splitlines() == [
        f"none  {home}/gemstream.toml (project)",
        f"read  {home}/botticelli.toml (project, of botticelli)",
        f"none  {home}/boticelli.toml (project, of botticelli)",
        f"read  {home}/gemstream/gemstream.toml (user)",
        f"none  {home}/botticelli/botticelli.toml (user, of botticelli)",
        f"none  {home}/boticelli/boticelli.toml (user, of botticelli)",
        f"none  {home}/gemstream/credentials.toml (stored key)",
    ]
    told = gemstream("config", "path", "--json", env={**env, "GEMSTREAM_CONFIG": "x.toml"}).json
    assert told["schema"] == "gemstream.config-path/1"
    first = {"path": f"{home}/x.toml", "kind": "named", "is_there": False}
    assert told["files"][0] == first


def test_without_a_command_there_is_help_on_stderr() -> None:
    result = gemstream("config")
    assert (result.code, result.out) == (2, "")
    assert "show" in result.err
    assert "path" in result.err


# --- what else of the command line reads it --------------------------------------------------


def test_doctor_tells_the_files_the_tier_and_a_broken_file(home: Path) -> None:
    env = settings(home, GEMSTREAM_TOML, GEMINI_API_KEY="a-key-of-at-least-thirty-characters")
    file = home / "gemstream" / "gemstream.toml"
    out = gemstream("doctor", env=env).out
    assert f"ok    config: {file}\n" in out
    assert "ok    tier: free (default)\n" in out
    assert f"ok    model: gemini-2.5-pro ({file}:3)\n" in out
    broken = gemstream("doctor", env=settings(home, "[budget]\nrpm = 0\n"))
    assert broken.code == 2
    assert f"fail  config: {file}:2: budget.rpm is 0" in broken.out
    assert "ok    base url: " in broken.out


def test_ask_takes_a_tier_and_tells_of_one_that_is_not_there() -> None:
    env = environment(GEMINI_TIER="tier1")
    result = gemstream("ask", "Count to 2", "--emulate", "--tier", "fre", env=env)
    assert (result.code, result.out) == (0, "1, 2\n")
    assert "note: gemini has no tier 'fre' (given): free is used; did you mean free?" in result.err
    quiet = gemstream("ask", "Count to 2", "--emulate", "--tier", "Free")
    assert quiet.err == "note: emulated answer; no model was asked\n"
