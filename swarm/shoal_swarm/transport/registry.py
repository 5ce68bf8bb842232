"""Which links are live, how many one identity may have, and which of two links to one party stays. Pure.

Both of two parties may dial at the same moment. Each then sees both links, in either order, and without another
word both must keep the same one: it is the one that the party with the smaller URI dialled. Two links that the
same party dialled are a re-dial, and the newer one stays. Bulk links may be two, one dialled by either: what is
asked for on one's own link does not wait behind what is sent to the same party.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import TypeAlias

from shoal_certs.identity import Identity
from shoal_swarm.protocol.roles import LinkKind
from shoal_swarm.transport.limits import Limits
from shoal_swarm.transport.link import GreetedLink
from shoal_swarm.transport.reasons import LinkEnded, LinkRefused, Reason

_Key: TypeAlias = tuple[Identity, LinkKind, bool]


@dataclass(slots=True)
class Registry:
    """The links of one endpoint, and the connections that are about to become one."""

    me: Identity
    limits: Limits
    links_max: int
    _links: dict[_Key, GreetedLink] = field(default_factory=dict)
    _connections: Counter[Identity] = field(default_factory=Counter)
    _carried: int = 0
    """Bytes of links that are over."""

    def reserve(self, peer: Identity) -> None:
        """Make room for a connection to `peer`, or raise; `release` gives it back when the connection is over."""
        if self._connections.total() >= self.links_max:
            raise LinkEnded(Reason.FULL, self.me.uri, f"{self.links_max} links")
        if self._connections[peer] >= self.limits.links_per_identity_max:
            raise LinkRefused(Reason.TOO_MANY_LINKS, peer.uri, f"{self.limits.links_per_identity_max} links")
        self._connections[peer] += 1

    def release(self, peer: Identity) -> None:
        """One connection to `peer` is over."""
        self._connections[peer] -= 1
        if not self._connections[peer]:
            del self._connections[peer]

    def settle(self, link: GreetedLink) -> GreetedLink | None:
        """Take in a greeted link; returns the one that must close, which may be `link` itself."""
        key = _key(link)
        other = self._links.get(key)
        if other is None or other.dialled is link.dialled:
            self._links[key] = link
            return other
        we_are_smaller = self.me.uri < link.peer.identity.uri
        if link.dialled is we_are_smaller:
            self._links[key] = link
            return other
        return link

    def forget(self, link: GreetedLink) -> None:
        """The link is over."""
        self._carried += link.bytes_carried
        if self._links.get(_key(link)) is link:
            del self._links[_key(link)]

    def rival(self, link: GreetedLink) -> GreetedLink | None:
        """The live link that is there instead of this one."""
        return self._links.get(_key(link))

    def links(self) -> tuple[GreetedLink, ...]:
        """Every live link."""
        return tuple(self._links.values())

    @property
    def bytes_carried(self) -> int:
        """By all links so far, both ways."""
        return self._carried + sum(link.bytes_carried for link in self._links.values())

    def overdue(self, link: GreetedLink, *, now: float) -> bool:
        """Whether a link is old or used enough to be dialled anew."""
        old = now - link.opened_at > self.limits.link_age_s
        return old or link.bytes_carried > self.limits.link_bytes_max


def _key(link: GreetedLink) -> _Key:
    """Links with the same key take each other's place."""
    return link.peer.identity, link.kind, link.dialled and link.kind is LinkKind.BULK
