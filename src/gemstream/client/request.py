"""A call's prompt and options → the body on the wire, checked before anything is sent.

Strategy. All that can be judged without waiting is judged, and encoded, at the moment of the call:
the bytes are the copy that a caller's later changes cannot reach. Only files are left to be read;
each then takes the place that was kept for it.
"""

from __future__ import annotations

import asyncio
import difflib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from ..errors import InvalidRequest
from ..policy.capability import takes_thinking_budget
from ..wire.codec import JSONObject, decode_plain, encode, to_plain
from ..wire.embedding import BatchEmbedContentsRequest, EmbedContentRequest
from ..wire.generation_config import GenerationConfig, ThinkingConfig, ThinkingLevel
from ..wire.open_enum import OpenEnum
from ..wire.request import GenerateContentRequest
from ..wire.safety import HarmBlockThreshold, HarmCategory, SafetySetting
from ..wire.tool import FunctionDeclaration, Tool
from .generate_options import check_sampling
from .prompt import PromptPiece, UnreadFile, contents_of, pieces_of, read_file, system_of
from .schema import json_schema_of

__all__ = (
    "Draft",
    "draft_count",
    "draft_embed",
    "draft_generate",
    "draft_vertex_count",
    "draft_vertex_embed",
    "encode_body",
    "tools_of",
)

E = TypeVar("E", bound=OpenEnum)
_SAMPLING = tuple(name for name in GenerationConfig.__struct_fields__ if name != "extra")
_PASSED = ("tool_config", "cached_content", "service_tier", "store", "labels", "continuation_token")
# https://cloud.google.com/vertex-ai/docs/reference/rest (countTokens) knows no other settings.
_COUNTED_ON_VERTEX = ("contents", "system_instruction", "tools", "generation_config")
_TOKENS = frozenset({"continuationToken", "continuation_token"})  # put in hop by hop
# One or two wrong letters; names that Vertex alone knows, as IMAGE_DANGEROUS_CONTENT, stay below.
_NEAR = 0.87

_At = tuple[str | int, ...]


class Draft:
    """A body, checked and copied, of which only files are still to be read."""

    __slots__ = ("_files", "_max_size", "body")

    def __init__(self, body: bytes, files: Sequence[tuple[_At, Path]], *, max_size: int) -> None:
        self.body = body  # the places of files still empty in it
        self._files = files  # where in the body each one's part goes
        self._max_size = max_size

    async def finish(self) -> bytes:
        """Return the body, once, its files read off the event loop; raises InvalidRequest."""
        body, self.body = self.body, b""  # a stream keeps its draft for as long as it lives
        if not self._files:
            return body
        plain = decode_plain(body)
        for at, path in self._files:
            part = await asyncio.to_thread(read_file, path, self._max_size)
            place = plain
            for key in at[:-1]:
                place = place[key]
            place[at[-1]] = to_plain(part)
        return encode_body(plain, max_size=self._max_size)


def draft_generate(prompt: Any, options: Mapping[str, Any], *, max_size: int) -> Draft:
    """Return the body of generateContent; raises InvalidRequest and UnsupportedMedia."""
    request, files = _request_of(prompt, options)
    extra = options.get("extra_body", {})
    if not _TOKENS.isdisjoint(extra):
        raise InvalidRequest("extra_body holds the continuation token; pass continuation_token=…")
    body = encode_body(request, max_size=max_size, extra=extra)
    return Draft(body, _places(files, extra), max_size=max_size)


def draft_count(prompt: Any, options: Mapping[str, Any], *, model: str, max_size: int) -> Draft:
    """Return the body of countTokens, which holds the whole request and the model's name."""
    request, files = _request_of(prompt, options)
    extra = options.get("extra_body", {})
    inner = encode_body(request, max_size=max_size, extra={"model": model, **extra})
    body = encode_body({"generateContentRequest": decode_plain(inner)}, max_size=max_size)
    places = [(("generateContentRequest", *at), path) for at, path in _places(files, extra)]
    return Draft(body, places, max_size=max_size)


