"""The Files API as a double that is strict: wrong offsets, sizes, commands and keys are refused.

What it keeps is only counts and digests, so that tests of large files hold none of them. Source:
https://ai.google.dev/api/files and the service's resumable upload protocol.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

__all__ = ("GRANULARITY", "FilesService")

GRANULARITY = 262_144
_KEY = b"upstream-key-of-"


class Upload:
    """One upload that is under way."""

    def __init__(self, size: int, mime_type: str, asked: dict[str, Any]) -> None:
        self.size = size
        self.mime_type = mime_type
        self.asked = asked
        self.received = 0
        self.digest = hashlib.sha256()
        self.status = "active"
        self.file: dict[str, Any] | None = None


class FilesService:
    """An ASGI application; ``origin``: how its addresses begin. What it is not asked about files
    goes to ``rest``.

    ``upload_url`` replaces the address that a start gives. ``cut_at``: after so many bytes of a
    request's body the connection breaks, once, or of a download's. ``gate``: bytes are read only
    while it is set. ``seen``: method, path and headers of each request.
    """

    def __init__(self, rest: Any = None, origin: str = "http://one") -> None:
        self.origin = origin
        self.files: dict[str, dict[str, Any]] = {}
        self.uploads: dict[str, Upload] = {}
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        self.upload_url: str | None = None
        self.cut_at: int | None = None
        self.read = 0
        self.largest_piece = 0
        self.reading = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()
        self.left = asyncio.Event()
        self.fails: Callable[[str, str], tuple[int, str] | None] = lambda method, path: None
        self._rest = rest

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or "/files" not in scope["path"]:
            await self._rest(scope, receive, send)
            return
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        query = {k: v[-1] for k, v in parse_qs(scope["query_string"].decode()).items()}
        method, path = scope["method"], scope["path"]
        self.seen.append((method, path, headers))
        if (failure := self.fails(method, path)) is not None:
            await _error(send, *failure)
            return
        if "upload_id" not in query and not headers.get("x-goog-api-key", "").encode().startswith(
            _KEY
        ):
            await _error(send, 400, "API key not valid. Please pass a valid API key.")
            return
        if path.startswith("/upload/"):
            await self._upload(headers, query, receive, send)
        else:
            await self._plain(method, path, query, receive, send)

    async def _upload(self, headers: Any, query: Any, receive: Any, send: Any) -> None:
        if "upload_id" in query:
            await self._command(self.uploads.get(query["upload_id"]), headers, receive, send)
        elif headers.get("x-goog-upload-protocol") == "resumable":
            await self._start(headers, receive, send)
        else:
            await self._whole(headers, receive, send)

    async def _start(self, headers: Any, receive: Any, send: Any) -> None:
        if headers.get("x-goog-upload-command") != "start":
            await _error(send, 400, "no start")
            return
        body = json.loads(await _body(receive) or b"{}")
        asked = body.get("file", {})
        if asked.get("name") in self.files:
            await _error(send, 409, "Requested entity already exists")
            return
        upload_id = f"up{len(self.uploads)}"
        size = int(headers["x-goog-upload-header-content-length"])
        mime_type = headers["x-goog-upload-header-content-type"]
        self.uploads[upload_id] = Upload(size, mime_type, asked)
        address = (
            f"{self.origin}/upload/v1beta/files?upload_id={upload_id}&upload_protocol=resumable"
        )
        told = {
            "x-goog-upload-url": self.upload_url or address,
            "x-goog-upload-control-url": self.upload_url or address,
            "x-goog-upload-chunk-granularity": str(GRANULARITY),
            "x-goog-upload-status": "active",
        }
        await _answer(send, 200, b"", told)

    async def _command(self, upload: Upload | None, headers: Any, receive: Any, send: Any) -> None:
        if upload is None or upload.status == "cancelled":
            await _error(send, 404, "Upload session not found")
            return
        commands = [each.strip() for each in headers.get("x-goog-upload-command", "").split(",")]
        status = {"x-goog-upload-status": upload.status}
        if commands == ["query"]:
            received = {"x-goog-upload-size-received": str(upload.received)}
            await _answer(send, 200, b"", status | received)
            return
        if commands == ["cancel"]:
            upload.status = "cancelled"
            await _answer(send, 200, b"", {"x-goog-upload-status": "cancelled"})
            return
        if "upload" in commands:
            if headers.get("x-goog-upload-offset") != str(upload.received):
                await _error(send, 400, "Invalid offset", status)
                return
            await self._take(receive, upload)
        if "finalize" not in commands:
            if upload.received % GRANULARITY:
                await _error(send, 400, "not a multiple of the granularity", status)
                return
            received = {"x-goog-upload-size-received": str(upload.received)}
            await _answer(send, 200, b"", status | received)
            return
        if upload.received != upload.size:
            await _error(send, 400, "Upload is not complete", status)
            return
        upload.status = "final"
        upload.file = upload.file or self._made(upload)
        body = json.dumps({"file": upload.file}).encode()
        await _answer(send, 200, body, {"x-goog-upload-status": "final"})

    async def _whole(self, headers: Any, receive: Any, send: Any) -> None:
        upload = Upload(0, headers.get("content-type", ""), {})
        await self._take(receive, upload)
        body = json.dumps({"file": self._made(upload)}).encode()
        await _answer(send, 200, body, {"x-goog-upload-status": "final"})

    async def _take(self, receive: Any, upload: Upload) -> None:
        more = True
        while more:
            self.reading.set()
            await self.gate.wait()
            message = await receive()
            if message["type"] == "http.disconnect":
                self.left.set()
                raise ConnectionError("the caller left in mid-body")
            piece, more = message.get("body", b""), message.get("more_body", False)
            self.largest_piece = max(self.largest_piece, len(piece))
            if self.cut_at is not None and self.read + len(piece) >= self.cut_at:
                kept = piece[: self.cut_at - self.read]
                self.cut_at = None
                self._keep(upload, kept)
                raise ConnectionError("cut")
            self._keep(upload, piece)

    def _keep(self, upload: Upload, piece: bytes) -> None:
        self.read += len(piece)
        upload.received += len(piece)
        upload.digest.update(piece)

    def _made(self, upload: Upload) -> dict[str, Any]:
        name = upload.asked.get("name") or f"files/made-{len(self.files)}"
        digest = base64.b64encode(upload.digest.hexdigest().encode()).decode()
        self.files[name] = {
            "name": name,
            "displayName": upload.asked.get("displayName") or upload.asked.get("display_name", ""),
            "mimeType": upload.mime_type,
            "sizeBytes": str(upload.received),
            "createTime": "2026-11-21T00:00:00Z",
            "expirationTime": "2026-11-23T00:00:00Z",
            "sha256Hash": digest,
            "uri": f"{self.origin}/v1beta/{name}",
            "state": "ACTIVE",
            "source": "UPLOADED",
        }
        return self.files[name]

    async def _plain(self, method: str, path: str, query: Any, receive: Any, send: Any) -> None:
        name = path.split("/", 2)[2]  # behind the version
        if method == "POST" and name == "files":
            upload = Upload(0, "", json.loads(await _body(receive) or b"{}").get("file", {}))
            await _answer(send, 200, json.dumps({"file": self._made(upload)}).encode())
            return
        bare, _, verb = name.partition(":")
        if bare not in self.files:
            said = f"You do not have permission to access the File {bare} or it may not exist."
            await _error(send, 403, said)
        elif method == "DELETE":
            del self.files[bare]
            await _answer(send, 200, b"{}")
        elif verb == "download":
            if query.get("alt") != "media":
                await _error(send, 400, "alt must be media")
                return
            await self._download(b"bytes of " + bare.encode(), send)
        else:
            await _answer(send, 200, json.dumps(self.files[bare]).encode())

    async def _download(self, body: bytes, send: Any) -> None:
        headers = [(b"content-type", b"video/mp4"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if self.cut_at is not None:
            await send(
                {"type": "http.response.body", "body": body[: self.cut_at], "more_body": True}
            )
            raise ConnectionError("cut")
        await send({"type": "http.response.body", "body": body})


async def _body(receive: Any) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


async def _answer(
    send: Any, status: int, body: bytes, headers: dict[str, str] | None = None
) -> None:
    told = {"content-type": "application/json; charset=UTF-8"} | (headers or {})
    told["content-length"] = str(len(body))
    pairs = [(name.encode(), value.encode()) for name, value in told.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})


async def _error(
    send: Any, status: int, message: str, headers: dict[str, str] | None = None
) -> None:
    named = {
        400: "INVALID_ARGUMENT",
        403: "PERMISSION_DENIED",
        404: "NOT_FOUND",
        503: "UNAVAILABLE",
    }
    error = {"code": status, "message": message, "status": named.get(status, "UNKNOWN")}
    await _answer(send, status, json.dumps({"error": error}).encode(), headers)
