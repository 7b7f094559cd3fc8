"""Requests read and judged as the service does: shape, unknown fields, limits, wording.

Pure. Each function returns the typed request or raises the APIError the service would answer.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Container, Iterator, Sequence
from typing import TypeVar

from ..errors import DecodeError
from ..wire.codec import Message, decode_plain, from_plain, strangers
from ..wire.content import Content, Part
from ..wire.endpoint import Route
from ..wire.generation_config import GenerationConfig, ImageConfig
from ..wire.request import GenerateContentRequest
from ..wire.scalar import decode_base64
from .builtin.pictures import ASPECT_RATIOS, IMAGE_SIZES
from .builtin.responder import json_schema_of
from .model_rules import check_for_model
from .refusal import (
    bad_continuation_token,
    bad_json,
    bad_value,
    invalid,
    missing_cache,
    unknown_fields,
)

__all__ = ("check_contents", "check_request", "read_request")

M = TypeVar("M", bound=Message)

# A second name of responseJsonSchema that some clients send.
_ALIASES = frozenset({"_responseJsonSchema"})
_ROLES = (None, "", "user", "model", "function", "tool")
_MIME_TYPES = (None, "", "text/plain", "application/json", "text/x.enum")
_MAX_STOP_SEQUENCES = 5
_MAX_CANDIDATES = 8
_BELOW_TWO = math.nextafter(2, 0)
_FUNCTION_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,127}", re.ASCII)


def read_request(body: bytes, kind: type[M]) -> M:
    """Return the request in ``body``; raises InvalidArgument for what the service refuses."""
    try:
        plain = decode_plain(body or b"{}")
    except DecodeError as error:
        raise bad_json(error) from None
    try:
        request = from_plain(plain, kind)
    except DecodeError as error:
        raise bad_value(error) from None
    unknown = [found for found in strangers(request) if found[1] not in _ALIASES]
    if unknown:
        raise unknown_fields(unknown)
    return request


def check_request(request: GenerateContentRequest, route: Route) -> None:
    """Raise the error that the service answers to a request it can read and not use."""
    check_contents(request.contents, "GenerateContentRequest")
    for number, part in enumerate(
        request.system_instruction.parts if request.system_instruction else ()
    ):
        _check_bytes(part, f"* GenerateContentRequest.system_instruction.parts[{number}]")
    _check_token(request.continuation_token or "")
    if request.cached_content:
        raise missing_cache(request.cached_content)
    config = request.generation_config or GenerationConfig()
    problems = [
        f"* GenerateContentRequest.generation_config.{field}: {rule}"
        for field, rule, holds in _CONFIG_RULES
        if not holds(config)
    ]
    problems += _tool_problems(request)
    if problems:
        raise invalid("\n".join(problems))
    check_for_model(request, route)


def check_contents(contents: Sequence[Content], message: str) -> None:
    """Raise InvalidArgument for contents that are missing or say nothing."""
    if not contents:
        raise invalid(f"* {message}.contents: contents is not specified")
    for index, content in enumerate(contents):
        where = f"* {message}.contents[{index}]"
        if content.role not in _ROLES:
            raise invalid("Please use a valid role: user, model.")
        if not content.parts:
            raise invalid(f"{where}.parts: contents.parts must not be empty.")
        for number, part in enumerate(content.parts):
            _check_part(part, f"{where}.parts[{number}]")


def _check_part(part: Part, where: str) -> None:
    given = [name for name in _DATA_FIELDS if getattr(part, name) is not None]
    if not given and part.thought_signature is None:
        raise invalid(f"{where}.data: required oneof field 'data' must have one initialized field")
    if len(given) > 1:
        raise invalid(f"{where}.data: oneof field 'data' is already set: {', '.join(given)}")
    if part.inline_data is not None and not part.inline_data.mime_type:
        raise invalid(f"{where}.inline_data.mime_type: the mime type must be set.")
    _check_bytes(part, where)


def _check_bytes(part: Part, where: str) -> None:
    """Raise InvalidArgument for bytes that are not base64, wherever a part holds some."""
    if part.inline_data is not None:
        _check_base64(part.inline_data.data, f"{where}.inline_data.data")
    if part.thought_signature is not None:
        _check_base64(part.thought_signature, f"{where}.thought_signature")
    inner = part.function_response.parts if part.function_response is not None else ()
    for number, media in enumerate(inner):
        if media.inline_data is not None:
            place = f"{where}.function_response.parts[{number}].inline_data.data"
            _check_base64(media.inline_data.data, place)


def _check_token(token: str) -> None:
    """A script may give tokens of its own, so only the built-in answer looks further."""
    try:
        decode_base64(token)
    except DecodeError:
        raise bad_continuation_token("it is not base64") from None


def _check_base64(text: str, where: str) -> None:
    try:
        decode_base64(text)
    except DecodeError:
        raise invalid(
            f"Invalid value at '{where.removeprefix('* ')}' (TYPE_BYTES), Base64 decoding failed."
        ) from None


_DATA_FIELDS = (
    "text",
    "inline_data",
    "file_data",
    "function_call",
    "function_response",
    "executable_code",
    "code_execution_result",
    "tool_call",
    "tool_response",
)


def _within(value: float | None, low: float, high: float) -> bool:
    return value is None or low <= value <= high


def _image(config: GenerationConfig) -> ImageConfig:
    return config.image_config or ImageConfig()


def _is_among(value: str | None, allowed: Container[str]) -> bool:
    return not value or value in allowed


def _schema_has_mime_type(config: GenerationConfig) -> bool:
    has_type = config.response_mime_type in ("application/json", "text/x.enum")
    return has_type or json_schema_of(config) is None


_CONFIG_RULES: tuple[tuple[str, str, Callable[[GenerationConfig], bool]], ...] = (
    (
        "stop_sequences",
        f"the number of stop sequences must be at most {_MAX_STOP_SEQUENCES}.",
        lambda config: len(config.stop_sequences) <= _MAX_STOP_SEQUENCES,
    ),
    (
        "candidate_count",
        f"candidate_count must be in the range [1, {_MAX_CANDIDATES}].",
        lambda config: _within(config.candidate_count, 1, _MAX_CANDIDATES),
    ),
    (
        "max_output_tokens",
        "max_output_tokens must be positive.",
        lambda config: _within(config.max_output_tokens, 1, float("inf")),
    ),
    (
        "temperature",
        "temperature must be in the range [0.0, 2.0].",
        lambda config: _within(config.temperature, 0, 2),
    ),
    (
        "presence_penalty",
        "presence_penalty must be in the range [-2.0, 2.0).",
        lambda config: _within(config.presence_penalty, -2, _BELOW_TWO),
    ),
    (
        "frequency_penalty",
        "frequency_penalty must be in the range [-2.0, 2.0).",
        lambda config: _within(config.frequency_penalty, -2, _BELOW_TWO),
    ),
    (
        "logprobs",
        "logprobs must be in the range [0, 20].",
        lambda config: _within(config.logprobs, 0, 20),
    ),
    (
        "image_config.aspect_ratio",
        f"aspect_ratio must be one of {', '.join(ASPECT_RATIOS)}.",
        lambda config: _is_among(_image(config).aspect_ratio, ASPECT_RATIOS),
    ),
    (
        "image_config.image_size",
        f"image_size must be one of {', '.join(IMAGE_SIZES)}.",
        lambda config: _is_among(_image(config).image_size, IMAGE_SIZES),
    ),
    (
        "top_p",
        "top_p must be in the range [0.0, 1.0].",
        lambda config: _within(config.top_p, 0, 1),
    ),
    (
        "response_mime_type",
        "allowed mimetypes are `text/plain`, `application/json` and `text/x.enum`.",
        lambda config: config.response_mime_type in _MIME_TYPES,
    ),
    (
        "response_schema",
        "a response schema needs the response mime type application/json or text/x.enum.",
        _schema_has_mime_type,
    ),
    (
        "response_schema",
        "only one of response_schema and response_json_schema may be set.",
        lambda config: config.response_schema is None or config.response_json_schema is None,
    ),
)


def _tool_problems(request: GenerateContentRequest) -> Iterator[str]:
    declared = [
        (index, number, function)
        for index, tool in enumerate(request.tools)
        for number, function in enumerate(tool.function_declarations)
    ]
    for index, number, function in declared:
        where = f"* GenerateContentRequest.tools[{index}].function_declarations[{number}]"
        if not _FUNCTION_NAME.fullmatch(function.name or ""):
            yield (
                f"{where}.name: Invalid function name. Must start with a letter or an underscore. "
                "Must be alphanumeric (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:) or "
                "dashes (-), with a maximum length of 128."
            )
        if function.parameters is not None and function.parameters_json_schema is not None:
            yield f"{where}: only one of parameters and parameters_json_schema may be set."
