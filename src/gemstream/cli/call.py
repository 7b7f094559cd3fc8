"""One call to a model: shown as it goes, and told how it ended."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from ..errors import GemstreamError, InvalidState
from ..policy.answer import Answer, Response
from .forms import Form
from .outcome import Outcome

if TYPE_CHECKING:
    from ..client.client import AsyncClient
    from ..client.generate_options import GenerateOptions
    from ..client.prompt import Prompt
    from ..client.stream import GenerateStream

__all__ = ("call",)


async def call(
    client: AsyncClient,
    prompt: Prompt,
    options: GenerateOptions,
    form: Form,
    *,
    is_streamed: bool = True,
) -> Outcome:
    """Return how asking ``prompt`` ended; ``form`` has shown each chunk, not yet the end.

    Never raises for what the service, the network or Ctrl-C did: that is in the outcome.
    """
    receiver = _Receiver(form)
    error: GemstreamError | None = None
    interrupted = False
    try:
        if is_streamed:
            await receiver.receive_stream(client.generate_stream(prompt, **options))
        else:
            receiver.receive(await client.generate(prompt, **options))
    except GemstreamError as caught:
        error = caught
    except asyncio.CancelledError:
        interrupted = True
    return Outcome(
        model=options.get("model") or client.options.model,
        arrivals=receiver.arrivals,
        response=receiver.response,
        error=error,
        interrupted=interrupted,
    )


class _Receiver:
    """Takes the time of each chunk and shows it."""

    __slots__ = ("_form", "_started", "arrivals", "response")

    def __init__(self, form: Form) -> None:
        self._form = form
        # Not the loop's clock: uvloop's counts whole milliseconds.
        self._started = time.perf_counter()
        self.arrivals: list[float] = []
        self.response: Response | None = None

    async def receive_stream(self, stream: GenerateStream) -> None:
        try:
            async with stream:
                async for chunk in stream:
                    self._show(chunk)
        finally:
            with contextlib.suppress(InvalidState):  # no chunk came
                self.response = stream.response

    def receive(self, response: Response) -> None:
        self.response = response
        self._show(response)

    def _show(self, chunk: Answer) -> None:
        at = time.perf_counter() - self._started
        self.arrivals.append(at)
        self._form.show_chunk(at, chunk)
