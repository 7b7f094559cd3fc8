"""The table of the API's endpoints, read both ways: URL of an operation, operation of a path.

Source: https://ai.google.dev/api.
"""

from __future__ import annotations

import enum
import functools
import re
from collections.abc import Mapping
from urllib.parse import urlencode

import msgspec

from ..errors import InvalidRequest

__all__ = ("API_VERSIONS", "Endpoint", "Operation", "Route", "match", "path_url", "url_for")

API_VERSIONS = ("v1beta", "v1", "v1alpha")


class Operation(enum.Enum):
    """What can be asked of the service, by the API's own names."""

    GENERATE = "generateContent"
    STREAM = "streamGenerateContent"
    COUNT_TOKENS = "countTokens"
    EMBED = "embedContent"
    BATCH_EMBED = "batchEmbedContents"
    LIST_MODELS = "models.list"
    GET_MODEL = "models.get"


class Endpoint(msgspec.Struct, frozen=True):
    """One row: the HTTP method, the path under the version, the query that always goes along."""

    operation: Operation
    method: str
    path: str
    query: Mapping[str, str] = {}


class Route(msgspec.Struct, frozen=True):
    """What a path means; ``model`` is a resource name as ``models/gemini-2.5-flash``."""

    operation: Operation
    version: str
    model: str | None = None


TABLE: Mapping[Operation, Endpoint] = {
    row.operation: row
    for row in (
        Endpoint(Operation.GENERATE, "POST", "{model}:generateContent"),
        Endpoint(Operation.STREAM, "POST", "{model}:streamGenerateContent", {"alt": "sse"}),
        Endpoint(Operation.COUNT_TOKENS, "POST", "{model}:countTokens"),
        Endpoint(Operation.EMBED, "POST", "{model}:embedContent"),
        Endpoint(Operation.BATCH_EMBED, "POST", "{model}:batchEmbedContents"),
        Endpoint(Operation.LIST_MODELS, "GET", "models"),
        Endpoint(Operation.GET_MODEL, "GET", "{model}"),
    )
}

_PATH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@:/-]*", re.ASCII)
_MODEL = r"(?P<model>(?:models|tunedModels|dynamic|publishers/google/models)/[^/:?#]+)"
_VERSION = rf"/(?P<version>{'|'.join(API_VERSIONS)})/"


def url_for(
    base_url: str,
    version: str,
    operation: Operation,
    *,
    model: str | None = None,
    query: Mapping[str, str] | None = None,
) -> str:
    """Return the URL of ``operation``; ``model`` is a checked resource name.

    Raises InvalidRequest for an API version that does not exist and for a missing model.
    """
    row = TABLE[operation]
    if model is None and "{model}" in row.path:
        raise InvalidRequest(f"{operation.value} needs a model, as 'gemini-2.5-flash'")
    path = row.path.format(model=model)
    return path_url(base_url, version, path, {**row.query, **(query or {})})


def path_url(base_url: str, version: str, path: str, query: Mapping[str, str] | None = None) -> str:
    """Return the URL of a path under an API version.

    Raises InvalidRequest for a version that does not exist and a path that could leave it.
    """
    if version not in API_VERSIONS:
        known = ", ".join(API_VERSIONS)
        raise InvalidRequest(f"api_version {version!r} does not exist; use one of {known}")
    if not _PATH.fullmatch(path) or ".." in path:
        raise InvalidRequest(f"path {path!r} is not one below the API version, as 'models/x'")
    url = f"{base_url.rstrip('/')}/{version}/{path}"
    return f"{url}?{urlencode(query)}" if query else url


def match(method: str, path: str) -> Route | None:
    """Return what ``method`` and ``path`` (percent-decoded, without query) ask for."""
    for row, pattern in _patterns():
        if row.method == method and (found := pattern.fullmatch(path)):
            return Route(row.operation, found["version"], found.groupdict().get("model"))
    return None


@functools.cache
def _patterns() -> tuple[tuple[Endpoint, re.Pattern[str]], ...]:
    return tuple(
        (row, re.compile(_VERSION + row.path.replace("{model}", _MODEL))) for row in TABLE.values()
    )
