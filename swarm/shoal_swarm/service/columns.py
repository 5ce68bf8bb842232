"""The columns of a data file, from its first lines alone: a task's wrong word is told before anything is started.

Rows are the trainer's business, which reads them all and refuses what is not as it should be.
"""

import csv
import json
from collections.abc import Collection
from pathlib import Path
from typing import Final

from shoal_base.errors import InputRefused, PlaceRefused

SUFFIXES: Final = (".csv", ".jsonl")


def columns_of(path: Path) -> list[str]:
    """The names in a CSV's header, or in the first object of a JSONL."""
    check_suffix(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            if path.suffix.lower() == ".csv":
                return next(csv.reader(file), [])
            found = json.loads(next((line for line in file if line.strip()), "{}"))
    except OSError as problem:
        raise PlaceRefused(f"{path} cannot be read: {problem.strerror}.") from problem
    except (ValueError, RecursionError, csv.Error) as problem:
        raise InputRefused(f"{path}:1 is refused: {problem}. Save it as UTF-8 text.") from problem
    if not isinstance(found, dict):
        raise InputRefused(f"{path}:1: a line holds one object with named columns, and this is none.")
    return list(found)


def check_suffix(path: Path) -> None:
    """Refuse a file that is written in no way that is read."""
    if path.suffix.lower() not in SUFFIXES:
        raise InputRefused(f"{path} is refused: data files end in {' or '.join(SUFFIXES)}.")


def check_column(source: Path, columns: Collection[str], name: str) -> None:
    """Refuse a table that lacks a column."""
    if name not in columns:
        raise InputRefused(f"{source} has no column {name}: its columns are {', '.join(columns)}.")
