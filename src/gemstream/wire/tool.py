"""Tools a model may use: declared functions and the service's own.

An empty object switches a tool of the service on: ``Tool(google_search=GoogleSearch())``. A plain
dict in the place of an object passes as it is, unchecked.
Source: https://ai.google.dev/api/caching#Tool.
"""

from __future__ import annotations

from collections.abc import Sequence

from .codec import JSONObject, Message
from .open_enum import OpenEnum

__all__ = (
    "Behavior",
    "CodeExecution",
    "ComputerEnvironment",
    "ComputerUse",
    "DynamicRetrievalConfig",
    "DynamicRetrievalMode",
    "EnterpriseWebSearch",
    "FileSearch",
    "FunctionCallingConfig",
    "FunctionCallingMode",
    "FunctionDeclaration",
    "GoogleMaps",
    "GoogleMapsGroundingTypes",
    "GoogleSearch",
    "GoogleSearchRetrieval",
    "ImageSearch",
    "Interval",
    "LatLng",
    "MCPServer",
    "RetrievalConfig",
    "SearchTypes",
    "StreamableHTTPTransport",
    "Tool",
    "ToolConfig",
    "URLContext",
    "WebSearch",
)


class Behavior(OpenEnum):
    """Whether the model waits for a function (Live)."""

    BLOCKING = "BLOCKING"
    NON_BLOCKING = "NON_BLOCKING"


class FunctionDeclaration(Message):
    """A function the model may call; ``parameters`` xor ``parameters_json_schema``."""

    name: str | None = None
    description: str | None = None
    parameters: JSONObject | None = None
    parameters_json_schema: JSONObject | None = None
    response: JSONObject | None = None
    response_json_schema: JSONObject | None = None
    behavior: Behavior | None = None


class WebSearch(Message):
    """Search for pages; it has no settings."""


class ImageSearch(Message):
    """Search for images; it has no settings."""


class SearchTypes(Message):
    """What to search for; pages only when nothing is set."""

    web_search: WebSearch | None = None
    image_search: ImageSearch | None = None


class Interval(Message):
    """A span of time from ``start_time`` to before ``end_time``, as ``2026-01-31T00:00:00Z``."""

    start_time: str | None = None
    end_time: str | None = None


class GoogleSearch(Message):
    """The model may search the web.

    ``time_range_filter``: both of its ends, or neither. ``exclude_domains`` (at most 2000, as
    ``example.com``) and ``blocking_confidence`` (``BLOCK_LOW_AND_ABOVE`` and so on) are Vertex
    only.
    """

    search_types: SearchTypes | None = None
    time_range_filter: Interval | None = None
    exclude_domains: Sequence[str] = ()
    blocking_confidence: str | None = None


class DynamicRetrievalMode(OpenEnum):
    """When to search; unset: always."""

    DYNAMIC = "MODE_DYNAMIC"


class DynamicRetrievalConfig(Message):
    """Search only when it helps: from a score of ``dynamic_threshold`` on, 0 to 1."""

    mode: DynamicRetrievalMode | None = None
    dynamic_threshold: float | None = None


class GoogleSearchRetrieval(Message):
    """The search of Gemini 1.5; later models take GoogleSearch."""

    dynamic_retrieval_config: DynamicRetrievalConfig | None = None


class CodeExecution(Message):
    """The model may write Python and have the service run it; it has no settings."""


class URLContext(Message):
    """The model may read the pages whose URLs the prompt holds; it has no settings."""


class ComputerEnvironment(OpenEnum):
    """What the model operates."""

    BROWSER = "ENVIRONMENT_BROWSER"
    MOBILE = "ENVIRONMENT_MOBILE"
    DESKTOP = "ENVIRONMENT_DESKTOP"


class ComputerUse(Message):
    """The model may operate a computer, by calls of predefined functions.

    ``disabled_safety_policies``: as ``FINANCIAL_TRANSACTIONS`` or ``ACCOUNT_CREATION``.
    """

    environment: ComputerEnvironment | None = None
    excluded_predefined_functions: Sequence[str] = ()
    enable_prompt_injection_detection: bool | None = None
    disabled_safety_policies: Sequence[str] = ()


class FileSearch(Message):
    """The model may search files in stores, named ``fileSearchStores/…``.

    ``top_k``: how many pieces it is shown. ``metadata_filter``: as ``author = "Ada"``
    (https://google.aip.dev/160). Not on Vertex.
    """

    file_search_store_names: Sequence[str] = ()
    top_k: int | None = None
    metadata_filter: str | None = None


class GoogleMapsGroundingTypes(Message):
    """What of Google Maps to use; an empty object switches a kind on."""

    places: JSONObject | None = None
    routing: JSONObject | None = None


class GoogleMaps(Message):
    """The model may ask Google Maps.

    ``enable_widget``: the answer brings a token for the map widget. ``auth_config`` is Vertex only.
    """

    enable_widget: bool | None = None
    grounding_types: GoogleMapsGroundingTypes | None = None
    auth_config: JSONObject | None = None


class StreamableHTTPTransport(Message):
    """How an MCP server is reached; ``timeout`` and ``sse_read_timeout`` are durations (``5s``)."""

    url: str | None = None
    headers: dict[str, str] | None = None
    timeout: str | None = None
    sse_read_timeout: str | None = None
    terminate_on_close: bool | None = None


class MCPServer(Message):
    """A server of the Model Context Protocol that the service calls by itself; not on Vertex."""

    name: str | None = None
    streamable_http_transport: StreamableHTTPTransport | None = None


class EnterpriseWebSearch(Message):
    """The model may search the web under enterprise terms; Vertex only."""

    exclude_domains: Sequence[str] = ()
    blocking_confidence: str | None = None


class Tool(Message):
    """One or several tools; an empty object switches a tool of the service on.

    Vertex only: ``retrieval`` and the fields after it. Not on Vertex: ``file_search`` and
    ``mcp_servers``.
    """

    function_declarations: Sequence[FunctionDeclaration] = ()
    google_search: GoogleSearch | None = None
    google_search_retrieval: GoogleSearchRetrieval | None = None
    code_execution: CodeExecution | None = None
    url_context: URLContext | None = None
    computer_use: ComputerUse | None = None
    file_search: FileSearch | None = None
    google_maps: GoogleMaps | None = None
    mcp_servers: Sequence[MCPServer] = ()
    retrieval: JSONObject | None = None
    enterprise_web_search: EnterpriseWebSearch | None = None
    parallel_ai_search: JSONObject | None = None
    exa_ai_search: JSONObject | None = None


class FunctionCallingMode(OpenEnum):
    """Whether the model may, must or must not call functions."""

    AUTO = "AUTO"
    ANY = "ANY"
    NONE = "NONE"
    VALIDATED = "VALIDATED"


class FunctionCallingConfig(Message):
    """How declared functions are used.

    ``allowed_function_names``: with mode ANY or VALIDATED only.
    ``stream_function_call_arguments``: arguments come piece by piece (Vertex only).
    """

    mode: FunctionCallingMode | None = None
    allowed_function_names: Sequence[str] = ()
    stream_function_call_arguments: bool | None = None


class LatLng(Message):
    """A place on earth, in degrees."""

    latitude: float = 0.0
    longitude: float = 0.0


class RetrievalConfig(Message):
    """Where and in which language a search takes place."""

    lat_lng: LatLng | None = None
    language_code: str | None = None


class ToolConfig(Message):
    """Settings shared by all tools of a request."""

    function_calling_config: FunctionCallingConfig | None = None
    retrieval_config: RetrievalConfig | None = None
    include_server_side_tool_invocations: bool | None = None
