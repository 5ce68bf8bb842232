"""Whenever a command is killed, the folder still verifies, and the next command completes what was left."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from shoal_certs.authority_folder import AUTHORITY, AuthorityPlaces
from tests.crash.certs.commands import CASES, Case, check_folder, check_nothing_left, make_world
from tests.crash.operations import killed_at
from tests.unit.certs.desk import copy_of, must, shoal_certs

OPERATIONS_MAX = 200
Way = Callable[[Case, Path], None]


@pytest.fixture(autouse=True)
def _nobody_pulls_the_plug(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is killed loses nothing that it wrote, so waiting for the disk only costs time here."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_world(tmp_path_factory.mktemp("world"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_command_that_dies_at_any_moment_is_completed_or_taken_back(case: Case, world: Path, tmp_path: Path) -> None:
    """By turns it is run again and another command comes first."""
    ways = [_run_again, _run_another if case.looked_at in {"reef", "new"} else _run_again]
    moments = _die_everywhere(case, world, tmp_path, lambda moment: [ways[moment % 2]])
    assert 5 < moments < OPERATIONS_MAX, "a command that changes something does so in several operations"


@pytest.mark.full
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_whatever_comes_after_a_death_finds_its_way(case: Case, world: Path, tmp_path: Path) -> None:
    """At every moment: again, another, and another before again."""
    assert _die_everywhere(case, world, tmp_path, lambda _: [_run_again, _run_another, _run_both]) < OPERATIONS_MAX


def _die_everywhere(case: Case, world: Path, tmp_path: Path, ways: Callable[[int], list[Way]]) -> int:
    for moment in range(OPERATIONS_MAX):
        for way in ways(moment):
            here = copy_of(world, tmp_path / "here")
            words = case.words(here)
            if not killed_at(moment, lambda words=words: shoal_certs(*words)):  # type: ignore[misc]
                return moment
            number = _number(here)
            check_folder(here, case)
            way(case, here)
            check_folder(here, case)
            assert _number(here) >= number
    return OPERATIONS_MAX


def _run_another(case: Case, here: Path) -> None:
    if (here / case.looked_at / AUTHORITY).exists():
        must("crl", "--dir", here / case.looked_at)
        check_nothing_left(here, case)


def _run_both(case: Case, here: Path) -> None:
    _run_another(case, here)
    _run_again(case, here)


def _run_again(case: Case, here: Path) -> None:
    answer = shoal_certs(*case.words(here))
    if answer.code == 0:
        check_nothing_left(here, case)
    else:
        assert case.done, f"{case.name} again: {answer.err}"
        assert any(part in answer.err for part in case.done), answer.err


def _number(world: Path) -> int:
    return max(one.number for one in AuthorityPlaces(world / "reef").revocation_lists())
