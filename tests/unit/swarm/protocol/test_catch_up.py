"""Promise: what is wanted is asked of one holder after the other until it came, and nothing else is taken."""

from shoal_swarm.protocol.catch_up import Downloads
from shoal_swarm.protocol.digests import digest_of
from shoal_swarm.protocol.names import NodeName

ANA, BEN = NodeName("ana"), NodeName("ben")
PIECE, OTHER = digest_of(b"piece"), digest_of(b"other")
WANTED = {PIECE: (ANA, BEN)}


def test_a_holder_that_fails_is_followed_by_the_next_at_the_next_tick() -> None:
    downloads = Downloads(stall_s=2.0)
    assert downloads.ask(WANTED, now=0.0) == {ANA: (PIECE,)}
    assert downloads.ask(WANTED, now=0.0) == {}
    downloads.failed(ANA, (PIECE,))
    assert downloads.ask(WANTED, now=0.1) == {}
    downloads.tick(now=1.0)
    assert downloads.ask(WANTED, now=1.0) == {BEN: (PIECE,)}


def test_a_holder_that_stalls_is_followed_by_the_next_but_may_still_deliver() -> None:
    downloads = Downloads(stall_s=2.0)
    downloads.ask(WANTED, now=0.0)
    downloads.tick(now=2.1)
    assert downloads.ask(WANTED, now=2.1) == {BEN: (PIECE,)}
    assert downloads.arrived(ANA, (PIECE,), now=2.2) == (PIECE,)
    assert downloads.arrived(BEN, (PIECE,), now=2.3) == ()


def test_bytes_that_nobody_asked_for_are_thrown_away() -> None:
    downloads = Downloads(stall_s=2.0)
    downloads.ask(WANTED, now=0.0)
    assert downloads.arrived(ANA, (OTHER,), now=1.0) == ()


def test_a_holder_on_a_slow_line_that_still_delivers_has_not_stalled() -> None:
    downloads = Downloads(stall_s=2.0)
    downloads.ask({PIECE: (ANA, BEN), OTHER: (ANA, BEN)}, now=0.0)
    downloads.arrived(ANA, (PIECE,), now=1.9)
    downloads.tick(now=3.8)
    assert downloads.ask({OTHER: (ANA, BEN)}, now=3.8) == {}
    downloads.tick(now=4.0)
    assert downloads.ask({OTHER: (ANA, BEN)}, now=4.0) == {BEN: (OTHER,)}


def test_what_nobody_wants_any_more_is_forgotten() -> None:
    downloads = Downloads(stall_s=2.0)
    downloads.ask(WANTED, now=0.0)
    downloads.tick(now=3.0)
    downloads.forget({})
    assert downloads.ask(WANTED, now=3.0) == {ANA: (PIECE,)}


def test_a_piece_that_nobody_holds_is_asked_of_nobody() -> None:
    assert Downloads(stall_s=2.0).ask({PIECE: ()}, now=0.0) == {}
