"""TLS as we speak it, made from credentials: version 1.3, both sides shown, nothing resumed, nothing logged.

A context is never changed once connections use it; a new certificate, bundle or revocation list makes a new
context, and `ContextKeeper` swaps the reference. OpenSSL silently ignores a second list that was made within
the same second as the first, so every context is built with exactly one list for each issuer.
"""

import os
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from shoal_base.errors import InputRefused
from shoal_certs.certificates import pem_of
from shoal_certs.credentials import CredentialFiles, Credentials
from shoal_certs.reasons import CertificateRefused, Reason
from shoal_certs.validator import Certified, chain_der, validate

KEY_LOG_VARIABLE = "SSLKEYLOGFILE"


@dataclass(frozen=True, slots=True)
class Contexts:
    """The two ends of the links of one party."""

    server: ssl.SSLContext
    client: ssl.SSLContext


def refuse_key_log(environment: Mapping[str, str]) -> None:
    """Some TLS programs write every session key to the file that this variable names; we don't start with it."""
    if environment.get(KEY_LOG_VARIABLE):
        raise InputRefused(
            f"{KEY_LOG_VARIABLE} is set, which asks for session keys to be written to a file: whoever reads it can "
            f"read the traffic. Unset it and start again."
        )


def build_contexts(credentials: Credentials, protocols: Sequence[str]) -> Contexts:
    """Fresh contexts that show these credentials, believe their trust, and speak `protocols` (ALPN)."""
    refuse_key_log(os.environ)
    return Contexts(
        server=_context(ssl.PROTOCOL_TLS_SERVER, credentials, protocols),
        client=_context(ssl.PROTOCOL_TLS_CLIENT, credentials, protocols),
    )


def peer_chain(tls: ssl.SSLSocket | ssl.SSLObject) -> list[bytes]:
    """The chain that OpenSSL verified for the other side, leaf first, as `validate` takes it."""
    inner = tls._sslobj  # type: ignore[union-attr]  # noqa: SLF001 - the public method came with Python 3.13
    verified = inner.get_verified_chain() if inner is not None else None
    if not verified:
        raise CertificateRefused(Reason.NO_CERTIFICATE, "the other side")
    return [ssl.PEM_cert_to_DER_cert(certificate.public_bytes()) for certificate in verified]


class ContextKeeper:
    """Holds the contexts in force, and replaces them when a file that they were made from has changed."""

    def __init__(self, files: CredentialFiles, protocols: Sequence[str], now: datetime) -> None:
        self._files = files
        self._protocols = tuple(protocols)
        self.credentials = Credentials.load(files, now)
        self.contexts = build_contexts(self.credentials, self._protocols)

    def refresh(self, now: datetime) -> bool:
        """Take over what changed on disk; on a refusal what was in force stays in force, and the caller hears why."""
        fresh = Credentials.load(self._files, now)
        current = self.credentials
        if _same_files(fresh, current):
            return False
        if fresh.identity != current.identity:
            detail = f"{fresh.identity} in place of {current.identity}"
            raise CertificateRefused(Reason.NOT_EXPECTED, str(self._files.cert), detail)
        fresh.trust.lists[0].check_replaces(current.trust.lists[0], str(self._files.capath))
        self.contexts, self.credentials = build_contexts(fresh, self._protocols), fresh
        return True

    def check_still_valid(self, peer: Certified, now: datetime) -> None:
        """Refuse a peer of a live link whom we would not let in now: revoked, expired, or its root is gone."""
        shown = chain_der([peer.leaf, *peer.chain])
        validate(shown, self.credentials.trust, now, expected=peer.identity, about=str(peer.identity))


def _same_files(one: Credentials, other: Credentials) -> bool:
    return (one.cert_pem, one.bundle_pem, one.crl_pem) == (other.cert_pem, other.bundle_pem, other.crl_pem)


def _context(side: int, credentials: Credentials, protocols: Sequence[str]) -> ssl.SSLContext:
    # Not ssl.create_default_context: that one honours SSLKEYLOGFILE.
    context = ssl.SSLContext(side)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False  # identities are URIs; validate() compares them
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_CRL_CHECK_LEAF
    context.options |= ssl.OP_NO_TICKET
    if side == ssl.PROTOCOL_TLS_SERVER:
        context.num_tickets = 0  # a resumed session would skip certificate and revocation list
    context.set_alpn_protocols(list(protocols))
    # Written anew from what was parsed and judged: OpenSSL reads more kinds of PEM blocks than we do, and takes every
    # certificate that it finds for a root, wherever it stands.
    trust = credentials.trust
    with _memory_file(pem_of(trust.roots) + b"".join(one.pem for one in trust.lists)) as anchors:
        context.load_verify_locations(anchors)  # lists are read from files only, never from a string
    certified = credentials.certified
    with _memory_file(pem_of([certified.leaf, *certified.chain])) as cert, _memory_file(credentials.key_pem) as key:
        context.load_cert_chain(cert, key, password=_no_passphrase)
    return context


@contextmanager
def _memory_file(data: bytes) -> Iterator[str]:
    """A file that exists in memory only, so that what was validated is what is loaded, and no key touches a disk."""
    handle = os.memfd_create("shoal", os.MFD_CLOEXEC)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(handle, view) :]
        yield f"/proc/self/fd/{handle}"
    finally:
        os.close(handle)


def _no_passphrase() -> str:
    """Without an answer of ours, OpenSSL would ask for a passphrase on the terminal."""
    raise CertificateRefused(Reason.KEY_MALFORMED, "the private key", "it is encrypted")
