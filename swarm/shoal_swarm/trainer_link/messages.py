"""What a trainer and its peer say to each other: the contract of the two halves of a node.

    trainer                                   peer
      Ready    what I train, and how it fits ──►     once on every connection, before anything else
      ◄── Begin    from this COMMIT, so many steps   again after every reconnection, as long as it is true
      Progress step, loss                    ──►     as often as it likes; only people look at it
      Offer    my adapter is in this file    ──►     at every sync point
      ◄── Taken    I have read that file
      ◄── GoOn     no sentinel answers: train on     then another Offer with the same base, or none
      Measured how good an adapter is        ──►     held-out metrics, before and after merges
      ◄── Finish   the run is over                   the newest COMMIT is the result
      Done     the result is written         ──►     then both may end
      ◄── Declined why this trainer cannot work here

Either side may die and come back at any moment. The peer remembers durably what it has frozen, the trainer what it
has offered: a trainer that hears Begin with a base from which it has offered already offers the same file again and
trains nothing twice; a peer that has an offer already, or has frozen one, says nothing until the next COMMIT.

Tensors never travel on the socket. Whoever has some writes a file beside its final name, renames it and then names it,
with its digest (`tensors`). A file belongs to whoever wrote it: a trainer may delete an offer when it hears the next
Begin with a newer base, a peer its own files when it says the next Begin.

A trainer is a command that the node's supervisor starts, and starts again when it dies:

    shoal train --task TASK --profile PROFILE --node NAME --link FOLDER      in a swarm, with its peer at FOLDER
    shoal train --task TASK --profile PROFILE --node NAME --out DIR --alone  the node's own data, no peer, as many steps
    shoal train --task TASK --profile PROFILE --out DIR --pooled             the data of all nodes of the profile

Its result is in the profile's `output` of that node (or in --out DIR): `adapter/`, and `metrics.json` with the
held-out metrics by round, the newest under "final".

Pairs are effective: the scaling of LoRA is folded into B. Everything is float32, whatever a trainer computes in.
"""

from typing import Annotated, Final, TypeAlias

import msgspec

LINK_VERSION: Final = 1
"""Changes with every change of these messages that the other side could misunderstand."""
MESSAGE_BYTES_MAX: Final = 4 << 20
TEXT_CHARACTERS_MAX: Final = 4096
METRICS_MAX: Final = 64
NAME_CHARACTERS_MAX: Final = 64

Text: TypeAlias = Annotated[str, msgspec.Meta(max_length=TEXT_CHARACTERS_MAX)]
Digest: TypeAlias = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=1 << 62)]
Metric: TypeAlias = Annotated[str, msgspec.Meta(max_length=NAME_CHARACTERS_MAX)]
Metrics: TypeAlias = Annotated[dict[Metric, float], msgspec.Meta(max_length=METRICS_MAX)]
"""Named numbers, such as accuracy and loss."""


class TensorFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file in the folder of the link."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9.-]{0,99}$")]
    """Below the folder, never elsewhere."""
    digest: Digest
    """BLAKE3 of the file."""


class _Message(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="says", tag=str.lower):
    """Whatever is said carries its name."""


class Ready(_Message, frozen=True):
    """The trainer introduces itself: what it trains must fit what the swarm trains."""

    version: int
    config: Digest
    """Hash of the run configuration that it compiled from its task."""
    adapter: bytes
    """`AdapterSpec.to_bytes()`."""
    base_model: Digest
    tokenizer: Digest
    labels: Digest
    examples: Count
    """How many examples it has, which is what its contributions weigh unless an Offer says otherwise."""


class Begin(_Message, frozen=True):
    """Train `steps` steps from the COMMIT of round `base`, then offer; from -1: offer the first adapter at once.

    The first adapter follows from the task's seed alone, so it does not matter whose is taken.
    """

    base: int
    steps: Count
    """Steps to the next sync point, as long as the task has so many left; 0 in round -1."""
    last: bool
    """Whether the contribution after these steps goes into the last round."""
    merged: TensorFile | None
    """The shared adapter as committed, the same bytes on every node; None before round 0."""
    start: TensorFile | None
    """What to train from: `merged`, with this node's own late work folded in where it has some."""


class Progress(_Message, frozen=True):
    """How far the trainer is; for people."""

    base: int
    step: Count
    """Steps since the COMMIT."""
    steps: Count
    loss: float | None = None


class Offer(_Message, frozen=True):
    """The trainer is at a sync point, and this is its adapter; work that is offered need not be taken."""

    base: int
    file: TensorFile
    examples: Count
    """How much it weighs."""
    steps: Count
    """Steps since the COMMIT; all of them, also after GoOn."""
    metrics: Metrics = {}


class Taken(_Message, frozen=True):
    """The offer in this file was read, found to fit and cut into pieces."""

    base: int
    digest: Digest


class GoOn(_Message, frozen=True):
    """No sentinel answers: go on to so many steps since the COMMIT, offer again, and wait."""

    base: int
    steps: Count


class Measured(_Message, frozen=True):
    """Metrics on held-out data of one adapter that the trainer had in its hands."""

    round: int
    """The COMMIT that it is, or was trained from."""
    is_merged: bool
    """Whether it is the COMMIT itself, or this node's own work on top of it."""
    metrics: Metrics


class Finish(_Message, frozen=True):
    """The run is over: write the result."""

    round: int
    merged: TensorFile
    ledger: TensorFile
    """The ledger as lines of JSON, for the folder of the result."""


class Done(_Message, frozen=True):
    """The result is written, and its metrics were said."""


class Declined(_Message, frozen=True):
    """The peer cannot work with this trainer or this offer; the trainer ends with the sentence."""

    sentence: Text


FromTrainer: TypeAlias = Ready | Progress | Offer | Measured | Done
FromPeer: TypeAlias = Begin | Taken | GoOn | Finish | Declined
