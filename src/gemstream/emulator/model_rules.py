"""What one model or one backend refuses that another accepts.

Pure. Each rule yields what is wrong in the service's words, or fields that are unknown there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ..wire.endpoint import Operation, Route
from ..wire.generation_config import GenerationConfig, ThinkingConfig, ThinkingLevel
from ..wire.request import GenerateContentRequest
from .builtin.continuation import WHOLE_HOP_TOKENS, can_continue
from .builtin.signature import check_signatures, needs_signatures
from .refusal import invalid, unknown_fields

__all__ = ("check_for_model",)

# Smallest and largest thinking budget; below the smallest only "off" (0) and "automatic" (-1).
_BUDGETS: Mapping[str, tuple[int, int]] = {
    "gemini-2.5-pro": (128, 32_768),
    "gemini-2.5-flash": (0, 24_576),
    "gemini-2.5-flash-lite": (512, 24_576),
}
_ALWAYS_THINKS = ("gemini-2.5-pro",)
_LEVELS = frozenset({ThinkingLevel.LOW, ThinkingLevel.MEDIUM, ThinkingLevel.HIGH})
_FILES_API = re.compile(r"https?://[^/]*generativelanguage\.[^/]*/.*files/|files/")


def check_for_model(request: GenerateContentRequest, route: Route) -> None:
    """Raise InvalidArgument for what this model or this backend does not take."""
    model = (route.model or "").rpartition("/")[2]
    strangers = [*(_strange_to_vertex if route.is_vertex else _strange_to_gemini)(request)]
    if strangers:
        raise unknown_fields(strangers)
    config = request.generation_config or GenerationConfig()
    for problem in (
        *_thinking_problems(config.thinking_config, model),
        *_continuation_problems(request, config, model, route),
        *(_file_problems(request) if route.is_vertex else ()),
    ):
        raise invalid(problem)
    if needs_signatures(model):
        check_signatures(request.contents)


def _thinking_problems(thinking: ThinkingConfig | None, model: str) -> Iterator[str]:
    if thinking is None:
        return
    budget, level = thinking.thinking_budget, thinking.thinking_level
    if budget is not None and level is not None:
        yield "You can only set only one of thinking budget and thinking level."
    if budget is not None:
        yield from _budget_problems(budget, model)
    if level is not None and can_continue(model) and level not in _LEVELS:
        yield (
            f"Thinking level {level.value} is not supported for this model; use LOW, MEDIUM or "
            "HIGH."
        )
    if level is ThinkingLevel.MINIMAL and model.startswith("gemini-3.8-flash"):
        yield "Thinking level MINIMAL is not supported for this model."


def _budget_problems(budget: int, model: str) -> Iterator[str]:
    if can_continue(model):
        yield "Thinking budget is not supported for this model; use thinking_level instead."
    if budget == 0 and model in _ALWAYS_THINKS:
        yield "Budget 0 is invalid. This model only works in thinking mode."
    low, high = _BUDGETS.get(model, (0, 2**31))
    if budget not in (-1, 0) and not low <= budget <= high:
        yield (
            f"The thinking budget {budget} is invalid. "
            f"Please choose a value between {low} and {high}."
        )


def _continuation_problems(
    request: GenerateContentRequest, config: GenerationConfig, model: str, route: Route
) -> Iterator[str]:
    is_whole = route.operation is Operation.GENERATE and not request.continuation_token
    if can_continue(model) and is_whole and (config.max_output_tokens or 0) > WHOLE_HOP_TOKENS:
        yield (
            f"max_output_tokens must be at most {WHOLE_HOP_TOKENS} for generateContent without a "
            "continuation_token; use streamGenerateContent for longer answers."
        )


def _strange_to_gemini(request: GenerateContentRequest) -> Iterator[tuple[str, str]]:
    calling = request.tool_config.function_calling_config if request.tool_config else None
    if calling is not None and calling.stream_function_call_arguments is not None:
        yield "tool_config.function_calling_config", "streamFunctionCallArguments"


def _strange_to_vertex(request: GenerateContentRequest) -> Iterator[tuple[str, str]]:
    if request.store is not None:
        yield "", "store"
    for index, tool in enumerate(request.tools):
        if tool.file_search is not None:
            yield f"tools[{index}]", "fileSearch"
        if tool.mcp_servers:
            yield f"tools[{index}]", "mcpServers"
    tool_config = request.tool_config
    if tool_config is not None and tool_config.include_server_side_tool_invocations is not None:
        yield "tool_config", "includeServerSideToolInvocations"
    for index, content in enumerate(request.contents):
        for number, part in enumerate(content.parts):
            response = part.function_response
            if response is not None and response.will_continue is not None:
                place = f"contents[{index}].parts[{number}].function_response"
                yield place, "willContinue"


def _file_problems(request: GenerateContentRequest) -> Iterator[str]:
    for content in request.contents:
        for part in content.parts:
            uri = (part.file_data.file_uri if part.file_data is not None else None) or ""
            if _FILES_API.match(uri):
                yield f"Unsupported file URI type: {uri}. Vertex AI has no Files API."
