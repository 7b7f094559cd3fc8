"""The other calls: counting, embedding, models, and any request at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gemstream import FunctionDeclaration, Response
from gemstream.emulator import Emulator
from gemstream.errors import NotFound
from support.emulated import async_client
from support.service import Service, client_of, failed, said


async def test_generate_answers() -> None:
    answer = await async_client(Emulator()).generate("Count to 5")
    assert isinstance(answer, Response)
    assert "5" in answer.text
    assert (answer.finish_reason, answer.complete, answer.attempts) == ("STOP", "confirmed", 1)
    assert answer.usage.total_token_count > 0
    assert answer.model_version
    assert b'"candidates"' in answer.raw


async def test_fields_nobody_knows_survive() -> None:
    answer = {"candidates": [{"content": {"parts": [{"text": "a", "aura": 1}]}, "mood": "fine"}]}
    response = await client_of(Service(said({**answer, "tomorrow": [1]}))).generate("Hi")
    assert response.message.extra == {"tomorrow": [1]}
    assert response.candidates[0].extra == {"mood": "fine"}
    assert response.parts[0].extra == {"aura": 1}


# --- tokens ----------------------------------------------------------------------------------


async def test_the_whole_request_is_counted() -> None:
    client = async_client(Emulator())
    bare = await client.count_tokens("Hi")
    with_system = await client.count_tokens("Hi", system="Be brief. Be kind.")
    with_tool = await client.count_tokens("Hi", tools=[FunctionDeclaration(name="look_up")])
    assert 0 < bare.total_tokens < min(with_system.total_tokens, with_tool.total_tokens)


async def test_what_is_counted_is_what_the_answer_reports() -> None:
    client = async_client(Emulator())
    counted = await client.count_tokens("Hi there", system="Be brief.")
    answer = await client.generate("Hi there", system="Be brief.")
    assert counted.total_tokens == answer.usage.prompt_token_count


# --- embeddings ------------------------------------------------------------------------------


async def test_one_text_gives_one_embedding_and_a_list_one_for_each() -> None:
    client = async_client(Emulator())
    [alone] = (await client.embed("a")).embeddings
    first, second = (await client.embed(["a", "b"])).embeddings
    assert list(alone.values) == list(first.values) != list(second.values)


async def test_the_size_of_an_embedding_can_be_chosen() -> None:
    [one] = (await async_client(Emulator()).embed("a", output_dimensionality=8)).embeddings
    assert len(one.values) == 8


async def test_options_of_an_embedding_go_to_every_content() -> None:
    service = Service(said({"embeddings": [{}, {}]}))
    options: dict[str, Any] = {"task_type": "RETRIEVAL_DOCUMENT", "title": "T"}
    await client_of(service).embed(["a", "b"], model="text-embedding-004", **options)
    requests = service.last.json["requests"]
    assert service.last.url == "/v1beta/models/text-embedding-004:batchEmbedContents"
    assert [request["content"]["parts"] for request in requests] == [
        [{"text": "a"}],
        [{"text": "b"}],
    ]
    for request in requests:
        assert request["taskType"] == "RETRIEVAL_DOCUMENT"
        assert (request["title"], request["model"]) == ("T", "models/text-embedding-004")


async def test_files_are_embedded_among_texts(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("x")
    service = Service(said({"embeddings": [{}, {}]}))
    await client_of(service).embed(["a", tmp_path / "x.txt"])
    first, second = (request["content"]["parts"] for request in service.last.json["requests"])
    assert first == [{"text": "a"}]
    assert second == [{"inlineData": {"mimeType": "text/plain", "data": "eA=="}}]


async def test_a_task_of_tomorrow_goes_through() -> None:
    service = Service(said({"embeddings": [{}]}))
    await client_of(service).embed("a", task_type="OF_TOMORROW")
    assert service.last.json["requests"][0]["taskType"] == "OF_TOMORROW"


# --- models ----------------------------------------------------------------------------------


async def test_models_are_listed_and_looked_up() -> None:
    client = async_client(Emulator())
    listed = {model.name: model for model in await client.models.list()}
    assert "models/gemini-2.5-flash" in listed
    assert await client.models.get("gemini-2.5-flash") == listed["models/gemini-2.5-flash"]


async def test_all_pages_of_the_list_are_read() -> None:
    pages = [
        said({"models": [{"name": "models/a"}], "nextPageToken": "two +&"}),
        said({"models": [{"name": "models/b"}], "nextPageToken": "three"}),
        said({"models": [{"name": "models/c"}]}),
    ]
    service = Service(*pages)
    names = [model.name for model in await client_of(service).models.list()]
    assert names == ["models/a", "models/b", "models/c"]
    assert [asked.url.partition("?")[2] for asked in service.asked] == [
        "pageSize=1000",
        "pageSize=1000&pageToken=two+%2B%26",
        "pageSize=1000&pageToken=three",
    ]


async def test_a_model_nobody_has_is_not_found() -> None:
    client = async_client(Emulator())
    for call in (client.models.get("gemini-0"), client.generate("Hi", model="gemini-0")):
        with pytest.raises(NotFound) as caught:
            await call
        assert "default model" not in str(caught.value)


_GONE = (
    "This model models/gemini-2.5-flash is no longer available to new users. "
    "Please use models/gemini-3.5-flash for newer requests."
)


async def test_a_default_model_that_is_gone_names_its_replacement_and_our_setting() -> None:
    client = client_of(Service(failed(404, "NOT_FOUND", message=_GONE)))
    for call in (client.generate("Hi"), client.generate_stream("Hi").finish()):
        with pytest.raises(NotFound) as caught:
            await call
        assert caught.value.replacement == "models/gemini-3.5-flash"
        assert "is gemstream's default model; pass model='gemini-3.5-flash'" in str(caught.value)


async def test_a_resource_that_is_missing_is_not_blamed_on_the_default_model() -> None:
    answer = failed(404, "NOT_FOUND", message="cachedContents/x was not found")
    with pytest.raises(NotFound) as caught:
        await client_of(Service(answer)).generate("Hi")
    assert "default model" not in str(caught.value)


async def test_another_model_that_is_gone_names_only_its_replacement() -> None:
    client = client_of(Service(failed(404, "NOT_FOUND", message=_GONE)))
    with pytest.raises(NotFound) as caught:
        await client.generate("Hi", model="gemini-2.0-flash")
    assert "the service names 'models/gemini-3.5-flash' instead" in str(caught.value)
    assert "default" not in str(caught.value)


# --- anything --------------------------------------------------------------------------------


async def test_any_request_can_be_made() -> None:
    service = Service(said({"name": "operations/1", "done": False}))
    answer = await client_of(service).request("GET", "operations/1", query={"a": "b c"})
    assert answer == {"name": "operations/1", "done": False}
    assert (service.last.method, service.last.url) == ("GET", "/v1beta/operations/1?a=b+c")


@pytest.mark.parametrize("body", [{"displayName": "x", "ü": [None]}, {}])
async def test_the_body_of_a_raw_request_goes_as_it_is(body: dict[str, Any]) -> None:
    service = Service(said({}))
    assert await client_of(service).request("POST", "corpora", body) == {}
    assert service.last.json == body


async def test_an_empty_answer_to_a_raw_request_is_none() -> None:
    assert await client_of(Service(said(b""))).request("DELETE", "corpora/1") is None


async def test_a_raw_request_without_a_body_sends_none() -> None:
    service = Service(said({}))
    await client_of(service).request("GET", "models")
    assert service.last.body == b""
