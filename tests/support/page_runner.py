"""Runs a documentation page as a reader would: top to bottom, in one folder, block after block."""

from __future__ import annotations

import ast
import asyncio
import inspect
import os
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, ModuleType

from support.pages import SHELLS, Block, Page
from support.servers import BIN, emulator, relay

BLOCK_SECONDS = 60
# What a reader's own setup could change about a page.
_PRIVATE = ("ANTHROPIC_", "GEMINI_", "GEMSTREAM_", "GOOGLE_", "OPENAI_", "PYTEST_", "XDG_")
# Printed before each command, to tell their outputs apart.
_COMMAND_MARK = "\x1egemstream-docs-command\n"


def page_environment(
    base: Mapping[str, str], folder: Path, emulator_url: str | None
) -> dict[str, str]:
    """The environment of a page: nobody's keys, our commands first, the emulator if it has one."""
    environment = {name: value for name, value in base.items() if not name.startswith(_PRIVATE)}
    environment |= {
        "HOME": str(folder),
        "NO_COLOR": "1",
        "PATH": f"{BIN}{os.pathsep}{base.get('PATH', os.defpath)}",
    }
    if emulator_url:
        environment |= {"GEMINI_API_KEY": "docs-key", "GOOGLE_GEMINI_BASE_URL": emulator_url}
    return environment


@contextmanager
def served_environment(
    page: Page, base: Mapping[str, str], folder: Path, servers: Path
) -> Iterator[dict[str, str]]:
    """Start the server that ``page`` needs in ``servers``, and give the page's environment."""
    if page.needs == "emulator":
        with emulator(servers) as url:
            yield page_environment(base, folder, url)
    elif page.needs == "relay":
        with relay(servers) as (url, key):
            addresses = {"GOOGLE_GEMINI": url, "OPENAI": f"{url}/v1", "ANTHROPIC": url}
            yield {
                **page_environment(base, folder, None),
                **{f"{name}_BASE_URL": address for name, address in addresses.items()},
                **{f"{name}_API_KEY": key for name in ("GEMINI", "OPENAI", "ANTHROPIC")},
            }
    else:
        yield page_environment(base, folder, None)


def run_page(
    page: Page,
    source: Path,
    folder: Path,
    environment: Mapping[str, str],
    seconds: float = BLOCK_SECONDS,
) -> None:
    """Run every block that is meant to run; raises what the first failing block raised.

    Python blocks run in this process and share one namespace and one event loop, so a client
    opened in one block is still open in the next.
    """
    module = ModuleType("__main__")
    with asyncio.Runner() as runner, _as_main(module):
        for block in page.blocks:
            if not block.is_run:
                continue
            if name := block.marks.get("file"):
                (folder / name).write_text(f"{block.text}\n", encoding="utf-8")
            elif block.language == "python":
                with _deadline(block, seconds):
                    _run_python(block, source, module, runner)
            elif block.language in SHELLS:
                run_console(block, folder, environment, seconds)
            if block.language == "toml":
                _check_toml(block)


def run_console(block: Block, folder: Path, environment: Mapping[str, str], seconds: float) -> None:
    """Run the commands of a block in one shell, and compare with what the page shows."""
    status, outputs = _run_shell(block, folder, environment, seconds)
    said = "".join(outputs)
    if len(outputs) < len(block.commands):
        last = block.commands[len(outputs) - 1]
        raise AssertionError(f"{block.place}: {last.text} ended with {status}:\n{said}")
    if status != block.exit_code:
        raise AssertionError(f"{block.place}: ended with {status}, not {block.exit_code}:\n{said}")
    for command, output in zip(block.commands, outputs, strict=True):
        if command.output.strip() and not matches(command.output, output):
            raise AssertionError(
                f"{block.place}: {command.text}\n--- the page shows\n{command.output}\n"
                f"--- it printed\n{output}"
            )


def matches(shown: str, printed: str) -> bool:
    """Compare output; ``…`` or ``...`` stands for any text in a line, alone for any lines."""
    pattern = ""
    for line in shown.strip().splitlines():
        if line.strip() in ("…", "..."):
            pattern += r"(?:.*\n)*"
        else:
            literals = re.split(r"…|\.\.\.", line.rstrip())
            pattern += ".*".join(map(re.escape, literals)) + "\n"
    tidy = "".join(f"{line.rstrip()}\n" for line in printed.strip().splitlines())
    return re.fullmatch(pattern, tidy) is not None


def _check_toml(block: Block) -> None:
    try:
        tomllib.loads(block.text)
    except tomllib.TOMLDecodeError as error:
        raise AssertionError(f"{block.place}: {error}") from error


def _run_python(block: Block, source: Path, module: ModuleType, runner: asyncio.Runner) -> None:
    # Lines are counted as in the page, so that a traceback shows the page's own line.
    code = compile(
        "\n" * (block.line - 1) + block.text,
        str(source),
        "exec",
        flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT,
        dont_inherit=True,
    )
    result = eval(code, module.__dict__)
    if inspect.iscoroutine(result):
        runner.run(result)


def _run_shell(
    block: Block, folder: Path, environment: Mapping[str, str], seconds: float
) -> tuple[int, list[str]]:
    """The status of the last command that ran, and what each that ran printed."""
    script = "".join(
        f"printf %s '{_COMMAND_MARK}'\n{command.text}\n"
        'status=$?; [ "$status" -eq 0 ] || exit "$status"\n'
        for command in block.commands
    )
    # A file and not a pipe: a pipe stays open for as long as a command left in the background.
    log = folder / "console.log"
    with log.open("wb") as output:
        shell = subprocess.Popen(
            ["bash", "-c", script],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        status = shell.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        raise AssertionError(f"{block.place}: still running after {seconds} s") from None
    finally:
        _end_session(shell)
    printed = log.read_text(encoding="utf-8", errors="replace")
    return status, printed.split(_COMMAND_MARK)[1:]


def _end_session(shell: subprocess.Popen[bytes]) -> None:
    """End what the commands left running."""
    try:
        os.killpg(shell.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    finally:
        shell.wait()


@contextmanager
def _as_main(module: ModuleType) -> Iterator[None]:
    """Let the page be the program, for ``__name__`` and for whoever looks up its annotations."""
    before = sys.modules["__main__"]
    sys.modules["__main__"] = module
    try:
        yield
    finally:
        sys.modules["__main__"] = before


@contextmanager
def _deadline(block: Block, seconds: float) -> Iterator[None]:
    """Interrupt a Python block that hangs, wherever it waits."""

    def interrupt(signum: int, frame: FrameType | None) -> None:
        raise AssertionError(f"{block.place}: still running after {seconds} s")

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
