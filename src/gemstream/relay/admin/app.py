"""The operators' side as an ASGI application: nobody gets in without the token, whatever the path.

Strategy. The token is looked at first, before the path; then the row of the raw path decides, and
what no row has is not there. No URL is put together from a Host header, no path is decoded, no
other way of sending the token is known. Every change is in the audit.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
from collections.abc import Mapping
from typing import Any

import msgspec

from ...errors import ConfigError, GemstreamError, InvalidRequest, InvalidState, StoreUnavailable
from ..exchange import BodyTooLarge, CallerGone, Exchange, Header, Receive, Scope, Send
from ..json_check import check_json
from ..keys.failed_auth import FailedAuth
from ..refused import Refused
from .answer import Streamed, Written
from .desk import Declined, Deed, Desk
from .openapi import admin_document
from .route import Row, matched, methods_of
from .views import Error, Failure

__all__ = ("Admin",)

_log = logging.getLogger("gemstream.relay.admin")

_MOST_BODY = 1 << 20
_DEEPEST = 8
_LONGEST_ACTOR = 64
_LONGEST_VALUE = 256
_BEARER = b"bearer "
_ACTOR = b"x-gemstream-actor"
_DOCUMENT = "/openapi.json"
_WORDS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    409: "ABORTED",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
}
# The first that fits.
_CODES: tuple[tuple[type[GemstreamError], int], ...] = (
    (InvalidState, 409),
    (StoreUnavailable, 503),
    (ConfigError, 400),
    (InvalidRequest, 400),
)


class Admin:
    """Serves operators at ``desk``; an instance is the ASGI application."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._failed = FailedAuth()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "http":
            await self._serve(Exchange(scope, receive, send, f"adm_{secrets.token_hex(12)}"))
        elif scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            raise NotImplementedError(f"the relay does not speak {scope['type']}")

    async def _serve(self, exchange: Exchange) -> None:
        try:
            self._let_in(exchange)
            await self._answer(exchange)
        except Declined as declined:
            await _decline(exchange, declined)
        except Refused as refused:  # by the check of the body
            await _decline(exchange, Declined(400, refused.refusal.message))
        except BodyTooLarge:
            await _decline(exchange, Declined(413, f"the body is longer than {_MOST_BODY} bytes"))
        except GemstreamError as error:
            await _decline(exchange, _declined(error))
        except CallerGone:
            return
        except Exception:
            _log.exception("the relay failed on the operators' request %s", exchange.request_id)
            await _decline(exchange, Declined(500, "an error inside the relay; see its log"))

    def _let_in(self, exchange: Exchange) -> None:
        """Raise Declined unless the request brings the token, in one way only.

        A flood of wrong ones is told to wait, and never keeps out who has the right one.
        """
        given = [value for name, value in exchange.headers if name == b"authorization"]
        token = self.desk.token()
        shown = given[0][len(_BEARER) :].strip(b" ") if given else b""
        is_right = hmac.compare_digest(_digest(shown), _digest((token or "").encode()))
        is_bearer = len(given) == 1 and given[0][: len(_BEARER)].lower() == _BEARER
        if token and is_right and is_bearer:
            return
        address = exchange.peer or None
        if (delay := self._failed.delay(address)) is not None:
            raise Declined(429, f"too many wrong tokens came from here; wait {delay:.0f} s")
        self._failed.fail(address)
        raise Declined(401, "the operators' token is missing or wrong; send it as Bearer")

    async def _answer(self, exchange: Exchange) -> None:
        path = (exchange.raw_path or exchange.path.encode()).decode("latin-1")
        if exchange.method == "GET" and path == _DOCUMENT:
            await _send(exchange, Written("application/json", admin_document()), 200)
            return
        found = matched(exchange.method, path)
        if found is None:
            raise _not_there(exchange.method, path)
        row, params = found
        deed = Deed(
            params=params,
            query=_query(exchange, row),
            body=_body(row, await exchange.read_body(_MOST_BODY)),
            actor=_actor(exchange),
        )
        await _send(exchange, await row.act(self.desk, deed), row.code)


class _NotAllowed(Declined):
    """A path that is there under another method."""

    def __init__(self, methods: tuple[str, ...]) -> None:
        super().__init__(405, f"this path is served by {', '.join(methods)}")
        self.methods = methods


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).digest()


