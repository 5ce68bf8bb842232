"""Learning: the half of a node that holds data and a model, and has neither keys nor network.

    from shoal_node import SwarmCallback, newest_checkpoint

is all that a script of one's own needs. These are imported when they are asked for; whoever only starts others does not
pay for torch.
"""

from typing import TYPE_CHECKING, Any

from shoal_node.rounds.checkpoints import newest_checkpoint

if TYPE_CHECKING:
    from shoal_node.rounds.callback import SwarmCallback

__all__ = ["SwarmCallback", "newest_checkpoint"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever is asked for
    if name == "SwarmCallback":
        from shoal_node.rounds.callback import SwarmCallback  # noqa: PLC0415 - imports torch

        return SwarmCallback
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
