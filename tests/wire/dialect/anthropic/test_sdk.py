"""The official SDK's own client, its requests translated and its answers encoded in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import anthropic
import httpx2
import msgspec
import pytest

from gemstream.errors import GemstreamError, StreamInterrupted
from gemstream.wire.dialect.anthropic import (
    MessageEncoder,
    MessagesRequest,
    WholeMessage,
    count_body,
    count_request,
    messages_request,
)
from gemstream.wire.dialect.dialect import Dialect
from gemstream.wire.dialect.neutral import (
    CallArguments,
    CallClosed,
    CallOpened,
    Ended,
    Event,
    Failed,
    Finished,
    Started,
    Text,
    Thought,
)
from gemstream.wire.dialect.refusal import refusal_of
from gemstream.wire.dialect.refusal_form import encode_refusal
from support.anthropic_requests import options_for

ANSWER: list[Event] = [
    Started("up_1", "gemini-2.5-flash"),
    Thought("hm"),
    Text("It is "),
    Text("sunny"),
    CallOpened(0, "get_weather"),
    CallArguments(0, '{"city":"Oslo"}'),
    CallClosed(0),
    Finished("STOP"),
    Ended(),
]
WEATHER: Any = {
    "name": "get_weather",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
}
ASK: Any = {
    "model": "gemini-2.5-flash",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "How is the weather?"}],
    "tools": [WEATHER],
}


class Frames(httpx2.AsyncByteStream):
    """A body whose frames come one by one."""

    def __init__(self, frames: list[bytes]) -> None:
        self._frames = frames

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for frame in self._frames:
            yield frame


class Service(httpx2.AsyncBaseTransport):
    """Translates each request and answers it with ``events``; keeps what would go to Gemini."""

    def __init__(self, events: list[Event]) -> None:
        self._events = events
        self.sent: list[dict[str, Any]] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        body = await request.aread()
        try:
            return self._answer(request.url.path, body)
        except GemstreamError as error:
            status, headers, said = encode_refusal(Dialect.ANTHROPIC, refusal_of(error), "req_1")
            return httpx2.Response(status, headers=list(headers), content=said)

    def _answer(self, path: str, body: bytes) -> httpx2.Response:
        if path.endswith("/count_tokens"):
            self._keep(count_request(body, options=options_for()))
            return httpx2.Response(200, content=count_body(31))
        asked = self._keep(messages_request(body, options=options_for()))
        if not asked.is_stream:
            message = WholeMessage(asked.wishes, id="msg_1", model=asked.model)
            message.receive(self._events)
            return httpx2.Response(200, content=message.body())
        encoder = MessageEncoder(asked.wishes, id="msg_1", model=asked.model)
        frames = [encoder.heartbeat(), *(encoder.receive([event]) for event in self._events)]
        kind = {"content-type": "text/event-stream"}
        return httpx2.Response(200, headers=kind, stream=Frames(frames))

    def _keep(self, asked: MessagesRequest) -> MessagesRequest:
        self.sent.append(msgspec.json.decode(asked.body))
        return asked


def client_of(service: Service) -> anthropic.AsyncAnthropic:
    """The SDK's client, connected to ``service``."""
    http = httpx2.AsyncClient(transport=service)
    return anthropic.AsyncAnthropic(
        api_key="k", base_url="http://relay", http_client=http, max_retries=0
    )


async def test_a_streamed_answer_is_the_whole_one() -> None:
    async with client_of(Service(ANSWER)) as client:
        async with client.messages.stream(**ASK) as stream:
            text = "".join([piece async for piece in stream.text_stream])
            streamed = await stream.get_final_message()
        whole = await client.messages.create(**ASK)
    assert text == "It is sunny"
    assert [block.to_dict() for block in streamed.content] == [
        block.to_dict() for block in whole.content
    ]
    assert streamed.stop_reason == whole.stop_reason == "tool_use"


async def test_the_sdks_own_answer_goes_back_with_a_tool_result() -> None:
    service = Service(ANSWER)
    async with client_of(service) as client:
        answer = await client.messages.create(**ASK)
        use = next(block for block in answer.content if block.type == "tool_use")
        history: Any = [
            *ASK["messages"],
            {"role": "assistant", "content": answer.content},
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": use.id, "content": "12 C"}],
            },
        ]
        await client.messages.create(**{**ASK, "messages": history})
    model, user = service.sent[-1]["contents"][1:]
    call = {"functionCall": {"name": "get_weather", "args": {"city": "Oslo"}}}
    assert model["parts"] == [{"text": "It is sunny"}, call]
    assert user["parts"][0]["functionResponse"]["response"] == {"output": "12 C"}


async def test_tokens_are_counted() -> None:
    service = Service(ANSWER)
    async with client_of(service) as client:
        asked = {name: ASK[name] for name in ("model", "messages", "tools")}
        counted = await client.messages.count_tokens(**asked)
    assert counted.input_tokens == 31
    assert list(service.sent[0]["generateContentRequest"]) == ["model", "contents", "tools"]


async def test_a_broken_stream_raises_in_the_sdk() -> None:
    events: list[Event] = [*ANSWER[:4], Failed(StreamInterrupted("reset"))]
    async with client_of(Service(events)) as client, client.messages.stream(**ASK) as stream:
        with pytest.raises(anthropic.APIStatusError, match="broke off"):
            await stream.get_final_message()


async def test_a_bad_request_raises_in_the_sdk_and_says_where() -> None:
    async with client_of(Service(ANSWER)) as client:
        with pytest.raises(anthropic.BadRequestError) as caught:
            await client.messages.create(**{**ASK, "max_tokens": 0})
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["error"]["message"] == "max_tokens: is 0: the least is 1"
    assert caught.value.request_id == "req_1"
