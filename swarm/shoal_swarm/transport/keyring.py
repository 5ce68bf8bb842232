"""Our own credentials as links need them: contexts for both ends, a judge of chains, and what changed."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from shoal_certs.certificates import der_of
from shoal_certs.contexts import ContextKeeper, build_contexts, peer_chain
from shoal_certs.credentials import CredentialFiles
from shoal_certs.identity import Identity
from shoal_certs.letters import take_revocation_list
from shoal_certs.reasons import CertificateRefused
from shoal_certs.revocation import RevocationList
from shoal_certs.signing import Signer
from shoal_certs.validator import Certified, Trust, validate
from shoal_swarm.protocol.roles import LinkKind
from shoal_swarm.transport.reasons import Reason

_JUDGED_MAX = 4096
_SENT = "the revocation list that was sent"
_BOTH = tuple(kind.value for kind in LinkKind)


def utc_now() -> datetime:
    """The wall clock; certificates know no other."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class _Judged:
    """A peer that was let stay, by what, and until when nothing but a new list can change that."""

    trust: Trust
    until: datetime


@dataclass(frozen=True, slots=True)
class _Proved:
    """Whom a chain proves, and between which moments nothing but a new list can change that."""

    certified: Certified
    trust: Trust
    begins_at: datetime
    ends_at: datetime


class Keyring:
    """What is in force now; `refresh` takes over what changed on disk, and links in use don't notice."""

    def __init__(self, files: CredentialFiles) -> None:
        self._files = files
        self._keeper = ContextKeeper(files, _BOTH, utc_now())
        self._clients = self._client_contexts()
        self._judged: dict[Certified, _Judged] = {}
        self._proved: dict[tuple[tuple[bytes, ...], Identity | None], _Proved] = {}

    @property
    def identity(self) -> Identity:
        """Who we are."""
        return self._keeper.credentials.identity

    @property
    def signer(self) -> Signer:
        """Signs as us."""
        return self._keeper.credentials.signer

    @property
    def chain(self) -> Sequence[bytes]:
        """What proves who we are, leaf first."""
        certified = self._keeper.credentials.certified
        return [der_of(one) for one in (certified.leaf, *certified.chain)]

    @property
    def valid_between(self) -> tuple[datetime, datetime]:
        """From when and until when what proves who we are does so."""
        certified = self._keeper.credentials.certified
        return certified.begins_at, certified.ends_at

    @property
    def revocations(self) -> bytes:
        """The revocation list in force, as its file has it."""
        return self._keeper.credentials.crl_pem

    @property
    def server(self) -> ssl.SSLContext:
        """For connections that others open."""
        return self._keeper.contexts.server

    def client(self, kind: LinkKind) -> ssl.SSLContext:
        """For connections that we open; it names one protocol only."""
        return self._clients[kind]

    def judge(self, tls: ssl.SSLSocket, expected: Identity | None = None) -> Certified:
        """Who is at the other end, or `CertificateRefused`."""
        return self.judge_chain(peer_chain(tls), expected)

    def judge_chain(self, chain: Sequence[bytes], expected: Identity | None = None) -> Certified:
        """Whom a chain proves, or `CertificateRefused`."""
        return self._judged_at(utc_now(), chain, expected, past=False)

    def judge_past(self, chain: Sequence[bytes], expected: Identity | None, at: datetime) -> Certified:
        """Whom a chain proved at a moment of the past, or `CertificateRefused`."""
        return self._judged_at(min(at, utc_now()), chain, expected, past=True)

    def _judged_at(self, at: datetime, chain: Sequence[bytes], expected: Identity | None, *, past: bool) -> Certified:
        """A round shows the same few chains many times: each is taken apart once for each list in force."""
        trust, key = self._keeper.credentials.trust, (tuple(chain), expected)
        proved = self._proved.get(key)
        if proved is not None and proved.trust is trust and proved.begins_at <= at <= proved.ends_at:
            return proved.certified
        certified = validate(chain, trust, at, expected=expected, about="the other side", past=past)
        if not any(certified.serial in one.serials for one in trust.lists):
            begins_at = max([certified.begins_at, *(one.not_valid_before_utc for one in trust.roots)])
            begins_at = max([begins_at, *(one.issued_at for one in trust.lists)])
            ends_at = min([certified.ends_at, self._trust_ends_at(trust)])
            if len(self._proved) >= _JUDGED_MAX:
                self._proved.clear()
            self._proved[key] = _Proved(certified, trust, begins_at, ends_at)
        return certified

    def take_revocations(self, pem: bytes) -> bool:
        """Put a list that was sent in force if it is newer than ours and the authority has signed it."""
        current = self._keeper.credentials.trust.lists[0]
        if RevocationList.read(pem, _SENT).number <= current.number:
            return False
        take_revocation_list(self._files, pem, _SENT, utc_now())
        return self.refresh()

    def refresh(self) -> bool:
        """Take over what changed on disk; a refusal leaves in force what was."""
        if not self._keeper.refresh(utc_now()):
            return False
        self._clients = self._client_contexts()
        return True

    def verdict(self, peer: Certified) -> Reason | None:
        """Why a live link to `peer` must end, or None.

        Asked of every link at every heartbeat: signatures are verified once for each certificate and each list.
        """
        now, trust = utc_now(), self._keeper.credentials.trust
        if now > peer.ends_at:
            return Reason.EXPIRED
        judged = self._judged.get(peer)
        if judged is not None and judged.trust is trust and now <= judged.until:
            return None
        try:
            self._keeper.check_still_valid(peer, now)
        except CertificateRefused:
            self._judged.pop(peer, None)
            return Reason.REVOKED
        if len(self._judged) >= _JUDGED_MAX:
            self._judged.clear()
        self._judged[peer] = _Judged(trust, self._trust_ends_at(trust))
        return None

    @staticmethod
    def _trust_ends_at(trust: Trust) -> datetime:
        """When the first root or list of those in force stops to speak."""
        return min([*(root.not_valid_after_utc for root in trust.roots), *(one.ends_at for one in trust.lists)])

    def _client_contexts(self) -> dict[LinkKind, ssl.SSLContext]:
        credentials = self._keeper.credentials
        return {kind: build_contexts(credentials, (kind.value,)).client for kind in LinkKind}
