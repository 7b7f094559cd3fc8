"""The key that ``gemstream init`` stored: in a file that only its owner can read, or the keyring.

The file says which of the two, so that a client looks into the keyring only when a key is there.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import ConfigError

__all__ = ("StoredKey", "read_stored_key", "store_key", "stored_key_file", "write_privately")

_FILE_NAME = "credentials.toml"
_SERVICE, _USER = "gemstream", "gemini"
_MAX_SIZE = 64 * 1024
_HEADER = "# Written by gemstream init. Keep this file to yourself.\n"


class StoredKey(NamedTuple):
    """A key and where it was."""

    key: str
    origin: str

    def __repr__(self) -> str:
        return f"StoredKey({self.origin})"


def stored_key_file(folder: Path) -> Path:
    """Return the file in the user's ``folder`` for gemstream."""
    return folder / _FILE_NAME


def read_stored_key(file: Path) -> StoredKey | None:
    """Return the key of the Gemini API that is stored, None when there is no file.

    Raises ConfigError for a file that others may read, or that means nothing, and for a
    keyring that does not give the key. It may block, and with a keyring ask its owner to unlock it.
    """
    try:
        with file.open("rb") as opened:
            _check_private(os.fstat(opened.fileno()), file)
            data = opened.read(_MAX_SIZE + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        reason = error.strerror or error
        raise ConfigError(f"cannot read the stored key in {file}: {reason}") from None
    section = _section(file, data)
    if section.get("keyring") is True:
        return StoredKey(_from_keyring(file), f"the keyring, as {file} says")
    key = section.get("key")
    if not isinstance(key, str) or not key:
        raise _broken(file)
    return StoredKey(key, str(file))


def store_key(key: str, file: Path, *, in_keyring: bool = False) -> bool:
    """Store ``key`` and return whether that changed anything.

    The file holds the key, or with ``in_keyring`` the note that the keyring does. Raises
    ConfigError for a keyring that is not there, and OSError.
    """
    line = "keyring = true" if in_keyring else f"key = {json.dumps(key)}"
    text = f"{_HEADER}[gemini]\n{line}\n"
    if in_keyring:
        changed = _into_keyring(key)
    else:
        changed = False
    if _is_as_wanted(file, text):
        return changed
    write_privately(file, text)
    return True


def write_privately(file: Path, text: str, *, mode: int = 0o600) -> None:
    """Put ``text`` into ``file`` at once, in a folder of the owner's; raises OSError."""
    import tempfile  # slow to load, and clients only read

    target = Path(os.path.realpath(file))  # the file behind a link that somebody keeps elsewhere
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, beside = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as opened:
            opened.write(text)
        os.chmod(beside, mode)
        os.replace(beside, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise


def _is_as_wanted(file: Path, text: str) -> bool:
    try:
        with file.open("rb") as opened:
            return _is_private(os.fstat(opened.fileno())) and opened.read() == text.encode()
    except OSError:
        return False


def _is_private(status: os.stat_result) -> bool:
    # Windows gives a user's files to that user alone, and has no such bits.
    return os.name == "nt" or not status.st_mode & (stat.S_IRWXG | stat.S_IRWXO)


def _check_private(status: os.stat_result, file: Path) -> None:
    if not _is_private(status):
        raise ConfigError(
            f"others may read the stored key in {file} (mode {stat.S_IMODE(status.st_mode):o}); "
            f"chmod 600 {file}, and if others use this machine, make a new key"
        )


def _section(file: Path, data: bytes) -> dict[str, Any]:
    import tomllib

    try:
        section = tomllib.loads(data[:_MAX_SIZE].decode())["gemini"]
    except (ValueError, KeyError, RecursionError):  # the text would show the key
        raise _broken(file) from None
    if not isinstance(section, dict):
        raise _broken(file)
    return section


def _broken(file: Path) -> ConfigError:
    return ConfigError(
        f'{file} holds no stored key: it must say [gemini] and key = "…"; gemstream init writes '
        "it anew"
    )


def _from_keyring(file: Path) -> str:
    keyring, errors = _keyring()
    try:
        key = keyring.get_password(_SERVICE, _USER)
    except errors as error:
        raise _refused(error) from None
    if not key:
        raise ConfigError(
            f"{file} says that the keyring holds the key, and it does not; gemstream init "
            "--keyring stores it again"
        )
    return str(key)


def _into_keyring(key: str) -> bool:
    keyring, errors = _keyring()
    try:
        if keyring.get_password(_SERVICE, _USER) == key:
            return False
        keyring.set_password(_SERVICE, _USER, key)
    except errors as error:
        raise _refused(error) from None
    return True


def _keyring() -> tuple[Any, type[Exception]]:
    """Return the library and its root of errors; raises ConfigError without it."""
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        raise ConfigError(
            "the keyring needs the package keyring: pip install 'gemstream[keyring]', or store "
            "the key in a file, as gemstream init does without --keyring"
        ) from None
    return keyring, KeyringError


def _refused(error: Exception) -> ConfigError:
    said = re.sub(r"\s+", " ", str(error))[:200]
    return ConfigError(
        f"the keyring refused: {type(error).__name__}: {said}; without one, store the key in a "
        "file, as gemstream init does without --keyring"
    )
