"""Promise: one start of a process has one number, and nobody is called gone whom nobody listened to."""

import pytest

from shoal_swarm.protocol.deadlines import Timing
from shoal_swarm.protocol.membership import Leases, Member, issue
from shoal_swarm.protocol.names import NodeName

ANA, BEN = NodeName("ana"), NodeName("ben")
LAN = Timing.lan()


@pytest.fixture
def old_leases() -> Leases:
    leases = Leases(LAN, started_at=-100.0)
    leases.tick(0.0)
    return leases


def test_saying_hello_twice_gives_the_same_number() -> None:
    first = issue(None, ANA, "boot-a")
    again = issue(first, ANA, "boot-a")
    assert first.incarnation("boot-a") == again.incarnation("boot-a") == 1


def test_a_new_process_gets_a_higher_number_and_the_old_one_keeps_its_own() -> None:
    member = issue(issue(issue(None, ANA, "boot-a"), ANA, "boot-b"), ANA, "boot-a")
    assert member == Member(node=ANA, boot_nonces=("boot-a", "boot-b"))
    assert member.incarnation("boot-b") == 2
    assert member.incarnation("boot-a") == 1


def test_a_lease_is_fresh_then_alive_then_gone(old_leases: Leases) -> None:
    old_leases.welcome(ANA, 1, now=0.0)
    assert old_leases.is_fresh(ANA, 3.0)
    assert not old_leases.is_fresh(ANA, 3.1)
    assert old_leases.is_alive(ANA, 6.0)
    assert not old_leases.is_alive(ANA, 6.1)


def test_only_the_newest_process_renews_a_lease(old_leases: Leases) -> None:
    old_leases.welcome(ANA, 2, now=0.0)
    assert not old_leases.renew(ANA, 1, now=5.0)
    assert not old_leases.renew(BEN, 1, now=5.0)
    assert old_leases.renew(ANA, 2, now=5.0)
    assert old_leases.is_fresh(ANA, 8.0)


def test_a_starting_sentinel_holds_everybody_for_alive_for_two_leases() -> None:
    leases = Leases(LAN, started_at=50.0)
    assert leases.is_alive(BEN, 55.9)
    assert not leases.is_fresh(BEN, 55.9)
    assert not leases.is_alive(BEN, 56.0)


def test_a_judge_that_slept_extends_every_lease_by_its_sleep(old_leases: Leases) -> None:
    old_leases.welcome(ANA, 1, now=0.0)
    old_leases.tick(1.0)
    assert old_leases.slept_s(21.0) == 19.0
    assert old_leases.is_fresh(ANA, 21.0)
    assert old_leases.slept_s(21.0) == 0.0
    assert not old_leases.is_alive(ANA, 26.0)


def test_who_says_goodbye_is_gone_at_once(old_leases: Leases) -> None:
    old_leases.welcome(ANA, 1, now=0.0)
    old_leases.leave(ANA)
    old_leases.leave(BEN)
    assert not old_leases.is_alive(ANA, 0.1)
    assert old_leases.known() == [ANA]
