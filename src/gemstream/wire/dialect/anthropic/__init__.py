"""Anthropic's Messages API ↔ Gemini's: messages, counting tokens, models.

A request of theirs becomes the body of a Gemini request and the wishes of its caller; neutral
events become their stream or, by the same steps, their whole answer.
Source: https://docs.anthropic.com/en/api/messages, SDK ``anthropic`` 2.12.
"""

from __future__ import annotations

from .count_tokens import count_body, count_request, token_count
from .events import MessageEncoder
from .models import model_body, model_list_body
from .options import MessagesOptions
from .request import MessagesRequest, messages_request
from .whole import WholeMessage
from .wishes import MessageWishes

__all__ = (
    "MessageEncoder",
    "MessageWishes",
    "MessagesOptions",
    "MessagesRequest",
    "WholeMessage",
    "count_body",
    "count_request",
    "messages_request",
    "model_body",
    "model_list_body",
    "token_count",
)
