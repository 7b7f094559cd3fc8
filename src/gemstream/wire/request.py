"""Bodies of generateContent, streamGenerateContent and countTokens.

Source: https://ai.google.dev/api/generate-content, https://ai.google.dev/api/tokens.
"""

from __future__ import annotations

from collections.abc import Sequence

from .codec import Message
from .content import Content
from .generation_config import GenerationConfig
from .open_enum import OpenEnum
from .safety import SafetySetting
from .tool import Tool, ToolConfig
from .usage import ModalityTokenCount

__all__ = (
    "CountTokensRequest",
    "CountTokensResponse",
    "GenerateContentRequest",
    "ModelArmorConfig",
    "ServiceTier",
)


class ServiceTier(OpenEnum):
    """How soon a request is served, and at which price."""

    FLEX = "flex"
    STANDARD = "standard"
    PRIORITY = "priority"


class ModelArmorConfig(Message):
    """Templates of Model Armor that prompt and answer are held against; Vertex only."""

    prompt_template_name: str | None = None
    response_template_name: str | None = None


class GenerateContentRequest(Message):
    """What is asked; ``model`` stands here only inside a CountTokensRequest, else in the path."""

    model: str | None = None
    contents: Sequence[Content] = ()
    system_instruction: Content | None = None
    tools: Sequence[Tool] = ()
    tool_config: ToolConfig | None = None
    safety_settings: Sequence[SafetySetting] = ()
    generation_config: GenerationConfig | None = None
    cached_content: str | None = None
    service_tier: ServiceTier | None = None
    store: bool | None = None
    labels: dict[str, str] | None = None
    continuation_token: str | None = None
    model_armor_config: ModelArmorConfig | None = None


class CountTokensRequest(Message):
    """Contents alone, or a whole request with its system instruction and tools."""

    contents: Sequence[Content] = ()
    generate_content_request: GenerateContentRequest | None = None


class CountTokensResponse(Message):
    """How many tokens a request would cost as prompt."""

    total_tokens: int = 0
    cached_content_token_count: int | None = None
    prompt_tokens_details: Sequence[ModalityTokenCount] = ()
    cache_tokens_details: Sequence[ModalityTokenCount] = ()
