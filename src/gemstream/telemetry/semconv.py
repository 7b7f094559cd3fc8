"""The names of OpenTelemetry's GenAI conventions, each once; nothing else here spells one.

Source: https://github.com/open-telemetry/semantic-conventions-genai, all of it in development.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = (
    "CAPTURE_VARIABLE",
    "CLIENT_OPERATION_DURATION",
    "CLIENT_TIME_PER_OUTPUT_CHUNK",
    "CLIENT_TIME_TO_FIRST_CHUNK",
    "CLIENT_TOKEN_USAGE",
    "CONVERSATION_ID",
    "COUNT_TOKENS",
    "DURATION_BUCKETS",
    "EMBEDDINGS",
    "ERROR_TYPE",
    "FIRST_TOKEN_BUCKETS",
    "GENERATE_CONTENT",
    "INFERENCE_DETAILS",
    "INFERENCE_INPUT_TOKENS",
    "INFERENCE_OUTPUT_TOKENS",
    "INPUT_MESSAGES",
    "LATEST_EXPERIMENTAL",
    "LIVE",
    "LONG_DURATION_BUCKETS",
    "NETWORK_DIRECTION",
    "OPERATION_NAME",
    "OPERATION_NAMES",
    "OPT_IN_VARIABLE",
    "OUTPUT_MESSAGES",
    "OUTPUT_TYPE",
    "PER_TOKEN_BUCKETS",
    "PROVIDER_NAME",
    "REALTIME_INFERENCE",
    "REALTIME_SESSION_ID",
    "REQUEST_CHOICE_COUNT",
    "REQUEST_MODEL",
    "REQUEST_PARAMETERS",
    "REQUEST_STREAM",
    "RESPONSE_FINISH_REASONS",
    "RESPONSE_ID",
    "RESPONSE_MODEL",
    "RESPONSE_TIME_TO_FIRST_CHUNK",
    "SERVER_ADDRESS",
    "SERVER_PORT",
    "SERVER_REQUEST_DURATION",
    "SERVER_TIME_PER_OUTPUT_TOKEN",
    "SERVER_TIME_TO_FIRST_TOKEN",
    "SYSTEM_INSTRUCTIONS",
    "TOKEN_BUCKETS",
    "TOKEN_MODALITY",
    "TOKEN_TYPE",
    "TOOL_DEFINITIONS",
    "UNKNOWN_MODALITY",
    "USAGE_CACHE_READ_INPUT_TOKENS",
    "USAGE_COUNTER_CACHE_READ",
    "USAGE_COUNTER_CACHE_WRITE",
    "USAGE_COUNTER_INPUT",
    "USAGE_COUNTER_OUTPUT",
    "USAGE_COUNTER_REASONING",
    "USAGE_INPUT_TOKENS",
    "USAGE_MODALITIES",
    "USAGE_OUTPUT_TOKENS",
    "USAGE_REASONING_OUTPUT_TOKENS",
    "usage_of_modality",
)

# --- attributes ------------------------------------------------------------------------------

OPERATION_NAME = "gen_ai.operation.name"
PROVIDER_NAME = "gen_ai.provider.name"
OUTPUT_TYPE = "gen_ai.output.type"
CONVERSATION_ID = "gen_ai.conversation.id"
REALTIME_SESSION_ID = "gen_ai.realtime_session.id"
ERROR_TYPE = "error.type"
SERVER_ADDRESS = "server.address"
SERVER_PORT = "server.port"
NETWORK_DIRECTION = "network.io.direction"

REQUEST_MODEL = "gen_ai.request.model"
REQUEST_STREAM = "gen_ai.request.stream"
REQUEST_CHOICE_COUNT = "gen_ai.request.choice.count"
REQUEST_PARAMETERS: Mapping[str, str] = {
    "max_output_tokens": "gen_ai.request.max_tokens",
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "top_k": "gen_ai.request.top_k",
    "seed": "gen_ai.request.seed",
    "stop_sequences": "gen_ai.request.stop_sequences",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "presence_penalty": "gen_ai.request.presence_penalty",
    "output_dimensionality": "gen_ai.embeddings.dimension.count",
}
"""Settings under their names in Python → attributes; those that need a decision stand apart."""

RESPONSE_ID = "gen_ai.response.id"
RESPONSE_MODEL = "gen_ai.response.model"
RESPONSE_FINISH_REASONS = "gen_ai.response.finish_reasons"
RESPONSE_TIME_TO_FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"

USAGE_INPUT_TOKENS = "gen_ai.usage.input_tokens"
USAGE_OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
USAGE_CACHE_READ_INPUT_TOKENS = "gen_ai.usage.cache_read.input_tokens"
USAGE_REASONING_OUTPUT_TOKENS = "gen_ai.usage.reasoning.output_tokens"
USAGE_MODALITIES = ("text", "image", "audio", "video")
"""The modalities that have attributes; DOCUMENT has none and stays in the total."""

TOKEN_TYPE = "gen_ai.token.type"
TOKEN_MODALITY = "gen_ai.token.modality"
UNKNOWN_MODALITY = "unknown"

# Opt-In: they hold what the user and the model said.
INPUT_MESSAGES = "gen_ai.input.messages"
OUTPUT_MESSAGES = "gen_ai.output.messages"
SYSTEM_INSTRUCTIONS = "gen_ai.system_instructions"
TOOL_DEFINITIONS = "gen_ai.tool.definitions"
INFERENCE_DETAILS = "gen_ai.client.inference.operation.details"
"""The log event that carries messages beside the span."""

# --- values ----------------------------------------------------------------------------------

GENERATE_CONTENT = "generate_content"
EMBEDDINGS = "embeddings"
REALTIME_INFERENCE = "realtime_inference"
"""One generation of a Live session."""
LIVE = "live"
"""A Live session. Our own: the conventions know its generations."""
COUNT_TOKENS = "count_tokens"
"""Our own: the conventions know no counting."""
OPERATION_NAMES: Mapping[str, str] = {
    "generateContent": GENERATE_CONTENT,
    "streamGenerateContent": GENERATE_CONTENT,
    "embedContent": EMBEDDINGS,
    "batchEmbedContents": EMBEDDINGS,
    "predict": EMBEDDINGS,
    "countTokens": COUNT_TOKENS,
    "bidiGenerateContent": LIVE,
}
"""The API's methods → operations."""

