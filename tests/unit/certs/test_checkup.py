"""A check-up names every problem in a sentence, warns of what ends soon, and changes nothing."""

import os
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from shoal_base.errors import InputRefused
from shoal_certs.checkup import check_up
from shoal_certs.cli.options import now
from tests.unit.certs.desk import make_swarm, must, shoal_certs

DAY = timedelta(days=1)


@pytest.fixture
def reef(tmp_path: Path) -> Path:
    return make_swarm(tmp_path / "reef")


HARMS = {
    "ana/key.pem": "key.pem is not there",
    "authority/root.pem": "root.pem is not there",
    "authority/issuing.pem": "issuing.pem is not there",
    "authority/issuing.key.pem": "issuing.key.pem is not there",
    "authority/swarm.json": "swarm.json is not there",
}


@pytest.mark.parametrize("name", [name for name, words in HARMS.items() if words])
def test_what_is_missing_is_named(reef: Path, name: str) -> None:
    (reef / name).unlink()
    assert any(str(HARMS[name]) in one for one in check_up(reef, now()).problems)


@pytest.mark.parametrize(
    "name", ["ana/cert.pem", "ana/key.pem", "authority/root.pem", "capath/crl.pem", "capath/bundle.pem"]
)
def test_what_is_damaged_is_named(reef: Path, name: str) -> None:
    path = reef / name
    path.write_bytes(path.read_bytes()[:-60])
    assert any(path.name in one or str(path.parent) in one for one in check_up(reef, now()).problems)


@pytest.mark.parametrize(
    "name", ["ana/key.pem", "authority/root.key.pem", "authority/issuing.key.pem", "authority/passphrase"]
)
def test_what_others_can_read_is_named_with_its_cure(reef: Path, name: str) -> None:
    (reef / name).chmod(0o644)
    assert any(f"run: chmod 600 {reef / name}" in one for one in check_up(reef, now()).problems)


def test_records_that_are_damaged_are_named(reef: Path) -> None:
    record = next((reef / "authority/issued").iterdir())
    record.write_bytes(b"{}")
    assert any("is not a record of ours" in one for one in check_up(reef, now()).problems)
    refused = shoal_certs("crl", "--dir", reef)
    assert refused.code == 0, "a damaged record does not keep a list from being issued"
    assert shoal_certs("revoke", "ana", "--dir", reef).code == 4


def test_a_bundle_of_another_authority_is_named(reef: Path, tmp_path: Path) -> None:
    other = make_swarm(tmp_path / "other", [])
    shutil.copy(other / "capath/bundle.pem", reef / "capath/bundle.pem")
    assert any("the authority's own root is not in it" in one for one in check_up(reef, now()).problems)


def test_a_bundle_that_is_not_there_yet_is_a_warning(tmp_path: Path) -> None:
    reef = make_swarm(tmp_path / "reef", [])
    (reef / "capath/bundle.pem").unlink()
    findings = check_up(reef, now())
    assert not findings.problems
    assert any("`shoal certs crl` puts it in place" in one for one in findings.warnings)
    must("crl", "--dir", reef)
    assert (reef / "capath/bundle.pem").exists()


@pytest.mark.parametrize(
    ("days", "words"), [(60.5, "in 29 days"), (82.5, "in 7 days"), (88.5, "in 1 day:"), (89.5, "less than a day")]
)
def test_what_ends_soon_is_a_warning(reef: Path, days: float, words: str) -> None:
    findings = check_up(reef / "ana", now() + days * DAY)
    assert not findings.problems
    assert any(words in one for one in findings.warnings), findings.warnings


def test_what_has_ended_is_a_problem(reef: Path) -> None:
    problems = check_up(reef, now() + 91 * DAY).problems
    assert any("has expired" in one for one in problems)
    assert any("The issuing certificate" in one for one in check_up(reef, now() + 400 * DAY).problems)


def test_a_revoked_identity_is_a_problem_and_verify_ends_with_nine(reef: Path) -> None:
    must("revoke", "ana", "--dir", reef)
    ended = shoal_certs("verify", reef)
    assert ended.code == 9
    assert "(revoked)" in ended.err
    assert not check_up(reef / "ben", now()).problems


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="is neither a swarm's folder"):
        check_up(tmp_path, now())


def test_nothing_is_changed(reef: Path) -> None:
    def facts() -> dict[str, tuple[int, int]]:
        return {str(path): (os.stat(path).st_mtime_ns, os.stat(path).st_mode) for path in reef.rglob("*")}  # noqa: PTH116

    before = facts()
    check_up(reef, now() + 50 * DAY)
    assert facts() == before


def test_a_root_key_that_is_kept_elsewhere_is_no_problem(reef: Path) -> None:
    (reef / "authority" / "root.key.pem").unlink()
    findings = check_up(reef, now())
    assert findings.problems == []
    assert any("elsewhere" in line for line in findings.checked)
