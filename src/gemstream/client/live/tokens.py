"""Ephemeral tokens: a server makes one with its key, a browser opens a Live session with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from ...config.models import ModelCatalog
from ...errors import GemstreamError, InvalidRequest, ProtocolError
from ...policy.live.token_request import Lock, Moment, check_uses, moment_of
from ...policy.redaction import redacted, without_tokens
from ...policy.unary import read_message
from ...wire.codec import to_plain
from ...wire.endpoint import TOKEN_VERSION, Operation, url_for
from ...wire.live.auth_token import AuthToken
from ...wire.live.setup import LiveSetup, SessionResumption
from ..call import Call
from ..request import encode_body
from ..service import Answered, Service
from .naming import live_resource
from .options import SETUP_OPTIONS, LiveOptions, checked_options, registry_of, setup_of

__all__ = ("LiveConstraints", "LiveTokens")


class LiveConstraints(LiveOptions, total=False):
    """What a token settles of its sessions: their model, and what ``live`` takes of a setup."""

    model: str | None
    config: LiveSetup | None


class LiveTokens:
    """``client.live_tokens``: makes what opens a Live session without an API key."""

    def __init__(self, service: Service, catalog: ModelCatalog) -> None:
        self._service = service
        self._catalog = catalog

    async def create(
        self,
        *,
        uses: int = 1,
        expire: Moment | None = None,
        new_session_expire: Moment | None = None,
        constraints: LiveSetup | LiveConstraints | None = None,
        lock: Sequence[str] | None = None,
    ) -> AuthToken:
        """Return a new token; its ``name`` is the secret to give as another client's ``api_key``.

        ``uses``: sessions it may open; 0 is no limit. ``expire``: when its sessions end, by default
        in 30 minutes; ``new_session_expire``: until when it opens them, by default for one. Each is
        seconds from now, a timedelta or an aware datetime, less than 20 hours ahead.
        ``constraints``: what is settled beforehand; alone they are the whole setup. ``lock``: the
        only fields of it that the client cannot change, as ``["model", "tools"]``; one that is
        locked and not given stays empty. Raises InvalidRequest before anything is sent, on Vertex
        AI too, which has no tokens; APIError, TransportError and ProtocolError after. It is tried
        again as the retry policy says. Cancelling is safe.
        """
        self._service.check_open()
        if self._service.is_vertex:
            raise InvalidRequest(
                "Vertex AI has no ephemeral tokens; make them with a client of the Gemini API"
            )
        check_uses(uses)
        now = datetime.now(UTC)
        wanted = AuthToken(
            uses=uses,
            expire_time=moment_of("expire", expire, now),
            new_session_expire_time=moment_of("new_session_expire", new_session_expire, now),
        )
        return await self._made(self._constrained(wanted, constraints, lock))

    def _constrained(
        self,
        wanted: AuthToken,
        constraints: LiveSetup | LiveConstraints | None,
        lock: Sequence[str] | None,
    ) -> AuthToken:
        """Return ``wanted`` with the setup that it settles."""
        if constraints is None:
            if lock is not None:
                raise InvalidRequest("lock says what of the constraints is locked; give them too")
            return wanted
        given = _given(constraints)
        model = given.pop("model", None) or _config(given).model
        resource = None if model is None else live_resource(self._service, self._catalog, model)
        if lock is None:
            if resource is None:
                raise InvalidRequest(
                    "the constraints name no model, and without a lock they are the whole setup; "
                    "name a model, or lock the fields that you give"
                )
            setup = setup_of(resource, given, None)
            return msgspec.structs.replace(wanted, bidi_generate_content_setup=setup)
        locked = Lock(lock)
        setup = _bare_setup(resource, given)
        locked.check(to_plain(setup))
        return msgspec.structs.replace(
            wanted, bidi_generate_content_setup=setup, field_mask=locked.mask
        )

    async def _made(self, wanted: AuthToken) -> AuthToken:
        settings = self._service.settings
        call = Call(
            method="POST",
            url=url_for(settings.base_url, TOKEN_VERSION, Operation.CREATE_TOKEN),
            body=encode_body(to_plain(wanted), max_size=settings.max_request_size),
            timeouts=settings.timeouts,
        )
        try:
            token, _ = await self._service.answer(call, _read)
        except GemstreamError as error:
            raise redacted(error, without_tokens) from None
        return token


def _given(constraints: LiveSetup | LiveConstraints) -> dict[str, Any]:
    """Return the options that were given, all of them about the setup."""
    if isinstance(constraints, LiveSetup):
        return {"config": constraints}
    if not isinstance(constraints, Mapping):
        raise InvalidRequest(
            f"constraints is {constraints!r:.80}; it takes a LiveSetup, or a dict as "
            "{'model': 'gemini-3.8-live', 'temperature': 0.5}"
        )
    options: dict[str, Any] = dict(constraints)
    model = options.pop("model", None)
    for name in LiveOptions.__annotations__.keys() - SETUP_OPTIONS:
        if options.get(name) is not None:
            raise InvalidRequest(f"{name} is not of the setup that a token locks; give it to live")
    given = checked_options(options)
    registry_of(given)  # a token holds declarations; the functions run where the session is
    return given if model is None else {**given, "model": model}


def _config(given: Mapping[str, Any]) -> LiveSetup:
    config: LiveSetup = given.get("config") or LiveSetup()
    return config


def _bare_setup(model: str | None, given: Mapping[str, Any]) -> LiveSetup:
    """Return a setup of what was given alone, without what a session has unless told otherwise."""
    config = _config(given)
    compression = given.get("context_window_compression", config.context_window_compression)
    setup = setup_of(
        model,
        {**given, "context_window_compression": compression or False},
        None,
        is_constrained=True,
    )
    if config.session_resumption is None and setup.session_resumption == SessionResumption():
        return msgspec.structs.replace(setup, session_resumption=None)
    return setup


def _read(answered: Answered) -> AuthToken:
    token = read_message(answered.body, AuthToken)
    if not token.name:
        raise ProtocolError("the service answered with a token without a name")
    return token
