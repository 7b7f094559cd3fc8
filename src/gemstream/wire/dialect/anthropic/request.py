"""A Messages request → the body of a Gemini request and the wishes of its caller.

Source: https://docs.anthropic.com/en/api/messages.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ....errors import DecodeError, InvalidRequest
from ...codec import JSONObject, decode_plain
from ..invalid_parameter import InvalidParameter
from .fields import Fields
from .messages import Conversation
from .options import MessagesOptions
from .report import Report
from .sampling import Thinking, answer_format, read_thinking, sampling_config
from .tools import ToolReader
from .wishes import MessageWishes

__all__ = ("MessagesRequest", "messages_request")

_OBJECTS = ("thinking", "output_config", "tool_choice", "metadata")


class MessagesRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a request.

    ``model``: as the caller named it. ``body``: a GenerateContentRequest. ``dropped``: fields
    without counterpart, for the header ``x-relay-dropped``; ``warnings``: sentences for
    ``x-relay-warn``. ``session``: what the caller calls itself in ``metadata.user_id``, to keep it
    on one account; None for nothing.
    """

    model: str
    is_stream: bool
    body: bytes
    wishes: MessageWishes
    dropped: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    session: str | None = None


def messages_request(
    body: bytes, *, options: MessagesOptions, counts_only: bool = False
) -> MessagesRequest:
    """Return what to send for ``body``; raises InvalidRequest with the place of a fault.

    ``counts_only``: its tokens are to be counted, so it needs no ``max_tokens``.
    """
    fields = _object(body)
    model = fields.filled_text("model", "'gemini-2.5-flash'")
    return _Translation(fields, options, counts_only=counts_only).request(model)


class _Translation:
    """One request on its way, all of it that more than one step needs."""

    __slots__ = ("_body", "_counts_only", "_options", "_report", "_tools")

    def __init__(self, body: Fields, options: MessagesOptions, *, counts_only: bool) -> None:
        self._body = body
        self._options = options
        self._counts_only = counts_only
        self._report = Report(is_strict=options.is_strict)
        self._tools = ToolReader(options, self._report)

    def request(self, model: str) -> MessagesRequest:
        """Return the request of a caller who named ``model``."""
        self._refuse_thread()
        thinking = read_thinking(self._body, self._options, self._report)
        plain = self._plain(thinking)
        is_stream = bool(self._body.flag("stream"))
        session = self._session()
        self._drop_unread()
        return MessagesRequest(
            model=model,
            is_stream=is_stream,
            # Not codec.encode: a tool's result stays the JSON it was, with any key.
            body=msgspec.json.encode(plain),
            wishes=MessageWishes(
                tool_names=self._tools.changed_names,
                is_one_call=self._tools.is_one_call,
                shows_thoughts=thinking.is_shown,
                keeps_signatures=self._options.signatures is not None,
                envelope_key=self._options.envelope_key,
            ),
            dropped=self._report.dropped,
            warnings=tuple(self._report.warnings),
            session=session,
        )

    def _refuse_thread(self) -> None:
        """Raise for a thread, of which the service would keep the earlier turns.

        Left out, it would cost the caller its conversation without a word; refused by this code,
        the SDK's tool runner sends all turns itself.
        """
        if self._body.value("thread") is not None:
            raise InvalidParameter(
                "thread: no conversation is kept here; send all messages, without a thread",
                param="thread",
                code="thread_unsupported_request",
            )

    def _plain(self, thinking: Thinking) -> JSONObject:
        tools = self._tools.read(self._body)
        conversation = Conversation(self._options, self._tools.names, self._report)
        conversation.read(self._body)
        config = sampling_config(
            self._body, self._options, self._report, counts_only=self._counts_only
        )
        if thinking.config:
            config["thinkingConfig"] = thinking.config
        format, instruction = answer_format(
            self._body, self._options, self._report, has_functions=self._tools.has_functions
        )
        if instruction is not None:
            conversation.system.append({"text": instruction})
        system = conversation.system
        plain: JSONObject = {
            "systemInstruction": {"parts": system} if system else None,
            "contents": conversation.contents,
            **tools,
            "generationConfig": config | format or None,
        }
        return {name: value for name, value in plain.items() if value is not None}

    def _session(self) -> str | None:
        metadata = self._body.object("metadata")
        return None if metadata is None else metadata.text("user_id")

    def _drop_unread(self) -> None:
        self._body.value("cache_control")  # a hint to a cache that Gemini keeps by itself
        inner = [self._body.object(name) for name in _OBJECTS]
        for fields in (self._body, *inner):
            for name in fields.unread() if fields else ():
                self._report.drop(name)


def _object(body: bytes) -> Fields:
    try:
        plain: Any = decode_plain(body)
    except DecodeError:
        raise InvalidRequest(
            "the body is not JSON; send an object with model, max_tokens and messages"
        ) from None
    return Fields(plain)
