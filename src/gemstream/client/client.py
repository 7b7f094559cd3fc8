"""AsyncClient: text as it is generated, and the other calls of the Gemini API."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Unpack

from ..config.models import bundled_models
from ..config.options import API_KEY_VARIABLES, Options, resolve_options
from ..config.timeouts import Timeouts
from ..credentials.api_key import APIKey, Credentials
from ..errors import (
    ConfigError,
    InvalidRequest,
    MissingCredentials,
    StreamingNotSupported,
)
from ..net.aiohttp_transport import AiohttpTransport
from ..net.transport import Transport
from ..policy.answer import Response
from ..policy.capability import supports_streaming
from ..policy.retry import RetryPolicy
from ..wire.codec import JSONObject, encode, to_plain
from ..wire.embedding import (
    BatchEmbedContentsRequest,
    BatchEmbedContentsResponse,
    EmbedContentRequest,
    TaskType,
)
from ..wire.endpoint import Operation
from ..wire.model import model_resource
from ..wire.request import CountTokensRequest, CountTokensResponse, GenerateContentRequest
from ..wire.sse import MAX_EVENT_SIZE
from .channel import Channel, Channels, OpenStream
from .models import Models
from .prompt import MAX_REQUEST_SIZE, Prompt, PromptPiece, contents_of, pieces_of
from .request import GenerateOptions, build_request, check_options
from .service import Service, ServiceSettings
from .stream import GenerateStream, OnChunk

__all__ = ("AsyncClient",)


class AsyncClient:
    """A Gemini client for asyncio; ``gemstream.Client`` is its blocking face.

    ``api_key``, else GOOGLE_API_KEY, else GEMINI_API_KEY; or ``credentials`` of another kind.
    ``base_url``, else GOOGLE_GEMINI_BASE_URL, else Google's. ``model``: the default for calls that
    name none. ``timeouts``: see ``Timeouts``; a number means ``total``. ``retry``: see
    ``RetryPolicy``. ``limits``: None, requests are not limited here. ``transport``: another way to
    the service, as the in-process one; it stays the caller's to close. ``max_event_size`` and
    ``max_request_size`` bound one event and one request, in bytes.

    Raises MissingCredentials, ConfigError and InvalidRequest for options that cannot work. Safe to
    share between tasks, and to use in one event loop after another.
    """

    def __init__(
        self,
        api_key: str | None = None,
        *,
        model: str | None = None,
        base_url: str | None = None,
        api_version: str | None = None,
        credentials: Credentials | None = None,
        timeouts: Timeouts | float | None = None,
        retry: RetryPolicy | None = None,
        limits: None = None,
        transport: Transport | None = None,
        headers: Mapping[str, str] | None = None,
        max_event_size: int = MAX_EVENT_SIZE,
        max_request_size: int = MAX_REQUEST_SIZE,
    ) -> None:
        if limits is not None:
            raise ConfigError(f"limits is {limits!r}; this version has no limiter, pass None")
        given = {
            "api_key": api_key,
            "base_url": base_url,
            "api_version": api_version,
            "model": model,
            "timeouts": _timeouts(timeouts) if timeouts is not None else None,
        }
        self.options = resolve_options(given, os.environ)
        settings = ServiceSettings(
            base_url=self.options.base_url,
            api_version=self.options.api_version,
            timeouts=self.options.timeouts,
            retry=retry or RetryPolicy(),
            headers=dict(headers or {}),
            max_event_size=max_event_size,
            max_request_size=max_request_size,
        )
        credentials = credentials or _api_key(self.options)
        self._owns_transport = transport is None
        self._transport: Transport = transport or AiohttpTransport()
        self._service = Service(settings, self._transport, credentials)
        self._channels = Channels(self._service, bundled_models())
        self._channels.of(self.options.model)  # a default that cannot be named fails here
        self.models = Models(self._service)

    async def generate(
        self, prompt: Prompt, *, on_chunk: OnChunk | None = None, **options: Unpack[GenerateOptions]
    ) -> Response:
        """Return the whole answer to ``prompt``.

        With ``on_chunk`` the answer is streamed and each chunk shown to the callback as it comes;
        ``StreamControl.STOP`` ends it early. Raises InvalidRequest before anything is sent;
        APIError, TransportError, ProtocolError after. Cancelling breaks the call off.
        """
        if on_chunk is not None:
            async with self.generate_stream(prompt, **options) as stream:
                return await stream.finish(on_chunk)
        channel = self._channel(options)
        body = await self._body(prompt, options)
        return await channel.generate(body, self._timeouts(options))

    def generate_stream(self, prompt: Prompt, **options: Unpack[GenerateOptions]) -> GenerateStream:
        """Return the answer to ``prompt`` as a stream of chunks.

        Nothing is sent before the first chunk is asked for. Raises StreamingNotSupported and
        InvalidRequest at once; all else is raised by the stream.
        """
        channel = self._channel(options)
        if not self.supports_streaming(channel.model):
            raise StreamingNotSupported(channel.model.removeprefix("models/"))

        async def open_stream() -> tuple[OpenStream, int]:
            body = await self._body(prompt, options)
            return await channel.open_stream(body, self._timeouts(options))

        return GenerateStream(open_stream)

    async def count_tokens(
        self, prompt: Prompt, **options: Unpack[GenerateOptions]
    ) -> CountTokensResponse:
        """Return how many tokens the whole request would cost: prompt, system, tools, schema."""
        channel = self._channel(options)
        request = await self._request(prompt, options)
        counted = _with_model(request, channel.model)
        body = encode(CountTokensRequest(generate_content_request=counted))
        timeouts = self._timeouts(options)
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
        if title is not None and task_type != TaskType.RETRIEVAL_DOCUMENT:
            raise InvalidRequest("title goes with task_type RETRIEVAL_DOCUMENT only")
        channel = self._channels.of(model or bundled_models().default_embedding)
        self._service.check_open()
        requests = [
            EmbedContentRequest(
                model=channel.model,
                content=(await contents_of(piece))[0],
                task_type=TaskType(task_type) if task_type else None,
                title=title,
                output_dimensionality=output_dimensionality,
            )
            for piece in pieces_of(contents)
        ]
        if not requests:
            raise InvalidRequest("there is nothing to embed; pass text or a sequence of texts")
        body = encode(BatchEmbedContentsRequest(requests=requests))
        return await channel.call(
            Operation.BATCH_EMBED, body, BatchEmbedContentsResponse, self.options.timeouts
        )

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
        sent = b"" if body is None else encode(body)
        return await self._service.fetch(method, path, sent, query=query)

    def supports_streaming(self, model: str) -> bool:
        """Return False for a model known not to stream (embedding, Imagen, Veo), else True."""
        return supports_streaming(model_resource(model), bundled_models())

    async def aclose(self) -> None:
        """Close every connection; the client cannot be used again."""
        self._service.close()
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

    def _channel(self, options: GenerateOptions) -> Channel:
        """Return the channel of the call's model, once its options are known to be options."""
        self._service.check_open()
        check_options(options)
        return self._channels.of(options.get("model") or self.options.model)

    async def _request(self, prompt: Prompt, options: GenerateOptions) -> GenerateContentRequest:
        max_size = self._service.settings.max_request_size
        return await build_request(prompt, options, max_size=max_size)

    async def _body(self, prompt: Prompt, options: GenerateOptions) -> bytes:
        request = await self._request(prompt, options)
        extra = options.get("extra_body")
        body = encode({**to_plain(request), **extra} if extra else request)
        max_size = self._service.settings.max_request_size
        if len(body) > max_size:
            raise InvalidRequest(
                f"the request has {len(body)} bytes, more than the {max_size} the service takes; "
                "upload large media with the Files API and pass its URI as Part.of_uri(...)"
            )
        return body

    def _timeouts(self, options: GenerateOptions) -> Timeouts:
        given = options.get("timeouts")
        return self.options.timeouts if given is None else _timeouts(given)


def _timeouts(given: Timeouts | float) -> Timeouts:
    return given if isinstance(given, Timeouts) else Timeouts(total=given)


def _api_key(options: Options) -> APIKey:
    if options.api_key is None:
        raise MissingCredentials(
            f"no API key: pass api_key=… or set {' or '.join(API_KEY_VARIABLES)}; without a key, "
            "develop against the emulator (gemstream emulate, or ask --emulate)"
        )
    return APIKey(options.api_key)


def _with_model(request: GenerateContentRequest, model: str) -> GenerateContentRequest:
    fields = {name: getattr(request, name) for name in request.__struct_fields__}
    return GenerateContentRequest(**{**fields, "model": model})
