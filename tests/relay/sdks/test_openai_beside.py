"""What the ``openai`` SDK asks beside chats: models, embeddings, other addresses, other ways."""

from __future__ import annotations

from collections.abc import AsyncIterator

import openai
import pytest

from gemstream.config.relay.options import KeyOptions
from relay.sdks.openai_sdk import asked, openai_face
from support.relay_server import RelayServer, relay_server
from support.relayed import MODEL, RELAY_KEY
from support.sdk_face import FACES, Face


@pytest.fixture(params=FACES)
async def face(request: pytest.FixtureRequest, house: RelayServer) -> AsyncIterator[Face]:
    async with openai_face(request.param, house) as face:
        yield face


async def test_the_list_of_models(face: Face) -> None:
    page = await face.call(lambda client: client.models.list())
    names = [model.id for model in page.data]
    assert MODEL in names and not any("/" in name for name in names)
    assert {model.object for model in page.data} == {"model"}


async def test_one_model(face: Face) -> None:
    model = await face.call(lambda client: client.models.retrieve(MODEL))
    assert (model.id, model.object) == (MODEL, "model")


@pytest.mark.parametrize("name", FACES)
async def test_the_models_of_a_key(name: str) -> None:
    keys = [KeyOptions(name="k", key=RELAY_KEY, models=("gemini-2.5-*",))]
    aliases = {"gemini-2.5-best": "gemini-2.5-pro", "other": "gemini-3-flash"}
    async with (
        relay_server(keys=keys, aliases=aliases) as house,
        openai_face(name, house) as face,
    ):
        page = await face.call(lambda client: client.models.list())
        answer = await face.call(
            lambda client: client.chat.completions.create(**asked(model="gemini-2.5-best"))
        )
    names = [model.id for model in page.data]
    assert all(name.startswith("gemini-2.5-") for name in names)
    assert "gemini-2.5-best" in names
    assert answer.choices[0].message.content == "1, 2, 3, 4, 5"


async def test_embeddings(face: Face) -> None:
    """The SDK asks for base64 when the program says nothing of the form."""
    texts = ["one", "two"]
    answer = await face.call(
        lambda client: client.embeddings.create(model="gemini-embedding-001", input=texts)
    )
    floats = await face.call(
        lambda client: client.embeddings.create(
            model="gemini-embedding-001", input=texts, encoding_format="float"
        )
    )
    assert [one.index for one in answer.data] == [0, 1]
    for packed, plain in zip(answer.data, floats.data, strict=True):
        assert packed.embedding == pytest.approx(plain.embedding, abs=1e-6)
    assert answer.data[0].embedding != answer.data[1].embedding


async def test_embeddings_of_a_size(face: Face) -> None:
    answer = await face.call(
        lambda client: client.embeddings.create(
            model="gemini-embedding-001", input="one", dimensions=256
        )
    )
    assert len(answer.data[0].embedding) == 256


@pytest.mark.parametrize("name", FACES)
@pytest.mark.parametrize("prefix", ["/openai", "/openai/v1", "/openai/gemini", "/v1beta/openai"])
async def test_other_addresses(house: RelayServer, name: str, prefix: str) -> None:
    async with openai_face(name, house, prefix=prefix) as face:
        answer = await face.call(lambda client: client.chat.completions.create(**asked()))
        models = await face.call(lambda client: client.models.list())
    assert answer.choices[0].message.content == "1, 2, 3, 4, 5"
    assert models.data[0].object == "model"


UNSERVED = {
    "responses": lambda client: client.responses.create(model=MODEL, input="Hi"),
    "completions": lambda client: client.completions.create(model=MODEL, prompt="Hi"),
    "images": lambda client: client.images.generate(model=MODEL, prompt="A dot"),
    "moderations": lambda client: client.moderations.create(input="Hi"),
}


@pytest.mark.parametrize("way", UNSERVED)
async def test_what_is_not_served_says_so(face: Face, way: str) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        await face.call(UNSERVED[way])
    assert caught.value.code == "unknown_url"
    assert "is not served here" in str(caught.value)


async def test_the_limits_of_a_key_stand_in_the_head() -> None:
    keys = [KeyOptions(name="k", key=RELAY_KEY, rpm=60)]
    async with relay_server(keys=keys) as house, openai_face("async", house) as face:
        raw = await face.call(
            lambda client: client.chat.completions.with_raw_response.create(**asked())
        )
    assert raw.headers["x-ratelimit-limit-requests"] == "60"
    assert raw.headers["x-ratelimit-remaining-requests"] == "59"
