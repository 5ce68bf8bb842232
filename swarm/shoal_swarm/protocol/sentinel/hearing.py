"""What a sentinel makes of each message, and what it says again on every tick."""

from typing import TYPE_CHECKING, assert_never

from shoal_swarm.protocol.digests import list_root
from shoal_swarm.protocol.joining import differences
from shoal_swarm.protocol.names import NodeName
from shoal_swarm.protocol.record import Phase
from shoal_swarm.protocol.round_messages import (
    Announced,
    Contribution,
    FromMember,
    FromNode,
    Goodbye,
    Have,
    Held,
    Join,
    JoinAgain,
    Joined,
    Lease,
    Merged,
    Published,
    Refused,
    Renewed,
    TurnedDown,
)
from shoal_swarm.protocol.sentinel.applicant import Applicant
from shoal_swarm.protocol.sentinel.effects import Alarm, Effect, Send, SendLedger
from shoal_swarm.protocol.sentinel.events import IncarnationIssued
from shoal_swarm.protocol.signed import SignedManifest, SignedResult, is_signed

if TYPE_CHECKING:
    from shoal_swarm.protocol.sentinel.run import SentinelRun


def hear(  # noqa: C901, PLR0911 - one branch for each message of the closed union
    run: "SentinelRun", sender: NodeName, message: FromNode, now: float
) -> list[Effect]:
    """Take in what a node said."""
    if run.written is None or message.run != run.rules.run:
        return []
    if isinstance(message, Join):
        return _hear_join(run, sender, message)
    if not run.leases.renew(sender, message.incarnation, now):
        return _turn_away(run, sender, message)
    match message:
        case Lease():
            return _hear_lease(run, sender, message, now)
        case Contribution():
            return _hear_contribution(run, sender, message.incarnation, message.signed)
        case Have():
            return _hear_have(run, sender, message)
        case Merged():
            return _hear_result(run, sender, message.signed)
        case Held():
            if _is_current(run, message) and run.record.phase is Phase.CUT:
                run.is_news |= run.collected.hold(sender, message)
            return []
        case Goodbye():
            run.leases.leave(sender)
            run.ready.pop(sender, None)
            run.is_news = True
            return []
        case _:
            assert_never(message)


def welcome(run: "SentinelRun", issued: IncarnationIssued, now: float) -> list[Effect]:
    """A process has its number. It is welcomed once its admission is written, and its predecessor counts no more."""
    applicant = run.applicants.get(issued.node)
    if applicant is None or applicant.boot_nonce != issued.boot_nonce:
        return []
    applicant.incarnation = issued.incarnation
    if run.written is None or issued.node not in run.record.admitted:
        return []
    del run.applicants[issued.node]
    known = run.leases.incarnation(issued.node) or 0
    if issued.incarnation < known:
        newer = f"Process {known} of {issued.node} has taken over; this is process {issued.incarnation}. End it."
        return [Send(issued.node, Refused(run=run.rules.run, boot_nonce=issued.boot_nonce, reasons=(newer,)))]
    if issued.incarnation > known:
        run.collected.forget(issued.node)
        run.ready.pop(issued.node, None)
    run.leases.welcome(issued.node, issued.incarnation, now)
    run.expelled.discard(issued.node)
    run.addresses[issued.node] = applicant.address
    joined = Joined(run=run.rules.run, boot_nonce=issued.boot_nonce, incarnation=issued.incarnation)
    return [Send(issued.node, joined)]


def remind(run: "SentinelRun", now: float) -> list[Effect]:
    """Say again what somebody does not seem to know."""
    if run.written is None:
        return []
    if run.record.phase is Phase.OPEN:
        announced = [effect for share in run.record.shares for effect in _announce(run, share.owner)]
        return [*announced, *(Send(node, message) for node, message in _turned_down(run))]
    if run.record.phase is Phase.CUT:
        return [
            effect for node in run.leases.known() if run.leases.is_fresh(node, now) for effect in _publish(run, node)
        ]
    return []


def _hear_join(run: "SentinelRun", sender: NodeName, join: Join) -> list[Effect]:
    reasons = differences(run.record.fit, join.fit)
    if join.config_hash != run.rules.config_hash:
        reasons = (f"Run configuration {join.config_hash.hex()[:12]} is not this run's.", *reasons)
    if reasons:
        return [Send(sender, Refused(run=run.rules.run, boot_nonce=join.boot_nonce, reasons=reasons))]
    return [run.apply_for(sender, Applicant(join.boot_nonce, join.fit, join.address))]


def _turn_away(run: "SentinelRun", sender: NodeName, message: FromMember) -> list[Effect]:
    return [Send(sender, JoinAgain(run=run.rules.run, incarnation=message.incarnation))]


