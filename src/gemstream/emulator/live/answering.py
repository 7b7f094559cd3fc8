"""The built-in model asked in a Live session: setup and history in, parts out; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from ...config.models import KnownModel
from ...wire.content import Content, Part
from ...wire.generation_config import GenerationConfig
from ...wire.live.client_message import ContextUpdate
from ...wire.live.setup import LiveSetup
from ...wire.request import GenerateContentRequest
from ..builtin.responder import compose
from ..builtin.token_count import request_tokens
from .ear import Heard

__all__ = ("answer_parts", "changed", "prompt_tokens", "request_of", "speaks")


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


def prompt_tokens(setup: LiveSetup, history: Sequence[Content]) -> Mapping[str, int]:
    """Return the tokens of all that is asked, by modality: what was heard counts as sound."""
    written = [content for content in history if not isinstance(content, Heard)]
    tokens = dict(request_tokens(request_of(setup, written)))
    for content in history:
        for modality, count in content.tokens.items() if isinstance(content, Heard) else ():
            tokens[modality] = tokens.get(modality, 0) + count
    return tokens


def changed(setup: LiveSetup, update: ContextUpdate) -> LiveSetup:
    """Return ``setup`` with the instruction and the tools that hold from now on."""
    instruction = update.system_instruction or setup.system_instruction
    tools = setup.tools if update.tools is None else update.tools.tools
    return msgspec.structs.replace(setup, system_instruction=instruction, tools=tools)


def answer_parts(request: GenerateContentRequest, model: KnownModel, seed: int) -> Sequence[Part]:
    """Return the parts of the built-in answer: thoughts, text, function calls."""
    (draft,) = compose(request, output_limit=model.output_token_limit, seed=seed)
    return draft.parts
