"""Promise: every row of the crash table comes out as its transcript tells; nothing else is told."""

import pytest

from tests.transcripts.__main__ import HERE, path_of
from tests.transcripts.rows import ROWS
from tests.transcripts.telling import lived, story_of


@pytest.mark.parametrize("name", ROWS)
def test_the_row_comes_out_as_its_transcript_tells(name: str) -> None:
    told = path_of(name).read_text(encoding="utf-8")
    assert story_of(ROWS[name]) == told, "read the difference; if it is right: python -m tests.transcripts"


@pytest.mark.parametrize("name", ROWS)
def test_the_row_gives_up_no_more_attempts_than_it_must(name: str) -> None:
    commits = lived(ROWS[name]).invariants.commits
    assert max(commit.attempt for commit in commits.values()) <= ROWS[name].attempt_max


def test_no_transcript_lies_about_that_no_row_tells() -> None:
    assert {path.name for path in HERE.glob("*.txt")} == {path_of(name).name for name in ROWS}
