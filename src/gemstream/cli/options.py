"""What the commands can be told, each option worded once.

The names are those that the functions of the commands use in their signatures.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from .completion import live_models, streaming_models, thinking_words, tier_names

__all__ = (
    "AsJSON",
    "AsJSONLines",
    "BaseURL",
    "Debug",
    "Emulate",
    "Files",
    "KeyFile",
    "LiveModelName",
    "MaxCost",
    "MaxTokens",
    "ModelName",
    "PromptText",
    "Recorded",
    "SchemaFile",
    "Seed",
    "Stop",
    "Streamed",
    "System",
    "Temperature",
    "Thinking",
    "TierName",
    "Timeout",
    "Timing",
    "TopK",
    "TopP",
)


def _value(
    flag: str,
    metavar: str,
    text: str,
    *more: str,
    words: Callable[[str], list[str]] | None = None,
) -> Any:
    """Return an option with a value, which is left to the service when it is not given.

    ``words`` are offered to a shell that completes the value.
    """
    return typer.Option(
        flag, *more, metavar=metavar, help=text, show_default=False, autocompletion=words
    )


PromptText = Annotated[
    str | None,
    typer.Argument(
        metavar="PROMPT",
        help="What to ask; - reads it from stdin, as does no PROMPT when stdin is a pipe.",
        show_default=False,
    ),
]
ModelName = Annotated[
    str | None,
    _value("-m", "MODEL", "Which model answers.", "--model", words=streaming_models),
]
LiveModelName = Annotated[
    str | None,
    _value("-m", "MODEL", "Which model answers.", "--model", words=live_models),
]
Files = Annotated[
    list[str] | None,
    _value("-f", "FILE", "Send a file with it, or name one by its URI; may be repeated.", "--file"),
]
Emulate = Annotated[
    bool, typer.Option("--emulate", help="Let the local emulator answer: no key, no network.")
]
Timing = Annotated[
    bool, typer.Option("--timing", help="Show when each chunk arrived, statistics and a chart.")
]
AsJSON = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
AsJSONLines = Annotated[
    bool, typer.Option("--jsonl", help="Print a line of JSON for each chunk, then the object.")
]
System = Annotated[str | None, _value("--system", "TEXT", "The system instruction.")]
SchemaFile = Annotated[Path | None, _value("--schema", "FILE", "Answer by this JSON Schema.")]
MaxTokens = Annotated[int | None, _value("--max-tokens", "N", "Longest answer, in tokens.")]
MaxCost = Annotated[
    str | None, _value("--max-cost", "USD", "Break off before the answer costs more, as 0.01.")
]
Temperature = Annotated[float | None, _value("--temperature", "X", "How freely to choose words.")]
TopP = Annotated[float | None, _value("--top-p", "X", "Choose among the likeliest share X.")]
TopK = Annotated[int | None, _value("--top-k", "N", "Choose among the likeliest N.")]
Seed = Annotated[int | None, _value("--seed", "N", "Try to answer the same way again.")]
Stop = Annotated[
    list[str] | None, _value("--stop", "TEXT", "End the answer before TEXT; may be repeated.")
]
Thinking = Annotated[
    str | None,
    _value(
        "--thinking",
        "HOW",
        "minimal, low, medium, high, xhigh, a token budget, on or off.",
        words=thinking_words,
    ),
]
Streamed = Annotated[
    bool, typer.Option("--stream/--no-stream", help="Show the answer as it is generated.")
]
Timeout = Annotated[
    float | None,
    _value("--timeout", "SECONDS", "Longest time in all, with retries.  [default: 600]"),
]
TierName = Annotated[
    str | None,
    _value(
        "--tier", "NAME", "Whose limits to keep, as free.  [env: GEMINI_TIER]", words=tier_names
    ),
]
BaseURL = Annotated[
    str | None,
    _value("--base-url", "URL", "Where the service is.  [env: GOOGLE_GEMINI_BASE_URL]"),
]
KeyFile = Annotated[
    Path | None,
    _value("--api-key-file", "FILE", "Holds the key.  [env: GOOGLE_API_KEY, GEMINI_API_KEY]"),
]
Recorded = Annotated[
    Path | None,
    _value("--save-recording", "FILE", "Record request and answer, without the key."),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the log, and tracebacks of errors.")]
