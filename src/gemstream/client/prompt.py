"""What a caller may pass as a prompt → contents of the wire.

A prompt is text, a file path, a part, a content, or a sequence of these; neighbouring pieces that
are no contents form one user turn. A file travels inside the request: its name is checked at once,
and its part stays empty until somebody has the time to read it. A file that lies elsewhere is named
by its URI; see ``file_uri``.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol, Union, runtime_checkable

import msgspec

from ..errors import InvalidRequest
from ..wire.content import Blob, Content, FileData, Part
from .file_uri import is_uri, settled
from .media_type import check_media_type, media_type_of

__all__ = (
    "MAX_REQUEST_SIZE",
    "FileReference",
    "Prompt",
    "PromptPiece",
    "UnreadFile",
    "contents_of",
    "pieces_of",
    "read_file",
    "system_of",
)

# The service refuses larger requests; https://ai.google.dev/api/files says to upload instead.
MAX_REQUEST_SIZE = 20 * 1024 * 1024


@runtime_checkable
class FileReference(Protocol):
    """A file the service has, as what the Files API answers, or the official SDK's ``File``."""

    @property
    def uri(self) -> str | None:
        """Where the file is, as ``https://…/v1beta/files/abc``."""
        ...

    @property
    def mime_type(self) -> str | None:
        """Its media type, None when the service is to know it."""
        ...


PromptPiece = Union[str, Path, Part, Content, Blob, FileData, FileReference]  # noqa: UP007 (used at run time)
Prompt = Union[PromptPiece, Sequence[PromptPiece]]  # noqa: UP007


class UnreadFile(msgspec.Struct, frozen=True):
    """A file whose part is still empty, and where that is: which content, which part of it."""

    path: Path
    turn: int
    part: int


def contents_of(
    prompt: Any, files: Iterable[str | Path] = ()
) -> tuple[list[Content], list[UnreadFile]]:
    """Return the contents of ``prompt`` with ``files`` before its text, and what is to be read.

    ``files`` are paths and URIs. Raises InvalidRequest for an empty prompt and for a path no file
    can have, and UnsupportedMedia for a file whose type cannot be told or the models do not read.
    """
    pieces: list[PromptPiece] = [_file_of(file) for file in files]
    pieces.extend(pieces_of(prompt))
    contents: list[Content] = []
    parts: list[Part] = []
    unread: list[UnreadFile] = []
    for piece in pieces:
        if isinstance(piece, Content):
            _close_turn(contents, parts)
            contents.append(_checked(piece))
            continue
        if isinstance(piece, Path):
            unread.append(UnreadFile(_checked_path(piece), len(contents), len(parts)))
        parts.append(_part_of(piece))
    _close_turn(contents, parts)
    if not contents:
        raise InvalidRequest("the prompt is empty; pass text, a file or a content")
    return contents, unread


def read_file(path: Path, max_size: int) -> Part:
    """Return the part that holds a file, blocking.

    Raises InvalidRequest for one that is empty, unreadable or above ``max_size``.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # a pipe would block, a device never end
            raise InvalidRequest(f"cannot read {path}: it is a directory or no regular file")
        if found.st_size > max_size:
            raise InvalidRequest(
                f"{path} has {found.st_size} bytes, more than the {max_size} a request may hold; "
                "upload it with the Files API and pass its URI as Part.of_uri(...)"
            )
        data = path.read_bytes()
    except OSError as error:
        raise InvalidRequest(f"cannot read {path}: {error.strerror or error}") from None
    if not data:
        raise InvalidRequest(f"{path} is empty")
    return Part.of_bytes(data, media_type_of(path))


def system_of(system: Any) -> Content:
    """Return the system instruction as a content; raises InvalidRequest when it is empty."""
    if isinstance(system, Content):
        return system
    if not isinstance(system, str) or not system:
        raise InvalidRequest(f"the system instruction must be text or a Content, not {system!r}")
    return Content(parts=[Part(text=system)])


def pieces_of(prompt: Any) -> Sequence[PromptPiece]:
    """Return the pieces of a prompt; raises InvalidRequest for what cannot be one."""
    if isinstance(prompt, bytes | bytearray | memoryview):
        raise InvalidRequest(
            "bytes have no media type of their own; pass Part.of_bytes(data, 'image/png')"
        )
    if isinstance(prompt, str | Path | Part | Content | Blob | FileData | FileReference):
        return [prompt]
    if isinstance(prompt, Sequence):
        return prompt
    raise InvalidRequest(
        "a prompt is text, a Path, Part, Content, Blob, FileData, an uploaded file or a sequence "
        f"of these, not {type(prompt).__name__}"
    )


def _close_turn(contents: list[Content], parts: list[Part]) -> None:
    if parts:
        contents.append(Content(role="user", parts=list(parts)))
        parts.clear()


def _checked(content: Content) -> Content:
    if not content.parts:
        raise InvalidRequest(f"a content of role {content.role!r} has no parts")
    return content


def _part_of(piece: Any) -> Part:
    if isinstance(piece, str):
        if not piece:
            raise InvalidRequest("the prompt is empty; pass text, a file or a content")
        return Part(text=piece)
    if isinstance(piece, Path):
        return Part()
    if isinstance(piece, Blob):
        piece = Part(inline_data=piece)
    if isinstance(piece, FileData):
        piece = Part(file_data=piece)
    elif not isinstance(piece, Part) and isinstance(piece, FileReference):
        piece = Part(file_data=FileData(file_uri=piece.uri, mime_type=piece.mime_type))
    if not isinstance(piece, Part):
        raise InvalidRequest(f"a prompt cannot hold a {type(piece).__name__}: {piece!r:.80}")
    if piece.inline_data is not None:
        check_media_type(piece.inline_data.mime_type)
    if piece.file_data is not None:
        return msgspec.structs.replace(piece, file_data=settled(piece.file_data))
    return piece


def _file_of(file: str | Path) -> Part | Path:
    """Return what the ``files`` of a call name: an URI is sent as such, a path is read."""
    return Part.of_uri(file) if isinstance(file, str) and is_uri(file) else Path(file)


def _checked_path(path: Path) -> Path:
    """Return ``path``; raises InvalidRequest for what the file system would not take as one."""
    try:
        is_path = b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:  # a lone surrogate
        is_path = False
    if not is_path:
        raise InvalidRequest(f"{str(path)!r} is no path: it has a character that no path can have")
    media_type_of(path)
    return path
