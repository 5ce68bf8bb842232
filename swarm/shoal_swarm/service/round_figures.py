"""What a round cost a node, in seconds and bytes: one line of JSON for each round, beside the node's state.

These are for people and reports; nothing is decided by them, so a line that a crash swallows is no loss.
"""

from pathlib import Path
from typing import Final

import msgspec

from shoal_base.logs import get_log

NAME: Final = "rounds.jsonl"


class RoundFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One round on one node."""

    round: int
    contributors: int
    seconds: dict[str, float]
    """From the start of the work to `offered`, `frozen`, `cut`, `committed` and `applied`, each from the one before."""
    bytes_raw: int
    """One contribution as float32."""
    bytes_encoded: int
    """One contribution as the codec spells it."""
    bytes_content: int
    """Contents that went to and came from other nodes: contributions and results."""
    bytes_meta: int
    """Everything else that went over this node's links, both ways."""


def read_figures(folder: Path) -> list[RoundFigures]:
    """What a node has noted, round by round; of a round that was noted twice the newest."""
    path = folder / NAME
    found: dict[int, RoundFigures] = {}
    for line in path.read_bytes().splitlines() if path.exists() else ():
        try:
            figures = msgspec.json.decode(line, type=RoundFigures)
        except msgspec.MsgspecError:
            continue  # half a line is what a killed process leaves
        found[figures.round] = figures
    return [found[number] for number in sorted(found)]


def note_figures(folder: Path, figures: RoundFigures) -> None:
    """Add a line."""
    try:
        with (folder / NAME).open("ab") as file:
            file.write(msgspec.json.encode(figures) + b"\n")
    except OSError as problem:
        get_log().warning("figures_dropped", round=figures.round, reason=problem.strerror)
