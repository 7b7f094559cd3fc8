"""What is answered to bytes that are no request we take: whole answers, made once.

The caller's dialect is not known yet, so they have the form of the Gemini service, of which every
SDK reads the code and the message.
"""

from __future__ import annotations

import enum

from ...errors import APIError
from ...wire.status import encode_error

__all__ = ("Refusal",)

# RFC 9110 §15; those of http.HTTPStatus differ between versions of Python.
_PHRASES = {
    400: "Bad Request",
    408: "Request Timeout",
    414: "URI Too Long",
    415: "Unsupported Media Type",
    417: "Expectation Failed",
    431: "Request Header Fields Too Large",
    501: "Not Implemented",
    505: "HTTP Version Not Supported",
}


class Refusal(enum.Enum):
    """Why a connection is ended before the relay sees a request; HTTP code and message."""

    MALFORMED = (400, "the request is not well-formed HTTP/1.1")
    NO_HOST = (400, "the request must have exactly one Host header")
    FRAGMENT = (400, "the request target has a fragment")
    CHUNK_EXTENSIONS = (400, "the chunk extensions are too long")
    TRAILERS = (400, "trailers are not accepted")
    PIPELINED = (400, "a request behind a chunked body must wait for the answer")
    UNDERSCORE = (400, "two header names differ only in - and _")
    CHUNKED_1_0 = (400, "Transfer-Encoding needs HTTP/1.1")
    UPGRADE = (400, "this connection is not upgraded")
    LATE_HEAD = (408, "the headers took too long")
    SLOW_BODY = (408, "the body comes too slowly")
    LONG_URL = (414, "the request target is too long")
    PACKED = (415, "Content-Encoding is not accepted; send the body as it is")
    EXPECTATION = (417, "only Expect: 100-continue is understood")
    LARGE_HEAD = (431, "the headers are too large")
    CODING = (501, "only Transfer-Encoding: chunked is understood")
    VERSION = (505, "only HTTP/1.1 and HTTP/1.0 are spoken")

    @property
    def answer(self) -> bytes:
        """The whole answer, after which the connection is closed."""
        return _ANSWERS[self]


def _answer(code: int, message: str) -> bytes:
    status = "UNIMPLEMENTED" if code == 501 else "INVALID_ARGUMENT"
    body = encode_error(APIError(message, code=code, status=status))
    head = (
        f"HTTP/1.1 {code} {_PHRASES[code]}\r\ncontent-type: application/json; charset=UTF-8\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode("ascii") + body


_ANSWERS = {refusal: _answer(*refusal.value) for refusal in Refusal}
