"""The endpoint table, both ways."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from gemstream.errors import InvalidRequest
from gemstream.wire.endpoint import (
    EXPRESS,
    TABLE,
    VERTEX_VERSIONS,
    Operation,
    Route,
    match,
    path_url,
    url_for,
    vertex_host,
    vertex_parent,
)

BASE = "https://example.com"
MODELS = ["models/gemini-2.5-flash", "tunedModels/mine", "dynamic/x"]
VERTEX_MODELS = ["publishers/google/models/gemini-2.5-flash", "endpoints/123"]
PARENTS = ["projects/p/locations/global", "projects/example.com:old/locations/us-central1", EXPRESS]
OPERATIONS = [op for op in Operation if TABLE[op].path is not None]
VERTEX_OPERATIONS = [op for op in Operation if TABLE[op].vertex is not None]


@pytest.mark.parametrize("base", [BASE, "http://localhost:8080", "https://example.com/a/b"])
@pytest.mark.parametrize(
    ("operation", "version"), [(op, version) for op in OPERATIONS for version in TABLE[op].versions]
)
def test_the_url_of_an_operation_leads_back_to_it(
    base: str, version: str, operation: Operation
) -> None:
    for model in MODELS if TABLE[operation].takes_model else [None]:
        url = url_for(base, version, operation, model=model)
        path = urlsplit(url).path.removeprefix(urlsplit(base).path)
        route = match(TABLE[operation].method, path)
        assert route is not None
        assert route == Route(operation, version, model)
        assert (route.is_vertex, route.project, route.location) == (False, None, None)


@pytest.mark.parametrize("version", VERTEX_VERSIONS)
@pytest.mark.parametrize("operation", VERTEX_OPERATIONS)
@pytest.mark.parametrize("parent", PARENTS)
def test_the_url_of_an_operation_on_vertex_leads_back_to_it(
    parent: str, operation: Operation, version: str
) -> None:
    for model in VERTEX_MODELS if TABLE[operation].takes_model else [None]:
        url = url_for(BASE, version, operation, model=model, parent=parent)
        route = match(TABLE[operation].method, urlsplit(url).path)
        assert route is not None and route.is_vertex
        # Publisher models are listed and shown without a project.
        has_parent = TABLE[operation].method == "POST" or model == "endpoints/123"
        assert route == Route(operation, version, model, parent if has_parent else EXPRESS)
        assert url_for(BASE, version, operation, model=model, parent=route.parent) == url


VERTEX_PATHS = [
    (
        "POST",
        "/v1beta1/projects/p/locations/l/publishers/google/models/m:generateContent",
        (Operation.GENERATE, "v1beta1", "publishers/google/models/m", "p", "l"),
    ),
    (
        "POST",
        "/v1/projects/12/locations/global/endpoints/34:streamGenerateContent",
        (Operation.STREAM, "v1", "endpoints/34", "12", "global"),
    ),
    (
        "POST",
        "/v1/publishers/google/models/m:countTokens",
        (Operation.COUNT_TOKENS, "v1", "publishers/google/models/m", None, None),
    ),
    (
        "POST",
        "/v1/projects/p/locations/l/publishers/google/models/m:predict",
        (Operation.PREDICT, "v1", "publishers/google/models/m", "p", "l"),
    ),
    (
        "POST",
        "/v1/projects/p/locations/l/publishers/google/models/m:embedContent",
        (Operation.EMBED, "v1", "publishers/google/models/m", "p", "l"),
    ),
    (
        "GET",
        "/v1beta1/publishers/google/models/m",
        (Operation.GET_MODEL, "v1beta1", "publishers/google/models/m", None, None),
    ),
    (
        "GET",
        "/v1beta1/publishers/google/models",
        (Operation.LIST_MODELS, "v1beta1", None, None, None),
    ),
]


@pytest.mark.parametrize(("method", "path", "meaning"), VERTEX_PATHS)
def test_a_path_of_vertex_is_read(method: str, path: str, meaning: tuple[object, ...]) -> None:
    route = match(method, path)
    assert route is not None and route.is_vertex
    found = (route.operation, route.version, route.model, route.project, route.location)
    assert found == meaning


def test_only_a_stream_asks_for_server_sent_events() -> None:
    queries = {
        op: urlsplit(url_for(BASE, TABLE[op].versions[-1], op, model=MODELS[0])).query
        for op in OPERATIONS
    }
    assert {op: query for op, query in queries.items() if query} == {Operation.STREAM: "alt=sse"}
    url = url_for(BASE, "v1", Operation.STREAM, model=VERTEX_MODELS[0], parent=PARENTS[0])
    assert urlsplit(url).query == "alt=sse"


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
        ("POST", "/v1beta/auth_tokens"),
        ("GET", "/v1alpha/auth_tokens"),
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
        ("POST", "/v1beta1/models/x:generateContent"),
        ("GET", "/v1beta1/models"),
        ("POST", "/v1beta/publishers/google/models/x:generateContent"),
        ("POST", "/v1beta/projects/p/locations/l/publishers/google/models/x:generateContent"),
        ("POST", "/v1/publishers/google/models/x:batchEmbedContents"),
        ("POST", "/v1/models/x:predict"),
        ("POST", "/v1/publishers/other/models/x:generateContent"),
        ("POST", "/v1/projects/p/publishers/google/models/x:generateContent"),
        ("POST", "/v1/projects//locations/l/publishers/google/models/x:generateContent"),
        ("POST", "/v1/projects/p/locations/l/models/x:generateContent"),
        ("POST", "/v1/projects/p/q/locations/l/endpoints/1:generateContent"),
        ("POST", "/v1/projects/p/locations/l/endpoints/1/2:generateContent"),
        ("POST", "/v1/projects/p/locations/l/endpoints/1:generateContent\n"),
        ("GET", "/v1/projects/p/locations/l/endpoints/"),
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


@pytest.mark.parametrize("version", ["v1beta", "v1alpha", "v2", ""])
def test_vertex_has_versions_of_its_own(version: str) -> None:
    for path in ("projects/p/locations/l/endpoints/1", "publishers/google/models/m"):
        with pytest.raises(InvalidRequest, match="on Vertex AI; use one of v1, v1beta1"):
            path_url(BASE, version, path)
    with pytest.raises(InvalidRequest, match="on Vertex AI"):
        url_for(BASE, version, Operation.GENERATE, model=VERTEX_MODELS[0])


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


def test_an_operation_exists_on_its_backend_only() -> None:
    with pytest.raises(InvalidRequest, match="batchEmbedContents does not exist on Vertex AI"):
        url_for(BASE, "v1", Operation.BATCH_EMBED, model=VERTEX_MODELS[0], parent=PARENTS[0])
    with pytest.raises(InvalidRequest, match="predict does not exist on the Gemini API"):
        url_for(BASE, "v1", Operation.PREDICT, model=MODELS[0])


def test_an_operation_of_one_version_names_it() -> None:
    with pytest.raises(InvalidRequest, match="'v1beta'; use 'v1alpha'"):
        url_for(BASE, "v1beta", Operation.CREATE_TOKEN)
    with pytest.raises(InvalidRequest, match="'v9' does not exist; use one of v1beta"):
        url_for(BASE, "v9", Operation.CREATE_TOKEN)
    with pytest.raises(InvalidRequest, match=r"auth_tokens.create does not exist on Vertex AI"):
        url_for(BASE, "v1", Operation.CREATE_TOKEN, parent=PARENTS[0])


@pytest.mark.parametrize("model", MODELS)
def test_vertex_refuses_a_model_of_the_gemini_api(model: str) -> None:
    with pytest.raises(InvalidRequest, match="is not one of Vertex AI"):
        url_for(BASE, "v1", Operation.GENERATE, model=model, parent=PARENTS[0])


HOSTS = [
    ("us-central1", "us-central1-aiplatform.googleapis.com"),
    ("europe-west4", "europe-west4-aiplatform.googleapis.com"),
    ("global", "aiplatform.googleapis.com"),
    ("us", "aiplatform.us.rep.googleapis.com"),
    ("eu", "aiplatform.eu.rep.googleapis.com"),
]


@pytest.mark.parametrize(("location", "host"), HOSTS)
def test_a_location_has_its_host(location: str, host: str) -> None:
    assert vertex_host(location) == host


BAD_LOCATIONS = ["", "evil.com/", "evil.com#", "a.b", "A", "1", "-a", "a b", "a\n", "é", "x" * 64]


@pytest.mark.parametrize("location", [*BAD_LOCATIONS, None, 7])
def test_a_location_that_could_be_another_host_or_path_is_refused(location: str) -> None:
    with pytest.raises(InvalidRequest, match="is not one, as 'us-central1'"):
        vertex_host(location)
    with pytest.raises(InvalidRequest, match="is not one, as 'us-central1'"):
        vertex_parent("p", location)


@pytest.mark.parametrize("project", ["", "..", "a..b", "a/b", "a?b", "a b", "a\n", "é", None, 7])
def test_a_project_that_could_leave_the_path_is_refused(project: str) -> None:
    with pytest.raises(InvalidRequest, match="is not a project id or number"):
        vertex_parent(project, "global")


def test_a_parent_has_project_and_location() -> None:
    assert vertex_parent("my-project-1", "us-east5") == "projects/my-project-1/locations/us-east5"
