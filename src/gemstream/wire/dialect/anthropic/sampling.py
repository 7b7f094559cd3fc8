"""Sampling, thinking and the answer's format → Gemini's ``generationConfig``.

Source: https://docs.anthropic.com/en/api/messages.
"""

from __future__ import annotations

import msgspec

from ....errors import InvalidRequest
from ...codec import JSONObject, encode, to_plain
from ...generation_config import ThinkingConfig
from ..json_schema import to_json_schema
from ..model_traits import ThinkingKind
from ..openapi_schema import to_openapi_schema
from ..thinking import Effort, thinking_for_budget, thinking_for_effort
from .fields import Fields
from .options import MessagesOptions
from .report import Report

__all__ = ("Thinking", "answer_format", "read_thinking", "sampling_config")

_MAX_STOPS = 5
_MIN_BUDGET = 1024
_COOLEST = 1.0  # below it Gemini 3 may loop: https://ai.google.dev/gemini-api/docs/gemini-3
_KINDS = ("enabled", "adaptive", "disabled", "between_tools")
_EFFORTS = ("low", "medium", "high", "xhigh", "max")


class Thinking(msgspec.Struct, frozen=True):
    """``config`` is the thinkingConfig, empty for the model's own way; ``is_shown``: to callers."""

    config: JSONObject = {}
    is_shown: bool = True


def sampling_config(
    body: Fields, options: MessagesOptions, report: Report, *, counts_only: bool = False
) -> JSONObject:
    """Return the generationConfig of what ``body`` says of sampling.

    ``counts_only``: tokens are counted, so ``max_tokens`` may be absent.
    """
    longest = body.integer("max_tokens", least=1)
    if longest is None and not counts_only:
        raise body.missing("max_tokens", "1024")
    temperature = body.number("temperature", least=0, most=1)
    if temperature is not None and temperature < _COOLEST and options.traits.needs_signatures:
        report.warn(f"temperature below {_COOLEST} may make {options.model} loop")
    config = {
        "maxOutputTokens": longest,
        "temperature": temperature,
        "topP": body.number("top_p", least=0, most=1),
        "topK": body.integer("top_k", least=0),
        "stopSequences": _stops(body),
    }
    return {name: value for name, value in config.items() if value is not None}


def read_thinking(body: Fields, options: MessagesOptions, report: Report) -> Thinking:
    """Return how the model shall think, of ``thinking`` and ``output_config.effort``.

    Raises InvalidRequest for a budget below 1024 or not below ``max_tokens``, as Anthropic.
    """
    thinking = body.object("thinking") or Fields({}, body.place("thinking"))
    kind = thinking.choice("type", _KINDS)
    if kind is None and thinking.plain:
        raise thinking.missing("type", "'adaptive'")
    display = thinking.choice("display", ("summarized", "omitted"))
    is_shown = display != "omitted"
    output = body.object("output_config")
    effort = None if output is None else output.choice("effort", _EFFORTS)
    budget = _budget(thinking, body) if kind == "enabled" else None
    if options.traits.kind is ThinkingKind.NONE:
        for name in ("thinking" if kind else None, "output_config.effort" if effort else None):
            if name and kind != "disabled":
                report.drop(name)
        return Thinking(is_shown=is_shown)
    show = is_shown if kind in ("enabled", "adaptive", "between_tools") else None
    wanted = Effort.NONE if kind == "disabled" else Effort(effort) if effort else None
    if budget is not None:
        found = thinking_for_budget(budget, options.traits, include_thoughts=show)
    else:
        found = thinking_for_effort(wanted, options.traits, include_thoughts=show)
    if kind == "between_tools":
        report.warn("Gemini chooses itself where to think: between_tools is taken for adaptive")
    return Thinking(to_plain(found or ThinkingConfig()), is_shown)


def answer_format(
    body: Fields, options: MessagesOptions, report: Report, *, has_functions: bool
) -> tuple[JSONObject, str | None]:
    """Return what the format adds to the generationConfig, or the instruction that stands for it.

    A model before Gemini 3 takes no format beside functions: it is told in words.
    """
    format = _format(body)
    if format is None:
        return {}, None
    if format.choice("type", ("json_schema",)) is None:
        raise format.missing("type", "'json_schema'")
    schema = format.required_object("schema", '{"type": "object", "properties": {…}}').plain
    for field in format.unread():
        report.drop(field)
    if has_functions and not options.traits.mixes_tools:
        report.warn(
            f"{options.model} takes no output format beside tools: it is in the system instruction"
        )
        said = encode(schema).decode()
        return {}, f"Answer with JSON and nothing else, valid under this JSON Schema: {said}"
    return {"responseMimeType": "application/json", **_shape(format, schema, options)}, None


def _format(body: Fields) -> Fields | None:
    """Return the format; it stood beside ``output_config`` while it was a beta."""
    output = body.object("output_config")
    older = body.object("output_format")
    inner = None if output is None else output.object("format")
    return inner or older


def _shape(format: Fields, schema: JSONObject, options: MessagesOptions) -> JSONObject:
    try:
        if options.traits.takes_json_schema:
            return {"responseJsonSchema": to_json_schema(schema)}
        converted = to_openapi_schema(schema, is_vertex=options.is_vertex, is_ordered=True)
    except InvalidRequest as error:
        raise format.fault("schema", str(error)) from None
    return {"responseSchema": converted}


def _budget(thinking: Fields, body: Fields) -> int:
    budget = thinking.integer("budget_tokens", least=_MIN_BUDGET)
    if budget is None:
        raise thinking.missing("budget_tokens", str(_MIN_BUDGET))
    longest = body.integer("max_tokens", least=1)
    if longest is not None and budget >= longest:
        raise thinking.fault(
            "budget_tokens", f"is {budget}: it must be less than max_tokens, {longest}"
        )
    return budget


def _stops(body: Fields) -> list[str] | None:
    stops = body.items("stop_sequences")
    for index, stop in enumerate(stops):
        if not isinstance(stop, str):
            raise body.fault(f"stop_sequences.{index}", f"must be text, not {stop!r:.60}")
    if len(stops) > _MAX_STOPS:
        raise body.fault(
            "stop_sequences", f"has {len(stops)} of them: Gemini takes {_MAX_STOPS} at most"
        )
    return [stop for stop in stops if stop] or None
