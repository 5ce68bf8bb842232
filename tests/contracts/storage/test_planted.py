"""A storage that forgets one sync or one check breaks a promise, and the suite notices."""

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from shoal_base.errors import PlaceRefused
from shoal_swarm.peer.storage import blobs, files, folder, journal, storage
from shoal_swarm.protocol.names import Digest
from tests.contracts.storage import test_storage as promises
from tests.contracts.storage.machines import KilledAndLater, PowerLost

Plant = Callable[[pytest.MonkeyPatch], None]


class Without:
    """A module in which some names mean something else; the others are looked up when they are used."""

    def __init__(self, module: object, **changed: object) -> None:
        self._module = module
        vars(self).update(changed)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the module has
        return getattr(self._module, name)


def nothing(*_: object) -> None:
    """What is left of a call that was forgotten."""


def appends_are_not_synced(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(journal, "os", Without(os, fsync=nothing))


def files_are_not_synced_before_their_rename(patch: pytest.MonkeyPatch) -> None:
    def replace(path: Path, data: bytes) -> int:
        partial = files.partial_of(path)
        handle = files.create(partial)
        files.write_all(handle, data)
        partial.replace(path)
        files.sync_folder(path.parent)
        return handle

    patch.setattr(files, "replace", replace)


def blobs_are_not_synced(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(blobs, "os", Without(os, fsync=nothing))


def names_of_blobs_are_not_synced(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(blobs, "files", Without(files, sync_folder=nothing))


def names_of_found_blobs_are_not_synced(patch: pytest.MonkeyPatch) -> None:
    read_back = blobs.BlobFolder.read_back

    def unsynced(self: blobs.BlobFolder) -> tuple[frozenset[Any], list[str]]:
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(blobs, "files", Without(files, sync_folder=nothing))
            return read_back(self)

    patch.setattr(blobs.BlobFolder, "read_back", unsynced)


def the_names_of_journals_are_not_synced(patch: pytest.MonkeyPatch) -> None:
    replace = files.replace

    def unsynced(path: Path, data: bytes) -> int:
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(files, "sync_folder", nothing)
            return replace(path, data)

    patch.setattr(journal, "files", Without(files, replace=unsynced))


def folders_are_not_synced(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(folder, "files", Without(files, sync_folder=nothing))


def what_a_start_finds_is_taken_for_durable(patch: pytest.MonkeyPatch) -> None:
    rewrite = journal.Journal.rewrite

    def reopen(self: journal.Journal, contents: Sequence[bytes]) -> None:
        if self._handle >= 0 or not self.path.exists():
            rewrite(self, contents)
            return
        self.number, self.size_bytes = len(contents), self.path.stat().st_size
        self._handle = os.open(self.path, os.O_WRONLY | os.O_APPEND)

    patch.setattr(journal.Journal, "rewrite", reopen)


def blobs_are_believed_without_their_digest(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(blobs, "_is", lambda *_: True)


def packs_go_before_what_takes_their_place_is_durable(patch: pytest.MonkeyPatch) -> None:
    keep = blobs.BlobFolder.keep

    def hasty(self: blobs.BlobFolder, coming: Iterable[tuple[Digest, bytes]], reserve_bytes: int) -> None:
        some = list(coming)
        self.drop([digest for digest, _ in some])
        keep(self, some, reserve_bytes)

    patch.setattr(blobs.BlobFolder, "keep", hasty)


def failures_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    writing = storage.FileStorage._writing

    def forgetful(self: storage.FileStorage, **facts: bool) -> AbstractContextManager[None]:
        self._failure = None
        return writing(self, **facts)

    patch.setattr(storage.FileStorage, "_writing", forgetful)


PLANTED: list[Plant] = [
    appends_are_not_synced,
    files_are_not_synced_before_their_rename,
    blobs_are_not_synced,
    names_of_blobs_are_not_synced,
    names_of_found_blobs_are_not_synced,
    the_names_of_journals_are_not_synced,
    folders_are_not_synced,
    what_a_start_finds_is_taken_for_durable,
    blobs_are_believed_without_their_digest,
    packs_go_before_what_takes_their_place_is_durable,
    failures_are_forgotten,
]


def some_promises(home: Path) -> None:
    """The parts of the suite that ask what survives."""
    number = count()

    def make() -> PowerLost:
        return PowerLost(home / f"machine-{next(number)}")

    def make_killed() -> KilledAndLater:
        return KilledAndLater(home / f"machine-{next(number)}")

    promises.test_returned_means_durable(make())
    promises.test_a_damaged_blob_is_lost_and_can_be_kept_again(make())
    promises.test_a_full_disk_acknowledges_nothing_then_or_later(make(), "keep")
    for call in ("write_books", "keep", "keep again"):
        promises.test_whenever_it_dies_what_was_durable_stays_and_what_is_found_stays(make_killed, call)


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_a_planted_flaw_is_noticed(plant: Plant, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    plant(monkeypatch)
    with pytest.raises((AssertionError, PlaceRefused, pytest.fail.Exception)):
        some_promises(home)
