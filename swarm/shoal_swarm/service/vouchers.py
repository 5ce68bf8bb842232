"""Signatures that prove themselves: what is signed travels with the chain of certificates of whoever signed.

    voucher = signature (64 bytes), then each certificate in DER with its length before it, leaf first

So an owner can check a contribution of a node that it has never met, and a node can check the ledger without
asking the sentinel for its certificate. A certificate is believed as it would be on a link: issued under our
root, not expired, not revoked.
"""

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from shoal_base.errors import IdentityRefused
from shoal_certs.certificates import p256_key_of
from shoal_certs.identity import Identity, Role
from shoal_certs.signing import SIGNATURE_BYTES, verify
from shoal_certs.validator import Certified
from shoal_swarm.protocol.names import SENTINEL, NodeName
from shoal_swarm.transport.keyring import Keyring

LEDGER_DOMAIN: Final = "shoal/ledger/v1"
ROUND_DOMAIN: Final = "shoal/round/v1"
Judge: TypeAlias = Callable[[Sequence[bytes], Identity | None], Certified]
_LENGTH_BYTES: Final = 2
_CHAIN_MAX: Final = 4


class Vouching:
    """Signs as one party and checks what others signed."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def sign(self, data: bytes) -> bytes:
        """A voucher for `data`; a sentinel signs entries of the ledger, a node what it contributes and merges."""
        domain = LEDGER_DOMAIN if self._keyring.identity.role is Role.SENTINEL else ROUND_DOMAIN
        signature = self._keyring.signer.sign(domain, data)
        shown = (len(der).to_bytes(_LENGTH_BYTES) + der for der in self._keyring.chain)
        return signature + b"".join(shown)

    def verify(self, node: NodeName, data: bytes, voucher: bytes) -> bool:
        """Whether that node, or any sentinel of this swarm where `node` is the sentinel, vouches for `data`."""
        return vouches(self._keyring.judge_chain, self._keyring.identity.swarm, node, data, voucher)


def vouches(judge: Judge, swarm: str, node: NodeName, data: bytes, voucher: bytes) -> bool:
    """The same for whoever has no key of its own; `judge` says whom a chain proves."""
    chain = _chain_in(voucher[SIGNATURE_BYTES:])
    if not chain:
        return False
    domain = LEDGER_DOMAIN if node == SENTINEL else ROUND_DOMAIN
    try:
        certified = judge(chain, None if node == SENTINEL else Identity(swarm, Role.NODE, str(node)))
        verify(p256_key_of(certified.leaf, "a voucher"), domain, data, voucher[:SIGNATURE_BYTES])
    except IdentityRefused:
        return False
    return node != SENTINEL or certified.identity.role is Role.SENTINEL


def _chain_in(shown: bytes) -> Sequence[bytes]:
    """The certificates in a voucher; none where it is cut short or too long."""
    chain: list[bytes] = []
    while shown and len(chain) < _CHAIN_MAX:
        length = int.from_bytes(shown[:_LENGTH_BYTES])
        der, shown = shown[_LENGTH_BYTES : _LENGTH_BYTES + length], shown[_LENGTH_BYTES + length :]
        if len(der) != length or not der:
            return ()
        chain.append(der)
    return () if shown else chain
