"""Which limits a command's client is told to keep, and where they are counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gemstream.cli.limit_choice import LimitChoice
from gemstream.cli.limiting import limit_options, store_of, store_shown
from gemstream.cli.session import Connection
from gemstream.config.tiers import Tier
from gemstream.telemetry import Event
from telemetry.told import started


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMSTREAM_CONFIG", "/dev/null")
    for name in ("GEMINI_TIER", "GOOGLE_GEMINI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def options(given: dict[str, Any] | None = None, **connection: Any) -> dict[str, Any]:
    return limit_options(Connection(**connection), given or {})


def test_a_recording_of_a_service_has_its_limits(tmp_path: Path) -> None:
    tier = options(recording=tmp_path / "a")["tier"]
    assert isinstance(tier, Tier)
    assert tier.name == "free"
    elsewhere = {"base_url": "http://127.0.0.1:1"}
    assert options(elsewhere, recording=tmp_path / "a")["tier"] is None
    assert options({**elsewhere, "tier": "tier1"}, recording=tmp_path / "a")["tier"].name == "tier1"


def test_the_emulator_in_process_counts_in_books_of_its_own(tmp_path: Path) -> None:
    assert options(emulate=True) == {"limits": None}
    assert options(emulate=True, tier="free")["limit_store"] is None
    recorded = options(emulate=True, tier="free", recording=tmp_path / "a")
    assert "tier" not in recorded


def test_a_wait_leaves_the_other_timeouts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.toml").write_text("[timeouts]\nidle = 7\n")
    monkeypatch.setenv("GEMSTREAM_CONFIG", str(tmp_path / "a.toml"))
    timeouts = options({"timeouts": 5.0}, limits=LimitChoice(wait=3.0))["timeouts"]
    assert (timeouts.total, timeouts.idle, timeouts.limit_wait) == (5.0, 7, 3.0)


def test_a_hook_that_is_there_stays() -> None:
    heard: list[Event] = []
    options({"on_event": heard.append})["on_event"](started())
    assert len(heard) == 1


URL = "redis://me:secret@books:6379/1"


def test_where_it_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert store_of(Connection()) == "machine"
    (tmp_path / "a.toml").write_text(f'[limits]\nstore = "{URL}"\n')
    monkeypatch.setenv("GEMSTREAM_CONFIG", str(tmp_path / "a.toml"))
    assert store_of(Connection()) == URL
    assert store_of(Connection(limits=LimitChoice(store="process"))) == "process"


@pytest.mark.parametrize(
    ("store", "shown"),
    [(URL, "redis://books:6379/1"), ("process", "process"), ("rediss://books", "rediss://books")],
)
def test_a_password_is_not_shown(store: str, shown: str) -> None:
    assert store_shown(store) == shown
