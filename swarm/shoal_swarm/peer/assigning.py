"""What a contributor is asked for, with all that the order needs from the books and the ledger."""

from shoal_swarm.peer.contributing import Assignment
from shoal_swarm.peer.late import Late
from shoal_swarm.protocol.peer.effects import Train
from shoal_swarm.protocol.peer.knowledge import Knowledge


def assignment(knowledge: Knowledge, order: Train) -> Assignment:
    """The core's order, with the pieces of the late work that is to be folded in and of what that was trained from."""
    late: list[Late] = []
    for fold in order.folds:
        own = next(kept for kept in knowledge.books.carried if kept.root == fold.root)
        old = knowledge.pieces_of_commit(knowledge.commits[fold.base])
        assert old is not None, "what contributions are folded against is kept here"
        late.append(Late(own.pieces, old, fold.age))
    return Assignment(
        base=order.base,
        pieces=order.pieces,
        steps=order.steps,
        late=late,
        spoken_for=order.spoken_for,
        is_last=order.base + 1 == knowledge.rules.rounds,
    )
