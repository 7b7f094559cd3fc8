"""What every recorded answer of the service means, written down by hand from the files."""

from __future__ import annotations

from typing import Any

from gemstream.errors import APIError, InvalidArgument, NotFound, PermissionDenied, Unauthenticated
from gemstream.policy.answer import Answer

BEGINNING, END = 24, 24

# Name → first and last characters and length of text, length of thoughts, finish reason,
# prompt, candidates, thoughts and total tokens.
MEANING = {
    "streaming-failure-recitation-no-content.txt": (
        "text1text2text3text4text", "ext4text5text6text7text8", 40, 0, "RECITATION",
        9, 261, None, 270),
    "streaming-success-basic-reply-long.txt": (
        "Okay, let's dive into th", ", or health conditions.\n", 8845, 0, "STOP",
        10, 1996, None, 2006),
    "streaming-success-basic-reply-short.txt": (
        "The capital of Wyoming i", "yoming is **Cheyenne**.\n", 40, 0, "STOP", 7, 10, None, 17),
    "streaming-success-citations.txt": (
        "Okay, let's break down q", " your learning journey!\n", 6711, 0, "STOP",
        15, 1381, None, 1396),
    "streaming-success-code-execution.txt": (
        "To find the sum of the f", "t 5 prime numbers is 28.", 228, 0, "STOP", 21, 126, 95, 485),
    "streaming-success-empty-parts.txt": (
        "Here's a cute cartoon ki", "a ball of yarn for you! ", 66, 0, "STOP",
        16, 1307, None, 1323),
    "streaming-success-finish-message.txt": (
        "Hello world!", "Hello world!", 12, 0, "STOP", None, None, None, None),
    "streaming-success-no-content-parts.txt": (
        "I will generate a 3D ren", ", slightly cloudy sky.\n\n", 419, 0, "STOP",
        34, 1370, None, 1404),
    "streaming-success-thinking-function-call-thought-summary-signature.txt": (
        "", "", 0, 765, "STOP", 38, 6, 168, 212),
    "streaming-success-thinking-reply-thought-summary.txt": (
        "The sky is blue because ", "appear blue to our eyes.", 263, 1133, "STOP",
        10, 48, 540, 598),
    "streaming-success-url-context.txt": (
        "\nThe Google homepage pri", ' and an "About" section.', 361, 0, "STOP",
        438, 81, 39, 1177),
    "streaming-failure-prompt-blocked-safety.txt": ("", "", 0, 0, None, None, None, None, None),
    "unary-failure-finish-reason-safety": (
        "Safety error incoming in", "ncoming in 5, 4, 3, 2...", 38, 0, "SAFETY", 7, 20, None, 27),
    "unary-failure-only-prompt-feedback": ("", "", 0, 0, None, None, None, None, None),
    "unary-failure-with-message-no-content": ("", "", 0, 0, "OTHER", None, None, None, None),
    "unary-success-basic-reply-long": (
        "Making professional-qual", ", Hario V60, Chemex):**\n", 2591, 0, "STOP",
        9, 1612, None, 1621),
    "unary-success-basic-reply-short": (
        "Google's headquarters, a", "ain View, California**.\n", 98, 0, "STOP", 7, 22, None, 29),
    "unary-success-citations": (
        "Okay, let's break down q", "inating area of physics!", 93, 0, "STOP",
        15, 1667, None, 1682),
    "unary-success-code-execution": (
        "The first 5 prime number", "\n2 + 3 + 5 + 7 + 11 = 28", 102, 0, "STOP", 21, 96, 86, 363),
    "unary-success-google-maps-grounding": (
        "Here are a few pizza pla", ", delivery, and dine-in.", 1093, 0, "STOP", 9, 288, 87, 443),
    "unary-success-google-search-grounding-empty-grounding-chunks": (
        "The current weather in L", "humidity is around 41%.\n", 183, 0, "STOP", 8, 59, None, 67),
    "unary-success-google-search-grounding": (
        "The current weather in L", "humidity is around 41%.\n", 182, 0, "STOP", 8, 60, None, 68),
    "unary-success-thinking-function-call-thought-summary-signature": (
        "", "", 0, 1319, "STOP", 38, 8, 501, 547),
    "unary-success-thinking-reply-thought-summary": (
        "Mountain View", "Mountain View", 13, 352, "STOP", 14, 2, 24, 40),
    "unary-success-url-context-mixed-validity": (
        "\nThe valid page, https:/", "nt from being retrieved.", 793, 0, "STOP",
        118, 312, 46, 2437),
    "unary-success-url-context": (
        "Berkshire Hathaway Inc.'", "h a GEICO advertisement.", 496, 0, "STOP",
        15, 102, 142, 683),
}  # fmt: skip
REFUSALS: dict[str, tuple[type[APIError], int, str]] = {
    "streaming-failure-image-rejected": (InvalidArgument, 400, "Request contains an invalid"),
    "unary-failure-api-key": (Unauthenticated, 400, "API key not valid. Please pass a valid"),
    "unary-failure-generativelanguage-api-not-enabled": (PermissionDenied, 403, "has not been use"),
    "unary-failure-unknown-model": (NotFound, 404, "models/gemini-5.0-flash is not found"),
}


def meaning_of(answer: Answer) -> tuple[Any, ...]:
    usage = answer.usage
    counts = ("prompt", "candidates", "thoughts", "total")
    return (
        answer.text[:BEGINNING],
        answer.text[-END:],
        len(answer.text),
        len(answer.thoughts),
        answer.finish_reason,
        *(getattr(usage, f"{count}_token_count") if usage else None for count in counts),
    )
