"""Every test file opens with one line that says which promise it guards."""

import ast
from pathlib import Path

import pytest

from tests.architecture.repository import ROOT, parsed

TEST_FILES = sorted((ROOT / "tests").rglob("test_*.py"))


@pytest.mark.parametrize("file", TEST_FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_it_opens_with_its_promise_in_one_line(file: Path) -> None:
    promise = ast.get_docstring(parsed(file))
    assert promise, "a test file begins with a docstring: the promise that it guards"
    assert "\n" not in promise, f"the promise is one line, not {len(promise.splitlines())}"
    assert promise.endswith("."), "the promise is a sentence"
