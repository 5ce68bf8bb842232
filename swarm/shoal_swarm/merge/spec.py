"""What the adapters of one run look like: names, shapes and ranks, with one encoding and one hash.

All nodes of a run hold the same description; its hash travels when they join, and whoever comes with
another one gets the list of differences. Values are float32 throughout: in which precision a node trains
is its own business, so that a node with a GPU and one without can swim together.
"""

from collections.abc import Iterable, Mapping

import blake3
import msgspec

from shoal_swarm.merge.refusals import SpecRefused

NAME_CHARACTERS_MAX = 512
"""Real names are below 100 characters; the bound keeps a hostile description small."""

DIMENSION_MAX = 1 << 31
DIMENSIONS_MAX = 8
DIGEST_CONTEXT = "shoal merge adapter spec v1"


def _named(name: str) -> None:
    if not 0 < len(name) <= NAME_CHARACTERS_MAX or not name.isprintable():
        raise SpecRefused(
            f"{name[:80]!r} cannot name a tensor: a name has 1 to {NAME_CHARACTERS_MAX} printable characters."
        )


def _dimension(tensor: str, what: str, size: int) -> None:
    if not 1 <= size <= DIMENSION_MAX:
        raise SpecRefused(
            f"{tensor} has {size} as its {what}: it must be between 1 and {DIMENSION_MAX}. Describe the adapter anew."
        )


class ModuleSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One LoRA site: its weight has `rows` times `columns` entries, its change at most `rank` directions."""

    name: str
    rows: int
    columns: int
    rank: int

    def __post_init__(self) -> None:
        _named(self.name)
        for what, size in (("rows", self.rows), ("columns", self.columns), ("rank", self.rank)):
            _dimension(self.name, what, size)

    def words(self) -> str:
        """The shape as a person reads it."""
        return f"a pair for {self.rows} by {self.columns} at rank {self.rank}"


class DenseSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tensor that is trained whole."""

    name: str
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        _named(self.name)
        if len(self.shape) > DIMENSIONS_MAX:
            raise SpecRefused(f"{self.name} has {len(self.shape)} dimensions: at most {DIMENSIONS_MAX} are allowed.")
        for size in self.shape:
            _dimension(self.name, "size of a dimension", size)

    def words(self) -> str:
        """The shape as a person reads it."""
        return f"dense of shape {list(self.shape)}"


class AdapterSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="adapter/v1", tag_field="shoal"):
    """Every tensor of a run's adapters; make one with `AdapterSpec.of`, which puts the names in order."""

    modules: tuple[ModuleSpec, ...]
    dense: tuple[DenseSpec, ...]

    def __post_init__(self) -> None:
        names = [*(module.name for module in self.modules), *(tensor.name for tensor in self.dense)]
        if not names:
            raise SpecRefused("This adapter has no tensors: there is nothing to train. Name at least one module.")
        modules, dense = names[: len(self.modules)], names[len(self.modules) :]
        if modules != sorted(modules) or dense != sorted(dense):
            raise SpecRefused("The tensors of this description are not in order of their names: sort them.")
        if len(set(names)) != len(names):
            twice = next(name for name in sorted(names) if names.count(name) > 1)
            raise SpecRefused(f"{twice} is described twice: every tensor has one name of its own.")

    @staticmethod
    def of(modules: Iterable[ModuleSpec] = (), dense: Iterable[DenseSpec] = ()) -> "AdapterSpec":
        """The description of these tensors, whatever order they come in."""
        return AdapterSpec(
            tuple(sorted(modules, key=lambda module: module.name)), tuple(sorted(dense, key=lambda tensor: tensor.name))
        )

    @staticmethod
    def from_bytes(data: bytes) -> "AdapterSpec":
        """Read what `to_bytes` wrote; any other spelling of the same description is refused."""
        try:
            spec = msgspec.json.decode(data, type=AdapterSpec)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise SpecRefused(f"These {len(data)} bytes describe no adapter: {error}.") from error
        if spec.to_bytes() != data:
            raise SpecRefused(f"These {len(data)} bytes describe an adapter in another spelling than the agreed one.")
        return spec

    def to_bytes(self) -> bytes:
        """The one encoding."""
        return msgspec.json.encode(self)

    def digest(self) -> bytes:
        """32 bytes that stand for the description."""
        return blake3.blake3(self.to_bytes(), derive_key_context=DIGEST_CONTEXT).digest()


def _by_name(spec: AdapterSpec) -> Mapping[str, ModuleSpec | DenseSpec]:
    tensors: tuple[ModuleSpec | DenseSpec, ...] = (*spec.modules, *spec.dense)
    return {tensor.name: tensor for tensor in tensors}


def differences(agreed: AdapterSpec, offered: AdapterSpec) -> tuple[str, ...]:
    """What a node would have to change to fit: a sentence for each tensor, none when the two are equal."""
    ours, theirs = _by_name(agreed), _by_name(offered)
    sentences = []
    for name in sorted(ours.keys() | theirs.keys()):
        if name not in theirs:
            sentences.append(f"{name} is missing: the run has {ours[name].words()}.")
        elif name not in ours:
            sentences.append(f"{name} ({theirs[name].words()}) is not part of the run.")
        elif ours[name] != theirs[name]:
            sentences.append(f"{name} is {theirs[name].words()}: the run has {ours[name].words()}.")
    return tuple(sentences)
