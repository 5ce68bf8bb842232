"""Every bound of the wire, in one place, each with its unit last and its reason beneath.

A process may run with tighter numbers (`dataclasses.replace`); nothing else in the transport holds one.
"""

from dataclasses import dataclass

from shoal_swarm.protocol.messages import CHUNK_BYTES, TRANSFER_BYTES_MAX
from shoal_swarm.protocol.roles import LinkKind

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one endpoint grants others, and how long it waits for them."""

    # The door: connections that have not proved who they are. These count nobody who has.
    backlog: int = 128
    unproved_max: int = 64
    """Handshakes at one time. When all are taken, the address that holds most loses its oldest."""
    unproved_per_address_max: int = 8
    """Of one IPv4 address or one IPv6 /64."""
    arrivals_per_address_s: float = 20.0
    """New connections a second from one address, after a burst of as many."""
    addresses_remembered_max: int = 4096
    """Addresses whose arrivals are counted; beyond that the least recent is forgotten."""
    handshake_s: float = 5.0
    """From accept to a proved identity, all of it."""

    # Links: connections that have.
    links_max: int = 1024
    links_per_identity_max: int = 6
    """A control link and a bulk link dialled by either, and for each the one that is about to replace it."""
    descriptors_per_link: int = 8
    greeting_s: float = 5.0
    """From a proved identity to HELLO or WELCOME."""
    greeting_bytes_max: int = 4 * KIB
    link_age_s: float = 12 * 3600.0
    """A re-dial asks again whether certificates still hold."""
    link_bytes_max: int = 64 * GIB
    """Far below the number of records that one AES-GCM key may encrypt."""
    connect_s: float = 5.0
    dials_max: int = 16
    """Dials at one time, each a thread that may wait for its whole deadline; more wait for their turn."""
    retry_first_s: float = 0.1
    """The first pause before a lost link is dialled again; each further one is twice as long."""
    retry_max_s: float = 5.0
    """The longest."""
    heartbeat_s: float = 2.0
    """Control links ping at this pace, and revocations are looked for at it."""
    silence_s: float = 10.0
    """A control link without an answer for so long is over."""
    goodbye_s: float = 2.0
    """How long a closing link may take to deliver what it still holds."""

    bulk_idle_s: float = 60.0
    """A bulk link without a transfer for so long says goodbye."""

    # What travels on a link.
    message_bytes_max: int = 64 * KIB
    parts_max: int = 2
    """A message and its payload."""
    command_bytes_max: int = 4 * KIB
    """ZMTP's own commands (READY, PING and the like)."""
    queue_messages: int = 8
    """In libzmq, each way: memory of a link is at most this many chunks each way."""
    heap_kept_bytes: int = 16 * MIB
    """Freed memory that a heap of this process keeps for the next chunks."""
    relay_bytes: int = 256 * KIB
    """The pump's buffer, each way."""
    messages_per_s: float = 500.0
    """Of one link, chunks not counted: those have credits."""
    messages_burst: float = 1000.0

    # Transfers.
    transfers_in_max: int = 4
    transfers_out_max: int = 4
    transfer_bytes_max: int = TRANSFER_BYTES_MAX
    window_chunks: int = 32
    """Chunks that a sender may be ahead of what the receiver has written."""
    batch_chunks: int = 8
    """Chunks that one hand-over to a thread reads or writes; as many more may wait meanwhile."""
    batch_s: float = 0.02
    """How long chunks wait for others, to be written together."""
    disk_reserve_bytes: int = 1 * GIB
    """A transfer that would leave less free space than this is declined."""
    unfinished_max: int = 64
    """Unfinished contents that are kept to be gone on with; the oldest are thrown away."""
    unfinished_age_s: float = 7 * 86_400.0
    stall_s: float = 30.0
    """Without a chunk (receiver) or a grant (sender) for so long, a transfer is over."""
    pace_bytes_per_s: float = 16 * KIB
    pace_window_s: float = 60.0
    """A sender that stays below the pace for this long is too slow."""

    def frame_bytes_max(self, kind: LinkKind) -> int:
        """The largest ZMTP frame; libzmq and the pump both hold a peer to it."""
        return max(CHUNK_BYTES, self.message_bytes_max) if kind is LinkKind.BULK else self.message_bytes_max


DEFAULT_LIMITS = Limits()
