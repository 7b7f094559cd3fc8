"""Gemini's own options in a chat request: ``extra_body.google``, ``google``, ``safety_settings``.

They go in last and win over what the request says in OpenAI's words.
Source: https://ai.google.dev/gemini-api/docs/openai, extra_body.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from ....errors import DecodeError
from ...codec import JSONObject, Message, from_plain, strangers, to_plain
from ...generation_config import GenerationConfig
from ...request import GenerateContentRequest
from ..invalid_parameter import InvalidParameter
from .fields import Fields
from .report import Report

__all__ = ("GoogleOptions", "read_google_options")

_CONFIG = "generation_config"
_CONFIG_KEY = "generationConfig"
# The conversation itself has its place, and the model was chosen by its name in the path.
_NOT_TAKEN = ("model", "contents")


class GoogleOptions(msgspec.Struct, frozen=True):
    """Fields of the Gemini request, and of its generationConfig, by the names on the wire."""

    request: JSONObject = {}
    config: JSONObject = {}

    @property
    def has_thinking(self) -> bool:
        """True when they say how to think."""
        return "thinkingConfig" in self.config


def read_google_options(body: Fields, report: Report) -> GoogleOptions:
    """Return the options that ``body`` gives for Gemini; what Gemini does not know is dropped."""
    request: JSONObject = {}
    config: JSONObject = {}
    for given in _given(body):
        for name in given.plain:
            if name in (_CONFIG, _CONFIG_KEY):
                nested = given.object(name) or Fields({})
                for inner in nested.plain:
                    _take(nested, inner, {"config": config}, report)
            else:
                _take(given, name, {"config": config, "request": request}, report)
    if settings := body.items("safety_settings"):
        read = _checked({"safety_settings": settings}, GenerateContentRequest, body.place)
        request = {**read, **request}
    return GoogleOptions(request, config)


def _given(body: Fields) -> list[Fields]:
    extra = body.object("extra_body")
    found = [extra and extra.object("google"), body.object("google")]
    return [given for given in found if given]


def _take(given: Fields, name: str, targets: dict[str, JSONObject], report: Report) -> None:
    """Put one field where it belongs, in one of ``targets``."""
    value = given.value(name)
    if value is None:
        return
    if name in _NOT_TAKEN:
        raise given.fault(name, "cannot be given here: it follows from the request itself")
    for target, fields in targets.items():
        kind, names = _KINDS[target]
        if name in names:
            fields.update(_checked({name: value}, kind, given.place))
            return
    report.drop(given.place(name))


def _checked(plain: JSONObject, kind: type[Message], place: Callable[[str], str]) -> JSONObject:
    """Return ``plain`` by its names on the wire; raises InvalidParameter for a wrong shape."""
    (name,) = plain
    try:
        message = from_plain(plain, kind)
    except DecodeError as error:
        raise InvalidParameter(
            f"{place(name)} is not as Gemini takes it, at {error.path}", param=place(name)
        ) from error
    for path, stranger in strangers(message):
        where = f"{path}.{stranger}"
        raise InvalidParameter(f"{place(name)}: Gemini knows no {where}", param=place(name))
    fields: JSONObject = to_plain(message)
    return fields


def _names(kind: type[Message]) -> frozenset[str]:
    return frozenset((*kind.__struct_fields__, *kind.__struct_encode_fields__)) - {"extra"}


_KINDS: dict[str, tuple[type[Message], frozenset[str]]] = {
    "config": (GenerationConfig, _names(GenerationConfig)),
    "request": (GenerateContentRequest, _names(GenerateContentRequest)),
}
