"""``gemstream ask``: one prompt, and the answer as it is generated."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ..errors import GemstreamError, InvalidRequest
from .exit_codes import ExitCode
from .limit_choice import LimitChoice, LimitStoreName, LimitWait, NoRateLimit
from .options import (
    AsJSON,
    AsJSONLines,
    BaseURL,
    Debug,
    Emulate,
    Files,
    KeyFile,
    MaxCost,
    MaxTokens,
    ModelName,
    PromptText,
    Recorded,
    SchemaFile,
    Seed,
    Stop,
    Streamed,
    System,
    Temperature,
    Thinking,
    TierName,
    Timeout,
    Timing,
    TopK,
    TopP,
)
from .session import Connection, open_client, read_text, run_command, run_loop, say
from .terminal import stderr, stdout

if TYPE_CHECKING:
    from .forms import Form
    from .outcome import Outcome

__all__ = ("ask",)


def ask(
    prompt: PromptText = None,
    model: ModelName = None,
    files: Files = None,
    emulate: Emulate = False,
    timing: Timing = False,
    as_json: AsJSON = False,
    as_jsonl: AsJSONLines = False,
    system: System = None,
    schema: SchemaFile = None,
    max_tokens: MaxTokens = None,
    max_cost: MaxCost = None,
    temperature: Temperature = None,
    top_p: TopP = None,
    top_k: TopK = None,
    seed: Seed = None,
    stop: Stop = None,
    thinking: Thinking = None,
    stream: Streamed = True,
    save_recording: Recorded = None,
    timeout: Timeout = None,
    tier: TierName = None,
    base_url: BaseURL = None,
    api_key_file: KeyFile = None,
    limit_wait: LimitWait = None,
    no_rate_limit: NoRateLimit = False,
    limit_store: LimitStoreName = None,
    debug: Debug = False,
) -> None:
    """Ask a model and print its answer as it is generated."""
    connection = Connection(
        emulate=emulate,
        base_url=base_url,
        api_key_file=api_key_file,
        tier=tier,
        timeout=timeout,
        recording=save_recording,
        limits=LimitChoice(wait=limit_wait, is_off=no_rate_limit, store=limit_store),
    )

    def prepare() -> _Question:
        options: dict[str, Any] = {
            "model": model,
            "files": files or None,
            "system": system,
            "schema": None if schema is None else _schema_in(schema),
            "max_output_tokens": max_tokens,
            "max_cost": max_cost,
            "temperature": temperature,
            "top_p": top_p,
            "top_k": top_k,
            "seed": seed,
            "stop_sequences": stop or None,
            "thinking": _thinking(thinking),
        }
        return _Question(_prompt(prompt), options, stream)

    def main() -> ExitCode:
        from .forms import form_of
        from .outcome import Outcome

        form = form_of(stdout(), json=as_json, jsonl=as_jsonl, timing=timing)
        try:
            question = prepare()
            outcome = run_loop(_answer(question, connection, form))
        except GemstreamError as error:
            outcome = Outcome(model=model, error=error)
        form.show_end(outcome)
        _tell(outcome, debug=debug)
        if max_cost is not None or (stderr().is_terminal and not emulate):
            _tell_cost(outcome)
        return outcome.exit_code

    run_command(main, debug=debug)


class _Question(msgspec.Struct, frozen=True):
    """What the command line asks."""

    prompt: str
    options: dict[str, Any]
    is_streamed: bool


async def _answer(question: _Question, connection: Connection, form: Form) -> Outcome:
    from .call import call

    async with open_client(connection) as client:
        if connection.emulate:
            say("emulated answer; no model was asked")
        options: Any = question.options
        return await call(client, question.prompt, options, form, is_streamed=question.is_streamed)


def _tell(outcome: Outcome, *, debug: bool) -> None:
    """Write to stderr what stdout does not say."""
    from .outcome import failure, remarks

    for remark in remarks(outcome):
        say(remark)
    if outcome.error is not None and debug:
        traceback.print_exception(outcome.error)
    if told := failure(outcome):
        stderr().error(told)


def _tell_cost(outcome: Outcome) -> None:
    """Write to stderr what it cost: to people, and to whoever set a limit."""
    if outcome.cost is not None:
        say(f"cost: {outcome.cost}")


def _prompt(given: str | None) -> str:
    """Return the prompt, from stdin when it is ``-`` or absent; one last line end is cut off."""
    if given is not None and given != "-":
        return given
    if given is None and sys.stdin.isatty():
        raise InvalidRequest("no prompt: give one, or - to read it from stdin")
    try:
        text = sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"stdin is not UTF-8 at byte {error.start}") from None
    return text.removesuffix("\n").removesuffix("\r")


def _schema_in(path: Path) -> dict[str, Any]:
    try:
        schema = msgspec.json.decode(read_text(path, "JSON Schema"))
    except msgspec.DecodeError as error:
        raise InvalidRequest(f"{path} is not JSON: {error}") from None
    if not isinstance(schema, dict):
        raise InvalidRequest(f"{path} holds no JSON Schema: that is a JSON object")
    return schema


def _thinking(given: str | None) -> bool | int | str | None:
    """Return a switch, a budget of tokens, or a level, as the word is meant."""
    if given in ("on", "off"):
        return given == "on"
    try:
        return None if given is None else int(given)
    except ValueError:
        return given
