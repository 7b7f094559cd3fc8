"""What calls took and used, as points of the conventions' instruments."""

from __future__ import annotations

from typing import Any

import pytest

from gemstream.telemetry import Outcome, semconv
from telemetry.exported import Exported
from telemetry.told import IDENTITY, QUOTA, ended, failed_once, one_call, started, stream, tell

MODEL = {"gen_ai.response.model": "gemini-2.5-flash-001"}
USAGE = {
    "prompt_token_count": 30,
    "tool_use_prompt_token_count": 5,
    "candidates_token_count": 7,
    "thoughts_token_count": 3,
    "cached_content_token_count": 20,
    "prompt_tokens_details": [
        {"modality": "TEXT", "token_count": 10},
        {"modality": "DOCUMENT", "token_count": 20},
    ],
    "tool_use_prompt_tokens_details": [{"modality": "TEXT", "token_count": 5}],
    "candidates_tokens_details": [{"modality": "TEXT", "token_count": 7}],
}


@pytest.fixture
def exported() -> Exported:
    return Exported()


def test_a_call_gives_its_duration_and_its_tokens(exported: Exported) -> None:
    end = {"usage": USAGE, "response_model": "gemini-2.5-flash-001"}
    tell(exported.hook(), one_call(**end))
    point = IDENTITY | MODEL
    assert exported.metrics == {
        "gen_ai.client.operation.duration": [(point, 2.0)],
        "gen_ai.client.token.usage": [
            (point | {"gen_ai.token.type": "input"}, 35),
            (point | {"gen_ai.token.type": "output"}, 10),
        ],
    }


def test_a_stream_gives_the_time_to_its_first_chunk_and_between_chunks(exported: Exported) -> None:
    tell(exported.hook(), stream())
    assert exported.metrics == {
        "gen_ai.client.operation.duration": [(IDENTITY, 2.0)],
        "gen_ai.client.operation.time_to_first_chunk": [(IDENTITY, 0.25)],
        "gen_ai.client.operation.time_per_output_chunk": [(IDENTITY, 1.25)],
    }
    (gaps,) = (
        one for one in exported.instruments if one.name == semconv.CLIENT_TIME_PER_OUTPUT_CHUNK
    )
    assert gaps.data.data_points[0].count == 2


def test_a_failure_is_told_by_the_duration(exported: Exported) -> None:
    tell(exported.hook(), failed_once())
    failed = IDENTITY | {"error.type": "429"}
    assert exported.metrics == {"gen_ai.client.operation.duration": [(failed, 2.0)]}


def test_the_opt_in_adds_the_newer_token_metrics(
    exported: Exported, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", "http, gen_ai_latest_experimental")
    tell(exported.hook(), one_call(usage=USAGE))
    metrics = exported.metrics
    assert metrics.pop("gen_ai.client.operation.duration") == [(IDENTITY, 2.0)]
    assert len(metrics.pop("gen_ai.client.token.usage")) == 2

    def share(modality: str) -> dict[str, Any]:
        return IDENTITY | {"gen_ai.token.modality": modality}

    assert metrics == {
        "gen_ai.client.inference.usage.input_tokens": [
            (share("text"), 15),
            (share("document"), 20),
        ],
        "gen_ai.client.inference.usage.output_tokens": [(share("text"), 7), (share("unknown"), 3)],
        "gen_ai.client.inference.usage.cache_read.input_tokens": [(share("unknown"), 20)],
        "gen_ai.client.inference.usage.reasoning.output_tokens": [(share("unknown"), 3)],
        "gen_ai.client.inference.operation.input_tokens": [(IDENTITY, 35)],
        "gen_ai.client.inference.operation.output_tokens": [(IDENTITY, 10)],
    }


def test_a_failure_counts_as_no_tokens_of_unknown_modality(
    exported: Exported, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", "gen_ai_latest_experimental")
    tell(exported.hook(), [started(), ended(outcome=Outcome.FAILED, error=QUOTA)])
    unknown = IDENTITY | {"gen_ai.token.modality": "unknown"}
    failed = IDENTITY | {"error.type": "429"}
    assert exported.metrics == {
        "gen_ai.client.operation.duration": [(failed, 2.0)],
        "gen_ai.client.inference.usage.input_tokens": [(unknown, 0)],
        "gen_ai.client.inference.usage.output_tokens": [(unknown, 0)],
        "gen_ai.client.inference.operation.input_tokens": [(failed, 0)],
        "gen_ai.client.inference.operation.output_tokens": [(failed, 0)],
    }


# As the conventions print them.
SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64)
SECONDS += (1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
TOKENS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536)
TOKENS += (262144, 1048576, 4194304, 16777216, 67108864)

# The API's method → the types of tokens that are counted, opted in or not.
SPENDING = [
    ("generateContent", ["input", "output"]),
    ("batchEmbedContents", ["input"]),
    ("countTokens", []),
]


@pytest.mark.parametrize("opt_in", ["", "gen_ai_latest_experimental"])
@pytest.mark.parametrize(("method", "types"), SPENDING)
def test_only_what_uses_tokens_counts_them(
    method: str, types: list[str], opt_in: str, exported: Exported, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", opt_in)
    usage = {"prompt_token_count": 3}
    if "output" in types:
        usage["candidates_token_count"] = 4
    tell(exported.hook(), one_call({"operation": method}, usage=usage))
    points = exported.metrics.get("gen_ai.client.token.usage", [])
    assert [point["gen_ai.token.type"] for point, _ in points] == types
    is_inference = method == "generateContent" and bool(opt_in)
    assert any("client.inference" in name for name in exported.metrics) is is_inference


def test_the_buckets_are_those_of_the_conventions(
    exported: Exported, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", "gen_ai_latest_experimental")
    tell(exported.hook(), [*stream(), *one_call(usage=USAGE)])
    bounds = {
        one.name: (one.unit, one.data.data_points[0].explicit_bounds)
        for one in exported.instruments
        if hasattr(one.data.data_points[0], "explicit_bounds")
    }
    assert bounds == {
        "gen_ai.client.operation.duration": ("s", SECONDS),
        "gen_ai.client.operation.time_to_first_chunk": ("s", SECONDS),
        "gen_ai.client.operation.time_per_output_chunk": ("s", SECONDS),
        "gen_ai.client.token.usage": ("{token}", TOKENS),
        "gen_ai.client.inference.operation.input_tokens": ("{token}", TOKENS),
        "gen_ai.client.inference.operation.output_tokens": ("{token}", TOKENS),
    }
    assert (*SECONDS, 163.84, 327.68, 655.36) == semconv.LONG_DURATION_BUCKETS
