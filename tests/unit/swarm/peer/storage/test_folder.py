"""A storage lies in a private folder of its own node and run, belongs to one process, and is of no newer version."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from shoal_base.errors import PlaceRefused, Unavailable
from shoal_swarm.peer.storage import FileStorage, open_storage
from shoal_swarm.protocol.names import NodeName, RunId
from tests.contracts.storage.samples import books, digest, entries, some_bytes

RUN, NODE = RunId("reef"), NodeName("ana")


def opened(place: Path) -> FileStorage:
    return open_storage(place, run=RUN, node=NODE)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A storage with something in everything, closed."""
    place = tmp_path / "state" / "ana"
    storage = opened(place)
    storage.read_back()
    storage.keep([(digest(1), some_bytes(1))])
    storage.write_books(books(1))
    storage.append_ledger(entries(2))
    storage.close()
    return place


def test_nobody_else_can_look_inside(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        storage = opened(tmp_path / "new" / "ana")
        storage.read_back()
        storage.keep([(digest(1), some_bytes(1))])
        storage.close()
    finally:
        os.umask(before)
    found = [tmp_path / "new", *(tmp_path / "new").rglob("*")]
    assert len(found) == 7
    for path in found:
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path


def test_a_folder_that_is_open_to_others_is_refused(place: Path) -> None:
    place.chmod(0o750)
    with pytest.raises(PlaceRefused, match="chmod 700"):
        opened(place)


def test_a_link_in_the_folders_place_is_refused(place: Path) -> None:
    link = place.with_name("link")
    link.symlink_to(place)
    with pytest.raises(PlaceRefused, match="can't be made or opened"):
        opened(link)


def test_a_second_opening_is_refused_until_the_first_has_closed(place: Path) -> None:
    first = opened(place)
    with pytest.raises(Unavailable, match="in use by another process"):
        opened(place)
    first.close()
    opened(place).close()


def test_a_dead_process_does_not_keep_the_folder(place: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from shoal_swarm.peer.storage import open_storage; "
        "held = open_storage(Path(sys.argv[1]), run='reef', node='ana'); print('holds', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "holds\n"
        with pytest.raises(Unavailable):
            opened(place)
        other.kill()
        other.wait()
        opened(place).close()


@pytest.mark.parametrize(("version", "whose"), [(3, "a newer"), (1, "an older")])
def test_another_versions_storage_is_refused_and_left_alone(place: Path, version: int, whose: str) -> None:
    marker = place / "storage"
    marker.write_text(f'{{"version": {version}, "run": "reef", "node": "ana", "key": "of another day"}}')
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    with pytest.raises(PlaceRefused, match=rf"{whose} Shoal \(storage version {version}; this one reads 2\)"):
        opened(place)
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("run", "node"), [(RunId("reef"), NodeName("ben")), (RunId("lagoon"), NODE)], ids=["node", "run"]
)
def test_anothers_storage_is_refused(place: Path, run: RunId, node: NodeName) -> None:
    with pytest.raises(PlaceRefused, match="is the storage of node ana in run reef"):
        open_storage(place, run=run, node=node)


MARKERS: dict[str, Callable[[Path], object]] = {
    "empty": lambda marker: marker.write_bytes(b""),
    "garbage": lambda marker: marker.write_bytes(b"\xff\x00"),
    "not an object": lambda marker: marker.write_text("[]"),
    "without a run": lambda marker: marker.write_text('{"version": 2}'),
}


@pytest.mark.parametrize("damage", MARKERS)
def test_a_damaged_marker_is_refused(place: Path, damage: str) -> None:
    MARKERS[damage](place / "storage")
    with pytest.raises(PlaceRefused, match="can't be read"):
        opened(place)


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    (tmp_path / "thesis.txt").write_text("do not touch")
    with pytest.raises(PlaceRefused, match=r"'thesis\.txt'"):
        opened(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_folder_that_died_while_it_was_made_is_taken(tmp_path: Path) -> None:
    place = tmp_path / "ana"
    place.mkdir(mode=0o700)
    (place / "storage.partial").write_bytes(b'{"vers')
    opened(place).close()


def test_no_folder_can_be_made_under_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PlaceRefused, match="can't be made or opened"):
        opened(tmp_path / "file" / "ana")
