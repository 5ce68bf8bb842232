"""`shoal` as another version of the protocol has it: `python -m tests.live.of_version 1,2 sentinel ...`."""

import sys

from shoal_swarm.cli import main
from shoal_swarm.transport import greeting

if __name__ == "__main__":
    greeting.PROTOCOL_VERSIONS = tuple(int(version) for version in sys.argv.pop(1).split(","))  # type: ignore[misc]
    main()
