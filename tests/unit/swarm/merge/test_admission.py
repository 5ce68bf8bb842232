"""A contribution that does not fit is refused by type, in a sentence that names the tensor and what to do."""

from collections.abc import Callable

import numpy as np
import pytest

from shoal_swarm.merge import Adapter, AdapterSpec, DenseSpec, ModuleSpec, Pair, admit
from shoal_swarm.merge.refusals import (
    ContributionRefused,
    DtypeWrong,
    OutOfRange,
    RankWrong,
    ShapeWrong,
    TensorMissing,
    TensorUnknown,
)

SPEC = AdapterSpec.of([ModuleSpec("q", 6, 5, 2), ModuleSpec("v", 6, 5, 2)], [DenseSpec("bias", (3,))])
Tensors = dict[str, dict[str, object]]


def _pair(rows: int = 6, columns: int = 5, rank: int = 2, dtype: type = np.float32) -> Pair:
    return Pair(np.ones((rows, rank), dtype), np.ones((rank, columns), dtype))


def _tensors() -> Tensors:
    return {"pairs": {"q": _pair(), "v": _pair()}, "dense": {"bias": np.zeros(3, np.float32)}}


def _with(part: str, name: str, value: object) -> Callable[[Tensors], None]:
    def change(tensors: Tensors) -> None:
        tensors[part][name] = value

    return change


def _without(part: str, name: str) -> Callable[[Tensors], None]:
    def change(tensors: Tensors) -> None:
        del tensors[part][name]

    return change


def _admit(tensors: Tensors, *, mixed_ranks: bool = False) -> None:
    admit(Adapter(tensors["pairs"], tensors["dense"]), SPEC, mixed_ranks=mixed_ranks)  # type: ignore[arg-type]


nan_b = Pair(np.array([[1, 1]] * 5 + [[1, np.nan]], np.float32), np.ones((2, 5), np.float32))
huge_a = Pair(np.ones((6, 2), np.float32), np.full((2, 5), -3e38, np.float32))


@pytest.mark.parametrize(
    ("change", "refusal", "sentence"),
    [
        (_without("pairs", "v"), TensorMissing, "v is missing: every module"),
        (_without("dense", "bias"), TensorMissing, "bias is missing: every dense tensor"),
        (_with("pairs", "k", _pair()), TensorUnknown, "k is no module"),
        (_with("dense", "q", np.zeros(3, np.float32)), TensorUnknown, "q is no dense tensor"),
        (_with("pairs", "q", np.zeros(3, np.float32)), DtypeWrong, "q is a ndarray: a module needs a pair"),
        (_with("pairs", "q", _pair(dtype=np.float64)), DtypeWrong, r"q \(B\) is float64"),
        (_with("dense", "bias", np.zeros(3, ">f4")), DtypeWrong, "bias is >f4"),
        (_with("dense", "bias", [0.0, 0.0, 0.0]), DtypeWrong, "bias is list"),
        (_with("pairs", "q", _pair(rows=7)), ShapeWrong, "q changes a weight of 7 by 5: the run has a pair for 6 by 5"),
        (
            _with("pairs", "q", Pair(_pair().b, _pair(rank=1).a)),
            ShapeWrong,
            r"q has B of shape \[6, 2\] and A of",
        ),
        (_with("pairs", "q", Pair(np.ones(6, np.float32), _pair().a)), ShapeWrong, "which have no product"),
        (_with("dense", "bias", np.zeros((3, 1), np.float32)), ShapeWrong, r"bias has shape \[3, 1\]"),
        (_with("pairs", "q", _pair(rank=3)), RankWrong, "q has rank 3: the run has room for 1 to 2"),
        (_with("pairs", "q", _pair(rank=0)), RankWrong, "q has rank 0"),
        (_with("pairs", "q", _pair(rank=1)), RankWrong, "q has rank 1: all nodes of this run have 2"),
        (_with("pairs", "q", nan_b), OutOfRange, r"q \(B\) holds nan at \[5, 1\]"),
        (_with("pairs", "q", huge_a), OutOfRange, r"q \(A\) holds -3.* at \[0, 0\]"),
        (_with("dense", "bias", np.array([0, np.inf, 0], np.float32)), OutOfRange, r"bias holds inf at \[1\]"),
        (_with("dense", "bias", np.array([0, 0, -65536], np.float32)), OutOfRange, "below 6.55e\\+04"),
    ],
)
def test_a_misfit_is_refused(
    change: Callable[[Tensors], None], refusal: type[ContributionRefused], sentence: str
) -> None:
    tensors = _tensors()
    _admit(tensors)
    change(tensors)
    with pytest.raises(refusal, match=sentence) as caught:
        _admit(tensors)
    assert type(caught.value) is refusal
    assert str(caught.value).startswith(caught.value.tensor)
    assert caught.value.facts()["tensor"] == caught.value.tensor


def test_fewer_directions_are_admitted_where_ranks_are_mixed() -> None:
    tensors = _tensors()
    tensors["pairs"]["q"] = _pair(rank=1)
    _admit(tensors, mixed_ranks=True)


def test_what_has_no_names_is_refused() -> None:
    with pytest.raises(ContributionRefused, match="A list names no modules"):
        admit(Adapter([_pair()], {}), SPEC)  # type: ignore[arg-type]
