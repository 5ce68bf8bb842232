"""Promise: a register that is lost with its disk is rebuilt from nodes' ledgers, and the run goes on where it was."""

from shoal_swarm.protocol.restore import restored
from tests.simulation.world import Shape, World


def test_a_lost_register_is_rebuilt_and_the_run_goes_on() -> None:
    world = World(5, Shape(nodes=4))
    world.boot_all()
    assert world.run_until(60.0, lambda: world.now > 30.0 and _everybody_knows_everything(world))
    sentinel = world.sentinels["sentinel-1"]
    sentinel.crash("its register is lost")
    world.run_until(world.now + 3.0)
    before = world.register.record
    record, entries = restored({name: host.disk.ledger for name, host in world.nodes.items()}, world.verify)
    assert record == before
    world.register.record, world.register.ledger = record, list(entries)
    world.register.members.clear()
    sentinel.boot()
    committed = record.committed
    world.run_until(world.now + 30.0)
    assert max(world.invariants.commits) > committed + 3
    assert all(host.disk.books.applied > committed + 2 for host in world.nodes.values())


def _everybody_knows_everything(world: World) -> bool:
    return all(len(host.disk.ledger) == len(world.register.ledger) for host in world.nodes.values())
