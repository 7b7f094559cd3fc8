"""What the ``openai`` SDK raises: each refusal in its own class, none as an end of an answer."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from gemstream.config.relay.options import KeyOptions, ServerOptions
from gemstream.emulator.scripts.faults import Cut, End, ErrorInStream, Html, NakedError, Status
from gemstream.emulator.scripts.steps import Step
from relay.sdks.openai_sdk import asked, openai_face
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


async def _refused(face: Face, kind: type[openai.APIStatusError], **fields: Any) -> Any:
    """Return what is raised, the same for both ways of asking."""
    raised = []
    for is_stream in (False, True):
        with pytest.raises(openai.APIStatusError) as caught:
            await face.call(
                lambda client: client.chat.completions.create(
                    **{**asked(), "stream": is_stream, **fields}  # noqa: B023
                )
            )
        assert type(caught.value) is kind
        raised.append(caught.value)
    whole, streamed = raised
    assert whole.status_code == streamed.status_code
    assert whole.request_id and whole.request_id.startswith("req_")
    return whole


async def test_a_key_that_is_not_known(house: RelayServer, name: str) -> None:
    async with openai_face(name, house, key="sk-somebody-elses-key-of-24") as face:
        error = await _refused(face, openai.AuthenticationError)
        with pytest.raises(openai.AuthenticationError):
            await face.call(lambda client: client.models.list())
    assert (error.type, error.code) == ("authentication_error", "invalid_api_key")
    assert "sk-somebody" not in str(error)


async def test_a_model_that_the_key_may_not_use(name: str) -> None:
    keys = [KeyOptions(name="k", key=RELAY_KEY, models=("gemini-2.5-*",))]
    async with relay_server(keys=keys) as house, openai_face(name, house) as face:
        error = await _refused(face, openai.PermissionDeniedError, model="gemini-3.8-flash")
        assert error.code == "model_not_allowed"
        with pytest.raises(openai.PermissionDeniedError):
            await face.call(lambda client: client.models.retrieve("gemini-3.8-flash"))


async def test_a_surface_that_the_key_may_not_use(name: str) -> None:
    keys = [KeyOptions(name="k", key=RELAY_KEY, surfaces=("gemini",))]
    async with relay_server(keys=keys) as house, openai_face(name, house) as face:
        await _refused(face, openai.PermissionDeniedError)


async def test_a_model_that_nobody_has(house: RelayServer, name: str) -> None:
    async with openai_face(name, house) as face:
        error = await _refused(face, openai.NotFoundError, model="gpt-99")
        assert error.code == "model_not_found" and "gpt-99" in str(error)
        with pytest.raises(openai.NotFoundError):
            await face.call(lambda client: client.models.retrieve("gpt-99"))


async def test_a_limit_of_the_key(name: str) -> None:
    keys = [KeyOptions(name="k", key=RELAY_KEY, rpm=1)]
    async with relay_server(keys=keys) as house, openai_face(name, house) as face:
        await face.call(lambda client: client.chat.completions.create(**asked()))
        error = await _refused(face, openai.RateLimitError)
    assert error.code == "rate_limit_exceeded"
    assert 0 < int(error.response.headers["retry-after"]) <= 60
    assert 0 < int(error.response.headers["retry-after-ms"]) <= 60_000


async def test_a_limit_of_the_account(name: str) -> None:
    script = said(Status(code=429, retry_delay=7.0, quota="GenerateRequestsPerMinute"))
    async with relay_server(script) as house, openai_face(name, house) as face:
        error = await _refused(face, openai.RateLimitError)
    assert 0 < int(error.response.headers["retry-after"]) <= 7


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"temperature": "hot"}, "temperature"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "king", "content": "x"}]}, "messages[0].role"),
        ({"n": 0}, "n"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
    ],
)
async def test_a_request_that_makes_no_sense(
    house: RelayServer, name: str, fields: dict[str, Any], param: str
) -> None:
    async with openai_face(name, house) as face:
        error = await _refused(face, openai.BadRequestError, **fields)
    assert error.type == "invalid_request_error"
    assert error.param == param
    assert not house.emulator.requests


async def test_what_the_service_finds_wrong(name: str) -> None:
    script = said(Status(code=400, message="* temperature must be 2 at most"))
    async with relay_server(script) as house, openai_face(name, house) as face:
        error = await _refused(face, openai.BadRequestError)
    assert "temperature must be 2 at most" in str(error)


async def test_a_body_that_is_too_large(name: str) -> None:
    async with (
        relay_server(server=ServerOptions(max_body=4096)) as house,
        openai_face(name, house) as face,
    ):
        error = await _refused(face, openai.APIStatusError, **asked("x" * 5000))
    assert error.status_code == 413


async def test_no_account_is_left(name: str) -> None:
    async with (
        relay_server(account={"is_enabled": False}) as house,
        openai_face(name, house) as face,
    ):
        error = await _refused(face, openai.InternalServerError)
    assert error.status_code == 503


async def test_the_account_s_key_is_refused(name: str) -> None:
    async with (
        relay_server(account={"api_key": "bad-key"}) as house,
        openai_face(name, house) as face,
    ):
        error = await _refused(face, openai.InternalServerError)
    assert error.status_code == 503
    assert "bad-key" not in str(error) and "API key" not in str(error)


@pytest.mark.parametrize("fault", IN_MID_STREAM)
async def test_an_answer_that_breaks_off_raises(name: str, fault: str) -> None:
    script = said("one ", ACK, IN_MID_STREAM[fault])
    async with relay_server(script) as house, openai_face(name, house) as face:
        texts = []

        def seen(chunk: Any) -> None:
            if text := chunk.choices[0].delta.content:
                texts.append(text)
                house.ack()

        with pytest.raises(openai.APIError) as caught:
            await face.read(
                lambda client: client.chat.completions.create(**asked(stream=True)), seen
            )
        (row,) = await house.rows()
    assert texts == ["one "]
    assert not isinstance(caught.value, openai.APIConnectionError)
    assert row["status"] != "ok"


async def test_who_leaves_in_mid_stream_stops_the_service(name: str) -> None:
    script = said("one ", ACK, "never seen")
    async with relay_server(script) as house, openai_face(name, house) as face:

        def leave(chunk: Any) -> None:
            if chunk.choices[0].delta.content:
                raise Left

        with pytest.raises(Left):
            await face.read(
                lambda client: client.chat.completions.create(**asked(stream=True)), leave
            )
        await face.leave()
        (row,) = await house.rows()
        await house.emulator.idle()
    assert (row["status"], row["is_estimated"]) == ("client_cancel", 1)
    assert house.emulator.journal[0].end.value == "aborted"


class Left(Exception):
    """A program has had enough."""
