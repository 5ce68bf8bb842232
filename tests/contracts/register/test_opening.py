"""A register is the same one wherever and however often it is opened, and a closed one says so."""

from collections.abc import Callable

import pytest

from shoal_base.errors import Unavailable
from shoal_swarm.register import Register
from tests.contracts.register.conftest import Opener
from tests.contracts.register.samples import CONFIG_HASH, nonce


def test_a_new_register_is_empty(register: Register) -> None:
    assert register.members.list() == []
    assert register.runs.list() == []
    assert register.tasks.list() == []
    assert register.ledger.heads() == {}


def test_two_openings_see_one_register(opener: Opener) -> None:
    one, other = opener(), opener()
    one.runs.create("reviews", CONFIG_HASH, b"")
    assert other.runs.list() == ["reviews"]
    other.members.hello("ana", nonce(1), b"")
    assert one.members.list() == other.members.list()
    one.close()
    assert other.runs.list() == ["reviews"]


def test_a_closed_register_says_so_and_may_be_closed_again(opener: Opener) -> None:
    register = opener()
    register.close()
    register.close()
    calls: list[Callable[[], object]] = [
        lambda: len(register.members.list()),
        lambda: register.runs.create("reviews", CONFIG_HASH, b""),
        lambda: len(register.ledger.heads()),
        lambda: len(register.tasks.list()),
    ]
    for call in calls:
        with pytest.raises(Unavailable, match="closed"):
            call()
