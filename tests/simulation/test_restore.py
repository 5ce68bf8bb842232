"""Promise: a register that is lost with its disk is rebuilt from nodes' ledgers, and the run goes on where it was."""

from shoal_swarm.protocol.restore import restored
from tests.simulation.world import Shape, World


def test_a_lost_register_is_rebuilt_and_the_run_goes_on() -> None:
    world = World(5, Shape(nodes=4))
    world.boot_all()
    world.run_until(30.0)
    sentinel = world.sentinels["sentinel-1"]
    sentinel.crash("its register is lost")
    world.run_until(33.0)
    before = world.register.record
    record, entries = restored({name: host.disk.ledger for name, host in world.nodes.items()}, world.verify)
    assert record == before
    world.register.record, world.register.ledger = record, list(entries)
    world.register.members.clear()
    sentinel.boot()
    committed = record.committed
    world.run_until(60.0)
    assert max(world.invariants.commits) > committed + 3
    assert all(host.disk.books.applied > committed + 2 for host in world.nodes.values())
