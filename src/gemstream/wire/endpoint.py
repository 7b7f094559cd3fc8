"""The table of the API's endpoints, read both ways: URL of an operation, operation of a path.

Two backends have the same operations under other paths: the Gemini API and Vertex AI, where
models stand below a project and a location, or in express mode below neither.

Sources: https://ai.google.dev/api, https://cloud.google.com/vertex-ai/docs/reference/rest.
"""

from __future__ import annotations

import enum
import functools
import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlencode

import msgspec

from ..errors import InvalidRequest

__all__ = (
    "API_VERSIONS",
    "EXPRESS",
    "TOKEN_VERSION",
    "VERTEX_VERSIONS",
    "Endpoint",
    "Operation",
    "Route",
    "match",
    "path_url",
    "url_for",
    "vertex_host",
    "vertex_parent",
)

API_VERSIONS = ("v1beta", "v1", "v1alpha")
VERTEX_VERSIONS = ("v1", "v1beta1")
TOKEN_VERSION = "v1alpha"  # the only version that makes ephemeral tokens and takes them
EXPRESS = "publishers/google"  # the parent of a Vertex path without a project


class Operation(enum.Enum):
    """What can be asked of the service, by the API's own names."""

    GENERATE = "generateContent"
    STREAM = "streamGenerateContent"
    COUNT_TOKENS = "countTokens"
    EMBED = "embedContent"
    BATCH_EMBED = "batchEmbedContents"
    PREDICT = "predict"
    LIST_MODELS = "models.list"
    GET_MODEL = "models.get"
    CREATE_TOKEN = "auth_tokens.create"


class Endpoint(msgspec.Struct, frozen=True):
    """One row: the HTTP method, the paths under the version, the query that always goes along.

    ``path`` is the Gemini API's and ``vertex`` Vertex AI's; None where the backend lacks it.
    ``versions``: those of the Gemini API that have the operation.
    """

    operation: Operation
    method: str
    path: str | None
    vertex: str | None
    query: Mapping[str, str] = {}
    versions: tuple[str, ...] = API_VERSIONS

    @property
    def takes_model(self) -> bool:
        """True when the path names a model."""
        return "{model}" in (self.path or self.vertex or "")


class Route(msgspec.Struct, frozen=True):
    """What a path means.

    ``model`` is a resource name as ``models/gemini-2.5-flash``. ``parent`` is what Vertex puts
    before it: ``projects/p/locations/l``, ``EXPRESS`` without a project; ``""`` is the Gemini API.
    """

    operation: Operation
    version: str
    model: str | None = None
    parent: str = ""

    @property
    def is_vertex(self) -> bool:
        """True for a path of Vertex AI."""
        return bool(self.parent)

    @property
    def project(self) -> str | None:
        """The project of a Vertex path; None in express mode and on the Gemini API."""
        return self._named(1)

    @property
    def location(self) -> str | None:
        """The location of a Vertex path; None in express mode and on the Gemini API."""
        return self._named(3)

    def _named(self, place: int) -> str | None:
        return self.parent.split("/")[place] if self.parent not in ("", EXPRESS) else None


def _model_method(operation: Operation, **query: str) -> Endpoint:
    path = f"{{model}}:{operation.value}"
    return Endpoint(operation, "POST", path, f"{{parent}}{path}", query)


TABLE: Mapping[Operation, Endpoint] = {
    row.operation: row
    for row in (
        _model_method(Operation.GENERATE),
        _model_method(Operation.STREAM, alt="sse"),
        _model_method(Operation.COUNT_TOKENS),
        _model_method(Operation.EMBED),
        Endpoint(Operation.BATCH_EMBED, "POST", "{model}:batchEmbedContents", None),
        Endpoint(Operation.PREDICT, "POST", None, "{parent}{model}:predict"),
        Endpoint(Operation.LIST_MODELS, "GET", "models", f"{EXPRESS}/models"),
        Endpoint(Operation.GET_MODEL, "GET", "{model}", "{parent}{model}"),
        Endpoint(Operation.CREATE_TOKEN, "POST", "auth_tokens", None, versions=(TOKEN_VERSION,)),
    )
}

_PATH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@:/-]*", re.ASCII)
_MODEL = r"(?P<model>(?:models|tunedModels|dynamic)/[^/:?#]+)"
_VERTEX_MODEL = r"(?P<model>(?:publishers/google/models|endpoints)/[^/:?#]+)"
_PARENT = r"(?:(?P<parent>projects/[^/?#]+/locations/[^/?#]+)/)?"
_VERTEX_PATH = re.compile(r"(?:projects|publishers|endpoints)/.*", re.DOTALL)
# A legacy project id holds its domain, as ``example.com:name``.
_PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}", re.ASCII)
_LOCATION = re.compile(r"[a-z][a-z0-9-]{0,62}", re.ASCII)


