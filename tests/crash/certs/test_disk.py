"""When the disk refuses any one operation, the command says so in a sentence and the folder still verifies."""

import errno
from pathlib import Path

import pytest

from shoal_base.exits import ExitCode
from tests.crash.certs.commands import CASES, Case, check_folder, make_world
from tests.crash.operations import Operations, fail_with, watched
from tests.unit.certs.desk import copy_of, shoal_certs

OPERATIONS_MAX = 200
SMALL = {"renew", "revoke", "crl", "install"}
SMALL_AND_FULL = [pytest.param(case, marks=[] if case.name in SMALL else [pytest.mark.full]) for case in CASES]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with watched(Operations(lambda _: False, fail_with(0))):
        return make_world(tmp_path_factory.mktemp("world"))


@pytest.mark.parametrize("case", SMALL_AND_FULL, ids=lambda case: case.name)
def test_a_full_disk_is_a_sentence(case: Case, world: Path, tmp_path: Path) -> None:
    refused = _fail_everywhere(case, world, tmp_path, errno.ENOSPC, lasting=True)
    assert all("Free some space" in one for one in refused)


@pytest.mark.full
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_broken_disk_is_a_sentence(case: Case, world: Path, tmp_path: Path) -> None:
    refused = _fail_everywhere(case, world, tmp_path, errno.EIO, lasting=False)
    assert any("Input/output error" in one for one in refused)


def _fail_everywhere(case: Case, world: Path, tmp_path: Path, number: int, *, lasting: bool) -> list[str]:
    refused: list[str] = []
    for at in range(OPERATIONS_MAX):
        here = copy_of(world, tmp_path / "here")
        words = case.words(here)
        chosen = (lambda index, at=at: index >= at) if lasting else (lambda index, at=at: index == at)
        with watched(Operations(chosen, fail_with(number))) as operations:
            answer = shoal_certs(*words)
        if len(operations.log) <= at:
            return refused
        check_folder(here, case)
        if answer.code != ExitCode.DONE:
            assert answer.code == ExitCode.PLACE, answer.err
            refused.append(answer.err)
    raise AssertionError(f"{case.name} does not come to an end")
