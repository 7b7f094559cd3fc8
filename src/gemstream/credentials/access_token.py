"""An OAuth access token as credentials: Vertex AI, and the Gemini API where a key is not wanted."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
from collections.abc import Awaitable, Callable, Mapping

from ..errors import InvalidRequest, MissingCredentials
from .api_key import without_secret

__all__ = ("AccessToken",)

_REDACTED = b"[redacted]"
_MOST_SEEN = 64  # tokens last an hour, and no stream runs for days
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
        self._quota_project = (
            None if quota_project is None else _checked(quota_project, "quota_project")
        )
        self._seen: tuple[str, ...] = () if callable(token) else (token,)  # newest first
        named = quota_project or "" if callable(token) else token
        self.account = "token-" + hashlib.sha256(named.encode()).hexdigest()[:8]

    async def headers(self) -> Mapping[str, str]:
        """Return the headers of the token as it is now.

        Raises MissingCredentials when the function fails or returns no token.
        """
        token = await self._current()
        if token not in self._seen[:1]:
            others = (seen for seen in self._seen if seen != token)
            self._seen = (token, *others)[:_MOST_SEEN]  # at once, for whoever reads it meanwhile
        headers = {"authorization": f"Bearer {token}"}
        if self._quota_project is not None:
            headers["x-goog-user-project"] = self._quota_project
        return headers

    def redact(self, data: bytes) -> bytes:
        """Return ``data`` without the tokens sent last, nor a piece that an excerpt left of one.

        An older one may still be in the answer to an earlier request.
        """
        tokens = [token.encode() for token in self._seen]
        for token in tokens:  # whole ones first: two may share a beginning
            data = data.replace(token, _REDACTED)
        for token in tokens:
            data = without_secret(data, token)
        return data

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
        except asyncio.CancelledError as error:
            if _is_cancelled():
                raise
            raise MissingCredentials(
                "what the function of AccessToken waits for was cancelled; it must return a "
                "valid token"
            ) from error
        except Exception as error:
            raise MissingCredentials(
                f"the function of AccessToken raised {type(error).__name__}; it must return a "
                "valid token"
            ) from error


def _is_cancelled() -> bool:
    """True when it is our own task that is to end, and not one that was waited for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _checked(value: object, name: str = "the access token") -> str:
    if not isinstance(value, str):
        raise InvalidRequest(f"{name} is a {type(value).__name__}; it must be text")
    if not value or not all("!" <= character <= "~" for character in value):
        raise InvalidRequest(
            f"{name} is empty or holds white space or characters that are not ASCII"
        )
    return value