def url_for(
    base_url: str,
    version: str,
    operation: Operation,
    *,
    model: str | None = None,
    query: Mapping[str, str] | None = None,
    parent: str = "",
) -> str:
    """Return the URL of ``operation``; ``model`` is a checked resource name.

    ``parent`` asks Vertex AI: ``vertex_parent(project, location)``, or ``EXPRESS`` without a
    project. Publisher models are listed and shown without a project: the parent is left out.
    Raises InvalidRequest for an API version that does not exist, a missing model and one of the
    other backend, and for an operation that the backend does not have.
    """
    row = TABLE[operation]
    if model is None and row.takes_model:
        raise InvalidRequest(f"{operation.value} needs a model, as 'gemini-2.5-flash'")
    is_vertex = bool(parent) or _VERTEX_PATH.fullmatch(model or "") is not None
    template = row.vertex if is_vertex else row.path
    if template is None:
        backend = "Vertex AI" if is_vertex else "the Gemini API"
        raise InvalidRequest(f"{operation.value} does not exist on {backend}")
    if not is_vertex and version in API_VERSIONS and version not in row.versions:
        known = " or ".join(map(repr, row.versions))
        raise InvalidRequest(
            f"{operation.value} does not exist in api_version {version!r}; use {known}"
        )
    if model is not None and is_vertex and not _VERTEX_PATH.fullmatch(model):
        raise InvalidRequest(
            f"model {model!r} is not one of Vertex AI: use 'publishers/google/models/NAME' or "
            "'endpoints/ID'"
        )
    shows_publisher = operation is Operation.GET_MODEL and (model or "").startswith(EXPRESS)
    below = "" if parent in ("", EXPRESS) or shows_publisher else f"{parent}/"
    path = template.format(model=model, parent=below)
    return path_url(base_url, version, path, {**row.query, **(query or {})})


def path_url(base_url: str, version: str, path: str, query: Mapping[str, str] | None = None) -> str:
    """Return the URL of a path under an API version.

    Raises InvalidRequest for a version that does not exist and a path that could leave it. Paths
    of Vertex AI (below ``projects``, ``publishers`` and ``endpoints``) have their own versions.
    """
    versions = VERTEX_VERSIONS if _VERTEX_PATH.fullmatch(path) else API_VERSIONS
    if version not in versions:
        where = " on Vertex AI" if versions is VERTEX_VERSIONS else ""
        known = ", ".join(versions)
        raise InvalidRequest(f"api_version {version!r} does not exist{where}; use one of {known}")
    if not _PATH.fullmatch(path) or ".." in path:
        raise InvalidRequest(f"path {path!r} is not one below the API version, as 'models/x'")
    url = f"{base_url.rstrip('/')}/{version}/{path}"
    return f"{url}?{urlencode(query)}" if query else url


def match(method: str, path: str) -> Route | None:
    """Return what ``method`` and ``path`` (percent-decoded, without query) ask for."""
    for row, pattern, parent in _patterns():
        if row.method == method and (found := pattern.fullmatch(path)):
            named = found.groupdict()
            return Route(
                row.operation,
                named["version"],
                named.get("model"),
                named.get("parent") or parent,
            )
    return None


def vertex_parent(project: str, location: str) -> str:
    """Return the parent of a project's models, as ``projects/p/locations/l``.

    Raises InvalidRequest for a project or location that could not be a path segment.
    """
    if not _is_name(project, _PROJECT) or ".." in project:
        raise InvalidRequest(f"project {project!r:.80} is not a project id or number")
    return f"projects/{project}/locations/{_checked_location(location)}"


def vertex_host(location: str) -> str:
    """Return the host that serves a location, as ``us-central1-aiplatform.googleapis.com``.

    ``global`` has the plain host, the multi-regions ``us`` and ``eu`` their own. Raises
    InvalidRequest for a location that could not be part of a host name.
    """
    if location == "global":
        return "aiplatform.googleapis.com"
    if location in ("us", "eu"):
        return f"aiplatform.{location}.rep.googleapis.com"
    return f"{_checked_location(location)}-aiplatform.googleapis.com"


def _checked_location(location: str) -> str:
    if not _is_name(location, _LOCATION):
        raise InvalidRequest(
            f"location {location!r:.80} is not one, as 'us-central1', 'eu' or 'global'"
        )
    return location


def _is_name(value: object, form: re.Pattern[str]) -> bool:
    return isinstance(value, str) and form.fullmatch(value) is not None


@functools.cache
def _patterns() -> tuple[tuple[Endpoint, re.Pattern[str], str], ...]:
    return tuple(_pattern_rows())


def _pattern_rows() -> Iterator[tuple[Endpoint, re.Pattern[str], str]]:
    """Yield each row's patterns, each with the parent of a path that names none."""
    for row in TABLE.values():
        if row.path is not None:
            pattern = row.path.replace("{model}", _MODEL)
            yield row, re.compile(_prefix(row.versions) + pattern), ""
        if row.vertex is not None:
            pattern = row.vertex.replace("{parent}", _PARENT).replace("{model}", _VERTEX_MODEL)
            yield row, re.compile(_prefix(VERTEX_VERSIONS) + pattern), EXPRESS


def _prefix(versions: tuple[str, ...]) -> str:
    return rf"/(?P<version>{'|'.join(versions)})/"
