"""What a Live setup cannot hold, told before it is sent.

Source: https://ai.google.dev/api/live#BidiGenerateContentSetup (fields of the generation config
that are not supported).
"""

from __future__ import annotations

from ...errors import DecodeError, InvalidRequest
from ...wire.codec import from_plain, to_plain
from ...wire.generation_config import GenerationConfig
from ...wire.live.setup import LiveSetup

__all__ = ("NOT_IN_LIVE", "check_setup", "typed_setup")

# Attribute → what a program may do instead.
NOT_IN_LIVE = {
    "response_logprobs": "Live tells no log probabilities",
    "logprobs": "Live tells no log probabilities",
    "response_mime_type": "ask for the form in the system instruction, or use generate",
    "response_schema": "ask for the form in the system instruction, or use generate",
    "response_json_schema": "ask for the form in the system instruction, or use generate",
    "stop_sequences": "stop by interrupting the turn",
    "routing_config": "name the model",
    "model_selection_config": "name the model",
}


def check_setup(setup: LiveSetup, *, is_constrained: bool = False) -> None:
    """Raise InvalidRequest for a setup that the service refuses for any model.

    ``is_constrained``: the session is opened with an ephemeral token, which may name the model.
    """
    typed = typed_setup(setup)
    if not typed.model and not is_constrained:
        raise InvalidRequest("a Live session needs a model, as 'models/gemini-3.8-live'")
    if typed.generation_config is not None:
        _check_config(typed.generation_config)


def typed_setup(setup: LiveSetup) -> LiveSetup:
    """Return ``setup`` with messages in the places where a program gave plain dicts.

    Raises InvalidRequest for one that holds values of wrong types.
    """
    try:
        return from_plain(to_plain(setup), LiveSetup)
    except (DecodeError, TypeError) as error:
        said = str(error).replace("the service sent", "not")
        raise InvalidRequest(f"the setup cannot be sent: {said}") from None


def _check_config(config: GenerationConfig) -> None:
    for name, instead in NOT_IN_LIVE.items():
        if getattr(config, name):
            raise InvalidRequest(f"{name} cannot be used in a Live session; {instead}")
    if config.candidate_count is not None and config.candidate_count > 1:
        raise InvalidRequest(
            f"candidate_count is {config.candidate_count}; a Live session has one voice, so leave "
            "it out or set it to 1"
        )
