"""Data files are read as they are meant or refused with their line, and dividing them loses no row and doubles none."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from shoal_base.errors import InputRefused, PlaceRefused
from shoal_node.cli.data import data
from shoal_node.data.labels import Labels
from shoal_node.data.reviews import balanced_reviews, node_reviews, star_shares
from shoal_node.data.splits import Parts, by_column, by_sizes, dirichlet, iid, stratified
from shoal_node.data.tables import Table, read_table, write_table

LABELS = [str(1 + number % 5) for number in range(203)]


def _file(folder: Path, name: str, content: str) -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8", newline="")
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("plain.csv", 'text,stars\nfine,4\n"a, b\nc",1\n'),
        ("marked.csv", '\ufefftext,stars\nfine,4\n"a, b\nc",1\n'),
        ("windows.csv", 'text,stars\r\nfine,4\r\n"a, b\nc",1\r\n'),
        ("lines.jsonl", '{"text": "fine", "stars": 4}\n\n{"stars": "1", "text": "a, b\\nc"}\n'),
    ],
)
def test_files_are_read_as_they_are_meant(name: str, content: str, tmp_path: Path) -> None:
    table = read_table(_file(tmp_path, name, content))
    assert table.column("text") == ["fine", "a, b\nc"]
    assert table.column("stars") == ["4", "1"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.txt", "text\nfine\n", r"data files end in \.csv or \.jsonl"),
        ("a.csv", "", "has no rows"),
        ("a.csv", "text,stars\n", "has no rows"),
        ("a.csv", "text,text\na,b\n", "two columns of one name"),
        ("a.csv", "text,stars\nfine,4\nshort\n", r"a\.csv:3: this row does not have 2 cells"),
        ("a.csv", "text,stars\nfine,4,5\n", r"a\.csv:2: this row does not have 2 cells"),
        ("a.csv", 'text,stars\n"never closed,4\n', "is refused"),
        ("a.jsonl", '{"text": "fine"}\n{oh}\n', r"a\.jsonl:2: this line is no JSON"),
        ("a.jsonl", '["fine"]\n', r"a\.jsonl:1: a line holds one object"),
        ("a.jsonl", '{"text": "a"}\n{"txt": "b"}\n', r"a\.jsonl:2: .* differs from the first one in .*text, txt"),
        ("a.jsonl", '{"text": null}\n', r"a\.jsonl:1: text is null"),
        ("a.jsonl", '{"text": 1.5}\n', r"a\.jsonl:1: text is 1\.5"),
        ("a.jsonl", '{"text": true}\n', r"a\.jsonl:1: text is true"),
        ("a.jsonl", "[" * 100_000 + "\n", r"a\.jsonl:1: this line is no JSON"),
    ],
)
def test_a_file_that_is_not_as_it_should_be_is_refused_with_its_line(
    name: str, content: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(InputRefused, match=said):
        read_table(_file(tmp_path, name, content))


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlaceRefused, match="cannot be read"):
        read_table(tmp_path / "a.csv")
    (tmp_path / "b.csv").write_bytes(b"text\n\xff\xfe\n")
    with pytest.raises(InputRefused, match="UTF-8"):
        read_table(tmp_path / "b.csv")


def test_a_missing_column_is_named_with_those_that_are_there(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="has no column label: its columns are text, stars"):
        read_table(_file(tmp_path, "a.csv", "text,stars\nfine,4\n")).column("label")


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_what_is_written_is_read_back(suffix: str, tmp_path: Path) -> None:
    rows = [{"text": 'says "hm", and\nleaves', "stars": "3"}, {"text": " é ", "stars": "1"}]
    write_table(tmp_path / f"a{suffix}", ("text", "stars"), rows)
    assert list(read_table(tmp_path / f"a{suffix}").rows) == rows


def test_labels_become_classes_in_their_order_and_are_told_apart_by_hash() -> None:
    stars = Labels(("1", "2", "3"))
    rows = Table(Path("a.csv"), ("stars",), [{"stars": "3"}, {"stars": " 1 "}])
    assert stars.classes(rows, "stars") == [2, 0]
    assert stars.digest() != Labels(("0", "1", "2")).digest()
    assert stars.digest() != Labels(("3", "2", "1")).digest()
    with pytest.raises(InputRefused, match="are no labels"):
        Labels(("1", "1"))


WAYS: dict[str, Callable[[np.random.Generator], Parts]] = {
    "iid": lambda chance: iid(chance, len(LABELS), 4),
    "stratified": lambda chance: stratified(chance, LABELS, 4),
    "dirichlet": lambda chance: dirichlet(chance, LABELS, 4, 0.3),
    "column": lambda _chance: by_column(LABELS, 4),
    "sizes": lambda chance: by_sizes(chance, len(LABELS), [4, 3, 2, 1]),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_row_goes_to_exactly_one_node_and_the_same_one_again(way: str) -> None:
    parts = WAYS[way](np.random.default_rng(5))
    assert len(parts) == 4
    assert sorted(row for part in parts for row in part) == list(range(len(LABELS)))
    assert parts == WAYS[way](np.random.default_rng(5))
    assert way == "column" or parts != WAYS[way](np.random.default_rng(6))


def _mixes(parts: Parts) -> list[Counter[str]]:
    return [Counter(LABELS[row] for row in part) for part in parts]


def test_each_way_divides_as_its_name_says() -> None:
    chance = np.random.default_rng(1)
    assert {len(part) for part in iid(chance, 203, 4)} == {50, 51}
    assert all(max(mix.values()) - min(mix.values()) <= 1 for mix in _mixes(stratified(chance, LABELS, 4)))
    skews = [
        np.mean([max(mix.values()) / mix.total() for mix in _mixes(dirichlet(chance, LABELS, 4, alpha))])
        for alpha in (100.0, 0.1)
    ]
    assert skews[0] < 0.35
    assert skews[1] > 0.5
    assert sum(map(len, _mixes(by_column(LABELS, 4)))) == 5, "a value's rows stay together"
    assert [len(part) for part in by_sizes(chance, 100, [3, 2, 5])] == [30, 20, 50]


@pytest.mark.parametrize(
    ("divide", "said"),
    [
        (lambda chance: iid(chance, 2, 3), "Node 3 of 3 would get no rows"),
        (lambda chance: dirichlet(chance, ["1"], 2, 0.1), "left a node of 2 without any"),
        (lambda chance: dirichlet(chance, LABELS, 2, 0.0), "--alpha 0.0 is refused"),
        (lambda chance: dirichlet(chance, LABELS, 2, float("nan")), "--alpha nan is refused"),
        (lambda _chance: by_column(["x", "x"], 2), "Node 2 of 2 would get no rows"),
        (lambda chance: by_sizes(chance, 9, [1, 0]), "--sizes 1,0 are refused"),
    ],
)
def test_a_node_without_data_is_refused(divide: Callable[[np.random.Generator], Parts], said: str) -> None:
    with pytest.raises(InputRefused, match=said):
        divide(np.random.default_rng(0))


def test_made_up_reviews_have_the_skew_they_are_said_to_have() -> None:
    chance = np.random.default_rng(3)
    harsh, kind = (Counter(one.stars for one in node_reviews(chance, 400, node, 3)) for node in (0, 2))
    assert harsh[1] + harsh[2] > 300 < kind[4] + kind[5]
    test = balanced_reviews(chance, 300)
    assert set(Counter(one.stars for one in test).values()) == {60}
    assert len(set(Counter(one.topic for one in test).values())) == 1
    assert len({one.text for one in test}) > 290
    assert np.allclose(star_shares(0, 1), 0.2)


def test_the_commands_say_who_got_what(tmp_path: Path) -> None:
    made = CliRunner().invoke(data, ["reviews", "--out", str(tmp_path), "--nodes", "2", "--examples", "50", "--json"])
    told = json.loads(made.output)["nodes"]
    assert {name: one["rows"] for name, one in told.items()} == {"node-1": 50, "node-2": 50, "test": 500}
    again = tmp_path / "again"
    words = ["split", str(tmp_path / "test.csv"), "--out", str(again), "--how", "dirichlet", "--label", "stars"]
    divided = CliRunner().invoke(data, [*words, "--nodes", "3"])
    assert divided.exit_code == 0
    assert divided.output.count("stars 1:") == 3
    assert sum(len(read_table(path).rows) for path in again.iterdir()) == 500
