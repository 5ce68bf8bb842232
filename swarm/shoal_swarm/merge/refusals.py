"""What the merge turns away, and whose matter it is.

    PeerRefused
    └── MergeRefused              something that was brought to a merge
        ├── SpecRefused           a description of an adapter that cannot be one
        ├── ContributionRefused   a contribution that does not fit the description; names the tensor
        │   ├── TensorMissing     the description has it, the contribution does not
        │   ├── TensorUnknown     the contribution has it, the description does not
        │   ├── ShapeWrong        not the agreed numbers of rows and columns
        │   ├── DtypeWrong        not a float32 array
        │   ├── RankWrong         more directions than agreed, or fewer where all must have the same
        │   └── OutOfRange        a NaN, an infinity or a number too large to merge
        ├── PayloadRefused        bytes that are no encoded tensor
        ├── WeightsRefused        weights that give no mean
        └── ResultTooLarge        a merged value that is too large to travel
    InputRefused
    └── PlanRefused               rules that do not go together; found before any round

Every message is a sentence with the value, the rule and the next step.
"""

from shoal_base.errors import InputRefused, PeerRefused


class MergeRefused(PeerRefused):
    """Something that was brought to a merge is turned away."""


class SpecRefused(MergeRefused):
    """A description of an adapter that cannot be one."""


class ContributionRefused(MergeRefused):
    """A contribution does not fit the description that the swarm agreed on."""

    def __init__(self, tensor: str, sentence: str) -> None:
        super().__init__(sentence)
        self.tensor = tensor

    def facts(self) -> dict[str, object]:
        """The tensor by name, beside the sentence."""
        return {**super().facts(), "tensor": self.tensor}


class TensorMissing(ContributionRefused):
    """The description has this tensor, the contribution does not."""


class TensorUnknown(ContributionRefused):
    """The contribution has this tensor, the description does not."""


class ShapeWrong(ContributionRefused):
    """A tensor has other dimensions than agreed."""


class DtypeWrong(ContributionRefused):
    """A tensor is no float32 array."""


class RankWrong(ContributionRefused):
    """A pair has more directions than agreed, or fewer where all must have the same."""


class OutOfRange(ContributionRefused):
    """A tensor holds a NaN, an infinity or a number too large to merge."""


class PayloadRefused(MergeRefused):
    """Bytes that are no encoded tensor."""


class WeightsRefused(MergeRefused):
    """Weights that give no mean."""


class ResultTooLarge(MergeRefused):
    """A merged value is too large to travel."""


class PlanRefused(InputRefused):
    """Rules that do not go together."""
