"""Which of a Trainer's checkpoints to go on from: one may be half written when the process dies."""

import json
from pathlib import Path
from typing import Final

STATE: Final = "trainer_state.json"
"""The Trainer writes it last."""


def newest_checkpoint(folder: str | Path) -> str | None:
    """The last checkpoint in a Trainer's output_dir that was written to its end; None to begin anew."""
    steps = {path: path.name.rpartition("-")[2] for path in Path(folder).glob("checkpoint-*")}
    found = sorted((path for path in steps if steps[path].isdecimal()), key=lambda path: int(steps[path]), reverse=True)
    return next((str(path) for path in found if _is_whole(path)), None)


def _is_whole(checkpoint: Path) -> bool:
    try:
        json.loads((checkpoint / STATE).read_bytes())
    except (OSError, ValueError):
        return False
    return True
