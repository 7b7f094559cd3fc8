"""What the ``anthropic`` SDK raises: each refusal in its own class, none as an end of an answer."""

from __future__ import annotations

from typing import Any

import anthropic
import pytest

from gemstream.config.relay.options import KeyOptions, ServerOptions
from gemstream.emulator.scripts.faults import Cut, End, ErrorInStream, Html, NakedError, Status
from gemstream.emulator.scripts.steps import Step
from relay.sdks.anthropic_sdk import anthropic_face, asked
from support.relay_server import ACK, RelayServer, relay_server, said
from support.relayed import RELAY_KEY
from support.sdk_face import FACES, Face

pytestmark = pytest.mark.parametrize("name", FACES)

IN_MID_STREAM: dict[str, Step] = {
    "an error in an event": ErrorInStream(code=503),
    "an error between events": NakedError(code=500),
    "the connection breaks": Cut(),
    "a page of a proxy": Html(),
    "an end without a reason": End(),
}


async def _refused(
    face: Face, kind: type[anthropic.APIStatusError], word: str, **fields: Any
) -> Any:
    """Return what is raised, the same for both ways of asking; ``word``: the type of the error."""
    raised = []
    for is_stream in (False, True):
        with pytest.raises(anthropic.APIStatusError) as caught:
            await face.call(
                lambda client: client.messages.create(
                    **{**asked(), "stream": is_stream, **fields}  # noqa: B023
                )
            )
        assert type(caught.value) is kind
        raised.append(caught.value)
    whole, streamed = raised
    assert whole.status_code == streamed.status_code
    for error in raised:
        assert error.request_id.startswith("req_")
        assert error.body["type"] == "error"
        assert error.body["error"]["type"] == word
    return whole


async def test_a_key_that_is_not_known(house: RelayServer, name: str) -> None:
    async with anthropic_face(name, house, key="sk-somebody-elses-key-of-24") as face:
        error = await _refused(face, anthropic.AuthenticationError, "authentication_error")
        with pytest.raises(anthropic.AuthenticationError):
            await face.call(lambda client: client.models.list())
    assert "sk-somebody" not in str(error)


async def test_a_model_that_the_key_may_not_use(name: str) -> None:
    keys = [KeyOptions(name="k", key=RELAY_KEY, models=("gemini-2.5-*",))]
    async with relay_server(keys=keys) as house, anthropic_face(name, house) as face:
        await _refused(
            face, anthropic.PermissionDeniedError, "permission_error", model="gemini-3.8-flash"
        )
        with pytest.raises(anthropic.PermissionDeniedError):
            await face.call(lambda client: client.models.retrieve("gemini-3.8-flash"))


async def test_a_surface_that_the_key_may_not_use(name: str) -> None:
    keys = [KeyOptions(name="k", key=RELAY_KEY, surfaces=("gemini",))]
    async with relay_server(keys=keys) as house, anthropic_face(name, house) as face:
        await _refused(face, anthropic.PermissionDeniedError, "permission_error")


async def test_a_model_that_nobody_has(house: RelayServer, name: str) -> None:
    async with anthropic_face(name, house) as face:
        error = await _refused(face, anthropic.NotFoundError, "not_found_error", model="gpt-99")
        assert "gpt-99" in str(error)
        with pytest.raises(anthropic.NotFoundError):
            await face.call(lambda client: client.models.retrieve("gpt-99"))


async def test_a_limit_of_the_key(name: str) -> None:
    keys = [KeyOptions(name="k", key=RELAY_KEY, rpm=1)]
    async with relay_server(keys=keys) as house, anthropic_face(name, house) as face:
        await face.call(lambda client: client.messages.create(**asked()))
        error = await _refused(face, anthropic.RateLimitError, "rate_limit_error")
    assert 0 < int(error.response.headers["retry-after"]) <= 60


