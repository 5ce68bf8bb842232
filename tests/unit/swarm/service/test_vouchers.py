"""A voucher holds for its signer, its bytes and its purpose, and for nothing else."""

from pathlib import Path

import pytest

from shoal_certs.identity import Role
from shoal_swarm.protocol.names import SENTINEL, NodeName
from shoal_swarm.service.vouchers import Vouching
from tests.parties import Town

ANA, BEN = NodeName("ana"), NodeName("ben")


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return Town(tmp_path / "town")


def test_everybody_can_check_what_a_node_or_the_sentinel_vouches_for(town: Town) -> None:
    ana, ben = Vouching(town.keyring("ana")), Vouching(town.keyring("ben"))
    sentinel = Vouching(town.keyring("any-name", Role.SENTINEL))
    assert ben.verify(ANA, b"mine", ana.sign(b"mine"))
    assert ben.verify(SENTINEL, b"entry", sentinel.sign(b"entry"))


def test_what_another_signed_or_changed_does_not_hold(town: Town) -> None:
    ana, ben = Vouching(town.keyring("ana")), Vouching(town.keyring("ben"))
    good = ana.sign(b"mine")
    assert not ben.verify(BEN, b"mine", good)
    assert not ben.verify(ANA, b"other", good)
    assert not ben.verify(SENTINEL, b"mine", good)
    for torn in (b"", good[:64], good[:-1], good + b"x", good + b"\x00\x00", bytes(64) + good[64:], good[64:]):
        assert not ben.verify(ANA, b"mine", torn)


def test_a_sentinel_cannot_pass_for_a_node_nor_a_stranger_for_anybody(town: Town, tmp_path: Path) -> None:
    ben = Vouching(town.keyring("ben"))
    sentinel = Vouching(town.keyring("ana", Role.SENTINEL))
    stranger = Vouching(Town(tmp_path / "other").keyring("ana"))
    assert not ben.verify(ANA, b"mine", sentinel.sign(b"mine"))
    assert not ben.verify(ANA, b"mine", stranger.sign(b"mine"))
