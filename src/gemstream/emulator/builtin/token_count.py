"""How the emulator counts tokens: by a rule simple enough to do in the head.

The rule: four characters are a token and a started one counts, part by part; an image or any
other file is 258 tokens; a function call, a function's result and a declared function count as
their compact JSON. An answer's text counts as a whole, so the way it is cut into chunks does not
matter; an image in it is 1,290 tokens and a second of sound 25. Real tokenizers differ; sums and
growth do not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...wire.codec import encode
from ...wire.content import Content, FunctionCall, Part
from ...wire.request import GenerateContentRequest
from ...wire.usage import ModalityTokenCount, UsageMetadata

__all__ = (
    "CHARACTERS_PER_TOKEN",
    "TOKENS_PER_FILE",
    "answer_modality",
    "answer_size",
    "contents_tokens",
    "modality_details",
    "request_tokens",
    "tokens_of_size",
    "usage_of",
)

CHARACTERS_PER_TOKEN = 4
TOKENS_PER_FILE = 258  # what the service charges for an image up to 384 x 384
_TOKENS_PER_PICTURE = 1290  # recorded: the service's count for an image that it made
_AUDIO_TOKENS_PER_SECOND = 25
_AUDIO_BYTES_PER_SECOND = 48_000  # 16 bits at 24 kHz

ModalityTokens = Mapping[str, int]


def request_tokens(request: GenerateContentRequest) -> ModalityTokens:
    """Return the prompt tokens of a whole request by modality, TEXT always among them."""
    contents = [*request.contents]
    if request.system_instruction is not None:
        contents.append(request.system_instruction)
    tokens = dict(contents_tokens(contents))
    for tool in request.tools:
        tokens["TEXT"] += sum(_json_tokens(one) for one in tool.function_declarations)
    return tokens


def contents_tokens(contents: Iterable[Content]) -> ModalityTokens:
    """Return the tokens of ``contents`` by modality, TEXT always among them."""
    tokens = {"TEXT": 0}
    for content in contents:
        for part in content.parts:
            modality, count = _part_tokens(part)
            tokens[modality] = tokens.get(modality, 0) + count
    return tokens


def answer_size(part: Part) -> int:
    """Return how many characters a part of an answer counts as."""
    if part.function_call is not None:
        return _call_size(part.function_call)
    if part.executable_code is not None:
        return len(part.executable_code.code or "")
    if part.inline_data is None:
        return len(part.text or "")
    if answer_modality(part) == "AUDIO":
        seconds = len(part.inline_data.data) * 3 / 4 / _AUDIO_BYTES_PER_SECOND
        return round(seconds * _AUDIO_TOKENS_PER_SECOND) * CHARACTERS_PER_TOKEN
    return _TOKENS_PER_PICTURE * CHARACTERS_PER_TOKEN


def answer_modality(part: Part) -> str:
    """Return the modality that a part of an answer counts in."""
    return _modality(part.inline_data.mime_type) if part.inline_data is not None else "TEXT"


def _call_size(call: FunctionCall) -> int:
    """A call in pieces: the piece with its name counts as a call, the others as their values."""
    if call.name is not None:
        return len(encode(_call_json(call)))
    return sum(len(one.string_value or "") or 1 for one in call.partial_args)


def tokens_of_size(characters: int) -> int:
    """Return the tokens of so many characters."""
    return -(-characters // CHARACTERS_PER_TOKEN)


def usage_of(
    prompt: ModalityTokens,
    candidates: int | ModalityTokens = 0,
    thoughts: int = 0,
    *,
    is_last: bool = False,
    tool_tokens: int = 0,
) -> UsageMetadata:
    """Return the usage of an answer so far; the total is the sum, details come with the last.

    ``candidates``: tokens of text, or by modality.
    """
    by_modality = {"TEXT": candidates} if isinstance(candidates, int) else candidates
    prompt_tokens, said = sum(prompt.values()), sum(by_modality.values())
    tools = {"TEXT": tool_tokens}
    return UsageMetadata(
        prompt_token_count=prompt_tokens,
        candidates_token_count=said or None,
        thoughts_token_count=thoughts or None,
        total_token_count=prompt_tokens + said + thoughts + tool_tokens,
        prompt_tokens_details=modality_details(prompt),
        candidates_tokens_details=modality_details(by_modality) if is_last and said else None,
        tool_use_prompt_token_count=tool_tokens or None,
        tool_use_prompt_tokens_details=modality_details(tools) if tool_tokens else None,
    )


def modality_details(tokens: ModalityTokens) -> list[ModalityTokenCount]:
    """Return one entry for each modality that has tokens."""
    return [
        ModalityTokenCount(modality=modality, token_count=count)
        for modality, count in tokens.items()
        if count
    ]


def _part_tokens(part: Part) -> tuple[str, int]:
    if part.inline_data is not None:
        return _modality(part.inline_data.mime_type), TOKENS_PER_FILE
    if part.file_data is not None:
        return _modality(part.file_data.mime_type), TOKENS_PER_FILE
    if part.function_call is not None:
        return "TEXT", _json_tokens(_call_json(part.function_call))
    if part.function_response is not None:
        response = part.function_response
        return "TEXT", _json_tokens({"name": response.name, "response": response.response})
    if part.executable_code is not None:
        return "TEXT", tokens_of_size(len(part.executable_code.code or ""))
    if part.code_execution_result is not None:
        return "TEXT", tokens_of_size(len(part.code_execution_result.output or ""))
    return "TEXT", tokens_of_size(len(part.text or ""))


def _call_json(call: FunctionCall) -> dict[str, Any]:
    return {"name": call.name, "args": call.args or {}}


def _json_tokens(value: Any) -> int:
    return tokens_of_size(len(encode(value)))


_MODALITIES = {"image": "IMAGE", "audio": "AUDIO", "video": "VIDEO", "text": "TEXT"}


def _modality(mime_type: str | None) -> str:
    return _MODALITIES.get((mime_type or "").partition("/")[0].lower(), "DOCUMENT")
