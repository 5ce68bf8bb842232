"""What all parties of a run agree on before it starts, and the hash that proves it.

Every party derives the configuration from the same options, and nobody sends it to anybody: a configuration
from another party would be code. A node shows the hash when it joins, the ledger begins with it, and whoever
comes with another one is refused.
"""

import re
from typing import Final, Self

import blake3
import msgspec

from shoal_base.errors import InputRefused
from shoal_swarm.merge.plan import Plan
from shoal_swarm.protocol.names import Digest, RunId
from shoal_swarm.protocol.run_rules import RunRules

DIGEST_CONTEXT: Final = "shoal run configuration v1"
_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
ROUNDS_MAX: Final = 100_000
NODES_MAX: Final = 1000
ADAPTER_BYTES_MIN: Final = 4 << 10
ADAPTER_BYTES_MAX: Final = 16 << 30


class RunConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="run/v1", tag_field="shoal"):
    """A run of synthetic contributors."""

    run: str
    adapter_bytes: int
    """Size of the synthetic adapter in float32."""
    rounds: int
    """Rounds of work, not counting round 0, which publishes the adapter that all start from."""
    min_nodes: int
    copies: int
    """Nodes that must hold every result durably before COMMIT."""
    owners_max: int = NODES_MAX
    """Nodes among which the pieces of a round are split, at most."""
    weigh: str = "mean"
    combine: str = "exact"
    dense: str = "mean"
    codec: str = "int8"

    @classmethod
    def synthetic(
        cls,
        run: str,
        adapter_bytes: int,
        rounds: int,
        min_nodes: int,
        owners_max: int = NODES_MAX,
        combine: str = "exact",
    ) -> Self:
        """The configuration that these options spell; a value outside its bounds is refused."""
        if not _NAME.fullmatch(run):
            raise InputRefused(
                f"{run[:80]!a} cannot name a run: 1 to 63 lower-case letters, digits and inner dashes can. "
                "Choose another."
            )
        for what, value, least, most in (
            ("--synthetic", adapter_bytes, ADAPTER_BYTES_MIN, ADAPTER_BYTES_MAX),
            ("--rounds", rounds, 1, ROUNDS_MAX),
            ("--min-nodes", min_nodes, 1, NODES_MAX),
            ("--owners-max", owners_max, 1, NODES_MAX),
        ):
            if not least <= value <= most:
                raise InputRefused(f"{what} {value} is refused: it must lie between {least} and {most}.")
        return cls(
            run=run,
            adapter_bytes=adapter_bytes,
            rounds=rounds,
            min_nodes=min_nodes,
            copies=min(2, min_nodes),
            owners_max=owners_max,
            combine=combine,
        )

    def digest(self) -> Digest:
        """32 bytes that stand for the whole configuration."""
        spelled = msgspec.json.encode(self, order="deterministic")
        return Digest(blake3.blake3(spelled, derive_key_context=DIGEST_CONTEXT).digest())

    def rules(self) -> RunRules:
        """The part that decides rounds."""
        return RunRules(
            run=RunId(self.run),
            config_hash=self.digest(),
            min_nodes=self.min_nodes,
            rounds=self.rounds,
            copies=self.copies,
            owners_max=self.owners_max,
        )

    def plan(self) -> Plan:
        """The rules of its merges."""
        return Plan.named(weigh=self.weigh, combine=self.combine, dense=self.dense, codec=self.codec)
