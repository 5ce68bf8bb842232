"""Networks of this machine's own: a namespace for each process, wired to one bridge, cut and throttled at will.

    node-1 ── eth0 ═══ port ┐
    node-2 ── eth0 ═══ port ┼─ bridge, in a namespace of its own
    sentinel ─ eth0 ══ port ┘

What is lost is lost without a word, as behind a firewall: a cut direction gets a neighbour entry that nobody
answers to, so packets leave and never arrive. Bandwidth is a token bucket at both ends of a wire.
"""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pytest

NOBODY = "02:00:00:00:00:01"
BURST_S, BURST_BYTES_MIN = 0.01, 16 << 10
WAIT_S = 0.5
"""A packet may wait so long for its turn; longer queues are cut, as in a router."""


@dataclass(frozen=True)
class Network:
    """A wire for each name."""

    names: Sequence[str]

    def address(self, name: str) -> str:
        """Where a process of this name listens."""
        return f"10.77.0.{self.names.index(name) + 1}"

    def through(self, name: str) -> list[str]:
        """The command that starts a process in its place."""
        return ["ip", "netns", "exec", self.place(name)]

    def place(self, name: str) -> str:
        """The namespace of a name."""
        return f"shoal-{os.getpid()}-{name}"

    def cut(self, sender: str, *receivers: str) -> None:
        """From now on nothing that `sender` sends arrives; the other direction is left alone."""
        for receiver in receivers:
            _ip(
                self.place(sender), "neigh", "replace", *self._neighbour(receiver), "lladdr", NOBODY, "nud", "permanent"
            )

    def heal(self, sender: str, *receivers: str) -> None:
        """Packets arrive again."""
        for receiver in receivers:
            _ip(self.place(sender), "neigh", "del", *self._neighbour(receiver))

    def isolate(self, name: str) -> None:
        """Nothing leaves or reaches a place."""
        _ip(self.place("bridge"), "link", "set", self._port(name), "down")

    def rejoin(self, name: str) -> None:
        """The wire is plugged in again."""
        _ip(self.place("bridge"), "link", "set", self._port(name), "up")

    def throttle(self, name: str, bits_per_s: float) -> None:
        """So much in each direction, and no more."""
        burst = max(BURST_BYTES_MIN, int(bits_per_s / 8 * BURST_S))
        bucket = ["tbf", "rate", f"{int(bits_per_s)}bit", "burst", str(burst), "latency", f"{int(WAIT_S * 1000)}ms"]
        _run("tc", "-n", self.place(name), "qdisc", "replace", "dev", "eth0", "root", *bucket)
        _run("tc", "-n", self.place("bridge"), "qdisc", "replace", "dev", self._port(name), "root", *bucket)

    def _neighbour(self, name: str) -> list[str]:
        return [self.address(name), "dev", "eth0"]

    def _port(self, name: str) -> str:
        return f"port{self.names.index(name)}"

    def _lay(self, name: str, ends: ExitStack) -> None:
        place, bridge, port = self.place(name), self.place("bridge"), self._port(name)
        _add(place, ends)
        _ip(bridge, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", place)
        _ip(bridge, "link", "set", port, "master", "bridge", "up")
        _ip(place, "addr", "add", f"{self.address(name)}/24", "dev", "eth0")
        _ip(place, "link", "set", "eth0", "up")
        _ip(place, "link", "set", "lo", "up")


@contextmanager
def network(*names: str) -> Iterator[Network]:
    """A network for processes of these names; skipped, with the reason, where this user may make none."""
    made = Network(names)
    with ExitStack() as ends:
        try:
            _add(made.place("bridge"), ends)
            _ip(made.place("bridge"), "link", "add", "bridge", "type", "bridge")
        except (OSError, subprocess.CalledProcessError) as problem:
            said = getattr(problem, "stderr", "") or str(problem)
            pytest.skip(f"making network namespaces takes iproute2 and privileges: {said.strip()}")
        _ip(made.place("bridge"), "link", "set", "bridge", "up")
        for name in names:
            made._lay(name, ends)
        yield made


def _add(place: str, ends: ExitStack) -> None:
    _run("ip", "netns", "add", place)
    ends.callback(_run, "ip", "netns", "del", place)


def _ip(place: str, *words: str) -> None:
    _run("ip", "-n", place, *words)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
