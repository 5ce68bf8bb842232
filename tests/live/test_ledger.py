"""What was decided can be listed and checked afterwards, and an entry that somebody changed is found."""

import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner

from shoal_base.errors import InputRefused
from shoal_swarm.sentinel.ledger_cli import ledger
from tests.live.swarm import READY, swarm

RUN = ("--run", "demo", "--synthetic", "20K", "--rounds", "1", "--min-nodes", "1")


def test_a_ledger_is_shown_verified_and_found_out_when_changed(tmp_path: Path) -> None:
    with swarm(tmp_path, 1, *RUN) as one:
        sentinel = one.sentinel()
        assert one.peer(1, sentinel.wait_for(READY)[1]).wait() == 0
        assert sentinel.end() == 0
        which = ["--swarm", "demo", "--run", "demo"]
        says = [entry["says"].split()[0] for entry in one.ask("ledger", "show", *which)["entries"]]
        assert says == ["created", "admitted", *["opened", "cut", "committed"] * 2, "ended"]
        trusted = [*which, "--capath", str(tmp_path / "certs/capath")]
        assert one.ask("ledger", "verify", *trusted)["entries"] == len(says)
        own = [*trusted, "--from", str(tmp_path / "home/state/demo/demo/node-1")]
        assert one.ask("ledger", "verify", *own)["entries"] == len(says)
        with sqlite3.connect(tmp_path / "home/state/demo/register.db") as register:
            body = register.execute("SELECT body FROM ledger WHERE position = 3").fetchone()[0]
            changed = body.replace(b"node-1", b"node-2")
            assert changed != body
            register.execute("UPDATE ledger SET body = ? WHERE position = 3", (changed,))
        register.close()
        problems = one.ask("ledger", "verify", *trusted, code=9)["error"]["problems"]
        assert "entry 3 was changed after it was sealed" in problems[0]
        assert one.ask("ledger", "show", *which, *own[-2:])["entries"][3]["says"].startswith("cut round 0")


def test_looking_for_a_register_that_is_not_there_makes_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOAL_HOME", str(tmp_path / "home"))
    result = CliRunner().invoke(ledger, ["show", "--swarm", "demo", "--run", "demo"])
    assert isinstance(result.exception, InputRefused)
    assert "There is no register at" in str(result.exception)
    assert not (tmp_path / "home").exists()
