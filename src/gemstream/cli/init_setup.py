"""What ``gemstream init`` does: gather, check with the service, and only then store."""

from __future__ import annotations

import difflib
import os
import stat
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from ..client.settings import find_key
from ..config.editing import with_texts
from ..config.loading import load_config
from ..config.options import API_KEY_VARIABLES, Options
from ..config.places import user_file, user_folder
from ..config.tiers import tier_named
from ..credentials.api_key import APIKey
from ..credentials.stored_key import store_key, stored_key_file, write_privately
from ..errors import ConfigError, InvalidRequest
from ..wire.model import model_resource
from .diagnosis import Finding, State, exit_code
from .exit_codes import ExitCode
from .init_questions import ask_for_key, ask_for_text, can_ask
from .online_checks import check_online
from .session import Connection, read_text, run_loop, say
from .surroundings import options_here

__all__ = ("Done", "Wishes", "set_up")

_TABLE = ("providers", "gemini")
_NEW_FILE = "# Settings of gemstream; gemstream config show --origin tells what holds.\n"


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line says; what it leaves out is asked on a terminal, or stays."""

    api_key_file: Path | None
    keyring: bool
    tier: str | None
    model: str | None
    base_url: str | None
    timeout: float
    is_online: bool
    is_silent: bool


class Done(NamedTuple):
    """What came of it: lines for people, and the same for programs.

    ``changed``: the files that were written. ``account`` names the key without showing it.
    """

    exit_code: ExitCode
    account: str
    model: str
    tier: str | None
    lines: Sequence[str]
    changed: Sequence[str] = ()
    findings: Sequence[Finding] = ()
    remarks: Sequence[str] = ()


class _Key(NamedTuple):
    """The key in use, and whether it is to be stored."""

    secret: str
    origin: str
    is_new: bool

    def __repr__(self) -> str:
        return f"_Key({self.origin})"


class _Choice(NamedTuple):
    """What goes into the file; None leaves what is there."""

    tier: str | None
    model: str | None


def set_up(wishes: Wishes) -> Done:
    """Do it; raises InvalidRequest and OSError, as a rule before anything is stored."""
    folder = user_folder(os.environ)
    settings_file = user_file(os.environ)
    if folder is None or settings_file is None:
        raise ConfigError("there is no home folder to store anything in; set HOME")
    options = options_here({"base_url": wishes.base_url})
    key = _key(wishes)
    account = APIKey(key.secret).account
    choice = _choice(wishes, options)
    tier = choice.tier or (None if options.tier is None else options.tier.name)
    model = choice.model or options.model
    findings = _checked(wishes, key, model) if wishes.is_online else []
    if (code := exit_code(findings)) is not ExitCode.OK:
        failed = [each for each in findings if each.state is State.FAIL]
        lines = [f"fail  {each.check}: {each.message}" for each in failed]
        advice = "nothing was stored; mend that, or store it unchecked with --offline"
        return Done(code, account, model, tier, lines, findings=findings, remarks=[advice])
    text = _settings_text(wishes, choice, settings_file)  # raises for a file it cannot change
    changed = _store_key(wishes, key, folder)
    if text is not None:
        _write(settings_file, text)
        changed.append(str(settings_file))
    lines = [f"stored  {file}" for file in changed] or ["nothing to change"]
    lines.append(f"key {account}, model {model}, tier {tier or 'none'}")
    remarks = _remarks(key, choice, settings_file)
    return Done(code, account, model, tier, lines, changed, findings, remarks)


def _key(wishes: Wishes) -> _Key:
    """Return the key of the file, else one that is typed, else the one that is found anyway."""
    if wishes.api_key_file is not None:
        return _Key(_read_key(wishes.api_key_file), "given", is_new=True)
    try:
        known, origin = find_key(None, os.environ, None)
    except ConfigError as error:  # a stored key that cannot be used is stored anew
        say(str(error))
        known, origin = None, "none"
    if can_ask() and (typed := ask_for_key("" if known is None else origin)):
        return _Key(typed, "given", is_new=True)
    if known is None:
        raise InvalidRequest(
            "no API key to store: name a file with --api-key-file, or - to read it from stdin; "
            "https://aistudio.google.com/apikey makes one"
        )
    is_stored = origin not in API_KEY_VARIABLES
    return _Key(known, origin, is_new=is_stored and wishes.keyring)


def _read_key(path: Path) -> str:
    if str(path) != "-":
        return read_text(path, "API key").strip()
    try:
        return sys.stdin.buffer.read().decode().strip()
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"the API key on stdin is not UTF-8 at byte {error.start}") from None


def _choice(wishes: Wishes, options: Options) -> _Choice:
    tier, model = wishes.tier, wishes.model
    if can_ask():
        known = ", ".join(options.config.tiers["gemini"].tiers)
        usual = "free" if options.tier is None else options.tier.name
        tier = tier or _typed_tier(f"Tier of your account ({known})", usual, options)
        model = model or ask_for_text("Model", options.model)
    if model is not None:
        model_resource(model)
    return _Choice(None if tier is None else _tier(tier, options), model)


def _typed_tier(question: str, usual: str, options: Options) -> str:
    """Ask until it is a tier."""
    while True:
        try:
            return _tier(ask_for_text(question, usual), options)
        except _UnknownTier as error:
            say(str(error))


class _UnknownTier(InvalidRequest):
    """No tier has that name."""


def _tier(name: str, options: Options) -> str:
    provider = options.config.tiers["gemini"]
    tier = tier_named(provider, name)
    if tier is None:
        near = difflib.get_close_matches(name.lower(), provider.tiers, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(provider.tiers)}"
        raise _UnknownTier(f"there is no tier {name!r:.80}; {hint}")
    return tier.name


def _checked(wishes: Wishes, key: _Key, model: str) -> list[Finding]:
    connection = Connection(
        base_url=wishes.base_url, credentials=APIKey(key.secret), timeout=wishes.timeout
    )
    found: list[Finding] = []

    async def ask() -> None:
        async for finding in check_online(connection, model):
            if not wishes.is_silent and finding.state is not State.FAIL:  # that is the result
                say(f"{finding.state} {finding.check}: {finding.message}")
            found.append(finding)

    run_loop(ask())
    return found


def _store_key(wishes: Wishes, key: _Key, folder: Path) -> list[str]:
    file = stored_key_file(folder)
    if key.is_new and store_key(key.secret, file, in_keyring=wishes.keyring):
        return [str(file)]
    return []


def _settings_text(wishes: Wishes, choice: _Choice, file: Path) -> str | None:
    """Return what the user's file is to hold, None when it holds it already."""
    values = {
        "default_model": choice.model,
        "default_tier": choice.tier,
        "base_url": wishes.base_url,
    }
    wanted = {name: value for name, value in values.items() if value is not None}
    before = read_text(file, "settings") if file.exists() else _NEW_FILE
    after = with_texts(file, before, _TABLE, wanted)
    return None if after == before else after


def _write(file: Path, text: str) -> None:
    mode = stat.S_IMODE(file.stat().st_mode) if file.exists() else 0o600
    write_privately(file, text, mode=mode)


def _remarks(key: _Key, choice: _Choice, file: Path) -> list[str]:
    """Return what wins over what was stored, so that nobody wonders."""
    remarks = []
    if not key.is_new and key.origin in API_KEY_VARIABLES:
        remarks.append(
            f"the key of {key.origin} is used and was not stored; --api-key-file stores one"
        )
    winner = next((name for name in API_KEY_VARIABLES if os.environ.get(name)), None)
    if key.is_new and winner is not None:
        remarks.append(f"{winner} is set and wins over the stored key")
    options = options_here({"config": load_config()})
    for name, chosen in (("model", choice.model), ("tier", choice.tier)):
        origin = options.origins[name]
        if chosen is not None and not origin.startswith(f"{file}:"):
            remarks.append(f"the {name} of {origin} wins here over the one stored")
    return remarks
