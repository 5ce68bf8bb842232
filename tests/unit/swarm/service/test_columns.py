"""Promise: a data file's columns are known from its first lines, and a file that has none is refused in words."""

from pathlib import Path

import pytest

from shoal_base.errors import InputRefused, PlaceRefused
from shoal_swarm.service.columns import check_column, columns_of


def _file(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b"text,stars\nfine,5\n"),
        ("a.CSV", b'\xef\xbb\xbf"text",stars\r\nfine,5,too many\r\n'),
        ("a.jsonl", b'\n{"text": "fine", "stars": 5}\n{"no": "JSON"'),
    ],
    ids=["plain", "as spreadsheets write it", "broken further down"],
)
def test_the_first_lines_are_enough(tmp_path: Path, name: str, content: bytes) -> None:
    assert columns_of(_file(tmp_path, name, content)) == ["text", "stars"]


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_an_empty_file_has_no_columns(tmp_path: Path, name: str) -> None:
    path = _file(tmp_path, name, b"")
    assert columns_of(path) == []
    with pytest.raises(InputRefused, match="has no column text"):
        check_column(path, [], "text")


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.xlsx", b"", r"data files end in \.csv or \.jsonl"),
        ("a.csv", "text\n".encode("utf-16"), "Save it as UTF-8"),
        ("a.csv", b"\xff\xfe", "Save it as UTF-8"),
        ("a.jsonl", b"text,stars\n", "is refused: Expecting value"),
        ("a.jsonl", b"[1]\n", "one object with named columns"),
        ("a.jsonl", b"[" * 100_000, "is refused"),
    ],
)
def test_what_has_no_columns_is_refused_with_its_name(tmp_path: Path, name: str, content: bytes, sentence: str) -> None:
    with pytest.raises(InputRefused, match=sentence) as caught:
        columns_of(_file(tmp_path, name, content))
    assert str(caught.value).startswith(str(tmp_path / name))


def test_a_file_that_is_not_there_is_no_surprise(tmp_path: Path) -> None:
    with pytest.raises(PlaceRefused, match="cannot be read"):
        columns_of(tmp_path / "a.csv")


def test_a_missing_column_is_told_with_those_that_there_are(tmp_path: Path) -> None:
    check_column(tmp_path, ["text", "stars"], "stars")
    with pytest.raises(InputRefused, match="has no column label: its columns are text, stars"):
        check_column(tmp_path, ["text", "stars"], "label")
