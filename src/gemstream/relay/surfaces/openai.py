"""The OpenAI surface: chat completions and embeddings, answered by Gemini.

Source: https://platform.openai.com/docs/api-reference.
"""

from __future__ import annotations

import functools
import time

from ...policy.estimate import estimate
from ...wire.dialect.dialect import Dialect
from ...wire.dialect.model_traits import traits_of
from ...wire.dialect.openai.chunks import ChatEncoder
from ...wire.dialect.openai.embeddings import embeddings_body, embeddings_request
from ...wire.dialect.openai.options import ChatOptions
from ...wire.dialect.openai.request import ChatRequest, chat_request
from ...wire.dialect.openai.whole import ChatCompletion
from ...wire.endpoint import Operation
from ..answers.answer import StreamAnswer, WholeAnswer
from ..answers.mapped import MappedWhole
from ..answers.translated import TranslatedStream, TranslatedWhole
from ..call import Call
from ..json_check import check_json
from .named_model import named_model
from .reports import report_headers
from .request import Request

__all__ = ("chat_call", "embeddings_call")

# Idle timers on the way are some 60 s; SDKs skip comments.
_HEARTBEAT = 15.0


def chat_call(request: Request) -> Call:
    """Return the call for a chat completion.

    Raises Refused for a body that is no JSON, InvalidRequest for one that means nothing.
    """
    asked, model = _read(request)
    options = ChatOptions(model=model, traits=traits_of(model), signatures=request.signatures)
    chat = chat_request(request.body, options=options)
    return Call(
        surface=Dialect.OPENAI,
        operation=Operation.GENERATE,
        asked=asked,
        model=model,
        body=chat.body,
        estimate=estimate(chat.body),
        stream=functools.partial(_stream, request, chat) if chat.is_stream else None,
        whole=None if chat.is_stream else functools.partial(_whole, request, chat),
        headers=report_headers(chat.dropped, chat.warnings),
        session=request.session(Dialect.OPENAI),
        heartbeat=_HEARTBEAT,
    )


def embeddings_call(request: Request) -> Call:
    """Return the call for embeddings; raises as ``chat_call``."""
    asked, model = _read(request)
    embeddings = embeddings_request(request.body, target=model)
    return Call(
        surface=Dialect.OPENAI,
        operation=Operation.BATCH_EMBED,
        asked=asked,
        model=model,
        body=embeddings.body,
        estimate=estimate(embeddings.body),
        whole=lambda: MappedWhole(lambda body: embeddings_body(body, embeddings)),
        headers=report_headers(embeddings.dropped, ()),
    )


def _read(request: Request) -> tuple[str, str]:
    check_json(request.body, request.options.server.max_depth)
    asked = named_model(request.body)
    return asked, request.resolved(asked)


def _stream(request: Request, chat: ChatRequest) -> StreamAnswer:
    encoder = ChatEncoder(
        chat.wishes, id=_completion_id(request), created=int(time.time()), model=chat.model
    )
    return TranslatedStream(Dialect.OPENAI, encoder, request.id, request.signatures.keep)


def _whole(request: Request, chat: ChatRequest) -> WholeAnswer:
    fold = ChatCompletion(
        chat.wishes, id=_completion_id(request), created=int(time.time()), model=chat.model
    )
    return TranslatedWhole(fold, request.signatures.keep)


def _completion_id(request: Request) -> str:
    return f"chatcmpl-{request.id.removeprefix('req_')}"
