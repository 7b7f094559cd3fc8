"""AsyncClient: text as it is generated, and the other calls of the Gemini API."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Unpack

import msgspec

from ..config.models import bundled_models
from ..config.prices import price_table
from ..config.timeouts import Timeouts
from ..errors import StreamingNotSupported
from ..limits.limit_use import LimitUse
from ..net.aiohttp_transport import AiohttpTransport
from ..net.transport import Transport
from ..policy.answer import Response
from ..policy.capability import supports_streaming
from ..policy.live.protocol import MAX_MESSAGE_SIZE
from ..policy.live.single_turn import not_in_a_turn
from ..wire.codec import JSONObject
from ..wire.embedding import BatchEmbedContentsResponse, TaskType
from ..wire.endpoint import EXPRESS, Operation
from ..wire.live.setup import LiveSetup
from ..wire.request import CountTokensResponse
from .call import Admit, freely
from .channel import Channel, Channels
from .client_options import ClientOptions
from .embedding import embed, embed_on_vertex, embed_settings
from .generate_options import GenerateOptions, given_options
from .hops import Hops
from .limiting import limiters_of, retry_budget_of, scope_of, uses_of
from .live.handshake import LIVE_METHOD
from .live.naming import has_token, live_resource, model_named, usual_live_resource
from .live.observation import LiveObservation
from .live.opening import SessionOpener
from .live.options import LiveOptions, checked_options, registry_of, setup_of
from .live.pacing import Pacing, limiter_for, limiter_of_client, told_as
from .live.session import LiveSession
from .live.tokens import LiveTokens
from .models import Models
from .observation import told_to
from .prompt import Prompt, PromptPiece
from .request import (
    Draft,
    draft_count,
    draft_generate,
    draft_vertex_count,
    encode_body,
)
from .service import Service
from .settings import set_up, timeouts_of
from .spending import budget_of, capping, pricing_of
from .stream import GenerateStream, OnChunk

__all__ = ("AsyncClient",)


class AsyncClient:
    """A Gemini client for asyncio; ``gemstream.Client`` is its blocking face.

    ``api_key``, else GOOGLE_API_KEY, else GEMINI_API_KEY, else the one that ``gemstream init``
    stored; the other options are told in ``ClientOptions``. Raises MissingCredentials, ConfigError
    and InvalidRequest for options that cannot work. Safe to share between tasks, and to use in one
    event loop after another. ``live_rate_limiter``: what its Live sessions share, None for none.
    """

    def __init__(self, api_key: str | None = None, **options: Unpack[ClientOptions]) -> None:
        setup = set_up(api_key, options, os.environ)
        self.options = setup.options
        self._prices = price_table(setup.options.config.prices or None, options.get("prices"))
        given = options.get("transport")
        self._owns_transport = given is None
        self._transport: Transport = given or AiohttpTransport()
        self._service = Service(
            setup.settings,
            self._transport,
            setup.credentials,
            options.get("on_event"),
            retry_budget_of(options, setup),
        )
        self._scope = scope_of(setup)
        self._limiters = limiters_of(options, setup)
        self._catalog = bundled_models().with_live(options.get("live_models") or {})
        self._channels = Channels(self._service, self._catalog, self._limiters)
        hook = options.get("on_event")
        self._told = None if hook is None else told_to(hook)
        if self._limiters is not None and self._told is not None:
            self._limiters.listen(self._told)
        self.live_rate_limiter = limiter_of_client(options, setup)
        written = setup.options.config.limits
        self._check_every = options.get("limit_check_every") or written.check_every
        self._channels.of(self.options.model)  # a default that cannot be named fails here
        self.models = Models(self._service)
        self.live_tokens = LiveTokens(self._service, self._catalog)

    async def generate(
        self, prompt: Prompt, *, on_chunk: OnChunk | None = None, **options: Unpack[GenerateOptions]
    ) -> Response:
        """Return the whole answer to ``prompt``.

        With ``on_chunk`` the answer is streamed and each chunk shown to the callback as it comes;
        ``StreamControl.STOP`` ends it early. With ``max_cost`` it is streamed too, for a stream can
        be broken off. A model that has Live sessions alone is asked in one of a single turn. Raises
        InvalidRequest before anything is sent; APIError, TransportError, ProtocolError,
        BudgetExceeded after. Cancelling breaks the call off.
        """
        if on_chunk is not None or options.get("max_cost") is not None:
            async with self.generate_stream(prompt, **options) as stream:
                return await stream.finish(on_chunk)
        channel, given = self._channel(options)
        return await self._hops(channel, prompt, given).whole()

    def generate_stream(self, prompt: Prompt, **options: Unpack[GenerateOptions]) -> GenerateStream:
        """Return the answer to ``prompt`` as a stream of chunks.

        Nothing is sent before the first chunk is asked for. Raises StreamingNotSupported and
        InvalidRequest at once; all else is raised by the stream, as is a file that it cannot read.
        What the prompt and the options hold is copied: changing them later changes nothing.
        """
        channel, given = self._channel(options)
        if not self.supports_streaming(channel.model):
            raise StreamingNotSupported(channel.name)
        return GenerateStream(self._hops(channel, prompt, given), self._check_every)

    def live(
        self,
        model: str | None = None,
        config: LiveSetup | None = None,
        *,
        resume: str | None = None,
        **options: Unpack[LiveOptions],
    ) -> LiveSession:
        """Return a Live session; entering its block opens it.

        ``model``: else the one of ``config``, else the client's, when it has Live sessions, else
        the newest that has; with an ephemeral token, which may name it, else none. ``config``: a
        whole setup; ``options`` win over its other fields, and its generation config's.
        ``resume``: the ``handle`` of an earlier session to go on from. Raises InvalidRequest at
        once; opening raises APIError when the handshake is refused, SessionClosedError when the
        setup is, FirstChunkTimeout when it is not answered, TransportError and ProtocolError. It is
        tried again as the retry policy says; each try is a request of the model's limits, and may
        raise RateLimited.
        """
        self._service.check_open()
        given = checked_options({**options, "config": config})
        registry = registry_of(given)
        resource = self._live_model(model_named(model, given.get("config")))
        parent = self._service.settings.parent
        named = f"{parent}/{resource}" if parent and parent != EXPRESS else resource
        setup = setup_of(named or None, given, resume, is_constrained=has_token(self._service))
        timeouts = self._timeouts(given)
        admit: Admit = freely  # nobody here knows the limits of a model that a token names
        if resource:
            admit = self._channels.of(resource).opening(timeouts.limit_wait, self._told)
        bare = resource.rpartition("/")[2]
        subject = self._service.subject(LIVE_METHOD, bare)
        observation = LiveObservation(self._service.watch(), subject, resumed=resume is not None)
        opener = SessionOpener(self._service, setup, timeouts, given, admit, observation)
        limiter = limiter_for(given, self.live_rate_limiter)
        pacing = Pacing(limiter, self._service, told_as(f"{self._scope}|{bare}", self._told))
        return LiveSession(
            opener.open, pacing, registry, observation, model=resource, handle=resume
        )

    async def count_tokens(
        self, prompt: Prompt, **options: Unpack[GenerateOptions]
    ) -> CountTokensResponse:
        """Return how many tokens the whole request would cost: prompt, system, tools, schema.

        Vertex AI is told no settings that cost nothing, as safety: its countTokens has none.
        """
        channel, given = self._channel(options)
        timeouts = self._timeouts(given)
        if self._service.is_vertex:
            draft = draft_vertex_count(prompt, given, max_size=self._max_size)
        else:
            draft = draft_count(prompt, given, model=channel.model, max_size=self._max_size)
        body = await draft.finish()
        return await channel.call(Operation.COUNT_TOKENS, body, CountTokensResponse, timeouts)

    async def embed(
        self,
        contents: PromptPiece | Sequence[PromptPiece],
        *,
        model: str | None = None,
        task_type: TaskType | str | None = None,
        title: str | None = None,
        output_dimensionality: int | None = None,
    ) -> BatchEmbedContentsResponse:
        """Return one embedding for each of ``contents``, in order.

        Each item of a sequence is embedded on its own; one text or content gives one embedding.
        """
        settings = embed_settings(task_type, title, output_dimensionality)
        self._service.check_open()
        default = self._catalog.default_embedding
        channel = self._channels.of(default if model is None else model)
        way = embed_on_vertex if self._service.is_vertex else embed
        return await way(channel, contents, settings, self.options.timeouts)

    async def request(
        self,
        method: str,
        path: str,
        body: JSONObject | None = None,
        *,
        query: Mapping[str, str] | None = None,
    ) -> Any:
        """Return the JSON that the service answers to any request, for what has no method here.

        ``path`` stands under the API version, as ``models/gemini-2.5-flash:generateContent``.
        """
        self._service.check_open()
        sent = b"" if body is None else encode_body(body, max_size=self._max_size)
        limited = self._channels.limiting(method, path)
        return await self._service.fetch(method, path, sent, query=query, limited=limited)

    def supports_streaming(self, model: str) -> bool:
        """Return False for a model known not to stream (embedding, Imagen, Veo), else True."""
        return supports_streaming(self._service.model_resource(model), self._catalog)

    async def limits(self, model: str | None = None) -> list[LimitUse]:
        """Return how much of each limit is used: of ``model``, else of all that anything is of.

        Nothing is sent; without limits to keep there is nothing to tell. Raises InvalidRequest for
        a name that cannot be one. Cancelling is safe.
        """
        name = None if model is None else self._service.model_resource(model).rpartition("/")[2]
        return await uses_of(self._limiters, name)

    async def aclose(self) -> None:
        """Close every connection; the client cannot be used again."""
        self._service.close()
        if self._limiters is not None and self._told is not None:
            self._limiters.unlisten(self._told)
        if self._owns_transport:
            await self._transport.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        account = self._service.credentials.account
        return f"<AsyncClient {self.options.base_url} {account} model={self.options.model!r}>"

    @property
    def _max_size(self) -> int:
        return self._service.settings.max_request_size

    def _live_model(self, model: str | None) -> str:
        """Return the resource name of the model to have a session with; "" leaves it to a token."""
        catalog = self._catalog
        if model is None:
            return usual_live_resource(self._service, catalog, self.options.model)
        return live_resource(self._service, catalog, model)

    def _channel(self, options: GenerateOptions) -> tuple[Channel, dict[str, Any]]:
        """Return the channel of the call's model, and the options given with the model's name."""
        self._service.check_open()
        given = given_options(options)
        channel = self._channels.of(given.get("model", self.options.model))
        return channel, {**given, "model": channel.name}

    def _hops(self, channel: Channel, prompt: Prompt, given: dict[str, Any]) -> Hops:
        """Return the way of one checked request, from the token it was given on."""
        timeouts = self._timeouts(given)
        token = given.pop("continuation_token", None)
        pricing = pricing_of(self._prices, channel.name, given)
        budget = budget_of(given.pop("max_cost", None), pricing)
        finish: Callable[[], Awaitable[bytes]]
        finish = self._draft(channel, prompt, given, token).finish
        if budget is not None:
            finish = capping(finish, budget, model=channel.name, max_size=self._max_size)
        return Hops(channel, finish, timeouts, token, pricing=pricing, budget=budget)

    def _draft(
        self, channel: Channel, prompt: Prompt, given: dict[str, Any], token: str | None
    ) -> Draft:
        """Return the checked body of a request, also for what a Live session has no place for."""
        if channel.turns is None:
            return draft_generate(prompt, given, max_size=self._max_size)
        if token is not None:
            raise not_in_a_turn("continuation_token")
        most = min(self._max_size, MAX_MESSAGE_SIZE)
        draft = draft_generate(prompt, given, max_size=most)
        channel.turns.turn(draft.body)
        return draft

    def _timeouts(self, given: Mapping[str, Any]) -> Timeouts:
        timeouts = timeouts_of(given.get("timeouts"), self.options.timeouts)
        if "limit_wait" in given:
            return msgspec.structs.replace(timeouts, limit_wait=given["limit_wait"])
        return timeouts
