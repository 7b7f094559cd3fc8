"""An account put to the test: its service is asked for something that costs nothing."""

from __future__ import annotations

import asyncio

import msgspec

from ...errors import GemstreamError
from ...net.transport import Deadlines, Exchange, Transport
from ...wire.endpoint import Operation
from ...wire.status import decode_error
from ..accounts.account import Account
from ..accounts.kind import Call
from .views import Verdict

__all__ = ("probe",)

_SECONDS = 15.0
# Errors are short, and of a list of models only that it came is of interest.
_MOST = 64 * 1024
_PROMPT = msgspec.json.encode({"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]})


async def probe(account: Account, transport: Transport, model: str | None) -> Verdict:
    """Ask ``account`` to count tokens of ``model``, else for its first model; never raises for
    what the service says. Safe to cancel.
    """
    call = _call(model)
    assert call.operation is not None, "both ask by name"
    began = asyncio.get_running_loop().time()
    status, error = await _asked(account, transport, call, began + _SECONDS)
    return Verdict(
        account=account.name,
        asked=call.operation.value,
        is_ok=not error,
        status=status,
        error=account.redact(error.encode("utf-8", "replace")).decode("utf-8", "replace"),
        seconds=round(asyncio.get_running_loop().time() - began, 3),
    )


def _call(model: str | None) -> Call:
    if model is None:
        return Call(operation=Operation.LIST_MODELS, query={"pageSize": "1"})
    return Call(operation=Operation.COUNT_TOKENS, model=model, body=_PROMPT)


async def _asked(
    account: Account, transport: Transport, call: Call, until: float
) -> tuple[int | None, str]:
    deadlines = Deadlines(connect=5.0, total=until, total_seconds=_SECONDS)
    try:
        exchange = await transport.open(await account.request(call), deadlines)
        try:
            body = await _body(exchange)
        finally:
            await exchange.aclose()
    except GemstreamError as error:
        return None, str(error) or type(error).__name__
    if exchange.status == 200:
        return 200, ""
    said = decode_error(body, http_status=exchange.status)
    return exchange.status, f"{said.status}: {said.message}"


async def _body(exchange: Exchange) -> bytes:
    body = b""
    while len(body) < _MOST and (piece := await exchange.receive()):
        body += piece
    return body
