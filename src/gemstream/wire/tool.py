"""Tools a model may use: declared functions and the service's own.

Source: https://ai.google.dev/api/caching#Tool.
"""

from __future__ import annotations

from collections.abc import Sequence

from .codec import JSONObject, Message
from .open_enum import OpenEnum

__all__ = (
    "Behavior",
    "FunctionCallingConfig",
    "FunctionCallingMode",
    "FunctionDeclaration",
    "LatLng",
    "RetrievalConfig",
    "Tool",
    "ToolConfig",
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


class Tool(Message):
    """One or several tools; an empty object switches a tool of the service on."""

    function_declarations: Sequence[FunctionDeclaration] = ()
    google_search: JSONObject | None = None
    google_search_retrieval: JSONObject | None = None
    code_execution: JSONObject | None = None
    url_context: JSONObject | None = None
    computer_use: JSONObject | None = None
    file_search: JSONObject | None = None
    google_maps: JSONObject | None = None
    mcp_servers: Sequence[JSONObject] = ()
    retrieval: JSONObject | None = None
    enterprise_web_search: JSONObject | None = None
    parallel_ai_search: JSONObject | None = None
    exa_ai_search: JSONObject | None = None


class FunctionCallingMode(OpenEnum):
    """Whether the model may, must or must not call functions."""

    AUTO = "AUTO"
    ANY = "ANY"
    NONE = "NONE"
    VALIDATED = "VALIDATED"


class FunctionCallingConfig(Message):
    """How declared functions are used."""

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
