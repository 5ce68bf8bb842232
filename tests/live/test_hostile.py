"""Promise: what can't be merged is refused with its sender's name, and the round goes on without it."""

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.live.hostile import KINDS, TWO_FACES
from tests.live.swarm import READY, Swarm, swarm

RUN = ("--run", "demo", "--synthetic", "300K", "--rounds", "2", "--min-nodes", "2")
DETAILED = ("no numbers", "a piece too few")
"""One kind that shows in the numbers and one that shows in the list; the others take the same two ways."""

WRECKED_BY = ("a piece too few",)
"""What the culprit can't fold in itself once it is late, so it may be gone before it hears."""


@pytest.mark.parametrize(
    "kind", [kind if kind in DETAILED else pytest.param(kind, marks=pytest.mark.full) for kind in KINDS]
)
def test_the_round_goes_on_without_it(kind: str, tmp_path: Path) -> None:
    with swarm(tmp_path, 3, *RUN) as one:
        sentinel = one.sentinel()
        address = sentinel.wait_for(READY)[1]
        honest = [one.peer(number, address) for number in (1, 2)]
        one.instead["node-3"] = [sys.executable, "-m", "tests.live.hostile", kind]
        culprit = one.peer(3, address)
        assert [peer.wait() for peer in honest] == [0, 0], "\n".join(peer.story() for peer in honest)
        adapters = [peer.adapters() for peer in honest]
        assert adapters[0].keys() == {0, 1, 2}
        assert adapters[0] == adapters[1]
        member = next(each for each in _members(one) if each["node"] == "node-3")
        assert re.match(r"round \d, by node-\d: ", member["refused"] or "")
        assert re.search("refuses the contribution of node-3 to round 1: .*goes on without it", sentinel.story())
        if kind not in WRECKED_BY:
            assert "refuses this node's contribution to round 1" in culprit.story()


def test_who_signs_two_contributions_to_a_round_is_named_and_in_none(tmp_path: Path) -> None:
    with swarm(tmp_path, 3, *RUN) as one:
        sentinel = one.sentinel()
        address = sentinel.wait_for(READY)[1]
        honest = [one.peer(number, address) for number in (1, 2)]
        one.instead["node-3"] = [sys.executable, "-m", "tests.live.hostile", TWO_FACES]
        one.peer(3, address)
        assert [peer.wait() for peer in honest] == [0, 0], "\n".join(peer.story() for peer in honest)
        assert honest[0].adapters().keys() == {0, 1, 2}
        assert honest[0].adapters() == honest[1].adapters()
        assert re.search("node-3 signed two contributions to round", sentinel.story())
        member = next(each for each in _members(one) if each["node"] == "node-3")
        assert len(set(member["two_faced"])) == 2


def _members(one: Swarm) -> list[dict[str, Any]]:
    members: list[dict[str, Any]] = one.ask("status")["sentinels"][0]["runs"][0]["members"]
    return members