def _hear_lease(run: "SentinelRun", sender: NodeName, lease: Lease, now: float) -> list[Effect]:
    run.addresses[sender] = lease.address
    run.note_version(lease.version)
    if lease.ready:
        run.note_ready(sender, lease.applied + 1, now)
    else:
        run.ready.pop(sender, None)
    version = run.record.version
    renewed: list[Effect] = [Send(sender, Renewed(run=run.rules.run, incarnation=lease.incarnation, version=version))]
    return renewed + ([SendLedger(sender, lease.version)] if lease.version < version else [])


def _hear_contribution(run: "SentinelRun", sender: NodeName, incarnation: int, signed: SignedManifest) -> list[Effect]:
    record, manifest = run.record, signed.manifest
    if record.phase is not Phase.OPEN or manifest.round != record.round or sender not in record.expected:
        return []
    if sender in run.collected.doubted or run.collected.manifests.get(sender) == signed:
        return []
    claims = (manifest.node, manifest.run, manifest.base, manifest.base_chain)
    if claims != (sender, record.run, record.committed, record.chain) or not is_signed(signed, run.verify):
        return [Alarm(f"{sender} announced a contribution that is not its own or not trained from the last COMMIT.")]
    run.is_news = True
    other = run.collected.announce(sender, incarnation, signed)
    if other is not None:
        run.two_faced[sender] = (other, signed)
        roots = f"{other.manifest.root.hex()[:12]} and {manifest.root.hex()[:12]}"
        sentence = f"{sender} signed two contributions to round {manifest.round}, {roots}: neither counts now."
        return [Alarm(f"{sentence} Ask its people what runs there.")]
    return [effect for share in record.shares for effect in _announce(run, share.owner, only=signed)]


def _hear_have(run: "SentinelRun", sender: NodeName, have: Have) -> list[Effect]:
    if not _is_current(run, have) or run.record.share(sender) is None or not run.collected.have(sender, have):
        return []
    run.is_news = True
    effects: list[Effect] = []
    for node, message in _turned_down(run, by=sender):
        effects.append(Send(node, message))
        if run.turned_down.get(node) != message:
            run.turned_down[node] = message
            sentence = f"{sender} refuses the contribution of {node} to round {message.round}: {message.reason}"
            effects.append(Alarm(f"{sentence} The round goes on without it."))
    return effects


def _hear_result(run: "SentinelRun", sender: NodeName, signed: SignedResult) -> list[Effect]:
    record, result, share = run.record, signed.result, run.record.share(sender)
    if record.phase is not Phase.CUT or (result.round, result.attempt) != record.attempt_key() or share is None:
        return []
    known = run.collected.results.setdefault(sender, {})
    if result.root in known:
        return []
    claims = (result.node, result.run, result.first, result.count)
    if claims != (sender, record.run, share.first, share.count) or not _lists_well(run, signed):
        return [Alarm(f"{sender} published a result that does not answer its share.")]
    if not is_signed(signed, run.verify):
        return [Alarm(f"{sender} published a result with a signature that is not its own.")]
    known[result.root] = signed
    run.is_news = True
    return [effect for node in run.leases.known() for effect in _publish(run, node)]


def _lists_well(run: "SentinelRun", signed: SignedResult) -> bool:
    result, fit = signed.result, run.record.fit
    if fit is not None and fit.piece_count > run.rules.pieces_listed_max:
        return not result.pieces
    return len(result.pieces) == result.count and list_root(result.pieces) == result.root


def _is_current(run: "SentinelRun", report: Have | Held) -> bool:
    return (report.round, report.attempt) == run.record.attempt_key()


def _announce(run: "SentinelRun", owner: NodeName, only: SignedManifest | None = None) -> list[Effect]:
    known = run.collected.manifests if only is None else {only.manifest.node: only}
    lacking = tuple(signed for node, signed in known.items() if not run.collected.has(owner, node))
    if not lacking:
        return []
    record = run.record
    return [Send(owner, Announced(run=record.run, round=record.round, attempt=record.attempt, manifests=lacking))]


def _turned_down(run: "SentinelRun", by: NodeName | None = None) -> list[tuple[NodeName, TurnedDown]]:
    record = run.record
    return [
        (node, TurnedDown(run=record.run, round=record.round, root=root, owner=owner, reason=reason))
        for owner, node, root, reason in run.collected.refusals()
        if by in {None, owner}
    ]


def _publish(run: "SentinelRun", node: NodeName) -> list[Effect]:
    collected, record = run.collected, run.record
    lacking = tuple(
        signed
        for owner, results in collected.results.items()
        for root, signed in results.items()
        if node not in collected.held.get((owner, root), ())
    )
    if not lacking:
        return []
    return [Send(node, Published(run=record.run, round=record.round, attempt=record.attempt, results=lacking))]
