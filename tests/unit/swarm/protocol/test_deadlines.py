"""Promise: stragglers are awaited as long as the swarm's own history makes plausible, and no longer."""

from shoal_swarm.protocol.deadlines import Timing, collect_deadline_s, hold_deadline_s, stretch, transfer_deadline_s

LAN = Timing.lan()


def test_nothing_is_late_while_nothing_was_seen() -> None:
    assert collect_deadline_s([], LAN) is None


def test_the_deadline_is_the_median_and_four_times_the_spread() -> None:
    assert collect_deadline_s([9.0, 10.0, 11.0, 10.0, 12.0], LAN) == 10.0 + 4 * 1.0


def test_an_even_swarm_still_gives_a_hiccup_its_slack() -> None:
    assert collect_deadline_s([10.0] * 16, LAN) == 10.0 + LAN.collect_floor_s


def test_one_very_slow_round_does_not_stretch_the_deadline_beyond_three_medians() -> None:
    assert collect_deadline_s([1.0, 10.0, 100.0, 1000.0], LAN) == 3 * 55.0


def test_later_attempts_wait_longer_but_not_for_ever() -> None:
    waits = [transfer_deadline_s(10_000_000, 4, attempt, LAN) for attempt in range(6)]
    assert waits == sorted(waits)
    assert waits[3] == waits[5]
    assert hold_deadline_s(0, 0, LAN) == LAN.hold_s
    assert stretch(100) == stretch(3)


def test_distance_only_lengthens() -> None:
    wan = Timing.wan()
    assert wan.lease_s > LAN.lease_s
    assert wan.gone_s == 2 * wan.lease_s
