"""Promise: every piece has exactly one owner, and owners carry about equal cost."""

from hypothesis import given
from hypothesis import strategies as st

from shoal_swarm.protocol.names import NodeName
from shoal_swarm.protocol.pieces import OWNER_BYTES, PieceRun, owner_count, piece_costs, shares_of

PLANS = st.lists(
    st.builds(PieceRun, count=st.integers(1, 9), piece_bytes=st.integers(1, 4 << 20), cost=st.integers(1, 1000)),
    min_size=1,
    max_size=9,
)
NODES = [NodeName(f"node-{number}") for number in range(7)]


@given(PLANS, st.integers(1, 7))
def test_shares_cover_the_list_once_and_in_order(plan: list[PieceRun], nodes: int) -> None:
    shares = shares_of(plan, NODES[:nodes])
    covered = [index for share in shares for index in range(share.first, share.first + share.count)]
    assert covered == list(range(len(list(piece_costs(plan)))))
    assert all(share.count > 0 for share in shares)
    assert len({share.owner for share in shares}) == len(shares)


@given(PLANS, st.integers(1, 7))
def test_no_share_costs_more_than_its_part_and_one_piece(plan: list[PieceRun], nodes: int) -> None:
    costs = list(piece_costs(plan))
    shares = shares_of(plan, NODES[:nodes])
    fair = sum(costs) / len(shares)
    assert all(sum(share.cut_from(costs)) <= fair + 2 * max(costs) for share in shares)


def test_a_small_adapter_has_one_owner_and_a_large_one_has_every_node() -> None:
    assert owner_count(OWNER_BYTES - 1, pieces=24, nodes=5) == 1
    assert owner_count(3 * OWNER_BYTES, pieces=24, nodes=5) == 3
    assert owner_count(1000 * OWNER_BYTES, pieces=24, nodes=5) == 5
    assert owner_count(1000 * OWNER_BYTES, pieces=2, nodes=5) == 2
