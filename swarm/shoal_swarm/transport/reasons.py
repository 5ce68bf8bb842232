"""Why the wire says no, or ends: every reason with its sentence, and the errors that carry one.

LinkRefused(PeerRefused)        the other side did something that no honest build does
LinkEnded(Unavailable)          the link is over; dialling again may help
TransferRefused(PeerRefused)    one transfer was declined or given up; the link may live on
"""

from enum import StrEnum
from typing import Final, Self

from shoal_base.errors import PeerRefused, Unavailable


class Reason(StrEnum):
    """One reason each; logs, BYE and tests carry the word, people read the sentence."""

    sentence: str

    def __new__(cls, word: str, sentence: str) -> Self:
        """Bind the word to its sentence, so that no reason goes unexplained."""
        reason = str.__new__(cls, word)
        reason._value_ = word
        reason.sentence = sentence
        return reason

    # At the door, before anybody has proved who they are.
    ADDRESS_FLOODS = "address-floods", "more new connections a second than one address may make"
    ADDRESS_BUSY = "address-busy", "more unfinished handshakes than one address may have"
    DOOR_BUSY = "door-busy", "all places for handshakes are taken; the address that held most gave one up"
    HANDSHAKE_LATE = "handshake-late", "the TLS handshake was not finished in time"
    HANDSHAKE_ABANDONED = "handshake-abandoned", "the connection ended before the TLS handshake did"
    PLAIN_HTTP = "plain-http", "what came is HTTP; this port speaks TLS 1.3"
    NOT_TLS = "not-tls", "what came is not TLS; this port speaks TLS 1.3"
    TLS_TOO_OLD = "tls-too-old", "the other side offered no TLS 1.3"
    NO_CERTIFICATE = "no-certificate", "no certificate was shown; every party must show its own"
    CHAIN_TOO_LARGE = "chain-too-large", "the certificate chain is larger than a handshake may carry"
    CERTIFICATE = "certificate", "the certificate is refused"
    TLS_FAILED = "tls-failed", "the TLS handshake failed"
    WRONG_ALPN = "wrong-alpn", "the other side did not name a protocol of ours (ALPN)"
    ROLE_MAY_NOT_DIAL = "role-may-not-dial", "its role may not open such a link to ours"
    TOO_MANY_LINKS = "too-many-links", "one identity may have only so many links"
    FULL = "full", "this endpoint has all the links that it may have"
    REFUSED_BY_PEER = "refused-by-peer", "the other side refused us during or right after the handshake"

    # On a link.
    GREETING_LATE = "greeting-late", "HELLO or WELCOME did not come in time"
    GREETING_TOO_LONG = "greeting-too-long", "a greeting is a small message"
    NOT_GREETED = "not-greeted", "something was said before HELLO and WELCOME"
    NO_COMMON_VERSION = "no-common-version", "the two builds have no protocol version in common; update the older one"
    OTHER_SENDER = "other-sender", "a message claims another sender than the certificate names"
    MALFORMED = "malformed", "a message that does not decode"
    PAYLOAD_MISPLACED = "payload-misplaced", "a payload where none belongs, or none where one does"
    TOO_LONG = "too-long", "a frame above its limit"
    TOO_MANY_PARTS = "too-many-parts", "more frames in one message than there may be"
    NOT_ZMTP = "not-zmtp", "the bytes inside TLS are not ZMTP 3 as DEALER sockets speak it"
    ROLE_MAY_NOT_SAY = "role-may-not-say", "its role may not say this to ours on such a link"
    OUT_OF_TURN = "out-of-turn", "a message that nothing asked for"
    FLOOD = "flood", "more messages a second than one link may carry"
    SILENT = "silent", "no sign of life for too long"
    TRUNCATED = "truncated", "the connection ended without a goodbye"
    BROKEN = "broken", "the connection broke"
    DUPLICATE = "duplicate", "another link to the same party takes its place"
    TOO_OLD = "too-old", "the link reached the age or volume at which it is dialled anew"
    IDLE = "idle", "nothing was sent over the bulk link for a while; the next transfer dials anew"
    REVOKED = "revoked", "the other side's certificate no longer holds"
    EXPIRED = "expired", "the other side's certificate has expired"
    UNREACHABLE = "unreachable", "nothing answers at that address"
    CLOSED = "closed", "the link was closed"

    # About one transfer.
    TOO_LARGE = "too-large", "more bytes than are taken here"
    DISK_FULL = "disk-full", "it would leave less free disk space than the reserve"
    UNWANTED = "unwanted", "nobody here asked for this content"
    TOO_MANY_TRANSFERS = "too-many-transfers", "more transfers at once than one peer may have"
    WRONG_HASH = "wrong-hash", "bytes that do not have the announced hash"
    STALLED = "stalled", "no progress for too long"
    TOO_SLOW = "too-slow", "slower than the least pace, for too long"
    ALREADY_COMING = "already-coming", "the same content is coming from somebody else; offer it again later"
    GONE = "gone", "the content is no longer there to send"


class LinkRefused(PeerRefused):
    """The other side broke a rule, so the connection was closed, or never became a link."""

    def __init__(self, reason: Reason, about: str, detail: str = "") -> None:
        super().__init__(_sentence(reason, about, detail))
        self.reason = reason
        self.about = about
        self.detail = detail


class LinkEnded(Unavailable):
    """The link is over; whatever was not confirmed may be sent again on the next one."""

    def __init__(self, reason: Reason, about: str, detail: str = "") -> None:
        super().__init__(_sentence(reason, about, detail))
        self.reason = reason
        self.about = about
        self.detail = detail


class TransferRefused(PeerRefused):
    """One transfer is over without success."""

    def __init__(self, reason: Reason, about: str, detail: str = "") -> None:
        super().__init__(_sentence(reason, about, detail))
        self.reason = reason
        self.about = about
        self.detail = detail


PEERS_FAULT: Final = frozenset(
    {
        Reason.GREETING_TOO_LONG,
        Reason.NOT_GREETED,
        Reason.NO_COMMON_VERSION,
        Reason.OTHER_SENDER,
        Reason.MALFORMED,
        Reason.PAYLOAD_MISPLACED,
        Reason.TOO_LONG,
        Reason.TOO_MANY_PARTS,
        Reason.NOT_ZMTP,
        Reason.ROLE_MAY_NOT_SAY,
        Reason.OUT_OF_TURN,
        Reason.FLOOD,
        Reason.REVOKED,
        Reason.EXPIRED,
        Reason.WRONG_HASH,
    }
)
"""Ends of a link that dialling again does not mend."""


def reason_of(word: str, otherwise: Reason) -> Reason:
    """The reason that a word from the wire stands for; an unknown word proves nothing."""
    return next((reason for reason in Reason if reason == word), otherwise)


def link_error(reason: Reason, about: str, detail: str = "") -> LinkRefused | LinkEnded:
    """The error that such an end of a link is."""
    return (LinkRefused if reason in PEERS_FAULT else LinkEnded)(reason, about, detail)


def _sentence(reason: Reason, about: str, detail: str) -> str:
    return f"{about}: {reason.sentence} ({reason}){f' - {detail}' if detail else ''}."
