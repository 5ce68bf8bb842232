"""A revocation list that a sentinel sent: put in force, or refused and said so. What was in force stays then."""

import asyncio

from shoal_base.errors import ShoalError
from shoal_base.logs import get_log
from shoal_swarm.protocol.messages import Revocations
from shoal_swarm.transport.keyring import Keyring


async def take_revocations(keyring: Keyring, message: Revocations) -> None:
    """Links to parties that the list names end at the next heartbeat; new ones are refused from now on."""
    try:
        is_new = await asyncio.to_thread(keyring.take_revocations, message.pem)
    except ShoalError as refusal:
        get_log().error("revocations_refused", problem=str(refusal))
    else:
        if is_new:
            get_log().info("revocations_taken")
