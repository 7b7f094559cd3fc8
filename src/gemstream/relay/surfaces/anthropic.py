"""The Anthropic surface: messages and the count of their tokens, answered by Gemini.

Source: https://docs.anthropic.com/en/api/messages.
"""

from __future__ import annotations

import functools

from ...policy.estimate import estimate
from ...policy.limit.tokens import Tokens
from ...wire.dialect.anthropic.count_tokens import count_body, count_request, token_count
from ...wire.dialect.anthropic.events import MessageEncoder
from ...wire.dialect.anthropic.options import MessagesOptions
from ...wire.dialect.anthropic.request import MessagesRequest, messages_request
from ...wire.dialect.anthropic.whole import WholeMessage
from ...wire.dialect.dialect import Dialect
from ...wire.dialect.model_traits import traits_of
from ...wire.endpoint import Operation
from ..answers.answer import StreamAnswer, WholeAnswer
from ..answers.mapped import MappedWhole
from ..answers.translated import TranslatedStream, TranslatedWhole
from ..call import Call
from ..json_check import check_json
from .named_model import named_model
from .reports import report_headers
from .request import Request

__all__ = ("count_call", "messages_call")

# As often as Anthropic's own service pings.
_HEARTBEAT = 15.0


def messages_call(request: Request) -> Call:
    """Return the call for a message.

    Raises Refused for a body that is no JSON, InvalidRequest for one that means nothing.
    """
    asked, options = _read(request)
    message = messages_request(request.body, options=options)
    return Call(
        surface=Dialect.ANTHROPIC,
        operation=Operation.GENERATE,
        asked=asked,
        model=options.model,
        body=message.body,
        estimate=estimate(message.body),
        stream=functools.partial(_stream, request, message) if message.is_stream else None,
        whole=None if message.is_stream else functools.partial(_whole, request, message),
        headers=(*_request_id(request), *report_headers(message.dropped, message.warnings)),
        session=request.session(Dialect.ANTHROPIC),
        heartbeat=_HEARTBEAT,
    )


def count_call(request: Request) -> Call:
    """Return the call that counts a message's tokens; raises as ``messages_call``."""
    asked, options = _read(request)
    counted = count_request(request.body, options=options)
    return Call(
        surface=Dialect.ANTHROPIC,
        operation=Operation.COUNT_TOKENS,
        asked=asked,
        model=options.model,
        body=counted.body,
        estimate=Tokens(),
        whole=lambda: MappedWhole(lambda body: count_body(token_count(body))),
        headers=(*_request_id(request), *report_headers(counted.dropped, counted.warnings)),
    )


def _read(request: Request) -> tuple[str, MessagesOptions]:
    check_json(request.body, request.options.server.max_depth)
    asked = named_model(request.body)
    model = request.resolved(asked)
    return asked, MessagesOptions(
        model=model, traits=traits_of(model), signatures=request.signatures
    )


def _stream(request: Request, message: MessagesRequest) -> StreamAnswer:
    encoder = MessageEncoder(
        message.wishes, id=_message_id(request), model=message.model, request_id=request.id
    )
    return TranslatedStream(Dialect.ANTHROPIC, encoder, request.id, request.signatures.keep)


def _whole(request: Request, message: MessagesRequest) -> WholeAnswer:
    fold = WholeMessage(message.wishes, id=_message_id(request), model=message.model)
    return TranslatedWhole(fold, request.signatures.keep)


def _message_id(request: Request) -> str:
    return f"msg_{request.id.removeprefix('req_')}"


def _request_id(request: Request) -> tuple[tuple[bytes, bytes], ...]:
    """Return the header that Anthropic's SDKs read the id of a request from."""
    return ((b"request-id", request.id.encode()),)
