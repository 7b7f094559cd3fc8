"""What the ``google-genai`` SDK raises: each refusal as the service's own, none as an end."""

from __future__ import annotations

from typing import Any

import pytest
from google.genai import errors, types

from gemstream.config.relay.options import KeyOptions, ServerOptions
from gemstream.emulator.scripts.faults import Cut, End, ErrorInStream, Html, NakedError, Status
from gemstream.emulator.scripts.steps import Step
from relay.sdks.genai_sdk import GENAI_FACES, asked, genai_face, text_of
from support.relay_server import ACK, RelayServer, relay_server, said
from support.relayed import MODEL, RELAY_KEY
from support.sdk_face import Face

pytestmark = [
    # The SDK's own doing: it subclasses a class of aiohttp that would rather not be.
    pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning"),
    pytest.mark.parametrize("name", GENAI_FACES),
]

IN_MID_STREAM: dict[str, Step] = {
    "an error in an event": ErrorInStream(code=503),
    "an error between events": NakedError(code=500),
    "the connection breaks": Cut(),
    "a page of a proxy": Html(),
    "an end without a reason": End(),
}


async def _refused(face: Face, code: int, status: str, **given: Any) -> Any:
    """Return what is raised, the same for both ways of asking."""
    given = given or asked()
    with pytest.raises(errors.APIError) as whole:
        await face.call(lambda client: client.models.generate_content(**given))
    with pytest.raises(errors.APIError) as streamed:
        await face.read(lambda client: client.models.generate_content_stream(**given))
    kind = errors.ClientError if code < 500 else errors.ServerError
    for caught in (whole, streamed):
        assert type(caught.value) is kind
        assert (caught.value.code, caught.value.status) == (code, status)
    return whole.value


async def test_a_key_that_is_not_known(house: RelayServer, name: str) -> None:
    async with genai_face(name, house, key="AIza-somebody-elses-key-of-24") as face:
        error = await _refused(face, 401, "UNAUTHENTICATED")
        with pytest.raises(errors.ClientError):
            await face.call(lambda client: client.models.get(model=MODEL))
    assert "somebody" not in str(error)


async def test_a_model_that_the_key_may_not_use(name: str) -> None:
    keys = [KeyOptions(name="k", key=RELAY_KEY, models=("gemini-2.5-*",))]
    async with relay_server(keys=keys) as house, genai_face(name, house) as face:
        await _refused(face, 403, "PERMISSION_DENIED", **asked(model="gemini-3.8-flash"))
        with pytest.raises(errors.ClientError) as caught:
            await face.call(lambda client: client.models.get(model="gemini-3.8-flash"))
        assert caught.value.code == 403


async def test_a_model_that_nobody_has(house: RelayServer, name: str) -> None:
    async with genai_face(name, house) as face:
        error = await _refused(face, 404, "NOT_FOUND", **asked(model="gemini-99"))
    assert "gemini-99" in str(error)


async def test_a_limit_of_the_key(name: str) -> None:
    keys = [KeyOptions(name="k", key=RELAY_KEY, rpm=1)]
    async with relay_server(keys=keys) as house, genai_face(name, house) as face:
        await face.call(lambda client: client.models.generate_content(**asked()))
        error = await _refused(face, 429, "RESOURCE_EXHAUSTED")
    assert 0 < _retry_delay(error) <= 60


async def test_a_limit_of_the_account(name: str) -> None:
    script = said(Status(code=429, retry_delay=7.0, quota="GenerateRequestsPerMinute"))
    async with relay_server(script) as house, genai_face(name, house) as face:
        error = await _refused(face, 429, "RESOURCE_EXHAUSTED")
    assert 0 < _retry_delay(error) <= 7


def _retry_delay(error: Any) -> float:
    """Return what google.rpc.RetryInfo says, where the SDK's callers look for it."""
    (info,) = [one for one in error.details["error"]["details"] if "retryDelay" in one]
    assert info["@type"] == "type.googleapis.com/google.rpc.RetryInfo"
    return float(info["retryDelay"].removesuffix("s"))


async def test_what_the_service_finds_wrong(house: RelayServer, name: str) -> None:
    thinking = types.ThinkingConfig(thinking_budget=10**6)
    async with genai_face(name, house) as face:
        error = await _refused(face, 400, "INVALID_ARGUMENT", **asked(thinking_config=thinking))
    assert "thinking budget 1000000" in str(error)


async def test_a_body_that_is_too_large(name: str) -> None:
    async with (
        relay_server(server=ServerOptions(max_body=4096)) as house,
        genai_face(name, house) as face,
    ):
        await _refused(face, 413, "INVALID_ARGUMENT", **asked("x" * 5000))


async def test_no_account_is_left(name: str) -> None:
    async with (
        relay_server(account={"is_enabled": False}) as house,
        genai_face(name, house) as face,
    ):
        await _refused(face, 503, "UNAVAILABLE")


async def test_the_account_s_key_is_refused(name: str) -> None:
    async with (
        relay_server(account={"api_key": "bad-key"}) as house,
        genai_face(name, house) as face,
    ):
        error = await _refused(face, 503, "UNAVAILABLE")
    assert "bad-key" not in str(error) and "API key" not in str(error)


@pytest.mark.parametrize("fault", IN_MID_STREAM)
async def test_an_answer_that_breaks_off_raises(name: str, fault: str) -> None:
    script = said("one ", ACK, IN_MID_STREAM[fault])
    async with relay_server(script) as house, genai_face(name, house) as face:
        texts = []

        def seen(chunk: Any) -> None:
            texts.append(text_of(chunk))
            house.ack()

        with pytest.raises(errors.APIError):
            await face.read(lambda client: client.models.generate_content_stream(**asked()), seen)
        (row,) = await house.rows()
    assert texts == ["one "]
    assert row["status"] != "ok"


async def test_who_leaves_in_mid_stream_stops_the_service(name: str) -> None:
    script = said("one ", ACK, "never seen")
    async with relay_server(script) as house:
        async with genai_face(name, house) as face:

            def leave(chunk: Any) -> None:
                raise Left

            with pytest.raises(Left):
                await face.read(
                    lambda client: client.models.generate_content_stream(**asked()), leave
                )
        (row,) = await house.rows()
        await house.emulator.idle()
    assert (row["status"], row["is_estimated"]) == ("client_cancel", 1)
    assert house.emulator.journal[0].end.value == "aborted"


class Left(Exception):
    """A program has had enough."""
