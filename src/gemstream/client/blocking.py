"""Client: the blocking face of AsyncClient, without logic of its own."""

from __future__ import annotations

import atexit
import weakref
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Unpack

from ..limits.limit_use import LimitUse
from ..policy.answer import Response
from ..policy.live.token_request import Moment
from ..wire.codec import JSONObject
from ..wire.embedding import BatchEmbedContentsResponse, TaskType
from ..wire.live.auth_token import AuthToken
from ..wire.live.setup import LiveSetup
from ..wire.model import Model
from ..wire.request import CountTokensResponse
from .blocking_stream import BlockingStream
from .client import AsyncClient
from .client_options import ClientOptions
from .generate_options import GenerateOptions
from .live.blocking_session import BlockingLiveSession
from .live.options import LiveOptions
from .live.tokens import LiveConstraints, LiveTokens
from .loop_thread import LoopThread, loop_thread
from .models import Models
from .prompt import Prompt, PromptPiece
from .stream import OnChunk

__all__ = ("BlockingLiveTokens", "BlockingModels", "Client")


class Client:
    """A Gemini client for code without an event loop; same options as ``AsyncClient``.

    All clients of a process share one background loop. Safe to use from many threads.
    """

    def __init__(self, api_key: str | None = None, **options: Unpack[ClientOptions]) -> None:
        self._client = AsyncClient(api_key, **options)
        self._thread = loop_thread()
        self.options = self._client.options
        self.models = BlockingModels(self._client.models, self._thread)
        self.live_rate_limiter = self._client.live_rate_limiter
        self.live_tokens = BlockingLiveTokens(self._client.live_tokens, self._thread)
        _open_clients.add(self)

    def generate(
        self, prompt: Prompt, *, on_chunk: OnChunk | None = None, **options: Unpack[GenerateOptions]
    ) -> Response:
        """Return the whole answer to ``prompt``.

        With ``on_chunk`` the answer is streamed and each chunk shown to the callback as it comes;
        ``StreamControl.STOP`` ends it early. With ``max_cost`` it is streamed too, for a stream can
        be broken off. A model that has Live sessions alone is asked in one of a single turn. Raises
        InvalidRequest before anything is sent; APIError, TransportError, ProtocolError,
        BudgetExceeded after. Cancelling breaks the call off.
        """
        if on_chunk is not None:
            with self.generate_stream(prompt, **options) as stream:
                return stream.finish(on_chunk)
        return self._thread.run(self._client.generate(prompt, **options))

    def generate_stream(self, prompt: Prompt, **options: Unpack[GenerateOptions]) -> BlockingStream:
        """Return the answer to ``prompt`` as a stream of chunks.

        Nothing is sent before the first chunk is asked for. Raises StreamingNotSupported and
        InvalidRequest at once; all else is raised by the stream, as is a file that it cannot read.
        What the prompt and the options hold is copied: changing them later changes nothing.
        """
        return BlockingStream(self._client.generate_stream(prompt, **options), self._thread)

    def live(
        self,
        model: str | None = None,
        config: LiveSetup | None = None,
        *,
        resume: str | None = None,
        **options: Unpack[LiveOptions],
    ) -> BlockingLiveSession:
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
        session = self._client.live(model, config, resume=resume, **options)
        return BlockingLiveSession(session, self._thread)

    def count_tokens(
        self, prompt: Prompt, **options: Unpack[GenerateOptions]
    ) -> CountTokensResponse:
        """Return how many tokens the whole request would cost: prompt, system, tools, schema.

        Vertex AI is told no settings that cost nothing, as safety: its countTokens has none.
        """
        return self._thread.run(self._client.count_tokens(prompt, **options))

    def embed(
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
        return self._thread.run(
            self._client.embed(
                contents,
                model=model,
                task_type=task_type,
                title=title,
                output_dimensionality=output_dimensionality,
            )
        )

    def request(
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
        return self._thread.run(self._client.request(method, path, body, query=query))

    def supports_streaming(self, model: str) -> bool:
        """Return False for a model known not to stream (embedding, Imagen, Veo), else True."""
        return self._client.supports_streaming(model)

    def limits(self, model: str | None = None) -> list[LimitUse]:
        """Return how much of each limit is used: of ``model``, else of all that anything is of.

        Nothing is sent; without limits to keep there is nothing to tell. Raises InvalidRequest for
        a name that cannot be one. Cancelling is safe.
        """
        return self._thread.run(self._client.limits(model))

    def close(self) -> None:
        """Close every connection; the client cannot be used again."""
        self._thread.run_closing(self._client.aclose())

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return repr(self._client).replace("AsyncClient", "Client")


class BlockingModels:
    """``client.models``: lists and looks up models."""

    def __init__(self, models: Models, thread: LoopThread) -> None:
        self._models = models
        self._thread = thread

    def list(self) -> list[Model]:
        """Return all models the account can use, whatever number of pages they take."""
        return self._thread.run(self._models.list())

    def get(self, model: str) -> Model:
        """Return one model; raises NotFound, and InvalidRequest for a name that cannot be one."""
        return self._thread.run(self._models.get(model))


class BlockingLiveTokens:
    """``client.live_tokens``: makes what opens a Live session without an API key."""

    def __init__(self, tokens: LiveTokens, thread: LoopThread) -> None:
        self._tokens = tokens
        self._thread = thread

    def create(
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
        return self._thread.run(
            self._tokens.create(
                uses=uses,
                expire=expire,
                new_session_expire=new_session_expire,
                constraints=constraints,
                lock=lock,
            )
        )


_open_clients: weakref.WeakSet[Client] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """Close what callers left open, while the background loop still runs."""
    for client in tuple(_open_clients):
        client.close()