def draft_vertex_count(prompt: Any, options: Mapping[str, Any], *, max_size: int) -> Draft:
    """Return the body of Vertex AI's countTokens: of the request what is counted, without more."""
    request, files = _request_of(prompt, options)
    counted = {name: getattr(request, name) for name in _COUNTED_ON_VERTEX}
    extra = options.get("extra_body", {})
    body = encode_body(GenerateContentRequest(**counted), max_size=max_size, extra=extra)
    return Draft(body, _places(files, extra), max_size=max_size)


def draft_embed(
    contents: PromptPiece | Sequence[PromptPiece], *, max_size: int, **fields: Any
) -> Draft:
    """Return the body of batchEmbedContents: one request for each piece, of the same fields."""
    requests: list[EmbedContentRequest] = []
    places: list[tuple[_At, Path]] = []
    for number, piece in enumerate(pieces_of(contents)):
        (content,), files = contents_of([piece])
        requests.append(EmbedContentRequest(content=content, **fields))
        places += [(("requests", number, "content", "parts", it.part), it.path) for it in files]
    if not requests:
        raise InvalidRequest("there is nothing to embed; pass text or a sequence of texts")
    body = encode_body(BatchEmbedContentsRequest(requests=requests), max_size=max_size)
    return Draft(body, places, max_size=max_size)


def draft_vertex_embed(piece: PromptPiece, settings: JSONObject, *, max_size: int) -> Draft:
    """Return the body of Vertex AI's embedContent; its settings stand in a config of their own."""
    (content,), files = contents_of([piece])
    request = EmbedContentRequest(content=content)
    config = EmbedContentRequest(**settings)
    extra = {"embedContentConfig": plain} if (plain := to_plain(config)) else None
    body = encode_body(request, max_size=max_size, extra=extra)
    places: list[tuple[_At, Path]] = [(("content", "parts", it.part), it.path) for it in files]
    return Draft(body, places, max_size=max_size)


def encode_body(message: Any, *, max_size: int, extra: JSONObject | None = None) -> bytes:
    """Return ``message`` as JSON, the fields of ``extra`` put over its own.

    Raises InvalidRequest for what JSON cannot say, NaN and Infinity too, and above ``max_size``.
    """
    body = _encoded(message)
    if extra:
        body = _encoded({**decode_plain(body), **extra})
    if len(body) > max_size:
        raise InvalidRequest(
            f"the request has {len(body)} bytes, more than the {max_size} the service takes; "
            "upload large media with the Files API and pass its URI as Part.of_uri(...)"
        )
    return body


def _encoded(message: Any) -> bytes:
    body = encode(message)
    if b"null" in body:  # the encoder writes NaN so; without one there is nothing to look for
        _check_finite(msgspec.to_builtins(message), "")
    return body


def _check_finite(plain: Any, path: str) -> None:
    if isinstance(plain, float) and not math.isfinite(plain):
        raise InvalidRequest(f"{path.lstrip('.')} is {plain!r}; JSON has finite numbers only")
    if isinstance(plain, dict):
        for key, value in plain.items():
            _check_finite(value, f"{path}.{key}")
    elif isinstance(plain, list | tuple):
        for index, value in enumerate(plain):
            _check_finite(value, f"{path}[{index}]")


def _places(files: Sequence[UnreadFile], extra: JSONObject) -> list[tuple[_At, Path]]:
    """Return where the files go; nowhere when ``extra`` brings contents of its own."""
    if "contents" in extra:
        return []
    return [(("contents", file.turn, "parts", file.part), file.path) for file in files]


def _request_of(
    prompt: Any, options: Mapping[str, Any]
) -> tuple[GenerateContentRequest, Sequence[UnreadFile]]:
    contents, files = contents_of(prompt, options.get("files", ()))
    fields: dict[str, Any] = {name: options[name] for name in _PASSED if name in options}
    if "system" in options:
        fields["system_instruction"] = system_of(options["system"])
    if "tools" in options:
        fields["tools"] = tools_of(options["tools"])
    if "safety" in options:
        fields["safety_settings"] = _safety_of(options["safety"])
    config = _config_of(options)
    if config != GenerationConfig():
        fields["generation_config"] = config
    return GenerateContentRequest(contents=contents, **fields), files


