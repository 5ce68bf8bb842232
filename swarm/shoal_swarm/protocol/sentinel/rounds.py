"""When a round opens, is cut, is committed or is tried again: the sentinel's state table.

    COMMITTED ─► OPEN    everybody alive is ready, or stragglers had their time and a quorum is ready
    OPEN      ─► CUT     everybody alive is complete at every owner or refused, or time is up and a quorum is
    CUT       ─► COMMITTED  every result lies durably on enough nodes
    OPEN, CUT ─► OPEN    an owner is gone or stuck: the same round, the same frozen contributions, other owners

Only COMMITTED is irrevocable. Giving up an attempt costs time and nothing else, because nobody has applied
anything and every contribution is still frozen on its node. Below quorum nothing is given up: the round
stays open until enough nodes are back.
"""

from typing import TYPE_CHECKING, Final

from shoal_swarm.protocol.deadlines import READY_SAMPLES, collect_deadline_s, hold_deadline_s, transfer_deadline_s
from shoal_swarm.protocol.decisions import (
    Committed,
    Contributor,
    CutMade,
    Decision,
    Ended,
    Opened,
    Participant,
    ShareCommitted,
)
from shoal_swarm.protocol.names import NodeName
from shoal_swarm.protocol.pieces import shares_of
from shoal_swarm.protocol.record import Phase, commit_chain
from shoal_swarm.protocol.table import Row, Table
from shoal_swarm.protocol.weighing import counts_of

if TYPE_CHECKING:
    from shoal_swarm.protocol.sentinel.run import SentinelRun

STRIKES_ROUNDS: Final = 4
"""Every so many rounds each owner that held up attempts is forgiven one; those with the fewest strikes merge."""
TOGETHER_ATTEMPTS: Final = 3
"""So often blame picks the owners; after that each ready node has its turn as the only one.

Blame can go in a circle: nobody alone is at fault where links are broken one by one, and a node that fetches
everything but serves nothing looks best until it has merged. Turns end the circle, for any node of a quorum that can
talk is enough alone.
"""


def open_round(run: "SentinelRun", now: float) -> Decision | None:
    """The next round, once everybody alive is ready; stragglers are awaited until the deadline, if there is one."""
    record = run.record
    ready = run.ready_nodes(now)
    if len(ready) < run.rules.min_nodes or run.is_over():
        return None
    awaited = [node for node in record.admitted if run.leases.is_alive(node, now)]
    deadline = collect_deadline_s(record.ready_s, run.timing)
    in_time = deadline is None or now - run.since < deadline
    if in_time and any(node not in ready for node in awaited):
        return None
    return _opened(run, ready, round_index=record.committed + 1, attempt=0)


def cut_round(run: "SentinelRun", now: float) -> Decision | None:
    """One contributor set for all pieces: those that every owner has complete, with weights decided once."""
    record = run.record
    complete = run.complete()
    if len(complete) < run.rules.quorum(record.round):
        return None
    refused = {node for _owner, node, _root, _reason in run.collected.refusals()}
    awaited = {node for node in record.expected if run.leases.is_alive(node, now)} - refused - run.collected.doubted
    if not awaited <= set(complete) and not _transfer_is_late(run, now):
        return None
    gram = run.collected.gram(complete, record.shares) if run.rules.needs_gram else ()
    if gram is None:
        return None
    manifests = [run.collected.manifests[node] for node in complete]
    weights = run.weigh(gram, counts_of((signed.manifest for signed in manifests), run.rules))
    return CutMade(
        round=record.round,
        attempt=record.attempt,
        contributors=tuple(
            Contributor(signed=signed, weight=weight) for signed, weight in zip(manifests, weights, strict=True)
        ),
    )


def commit_round(run: "SentinelRun", _now: float) -> Decision | None:
    """The commit, once every share's result lies durably on enough different nodes."""
    record = run.record
    if any(member.node in run.expelled for member in record.cut):
        return None
    results: list[ShareCommitted] = []
    for share in record.shares:
        found = run.collected.committable(share, run.rules.copies)
        if found is None:
            return None
        results.append(ShareCommitted(signed=found[0], holders=found[1]))
    return Committed(
        round=record.round, attempt=record.attempt, results=tuple(results), chain=commit_chain(record, results)
    )


