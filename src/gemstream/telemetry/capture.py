"""Whether what users and models say is recorded, and where; by default it is not."""

from __future__ import annotations

import enum
import os

from ..errors import ConfigError
from .semconv import CAPTURE_VARIABLE

__all__ = ("ContentCapture",)


class ContentCapture(enum.Enum):
    """Where prompts, answers and tool definitions are recorded."""

    NO_CONTENT = "NO_CONTENT"
    SPAN_ONLY = "SPAN_ONLY"
    """As JSON, in attributes of the span."""
    EVENT_ONLY = "EVENT_ONLY"
    """In a log event, ``gen_ai.client.inference.operation.details``."""
    SPAN_AND_EVENT = "SPAN_AND_EVENT"

    @property
    def in_span(self) -> bool:
        """Content goes into the span."""
        return self in (ContentCapture.SPAN_ONLY, ContentCapture.SPAN_AND_EVENT)

    @property
    def in_event(self) -> bool:
        """Content goes into a log event."""
        return self in (ContentCapture.EVENT_ONLY, ContentCapture.SPAN_AND_EVENT)

    @classmethod
    def of(cls, asked: ContentCapture | str | None) -> ContentCapture:
        """Return the member that ``asked`` names; None asks the environment.

        An unset or empty OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT means NO_CONTENT.
        Raises ConfigError for any other name: guessing would either lose content or leak it.
        """
        if isinstance(asked, cls):
            return asked
        origin = "capture_content" if asked is not None else CAPTURE_VARIABLE
        name = str(asked if asked is not None else os.environ.get(CAPTURE_VARIABLE, ""))
        try:
            return cls[name.strip().upper() or cls.NO_CONTENT.name]
        except KeyError:
            known = ", ".join(member.name for member in cls)
            raise ConfigError(f"{origin} is {name!r:.80}; it can be one of {known}") from None
