"""The folder of a run: one run each, one process at a time, and files that are whole or not there."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from io import BufferedWriter
from pathlib import Path

from shoal_base.errors import InputRefused, PlaceRefused
from shoal_orchestrator.planning.places import Places


@contextmanager
def claimed(places: Places, run: str, config_hash: str) -> Iterator[None]:
    """Have a folder to oneself for the length of the block; it belongs to this run from now on."""
    with closing(_locked(places)):
        _belong(places, run, config_hash)
        yield


def _locked(places: Places) -> BufferedWriter:
    try:
        places.root.mkdir(parents=True, exist_ok=True)
        lock = (places.root / "run.lock").open("wb")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise PlaceRefused(
                f"Another `shoal run` works in {places.root}. Wait for it, or choose another --out."
            ) from None
    except OSError as problem:
        raise PlaceRefused(f"{places.root} cannot be used: {problem}. Choose another --out.") from problem
    return lock


def _belong(places: Places, run: str, config_hash: str) -> None:
    mine = {"run": run, "config": config_hash}
    if not places.note.exists():
        write_whole(places.note, json.dumps(mine) + "\n")
        return
    try:
        found = json.loads(places.note.read_text())
    except ValueError as problem:
        raise PlaceRefused(
            f"{places.note} is damaged: {problem}. Remove the folder, or choose another --out."
        ) from problem
    if found != mine:
        raise InputRefused(
            f"{places.root} holds run {found.get('run')} with another configuration. Choose another --out, or remove "
            "it to start anew."
        )


def write_whole(path: Path, content: str) -> None:
    """A file that is whole or as it was before."""
    fresh = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(content)
        fresh.rename(path)
    except OSError as problem:
        raise PlaceRefused(f"{path} cannot be written: {problem.strerror}. Choose another folder.") from problem