def _config_of(options: Mapping[str, Any]) -> GenerationConfig:
    base: GenerationConfig = options.get("config", GenerationConfig())
    given: dict[str, Any] = {name: options[name] for name in _SAMPLING if name in options}
    if "schema" in options:
        given["response_json_schema"] = json_schema_of(options["schema"])
        if base.response_mime_type is None:
            given.setdefault("response_mime_type", "application/json")
    if "thinking" in options:
        given["thinking_config"] = _thinking_of(options["thinking"], options.get("model", ""))
    config = msgspec.structs.replace(base, **given)
    for name in _SAMPLING:  # also what came in ``config``, which checks nothing itself
        check_sampling(name, getattr(config, name))
    if config.response_schema is not None and config.response_json_schema is not None:
        raise InvalidRequest(
            "response_schema (perhaps of config) stands beside schema or response_json_schema; "
            "the service takes one of them"
        )
    return config


def _thinking_of(thinking: ThinkingConfig | bool | int | str, model: str) -> ThinkingConfig:
    """Return the config that a level, a token budget or a switch means to ``model``."""
    if isinstance(thinking, ThinkingConfig):
        return thinking
    if isinstance(thinking, int) and not takes_thinking_budget(model):
        if thinking is True:
            return ThinkingConfig(include_thoughts=True)
        raise InvalidRequest(
            f"thinking is {thinking!r}, but {model} always thinks and takes no budget; "
            "pass a level, as 'low'"
        )
    if isinstance(thinking, bool):
        return ThinkingConfig(include_thoughts=thinking, thinking_budget=-1 if thinking else 0)
    if isinstance(thinking, int):
        return ThinkingConfig(thinking_budget=thinking)
    level = ThinkingLevel(str(thinking).upper())
    if not level.is_known:
        levels = ", ".join(known.value.lower() for known in ThinkingLevel)
        raise InvalidRequest(f"thinking is {thinking!r}; use one of {levels}, a budget or a bool")
    return ThinkingConfig(thinking_level=level)


def tools_of(tools: Sequence[Tool | FunctionDeclaration]) -> list[Tool]:
    """Return the tools, declarations gathered into one of their own."""
    declared = [tool for tool in tools if isinstance(tool, FunctionDeclaration)]
    whole = [tool for tool in tools if isinstance(tool, Tool)]
    if len(declared) + len(whole) != len(tools):
        kinds = ", ".join(sorted({type(tool).__name__ for tool in tools}))
        raise InvalidRequest(
            f"a tool is a Tool or a FunctionDeclaration, not one of: {kinds}; functions are run "
            "in Live sessions alone: elsewhere pass FunctionTool(function).declaration"
        )
    return [*whole, Tool(function_declarations=declared)] if declared else whole


def _safety_of(safety: Sequence[SafetySetting] | Mapping[str, str]) -> list[SafetySetting]:
    """Return the settings; a mapping takes category to threshold, as HARASSMENT: BLOCK_NONE."""
    if not isinstance(safety, Mapping):
        return list(safety)
    return [
        SafetySetting(
            category=_named(category, HarmCategory, "HARM_CATEGORY_"),
            threshold=_named(threshold, HarmBlockThreshold),
        )
        for category, threshold in safety.items()
    ]


def _named(name: Any, kind: type[E], prefix: str = "") -> E:
    """Return the member of this name; one nobody knows passes unless it looks like a slip."""
    if not isinstance(name, str):
        raise InvalidRequest(f"safety holds {name!r:.80}; categories and thresholds are text")
    bare = str(name).upper().removeprefix(prefix)
    member = kind(prefix + bare)
    known = [each.value.removeprefix(prefix) for each in kind]
    near = [] if member.is_known else difflib.get_close_matches(bare, known, n=1, cutoff=_NEAR)
    if near:
        raise InvalidRequest(
            f"safety holds {name!r}; did you mean {near[0]!r}? a SafetySetting takes any name"
        )
    return member
