"""The built-in model: a request in, candidates out, always the same for the same request.

It counts when asked to count, fills a JSON schema, calls a declared function that the prompt
names, tells what a function returned and what a file is, and otherwise repeats the prompt.
Thinking, token limit, stop sequences and the number of candidates are honoured, the service's own
tools leave their traces, and a wish in the prompt gives the answer another end or shape.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec

from ...wire.codec import encode
from ...wire.content import Part
from ...wire.generation_config import GenerationConfig, ThinkingConfig
from ...wire.request import GenerateContentRequest
from ...wire.response import Candidate, FinishReason
from .answer import Draft
from .citations import citations_of, unsafe_ending
from .counting import count_asked_for
from .function_calls import call_parts, functions_to_call, result_text
from .grounding import computation, fetched_pages, run_size, runs_code, search_results, searches
from .pictures import picture, sound
from .prompt import file_description, function_results, media_of, prompt_text
from .schema_filler import SchemaFiller
from .signature import signature_of
from .text_pieces import shortened
from .token_count import (
    CHARACTERS_PER_TOKEN,
    TOKENS_PER_FILE,
    answer_size,
    tokens_of_size,
)
from .wishes import Wish, wishes_of, without_wishes

__all__ = ("compose", "json_schema_of")


def compose(request: GenerateContentRequest, *, output_limit: int, seed: int) -> list[Draft]:
    """Return the candidates that answer ``request``, at most ``output_limit`` tokens each.

    Raises SchemaTooComplex.
    """
    config = request.generation_config or GenerationConfig()
    limit = min(config.max_output_tokens or output_limit, output_limit)
    wishes = wishes_of(prompt_text(request.contents))
    plain = msgspec.structs.replace(request, contents=without_wishes(request.contents))
    return [
        _draft(_Task(plain, config, limit, f"{seed}|{config.seed}|{index}", index, wishes))
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
    wishes: frozenset[Wish]

    @property
    def prompt(self) -> str:
        return prompt_text(self.request.contents)


def _draft(task: _Task) -> Draft:
    thoughts, hidden = _thoughts(task)
    spent = tokens_of_size(hidden + sum(map(answer_size, thoughts)))
    parts, finish = _kept(_parts(task), task.config, max(0, task.limit - spent))
    if Wish.SIGNATURE_LAST in task.wishes:
        parts.append(Part(text="", thought_signature=signature_of(_digest(task), "")))
    draft = Draft(
        [*thoughts, *parts],
        finish,
        hidden,
        closing=_closing(task, parts, len(thoughts)),
        wishes=task.wishes,
        tool_tokens=_tool_tokens(task, parts),
    )
    return _ended(draft, task)


def _kept(
    parts: list[Part], config: GenerationConfig, limit: int
) -> tuple[list[Part], FinishReason]:
    """Return what of ``parts`` is said before a stop sequence or the limit, and what ends it."""
    room = limit * CHARACTERS_PER_TOKEN
    kept: list[Part] = []
    for part in parts:
        text = _until_stop(part.text or "", config)
        if not part.is_plain_text:
            if answer_size(part) > room:  # half a function call is none
                return kept, FinishReason.MAX_TOKENS
            kept.append(part)
        elif shown := shortened(text, room):
            kept.append(Part(text=shown))
            if shown != text:
                return kept, FinishReason.MAX_TOKENS
        elif text:
            return kept, FinishReason.MAX_TOKENS
        if part.is_plain_text and text != part.text:
            return kept, FinishReason.STOP
        room -= answer_size(part)
    return kept, FinishReason.STOP


def _parts(task: _Task) -> list[Part]:
    if results := function_results(task.request.contents):
        return [Part(text=_varied(result_text(results), task))]
    if functions := functions_to_call(task.request, task.prompt):
        return call_parts(functions, task.prompt, seed=task.seed)
    modalities = task.config.response_modalities
    if "AUDIO" in modalities:
        return [sound()]
    image = _image(task)
    if image and modalities and "TEXT" not in modalities:
        return image
    if runs_code(task.request.tools):
        return [*computation(task.prompt), *image]
    write = _WRITERS.get(task.config.response_mime_type or "", _write_text)
    return [Part(text=write(task)), *image]


def _image(task: _Task) -> list[Part]:
    is_large = Wish.LARGE_IMAGE in task.wishes
    if not is_large and "IMAGE" not in task.config.response_modalities:
        return []
    return [picture(task.config.image_config, seed=task.seed + task.prompt, is_large=is_large)]


def _closing(task: _Task, parts: list[Part], thoughts: int) -> Candidate:
    """Return what the last chunk tells about the text: sources, searches, pages."""
    place, text = next(((at, part.text) for at, part in enumerate(parts) if part.text), (0, ""))
    if not text:
        return Candidate()
    tools = task.request.tools
    is_cited = Wish.CITATIONS in task.wishes or Wish.RECITATION in task.wishes
    query = task.prompt or "nothing"
    grounding = search_results(query, text, thoughts + place) if searches(tools) else None
    return Candidate(
        citation_metadata=citations_of(text) if is_cited else None,
        grounding_metadata=grounding,
        url_context_metadata=fetched_pages(tools, task.prompt),
    )


def _tool_tokens(task: _Task, parts: list[Part]) -> int:
    """Return what the service's tools brought: pages count as files, code and output as text."""
    pages = fetched_pages(task.request.tools, task.prompt)
    fetched = TOKENS_PER_FILE * len(pages.url_metadata if pages else ())
    return fetched + tokens_of_size(sum(map(run_size, parts)))


def _ended(draft: Draft, task: _Task) -> Draft:
    """Return ``draft`` with the end that is wished for, if any."""
    replace = msgspec.structs.replace
    if Wish.MALFORMED_CALL in task.wishes:
        name = next(
            (one.name for tool in task.request.tools for one in tool.function_declarations), "f"
        )
        return replace(
            draft,
            parts=[part for part in draft.parts if part.thought],
            finish_reason=FinishReason.MALFORMED_FUNCTION_CALL,
            closing=Candidate(finish_message=f"Malformed function call: print(default_api.{name}("),
        )
    if Wish.SAFETY in task.wishes:
        return replace(draft, finish_reason=FinishReason.SAFETY, closing=unsafe_ending())
    if Wish.RECITATION in task.wishes:
        return replace(draft, finish_reason=FinishReason.RECITATION)
    return draft


def _digest(task: _Task) -> bytes:
    return hashlib.blake2b(encode(task.request) + task.seed.encode(), digest_size=32).digest()


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
    thinking = task.config.thinking_config or ThinkingConfig()
    if Wish.THOUGHTS in task.wishes:
        thinking = msgspec.structs.replace(thinking, include_thoughts=True)
    if not _thinks(thinking):
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
