"""The Files API as callers speak it: what a path, its method, query and headers ask for.

Source: https://ai.google.dev/api/files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from ...wire.dialect.refusal import Fault, Refusal
from ..call import FileOperation
from ..refused import Refused
from ..route import Route

__all__ = ("FileRequest", "file_request")

_PATH = re.compile(
    r"/(?:(?:resumable/)?(?P<upload>upload)/)?v1(?:beta)?/files"
    r"(?:/(?P<id>[A-Za-z0-9][A-Za-z0-9_-]{0,63}))?(?::(?P<verb>[A-Za-z]+))?"
)
_WHOLE = ("multipart", "raw", "media")
_MOST_LISTED = 100  # of the service
_LISTED = 10


class FileRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked; ``name`` as ``files/abc``, ``size`` and ``token`` of a list's page."""

    operation: FileOperation
    version: str = "v1beta"
    name: str = ""
    size: int = _LISTED
    token: str = ""


def file_request(
    method: str, route: Route, headers: Mapping[str, str], query: Mapping[str, str]
) -> FileRequest:
    """Return what is asked; raises Refused for what the service or the relay does not have.

    ``headers``: by lower-case name.
    """
    found = _PATH.fullmatch(route.rest)
    if found is None:
        raise _nowhere(method, route.rest)
    if found["upload"]:
        operation = _upload(method, found, headers, query)
    else:
        operation = _operation(method, found, route.rest)
    if operation is not FileOperation.LIST:
        name = f"files/{found['id']}" if found["id"] else ""
        return FileRequest(operation=operation, version=route.version, name=name)
    return FileRequest(
        operation=operation,
        version=route.version,
        size=_page_size(query.get("pageSize", "")),
        token=query.get("pageToken", ""),
    )


def _operation(method: str, found: re.Match[str], path: str) -> FileOperation:
    verb = found["verb"]
    if verb == "register":
        raise Refused(
            Refusal(Fault.UNIMPLEMENTED, "files of Cloud Storage are not registered here; upload")
        )
    methods: dict[str, FileOperation] = {}
    if found["id"] is None and verb is None:
        methods = {"GET": FileOperation.LIST, "POST": FileOperation.CREATE}
    elif found["id"] is not None and verb is None:
        methods = {"GET": FileOperation.GET, "DELETE": FileOperation.DELETE}
    elif found["id"] is not None and verb == "download":
        methods = {"GET": FileOperation.DOWNLOAD}
    if not methods:
        raise _nowhere(method, path)
    if method not in methods:
        raise _wrong_method(method, path, tuple(methods))
    return methods[method]


def _upload(
    method: str, found: re.Match[str], headers: Mapping[str, str], query: Mapping[str, str]
) -> FileOperation:
    if found["id"] or found["verb"]:
        raise _nowhere(method, found[0])
    if method != "POST":
        raise _wrong_method(method, found[0], ("POST",))
    if "upload_id" in query:
        return FileOperation.UPLOAD
    protocol = headers.get("x-goog-upload-protocol") or query.get("uploadType") or "none"
    protocol = protocol.strip().lower()
    if protocol in _WHOLE:
        return FileOperation.UPLOAD
    command = headers.get("x-goog-upload-command", "").strip().lower()
    if protocol == "resumable" and command in ("start", ""):
        return FileOperation.START
    if protocol == "resumable":
        raise _invalid(
            f"the command {command!r:.40} goes to the address that x-goog-upload-url of the first "
            "answer names; an upload begins with x-goog-upload-command: start"
        )
    raise _invalid(
        f"{protocol!r:.40} is no upload protocol; x-goog-upload-protocol is resumable, multipart "
        "or raw"
    )


def _page_size(given: str) -> int:
    if not given:
        return _LISTED
    if not (given.isascii() and given.isdigit()) or not 1 <= int(given[:9]) <= _MOST_LISTED:
        raise _invalid(f"pageSize is {given!r:.40}; it is a number from 1 to {_MOST_LISTED}")
    return int(given)


def _nowhere(method: str, path: str) -> Refused:
    return Refused(Refusal(Fault.NOT_FOUND, f"{method} {path:.200} is not served here"))


def _wrong_method(method: str, path: str, allowed: tuple[str, ...]) -> Refused:
    said = f"{method} {path:.200} is not served here; use {', '.join(allowed)}"
    return Refused(Refusal(Fault.WRONG_METHOD, said, allow=allowed))


def _invalid(message: str) -> Refused:
    return Refused(Refusal(Fault.INVALID, message))
