"""Promise: what does not fit is refused with every difference named, and the first one decides what fits."""

import msgspec

from shoal_swarm.protocol.digests import digest_of
from shoal_swarm.protocol.joining import Fit, differences
from shoal_swarm.protocol.pieces import PieceRun

FIT = Fit(
    adapter_shape=digest_of(b"r=8"),
    base_model=digest_of(b"bert"),
    tokenizer=digest_of(b"cased"),
    labels=digest_of(b"five stars"),
    pieces=(PieceRun(count=24, piece_bytes=49152, cost=1),),
)


def test_the_first_one_fits_whatever_it_brings() -> None:
    assert differences(None, FIT) == ()


def test_the_same_fits() -> None:
    assert differences(FIT, FIT) == ()
    assert (FIT.piece_count, FIT.total_bytes) == (24, 24 * 49152)


def test_every_difference_is_a_sentence_with_both_values_and_a_remedy() -> None:
    other = msgspec.structs.replace(
        FIT, labels=digest_of(b"four stars"), pieces=(PieceRun(count=1, piece_bytes=1, cost=1),) * 2
    )
    labels, pieces = differences(FIT, other)
    assert labels.startswith("labels ")
    assert digest_of(b"four stars").hex()[:12] in labels
    assert FIT.labels.hex()[:12] in labels
    assert labels.endswith("in the task's order.")
    assert "2 runs" in pieces
