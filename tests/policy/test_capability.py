"""What a model can do, by its name."""

from __future__ import annotations

import pytest

from gemstream.config.models import KnownModel, ModelCatalog, bundled_models
from gemstream.policy.capability import (
    answers_live_only,
    can_write_live,
    supports_live,
    supports_streaming,
)


@pytest.mark.parametrize(
    ("model", "streams"),
    [
        ("gemini-2.5-flash", True),
        ("models/gemini-2.5-flash", True),
        ("publishers/google/models/gemini-2.5-flash", True),
        ("gemini-2.5-flash-image", True),
        ("gemini-3.8-live", True),
        ("gemma-4-31b-it", True),
        ("unknown-model", True),
        ("tunedModels/gemini-embedding-001", True),
        ("", True),
        ("gemini-embedding-001", False),
        ("models/gemini-embedding-2", False),
        ("publishers/google/models/gemini-embedding-001", False),
        ("text-embedding-004", False),
        ("imagen-4.0-generate-001", False),
        ("models/veo-3.1-generate-preview", False),
    ],
)
def test_only_models_known_not_to_stream_do_not(model: str, streams: bool) -> None:
    assert supports_streaming(model, bundled_models()) is streams


def test_every_listed_model_says_whether_it_streams() -> None:
    catalog = bundled_models()
    for known in catalog.models:
        assert supports_streaming(known.name, catalog) is any(
            method.removeprefix("stream").lower().startswith(("generatecontent", "bidi"))
            for method in known.methods
        )


@pytest.mark.parametrize(
    ("model", "is_live"),
    [
        ("gemini-3.8-live", True),
        ("models/gemini-live-2.5-flash-native-audio", True),
        ("gemini-9-live-preview", True),
        ("publishers/google/models/gemini-9-streaming", True),
        ("projects/p/locations/l/publishers/google/models/gemini-9-live", True),
        ("gemini-2.0-flash-exp", False),
        ("gemini-9-flash-exp", False),
        ("gemini-2.5-flash", False),
        ("gemini-9-lively", False),
        ("tunedModels/my-live-model", False),
        ("projects/p/locations/l/endpoints/live", False),
        ("", False),
    ],
)
def test_live_models_are_those_listed_and_those_named_so(model: str, is_live: bool) -> None:
    assert supports_live(model, bundled_models()) is is_live
    assert answers_live_only(model, bundled_models()) is is_live


def test_a_model_that_knows_both_methods_is_asked_without_a_session() -> None:
    both = KnownModel("gemini-9-live", ["generateContent", "bidiGenerateContent"])
    catalog = ModelCatalog("a", "b", "c", [both])
    assert supports_live("gemini-9-live", catalog)
    assert not answers_live_only("gemini-9-live", catalog)


def test_a_model_writes_in_a_session_only_when_that_is_known() -> None:
    writing = {one.name for one in bundled_models().models if one.writes_live}
    assert writing == {"gemini-2.0-flash-live"}
    assert can_write_live("models/gemini-2.0-flash-live", bundled_models())
    assert not can_write_live("gemini-9-live", bundled_models())
