"""Call over environment over project's file over user's file over bundled, with every origin."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gemstream import AsyncClient, RetryPolicy, Timeouts
from gemstream.client.settings import set_up
from gemstream.config.limits import Limits
from gemstream.config.loading import load_config
from gemstream.config.options import Backend, Options, resolve_options
from gemstream.config.tiers import Tier
from gemstream.errors import ConfigError
from support.emulated import async_client, scripted

USER = """
[providers.gemini]
default_model = "of-user"
default_tier = "tier2"
base_url = "https://user.example"
api_version = "v1"
[timeouts]
idle = 7
total = 70
[retry]
attempts = 5
cap = 9
"""
PROJECT = """
[providers.gemini]
default_model = "of-project"
default_tier = "Pay-as-you-go"
base_url = "http://localhost:1"
api_version = "v1alpha"
[timeouts]
total = 50
[retry]
attempts = 2
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return tmp_path


def written(home: Path, *levels: str) -> dict[str, str]:
    """Write the files of ``levels`` and return the environment in which they are found."""
    texts = {"user": USER, "project": PROJECT}
    files = {
        "user": home / ".config" / "gemstream" / "gemstream.toml",
        "project": home / "project" / "gemstream.toml",
    }
    for level in levels:
        files[level].parent.mkdir(parents=True, exist_ok=True)
        files[level].write_text(texts[level], encoding="utf-8")
    return {"HOME": str(home)}


def options(given: dict[str, Any], environ: dict[str, str]) -> Options:
    return set_up("key", given, environ).options


ENVIRON = {
    "GOOGLE_GEMINI_BASE_URL": "https://env.example",
    "GEMINI_MODEL": "of-env",
    "GEMINI_TIER": "free",
}
GIVEN = {
    "base_url": "https://call.example",
    "model": "of-call",
    "tier": "tier3",
    "api_version": "v1beta",
}
GOOGLE = "https://generativelanguage.googleapis.com"

# Option → its value and origin at each level, the strongest first.
LEVELS: dict[str, list[tuple[str, str]]] = {
    "model": [
        ("of-call", "given"),
        ("of-env", "GEMINI_MODEL"),
        ("of-project", "project:3"),
        ("of-user", "user:3"),
        ("gemini-2.5-flash", "default"),
    ],
    "tier": [
        ("tier3", "given"),
        ("free", "GEMINI_TIER"),
        ("tier1", "project:4"),
        ("tier2", "user:4"),
        ("free", "default"),
    ],
    "base_url": [
        ("https://call.example", "given"),
        ("https://env.example", "GOOGLE_GEMINI_BASE_URL"),
        ("http://localhost:1", "project:5"),
        ("https://user.example", "user:5"),
        (GOOGLE, "default"),
    ],
    "api_version": [
        ("v1beta", "given"),
        ("v1alpha", "project:6"),
        ("v1alpha", "project:6"),
        ("v1", "user:6"),
        ("v1beta", "default"),
    ],
}


@pytest.mark.parametrize("level", range(5))
@pytest.mark.parametrize("name", LEVELS)
def test_the_stronger_level_wins(home: Path, name: str, level: int) -> None:
    environ = written(home, *["user", "project"][: max(0, 4 - level)])
    if level <= 1:
        environ |= ENVIRON
    found = options(GIVEN if level == 0 else {}, environ)
    value, origin = LEVELS[name][level]
    shown = {
        "project": str(home / "project" / "gemstream.toml"),
        "user": str(home / ".config" / "gemstream" / "gemstream.toml"),
    }
    kind, _, line = origin.partition(":")
    got = getattr(found, name)
    assert (got.name if isinstance(got, Tier) else got) == value
    assert found.origins[name] == (f"{shown[kind]}:{line}" if line else origin)
    assert found.tier_origin == found.origins["tier"]


def test_ours_wins_over_the_variable_that_others_read(home: Path) -> None:
    environ = {"GEMSTREAM_MODEL": "ours", "GEMINI_MODEL": "theirs"}
    found = options({}, environ)
    assert (found.model, found.origins["model"]) == ("ours", "GEMSTREAM_MODEL")


def test_timeouts_and_retries_merge_key_by_key(home: Path) -> None:
    environ = written(home, "user", "project")
    setup = set_up("key", {}, environ)
    assert setup.options.timeouts == Timeouts(idle=7, total=50)
    user, project = home / ".config/gemstream/gemstream.toml", home / "project/gemstream.toml"
    assert set(setup.options.origins["timeouts"].split(", ")) == {f"{user}:8", f"{project}:8"}
    assert setup.settings.retry == RetryPolicy(attempts=2, cap=9)


