"""Guards who may wait at the door, which link stays, and that every limit is the number that is documented."""

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal_base.errors import PlaceRefused
from shoal_certs.identity import Identity, Role
from shoal_swarm.transport import endpoint
from shoal_swarm.transport.budget import Admitted, Budget, TurnedAway, neighbourhood
from shoal_swarm.transport.limits import DEFAULT_LIMITS, Limits
from shoal_swarm.transport.reasons import LinkEnded, LinkRefused, Reason
from shoal_swarm.transport.registry import Registry

DOCUMENTED = {
    "backlog": 128,
    "unproved_max": 64,
    "unproved_per_address_max": 8,
    "arrivals_per_address_s": 20,
    "addresses_remembered_max": 4096,
    "handshake_s": 5,
    "links_max": 1024,
    "links_per_identity_max": 6,
    "descriptors_per_link": 8,
    "greeting_s": 5,
    "greeting_bytes_max": 4096,
    "link_age_s": 43_200,
    "link_bytes_max": 64 << 30,
    "connect_s": 5,
    "dials_max": 16,
    "retry_first_s": 0.1,
    "retry_max_s": 5,
    "heartbeat_s": 2,
    "silence_s": 10,
    "goodbye_s": 2,
    "bulk_idle_s": 60,
    "message_bytes_max": 65_536,
    "parts_max": 2,
    "command_bytes_max": 4096,
    "queue_messages": 8,
    "heap_kept_bytes": 16 << 20,
    "relay_bytes": 256 << 10,
    "messages_per_s": 500,
    "messages_burst": 1000,
    "transfers_in_max": 4,
    "transfers_out_max": 4,
    "transfer_bytes_max": 1 << 40,
    "window_chunks": 32,
    "batch_chunks": 8,
    "batch_s": 0.02,
    "disk_reserve_bytes": 1 << 30,
    "unfinished_max": 64,
    "unfinished_age_s": 604_800,
    "stall_s": 30,
    "pace_bytes_per_s": 16 << 10,
    "pace_window_s": 60,
}


def test_every_limit_is_the_documented_number() -> None:
    assert {field.name: getattr(DEFAULT_LIMITS, field.name) for field in fields(Limits)} == DOCUMENTED


def test_one_address_gets_its_share_and_not_more() -> None:
    budget = Budget(DEFAULT_LIMITS)
    verdicts = [budget.arrive("10.0.0.1", now=0.0) for _ in range(21)]
    assert [type(verdict) for verdict in verdicts[:8]] == [Admitted] * 8
    assert verdicts[8:20] == [TurnedAway(Reason.ADDRESS_BUSY)] * 12
    assert verdicts[20] == TurnedAway(Reason.ADDRESS_FLOODS)
    assert isinstance(budget.arrive("10.0.0.2", now=0.0), Admitted)


def test_whoever_proved_an_identity_frees_the_place() -> None:
    budget = Budget(DEFAULT_LIMITS)
    places = [budget.arrive("10.0.0.1", now=0.0) for _ in range(8)]
    assert isinstance(places[3], Admitted)
    budget.leave(places[3].place)
    budget.leave(places[3].place)
    assert isinstance(budget.arrive("10.0.0.1", now=1.0), Admitted)
    assert budget.arrive("10.0.0.1", now=1.0) == TurnedAway(Reason.ADDRESS_BUSY)


def test_a_newcomer_gets_the_oldest_place_of_whoever_holds_most() -> None:
    budget = Budget(DEFAULT_LIMITS)
    first = budget.arrive("10.0.0.1", now=0.0)
    for number in range(63):
        budget.arrive(f"10.0.0.{1 + (number + 1) // 8}", now=0.0)
    newcomer = budget.arrive("10.1.0.1", now=0.0)
    assert isinstance(first, Admitted)
    assert isinstance(newcomer, Admitted)
    assert newcomer.instead_of == first.place


@given(st.lists(st.tuples(st.integers(0, 20), st.floats(0, 3)), max_size=200))
def test_no_crowd_takes_more_places_than_there_are(arrivals: list[tuple[int, float]]) -> None:
    budget = Budget(replace(DEFAULT_LIMITS, unproved_max=10, unproved_per_address_max=3))
    held: set[int] = set()
    now = 0.0
    for address, wait_s in arrivals:
        now += wait_s
        verdict = budget.arrive(f"10.0.0.{address}", now=now)
        if isinstance(verdict, Admitted):
            held.add(verdict.place)
            held.discard(verdict.instead_of or -1)
        assert len(held) <= 10


@pytest.mark.parametrize(
    ("address", "home"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_what_counts_as_one_address(address: str, home: str) -> None:
    assert neighbourhood(address) == home


def test_an_identity_and_an_endpoint_have_only_so_many_links() -> None:
    me = Identity("reef", Role.NODE, "me")
    registry = Registry(me, replace(DEFAULT_LIMITS, links_per_identity_max=3), links_max=4)
    ana, ben = (Identity("reef", Role.NODE, name) for name in ("ana", "ben"))
    for _ in range(3):
        registry.reserve(ana)
    with pytest.raises(LinkRefused) as refusal:
        registry.reserve(ana)
    assert refusal.value.reason is Reason.TOO_MANY_LINKS
    registry.reserve(ben)
    with pytest.raises(LinkEnded) as full:
        registry.reserve(Identity("reef", Role.NODE, "cleo"))
    assert full.value.reason is Reason.FULL
    registry.release(ben)
    registry.reserve(Identity("reef", Role.NODE, "cleo"))
    assert not registry.links()


def test_there_are_never_more_links_than_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(endpoint.resource, "setrlimit", lambda _, wanted: asked.append(wanted))
    monkeypatch.setattr(endpoint.resource, "getrlimit", lambda _: (1024, 1_048_576))
    assert endpoint.links_that_fit(DEFAULT_LIMITS) == 1024
    assert asked == [(1024 * 8 + 64 + 128, 1_048_576)]
    monkeypatch.setattr(endpoint.resource, "getrlimit", lambda _: (1024, 1024))
    assert endpoint.links_that_fit(DEFAULT_LIMITS) == (1024 - 64 - 128) // 8
    monkeypatch.setattr(endpoint.resource, "getrlimit", lambda _: (150, 150))
    with pytest.raises(PlaceRefused, match="ulimit -n"):
        endpoint.links_that_fit(DEFAULT_LIMITS)
