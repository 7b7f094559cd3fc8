"""The pytest plugin as another project has it: installed, and nothing more."""

from __future__ import annotations

import shutil
import textwrap
from pathlib import Path

import pytest

from testing.projects import project, run

FOREIGN = Path(__file__).parent / "foreign"


def test_a_foreign_project_tests_its_app_without_a_key(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    shutil.copytree(FOREIGN, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\npythonpath = .\n")
    ran = run(folder)
    assert "6 passed" in ran.stdout, ran.stdout + ran.stderr


def test_the_plugin_loads_nothing_before_it_is_asked(tmp_path: Path) -> None:
    test = """
        import sys

        def test_it():
            slow = {"aiohttp", "uvicorn", "msgspec", "opentelemetry"} & set(sys.modules)
            ours = [name for name in sys.modules if name.startswith("gemstream.")]
            assert not slow
            assert sorted(ours) == EXPECTED
    """
    expected = [
        "gemstream.config",
        "gemstream.config.version",
        "gemstream.testing",
        "gemstream.testing.plugin",
    ]
    ran = run(project(tmp_path, test.replace("EXPECTED", repr(expected))))
    assert "1 passed" in ran.stdout, ran.stdout + ran.stderr


def test_nobodys_settings_reach_a_test(tmp_path: Path) -> None:
    test = """
        from gemstream import Client

        def test_it(gemini_emulator):
            with Client() as client:
                assert client.options.model == "gemini-2.5-flash"
                assert client.options.tier is None
    """
    written = '[providers.gemini]\ndefault_model = "mine"\ndefault_tier = "free"\n'
    folder = project(tmp_path, test, gemstream__toml=written)
    ran = run(folder, GEMINI_TIER="tier1")
    assert "1 passed" in ran.stdout, ran.stdout + ran.stderr


# A mark that is none → what the test's failure says.
BAD_MARKS = [
    ("5", "5 is no step"),
    ("", "takes the steps of an answer"),
    ("'a', promt='x'", "not 'promt'"),
    ("file='nowhere.toml'", "nowhere.toml cannot be read"),
    ("'a', prompt='('", "not a regular expression"),
    ("'a', file='x.toml'", "file stands alone"),
]


@pytest.mark.parametrize(("arguments", "said"), BAD_MARKS)
def test_a_bad_mark_says_what_is_wrong(arguments: str, said: str, tmp_path: Path) -> None:
    test = f"""
        import pytest

        @pytest.mark.gemini_script({arguments})
        def test_it(gemini_emulator):
            pass
    """
    ran = run(project(tmp_path, test))
    assert said in ran.stdout
    assert "1 error" in ran.stdout


def test_a_mark_alone_brings_the_emulator(tmp_path: Path) -> None:
    test = """
        import pytest
        from gemstream import Client

        @pytest.mark.gemini_script("from the script")
        def test_it():
            with Client() as client:
                assert client.generate("go").text == "from the script"
    """
    ran = run(project(tmp_path, test))
    assert "1 passed" in ran.stdout, ran.stdout


def test_other_fixtures_find_the_emulator_whatever_the_order(tmp_path: Path) -> None:
    test = """
        import pytest
        from gemstream import Client

        @pytest.fixture
        def client():
            with Client() as client:
                yield client

        def test_it(client, gemini_leak_check, gemini_emulator):
            assert client.generate("go").text == "You said: go"
            assert len(gemini_emulator.requests) == 1
    """
    ran = run(project(tmp_path, test))
    assert "1 passed" in ran.stdout and "error" not in ran.stdout, ran.stdout


LEAKS = {
    "a stream left open": (
        """
        stream = client.generate_stream("go")
        next(stream)
        kept.append((client, stream))
        """,
        "a socket is still open",
    ),
    "a client left open": (
        """
        client.generate("go")
        kept.append(client)
        """,
        "a socket is still open",
    ),
    "a socket left open": (
        """
        client.close()
        kept.append(socket.create_connection(gemini_emulator.url[7:].split(":")))
        """,
        "a socket is still open",
    ),
    "a task left running": (
        """
        client.close()
        loop = asyncio.new_event_loop()
        kept.append((loop, loop.create_task(asyncio.sleep(60), name="forgotten")))
        """,
        "a task still runs: 'forgotten'",
    ),
    "nothing": ('client.generate("go")\nclient.close()', None),
}


@pytest.mark.parametrize("name", LEAKS)
def test_a_leak_fails_the_test_that_left_it(name: str, tmp_path: Path) -> None:
    body, said = LEAKS[name]
    test = (
        "import asyncio, socket\n"
        "import pytest\n"
        "from gemstream import Client\n"
        "kept = []\n"
        "pytestmark = pytest.mark.usefixtures('gemini_leak_check')\n"
        "@pytest.mark.gemini_script('a', 'b')\n"
        "def test_it(gemini_emulator):\n"
        "    client = Client()\n" + textwrap.indent(textwrap.dedent(body), "    ") + "\n"
    )
    ran = run(project(tmp_path, test))
    if said is None:
        assert "1 passed" in ran.stdout, ran.stdout
        assert "error" not in ran.stdout
    else:
        assert said in ran.stdout, ran.stdout
        assert "1 passed, 1 error" in ran.stdout
