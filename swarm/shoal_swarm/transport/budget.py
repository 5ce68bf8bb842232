"""Who may wait at the door: bounds on connections that have not proved who they are. Pure.

Connections are counted by address, one IPv4 address or one IPv6 /64. When every place is taken, a newcomer
gets the oldest place of the address that holds most, so that a crowd from few addresses cannot keep out a
party from another one. Whoever has proved an identity is not counted here any more.
"""

from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address, ip_network
from typing import NewType, TypeAlias

from shoal_swarm.transport.limits import Limits
from shoal_swarm.transport.reasons import Reason

Place = NewType("Place", int)


@dataclass(frozen=True, slots=True)
class Admitted:
    """Come in and prove who you are; `instead_of` loses its place."""

    place: Place
    instead_of: Place | None = None


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """Not now."""

    reason: Reason


Verdict: TypeAlias = Admitted | TurnedAway


def neighbourhood(address: str) -> str:
    """What counts as one address."""
    parsed = ip_address(address.partition("%")[0])
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped) if parsed.ipv4_mapped else str(ip_network((parsed, 64), strict=False))
    return str(parsed)


@dataclass(slots=True)
class Budget:
    """The places at one door."""

    limits: Limits
    _places: OrderedDict[Place, str] = field(default_factory=OrderedDict)
    _held: Counter[str] = field(default_factory=Counter)
    _arrivals: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)
    _next: int = 0

    def arrive(self, address: str, *, now: float) -> Verdict:
        """A connection from `address`."""
        home = neighbourhood(address)
        if not self._take_token(home, now):
            return TurnedAway(Reason.ADDRESS_FLOODS)
        if self._held[home] >= self.limits.unproved_per_address_max:
            return TurnedAway(Reason.ADDRESS_BUSY)
        victim: Place | None = None
        if len(self._places) >= self.limits.unproved_max:
            crowded, held = self._held.most_common(1)[0]
            if held <= self._held[home] + 1:
                return TurnedAway(Reason.DOOR_BUSY)
            victim = next(place for place, owner in self._places.items() if owner == crowded)
            self.leave(victim)
        self._next += 1
        place = Place(self._next)
        self._places[place] = home
        self._held[home] += 1
        return Admitted(place, victim)

    def leave(self, place: Place) -> None:
        """Proved, refused or gone: the place is free; a place that was lost already stays lost."""
        home = self._places.pop(place, None)
        if home is not None:
            self._held[home] -= 1
            if not self._held[home]:
                del self._held[home]

    def _take_token(self, home: str, now: float) -> bool:
        rate = self.limits.arrivals_per_address_s
        tokens, at = self._arrivals.pop(home, (rate, now))
        tokens = min(rate, tokens + (now - at) * rate)
        taken = tokens >= 1
        self._arrivals[home] = (tokens - 1 if taken else tokens, now)
        while len(self._arrivals) > self.limits.addresses_remembered_max:
            self._arrivals.popitem(last=False)
        return taken