def _not_there(method: str, path: str) -> Declined:
    methods = ("GET",) if path == _DOCUMENT else methods_of(path)
    return _NotAllowed(methods) if methods else Declined(404, "this is not served here")


def _query(exchange: Exchange, row: Row) -> dict[str, str]:
    known = {param.name: param for param in row.query}
    given: dict[str, str] = {}
    for name, value in exchange.query:
        param = known.get(name)
        if param is None:
            there = f"there are {', '.join(known)}" if known else "there is none here"
            raise Declined(400, f"the query parameter {name!r:.60} does not exist; {there}")
        if name in given:
            raise Declined(400, f"the query has {name} twice")
        if param.choices and value not in param.choices:
            raise Declined(400, f"{name} must be one of {', '.join(param.choices)}")
        if not value.isprintable() or not 0 < len(value) <= _LONGEST_VALUE:
            raise Declined(400, f"{name} must be one line of at most {_LONGEST_VALUE} characters")
        given[name] = value
    return given


def _body(row: Row, body: bytes) -> msgspec.Struct | None:
    if row.body is None or (row.is_body_optional and not body):
        if body:
            raise Declined(400, "this takes no body")
        return None
    check_json(body, _DEEPEST)
    try:
        return msgspec.json.decode(body, type=row.body)
    except msgspec.MsgspecError as error:
        raise Declined(400, f"the body cannot be used: {error}") from None


def _actor(exchange: Exchange) -> str:
    """Return who is named in the audit: what the operator calls itself, and where it is."""
    named = [value for name, value in exchange.headers if name == _ACTOR]
    name = named[0].decode("latin-1") if named else "operator"
    if len(named) > 1 or not 0 < len(name) <= _LONGEST_ACTOR or not name.isascii():
        raise Declined(400, f"{_ACTOR.decode()} must be one name of {_LONGEST_ACTOR} letters")
    return f"{name} at {exchange.peer}" if exchange.peer else name


def _declined(error: GemstreamError) -> Declined:
    code = next((code for kind, code in _CODES if isinstance(error, kind)), 500)
    if code == 503:  # the words of an engine may name its host and user
        _log.error("the database cannot be reached: %s", error)
        return Declined(503, "the database cannot be reached at the moment; see the log")
    first, *rest = str(error).split("\n")
    if rest:
        return Declined(code, "several things cannot be used", (first, *rest))
    return Declined(code, first)


async def _send(exchange: Exchange, answer: msgspec.Struct, code: int) -> None:
    if isinstance(answer, Streamed):
        await exchange.start(code, _head(exchange, answer.content_type))
        async for piece in answer.pieces:
            await exchange.send(piece)
        await exchange.end()
        return
    if isinstance(answer, Written):
        head = _head(exchange, answer.content_type)
        await exchange.answer(answer.code, head, answer.body)
        return
    head = _head(exchange, "application/json")
    await exchange.answer(code, head, msgspec.json.encode(answer))


async def _decline(exchange: Exchange, declined: Declined) -> None:
    if exchange.is_gone:
        return
    if exchange.status:  # in the middle of an export: the missing end tells
        raise declined
    failure = Failure(
        code=declined.code,
        status=_WORDS[declined.code],
        message=declined.message,
        problems=declined.problems,
    )
    head = [*_head(exchange, "application/json"), *_more(declined)]
    await exchange.answer(declined.code, head, msgspec.json.encode(Error(error=failure)))


def _more(declined: Declined) -> tuple[Header, ...]:
    if isinstance(declined, _NotAllowed):
        return ((b"allow", ", ".join(declined.methods).encode()),)
    if declined.code == 401:
        return ((b"www-authenticate", b'Bearer realm="gemstream relay"'),)
    return ()


def _head(exchange: Exchange, content_type: str) -> tuple[Header, ...]:
    return (
        (b"content-type", content_type.encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        (b"x-request-id", exchange.request_id.encode()),
    )


async def _live(receive: Receive, send: Send) -> None:
    """Answer the server's start and stop; what is worked on is its owner's to open and close."""
    while True:
        event: Mapping[str, Any] = await receive()
        await send({"type": f"{event['type']}.complete"})
        if event["type"] == "lifespan.shutdown":
            return
