"""The sampling fields of a chat request → Gemini's ``generationConfig``."""

from __future__ import annotations

from ...codec import JSONObject
from .fields import Fields

__all__ = ("MAX_CANDIDATES", "sampling_config")

MAX_CANDIDATES = 8
_MAX_STOPS = 5
_MAX_LOGPROBS = 20
_MODALITIES = ("text", "audio", "image")
_AUDIO_FORMAT = "pcm16"


def sampling_config(body: Fields) -> JSONObject:
    """Return the generationConfig of what ``body`` says of sampling; nothing for what it leaves."""
    # Both are read, so that the one which does not count is no stranger either.
    longest = body.integer("max_tokens", least=1)
    newer = body.integer("max_completion_tokens", least=1)
    candidates = body.integer("n", least=1, most=MAX_CANDIDATES)
    config = {
        "maxOutputTokens": longest if newer is None else newer,
        "temperature": body.number("temperature"),
        "topP": body.number("top_p"),
        "topK": body.number("top_k"),
        "candidateCount": None if candidates == 1 else candidates,
        "stopSequences": _stops(body),
        "seed": _seed(body),
        "presencePenalty": body.number("presence_penalty"),
        "frequencyPenalty": body.number("frequency_penalty"),
        **_logprobs(body),
        **_modalities(body),
    }
    return {name: value for name, value in config.items() if value is not None}


def _stops(body: Fields) -> list[str] | None:
    value = body.value("stop")
    stops = [value] if isinstance(value, str) else body.items("stop") or []
    for stop in stops:
        if not isinstance(stop, str):
            raise body.fault("stop", f"must be text or an array of texts, not {stop!r:.60}")
    if len(stops) > _MAX_STOPS:
        raise body.fault("stop", f"has {len(stops)} sequences: Gemini takes {_MAX_STOPS} at most")
    return [stop for stop in stops if stop] or None


def _seed(body: Fields) -> int | None:
    seed = body.integer("seed")
    # OpenAI's is 64 bits wide, Gemini's an int32: the same seed stays the same seed.
    return None if seed is None else (seed + 2**31) % 2**32 - 2**31


def _logprobs(body: Fields) -> JSONObject:
    is_wanted = body.flag("logprobs")
    top = body.integer("top_logprobs", least=0, most=_MAX_LOGPROBS)
    if top is not None and not is_wanted:
        raise body.fault("top_logprobs", "needs logprobs: set logprobs to true, too")
    return {"responseLogprobs": True if is_wanted else None, "logprobs": top or None}


def _modalities(body: Fields) -> JSONObject:
    modalities = body.items("modalities") or []
    for modality in modalities:
        if modality not in _MODALITIES:
            raise body.fault("modalities", f"has {modality!r:.60}: use {', '.join(_MODALITIES)}")
    speech = _speech(body)
    is_plain = modalities in ([], ["text"])
    return {
        "responseModalities": None if is_plain else [name.upper() for name in modalities],
        "speechConfig": speech,
    }


def _speech(body: Fields) -> JSONObject | None:
    audio = body.object("audio")
    if audio is None:
        return None
    format = audio.text("format") or _AUDIO_FORMAT
    if format != _AUDIO_FORMAT:
        raise audio.fault("format", f"is {format!r:.60}: Gemini speaks {_AUDIO_FORMAT!r} only")
    voice = audio.text("voice")
    if voice is None:
        raise audio.missing("voice", "'Kore'")
    return {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": voice}}}
