"""A script: rules, each with the requests it answers and the steps it answers them with."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from ...errors import ConfigError
from ..limits import Keys, Limits
from .script_file import PlainScript, decode_script, load_script
from .steps import Step

__all__ = ("Request", "Rule", "Script")


class Request(msgspec.Struct, frozen=True):
    """What a rule looks at: the prompt, the model's bare name, the method, the ordinal."""

    prompt: str
    model: str
    method: str
    ordinal: int


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """Steps for the requests that fit every given condition.

    ``prompt``: a regular expression found in the last turn's text. ``model``: a glob of the bare
    name. ``request``: the how-manieth generate request since the script was set, from 1.
    ``method``: a glob of the API's method; without it generateContent, streamGenerateContent and
    bidiGenerateContent.
    """

    steps: Sequence[Step] = ()
    prompt: str | None = None
    model: str | None = None
    request: int | None = None
    method: str | None = None

    def __post_init__(self) -> None:
        for step in self.steps:
            if not isinstance(step, Step):
                raise ConfigError(f"{step!r:.80} is not a step of a script")
        try:
            re.compile(self.prompt or "")
        except re.error as error:
            raise ConfigError(
                f"the rule's prompt {self.prompt!r} is not a regular expression: {error}"
            ) from None

    def fits(self, request: Request) -> bool:
        """True when every given condition holds."""
        return (
            (self.prompt is None or re.search(self.prompt, request.prompt, re.DOTALL) is not None)
            and (self.model is None or fnmatch.fnmatchcase(request.model, self.model))
            and (self.request is None or self.request == request.ordinal)
            and fnmatch.fnmatchcase(request.method, self.method or "*[gG]enerateContent")
        )


class Script(msgspec.Struct, frozen=True):
    """The rules in their order; the first that fits answers, without one the built-in model.

    ``limits``: what a key may ask of a model, None any amount. ``keys``: which keys are accepted.
    """

    rules: Sequence[Rule] = ()
    limits: Limits | None = None
    keys: Keys = Keys()

    @classmethod
    def load(cls, path: Path | str) -> Script:
        """Return the script in a TOML file; raises ConfigError that says what is wrong where."""
        return _script(load_script(Path(path)))

    @classmethod
    def decode(cls, data: bytes, *, is_json: bool = False) -> Script:
        """Return the script in TOML or JSON text, which cannot name files; raises ConfigError."""
        return _script(decode_script(data, is_json=is_json))

    def rule_for(self, request: Request) -> Rule | None:
        """Return the first rule that fits."""
        return next((rule for rule in self.rules if rule.fits(request)), None)


def _script(plain: PlainScript) -> Script:
    rules = [Rule(steps=rule.steps, **rule.match) for rule in plain.rules]
    return Script(rules, plain.limits, plain.keys)
