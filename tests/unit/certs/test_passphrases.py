"""The passphrase comes from a file, the environment or a prompt; never from a command line, where all can read it."""

from pathlib import Path

import click
import pytest

from shoal_base.errors import InputRefused, PlaceRefused
from shoal_certs.cli import certs
from shoal_certs.files import PRIVATE_MODE, write_file
from shoal_certs.passphrases import BYTES_MAX, CHARACTERS_MIN, PassphraseSource, new_passphrase
from tests.unit.certs.desk import SWARM, must, shoal_certs

GOOD = "five random words or more"


def source(environment: dict[str, str] | None = None, file: Path | None = None, said: str = "") -> PassphraseSource:
    return PassphraseSource(file, environment or {}, (lambda _: said) if said else None)


def secret_file(folder: Path, text: str = GOOD, mode: int = PRIVATE_MODE) -> Path:
    write_file(folder / "secret", f"{text}\n".encode(), mode)
    return folder / "secret"


def test_the_named_file_comes_first_then_the_environment_then_the_folder_then_the_prompt(tmp_path: Path) -> None:
    file, kept = secret_file(tmp_path, "from the file"), tmp_path / "kept"
    write_file(kept, b"from the folder\n", PRIVATE_MODE)
    environment = {"SHOAL_PASSPHRASE": "from the variable"}
    assert source(environment, file, "said").find(kept) == b"from the file"
    assert source({**environment, "SHOAL_PASSPHRASE_FILE": str(file)}, None, "said").find(kept) == b"from the file"
    assert source(environment, None, "said").find(kept) == b"from the variable"
    assert source({}, None, "said").find(kept) == b"from the folder"
    assert source({}, None, "said").find(tmp_path / "nothing") == b"said"


def test_without_any_the_ways_to_give_one_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match=r"--passphrase-file or SHOAL_PASSPHRASE_FILE, or set SHOAL_PASSPHRASE"):
        source().find(tmp_path / "nothing")


def test_a_passphrase_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlaceRefused, match="chmod 600"):
        source(file=secret_file(tmp_path, mode=0o644)).choose()


@pytest.mark.parametrize("text", ["a" * (CHARACTERS_MIN - 1), "ä" * (CHARACTERS_MIN - 1), "x"])
def test_a_short_one_is_refused_for_a_new_authority(text: str) -> None:
    with pytest.raises(InputRefused, match=f"has {len(text)} characters; at least {CHARACTERS_MIN}"):
        source({"SHOAL_PASSPHRASE": text}).choose()


def test_the_longest_one_works_and_a_longer_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOAL_PASSPHRASE", "a" * BYTES_MAX)
    must("init", "--swarm", SWARM, "--out", tmp_path / "reef")
    must("crl", "--dir", tmp_path / "reef")
    monkeypatch.setenv("SHOAL_PASSPHRASE", "a" * (BYTES_MAX + 1))
    refused = shoal_certs("init", "--swarm", SWARM, "--out", tmp_path / "other")
    assert (refused.code, f"at most {BYTES_MAX}" in refused.err) == (3, True)
    assert not (tmp_path / "other").exists()


def test_a_variable_that_is_no_text_is_taken_as_its_bytes() -> None:
    assert source({"SHOAL_PASSPHRASE": "\udcff" * CHARACTERS_MIN}).choose() == b"\xff" * CHARACTERS_MIN


def test_one_that_was_made_is_long_and_new_each_time() -> None:
    made = {new_passphrase() for _ in range(50)}
    assert len(made) == 50
    assert {len(one.replace(b"-", b"")) for one in made} == {32}


def test_no_option_of_any_command_takes_the_passphrase() -> None:
    for name, command in certs.commands.items():
        for option in (one for one in command.params if "passphrase" in str(one.name)):
            assert option.name == "passphrase_file", name
            assert isinstance(option.type, click.Path), name


def test_a_wrong_passphrase_is_refused_and_nothing_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOAL_PASSPHRASE", GOOD)
    must("init", "--swarm", SWARM, "--out", tmp_path / "reef")
    assert not (tmp_path / "reef/authority/passphrase").exists()
    before = (tmp_path / "reef/capath/crl.pem").read_bytes()
    monkeypatch.setenv("SHOAL_PASSPHRASE", "five other random words")
    refused = shoal_certs("crl", "--dir", tmp_path / "reef")
    assert (refused.code, "wrong-passphrase" in refused.err) == (5, True)
    assert "five other" not in refused.err
    assert (tmp_path / "reef/capath/crl.pem").read_bytes() == before


def test_the_keys_of_the_authority_lie_locked(tmp_path: Path) -> None:
    must("init", "--swarm", SWARM, "--out", tmp_path / "reef")
    for name in ("root", "issuing"):
        assert b"ENCRYPTED PRIVATE KEY" in (tmp_path / f"reef/authority/{name}.key.pem").read_bytes()
