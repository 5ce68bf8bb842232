"""Every error says what happened, how the command ends, and whether trying again may help."""

import json

import pytest

from shoal_base.errors import (
    IdentityRefused,
    InputRefused,
    PartMissing,
    PeerRefused,
    PlaceRefused,
    ProblemsFound,
    ShoalError,
    Unavailable,
)
from shoal_base.exits import ExitCode, exit_codes_table

CODES = {
    InputRefused: ExitCode.INPUT,
    PlaceRefused: ExitCode.PLACE,
    IdentityRefused: ExitCode.IDENTITY,
    PeerRefused: ExitCode.PEER,
    Unavailable: ExitCode.UNAVAILABLE,
    PartMissing: ExitCode.MISSING_PART,
}


@pytest.mark.parametrize(("error", "code"), CODES.items())
def test_an_error_states_its_facts(error: type[ShoalError], code: ExitCode) -> None:
    facts = error("port 99999 is refused: ports end at 65535. Choose one below.").facts()
    assert facts == {
        "exit": int(code),
        "kind": error.__name__,
        "message": "port 99999 is refused: ports end at 65535. Choose one below.",
    }
    assert json.loads(json.dumps(facts)) == facts


def test_only_what_is_away_for_now_is_worth_another_try() -> None:
    assert [error for error in (*CODES, ProblemsFound) if error.may_help_to_retry] == [Unavailable]


def test_no_two_kinds_of_error_end_with_the_same_number() -> None:
    codes = [error.exit_code for error in (ShoalError, *CODES, ProblemsFound)]
    assert len(set(codes)) == len(codes)


def test_a_check_lists_its_problems_for_a_person_and_for_a_program() -> None:
    found = ProblemsFound("2 of 7 files are wrong:", ["key.pem is readable by all", "crl.pem is old"], {"files": 7})
    assert str(found) == "2 of 7 files are wrong:\n  - key.pem is readable by all\n  - crl.pem is old"
    assert found.facts()["problems"] == ["key.pem is readable by all", "crl.pem is old"]
    assert found.facts()["files"] == 7
    assert found.facts()["exit"] == ExitCode.PROBLEMS


@pytest.mark.parametrize("code", ExitCode)
def test_every_exit_code_is_explained_in_a_sentence(code: ExitCode) -> None:
    assert code.help[0].isupper()
    assert code.help.endswith(".")
    assert code.help in exit_codes_table()


def test_the_numbers_never_change_under_scripts_that_test_for_them() -> None:
    assert {code.name: code.value for code in ExitCode} == {
        "DONE": 0,
        "DEFECT": 1,
        "USAGE": 2,
        "INPUT": 3,
        "PLACE": 4,
        "IDENTITY": 5,
        "PEER": 6,
        "UNAVAILABLE": 7,
        "MISSING_PART": 8,
        "PROBLEMS": 9,
        "INTERRUPTED": 130,
    }
