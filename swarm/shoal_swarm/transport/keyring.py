"""Our own credentials as links need them: contexts for both ends, a judge of chains, and what changed."""

import ssl
from collections.abc import Sequence
from datetime import UTC, datetime

from shoal_certs.certificates import der_of
from shoal_certs.contexts import ContextKeeper, build_contexts, peer_chain
from shoal_certs.credentials import CredentialFiles
from shoal_certs.identity import Identity
from shoal_certs.reasons import CertificateRefused
from shoal_certs.signing import Signer
from shoal_certs.validator import Certified, validate
from shoal_swarm.protocol.roles import LinkKind
from shoal_swarm.transport.reasons import Reason

_BOTH = tuple(kind.value for kind in LinkKind)


def utc_now() -> datetime:
    """The wall clock; certificates know no other."""
    return datetime.now(UTC)


class Keyring:
    """What is in force now; `refresh` takes over what changed on disk, and links in use don't notice."""

    def __init__(self, files: CredentialFiles) -> None:
        self._keeper = ContextKeeper(files, _BOTH, utc_now())
        self._clients = self._client_contexts()

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
        return validate(chain, self._keeper.credentials.trust, utc_now(), expected=expected, about="the other side")

    def refresh(self) -> bool:
        """Take over what changed on disk; a refusal leaves in force what was."""
        if not self._keeper.refresh(utc_now()):
            return False
        self._clients = self._client_contexts()
        return True

    def verdict(self, peer: Certified) -> Reason | None:
        """Why a live link to `peer` must end, or None."""
        now = utc_now()
        if now > peer.ends_at:
            return Reason.EXPIRED
        try:
            self._keeper.check_still_valid(peer, now)
        except CertificateRefused:
            return Reason.REVOKED
        return None

    def _client_contexts(self) -> dict[LinkKind, ssl.SSLContext]:
        credentials = self._keeper.credentials
        return {kind: build_contexts(credentials, (kind.value,)).client for kind in LinkKind}
