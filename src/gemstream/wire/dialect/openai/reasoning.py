"""``reasoning_effort`` and its kin → Gemini's ``thinkingConfig``."""

from __future__ import annotations

from ...codec import JSONObject, to_plain
from ..model_traits import ThinkingKind
from ..thinking import Effort, thinking_for_effort
from .fields import Fields
from .google_options import GoogleOptions
from .options import ChatOptions
from .report import Report

__all__ = ("thinking_config",)

_EFFORT = "reasoning_effort"
_EFFORTS = tuple(effort.value for effort in Effort)


def thinking_config(
    body: Fields, google: GoogleOptions, options: ChatOptions, report: Report
) -> JSONObject:
    """Return the thinkingConfig in ``{}`` or under its name; how hard to think is said once.

    Raises InvalidParameter when both an effort and Gemini's own config are given: the service
    refuses a level beside a budget.
    """
    reasoning = body.object("reasoning") or Fields({}, "reasoning")
    nested = reasoning.choice("effort", _EFFORTS)
    effort = body.choice(_EFFORT, _EFFORTS) or nested
    is_shown = body.flag("include_reasoning")
    has_summary = bool(reasoning.text("summary"))
    if is_shown is None and (has_summary or options.includes_thoughts):
        is_shown = True
    for name in reasoning.unread():
        report.drop(name)
    if effort is not None and google.has_thinking:
        raise body.fault(_EFFORT, "cannot go with thinking_config: give one of them")
    if options.traits.kind is ThinkingKind.NONE:
        if effort is not None:
            report.drop(_EFFORT)
        return {}
    thinking = thinking_for_effort(
        Effort(effort) if effort else None, options.traits, include_thoughts=is_shown
    )
    return {} if thinking is None else {"thinkingConfig": to_plain(thinking)}
