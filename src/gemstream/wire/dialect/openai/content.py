"""The parts of a message's content → Gemini's parts.

Source: https://platform.openai.com/docs/api-reference/chat/create, messages.
"""

from __future__ import annotations

from collections.abc import Callable

from ...codec import JSONObject
from .fields import Fields
from .files import FileReader
from .options import ChatOptions

__all__ = ("ContentReader",)

_DETAILS = {
    "low": "MEDIA_RESOLUTION_LOW",
    "medium": "MEDIA_RESOLUTION_MEDIUM",
    "high": "MEDIA_RESOLUTION_HIGH",
    "auto": None,
}
_AUDIO = {name: f"audio/{name}" for name in ("wav", "mp3", "aac", "flac", "ogg", "aiff")}
_TEXTS = ("text", "refusal")


class ContentReader:
    """Reads ``content`` fields; empty texts are left out."""

    __slots__ = ("_files", "_options")

    def __init__(self, options: ChatOptions) -> None:
        self._options = options
        self._files = FileReader(options)

    def parts(self, message: Fields) -> list[JSONObject]:
        """Return the parts of the message's content, whatever they are."""
        return [part for part in map(self._part, self._items(message)) if part != _NOTHING]

    def texts(self, message: Fields) -> list[str]:
        """Return the texts of content that may hold nothing else."""
        texts = []
        for item in self._items(message):
            if item.choice("type", _TEXTS) is None:
                raise item.missing("type", "'text'")
            texts.append(_text(item))
        return [text for text in texts if text]

    def image(self, item: Fields) -> JSONObject:
        """Return the part of an ``image_url`` item."""
        url = item.value("image_url")
        image = Fields({"url": url}, item.place("image_url")) if isinstance(url, str) else None
        image = image or item.object("image_url")
        if image is None:
            raise item.missing("image_url", '{"url": "data:image/png;base64,…"}')
        part = self._files.url(image, "url", "image")
        level = _DETAILS[image.choice("detail", _DETAILS) or "auto"]
        if level and self._options.traits.takes_media_resolution:
            part["mediaResolution"] = {"level": level}
        return part

    def _items(self, message: Fields) -> list[Fields]:
        content = message.value("content")
        if content is None:
            return []
        if isinstance(content, str):
            return [Fields({"type": "text", "text": content}, message.place("content"))]
        if not isinstance(content, list):
            raise message.fault("content", "must be text or an array of parts", code="invalid_type")
        return message.objects("content")

    def _part(self, item: Fields) -> JSONObject:
        kind = item.choice("type", _READERS)
        if kind is None:
            raise item.missing("type", "'text'")
        return _READERS[kind](self, item)

    def _plain(self, item: Fields) -> JSONObject:
        return {"text": _text(item)}

    def _audio(self, item: Fields) -> JSONObject:
        audio = item.object("input_audio")
        if audio is None:
            raise item.missing("input_audio", '{"data": "…", "format": "wav"}')
        format = audio.choice("format", _AUDIO)
        if format is None:
            raise audio.missing("format", "'wav'")
        return self._files.base64(audio, "data", _AUDIO[format])

    def _video(self, item: Fields) -> JSONObject:
        url = item.value("video_url")
        video = Fields({"url": url}, item.place("video_url")) if isinstance(url, str) else None
        video = video or item.object("video_url")
        if video is None:
            raise item.missing("video_url", '{"url": "https://youtu.be/…"}')
        return self._files.url(video, "url", "video")

    def _file(self, item: Fields) -> JSONObject:
        file = item.object("file")
        if file is None:
            raise item.missing("file", '{"file_data": "data:application/pdf;base64,…"}')
        return self._files.file(file)


_NOTHING: JSONObject = {"text": ""}


def _text(item: Fields) -> str:
    name = item.text("type") or "text"
    text = item.text(name)
    if text is None:
        raise item.missing(name, "'Hello'")
    return text


_READERS: dict[str, Callable[[ContentReader, Fields], JSONObject]] = {
    "text": ContentReader._plain,
    "refusal": ContentReader._plain,
    "image_url": ContentReader.image,
    "input_audio": ContentReader._audio,
    "file": ContentReader._file,
    "video_url": ContentReader._video,
}
