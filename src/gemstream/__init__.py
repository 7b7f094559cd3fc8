"""gemstream: streaming-first Gemini for Python.

``AsyncClient`` and its blocking face ``Client`` give text as it is generated. Public names load on
first use, so importing the package costs a few milliseconds.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .config.version import VERSION

if TYPE_CHECKING:
    from .client.blocking import Client
    from .client.blocking_stream import BlockingStream
    from .client.client import AsyncClient
    from .client.client_options import ClientOptions
    from .client.driver import ChunkStream, Driver
    from .client.generate_options import GenerateOptions
    from .client.live.blocking_session import BlockingLiveSession
    from .client.live.blocking_turn import BlockingLiveText, BlockingLiveTurn
    from .client.live.options import LiveOptions
    from .client.live.session import LiveSession
    from .client.live.tokens import LiveConstraints
    from .client.live.turn import LiveAnswer, LiveText, LiveTurn
    from .client.stream import GenerateStream, StreamControl
    from .client.tools.function_result import FunctionResult
    from .client.tools.function_tool import FunctionTool
    from .config.limits import Limits
    from .config.prices import PriceTable
    from .config.tiers import Tier
    from .config.timeouts import Timeouts
    from .credentials.access_token import AccessToken
    from .credentials.api_key import APIKey, Credentials
    from .errors import GemstreamError
    from .limits.away import Away
    from .limits.limit_use import LimitUse
    from .limits.live_rate_limiter import LiveRateLimiter
    from .limits.redis_store import RedisStore
    from .limits.sqlite_store import SQLiteStore
    from .limits.store import LimitStore
    from .net.asgi import ASGITransport
    from .net.transport import Transport
    from .policy.answer import Chunk, Completeness, Response
    from .policy.cost import Cost
    from .policy.retry import RetryPolicy
    from .telemetry.live_events import LiveStats
    from .telemetry.opentelemetry import OpenTelemetry
    from .wire.content import Blob, Content, FileData, FunctionCall, FunctionResponse, Part
    from .wire.embedding import BatchEmbedContentsResponse
    from .wire.generation_config import GenerationConfig, ImageConfig, ThinkingConfig, ThinkingLevel
    from .wire.grounding import GroundingMetadata
    from .wire.live.auth_token import AuthToken
    from .wire.live.setup import LiveSetup
    from .wire.media import MediaResolution, VideoMetadata
    from .wire.model import Model
    from .wire.request import CountTokensResponse
    from .wire.response import FinishReason
    from .wire.safety import HarmBlockThreshold, HarmCategory, SafetySetting
    from .wire.speech import SpeechConfig, VoiceConfig
    from .wire.tool import (
        CodeExecution,
        ComputerUse,
        FileSearch,
        FunctionCallingConfig,
        FunctionDeclaration,
        GoogleMaps,
        GoogleSearch,
        Tool,
        ToolConfig,
        URLContext,
    )
    from .wire.usage import UsageMetadata

__version__ = VERSION

_HOMES = {
    "Client": "client.blocking",
    "BlockingStream": "client.blocking_stream",
    "AsyncClient": "client.client",
    "ClientOptions": "client.client_options",
    "ChunkStream": "client.driver",
    "Driver": "client.driver",
    "GenerateOptions": "client.generate_options",
    "BlockingLiveSession": "client.live.blocking_session",
    "BlockingLiveText": "client.live.blocking_turn",
    "BlockingLiveTurn": "client.live.blocking_turn",
    "LiveOptions": "client.live.options",
    "LiveSession": "client.live.session",
    "LiveConstraints": "client.live.tokens",
    "LiveAnswer": "client.live.turn",
    "LiveText": "client.live.turn",
    "LiveTurn": "client.live.turn",
    "GenerateStream": "client.stream",
    "StreamControl": "client.stream",
    "FunctionResult": "client.tools.function_result",
    "FunctionTool": "client.tools.function_tool",
    "Limits": "config.limits",
    "PriceTable": "config.prices",
    "Tier": "config.tiers",
    "Timeouts": "config.timeouts",
    "AccessToken": "credentials.access_token",
    "APIKey": "credentials.api_key",
    "Credentials": "credentials.api_key",
    "GemstreamError": "errors",
    "Away": "limits.away",
    "LimitUse": "limits.limit_use",
    "LiveRateLimiter": "limits.live_rate_limiter",
    "RedisStore": "limits.redis_store",
    "SQLiteStore": "limits.sqlite_store",
    "LimitStore": "limits.store",
    "ASGITransport": "net.asgi",
    "Transport": "net.transport",
    "Chunk": "policy.answer",
    "Completeness": "policy.answer",
    "Response": "policy.answer",
    "Cost": "policy.cost",
    "RetryPolicy": "policy.retry",
    "LiveStats": "telemetry.live_events",
    "OpenTelemetry": "telemetry.opentelemetry",
    "Blob": "wire.content",
    "Content": "wire.content",
    "FileData": "wire.content",
    "FunctionCall": "wire.content",
    "FunctionResponse": "wire.content",
    "Part": "wire.content",
    "BatchEmbedContentsResponse": "wire.embedding",
    "GenerationConfig": "wire.generation_config",
    "ImageConfig": "wire.generation_config",
    "ThinkingConfig": "wire.generation_config",
    "ThinkingLevel": "wire.generation_config",
    "GroundingMetadata": "wire.grounding",
    "AuthToken": "wire.live.auth_token",
    "LiveSetup": "wire.live.setup",
    "MediaResolution": "wire.media",
    "VideoMetadata": "wire.media",
    "Model": "wire.model",
    "CountTokensResponse": "wire.request",
    "FinishReason": "wire.response",
    "HarmBlockThreshold": "wire.safety",
    "HarmCategory": "wire.safety",
    "SafetySetting": "wire.safety",
    "SpeechConfig": "wire.speech",
    "VoiceConfig": "wire.speech",
    "CodeExecution": "wire.tool",
    "ComputerUse": "wire.tool",
    "FileSearch": "wire.tool",
    "FunctionCallingConfig": "wire.tool",
    "FunctionDeclaration": "wire.tool",
    "GoogleMaps": "wire.tool",
    "GoogleSearch": "wire.tool",
    "Tool": "wire.tool",
    "ToolConfig": "wire.tool",
    "URLContext": "wire.tool",
    "UsageMetadata": "wire.usage",
}

__all__ = (
    "APIKey",
    "ASGITransport",
    "AccessToken",
    "AsyncClient",
    "AuthToken",
    "Away",
    "BatchEmbedContentsResponse",
    "Blob",
    "BlockingLiveSession",
    "BlockingLiveText",
    "BlockingLiveTurn",
    "BlockingStream",
    "Chunk",
    "ChunkStream",
    "Client",
    "ClientOptions",
    "CodeExecution",
    "Completeness",
    "ComputerUse",
    "Content",
    "Cost",
    "CountTokensResponse",
    "Credentials",
    "Driver",
    "FileData",
    "FileSearch",
    "FinishReason",
    "FunctionCall",
    "FunctionCallingConfig",
    "FunctionDeclaration",
    "FunctionResponse",
    "FunctionResult",
    "FunctionTool",
    "GemstreamError",
    "GenerateOptions",
    "GenerateStream",
    "GenerationConfig",
    "GoogleMaps",
    "GoogleSearch",
    "GroundingMetadata",
    "HarmBlockThreshold",
    "HarmCategory",
    "ImageConfig",
    "LimitStore",
    "LimitUse",
    "Limits",
    "LiveAnswer",
    "LiveConstraints",
    "LiveOptions",
    "LiveRateLimiter",
    "LiveSession",
    "LiveSetup",
    "LiveStats",
    "LiveText",
    "LiveTurn",
    "MediaResolution",
    "Model",
    "OpenTelemetry",
    "Part",
    "PriceTable",
    "RedisStore",
    "Response",
    "RetryPolicy",
    "SQLiteStore",
    "SafetySetting",
    "SpeechConfig",
    "StreamControl",
    "ThinkingConfig",
    "ThinkingLevel",
    "Tier",
    "Timeouts",
    "Tool",
    "ToolConfig",
    "Transport",
    "URLContext",
    "UsageMetadata",
    "VideoMetadata",
    "VoiceConfig",
)


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'gemstream' has no attribute {name!r}")
    value = getattr(import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
