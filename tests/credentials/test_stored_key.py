"""A stored key: private or refused, found after the variables, in the keyring when asked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from gemstream import AsyncClient
from gemstream.client.settings import find_key
from gemstream.credentials.stored_key import read_stored_key, store_key, write_privately
from gemstream.errors import ConfigError, InvalidRequest, MissingCredentials

KEY = "AIza-a-key-of-thirty-nine-characters-0x"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / ".config" / "gemstream" / "credentials.toml"


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_key_is_stored_where_only_its_owner_reads_it(file: Path) -> None:
    assert read_stored_key(file) is None
    assert store_key(KEY, file)
    assert (mode(file), mode(file.parent)) == (0o600, 0o700)
    stored = read_stored_key(file)
    assert stored == (KEY, str(file))
    assert KEY not in repr(stored)
    assert not store_key(KEY, file)
    assert store_key("another", file)
    assert [path.name for path in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize("given", [0o640, 0o604, 0o660, 0o644, 0o666])
def test_a_key_that_others_may_read_is_refused_until_it_is_stored_again(
    file: Path, given: int
) -> None:
    store_key(KEY, file)
    file.chmod(given)
    with pytest.raises(ConfigError, match=rf"mode {given:o}\); chmod 600") as caught:
        read_stored_key(file)
    assert KEY not in str(caught.value)
    assert store_key(KEY, file)
    assert mode(file) == 0o600


@pytest.mark.parametrize(
    "text",
    [
        "",
        KEY,
        f'key = "{KEY}"',
        f"[gemini]\nkey = {KEY}",
        "[gemini]\nkey = 5",
        '[gemini]\nkey = ""',
        "[gemini]\nkeyring = false",
        "gemini = 5",
        "\udcff",
    ],
)
def test_a_file_that_means_nothing_is_refused_and_not_shown(file: Path, text: str) -> None:
    write_privately(file, "")
    file.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ConfigError, match="holds no stored key") as caught:
        read_stored_key(file)
    assert KEY not in str(caught.value)


def test_a_folder_in_its_place_is_refused(file: Path) -> None:
    file.mkdir(parents=True)
    with pytest.raises(ConfigError, match="cannot read the stored key"):
        read_stored_key(file)


def test_a_link_stays_a_link(file: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.toml"
    kept.touch(0o600)
    file.parent.mkdir(parents=True)
    file.symlink_to(kept)
    store_key(KEY, file)
    assert file.is_symlink()
    assert read_stored_key(kept) == (KEY, str(kept))


@pytest.mark.parametrize("key", ['a"b', "a\\b", "a'b", '"""', "\\u0041"])
def test_whatever_a_header_can_carry_is_kept(file: Path, key: str) -> None:
    store_key(key, file)
    assert read_stored_key(file) == (key, str(file))


# --- found by a client -----------------------------------------------------------------------


def test_a_stored_key_comes_after_the_variables(file: Path, tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path)}
    assert find_key(None, environ, None) == (None, "none")
    store_key(KEY, file)
    assert find_key(None, environ, None) == (KEY, str(file))
    assert find_key("given", environ, None) == ("given", "given")
    google = {**environ, "GOOGLE_API_KEY": "google", "GEMINI_API_KEY": "gemini"}
    assert find_key(None, google, None) == ("google", "GOOGLE_API_KEY")
    gemini = {**environ, "GOOGLE_API_KEY": "", "GEMINI_API_KEY": "gemini"}
    assert find_key(None, gemini, None) == ("gemini", "GEMINI_API_KEY")
    assert find_key(None, environ, False) == (None, "none")


def test_a_client_finds_it(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GOOGLE_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ".config"))
    with pytest.raises(MissingCredentials):
        AsyncClient()
    store_key(KEY, file)
    assert AsyncClient().options.origins["api_key"] == str(file)
    with pytest.raises(MissingCredentials):
        AsyncClient(config=False)
    store_key("two words", file)
    with pytest.raises(InvalidRequest, match=rf"white space .*\(it is that of {file}\)"):
        AsyncClient()


# --- the keyring -----------------------------------------------------------------------------

# A keyring as anybody may write one for the library: it keeps its passwords in a file.
BACKEND = """
import json, os, pathlib
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

FILE = pathlib.Path(os.environ["KEPT"])

class Kept(KeyringBackend):
    priority = 1

    def _all(self):
        if FILE.with_suffix(".locked").exists():
            raise KeyringLocked("it is locked")
        return json.loads(FILE.read_text()) if FILE.exists() else {}

    def get_password(self, service, username):
        return self._all().get(f"{service}/{username}")

    def set_password(self, service, username, password):
        FILE.write_text(json.dumps({**self._all(), f"{service}/{username}": password}))
"""


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a keyring, which is the one in use."""
    keyring = pytest.importorskip("keyring")
    kept = tmp_path / "kept.json"
    monkeypatch.setenv("KEPT", str(kept))
    module = ModuleType("kept_backend")
    exec(BACKEND, module.__dict__)
    keyring.set_keyring(module.Kept())
    return kept


def test_the_keyring_holds_the_key_and_the_file_says_so(file: Path, kept: Path) -> None:
    assert store_key(KEY, file, in_keyring=True)
    assert not store_key(KEY, file, in_keyring=True)
    assert KEY not in file.read_text()
    assert KEY in kept.read_text()
    assert read_stored_key(file) == (KEY, f"the keyring, as {file} says")
    assert store_key("another", file, in_keyring=True)
    kept.unlink()
    with pytest.raises(ConfigError, match="the keyring holds the key, and it does not"):
        read_stored_key(file)


def test_a_locked_keyring_is_told(file: Path, kept: Path) -> None:
    store_key(KEY, file, in_keyring=True)
    kept.with_suffix(".locked").touch()
    with pytest.raises(ConfigError, match="the keyring refused: KeyringLocked: it is lock"):
        read_stored_key(file)
    with pytest.raises(ConfigError, match="without one, store the key in a file"):
        store_key(KEY, file, in_keyring=True)


def test_without_the_library_the_extra_is_named(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['keyring'] = None\n"
        "from pathlib import Path\n"
        "from gemstream.credentials.stored_key import store_key\n"
        "from gemstream.errors import ConfigError\n"
        "try: store_key('k', Path(sys.argv[1]) / 'c.toml', in_keyring=True)\n"
        "except ConfigError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=dict(os.environ),
    )
    assert "pip install 'gemstream[keyring]'" in done.stdout
    assert list(tmp_path.iterdir()) == []
