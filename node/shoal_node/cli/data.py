"""`shoal data`: divide a data set among nodes, or make one up. No torch here."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import numpy as np

from shoal_base.command import Group, Reply
from shoal_base.errors import InputRefused
from shoal_node.data.reviews import Review, balanced_reviews, node_reviews
from shoal_node.data.splits import Parts, by_column, by_sizes, dirichlet, iid, stratified
from shoal_node.data.tables import Row, Table, read_table, write_table

_A_FILE = click.Path(path_type=Path, dir_okay=False)
_A_FOLDER = click.Path(path_type=Path, file_okay=False)
COLUMNS = ("text", "stars", "topic")
VALUES_SHOWN_MAX = 12

data = Group("data", help="Data sets: divide one among nodes, or make one up.")


@data.command("split")
@click.argument("file", type=_A_FILE)
@click.option("--out", type=_A_FOLDER, required=True, help="Where the parts go, one file a node.")
@click.option("--nodes", type=click.IntRange(1, 1000), default=3, show_default=True, help="How many nodes.")
@click.option(
    "--how",
    type=click.Choice(["iid", "stratified", "dirichlet", "column", "sizes"]),
    default="iid",
    show_default=True,
    help="Shuffled; label by label; label by label with a skew; a value's rows to one node; by --sizes.",
)
@click.option("--label", default="label", show_default=True, help="The column with the label.")
@click.option(
    "--alpha", type=float, default=0.5, show_default=True, help="For dirichlet: the smaller, the more skewed."
)
@click.option("--by", help="For column: the column whose values decide.")
@click.option("--sizes", help="For sizes: proportions, such as 3,2,1; they also say how many nodes.")
@click.option("--seed", type=click.IntRange(min=0), default=42, show_default=True, help="Where chance begins.")
def split(
    *,
    file: Path,
    out: Path,
    nodes: int,
    how: str,
    label: str,
    alpha: float,
    by: str | None,
    sizes: str | None,
    seed: int,
) -> Reply:
    """Divide FILE among nodes and say who got what."""
    table = read_table(file)
    parts = _parts(table, np.random.default_rng(seed), nodes, how, label, alpha, by, sizes)
    shown = by if how == "column" and by is not None else label
    names = [f"node-{number + 1}" for number in range(len(parts))]
    paths = [out / f"{name}{file.suffix.lower()}" for name in names]
    for path, part in zip(paths, parts, strict=True):
        write_table(path, table.columns, [table.rows[row] for row in part])
    groups = {name: [table.rows[row] for row in part] for name, part in zip(names, parts, strict=True)}
    lines, facts = _who_got_what(groups, shown)
    return Reply(
        [f"Divided {len(table.rows)} rows of {file} among {len(parts)} nodes ({how}):", *lines, f"They are in {out}."],
        {"files": [str(path) for path in paths], "nodes": facts},
    )


@data.command("reviews")
@click.option("--out", type=_A_FOLDER, required=True, help="Where the files go: one a node, and test.csv.")
@click.option("--nodes", type=click.IntRange(1, 1000), default=3, show_default=True, help="How many nodes.")
@click.option("--examples", type=click.IntRange(min=1), default=1000, show_default=True, help="Reviews of each node.")
@click.option(
    "--test-examples", type=click.IntRange(min=1), default=500, show_default=True, help="Reviews to measure with."
)
@click.option("--seed", type=click.IntRange(min=0), default=42, show_default=True, help="Where chance begins.")
def reviews(*, out: Path, nodes: int, examples: int, test_examples: int, seed: int) -> Reply:
    """Make up five-star film reviews: every node has its own taste and topics, the test has all alike."""
    chance = np.random.default_rng(seed)
    made = {f"node-{number + 1}": node_reviews(chance, examples, number, nodes) for number in range(nodes)}
    made["test"] = balanced_reviews(chance, test_examples)
    groups = {name: [_row(review) for review in mine] for name, mine in made.items()}
    for name, rows in groups.items():
        write_table(out / f"{name}.csv", COLUMNS, rows)
    lines, facts = _who_got_what(groups, "stars")
    return Reply(
        [
            f"Made up {nodes} times {examples} film reviews, and {test_examples} to test with:",
            *lines,
            f"They are in {out}.",
        ],
        {"files": [str(out / f"{name}.csv") for name in made], "nodes": facts},
    )


def _row(review: Review) -> Row:
    return {"text": review.text, "stars": str(review.stars), "topic": review.topic}


def _parts(
    table: Table,
    chance: np.random.Generator,
    nodes: int,
    how: str,
    label: str,
    alpha: float,
    by: str | None,
    sizes: str | None,
) -> Parts:
    match how:
        case "stratified":
            return stratified(chance, table.column(label), nodes)
        case "dirichlet":
            return dirichlet(chance, table.column(label), nodes, alpha)
        case "column":
            if by is None:
                raise InputRefused("--how column needs --by COLUMN, whose values decide who gets what.")
            return by_column(table.column(by), nodes)
        case "sizes":
            return by_sizes(chance, len(table.rows), _proportions(sizes))
        case _:
            return iid(chance, len(table.rows), nodes)


def _proportions(sizes: str | None) -> list[float]:
    try:
        return [float(word) for word in (sizes or "").split(",")]
    except ValueError:
        raise InputRefused(f"--sizes {sizes!r} is refused: give proportions, such as 3,2,1.") from None


def _who_got_what(groups: Mapping[str, Sequence[Row]], column: str) -> tuple[list[str], dict[str, object]]:
    """A line for each, with how often each value of a column occurs."""
    counts = {name: Counter(row.get(column, "") for row in rows) for name, rows in groups.items()}
    values = sorted({value for count in counts.values() for value in count})
    width = max(map(len, groups))
    lines = []
    for name, count in counts.items():
        told = "  ".join(f"{column} {value}: {count[value]:5}" for value in values[:VALUES_SHOWN_MAX])
        lines.append(f"  {name:{width}}  {len(groups[name]):6} rows   {told}")
    if len(values) > VALUES_SHOWN_MAX:
        lines.append(f"  ... and {len(values) - VALUES_SHOWN_MAX} more values of {column}")
    facts = {name: {"rows": len(groups[name]), column: dict(sorted(count.items()))} for name, count in counts.items()}
    return lines, dict(facts)
