"""An OAuth access token as credentials: Vertex AI, and the Gemini API where a key is not wanted."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Awaitable, Callable, Mapping

from ..errors import InvalidRequest, MissingCredentials

__all__ = ("AccessToken",)

_REDACTED = b"[redacted]"
TokenSource = Callable[[], "str | Awaitable[str]"]


class AccessToken:
    """A bearer token, or a function that returns a valid one, asked before every request.

    ``token``: the token, or a function (it may be a coroutine function) that keeps it fresh: it
    must return quickly and refresh as needed. ``quota_project`` is billed instead of the token's
    own. Raises InvalidRequest for a token that no header can carry. Source: RFC 6750, 2.1.
    """

    __slots__ = ("_quota_project", "_seen", "_token", "account")

    def __init__(self, token: str | TokenSource, *, quota_project: str | None = None) -> None:
        self._token = token if callable(token) else _checked(token)
        self._quota_project = quota_project
        self._seen = b"" if callable(token) else token.encode()
        named = quota_project or "" if callable(token) else token
        self.account = "token-" + hashlib.sha256(named.encode()).hexdigest()[:8]

    async def headers(self) -> Mapping[str, str]:
        """Return the headers of the token as it is now.

        Raises MissingCredentials when the function fails or returns no token.
        """
        token = await self._current()
        self._seen = token.encode()
        headers = {"authorization": f"Bearer {token}"}
        if self._quota_project is not None:
            headers["x-goog-user-project"] = self._quota_project
        return headers

    def redact(self, data: bytes) -> bytes:
        """Return ``data`` without the token that was sent last."""
        return data.replace(self._seen, _REDACTED) if self._seen else data

    def __repr__(self) -> str:
        return f"AccessToken({self.account})"

    async def _current(self) -> str:
        if not callable(self._token):
            return self._token
        try:
            token = self._token()
            return _checked(await token if inspect.isawaitable(token) else token)
        except InvalidRequest:
            raise
        except Exception as error:
            raise MissingCredentials(
                f"the function of AccessToken raised {type(error).__name__}; it must return a "
                "valid token"
            ) from error


def _checked(token: object) -> str:
    if not isinstance(token, str):
        raise InvalidRequest(f"the access token is a {type(token).__name__}; it must be text")
    if not token or not all("!" <= character <= "~" for character in token):
        raise InvalidRequest(
            "the access token is empty or holds white space or characters that are not ASCII"
        )
    return token
