"""TLS from the first byte to a proved identity, for both ends; what goes wrong gets its name here.

OpenSSL's errors are translated once, in this file. Some mean that the other side refused us: in TLS 1.3 such
an alert reaches the dialler only after its own handshake has succeeded.
"""

import socket
import ssl
from typing import Final

from shoal_certs.identity import Identity
from shoal_certs.reasons import CertificateRefused
from shoal_certs.validator import Certified
from shoal_swarm.protocol.roles import LinkKind, may_dial
from shoal_swarm.transport.keyring import Keyring
from shoal_swarm.transport.reasons import LinkEnded, LinkRefused, Reason

_BY_OPENSSL: Final = {
    "HTTP_REQUEST": Reason.PLAIN_HTTP,
    "HTTPS_PROXY_REQUEST": Reason.PLAIN_HTTP,
    "WRONG_VERSION_NUMBER": Reason.NOT_TLS,
    "PACKET_LENGTH_TOO_LONG": Reason.NOT_TLS,
    "UNEXPECTED_MESSAGE": Reason.NOT_TLS,
    "RECORD_TOO_SMALL": Reason.NOT_TLS,
    "BAD_RECORD_TYPE": Reason.NOT_TLS,
    "UNSUPPORTED_PROTOCOL": Reason.TLS_TOO_OLD,
    "TLSV1_ALERT_PROTOCOL_VERSION": Reason.TLS_TOO_OLD,
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": Reason.NO_CERTIFICATE,
    "EXCESSIVE_MESSAGE_SIZE": Reason.CHAIN_TOO_LARGE,
    "CERTIFICATE_VERIFY_FAILED": Reason.CERTIFICATE,
    "EE_KEY_TOO_SMALL": Reason.CERTIFICATE,
    "CA_MD_TOO_WEAK": Reason.CERTIFICATE,
}

_MAY_PASS: Final = frozenset({Reason.HANDSHAKE_ABANDONED, Reason.HANDSHAKE_LATE})
"""What a party that is starting, stopping or overloaded looks like to whoever dials it."""


def refusal_of(problem: OSError, about: str) -> LinkRefused:
    """What an error of the handshake says about the other side."""
    if isinstance(problem, ssl.SSLCertVerificationError):
        return LinkRefused(Reason.CERTIFICATE, about, f"OpenSSL: {problem.verify_message}")
    if isinstance(problem, TimeoutError):
        return LinkRefused(Reason.HANDSHAKE_LATE, about)
    if isinstance(problem, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return LinkRefused(Reason.HANDSHAKE_ABANDONED, about)
    if isinstance(problem, ssl.SSLError) and problem.reason:
        if problem.reason in _BY_OPENSSL:
            return LinkRefused(_BY_OPENSSL[problem.reason], about, problem.reason.lower())
        refused = "_ALERT_" in problem.reason
        return LinkRefused(Reason.REFUSED_BY_PEER if refused else Reason.TLS_FAILED, about, problem.reason.lower())
    return LinkRefused(Reason.HANDSHAKE_ABANDONED, about, str(problem))


def kind_of(tls: ssl.SSLSocket, about: str) -> LinkKind:
    """The kind of link that both sides named; OpenSSL completes a handshake in which they named none."""
    named = tls.selected_alpn_protocol()
    if tls.version() != "TLSv1.3":
        raise LinkRefused(Reason.TLS_TOO_OLD, about, str(tls.version()))
    if named not in {kind.value for kind in LinkKind}:
        raise LinkRefused(Reason.WRONG_ALPN, about)
    return LinkKind(named)


def judge_dialler(tls: ssl.SSLSocket, keyring: Keyring, about: str) -> tuple[LinkKind, Certified]:
    """Who has dialled us and what for, or `LinkRefused`."""
    kind = kind_of(tls, about)
    try:
        certified = keyring.judge(tls)
    except CertificateRefused as refusal:
        raise LinkRefused(Reason.CERTIFICATE, about, f"{refusal.reason}: {refusal.reason.sentence}") from refusal
    role, ours = certified.identity.role, keyring.identity.role
    if not may_dial(role, ours, kind):
        raise LinkRefused(Reason.ROLE_MAY_NOT_DIAL, certified.identity.uri, f"{role} to {ours} on {kind}")
    return kind, certified


def shake_as_dialler(
    raw: socket.socket, keyring: Keyring, kind: LinkKind, expected: Identity, handshake_s: float
) -> tuple[ssl.SSLSocket, Certified]:
    """TLS over `raw` to `expected` and nobody else; blocks, for at most `handshake_s`. Closes `raw` on failure."""
    about = expected.uri
    raw.settimeout(handshake_s)  # for wrap_socket this is the time for the whole handshake, not for each read
    try:
        tls = keyring.client(kind).wrap_socket(raw, suppress_ragged_eofs=False)
    except OSError as problem:
        raw.close()
        refusal = refusal_of(problem, about)
        if refusal.reason in _MAY_PASS:
            raise LinkEnded(refusal.reason, about, refusal.detail) from problem
        raise refusal from problem
    try:
        kind_of(tls, about)
        return tls, keyring.judge(tls, expected)
    except CertificateRefused as refusal:
        tls.close()
        raise LinkRefused(Reason.CERTIFICATE, about, f"{refusal.reason}: {refusal.reason.sentence}") from refusal
    except LinkRefused:
        tls.close()
        raise