async def test_a_limit_of_the_account(name: str) -> None:
    script = said(Status(code=429, retry_delay=7.0, quota="GenerateRequestsPerMinute"))
    async with relay_server(script) as house, anthropic_face(name, house) as face:
        error = await _refused(face, anthropic.RateLimitError, "rate_limit_error")
    assert 0 < int(error.response.headers["retry-after"]) <= 7


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"stop_sequences": "x"}, "stop_sequences"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "king", "content": "x"}]}, "messages.0.role"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"tools": [{"name": "f", "input_schema": 1}]}, "tools.0.input_schema"),
    ],
)
async def test_a_request_that_makes_no_sense(
    house: RelayServer, name: str, fields: dict[str, Any], place: str
) -> None:
    async with anthropic_face(name, house) as face:
        error = await _refused(face, anthropic.BadRequestError, "invalid_request_error", **fields)
    assert place in error.body["error"]["message"]
    assert not house.emulator.requests


async def test_a_thread_is_refused_by_the_code_that_the_sdk_knows(
    house: RelayServer, name: str
) -> None:
    async with anthropic_face(name, house) as face:
        error = await _refused(
            face,
            anthropic.types.ThreadUnsupportedRequestError,
            "invalid_request_error",
            extra_body={"thread": {"type": "create"}},
        )
    assert error.body["error"]["details"] == {"error_code": "thread_unsupported_request"}


async def test_what_the_service_finds_wrong(name: str) -> None:
    script = said(Status(code=400, message="* temperature must be 2 at most"))
    async with relay_server(script) as house, anthropic_face(name, house) as face:
        error = await _refused(face, anthropic.BadRequestError, "invalid_request_error")
    assert "temperature must be 2 at most" in str(error)


async def test_a_body_that_is_too_large(name: str) -> None:
    async with (
        relay_server(server=ServerOptions(max_body=4096)) as house,
        anthropic_face(name, house) as face,
    ):
        error = await _refused(
            face, anthropic.RequestTooLargeError, "request_too_large", **asked("x" * 5000)
        )
    assert error.status_code == 413


async def test_no_account_is_left(name: str) -> None:
    async with (
        relay_server(account={"is_enabled": False}) as house,
        anthropic_face(name, house) as face,
    ):
        error = await _refused(face, anthropic.OverloadedError, "overloaded_error")
    assert error.status_code == 529


async def test_the_account_s_key_is_refused(name: str) -> None:
    async with (
        relay_server(account={"api_key": "bad-key"}) as house,
        anthropic_face(name, house) as face,
    ):
        with pytest.raises(anthropic.InternalServerError) as first:
            await face.call(lambda client: client.messages.create(**asked()))
        await _refused(face, anthropic.OverloadedError, "overloaded_error")
    assert "bad-key" not in str(first.value) and "API key" not in str(first.value)


@pytest.mark.parametrize("fault", IN_MID_STREAM)
async def test_an_answer_that_breaks_off_raises(name: str, fault: str) -> None:
    script = said("one ", ACK, IN_MID_STREAM[fault])
    async with relay_server(script) as house, anthropic_face(name, house) as face:
        texts = []

        def seen(event: Any) -> None:
            if event.type == "content_block_delta":
                texts.append(event.delta.text)
                house.ack()

        with pytest.raises(anthropic.APIError) as caught:
            await face.read(lambda client: client.messages.create(**asked(stream=True)), seen)
        (row,) = await house.rows()
    assert texts == ["one "]
    assert not isinstance(caught.value, anthropic.APIConnectionError)
    assert row["status"] != "ok"


async def test_who_leaves_in_mid_stream_stops_the_service(name: str) -> None:
    script = said("one ", ACK, "never seen")
    async with relay_server(script) as house, anthropic_face(name, house) as face:

        def leave(event: Any) -> None:
            if event.type == "content_block_delta":
                raise Left

        with pytest.raises(Left):
            await face.read(lambda client: client.messages.create(**asked(stream=True)), leave)
        await face.leave()
        (row,) = await house.rows()
        await house.emulator.idle()
    assert (row["status"], row["is_estimated"]) == ("client_cancel", 1)
    assert house.emulator.journal[0].end.value == "aborted"


class Left(Exception):
    """A program has had enough."""