def retry_open(run: "SentinelRun", now: float) -> Decision | None:
    """Another attempt, because an owner is gone, or time is up and too little is complete for a cut."""
    if _owner_is_gone(run, now) or _transfer_is_late(run, now):
        return _retried(run, now)
    return None


def retry_cut(run: "SentinelRun", now: float) -> Decision | None:
    """Another attempt, because an owner is gone or results did not become durable in time."""
    record = run.record
    size = record.fit.total_bytes if record.fit else 0
    late = now - run.since >= hold_deadline_s(size, record.attempt, run.timing)
    is_tainted = any(member.node in run.expelled for member in record.cut)
    return _retried(run, now) if late or is_tainted or _owner_is_gone(run, now) else None


def end_run(run: "SentinelRun", _now: float) -> Decision | None:
    """The end, after the last round."""
    return Ended(round=run.record.round) if run.is_over() else None


def _retried(run: "SentinelRun", now: float) -> Decision | None:
    record = run.record
    ready = run.ready_nodes(now)
    if len(ready) < run.rules.min_nodes:
        return None
    demoted = {share.owner for share in record.shares if not run.leases.is_fresh(share.owner, now)}
    if record.phase is Phase.OPEN:
        demoted |= run.collected.laggards(record.expected, record.shares, run.rules.quorum(record.round))
    else:
        demoted |= run.collected.unheld(record.shares, run.rules.copies)
    for owner in demoted:
        run.strikes[owner] = run.strikes.get(owner, 0) + 1
    return _opened(run, ready, round_index=record.round, attempt=record.attempt + 1)


def _opened(run: "SentinelRun", ready: list[NodeName], *, round_index: int, attempt: int) -> Decision:
    turn = (round_index + attempt) % len(ready)
    in_turn = ready[turn:] + ready[:turn]
    fewest = min(run.strikes.get(node, 0) for node in ready)
    blameless = [node for node in in_turn if run.strikes.get(node, 0) == fewest]
    owners = blameless if attempt < TOGETHER_ATTEMPTS else in_turn[:1]
    assert run.record.fit is not None, "nobody is ready who was not admitted, and the first admitted brings the fit"
    return Opened(
        round=round_index,
        attempt=attempt,
        participants=tuple(
            Participant(node=node, incarnation=run.leases.incarnation(node) or 0, address=run.addresses[node])
            for node in ready
        ),
        expected=(in_turn[0],) if round_index == 0 else tuple(ready),
        shares=shares_of(run.record.fit.pieces, owners[: run.rules.owners_max]),
        ready_s=(*run.record.ready_s, *run.ready_s.values())[-READY_SAMPLES:],
    )


def _transfer_is_late(run: "SentinelRun", now: float) -> bool:
    record = run.record
    size = record.fit.total_bytes if record.fit else 0
    deadline = transfer_deadline_s(size, len(record.participants), record.attempt, run.timing)
    return now - run.since >= deadline


def _owner_is_gone(run: "SentinelRun", now: float) -> bool:
    return any(not run.leases.is_alive(share.owner, now) for share in run.record.shares)


ROUNDS: Final[Table["SentinelRun", Decision]] = Table(
    "A run",
    Phase.GATHERING,
    (
        Row(Phase.GATHERING, Phase.OPEN, "all alive nodes are ready, at least min_nodes", open_round),
        Row(
            Phase.OPEN,
            Phase.CUT,
            "all alive contributors are complete at every owner or refused, or time is up and a quorum is",
            cut_round,
        ),
        Row(Phase.OPEN, Phase.OPEN, "an owner is gone, or time is up below quorum (attempt + 1)", retry_open),
        Row(Phase.CUT, Phase.COMMITTED, "every result is durable on enough nodes", commit_round),
        Row(Phase.CUT, Phase.OPEN, "an owner is gone, a contributor revoked, or results are late", retry_cut),
        Row(Phase.COMMITTED, Phase.ENDED, "it was the last round", end_run),
        Row(
            Phase.COMMITTED,
            Phase.OPEN,
            "all alive nodes are ready, or the deadline has passed and min_nodes are",
            open_round,
        ),
    ),
)
"""Every transition of a run; each writes one decision to the register, and only the write moves the state."""
