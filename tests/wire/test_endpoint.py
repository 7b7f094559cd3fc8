"""The endpoint table, both ways."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from gemstream.errors import InvalidRequest
from gemstream.wire.endpoint import API_VERSIONS, TABLE, Operation, match, path_url, url_for

BASE = "https://example.com"
MODELS = ["models/gemini-2.5-flash", "tunedModels/mine", "dynamic/x", "publishers/google/models/y"]


@pytest.mark.parametrize("base", [BASE, "http://localhost:8080", "https://example.com/a/b"])
@pytest.mark.parametrize("version", API_VERSIONS)
@pytest.mark.parametrize("operation", Operation)
def test_the_url_of_an_operation_leads_back_to_it(
    base: str, version: str, operation: Operation
) -> None:
    takes_model = "{model}" in TABLE[operation].path
    for model in MODELS if takes_model else [None]:
        url = url_for(base, version, operation, model=model)
        path = urlsplit(url).path.removeprefix(urlsplit(base).path)
        route = match(TABLE[operation].method, path)
        assert route is not None
        assert (route.operation, route.version, route.model) == (operation, version, model)


def test_only_a_stream_asks_for_server_sent_events() -> None:
    queries = {op: urlsplit(url_for(BASE, "v1", op, model=MODELS[0])).query for op in Operation}
    assert {op: query for op, query in queries.items() if query} == {Operation.STREAM: "alt=sse"}


def test_a_query_is_added_and_escaped() -> None:
    url = url_for(
        BASE, "v1beta", Operation.LIST_MODELS, query={"pageToken": "a&b=c/ü", "pageSize": "5"}
    )
    assert parse_qs(urlsplit(url).query) == {"pageToken": ["a&b=c/ü"], "pageSize": ["5"]}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/models/x:generateContent"),
        ("POST", "/v1/models/x"),
        ("POST", "/v1/models"),
        ("post", "/v1/models/x:generateContent"),
        ("POST", "/v2/models/x:generateContent"),
        ("POST", "v1/models/x:generateContent"),
        ("POST", "/v1//models/x:generateContent"),
        ("POST", "/v1/models/:generateContent"),
        ("POST", "/v1/models/a/b:generateContent"),
        ("POST", "/v1/models/a:b:generateContent"),
        ("POST", "/v1/files/x:generateContent"),
        ("POST", "/v1/models/x:generateContent/"),
        ("POST", "/v1/models/x:generateContent\n"),
        ("POST", "/v1/models/x:generateContents"),
        ("POST", "/v1/models/x:generateContent?alt=sse"),
        ("GET", "/v1/models/"),
        ("GET", "/v1/models/a?b"),
        ("GET", "/v1/models/../models/x"),
        ("GET", "/"),
        ("GET", ""),
    ],
)
def test_another_path_or_method_means_nothing(method: str, path: str) -> None:
    assert match(method, path) is None


@pytest.mark.parametrize("version", ["", "v2", "v1 ", "V1", "v1/../v1", "v1beta1"])
def test_a_version_that_does_not_exist_is_refused_with_those_that_do(version: str) -> None:
    with pytest.raises(InvalidRequest, match="use one of v1beta, v1, v1alpha") as caught:
        url_for(BASE, version, Operation.LIST_MODELS)
    assert repr(version) in str(caught.value)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/models",
        "../v1/models",
        "models/..",
        "models/a?b",
        "models/a#b",
        "models/%2e%2e",
        "models/a b",
        "models/a\r\nx: y",
        "models/ü",
        "http://evil\\x",
        ".",
        "models/a\n",
    ],
)
def test_a_path_that_could_leave_the_version_is_refused(path: str) -> None:
    with pytest.raises(InvalidRequest, match="is not one below the API version"):
        path_url(BASE, "v1", path)


def test_an_operation_on_a_model_needs_one() -> None:
    with pytest.raises(InvalidRequest, match="generateContent needs a model"):
        url_for(BASE, "v1", Operation.GENERATE)