@pytest.mark.parametrize(("written", "wait"), [("0", 0.0), ("2.5", 2.5), ('"forever"', None)])
def test_the_wait_for_our_own_limits_is_a_timeout_of_the_call(
    home: Path, written: str, wait: float | None
) -> None:
    file = home / "project" / "gemstream.toml"
    file.write_text(f"[limits]\nwait = {written}\n", encoding="utf-8")
    found = options({}, {})
    assert found.timeouts == Timeouts(limit_wait=wait)
    assert found.origins["timeouts"] == f"{file}:2"
    assert options({"timeouts": 9}, {}).timeouts == Timeouts(total=9, limit_wait=wait)


def test_what_a_call_gives_wins_whole_or_by_its_total(home: Path) -> None:
    environ = written(home, "user", "project")
    given = {"timeouts": 3, "retry": RetryPolicy(attempts=1)}
    setup = set_up("key", given, environ)
    assert setup.options.timeouts == Timeouts(idle=7, total=3)
    assert setup.options.origins["timeouts"] == "given"
    assert setup.settings.retry == RetryPolicy(attempts=1)
    assert options({"timeouts": Timeouts()}, environ).timeouts == Timeouts()


def test_no_files_and_a_named_file(home: Path) -> None:
    environ = written(home, "user", "project")
    assert options({"config": False}, environ).model == "gemini-2.5-flash"
    other = home / "other.toml"
    other.write_text('[providers.gemini]\ndefault_model = "other"\n', encoding="utf-8")
    for source in (str(other), other, load_config(other)):
        found = options({"config": source}, environ)
        assert (found.model, found.origins["model"]) == ("other", f"{other}:2")
        assert found.config.files == (str(other),)


def test_the_gemini_apis_address_is_not_that_of_vertex(home: Path) -> None:
    environ = written(home, "user")
    found = options({"vertexai": True}, environ)
    assert found.base_url == "https://aiplatform.googleapis.com"
    assert found.api_version == "v1beta1"
    assert (found.model, found.tier and found.tier.name) == ("of-user", "tier2")


def test_an_address_of_a_file_is_checked_and_named(home: Path) -> None:
    file = home / "other.toml"
    file.write_text('[providers.gemini]\nbase_url = "nowhere"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"base_url \({file}:2\) is 'nowhere'"):
        options({"config": file}, {})
    file.write_text('[providers.gemini]\napi_version = "v9"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"api_version 'v9' does not exist \({file}:2\); use"):
        options({"config": file}, {})


# --- the tier --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "tier"),
    [
        ({}, "free"),
        ({"base_url": "http://127.0.0.1:1"}, None),
        ({"base_url": "http://127.0.0.1:1", "tier": "free"}, "free"),
        ({"base_url": GOOGLE}, "free"),
        ({"vertexai": True, "project": "p", "location": "us-central1"}, "free"),
    ],
)
def test_free_is_googles_default(home: Path, given: dict[str, Any], tier: str | None) -> None:
    found = options(given, {})
    assert (found.tier and found.tier.name) == tier
    assert found.warnings == ()


def test_a_transport_of_the_callers_has_no_tier_unless_it_is_named() -> None:
    client = async_client(scripted())
    assert (client.options.tier, client.options.tier_origin) == (None, "none")
    named = async_client(scripted(), tier="Free")
    assert named.options.tier is not None
    assert named.options.tier.limits_of("gemini-2.5-pro") == Limits(
        rpm=2, tpm=125_000, rpd=50, concurrency=2
    )


def test_a_tier_may_be_given_whole() -> None:
    tier = Tier(name="mine", provider="gemini", limits=Limits(rpm=1))
    found = resolve_options({"tier": tier}, {"GEMINI_TIER": "free"})
    assert (found.tier, found.tier_origin) == (tier, "given")


def test_the_numbers_of_a_file_are_the_tiers(home: Path) -> None:
    file = home / "project" / "gemstream.toml"
    file.write_text("[providers.gemini.tiers.free]\nrpm = 3\n", encoding="utf-8")
    tier = options({}, {}).tier
    assert tier is not None
    assert tier.limits_of("gemini-2.5-flash").rpm == 3


@pytest.mark.parametrize("tier", [5, b"free", True, ["free"]])
def test_what_names_no_tier_is_refused(tier: Any) -> None:
    with pytest.raises(ConfigError, match=r"tier is .*; pass the name of one, as 'free'"):
        resolve_options({"tier": tier}, {})


def test_an_unknown_tier_is_free_with_a_warning_logged_once(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        client = AsyncClient("key", tier="payasyougoo")
        assert client.options.tier is not None
        assert client.options.tier.name == "free"
    assert caplog.messages == [
        "gemini has no tier 'payasyougoo' (given): free is used; did you mean tier1?"
    ]


def test_a_repr_names_the_tier_and_its_origin() -> None:
    shown = repr(resolve_options({"tier": "Free"}, {}))
    assert "tier='free' (given)" in shown
    assert "tier=None (none)" in repr(resolve_options({"base_url": "http://h"}, {}))
    assert repr(resolve_options({}, {}, backend=Backend(vertexai=True), vertex_url="https://h"))
