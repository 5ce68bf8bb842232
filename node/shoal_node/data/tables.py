"""Data files: CSV with a header, or JSONL, as rows of columns. What is not as it should be is named with its line."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shoal_base.errors import InputRefused, PlaceRefused
from shoal_swarm.service.columns import check_column, check_suffix

CELL_CHARACTERS_MAX: Final = 1 << 20
Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of one file, every value as text."""

    source: Path
    columns: tuple[str, ...]
    rows: Sequence[Row]

    def column(self, name: str) -> list[str]:
        """One column; refused if the file has none of that name."""
        check_column(self.source, self.columns, name)
        return [row[name] for row in self.rows]


def read_table(path: Path) -> Table:
    """A file as a table; its suffix says how it is written."""
    check_suffix(path)
    reader = _csv_rows if path.suffix.lower() == ".csv" else _jsonl_rows
    csv.field_size_limit(CELL_CHARACTERS_MAX)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(reader(path, file))
    except OSError as problem:
        raise PlaceRefused(f"{path} cannot be read: {problem.strerror}.") from problem
    except (UnicodeDecodeError, csv.Error) as problem:
        raise InputRefused(f"{path} is refused: {problem}. Save it as UTF-8 text.") from problem
    if not rows:
        raise InputRefused(f"{path} has no rows: there is nothing to learn from.")
    return Table(path, tuple(rows[0]), rows)


def write_table(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> None:
    """A table as a file; its suffix says how to write it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", newline="") as file:
            if path.suffix.lower() == ".jsonl":
                file.writelines(json.dumps({c: row[c] for c in columns}, ensure_ascii=False) + "\n" for row in rows)
                return
            writer = csv.DictWriter(file, columns, lineterminator="\n", extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
    except OSError as problem:
        raise PlaceRefused(f"{path} cannot be written: {problem.strerror}.") from problem


def _csv_rows(path: Path, lines: Iterator[str]) -> Iterator[Row]:
    reader = csv.DictReader(lines, strict=True)
    names = reader.fieldnames or []
    if len(set(names)) != len(names):
        raise InputRefused(f"{path} has two columns of one name: {', '.join(names)}. Rename one.")
    for row in reader:
        if None in row or None in row.values():
            raise InputRefused(f"{path}:{reader.line_num}: this row does not have {len(names)} cells like the header.")
        yield row


def _jsonl_rows(path: Path, lines: Iterator[str]) -> Iterator[Row]:
    names: set[str] | None = None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as problem:
            raise InputRefused(f"{path}:{number}: this line is no JSON: {problem}.") from problem
        if not isinstance(row, dict):
            raise InputRefused(f"{path}:{number}: a line holds one object with named columns, and this is none.")
        names = names or set(row)
        if set(row) != names:
            odd = ", ".join(sorted(names ^ set(row)))
            raise InputRefused(f"{path}:{number}: this line differs from the first one in the columns {odd}.")
        yield {name: _text(path, number, name, value) for name, value in row.items()}


def _text(path: Path, number: int, name: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise InputRefused(f"{path}:{number}: {name} is {json.dumps(value)[:80]}: texts and whole numbers are read.")
