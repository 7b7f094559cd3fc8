"""What a token may be asked for, judged without a clock and before anything is sent."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from gemstream.errors import InvalidRequest
from gemstream.policy.live.token_request import Lock, check_uses, moment_of

TOO_LATE = 20 * 3600
NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
INDIA = timezone(timedelta(hours=5, minutes=30))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, None),
        (90, "2026-05-01T12:01:30.000Z"),
        (0.25, "2026-05-01T12:00:00.250Z"),
        (timedelta(minutes=30), "2026-05-01T12:30:00.000Z"),
        (datetime(2026, 5, 1, 18, 30, tzinfo=INDIA), "2026-05-01T13:00:00.000Z"),
        (TOO_LATE - 1, "2026-05-02T07:59:59.000Z"),
    ],
)
def test_a_moment_is_told_in_utc(given: Any, said: str | None) -> None:
    assert moment_of("expire", given, NOW) == said


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (0, "has passed"),
        (-1, "has passed"),
        (-math.inf, "has passed"),
        (timedelta(), "has passed"),
        (NOW - timedelta(seconds=1), "has passed"),
        (TOO_LATE, "less than 20 hours"),
        (1e300, "less than 20 hours"),
        (math.inf, "less than 20 hours"),
        (timedelta(days=1), "less than 20 hours"),
        (NOW + timedelta(hours=20), "less than 20 hours"),
        (datetime(2026, 5, 1, 13, 0), "without time zone"),
        (math.nan, "it takes seconds"),
        (True, "it takes seconds"),
        ("1h", "it takes seconds"),
    ],
)
def test_a_moment_that_cannot_be_is_refused(given: Any, words: str) -> None:
    with pytest.raises(InvalidRequest, match=f"^expire is .*{words}"):
        moment_of("expire", given, NOW)


@pytest.mark.parametrize("uses", [-1, 2**31, 1.0, True, "1", None])
def test_uses_are_counted(uses: Any) -> None:
    check_uses(0)
    with pytest.raises(InvalidRequest, match=r"uses is .* 0 for no limit"):
        check_uses(uses)


def test_a_mask_is_written_as_json_names_the_fields() -> None:
    lock = Lock(
        [
            "model",
            "generation_config.temperature",
            "generation_config.speech_config.voice_config",
            "tools",
            "model",
        ]
    )
    assert lock.mask == (
        "model,generationConfig.temperature,generationConfig.speechConfig.voiceConfig,tools"
    )


@pytest.mark.parametrize(
    ("paths", "words"),
    [
        (["modle"], "did you mean 'model'"),
        (["temperature"], "did you mean 'generation_config.temperature'"),
        (["generation_config.temprature"], "did you mean 'generation_config.temperature'"),
        (["generationConfig"], "did you mean 'generation_config'"),
        (["voice_config"], "did you mean 'generation_config.speech_config.voice_config'"),
        (["tools.function_declarations"], "no field of a Live setup"),
        (["labels.a"], "no field of a Live setup"),
        (["xyz"], "there are model, generation_config, "),
        (["extra"], "no field of a Live setup"),
        ([""], "no field of a Live setup"),
        ([1], "attributes joined by dots"),
        ([], "names no field"),
        ("model", "a list of fields"),
        ({"model"}, "a list of fields"),
    ],
)
def test_a_lock_of_what_is_no_field_names_the_nearest(paths: Any, words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        Lock(paths)


@pytest.mark.parametrize(
    ("paths", "setup", "words"),
    [
        (["model"], {"model": "models/m", "tools": [{}]}, "^tools: given but not locked"),
        (
            ["generation_config.top_k"],
            {"generationConfig": {"topK": 1, "topP": 0.5}},
            r"^generation_config\.top_p: given but not locked",
        ),
        (["model", "tools"], {"tools": [{}]}, "the model is locked but not given"),
    ],
)
def test_what_would_have_no_effect_is_refused(
    paths: list[str], setup: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidRequest, match=words):
        Lock(paths).check(setup)


@pytest.mark.parametrize(
    ("paths", "setup"),
    [
        (["model", "tools"], {"model": "models/m"}),  # nobody adds tools
        (["generation_config"], {"generationConfig": {"topK": 1, "topP": 0.5}}),
        (["system_instruction"], {"systemInstruction": {"parts": [{"text": "a"}]}}),
        (["labels"], {"labels": {"a": "b"}}),
    ],
)
def test_what_is_locked_may_be_given_or_not(paths: list[str], setup: dict[str, Any]) -> None:
    Lock(paths).check(setup)
