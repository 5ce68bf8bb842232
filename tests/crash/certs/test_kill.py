"""Whenever a command is killed, the folder still verifies, and the next command completes what was left."""

import os
from pathlib import Path

import pytest

from shoal_certs.authority_folder import AUTHORITY, AuthorityPlaces
from tests.crash.certs.commands import CASES, Case, check_folder, check_nothing_left, make_world
from tests.crash.certs.operations import killed_at
from tests.unit.certs.desk import copy_of, must, shoal_certs

OPERATIONS_MAX = 200


@pytest.fixture(autouse=True)
def _nobody_pulls_the_plug(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is killed loses nothing that it wrote, so waiting for the disk only costs time here."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_world(tmp_path_factory.mktemp("world"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_command_that_dies_at_any_moment_is_completed_or_taken_back(case: Case, world: Path, tmp_path: Path) -> None:
    moments = 0
    while moments < OPERATIONS_MAX:
        here = copy_of(world, tmp_path / "here")
        words = case.words(here)
        if not killed_at(moments, lambda words=words: shoal_certs(*words)):  # type: ignore[misc]
            break
        _look_after(case, here, tmp_path / "other")
        moments += 1
    assert 5 < moments < OPERATIONS_MAX, "a command that changes something does so in several operations"


def _look_after(case: Case, here: Path, other: Path) -> None:
    number = _number(here)
    check_folder(here, case)
    copy_of(here, other)
    _is_done_or_says_so(case, here)
    check_folder(here, case)
    assert _number(here) >= number

    if (other / case.looked_at / AUTHORITY).exists():
        must("crl", "--dir", other / case.looked_at)
        check_folder(other, case)
        check_nothing_left(other, case)


def _is_done_or_says_so(case: Case, here: Path) -> None:
    answer = shoal_certs(*case.words(here))
    if answer.code == 0:
        check_nothing_left(here, case)
    else:
        assert case.done, f"{case.name} again: {answer.err}"
        assert any(part in answer.err for part in case.done), answer.err


def _number(world: Path) -> int:
    return max(one.number for one in AuthorityPlaces(world / "reef").revocation_lists())