# --- metrics ---------------------------------------------------------------------------------

CLIENT_OPERATION_DURATION = "gen_ai.client.operation.duration"
CLIENT_TIME_TO_FIRST_CHUNK = "gen_ai.client.operation.time_to_first_chunk"
CLIENT_TIME_PER_OUTPUT_CHUNK = "gen_ai.client.operation.time_per_output_chunk"
CLIENT_TOKEN_USAGE = "gen_ai.client.token.usage"

# The generation after token.usage, behind the opt-in. Reasoning and cached tokens are subsets.
USAGE_COUNTER_INPUT = "gen_ai.client.inference.usage.input_tokens"
USAGE_COUNTER_OUTPUT = "gen_ai.client.inference.usage.output_tokens"
USAGE_COUNTER_CACHE_READ = "gen_ai.client.inference.usage.cache_read.input_tokens"
USAGE_COUNTER_CACHE_WRITE = "gen_ai.client.inference.usage.cache_write.input_tokens"
USAGE_COUNTER_REASONING = "gen_ai.client.inference.usage.reasoning.output_tokens"
INFERENCE_INPUT_TOKENS = "gen_ai.client.inference.operation.input_tokens"
INFERENCE_OUTPUT_TOKENS = "gen_ai.client.inference.operation.output_tokens"

# What a server tells of itself.
SERVER_REQUEST_DURATION = "gen_ai.server.request.duration"
SERVER_TIME_TO_FIRST_TOKEN = "gen_ai.server.time_to_first_token"
SERVER_TIME_PER_OUTPUT_TOKEN = "gen_ai.server.time_per_output_token"

DURATION_BUCKETS = (
    *(0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64),
    *(1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92),
)
"""Seconds, as the conventions have them."""
LONG_DURATION_BUCKETS = (*DURATION_BUCKETS, 163.84, 327.68, 655.36)
"""Three more for Prometheus: a long generation takes minutes, and the total timeout is 600 s."""
FIRST_TOKEN_BUCKETS = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1),
    *(0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
)
"""Seconds, of ``SERVER_TIME_TO_FIRST_TOKEN``."""
PER_TOKEN_BUCKETS = (
    *(0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2),
    *(0.3, 0.4, 0.5, 0.75, 1.0, 2.5),
)
"""Seconds, of ``SERVER_TIME_PER_OUTPUT_TOKEN``."""
TOKEN_BUCKETS = tuple(4**power for power in range(14))
"""Tokens: 1, 4, 16 … 67108864."""

# --- environment -----------------------------------------------------------------------------

OPT_IN_VARIABLE = "OTEL_SEMCONV_STABILITY_OPT_IN"
LATEST_EXPERIMENTAL = "gen_ai_latest_experimental"
CAPTURE_VARIABLE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"


def usage_of_modality(modality: str, kind: str) -> str:
    """Return the attribute of one modality: ``text``, ``input_tokens`` → its whole name."""
    return f"gen_ai.usage.{modality}.{kind}"
