"""What a model can do, by its name."""

from __future__ import annotations

import pytest

from gemstream.config.models import bundled_models
from gemstream.policy.capability import is_live, supports_streaming


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


@pytest.mark.parametrize(
    ("model", "live"),
    [
        ("gemini-3.8-live", True),
        ("models/gemini-2.0-flash-live", True),
        ("gemini-3.1-flash-live-preview", True),
        ("gemini-2.5-flash", False),
        ("models/olive", False),
    ],
)
def test_live_models_are_told_by_their_name(model: str, live: bool) -> None:
    assert is_live(model, bundled_models()) is live


def test_every_listed_model_says_whether_it_streams() -> None:
    catalog = bundled_models()
    for known in catalog.models:
        assert supports_streaming(known.name, catalog) is any(
            method.removeprefix("stream").lower().startswith(("generatecontent", "bidi"))
            for method in known.methods
        )
