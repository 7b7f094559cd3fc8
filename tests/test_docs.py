"""Every code block of README.md and docs/ is run, or says why it is not."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support.page_runner import matches, page_environment, run_page, served_environment
from support.pages import Command, PageError, parse_page
from support.servers import free_port, serving
from support.sources import REPOSITORY

README = REPOSITORY / "README.md"
PAGES = [
    page.relative_to(REPOSITORY).as_posix()
    for page in [README, *sorted((REPOSITORY / "docs").rglob("*.md"))]
    if page.exists()
]


# --- our pages -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PAGES)
def test_the_page_does_what_it_shows(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = REPOSITORY / name
    page = parse_page(name, source.read_text(encoding="utf-8"))
    servers, folder = tmp_path / "servers", tmp_path / "page"
    servers.mkdir()
    folder.mkdir()
    with served_environment(page, os.environ, folder, servers) as environment:
        _enter(monkeypatch, environment, folder)
        run_page(page, source, folder, environment)


@pytest.mark.skipif(not README.exists(), reason="there is no README.md yet")
def test_the_readme_runs_something() -> None:
    page = parse_page("README.md", README.read_text(encoding="utf-8"))
    assert any(block.is_run for block in page.blocks)


def _enter(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], folder: Path) -> None:
    for name in os.environ.keys() - environment.keys() - {"PYTEST_CURRENT_TEST"}:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(folder)


# --- reading a page --------------------------------------------------------------------------


def test_blocks_come_in_order_with_their_place_and_language() -> None:
    page = parse_page("a.md", "# A\n```python\nx = 1\n```\n\n- b\n\n  ```text\n  c\n    d\n  ```\n")
    assert [(block.place, block.language, block.text) for block in page.blocks] == [
        ("a.md:3", "python", "x = 1"),
        ("a.md:9", "text", "c\n  d"),
    ]
    assert [block.is_run for block in page.blocks] == [True, False]


def test_a_longer_fence_holds_a_shorter_one() -> None:
    page = parse_page("a.md", "````text\n```python\nx\n```\n````\n~~~toml\na = 1\n~~~")
    assert [block.text for block in page.blocks] == ["```python\nx\n```", "a = 1"]


def test_marks_belong_to_the_block_below_them() -> None:
    page = parse_page(
        "a.md",
        "<!-- needs: emulator -->\n"
        "<!-- not run: costs money -->\n\n```python\nx\n```\n"
        "<!-- exit: 3 -->\n```console\n$ false\n```\n"
        "```python\nx\n```\n",
    )
    assert page.needs == "emulator"
    assert [block.is_run for block in page.blocks] == [False, True, True]
    assert [block.exit_code for block in page.blocks] == [0, 3, 0]


def test_a_console_block_is_commands_and_their_output() -> None:
    block = parse_page("a.md", "```console\n$ echo a \\\n    b\na b\n$ true\n```").blocks[0]
    assert block.commands == [Command("echo a \\\n    b", "a b"), Command("true", "")]


def test_a_script_without_prompts_is_one_command() -> None:
    block = parse_page("a.md", "```bash\nx=1\necho $x\n```").blocks[0]
    assert block.commands == [Command("x=1\necho $x", "")]


MISTAKES = {
    "```python\nx": "a.md:1: the block is never closed",
    "```\nx\n```": "a.md:2: the block names no language; use text if it is none",
    "```py\nx\n```": "a.md:2: write python so that the block runs",
    "```console\ngemstream demo\n```": "a.md:2: a console block shows its commands with '$ '",
    "```console\n$ make demo\n```": "a.md:2: mark it 'not run', it runs 'make'",
    "```sh\npip install gemstream\n```": "a.md:2: mark it 'not run', it runs 'pip'",
    "```console\n$ true\n$ git clone x\n```": "a.md:2: mark it 'not run', it runs 'git clone'",
    "<!-- not run: -->\n```python\nx\n```": "a.md:3: 'not run' needs a reason",
    "<!-- exit: three -->\n```sh\nx\n```": "a.md:3: 'exit' needs a number",
    "<!-- not run: why -->\nText.\n": "a.md:2: the mark above belongs to no block",
    "<!-- exit: 1 -->": "a.md: the last mark belongs to no block",
    "<!-- needs: luck -->": "a.md:1: a page can need the emulator or the relay, not 'luck'",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_page_that_would_not_do_what_it_seems_to_is_refused(text: str) -> None:
    with pytest.raises(PageError) as caught:
        parse_page("a.md", text)
    assert str(caught.value) == MISTAKES[text]


# --- running a page --------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path: Path) -> Callable[[str], None]:
    """Run a page given as text, in a folder of its own."""

    def run_text(text: str) -> None:
        environment = page_environment(os.environ, tmp_path, None)
        run_page(parse_page("a.md", text), tmp_path / "a.md", tmp_path, environment, seconds=2)

    return run_text


def test_python_blocks_share_a_namespace_and_may_await(run: Callable[[str], None]) -> None:
    run(
        "```python\nimport asyncio\nlock = asyncio.Lock()\nawait lock.acquire()\n```\n"
        "```python\nassert lock.locked()\nassert __name__ == '__main__'\n```\n"
        "```python\nasync with asyncio.timeout(1):\n    lock.release()\n```\n"
    )


def test_a_failing_python_block_points_into_the_page(run: Callable[[str], None]) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        run("# A\n\n```python\nx = 0\n1 / x\n```")
    assert caught.traceback[-1].lineno + 1 == 5
    assert str(caught.traceback[-1].path).endswith("a.md")


def test_each_page_has_a_namespace_of_its_own(run: Callable[[str], None]) -> None:
    run("```python\nx = 1\n```")
    with pytest.raises(NameError):
        run("```python\nx\n```")


def test_console_blocks_find_this_environment_first(run: Callable[[str], None]) -> None:
    run(f"```console\n$ command -v python\n{Path(sys.executable).with_name('python')}\n```")


def test_pages_see_no_key_unless_they_need_the_emulator(tmp_path: Path) -> None:
    base = {"GEMINI_API_KEY": "mine", "GOOGLE_API_KEY": "mine", "PATH": "/bin", "TERM": "dumb"}
    alone = page_environment(base, tmp_path, None)
    assert "mine" not in alone.values()
    assert alone["TERM"] == "dumb"
    served = page_environment(base, tmp_path, "http://127.0.0.1:1")
    assert served["GEMINI_API_KEY"] != "mine"
    assert served["GOOGLE_GEMINI_BASE_URL"] == "http://127.0.0.1:1"


CONSOLE_PASSES = [
    "```console\n$ x=1\n$ echo $x two\n1 …\n```",
    "```console\n$ echo nothing to compare\n```",
    "```console\n$ echo to stderr >&2\nto stderr\n```",
    "<!-- exit: 3 -->\n```console\n$ echo partly\npartly\n$ exit 3\n```",
    "<!-- exit: 3 -->\n```sh\n(exit 3)\n```",
    "```console\n$ sleep 300 &\n$ echo on\non\n```",
    "<!-- file: a.toml -->\n```toml\na = 1\n```\n```console\n$ cat a.toml\na = 1\n```",
]
CONSOLE_FAILS = {
    "```console\n$ false\n```": "a.md:2: ended with 1, not 0",
    "```console\n$ false\n$ true\n```": "a.md:2: false ended with 1",
    "<!-- exit: 1 -->\n```console\n$ false\n$ true\n```": "a.md:3: false ended with 1",
    "```sh\nset -e\nfalse\ntrue\n```": "a.md:2: ended with 1, not 0",
    "<!-- exit: 3 -->\n```console\n$ true\n```": "a.md:3: ended with 0, not 3",
    "```console\n$ echo other\nthis\n```": "it printed\nother",
    "```console\n$ true\nsomething\n```": "the page shows\nsomething",
}


@pytest.mark.parametrize("text", CONSOLE_PASSES)
def test_console_blocks_run(run: Callable[[str], None], text: str) -> None:
    run(text)


@pytest.mark.parametrize("text", CONSOLE_FAILS)
def test_console_blocks_that_do_not_do_what_they_show(
    run: Callable[[str], None], text: str
) -> None:
    with pytest.raises(AssertionError) as caught:
        run(text)
    assert CONSOLE_FAILS[text] in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "```python\nimport time\ntime.sleep(60)\n```",
        "```python\nimport asyncio\nawait asyncio.sleep(60)\n```",
        "```console\n$ sleep 60\n```",
    ],
)
def test_a_block_that_hangs_is_interrupted(tmp_path: Path, text: str) -> None:
    with pytest.raises(AssertionError, match=r"a\.md:2: still running after 0\.1 s"):
        run_page(parse_page("a.md", text), tmp_path / "a.md", tmp_path, os.environ, seconds=0.1)


def test_toml_that_is_not_toml_fails(run: Callable[[str], None]) -> None:
    with pytest.raises(AssertionError, match=r"a\.md:2: Invalid value"):
        run("```toml\na = \n```")


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("a\nb", "a\nb\n", True),
        ("a", "a\nb", False),
        ("a …", "a b c", True),
        ("took ... ms", "took 12 ms", True),
        ("a …", "b c", False),
        ("a …", "a b\nc", False),
        ("a\n…\nb", "a\nb", True),
        ("a\n...\nb", "a\n1\n2\nb", True),
        ("a\n…", "a\n1\n2", True),
        ("a+b (c)", "a+b (c)   ", True),
    ],
)
def test_shown_and_printed_output(shown: str, printed: str, same: bool) -> None:
    assert matches(shown, printed) is same


def test_a_server_is_awaited_and_ended(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)]
    with serving(command, port, tmp_path):
        socket.create_connection(("127.0.0.1", port)).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print('no such option')"]
    with (
        pytest.raises(AssertionError, match="no such option"),
        serving(command, free_port(), tmp_path),
    ):
        pass
