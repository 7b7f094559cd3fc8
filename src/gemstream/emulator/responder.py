"""The built-in model: a request in, candidates out, always the same for the same request.

It counts when asked to count, fills a JSON schema, calls a declared function that the prompt
names, tells what a function returned and what a file is, and otherwise repeats the prompt.
Thinking, token limit, stop sequences and the number of candidates are honoured.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from ..wire.content import Part
from ..wire.generation_config import GenerationConfig, ThinkingConfig
from ..wire.request import GenerateContentRequest
from ..wire.response import FinishReason
from .answer import Draft
from .counting import count_asked_for
from .function_calls import call_parts, functions_to_call, result_text
from .prompt import file_description, function_results, media_of, prompt_text
from .schema_filler import SchemaFiller
from .text_pieces import shortened
from .token_count import CHARACTERS_PER_TOKEN, answer_size, tokens_of_size

__all__ = ("compose", "json_schema_of")


def compose(request: GenerateContentRequest, *, output_limit: int, seed: int) -> list[Draft]:
    """Return the candidates that answer ``request``, at most ``output_limit`` tokens each.

    Raises SchemaTooComplex.
    """
    config = request.generation_config or GenerationConfig()
    limit = min(config.max_output_tokens or output_limit, output_limit)
    return [
        _draft(_Task(request, config, limit, f"{seed}|{config.seed}|{index}", index))
        for index in range(config.candidate_count or 1)
    ]


def json_schema_of(config: GenerationConfig) -> Any:
    """Return the schema an answer must fit, in whichever of its three fields it came."""
    alias = (config.extra or {}).get("_responseJsonSchema")
    return config.response_json_schema or alias or config.response_schema


class _Task(msgspec.Struct, frozen=True):
    """One candidate to be made."""

    request: GenerateContentRequest
    config: GenerationConfig
    limit: int
    seed: str
    index: int

    @property
    def prompt(self) -> str:
        return prompt_text(self.request.contents)


def _draft(task: _Task) -> Draft:
    thoughts, hidden = _thoughts(task)
    parts = _parts(task)
    finish = FinishReason.STOP
    spent = tokens_of_size(hidden + sum(map(answer_size, thoughts)))
    limit = max(0, task.limit - spent)
    if len(parts) == 1 and parts[0].text is not None:
        text = _until_stop(parts[0].text, task.config)
        shown = shortened(text, limit * CHARACTERS_PER_TOKEN)
        finish = FinishReason.STOP if shown == text else FinishReason.MAX_TOKENS
        parts = [Part(text=shown)] if shown else []
    elif tokens_of_size(sum(map(answer_size, parts))) > limit:
        parts, finish = [], FinishReason.MAX_TOKENS  # half a function call is none
    return Draft([*thoughts, *parts], finish, hidden)


def _parts(task: _Task) -> list[Part]:
    if results := function_results(task.request.contents):
        return [Part(text=_varied(result_text(results), task))]
    if functions := functions_to_call(task.request, task.prompt):
        return call_parts(functions, task.prompt, seed=task.seed)
    write = _WRITERS.get(task.config.response_mime_type or "", _write_text)
    return [Part(text=write(task))]


def _write_text(task: _Task) -> str:
    size = task.limit * CHARACTERS_PER_TOKEN
    numbers = count_asked_for(task.prompt, max_characters=size)
    if numbers is not None:
        return _varied(numbers, task)
    files = ", ".join(file_description(medium) for medium in media_of(task.request.contents))
    sentences = [f"You sent {files}."] if files else []
    if task.prompt:
        sentences.append(f"You said: {task.prompt}")
    return _varied(" ".join(sentences) or "You said nothing.", task)


def _write_json(task: _Task) -> str:
    schema = json_schema_of(task.config)
    if isinstance(schema, dict):
        value = SchemaFiller(schema, seed=task.seed).fill()
    else:
        value = {"answer": _write_text(task)}
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _write_enum(task: _Task) -> str:
    schema = json_schema_of(task.config)
    value = SchemaFiller(schema, seed=task.seed).fill() if isinstance(schema, dict) else ""
    return value if isinstance(value, str) else str(value)


_WRITERS: dict[str, Callable[[_Task], str]] = {
    "application/json": _write_json,
    "text/x.enum": _write_enum,
}


def _varied(text: str, task: _Task) -> str:
    return f"Answer {task.index + 1}: {text}" if task.index else text


def _until_stop(text: str, config: GenerationConfig) -> str:
    places = [place for stop in config.stop_sequences if stop and (place := text.find(stop)) >= 0]
    return text[: min(places)] if places else text


def _thoughts(task: _Task) -> tuple[list[Part], int]:
    """Return the thought parts to be shown and the size of those that are not."""
    thinking = task.config.thinking_config
    if thinking is None or not _thinks(thinking):
        return [], 0
    text = (
        "**Reading the request**\n\n"
        f"There are {len(task.prompt)} characters to answer, in {len(task.request.contents)} "
        "turns so far.\n\n"
        "**Choosing an answer**\n\n"
        "The built-in rules decide; the first that fits wins.\n\n"
    )
    budget = thinking.thinking_budget
    allowed = task.limit if budget is None or budget < 0 else min(budget, task.limit)
    text = shortened(text, allowed * CHARACTERS_PER_TOKEN)
    if not thinking.include_thoughts or not text:
        return [], len(text)
    return [Part(text=text, thought=True)], 0


def _thinks(thinking: ThinkingConfig) -> bool:
    if thinking.thinking_budget == 0:
        return False
    wants = (thinking.include_thoughts, thinking.thinking_budget, thinking.thinking_level)
    return any(wants)
