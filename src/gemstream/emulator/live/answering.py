"""The built-in model asked in a Live session: setup and history in, parts out; pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ...config.models import KnownModel
from ...wire.content import Content, Part
from ...wire.generation_config import GenerationConfig
from ...wire.live.setup import LiveSetup
from ...wire.request import GenerateContentRequest
from ..builtin.responder import compose

__all__ = ("answer_parts", "request_of", "speaks")


def speaks(setup: LiveSetup) -> bool:
    """True unless the setup asks for text: the service's own choice is audio."""
    config = setup.generation_config
    return "TEXT" not in (config.response_modalities if config else ())


def request_of(setup: LiveSetup, history: Sequence[Content]) -> GenerateContentRequest:
    """Return what would ask the same without a session, in writing."""
    config = setup.generation_config or GenerationConfig()
    return GenerateContentRequest(
        contents=list(history),
        system_instruction=setup.system_instruction,
        tools=setup.tools,
        generation_config=msgspec.structs.replace(config, response_modalities=()),
    )


def answer_parts(request: GenerateContentRequest, model: KnownModel, seed: int) -> Sequence[Part]:
    """Return the parts of the built-in answer: thoughts, text, function calls."""
    (draft,) = compose(request, output_limit=model.output_token_limit, seed=seed)
    return draft.parts
