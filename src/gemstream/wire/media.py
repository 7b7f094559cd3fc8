"""How a part's media is read, and what is known of media that the service heard.

Each is a modifier of one part, beside its data.
Source: https://ai.google.dev/api/caching#Part and the official SDK 3.4.0 for the newer fields.
"""

from __future__ import annotations

from collections.abc import Sequence

from .codec import Message
from .open_enum import OpenEnum

__all__ = (
    "AudioMetadata",
    "ContentLayer",
    "DocumentMetadata",
    "MediaProcessing",
    "MediaResolution",
    "PartMediaResolution",
    "SpeechMetadata",
    "SpreadsheetMetadata",
    "Transcription",
    "VideoMetadata",
    "WordInfo",
)


class MediaResolution(OpenEnum):
    """How finely media is read: finer costs more tokens. ULTRA_HIGH is for single parts only."""

    LOW = "MEDIA_RESOLUTION_LOW"
    MEDIUM = "MEDIA_RESOLUTION_MEDIUM"
    HIGH = "MEDIA_RESOLUTION_HIGH"
    ULTRA_HIGH = "MEDIA_RESOLUTION_ULTRA_HIGH"


class MediaProcessing(OpenEnum):
    """Whether media is read once, or looked into by the model as it needs."""

    STATIC = "STATIC"
    AGENTIC = "AGENTIC"


class ContentLayer(OpenEnum):
    """What of a video (first three), a document (next two) or a sheet (last three) is read."""

    FRAMES = "FRAMES"
    AUDIO = "AUDIO"
    TRANSCRIPT = "TRANSCRIPT"
    PAGE_IMAGE = "PAGE_IMAGE"
    PAGE_TEXT = "PAGE_TEXT"
    DATA = "DATA"
    FORMULAS = "FORMULAS"
    VISUAL = "VISUAL"


class VideoMetadata(Message):
    """Which piece of a video is meant, and how it is read.

    Offsets are durations, as ``3.5s``. ``fps``: frames a second, above 0 to 24; the service takes
    1 when it is unset.
    """

    start_offset: str | None = None
    end_offset: str | None = None
    fps: float | None = None
    content_layers: Sequence[ContentLayer] = ()


class PartMediaResolution(Message):
    """How finely this part's media is read: a level, or the tokens it may cost."""

    level: MediaResolution | None = None
    num_tokens: int | None = None


class AudioMetadata(Message):
    """Which piece of a recording is meant; offsets are durations, as ``3.5s``."""

    start_offset: str | None = None
    end_offset: str | None = None


class SpeechMetadata(Message):
    """Who speaks a text that is to be spoken, and how."""

    speaker: str | None = None
    style: str | None = None


class DocumentMetadata(Message):
    """Which pages of a document are meant, the first and the last, and what of them is read."""

    start_page: int | None = None
    end_page: int | None = None
    content_layers: Sequence[ContentLayer] = ()


class SpreadsheetMetadata(Message):
    """Which cells of a spreadsheet are meant, as ``A1:C9``, on which sheet, and what is read."""

    visible_cells: str | None = None
    sheet_index: int | None = None
    content_layers: Sequence[ContentLayer] = ()


class WordInfo(Message):
    """One word that was heard, and when; offsets are durations."""

    word: str | None = None
    start_offset: str | None = None
    end_offset: str | None = None


class Transcription(Message):
    """What was heard; ``finished`` is True with the last piece, offsets are durations."""

    text: str | None = None
    finished: bool | None = None
    language_code: str | None = None
    speaker_label: str | None = None
    words: Sequence[WordInfo] = ()
    start_offset: str | None = None
    end_offset: str | None = None
