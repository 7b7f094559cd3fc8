"""``gemstream live``: a conversation, line by line, from a file, or by voice."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ConfigError, GemstreamError, InvalidRequest
from .exit_codes import ExitCode, exit_code_of
from .limit_choice import LimitChoice, LimitStoreName, LimitWait, NoRateLimit
from .options import (
    BaseURL,
    Debug,
    Emulate,
    KeyFile,
    LiveModelName,
    MaxTokens,
    Seed,
    System,
    Temperature,
    TierName,
    TopK,
    TopP,
)
from .session import Connection, run_command, run_loop, say
from .terminal import stderr, stdout

if TYPE_CHECKING:
    from .live_events import LiveOutcome
    from .live_forms import LiveForm
    from .live_run import Plan

__all__ = ("live",)

AudioIn = Annotated[
    Path | None,
    typer.Option("--audio-in", metavar="FILE", help="Say this WAV first.", show_default=False),
]
AudioOut = Annotated[
    Path | None,
    typer.Option(
        "--audio-out", metavar="FILE", help="Write the model's speech as WAV.", show_default=False
    ),
]
Mic = Annotated[bool, typer.Option("--mic", help="Speak and listen; needs the extra audio.")]
Written = Annotated[
    bool, typer.Option("--text", help="Ask for written answers, which some models refuse.")
]
TurnTimes = Annotated[bool, typer.Option("--timing", help="Tell the times of each turn on stderr.")]
EventLines = Annotated[bool, typer.Option("--jsonl", help="Print a line of JSON for each event.")]
Handle = Annotated[
    str | None,
    typer.Option(
        "--resume", metavar="HANDLE", help="Go on where a session ended.", show_default=False
    ),
]
Patience = Annotated[
    float | None,
    typer.Option(
        "--timeout",
        metavar="SECONDS",
        help="Longest time until the session is open, with retries.  [default: 600]",
        show_default=False,
    ),
]


def live(
    model: LiveModelName = None,
    audio_in: AudioIn = None,
    audio_out: AudioOut = None,
    mic: Mic = False,
    written: Written = False,
    emulate: Emulate = False,
    timing: TurnTimes = False,
    as_jsonl: EventLines = False,
    system: System = None,
    resume: Handle = None,
    max_tokens: MaxTokens = None,
    temperature: Temperature = None,
    top_p: TopP = None,
    top_k: TopK = None,
    seed: Seed = None,
    timeout: Patience = None,
    tier: TierName = None,
    base_url: BaseURL = None,
    api_key_file: KeyFile = None,
    limit_wait: LimitWait = None,
    no_rate_limit: NoRateLimit = False,
    limit_store: LimitStoreName = None,
    debug: Debug = False,
) -> None:
    """Hold a conversation: each line of stdin is a turn, answered as it is generated."""
    connection = Connection(
        emulate=emulate,
        base_url=base_url,
        api_key_file=api_key_file,
        tier=tier,
        timeout=timeout,
        limits=LimitChoice(wait=limit_wait, is_off=no_rate_limit, store=limit_store),
    )
    options: dict[str, Any] = {
        "system": system,
        "max_output_tokens": max_tokens,
        "temperature": temperature,
        "top_p": top_p,
        "top_k": top_k,
        "seed": seed,
    }

    def prepare() -> Plan:
        from ..audio.wav import read_wav
        from .live_run import Plan

        _check(mic=mic, written=written, audio_in=audio_in, audio_out=audio_out)
        return Plan(
            model=model,
            resume=resume,
            options={**options, **_modes(written=written, mic=mic, file=audio_in is not None)},
            sound=None if audio_in is None else read_wav(audio_in),
            has_microphone=mic,
            is_timed=timing,
        )

    def main() -> ExitCode:
        from .live_events import LiveOutcome
        from .live_forms import live_form_of

        form = live_form_of(stdout(), jsonl=as_jsonl)
        try:
            outcome = _hold(prepare(), connection, form, audio_out)
        except GemstreamError as error:
            outcome = LiveOutcome(model=model, error=error)
        form.show_end(outcome)
        return _tell(outcome, debug=debug)

    run_command(main, debug=debug)


def _check(*, mic: bool, written: bool, audio_in: Path | None, audio_out: Path | None) -> None:
    if mic and audio_in is not None:
        raise InvalidRequest("--mic and --audio-in exclude each other; choose one")
    if written and (mic or audio_out is not None):
        option = "--mic" if mic else "--audio-out"
        raise InvalidRequest(f"--text asks for no speech, which {option} needs; choose one")
    if mic:
        from .sound_card import portaudio_problem

        if problem := portaudio_problem():
            raise ConfigError(problem)


def _modes(*, written: bool, mic: bool, file: bool) -> dict[str, Any]:
    """Return how the session listens and answers.

    Speech with its words in writing is what every Live model gives; a file is one turn, whose
    start and end we tell, so that a pause in it does not end it and silence does not keep us
    waiting for ever.
    """
    from ..wire.live.setup import AutomaticActivityDetection, RealtimeInputConfig

    by_hand = RealtimeInputConfig(
        automatic_activity_detection=AutomaticActivityDetection(disabled=True)
    )
    return {
        "response_modalities": ["TEXT" if written else "AUDIO"],
        "output_audio_transcription": None if written else True,
        "input_audio_transcription": True if mic or file else None,
        "realtime_input_config": by_hand if file else None,
    }


def _hold(
    plan: Plan, connection: Connection, form: LiveForm, audio_out: Path | None
) -> LiveOutcome:
    from .live_run import converse
    from .live_voice import speech_file

    with speech_file(audio_out) as file:
        return run_loop(converse(plan, connection, form, [] if file is None else [file]))


def _tell(outcome: LiveOutcome, *, debug: bool) -> ExitCode:
    """Write to stderr what stdout does not say, and return what the command ends with."""
    from .advice import describe

    if outcome.dropped:
        say(f"{outcome.dropped:.1f} s of the microphone came too late to be sent")
    if outcome.handle is not None:
        say(f"the session can go on for two hours: --resume {outcome.handle}")
    if outcome.error is not None:
        if debug:
            traceback.print_exception(outcome.error)
        stderr().error(describe(outcome.error))
        return exit_code_of(outcome.error)
    if outcome.is_stopped:
        return ExitCode.INTERRUPTED
    return ExitCode.UPSTREAM if outcome.lost else ExitCode.OK
