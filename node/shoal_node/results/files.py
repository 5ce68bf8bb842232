"""Files of a result: whole, or as they were before."""

import os
from pathlib import Path

from shoal_base.errors import PlaceRefused


def write_whole(path: Path, content: bytes) -> None:
    """A file that is whole or as it was before."""
    fresh = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with fresh.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(path)
    except OSError as problem:
        raise PlaceRefused(f"{path} cannot be written: {problem.strerror}. Free some space.") from problem
