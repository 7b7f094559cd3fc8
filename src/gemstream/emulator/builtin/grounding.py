"""What the service's own tools leave in an answer: searches, fetched pages, code that was run.

Nothing is searched, fetched or run: the results are made up from the prompt, always the same.
"""

from __future__ import annotations

import ast
import html
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import quote_plus, urlsplit

from ...wire.content import CodeExecutionResult, ExecutableCode, Language, Outcome, Part
from ...wire.grounding import (
    GroundingChunk,
    GroundingChunkWeb,
    GroundingMetadata,
    GroundingSupport,
    RetrievalMetadata,
    SearchEntryPoint,
    Segment,
    URLContextMetadata,
    URLMetadata,
    URLRetrievalStatus,
)
from ...wire.tool import Tool
from .sentences import sentences_of

__all__ = (
    "computation",
    "fetched_pages",
    "run_size",
    "runs_code",
    "search_results",
    "searches",
)

_PAGES = (("https://example.com/", "example.com"), ("https://example.org/", "example.org"))


def searches(tools: Sequence[Tool]) -> bool:
    """True when a search of the service is among ``tools``."""
    return any(
        found is not None
        for tool in tools
        for found in (tool.google_search, tool.google_search_retrieval, tool.enterprise_web_search)
    )


def runs_code(tools: Sequence[Tool]) -> bool:
    """True when code execution is among ``tools``."""
    return any(tool.code_execution is not None for tool in tools)


def search_results(query: str, text: str, part_index: int) -> GroundingMetadata:
    """Return what a search for ``query`` brought and which sentences of ``text`` rest on it.

    ``part_index`` is the place of the text among the answer's parts.
    """
    address = f"https://www.google.com/search?q={quote_plus(query)}"
    chip = f'<div class="container"><a class="chip" href="{address}">{html.escape(query)}</a></div>'
    return GroundingMetadata(
        web_search_queries=[query],
        search_entry_point=SearchEntryPoint(rendered_content=chip),
        grounding_chunks=[
            GroundingChunk(web=GroundingChunkWeb(uri=uri, title=title)) for uri, title in _PAGES
        ],
        grounding_supports=_supports(text, part_index),
        retrieval_metadata=RetrievalMetadata(),
    )


def _supports(text: str, part_index: int) -> list[GroundingSupport]:
    return [
        GroundingSupport(
            segment=Segment(
                part_index=part_index or None,  # proto3 JSON leaves zeros out
                start_index=sentence.start or None,
                end_index=sentence.end,
                text=sentence.text,
            ),
            grounding_chunk_indices=[number % len(_PAGES)],
            confidence_scores=[0.9],
        )
        for number, sentence in enumerate(sentences_of(text))
    ]


_URL = re.compile(r"https?://[^\s<>\"'\[\]()]+[^\s<>\"'\[\]().,;:!?]")
# A word in the host's name decides how the fetch ended.
_STATUSES = (
    ("paywall", URLRetrievalStatus.PAYWALL),
    ("unsafe", URLRetrievalStatus.UNSAFE),
    ("invalid", URLRetrievalStatus.ERROR),
)


def fetched_pages(tools: Sequence[Tool], prompt: str) -> URLContextMetadata | None:
    """Return the pages of ``prompt`` with how their fetch ended; None without tool or page."""
    urls = _URL.findall(prompt) if any(tool.url_context is not None for tool in tools) else []
    if not urls:
        return None
    return URLContextMetadata(
        url_metadata=[
            URLMetadata(retrieved_url=url, url_retrieval_status=_retrieval_status(url))
            for url in urls
        ]
    )


def _retrieval_status(url: str) -> URLRetrievalStatus:
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:  # a bracket that opens no address
        return URLRetrievalStatus.ERROR
    return next((status for word, status in _STATUSES if word in host), URLRetrievalStatus.SUCCESS)


_NUMBER = r"\d{1,12}(?:\.\d{1,12})?"
_SUM = re.compile(rf"{_NUMBER}(?:\s*[-+*/]\s*{_NUMBER}){{1,20}}", re.ASCII)
_OPERATIONS: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def computation(prompt: str) -> list[Part]:
    """Return code for the calculation in ``prompt``, what it printed, and a sentence about it.

    Without a calculation the code counts the prompt's characters.
    """
    found = _SUM.search(prompt)
    code = f"print({found[0]})\n" if found else f"print(len({prompt!r}))\n"
    try:
        output = f"{_value(found[0]) if found else len(prompt)}\n"
        outcome, said = Outcome.OUTCOME_OK, f"The result is {output.strip()}."
    except (ZeroDivisionError, SyntaxError) as error:  # Python has no numbers such as 007
        output = f"{type(error).__name__}: {error.args[0]}\n"
        outcome, said = Outcome.OUTCOME_FAILED, "The code failed."
    return [
        Part(executable_code=ExecutableCode(language=Language.PYTHON, code=code)),
        Part(code_execution_result=CodeExecutionResult(outcome=outcome, output=output)),
        Part(text=said),
    ]


def run_size(part: Part) -> int:
    """Return how many characters of code and output a part brings back into the prompt."""
    if part.executable_code is not None:
        return len(part.executable_code.code or "")
    if part.code_execution_result is not None:
        return len(part.code_execution_result.output or "")
    return 0


def _value(expression: str) -> float:
    return _node_value(ast.parse(" ".join(expression.split()), mode="eval").body)


def _node_value(node: ast.expr) -> float:
    if isinstance(node, ast.BinOp):
        return _OPERATIONS[type(node.op)](_node_value(node.left), _node_value(node.right))
    value = ast.literal_eval(node)
    assert isinstance(value, int | float)
    return value
