"""The OpenAI surface: chat completions, models and embeddings, answered by Gemini.

Source: https://platform.openai.com/docs/api-reference.
"""

from __future__ import annotations

import functools
import time

from ...policy.account.session_hash import session_hash
from ...policy.estimate import estimate
from ...wire.codec import decode_plain
from ...wire.dialect.dialect import Dialect
from ...wire.dialect.model_traits import traits_of
from ...wire.dialect.openai.chunks import ChatEncoder
from ...wire.dialect.openai.options import ChatOptions
from ...wire.dialect.openai.request import ChatRequest, chat_request
from ...wire.dialect.openai.whole import ChatCompletion
from ...wire.endpoint import Operation
from ..answers.answer import StreamAnswer, WholeAnswer
from ..answers.translated import TranslatedStream, TranslatedWhole
from ..call import Call
from ..json_check import check_json
from .named_model import named_model
from .reports import report_headers
from .request import Request

__all__ = ("chat_call",)

# As often as OpenAI's own service does in long silences; SDKs skip comments.
_HEARTBEAT = 15.0


def chat_call(request: Request) -> Call:
    """Return the call for a chat completion.

    Raises Refused for a body that is no JSON, InvalidRequest for one that means nothing.
    """
    check_json(request.body, request.options.server.max_depth)
    asked = named_model(request.body)
    model = request.resolved(asked)
    chat = chat_request(request.body, options=ChatOptions(model=model, traits=traits_of(model)))
    return Call(
        surface=Dialect.OPENAI,
        operation=Operation.GENERATE,
        asked=asked,
        model=model,
        body=chat.body,
        estimate=estimate(chat.body),
        stream=functools.partial(_stream, request.id, chat) if chat.is_stream else None,
        whole=None if chat.is_stream else functools.partial(_whole, request.id, chat),
        headers=report_headers(chat.dropped, chat.warnings),
        session=_session(request),
        heartbeat=_HEARTBEAT,
    )


def _stream(request_id: str, chat: ChatRequest) -> StreamAnswer:
    encoder = ChatEncoder(
        chat.wishes, id=_completion_id(request_id), created=int(time.time()), model=chat.model
    )
    return TranslatedStream(Dialect.OPENAI, encoder, request_id)


def _whole(request_id: str, chat: ChatRequest) -> WholeAnswer:
    fold = ChatCompletion(
        chat.wishes, id=_completion_id(request_id), created=int(time.time()), model=chat.model
    )
    return TranslatedWhole(fold)


def _completion_id(request_id: str) -> str:
    return f"chatcmpl-{request_id.removeprefix('req_')}"


def _session(request: Request) -> str | None:
    if len(request.options.accounts) < 2:
        return None
    plain = decode_plain(request.body)
    return session_hash(request.key.id, Dialect.OPENAI, request.headers, plain) or None
