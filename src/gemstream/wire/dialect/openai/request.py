"""A Chat Completions request → the body of a Gemini request and the wishes of its caller.

Source: https://platform.openai.com/docs/api-reference/chat/create.
"""

from __future__ import annotations

import msgspec

from ...codec import JSONObject, encode
from ..tool_name import ToolNames
from .answer_format import AnswerFormat, read_answer_format
from .body import read_body
from .fields import Fields
from .google_options import GoogleOptions, read_google_options
from .messages import Conversation
from .options import ChatOptions
from .reasoning import thinking_config
from .report import Report
from .sampling import sampling_config
from .tool_choice import calling_config, chosen_tools
from .tools import Tools, read_tools
from .wishes import ChatWishes

__all__ = ("ChatRequest", "chat_request")

_TIERS = {
    "flex": "flex",
    "priority": "priority",
    "fast": "priority",
    "auto": None,
    "default": None,
    "scale": None,
}
# They name the caller or the conversation: for the books and for choosing an account.
_ABOUT_CALLER = ("user", "safety_identifier")
_COOLEST = 1.0  # below it Gemini 3 may loop: https://ai.google.dev/gemini-api/docs/gemini-3
_OF_CACHE = ("systemInstruction", "tools", "toolConfig")


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a request.

    ``model``: as the caller named it. ``body``: a GenerateContentRequest. ``dropped``: fields
    without counterpart, for the header ``x-relay-dropped``; ``warnings``: sentences for
    ``x-relay-warn``. ``session``: what the caller calls its conversation or itself, to keep it on
    one account; None for nothing.
    """

    model: str
    is_stream: bool
    body: bytes
    wishes: ChatWishes
    dropped: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    session: str | None = None


def chat_request(body: bytes, *, options: ChatOptions) -> ChatRequest:
    """Return what to send for ``body``; raises InvalidParameter with the place of a fault."""
    fields = read_body(body)
    model = fields.text("model")
    if not model:
        raise fields.missing("model", "'gemini-2.5-flash'")
    return _Translation(fields, options).request(model)


class _Translation:
    """One request on its way, all of it that more than one step needs."""

    __slots__ = ("_body", "_google", "_names", "_options", "_report", "_tools")

    def __init__(self, body: Fields, options: ChatOptions) -> None:
        self._body = body
        self._options = options
        self._report = Report(is_strict=options.is_strict)
        self._google: GoogleOptions = read_google_options(body, self._report)
        self._tools: Tools = chosen_tools(body, read_tools(body, options), options)
        self._names = ToolNames(self._tools.names)

    def request(self, model: str) -> ChatRequest:
        """Return the request of a caller who named ``model``."""
        plain = self._plain()
        wishes = self._wishes(plain)
        is_stream = bool(self._body.flag("stream"))
        session = self._session()
        for name in self._body.unread():
            self._report.drop(name)
        return ChatRequest(
            model=model,
            is_stream=is_stream,
            body=encode(plain),
            wishes=wishes,
            dropped=self._report.dropped,
            warnings=self._report.warnings,
            session=session,
        )

    def _plain(self) -> JSONObject:
        conversation = Conversation(self._options, self._names, self._report)
        conversation.read(self._body)
        system, config = conversation.system, self._config(conversation.system)
        plain: JSONObject = {
            "systemInstruction": {"parts": system} if system else None,
            "contents": conversation.contents,
            "tools": self._declarations() or None,
            "toolConfig": self._tool_config() or None,
            "generationConfig": {**config, **self._google.config} or None,
            "serviceTier": self._tier(),
            **{name: value for name, value in self._google.request.items() if name != "tools"},
        }
        if plain.get("cachedContent"):
            self._leave_to_cache(plain)
        return {name: value for name, value in plain.items() if value is not None}

    def _declarations(self) -> list[JSONObject]:
        own: list[JSONObject] = self._google.request.get("tools", [])
        return [*self._tools.declarations(self._names, self._options), *own]

    def _config(self, system: list[JSONObject]) -> JSONObject:
        """Return the generationConfig; a format the model cannot take goes into ``system``."""
        config = sampling_config(self._body)
        is_third = self._options.traits.generation >= (3, 0)
        if is_third and config.get("temperature", 1) < _COOLEST:
            self._report.warn(f"temperature below {_COOLEST} may make {self._options.model} loop")
        config |= thinking_config(self._body, self._google, self._options, self._report)
        format = read_answer_format(self._body, self._options)
        if format is None:
            return config
        if self._tools.functions and not self._options.traits.mixes_tools:
            self._say(format, system)
            return config
        return {**config, **format.config}

    def _say(self, format: AnswerFormat, system: list[JSONObject]) -> None:
        system.append({"text": format.in_words()})
        self._report.warn(
            f"{self._options.model} takes no response_format beside tools: it is in the system "
            "instruction"
        )

    def _tool_config(self) -> JSONObject:
        calling = calling_config(self._body, self._tools, self._names, self._options)
        config: JSONObject = {} if calling is None else {"functionCallingConfig": calling}
        is_mixed = bool(self._tools.functions and self._tools.built_in)
        if is_mixed and self._options.traits.mixes_tools and not self._options.is_vertex:
            config["includeServerSideToolInvocations"] = True
        return config

    def _tier(self) -> str | None:
        tier = self._body.choice("service_tier", _TIERS)
        return None if tier is None else _TIERS[tier]

    def _leave_to_cache(self, plain: JSONObject) -> None:
        """Take out what the service wants inside the cached content, and nowhere else."""
        for name in _OF_CACHE:
            if plain.get(name) is not None:
                plain[name] = None
                self._report.warn(f"{name} was left out: with cached_content the cache holds it")

    def _includes_usage(self) -> bool:
        stream = self._body.object("stream_options") or Fields({})
        return bool(stream.flag("include_usage"))

    def _session(self) -> str | None:
        cache_key = self._body.text("prompt_cache_key")
        user, other = (self._body.text(name) for name in _ABOUT_CALLER)
        return cache_key or user or other

    def _wishes(self, plain: JSONObject) -> ChatWishes:
        names = {self._names.upstream(name): name for name in self._tools.names}
        custom = (function for function in self._tools.functions if function.is_custom)
        return ChatWishes(
            include_usage=self._includes_usage(),
            tool_names={sent: name for sent, name in names.items() if sent != name},
            custom_tools=frozenset(self._names.upstream(function.name) for function in custom),
            is_one_call=self._body.flag("parallel_tool_calls") is False,
            keeps_text=self._keeps_text(plain),
            repeats_reasoning=self._options.repeats_reasoning,
            image_form=self._options.image_form,
        )

    def _keeps_text(self, plain: JSONObject) -> bool:
        tools = plain.get("tools", ())
        may_cite = "cachedContent" in plain or any("functionDeclarations" not in t for t in tools)
        return may_cite or self._options.traits.needs_signatures
