"""Every link from one of our pages to another file leads somewhere, its heading too."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.sources import REPOSITORY

PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
_LINK = re.compile(r"\]\((?!https?://)([^)\s#]*)(?:#([^)\s]*))?\)")
_FENCED = re.compile(r"^(`{3,}|~{3,}).*?^\1", re.MULTILINE | re.DOTALL)


def _links(text: str) -> list[tuple[str, str]]:
    return _LINK.findall(_FENCED.sub("", text))


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", _FENCED.sub("", page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(REPOSITORY).as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    for target, anchor in _links(page.read_text("utf-8")):
        found = (page.parent / target).resolve() if target else page
        assert found.is_file(), target
        assert not anchor or anchor in _anchors(found), f"{target}#{anchor}"


def test_every_page_is_linked_from_another() -> None:
    linked = {
        (page.parent / target).resolve()
        for page in PAGES
        for target, _ in _links(page.read_text("utf-8"))
        if target
    }
    assert {page for page in PAGES[1:] if page not in linked} == set()


def test_links_are_found() -> None:
    text = "[a](b.md) [c](d/e.md#f-g) [h](https://x.y)\n```text\n[i](j.md)\n```\n[k](#l)"
    assert _links(text) == [("b.md", ""), ("d/e.md", "f-g"), ("", "l")]
