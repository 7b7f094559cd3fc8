"""The hook of conftest.py, tried in test runs of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

MODULE_SKIP = """
import pytest
pytest.importorskip("a_module_nobody_has")
def test_never_reached(): pass
"""
TEST_SKIP = """
import pytest
def test_it(): pytest.importorskip("a_module_nobody_has")
"""
MARKED_SKIP = """
import pytest
@pytest.mark.skipif(True, reason="redis-server is not installed")
def test_it(): pass
"""
FIXTURE_SKIP = """
import pytest
@pytest.fixture
def server(): pytest.skip("bash: command not found")
def test_it(server): pass
"""
OTHER_SKIP = """
import pytest
def test_it(): pytest.skip("needs a signal that Windows does not have")
"""
EXPECTED_FAILURE = """
import pytest
@pytest.mark.xfail(reason="the schema is not installed by design")
def test_it(): assert False
"""


@pytest.fixture
def inner(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A test run that has our conftest and nothing else, no plugin either."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeconftest(Path(__file__).with_name("conftest.py").read_text(encoding="utf-8"))
    return pytester


@pytest.mark.parametrize("source", [TEST_SKIP, MARKED_SKIP, FIXTURE_SKIP])
def test_ci_fails_a_test_skipped_for_a_missing_install(
    inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    monkeypatch.setenv("CI", "true")
    inner.makepyfile(source)
    result = inner.runpytest()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*skipped for a missing install*"])


def test_ci_fails_a_module_skipped_for_a_missing_install(
    inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    inner.makepyfile(MODULE_SKIP)
    result = inner.runpytest()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*a_module_nobody_has*"])


@pytest.mark.parametrize("source", [OTHER_SKIP, EXPECTED_FAILURE])
def test_ci_leaves_other_skips_alone(
    inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    monkeypatch.setenv("CI", "true")
    inner.makepyfile(source)
    assert inner.runpytest().ret == pytest.ExitCode.OK


@pytest.mark.parametrize("source", [MODULE_SKIP, TEST_SKIP, MARKED_SKIP, FIXTURE_SKIP])
def test_a_missing_install_is_only_a_skip_elsewhere(
    inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    monkeypatch.delenv("CI", raising=False)
    inner.makepyfile(source)
    result = inner.runpytest()
    result.assert_outcomes(skipped=1)
