"""One of several processes that fight over the same register: `python -m tests.contracts.register.racer URL ME`.

It waits for a line on stdin, then bids for every version from 1 on, and prints the versions it won. A bid is
the racer's number in record and entry, so who won can be read off the ledger afterwards.
"""

import sys

from shoal_swarm.register import Lost, Won, open_register
from tests.contracts.register.samples import entry

VERSIONS = 60
RUN = "race"


def main(url: str, me: str) -> None:
    """Bid until the record has reached its last version."""
    with open_register(url) as register:
        _say("ready")
        sys.stdin.readline()
        boot = register.members.hello(f"racer-{me}", int(me).to_bytes(16, "big"), b"")
        register.tasks.submit(f"task-{me}", b"")
        version = 1
        while version <= VERSIONS:
            bid = f"{me} bids for {version}".encode()
            match register.runs.write(RUN, version, bid, [entry(version - 1, bid)]):
                case Won(version=reached):
                    _say(str(version))
                    version = reached
                case Lost(current=current):
                    assert current is not None
                    assert current.version > version
                    version = current.version
        assert boot.incarnation == 1


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
