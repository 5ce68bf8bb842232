"""Promise: the record of a hundred nodes with long names stays under its bound, and so does its every write."""

import pytest

from shoal_base.errors import PeerRefused
from shoal_swarm.protocol.decisions import Admitted, Contributor, Created, CutMade, Decision, Opened, Participant
from shoal_swarm.protocol.digests import digest_of
from shoal_swarm.protocol.ledger import LedgerEntry, head_of, sealed
from shoal_swarm.protocol.names import NO_DIGEST, NodeName
from shoal_swarm.protocol.pieces import PieceRun, shares_of
from shoal_swarm.protocol.record import RECORD_BYTES_MAX, folded, record_bytes, record_from
from shoal_swarm.protocol.signed import Manifest, SignedManifest
from tests.unit.swarm.protocol.keys import sign
from tests.unit.swarm.protocol.swarm import CONFIG, FIT, RUN

NAMES = [NodeName(f"hospital-of-a-very-large-city-{number:03}") for number in range(100)]
WHOLE_MODEL = tuple(PieceRun(count=1 + index % 3, piece_bytes=4 << 20, cost=4 << 20) for index in range(300))


def _contributor(name: NodeName) -> Contributor:
    manifest = Manifest(
        run=RUN, node=name, round=0, root=digest_of(name.encode()), base=-1, base_chain=NO_DIGEST, examples=123456
    )
    return Contributor(signed=SignedManifest(manifest=manifest, signature=bytes(64)), weight=0.010101010101010102)


def test_a_hundred_nodes_and_a_whole_model_fit_into_the_record() -> None:
    fit = type(FIT)(
        adapter_shape=FIT.adapter_shape,
        base_model=FIT.base_model,
        tokenizer=FIT.tokenizer,
        labels=FIT.labels,
        pieces=WHOLE_MODEL,
    )
    decisions: list[Decision] = [Created(run=RUN, config_hash=CONFIG)]
    decisions += [Admitted(node=name, fit=fit) for name in NAMES]
    decisions.append(
        Opened(
            round=0,
            attempt=0,
            participants=tuple(
                Participant(node=name, incarnation=12, address=f"{name}.example.org:30306") for name in NAMES
            ),
            expected=tuple(NAMES),
            shares=shares_of(WHOLE_MODEL, NAMES),
            ready_s=(123.456789012345,) * 16,
        )
    )
    decisions.append(CutMade(round=0, attempt=0, contributors=tuple(_contributor(name) for name in NAMES)))
    entries: list[LedgerEntry] = []
    for decision in decisions:
        entries.append(sealed(decision, len(entries), head_of(entries), sign))
    record = folded(entries)
    assert record is not None
    assert len(record.shares) == 100
    assert len(record_bytes(record)) <= RECORD_BYTES_MAX
    assert record_from(record_bytes(record)) == record


def test_a_record_that_cannot_be_read_says_where_to_find_it_again() -> None:
    with pytest.raises(PeerRefused, match="Rebuild it from the ledger"):
        record_from(b"damaged")
