"""Signatures that prove themselves: what is signed travels with the chain of certificates of whoever signed.

    voucher = moment (8 bytes, seconds), signature (64), then the certificates in DER, each after its length, leaf first

So an owner can check a contribution of a node that it has never met, and a node can check the ledger without
asking the sentinel for its certificate. The signature covers the moment as well.

What a node vouches for is believed as on a link: issued under our root, not expired and not revoked now. History
is another matter. An entry of the ledger was decided when it was signed, and does not become undecided when its
sentinel's certificate expires or is revoked later: so it is judged at that moment. Whoever steals an old key can
lie about the moment, but cannot enter an entry: a ledger grows over links, where certificates hold now, and whoever
reads it from a disk compares it with other copies.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final, TypeAlias

from shoal_base.errors import IdentityRefused
from shoal_certs.certificates import p256_key_of
from shoal_certs.identity import Identity, Role
from shoal_certs.signing import SIGNATURE_BYTES, verify
from shoal_certs.validator import Certified
from shoal_swarm.protocol.names import SENTINEL, NodeName
from shoal_swarm.transport.keyring import Keyring, utc_now

LEDGER_DOMAIN: Final = "shoal/ledger/v1"
ROUND_DOMAIN: Final = "shoal/round/v1"
Judge: TypeAlias = Callable[[Sequence[bytes], Identity | None, datetime], Certified]
"""Whom a chain proves; called with whom it should prove, and the moment of the signature."""
MOMENT_BYTES: Final = 8
_LENGTH_BYTES: Final = 2
_CHAIN_MAX: Final = 4


class Vouching:
    """Signs as one party and checks what others signed."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def sign(self, data: bytes) -> bytes:
        """A voucher for `data`; a sentinel signs entries of the ledger, a node what it contributes and merges."""
        domain = LEDGER_DOMAIN if self._keyring.identity.role is Role.SENTINEL else ROUND_DOMAIN
        begins, ends = self._keyring.valid_between
        # A clock that was stepped must not make signatures that nobody will believe.
        moment = int(min(max(utc_now(), begins), ends).timestamp()).to_bytes(MOMENT_BYTES)
        signature = self._keyring.signer.sign(domain, moment + data)
        shown = (len(der).to_bytes(_LENGTH_BYTES) + der for der in self._keyring.chain)
        return moment + signature + b"".join(shown)

    def verify(self, node: NodeName, data: bytes, voucher: bytes) -> bool:
        """Whether that node, or any sentinel of this swarm where `node` is the sentinel, vouches for `data`."""
        judge = self._keyring.judge_past if node == SENTINEL else self._judge_now
        return vouches(judge, self._keyring.identity.swarm, node, data, voucher)

    def _judge_now(self, chain: Sequence[bytes], expected: Identity | None, _moment: datetime) -> Certified:
        return self._keyring.judge_chain(chain, expected)


def vouches(judge: Judge, swarm: str, node: NodeName, data: bytes, voucher: bytes) -> bool:
    """The same for whoever has no key of its own; `judge` says whom a chain proves."""
    moment, signed = voucher[:MOMENT_BYTES], voucher[MOMENT_BYTES:]
    at, chain = _moment_of(moment), _chain_in(signed[SIGNATURE_BYTES:])
    if at is None or not chain:
        return False
    domain = LEDGER_DOMAIN if node == SENTINEL else ROUND_DOMAIN
    try:
        certified = judge(chain, None if node == SENTINEL else Identity(swarm, Role.NODE, str(node)), at)
        verify(p256_key_of(certified.leaf, "a voucher"), domain, moment + data, signed[:SIGNATURE_BYTES])
    except IdentityRefused:
        return False
    return node != SENTINEL or certified.identity.role is Role.SENTINEL


def _moment_of(spelled: bytes) -> datetime | None:
    try:
        return datetime.fromtimestamp(int.from_bytes(spelled), UTC)
    except (ValueError, OverflowError, OSError):  # no calendar goes so far
        return None


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
