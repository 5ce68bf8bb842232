"""Throw-away certificates for a run on one machine. Their authority's keys are not kept."""

import shutil
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from shoal_base.errors import PlaceRefused
from shoal_certs.authority import Wish
from shoal_certs.authority_folder import create_authority, open_authority
from shoal_certs.identity import Identity, Role
from shoal_certs.identity_folder import heal_identities
from shoal_certs.offices import issue
from shoal_certs.passphrases import new_passphrase
from shoal_orchestrator.planning.places import Places
from shoal_orchestrator.planning.plan import LOOPBACK, SENTINEL

LIFETIME: Final = timedelta(days=30)


def make_certificates(places: Places, nodes: Sequence[str], now: datetime) -> bool:
    """Certificates for a sentinel and these nodes, all or none; whether they had to be made."""
    if places.certs.exists():
        return False
    making = places.certs.with_name(places.certs.name + ".making")
    passphrase = new_passphrase()
    parties = [(Role.SENTINEL, SENTINEL), *((Role.NODE, name) for name in nodes)]
    try:
        shutil.rmtree(making, ignore_errors=True)
        making.parent.mkdir(parents=True, exist_ok=True)
        made = create_authority(making, places.swarm, now, passphrase, keep_passphrase=False)
        with open_authority(made, lambda: passphrase, heal_identities) as desk:
            for role, name in parties:
                issue(desk, Wish.for_hosts(Identity(places.swarm, role, name), [LOOPBACK], LIFETIME), now)
        shutil.rmtree(made.authority)
        making.rename(places.certs)
    except OSError as problem:
        raise PlaceRefused(f"{places.certs} cannot be made: {problem.strerror}. Choose another --out.") from problem
    return True
