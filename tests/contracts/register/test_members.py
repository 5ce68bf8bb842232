"""Every boot of a member has one number, and numbers only rise."""

import pytest

from shoal_base.errors import InputRefused
from shoal_swarm.register import Boot, Member, Register
from shoal_swarm.register.values import BOOTS_KEPT, FACTS_BYTES_MAX
from tests.contracts.register.conftest import Opener
from tests.contracts.register.samples import nonce


def test_saying_hello_twice_is_saying_it_once(register: Register) -> None:
    first = register.members.hello("node/ana", nonce(1), b"facts")
    assert first == Boot(incarnation=1, newest=1)
    assert register.members.hello("node/ana", nonce(1), b"facts") == first
    assert register.members.list() == [Member(name="node/ana", incarnation=1, facts=b"facts")]


def test_a_new_boot_gets_the_next_number_and_brings_its_facts(register: Register) -> None:
    register.members.hello("ana", nonce(1), b"old")
    assert register.members.hello("ana", nonce(2), b"new") == Boot(incarnation=2, newest=2)
    assert register.members.list() == [Member(name="ana", incarnation=2, facts=b"new")]


def test_a_process_that_should_be_gone_is_told_so_and_changes_nothing(register: Register) -> None:
    register.members.hello("ana", nonce(1), b"old")
    register.members.hello("ana", nonce(2), b"new")
    assert register.members.hello("ana", nonce(1), b"zombie") == Boot(incarnation=1, newest=2)
    assert register.members.list() == [Member(name="ana", incarnation=2, facts=b"new")]


def test_members_are_numbered_apart(register: Register) -> None:
    assert register.members.hello("node/ana", nonce(1), b"").incarnation == 1
    assert register.members.hello("orchestrator/ana", nonce(1), b"").incarnation == 1
    assert [member.name for member in register.members.list()] == ["node/ana", "orchestrator/ana"]


def test_numbers_go_on_over_a_removal(register: Register) -> None:
    register.members.hello("ana", nonce(1), b"")
    assert register.members.remove("ana")
    assert register.members.list() == []
    assert not register.members.remove("ana")
    assert register.members.hello("ana", nonce(2), b"back") == Boot(incarnation=2, newest=2)
    assert register.members.list() == [Member(name="ana", incarnation=2, facts=b"back")]


def test_an_old_boot_does_not_bring_a_removed_member_back(register: Register) -> None:
    register.members.hello("ana", nonce(1), b"")
    register.members.hello("ana", nonce(2), b"")
    register.members.remove("ana")
    assert register.members.hello("ana", nonce(1), b"zombie").newest == 2
    assert register.members.list() == []
    register.members.hello("ana", nonce(2), b"")
    assert [member.incarnation for member in register.members.list()] == [2]


def test_numbers_go_on_over_a_restart(opener: Opener) -> None:
    with opener() as before:
        before.members.hello("ana", nonce(1), b"")
    after = opener()
    assert after.members.hello("ana", nonce(2), b"").incarnation == 2
    assert after.members.hello("ana", nonce(1), b"").incarnation == 1


def test_boots_long_ago_are_forgotten_but_their_numbers_are_not_given_again(register: Register) -> None:
    for number in range(1, BOOTS_KEPT + 2):
        register.members.hello("ana", nonce(number), b"")
    assert register.members.hello("ana", nonce(2), b"").incarnation == 2
    assert register.members.hello("ana", nonce(1), b"").incarnation == BOOTS_KEPT + 2


@pytest.mark.parametrize("name", ["", "Ana", "a b", "-a", "a-", "a/b/c", "/a", "a/", "ä", "a\n", "a\x00", "a" * 129])
def test_a_name_that_breaks_the_rule_is_refused(register: Register, name: str) -> None:
    with pytest.raises(InputRefused, match="member name"):
        register.members.hello(name, nonce(1), b"")
    with pytest.raises(InputRefused, match="member name"):
        register.members.remove(name)
    assert register.members.list() == []


def test_a_nonce_of_another_length_and_too_many_facts_are_refused(register: Register) -> None:
    with pytest.raises(InputRefused, match="boot nonce of 15 bytes"):
        register.members.hello("ana", bytes(15), b"")
    with pytest.raises(InputRefused, match="facts"):
        register.members.hello("ana", nonce(1), bytes(FACTS_BYTES_MAX + 1))
    register.members.hello("ana", nonce(1), bytes(FACTS_BYTES_MAX))
    assert len(register.members.list()[0].facts) == FACTS_BYTES_MAX
