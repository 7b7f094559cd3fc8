"""What a call of ``generate`` asks, as a Live session of one turn.

A session has no place for some of what generateContent takes. That is refused here, by the name of
the option and with the way out, before anything is sent.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ...errors import DecodeError, InvalidRequest
from ...wire.codec import decode
from ...wire.content import Content
from ...wire.generation_config import GenerationConfig, Modality
from ...wire.live.client_message import ClientContent, ClientMessage, RealtimeInput
from ...wire.live.setup import HistoryConfig, LiveSetup
from ...wire.request import GenerateContentRequest
from ...wire.speech import AudioTranscriptionConfig

__all__ = ("NOT_IN_A_TURN", "SingleTurn", "not_in_a_turn", "single_turn")

_BY_WORDS = "ask for the form in the system instruction, or use a model that has generateContent"
_LOGPROBS = "Live tells no log probabilities; use a model that has generateContent"
_NAMED = "leave it out: the model is the one that is named"

# Option → what a program may do instead. Those of the request come first, then the config's; what
# ``schema`` sets beside itself stands behind it.
NOT_IN_A_TURN = {
    "tool_config": "say in the system instruction when to call which function",
    "cached_content": "give what it holds as prompt and system",
    "service_tier": "leave it out: Live has no tiers",
    "store": "leave it out: Live stores no answers",
    "continuation_token": "ask again; nothing goes on from a Live answer",
    "model_armor_config": "use a model that has generateContent",
    "response_json_schema": _BY_WORDS,
    "response_schema": _BY_WORDS,
    "response_mime_type": _BY_WORDS,
    "response_format": _BY_WORDS,
    "stop_sequences": "end the stream yourself once the words are there",
    "response_logprobs": _LOGPROBS,
    "logprobs": _LOGPROBS,
    "routing_config": _NAMED,
    "model_selection_config": _NAMED,
    "image_config": "use a model that makes pictures",
    "audio_timestamp": "use a model that has generateContent",
}
_WRITTEN_AS = {"response_json_schema": "schema (response_json_schema)"}


class SingleTurn(msgspec.Struct, frozen=True):
    """A session for one turn: its ``setup``, and the ``messages`` that ask once it is set up."""

    setup: LiveSetup
    messages: Sequence[ClientMessage]


def single_turn(
    body: bytes, *, model: str, can_write: bool, answers_content: bool = True
) -> SingleTurn:
    """Return the session that asks what ``body``, a generateContent request, asks ``model``.

    ``can_write``: the model can be asked to answer in writing; else it speaks, and its speech is
    transcribed. ``answers_content``: False for a model to which client content is history alone.
    Raises InvalidRequest for what a session has no place for.
    """
    request = _request_in(body)
    _check(request)
    config = request.generation_config or GenerationConfig()
    if not config.response_modalities:
        speaks = not can_write or config.speech_config is not None
        asked = Modality.AUDIO if speaks else Modality.TEXT
        config = msgspec.structs.replace(config, response_modalities=[asked])
    is_spoken = Modality.AUDIO in config.response_modalities
    is_history = not answers_content and len(request.contents) > 1
    setup = LiveSetup(
        model=model,
        generation_config=config,
        system_instruction=request.system_instruction,
        tools=request.tools,
        safety_settings=request.safety_settings,
        labels=request.labels,
        output_audio_transcription=AudioTranscriptionConfig() if is_spoken else None,
        history_config=HistoryConfig(initial_history_in_client_content=True)
        if is_history
        else None,
    )
    ask = _content if answers_content else _realtime
    return SingleTurn(setup, ask(request.contents))


def not_in_a_turn(name: str) -> InvalidRequest:
    """Return the error for an option that a Live session has no place for."""
    option = _WRITTEN_AS.get(name, name)
    return InvalidRequest(
        f"{option} cannot be used with a model that answers in Live sessions alone; "
        f"{NOT_IN_A_TURN[name]}"
    )


def _request_in(body: bytes) -> GenerateContentRequest:
    try:
        return decode(body, GenerateContentRequest)
    except DecodeError as error:  # only extra_body can hold values of any type
        said = str(error).replace("the service sent", "not")
        raise InvalidRequest(
            f"the request cannot be asked in a Live session: {said}; is it in extra_body?"
        ) from None


def _check(request: GenerateContentRequest) -> None:
    for name in NOT_IN_A_TURN:
        if getattr(request, name, None) or getattr(request.generation_config, name, None):
            raise not_in_a_turn(name)
    if request.extra:
        raise InvalidRequest(
            f"extra_body holds {next(iter(request.extra))!r}, which a Live session has no place "
            "for; client.live(config=LiveSetup(…)) takes a whole setup"
        )
    count = getattr(request.generation_config, "candidate_count", None) or 1
    if count > 1:
        raise InvalidRequest(
            f"candidate_count is {count}; a Live session has one voice, so leave it out or set it "
            "to 1"
        )
    if not request.contents or any(not content.parts for content in request.contents):
        raise InvalidRequest("a turn without parts says nothing; give each content at least one")


def _content(contents: Sequence[Content]) -> list[ClientMessage]:
    return [ClientMessage(client_content=ClientContent(turns=contents, turn_complete=True))]


def _realtime(contents: Sequence[Content]) -> list[ClientMessage]:
    """Return what was said before as history, and the last words as if they were said now."""
    *history, last = contents
    texts = [part.text for part in last.parts if part.is_plain_text and part.text]
    if last.role == "model" or len(texts) != len(last.parts):
        raise InvalidRequest(
            "this Live model is asked by text alone: let the prompt end with words of the user, "
            "put pictures and function responses before them, or use client.live(…)"
        )
    before = _content(history) if history else []
    return [*before, ClientMessage(realtime_input=RealtimeInput(text="\n".join(texts)))]
