"""A task: what is to be learned, by how many, and how the work is put together, and nothing of anybody's disks."""

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from shoal_swarm.merge.plan import Plan
from shoal_swarm.spec.located import Section, read_model
from shoal_swarm.spec.words import NODES_MAX, ROUNDS_MAX, STEPS_MAX, WEIGHT_MAX, ModelName, Name, Word

KIND = "task/v1"
Metric: TypeAlias = Literal["accuracy", "f1", "loss"]
SYNC_EVERY = 16
LABELS_MAX = 1000
LabelCount: TypeAlias = Annotated[int, Field(ge=2, le=LABELS_MAX)]
LabelWords: TypeAlias = Annotated[tuple[Word, ...], Field(min_length=2, max_length=LABELS_MAX)]


class ModelWanted(Section):
    """The base model, which every host brings by itself."""

    name: ModelName
    revision: Annotated[str, Field(pattern=r"^(?:[0-9a-f]{40}|local)$")] = "local"
    """40 hex digits of a commit, or `local` for whatever lies in the profile's folder."""
    labels: LabelCount | LabelWords
    """How many classes, whose labels are numbers, or the labels themselves in the order of their classes."""
    quantization: Literal["none"] = "none"


class Lora(Section):
    """The shape of the adapter."""

    r: Annotated[int, Field(ge=1, le=1024)] = 8
    alpha: Annotated[float, Field(gt=0, le=65536)] = 32
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    targets: Literal["auto"] | Annotated[tuple[Word, ...], Field(min_length=1, max_length=64)] = "auto"
    """Names of the modules that get a pair; `auto` takes the attention's."""
    bias: Literal["none"] = "none"


class DataWanted(Section):
    """Which data, by the names that profiles map to files."""

    dataset: Name
    text: Word = "text"
    """The column with the text."""
    label: Word = "label"
    """The column with the label."""
    first_label: Literal[0, 1] = 0
    """The smallest label, where labels are numbers: stars begin with 1."""


class Train(Section):
    """How a node learns."""

    learning_rate: Annotated[float, Field(gt=0, le=1)] = 2e-4
    batch_size: Annotated[int, Field(ge=1, le=65536)] = 32
    epochs: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Passes over the node's own data, divided over `swarm.rounds`."""
    max_steps: Annotated[int, Field(ge=1, le=STEPS_MAX)] | None = None
    """Steps in all, the same on every node; a round is `swarm.sync_every` of them and the last may be shorter."""
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    seed: Annotated[int, Field(ge=0, lt=1 << 31)] = 42
    max_length: Annotated[int, Field(ge=8, le=8192)] = 128
    """Tokens of a text that are read."""
    schedule: Literal["linear", "constant", "cosine"] = "linear"
    warmup_steps: Annotated[int, Field(ge=0, le=STEPS_MAX)] = 0
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.0


class Merge(Section):
    """How the work of several becomes one."""

    weigh: Literal["mean"] = "mean"
    combine: Literal["exact", "factor-mean"] = "exact"
    dense: Literal["mean"] = "mean"


class SwarmWanted(Section):
    """Who has to be there, and how often they meet."""

    nodes: Annotated[int, Field(ge=1, le=NODES_MAX)] = 3
    min_nodes: Annotated[int, Field(ge=1, le=NODES_MAX)] | None = None
    """Fewest contributors to a round; unsaid, 2, or 1 for a swarm of one."""
    sync_every: Annotated[int, Field(ge=1, le=STEPS_MAX)] | None = None
    """Steps from one round to the next; 16 unless said otherwise."""
    rounds: Annotated[int, Field(ge=1, le=ROUNDS_MAX)] | None = None
    """Rounds over which `train.epochs` are divided."""
    deadline: Literal["adaptive", "wait"] = "adaptive"
    """`adaptive` goes on without stragglers after a while; `wait` never goes on without anybody, so that a run ends
    with the same bytes whatever happened on the way."""
    weight_max: Annotated[int, Field(ge=1, le=WEIGHT_MAX)] = WEIGHT_MAX
    """A node's weight is its number of examples, and no more than this, whatever it claims."""
    merge: Merge = Merge()
    codec: Literal["fp32", "fp16", "int8"] = "int8"

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        Plan.named(weigh=self.merge.weigh, combine=self.merge.combine, dense=self.merge.dense, codec=self.codec)
        if self.min_nodes is not None and self.min_nodes > self.nodes:
            raise ValueError(f"min_nodes: {self.min_nodes} is more than nodes: {self.nodes}. Lower it.")
        if self.deadline == "wait" and self.min_nodes not in (None, self.nodes):
            raise ValueError(
                f"deadline: wait never goes on with min_nodes: {self.min_nodes} of {self.nodes}. Leave min_nodes out."
            )
        return self


class Evaluate(Section):
    """On what, and how, an adapter is measured."""

    dataset: Name
    metrics: Annotated[tuple[Metric, ...], Field(min_length=1, max_length=3)] = ("accuracy",)
    select: Metric = "accuracy"
    """The metric by which people compare."""

    @model_validator(mode="after")
    def _selects_what_is_measured(self) -> Self:
        if self.select not in self.metrics:
            raise ValueError(f"select: {self.select} is not among metrics: {', '.join(self.metrics)}. Add it.")
        return self


class Task(Section):
    """What a swarm is asked to learn."""

    shoal: Literal["task/v1"] = "task/v1"
    name: Name
    recipe: Literal["text-classification"] = "text-classification"
    model: ModelWanted
    lora: Lora = Lora()
    data: DataWanted
    train: Train
    swarm: SwarmWanted = SwarmWanted()
    evaluate: Evaluate

    @model_validator(mode="after")
    def _has_one_length(self) -> Self:
        train, swarm = self.train, self.swarm
        if (train.epochs is None) == (train.max_steps is None):
            raise ValueError("train needs one of epochs and max_steps, and not both. Choose one.")
        if train.epochs is not None and swarm.rounds is None:
            raise ValueError(
                "train.epochs needs swarm.rounds: nodes with different amounts of data take different numbers of "
                "steps, and rounds are what they have in common."
            )
        if train.epochs is not None and swarm.sync_every is not None:
            raise ValueError("train.epochs are divided over swarm.rounds, and swarm.sync_every has no say. Drop it.")
        if train.max_steps is not None and swarm.rounds is not None:
            raise ValueError("swarm.rounds follows from train.max_steps and swarm.sync_every. Leave it out.")
        return self

    @property
    def label_names(self) -> tuple[str, ...]:
        """Every label as text, in the order of its class; what data files and predictions say."""
        labels = self.model.labels
        if isinstance(labels, int):
            return tuple(str(self.data.first_label + index) for index in range(labels))
        return labels

    @property
    def sync_every(self) -> int:
        """Steps of a round, where rounds are counted in steps."""
        return self.swarm.sync_every or SYNC_EVERY

    @property
    def rounds(self) -> int:
        """Rounds of work, not counting round 0, which publishes the adapter that all start from."""
        if self.train.max_steps is None:
            assert self.swarm.rounds is not None, "epochs come with rounds"
            return self.swarm.rounds
        return -(-self.train.max_steps // self.sync_every)


def read_task(content: bytes, source: str) -> Task:
    """The task in a file."""
    return read_model(content, source, Task, KIND)
