"""`python -m tests.transcripts` writes the crash table's stories and the state diagrams anew; read the difference."""

from pathlib import Path

import click

from shoal_swarm.protocol.state_tables import redrawn
from tests.transcripts.rows import ROWS
from tests.transcripts.telling import story_of

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "ARCHITECTURE.md"


def path_of(name: str) -> Path:
    """Where a row's story lies."""
    number = list(ROWS).index(name) + 1
    return HERE / f"{number:02}-{name.replace(' ', '-').replace(',', '').replace(chr(39), '')}.txt"


def main() -> None:
    """Write every story, and the diagrams."""
    for stale in HERE.glob("*.txt"):
        stale.unlink()
    for name, row in ROWS.items():
        path_of(name).write_text(story_of(row), encoding="utf-8")
        click.echo(f"wrote {path_of(name).name}")
    PAGE.write_text(redrawn(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    click.echo(f"drew the state tables in {PAGE.name}")


if __name__ == "__main__":
    main()
