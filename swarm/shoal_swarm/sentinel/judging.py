"""Who signed an entry of a ledger, judged offline by a bundle and a revocation list, as of when it was signed."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from shoal_certs.certificates import BUNDLE_BYTES_MAX
from shoal_certs.credentials import BUNDLE_FILE, CRL_FILE
from shoal_certs.files import read_public
from shoal_certs.identity import Identity
from shoal_certs.revocation import CRL_BYTES_MAX
from shoal_certs.validator import Certified, Trust, validate
from shoal_swarm.protocol.signed import Verify
from shoal_swarm.service.vouchers import vouches
from shoal_swarm.transport.keyring import utc_now


def verifier(swarm: str, capath: Path) -> Verify:
    """Checks vouchers of this swarm's sentinels and nodes."""
    bundle, crl = read_public(capath / BUNDLE_FILE, BUNDLE_BYTES_MAX), read_public(capath / CRL_FILE, CRL_BYTES_MAX)
    trust = Trust.read(swarm, bundle, [crl], str(capath))
    return partial(vouches, partial(_judge, trust, utc_now()), swarm)


def _judge(trust: Trust, now: datetime, chain: Sequence[bytes], expected: Identity | None, at: datetime) -> Certified:
    return validate(chain, trust, min(at, now), expected=expected, about="the signer of an entry", past=True)
