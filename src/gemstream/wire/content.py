"""Content and its parts: what a turn is made of, in requests and in answers.

Source: https://ai.google.dev/api/caching#Content.
"""

from __future__ import annotations

from collections.abc import Sequence

from .codec import JSONObject, Message
from .media import (
    AudioMetadata,
    DocumentMetadata,
    MediaProcessing,
    PartMediaResolution,
    SpeechMetadata,
    SpreadsheetMetadata,
    Transcription,
    VideoMetadata,
)
from .open_enum import OpenEnum
from .scalar import decode_base64, encode_base64

__all__ = (
    "Blob",
    "CodeExecutionResult",
    "Content",
    "ExecutableCode",
    "FileData",
    "FunctionCall",
    "FunctionResponse",
    "FunctionResponsePart",
    "Language",
    "Outcome",
    "Part",
    "PartialArg",
    "Scheduling",
    "ToolCall",
    "ToolResult",
    "ToolType",
)


class Blob(Message):
    """Bytes inside the message; ``data`` is base64, ``content`` the bytes themselves."""

    mime_type: str | None = None
    data: str = ""
    display_name: str | None = None

    @classmethod
    def of(cls, content: bytes, mime_type: str) -> Blob:
        """Return a blob holding ``content``."""
        return cls(mime_type=mime_type, data=encode_base64(content))

    @property
    def content(self) -> bytes:
        """The bytes, decoded anew at each use; raises DecodeError."""
        return decode_base64(self.data)


class FileData(Message):
    """A file named by URI: of the Files API, of Cloud Storage, or a public video."""

    mime_type: str | None = None
    file_uri: str | None = None
    display_name: str | None = None


class PartialArg(Message):
    """A piece of one streamed function argument, placed by its RFC 9535 path, as ``$.a[0].b``.

    One of the values is set; ``null_value`` is ``NULL_VALUE``. Strings of the same path join while
    ``will_continue`` is True. Vertex only.
    """

    json_path: str | None = None
    string_value: str | None = None
    number_value: float | None = None
    bool_value: bool | None = None
    null_value: str | None = None
    will_continue: bool | None = None


class FunctionCall(Message):
    """The model asks for a function to be run.

    ``partial_args`` and ``will_continue``: its arguments are streamed (Vertex only).
    """

    name: str | None = None
    args: JSONObject | None = None
    id: str | None = None
    partial_args: Sequence[PartialArg] = ()
    will_continue: bool | None = None


class Scheduling(OpenEnum):
    """When the model may speak of a function's result (Live, non-blocking functions)."""

    SILENT = "SILENT"
    WHEN_IDLE = "WHEN_IDLE"
    INTERRUPT = "INTERRUPT"


class FunctionResponsePart(Message):
    """Media that a function returned beside its ``response``."""

    inline_data: Blob | None = None
    file_data: FileData | None = None
    media_processing: MediaProcessing | None = None
    media_resolution: PartMediaResolution | None = None
    video_metadata: VideoMetadata | None = None
    document_metadata: DocumentMetadata | None = None
    spreadsheet_metadata: SpreadsheetMetadata | None = None
    audio_metadata: AudioMetadata | None = None


class FunctionResponse(Message):
    """What a function returned; ``id`` is the call's id.

    ``response`` holds ``output`` or ``error`` by convention, and may hold anything else.
    """

    name: str | None = None
    response: JSONObject | None = None
    id: str | None = None
    parts: Sequence[FunctionResponsePart] = ()
    will_continue: bool | None = None
    scheduling: Scheduling | None = None


class Language(OpenEnum):
    """What the model writes its code in."""

    PYTHON = "PYTHON"


class ExecutableCode(Message):
    """Code that the model wrote for the service to run."""

    language: Language | None = None
    code: str | None = None
    id: str | None = None


class Outcome(OpenEnum):
    """How the service's run of the model's code ended."""

    OUTCOME_OK = "OUTCOME_OK"
    OUTCOME_FAILED = "OUTCOME_FAILED"
    OUTCOME_DEADLINE_EXCEEDED = "OUTCOME_DEADLINE_EXCEEDED"


class CodeExecutionResult(Message):
    """What came of the model's code."""

    outcome: Outcome | None = None
    output: str | None = None
    id: str | None = None


class ToolType(OpenEnum):
    """A tool of the service's own."""

    GOOGLE_SEARCH_WEB = "GOOGLE_SEARCH_WEB"
    GOOGLE_SEARCH_IMAGE = "GOOGLE_SEARCH_IMAGE"
    URL_CONTEXT = "URL_CONTEXT"
    GOOGLE_MAPS = "GOOGLE_MAPS"
    FILE_SEARCH = "FILE_SEARCH"
    MEDIA_PROCESSING = "MEDIA_PROCESSING"


class ToolCall(Message):
    """The service ran one of its own tools; it is to be sent back as it came.

    It comes only with ``ToolConfig.include_server_side_tool_invocations``.
    """

    id: str | None = None
    tool_type: ToolType | None = None
    args: JSONObject | None = None


class ToolResult(Message):
    """What the service's own tool returned."""

    id: str | None = None
    tool_type: ToolType | None = None
    response: JSONObject | None = None


class Part(Message):
    """One piece of a content: exactly one data field, with optional modifiers."""

    text: str | None = None
    thought: bool = False
    thought_signature: str | None = None
    function_call: FunctionCall | None = None
    inline_data: Blob | None = None
    file_data: FileData | None = None
    function_response: FunctionResponse | None = None
    executable_code: ExecutableCode | None = None
    code_execution_result: CodeExecutionResult | None = None
    tool_call: ToolCall | None = None
    tool_response: ToolResult | None = None
    video_metadata: VideoMetadata | None = None
    media_resolution: PartMediaResolution | None = None
    part_metadata: JSONObject | None = None
    audio_transcription: Transcription | None = None
    media_processing: MediaProcessing | None = None
    speech_metadata: SpeechMetadata | None = None
    document_metadata: DocumentMetadata | None = None
    spreadsheet_metadata: SpreadsheetMetadata | None = None
    audio_metadata: AudioMetadata | None = None

    @classmethod
    def of_bytes(cls, content: bytes, mime_type: str) -> Part:
        """Return a part holding ``content`` inline."""
        return cls(inline_data=Blob.of(content, mime_type))

    @classmethod
    def of_uri(cls, uri: str, mime_type: str | None = None) -> Part:
        """Return a part that names a file by its URI.

        A prompt tells the type by the URI's suffix when ``mime_type`` is not given.
        """
        return cls(file_data=FileData(file_uri=uri, mime_type=mime_type))

    @property
    def is_plain_text(self) -> bool:
        """True when the part is text and nothing more, so a neighbour's text may join it."""
        return self.text is not None and self == Part(text=self.text, thought=self.thought)


class Content(Message):
    """One turn's contribution: who speaks (``user`` or ``model``) and the parts said."""

    role: str | None = None
    parts: Sequence[Part] = ()
