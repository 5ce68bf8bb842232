"""What a two-faced node says: well signed, and not what it said before."""

from typing import TYPE_CHECKING

import msgspec

from shoal_swarm.protocol.digests import list_root
from shoal_swarm.protocol.names import Digest
from shoal_swarm.protocol.round_messages import Contribution, FromNode, Held, Merged
from shoal_swarm.protocol.signed import sign_manifest, sign_result

if TYPE_CHECKING:
    from tests.simulation.node_host import NodeProcess


def forked(process: "NodeProcess", message: FromNode) -> FromNode:
    """The message itself, or a different one that its sender could have signed."""
    world = process.world
    if world.rng.random() < 0.5:
        return message
    sign = world.signer(process.host.name)
    if isinstance(message, Contribution):
        other = msgspec.structs.replace(message.signed.manifest, root=world.garbage().digest, examples=10**9)
        return msgspec.structs.replace(message, signed=sign_manifest(other, sign))
    if isinstance(message, Merged):
        result = message.signed.result
        pieces = tuple(world.garbage().digest for _ in result.pieces)
        root = list_root(pieces) if pieces else world.garbage().digest
        return msgspec.structs.replace(
            message, signed=sign_result(msgspec.structs.replace(result, root=root, pieces=pieces), sign)
        )
    if isinstance(message, Held):
        return msgspec.structs.replace(message, held=(*message.held, *_everything(process)))
    return message


def _everything(process: "NodeProcess") -> tuple[tuple[str, Digest], ...]:
    """Every result that this node has heard of, held or not."""
    return tuple(process.run.holder.results)
