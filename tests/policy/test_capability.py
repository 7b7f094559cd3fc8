"""What a model can do, by its name."""

from __future__ import annotations

import pytest

from gemstream.config.models import bundled_models
from gemstream.policy.capability import supports_streaming


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
