"""``@pytest.mark.gemini_script(…)`` → a script; says what is wrong with a mark that is none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..emulator.scripts.script import Rule, Script
from ..emulator.scripts.steps import Step
from ..errors import ConfigError

__all__ = ("script_of_marks",)

_CONDITIONS = ("prompt", "model", "request", "method")
_TAKES = (
    "gemini_script takes the steps of an answer (texts, chunks, faults) with the conditions "
    f"{', '.join(_CONDITIONS)}, or Rules, or a Script, or file='script.toml'"
)


def script_of_marks(marks: Iterable[tuple[tuple[Any, ...], Mapping[str, Any]]], at: Path) -> Script:
    """Return the script of a test's marks, the closest first; files stand beside the test ``at``.

    The limits and keys of the first script that has some are in force. Raises ConfigError.
    """
    scripts = [_script(arguments, options, at) for arguments, options in marks]
    limits = next((one.limits for one in scripts if one.limits is not None), None)
    keys = next((one.keys for one in scripts if one.keys.only is not None), Script().keys)
    return Script([rule for one in scripts for rule in one.rules], limits, keys)


def _script(arguments: tuple[Any, ...], options: Mapping[str, Any], at: Path) -> Script:
    unknown = set(options) - {"file", *_CONDITIONS}
    if unknown or (not arguments and "file" not in options):
        raise ConfigError(f"{_TAKES}{f'; not {min(unknown)!r}' if unknown else ''}")
    if "file" in options:
        if arguments or len(options) > 1:
            raise ConfigError(f"file stands alone in a mark; {_TAKES}")
        return Script.load(at.parent / options["file"])
    if all(isinstance(one, Rule) for one in arguments) and not options:
        return Script(arguments)
    if len(arguments) == 1 and isinstance(arguments[0], Script) and not options:
        return arguments[0]
    for one in arguments:
        if not isinstance(one, Step):
            raise ConfigError(f"{one!r:.80} is no step; {_TAKES}")
    return Script([Rule(steps=arguments, **options)])
