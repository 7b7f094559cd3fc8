"""The table of ``docs/reference/relay-security.md``: its lines, and the tests they name."""

from __future__ import annotations

import ast
import functools
import re

import pytest

from support.sources import REPOSITORY

PAGE = REPOSITORY / "docs" / "reference" / "relay-security.md"
# What the checklist of the relay's security has to have, section by section; the last are those
# of the advisories and incidents that it learns from.
LINES: dict[str, tuple[str, ...]] = {
    "Keys": (
        "form of a key",
        "stored as a digest",
        "compared in constant time",
        "pepper outside of the database",
        "never known by a prefix",
        "shown once",
        "expired or revoked",
        "scopes",
        "where a key may stand",
        "a key in the query is told nowhere",
        "the caller's key stays here",
        "guessing is slowed",
    ),
    "Admin": (
        "a listener of its own",
        "no default password",
        "denied by default",
        "roles by the target of a change",
        "judged by the raw path",
    ),
    "Secrets at rest": (
        "sealed in their place",
        "rotated",
        "one key for each purpose",
    ),
    "Logs": (
        "bodies off",
        "what looks like a key is taken out",
        "planted secrets",
        "line ends and escapes",
        "the account's key in an upstream's words",
    ),
    "HTTP": (
        "CL and TE, CL twice",
        "bare LF, folded lines, space before a colon",
        "chunk extensions above 256 B",
        "header names that differ in _ and -",
        "a parser in C",
        "URL of 8 KiB, headers of 32 KiB, 100 of them",
        "body of 32 MiB",
        "64 levels, 65,536 items",
        "headers in 10 s, a body at 1 KiB/s",
        "the first byte of an answer in 300 s",
        "a second request behind a body",
        "Host and absolute targets",
        "anything at all",
    ),
    "Decompression": (
        "packed requests",
        "packed answers",
    ),
    "JSON": (
        "depth before anything is built",
        "a name twice",
        "NaN and Infinity",
        "lone surrogates",
        "huge numbers",
        "one model for all",
    ),
    "SSRF": (
        "nothing is fetched",
        "rules for what is fetched",
        "hosts come from the operator",
        "no redirects",
    ),
    "Paths and line ends": (
        "names of models",
        "URLs are made of parts",
        "tricks in the raw path",
        "CR, LF and NUL in headers",
        "hop-by-hop headers",
        "headers of answers",
        "an upstream's page",
        "answers with two readings",
        "answers that cannot be read",
        "no file by a name of a request",
    ),
    "Abuse of cost": (
        "most output tokens",
        "concurrency of a key",
        "budgets",
        "size of a prompt",
        "thinking budgets",
        "loops of tools and narratives",
    ),
    "Tenancy": (
        "verbs and statuses",
        "signatures",
        "sessions",
        "books and exports",
        "no shared answer",
        "files",
        "uploads under way",
        "caches of the service",
        "batches and Live handles",
        "timing of 401",
    ),
    "Supply chain": (
        "floors of what is depended on",
        "publishing",
    ),
    "The shapes of known attacks": (
        "CVE-2026-42208",
        "CVE-2024-5225",
        "CVE-2026-42271, CVE-2026-30623, CVE-2026-90898",
        "CVE-2026-42203, CVE-2026-37004, CVE-2024-2952",
        "CVE-2026-86242",
        "CVE-2026-49468",
        "CVE-2026-48710, PYSEC-2026-248",
        "CVE-2026-35030",
        "CVE-2026-35029, CVE-2026-47101",
        "CVE-2026-59822",
        "CVE-2026-114612",
        "CVE-2025-66405, CVE-2026-110719, CVE-2026-108719, CVE-2024-6587",
        "GHSA-9f46-w24h-69w4, CVE-2026-55245",
        "CVE-2026-30886",
        "CVE-2026-25591",
        "GHSA-6qr3-3g89-m4jj, CRS admin bypass",
        "Portkey 2026-05",
        "keys in errors, traces and audits",
        "CVE-2024-8984, CVE-2024-10188, CVE-2025-62727",
        "CVE-2025-43859",
        "PYSEC-2026-4389, CVE-2026-54274, CVE-2026-59881",
        "CVE-2026-69243, CVE-2026-111750, CVE-2025-69224",
    ),
}
_ROW = re.compile(r"^\| (?P<what>.+?) \| (?P<how>.+?) \| (?P<tests>.+) \|$", re.MULTILINE)
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def rows() -> dict[str, list[tuple[str, str]]]:
    """Return the rows of each section: what, and the tests as written."""
    sections = re.split(r"^## (.+)$", PAGE.read_text("utf-8"), flags=re.MULTILINE)[1:]
    return {
        title: [(row["what"], row["tests"]) for row in _ROW.finditer(text)][2:]
        for title, text in zip(sections[::2], sections[1::2], strict=True)
    }


@functools.cache
def collected_of(file: str) -> frozenset[str]:
    """Return the tests that pytest collects of a file: functions of the module, by their name."""
    tree = ast.parse((REPOSITORY / file).read_text("utf-8"))
    functions = (
        one for one in tree.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    return frozenset(one.name for one in functions if one.name.startswith("test_"))


def test_every_line_of_the_checklist_has_a_row() -> None:
    assert {title: tuple(what for what, _ in found) for title, found in rows().items()} == LINES


@pytest.mark.parametrize("section", LINES)
def test_every_row_names_tests_that_are_collected(section: str) -> None:
    for what, written in rows()[section]:
        named = _TEST.findall(written)
        assert named, what
        assert _TEST.sub("", written).replace("<br>", "") == "", what
        for file, test in named:
            assert (REPOSITORY / file).name.startswith("test_"), what
            assert test in collected_of(file), f"{what}: {file}::{test}"
