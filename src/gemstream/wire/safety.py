"""Safety settings of a request and safety ratings of an answer.

Source: https://ai.google.dev/api/generate-content#v1beta.SafetySetting.
"""

from __future__ import annotations

from .codec import Message
from .open_enum import OpenEnum

__all__ = (
    "HarmBlockMethod",
    "HarmBlockThreshold",
    "HarmCategory",
    "HarmProbability",
    "HarmSeverity",
    "SafetyRating",
    "SafetySetting",
)


class HarmCategory(OpenEnum):
    """A kind of harm."""

    HARASSMENT = "HARM_CATEGORY_HARASSMENT"
    HATE_SPEECH = "HARM_CATEGORY_HATE_SPEECH"
    SEXUALLY_EXPLICIT = "HARM_CATEGORY_SEXUALLY_EXPLICIT"
    DANGEROUS_CONTENT = "HARM_CATEGORY_DANGEROUS_CONTENT"
    CIVIC_INTEGRITY = "HARM_CATEGORY_CIVIC_INTEGRITY"
    JAILBREAK = "HARM_CATEGORY_JAILBREAK"


class HarmBlockThreshold(OpenEnum):
    """From which probability on an answer is blocked."""

    BLOCK_LOW_AND_ABOVE = "BLOCK_LOW_AND_ABOVE"
    BLOCK_MEDIUM_AND_ABOVE = "BLOCK_MEDIUM_AND_ABOVE"
    BLOCK_ONLY_HIGH = "BLOCK_ONLY_HIGH"
    BLOCK_NONE = "BLOCK_NONE"
    OFF = "OFF"


class HarmProbability(OpenEnum):
    """How probable a harm is in the service's judgement."""

    NEGLIGIBLE = "NEGLIGIBLE"
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"


class HarmSeverity(OpenEnum):
    """How severe a harm is in the service's judgement; Vertex only."""

    NEGLIGIBLE = "HARM_SEVERITY_NEGLIGIBLE"
    LOW = "HARM_SEVERITY_LOW"
    MEDIUM = "HARM_SEVERITY_MEDIUM"
    HIGH = "HARM_SEVERITY_HIGH"


class HarmBlockMethod(OpenEnum):
    """Which of its judgements a threshold is held against; Vertex only."""

    SEVERITY = "SEVERITY"
    PROBABILITY = "PROBABILITY"


class SafetySetting(Message):
    """One category's threshold; ``method`` is Vertex only."""

    category: HarmCategory | None = None
    threshold: HarmBlockThreshold | None = None
    method: HarmBlockMethod | None = None


class SafetyRating(Message):
    """The service's judgement of one category; scores and severity are Vertex only."""

    category: HarmCategory | None = None
    probability: HarmProbability | None = None
    blocked: bool | None = None
    probability_score: float | None = None
    severity: HarmSeverity | None = None
    severity_score: float | None = None
    overwritten_threshold: HarmBlockThreshold | None = None
