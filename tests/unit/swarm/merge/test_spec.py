"""A description of an adapter has one spelling and one hash, cannot be absurd, and explains how another differs."""

import pytest

from shoal_swarm.merge import AdapterSpec, DenseSpec, ModuleSpec, differences
from shoal_swarm.merge.refusals import SpecRefused

SPEC = AdapterSpec.of([ModuleSpec("v", 5, 40, 3), ModuleSpec("q", 12, 7, 3)], [DenseSpec("head", (5, 70))])
SPELLING = (
    b'{"shoal":"adapter/v1","modules":[{"name":"q","rows":12,"columns":7,"rank":3},'
    b'{"name":"v","rows":5,"columns":40,"rank":3}],"dense":[{"name":"head","shape":[5,70]}]}'
)
DIGEST = "418cf8cf774faa2676e757d50a1a993998849de2b2bab7ba24ec489c59a25dfb"


def test_the_spelling_and_the_hash_are_fixed() -> None:
    assert SPEC.to_bytes() == SPELLING
    assert SPEC.digest().hex() == DIGEST
    assert AdapterSpec.from_bytes(SPELLING) == SPEC


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (b'"rank":3', b'"rank": 3', "another spelling"),
        (b'"rank":3', b'"rank":"3"', "describe no adapter"),
        (b'"rank":3', b'"rank":3,"bias":1', "describe no adapter"),
        (b'"rank":3', b'"rank":0', "q has 0 as its rank"),
        (b'"rows":12', b'"rows":4294967296', "q has 4294967296 as its rows"),
        (b'"name":"q"', b'"name":"w"', "not in order"),
        (b'"name":"q"', b'"name":"v"', "v is described twice"),
        (b'"name":"head"', b'"name":"q"', "q is described twice"),
        (b'"name":"q"', b'"name":""', "'' cannot name a tensor"),
        (b'"name":"q"', b'"name":"q\\u0000"', "cannot name a tensor"),
        (b'"name":"q"', b'"name":"' + b"q" * 513 + b'"', "1 to 512 printable"),
        (b"[5,70]", b"[5,-1]", "head has -1"),
        (b"[5,70]", b"[1,1,1,1,1,1,1,1,1]", "head has 9 dimensions"),
        (b"adapter/v1", b"adapter/v2", "describe no adapter"),
        (b'"q"', b'"\xff"', "describe no adapter"),
    ],
)
def test_an_absurd_description_is_refused(old: bytes, new: bytes, sentence: str) -> None:
    with pytest.raises(SpecRefused, match=sentence):
        AdapterSpec.from_bytes(SPELLING.replace(old, new, 1))


def test_an_adapter_without_tensors_is_refused() -> None:
    with pytest.raises(SpecRefused, match="no tensors"):
        AdapterSpec.of()


def test_differences_are_told_one_by_one() -> None:
    offered = AdapterSpec.of([ModuleSpec("q", 12, 7, 8), ModuleSpec("k", 5, 5, 3)], [DenseSpec("head", (5, 70))])
    assert differences(SPEC, SPEC) == ()
    assert differences(SPEC, offered) == (
        "k (a pair for 5 by 5 at rank 3) is not part of the run.",
        "q is a pair for 12 by 7 at rank 8: the run has a pair for 12 by 7 at rank 3.",
        "v is missing: the run has a pair for 5 by 40 at rank 3.",
    )
