"""Guards that what changes about certificates takes effect on links that are in use, without a restart."""

import asyncio
import os
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from shoal_swarm.protocol.messages import Ping
from shoal_swarm.protocol.roles import LinkKind
from shoal_swarm.transport.bulk.desk import BulkDesk
from shoal_swarm.transport.bulk.hooks import Delivery
from shoal_swarm.transport.bulk.source import BytesSource
from shoal_swarm.transport.bulk.store import Store
from shoal_swarm.transport.endpoint import TlsEndpoint
from shoal_swarm.transport.keyring import Keyring, utc_now
from shoal_swarm.transport.limits import DEFAULT_LIMITS
from shoal_swarm.transport.reasons import LinkEnded, LinkRefused, Reason
from tests.parties import Town
from tests.proxy import proxy_to
from tests.wire.conftest import ANYWHERE, PartyMaker, until

MIB = 1 << 20
BRISK = replace(DEFAULT_LIMITS, heartbeat_s=0.5)


async def test_a_revoked_sender_is_cut_off_in_mid_transfer_and_nobody_else_is(
    party: PartyMaker, tmp_path: Path, town: Town
) -> None:
    ana, ben, cleo = [await party(name, limits=BRISK) for name in ("ana", "ben", "cleo")]
    address = await ben.listen(ANYWHERE)
    from_cleo = await cleo.dial(address, LinkKind.CONTROL, ben.identity)
    to_cleo = await ben.accept()
    async with proxy_to(address, bytes_per_s=4 * MIB) as slow, asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        link = await ana.dial(slow.address, LinkKind.BULK, ben.identity)
        receiving, sending = BulkDesk(await ben.accept(), Store(tmp_path, 0)), BulkDesk(link)
        served = tasks.create_task(receiving.run())
        tasks.create_task(sending.run())
        transfer = tasks.create_task(_failing(sending.send(BytesSource(os.urandom(40 * MIB)))))
        await until(lambda: bool(list(tmp_path.glob("*.hashes"))), 20)
        certified = ana._keyring._keeper.credentials.certified
        town.revoke(certified.serial)
        revoked_at = time.monotonic()
        end = await served
        assert time.monotonic() - revoked_at < 2 * BRISK.heartbeat_s + 0.5
        assert end.reason is Reason.REVOKED
        assert isinstance(await transfer, LinkEnded | LinkRefused)
    with pytest.raises((LinkRefused, LinkEnded)):
        await ana.dial(address, LinkKind.BULK, ben.identity)
    assert ben.refused[Reason.CERTIFICATE] == 1
    await from_cleo.send(Ping(number=1))
    assert (await to_cleo.receive()).message == Ping(number=1)


async def _failing(transfer: object) -> BaseException | None:
    try:
        await transfer  # type: ignore[misc]
    except (LinkEnded, LinkRefused) as end:
        return end
    return None


async def test_nothing_notices_a_rotation_and_the_next_dial_shows_the_new_certificate(
    party: PartyMaker, tmp_path: Path, town: Town
) -> None:
    ana, ben = [await party(name, limits=BRISK) for name in ("ana", "ben")]
    address = await ben.listen(ANYWHERE)
    data = os.urandom(10 * MIB)
    arrived: list[Delivery] = []
    async with proxy_to(address, bytes_per_s=6 * MIB) as slow, asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        link = await ana.dial(slow.address, LinkKind.BULK, ben.identity)
        accepted = await ben.accept()
        old = accepted.peer.certified
        receiving = BulkDesk(accepted, Store(tmp_path, 0), on_delivery=arrived.append)
        sending = BulkDesk(link)
        tasks.create_task(receiving.run())
        tasks.create_task(sending.run())
        transfer = tasks.create_task(sending.send(BytesSource(data)))
        town.files("ana")
        town.files("ben")
        await transfer
        assert link.ended is None
        await until(lambda: ana._keyring._keeper.credentials.certified.serial != old.serial)  # a sweep away
        await link.close()
    assert arrived[0].path.read_bytes() == data
    await ana.dial(address, LinkKind.CONTROL, ben.identity)
    fresh = await ben.accept()
    assert fresh.peer.certified.serial != old.serial
    assert fresh.peer.identity == ana.identity


async def test_a_certificate_that_runs_out_takes_its_links_with_it(party: PartyMaker, town: Town) -> None:
    ben = await party("ben", limits=BRISK)
    address = await ben.listen(ANYWHERE)
    keyring = Keyring(town.files("ana", lifetime=timedelta(seconds=3)))
    async with TlsEndpoint(keyring) as ana:
        await ana.dial(address, LinkKind.CONTROL, ben.identity)
        link = await ben.accept()
        async with asyncio.timeout(6):
            with pytest.raises(LinkRefused) as end:
                await link.receive()
        assert end.value.reason is Reason.EXPIRED


async def test_a_certificate_is_judged_once_for_every_list(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    keyring, peer = town.keyring("ben"), town.keyring("ana")._keeper.credentials.certified
    judged: list[object] = []
    check = keyring._keeper.check_still_valid
    monkeypatch.setattr(keyring._keeper, "check_still_valid", lambda *asked: (judged.append(asked), check(*asked)))
    assert [keyring.verdict(peer) for _ in range(50)] == [None] * 50
    assert len(judged) == 1
    town.revoke(peer.serial)
    assert keyring.refresh()
    assert [keyring.verdict(peer) for _ in range(2)] == [Reason.REVOKED] * 2
    assert len(judged) == 3, "a refusal is not remembered"
    later = utc_now() + timedelta(days=400)
    monkeypatch.setattr("shoal_swarm.transport.keyring.utc_now", lambda: later)
    assert keyring.verdict(peer) is Reason.EXPIRED


async def test_a_list_that_runs_out_is_noticed_although_certificates_are_remembered(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyring = town.keyring("ben")
    peer = Keyring(town.files("ana", lifetime=timedelta(days=120)))._keeper.credentials.certified
    assert keyring.verdict(peer) is None
    past_the_list = keyring._keeper.credentials.trust.lists[0].ends_at + timedelta(seconds=1)
    assert past_the_list < peer.ends_at
    monkeypatch.setattr("shoal_swarm.transport.keyring.utc_now", lambda: past_the_list)
    assert keyring.verdict(peer) is Reason.REVOKED


async def test_a_list_that_goes_back_is_not_taken_over(party: PartyMaker, town: Town) -> None:
    ben = await party("ben")
    before = ben._keyring.server
    old = (town.capath / "crl.pem").read_bytes()
    town.publish()
    assert ben._keyring.refresh()
    assert ben._keyring.server is not before, "a context in use is never changed"
    (town.capath / "crl.pem").write_bytes(old)
    with pytest.raises(Exception, match="crl-rolled-back"):
        ben._keyring.refresh()
    assert not ben.refused


async def test_a_link_that_is_old_or_much_used_ends_so_that_it_is_dialled_anew(party: PartyMaker) -> None:
    for limits in (replace(BRISK, link_age_s=0.2), replace(BRISK, link_bytes_max=2000)):
        ana, ben = await party("ana"), await party("ben", limits=limits)
        link = await ana.dial(await ben.listen(ANYWHERE), LinkKind.CONTROL, ben.identity)
        await link.send(Ping(number=1), bytes(4000))
        async with asyncio.timeout(5):
            with pytest.raises(LinkEnded) as end:
                await link.receive()
        assert end.value.reason is Reason.TOO_OLD
        assert end.value.may_help_to_retry


async def test_a_peer_that_froze_is_noticed_by_its_silence(party: PartyMaker) -> None:
    limits = replace(BRISK, silence_s=1.0)
    ana, ben = await party("ana", limits=limits), await party("ben")
    async with proxy_to(await ben.listen(ANYWHERE)) as network:
        link = await ana.dial(network.address, LinkKind.CONTROL, ben.identity)
        network.delay_s = 60
        async with asyncio.timeout(8):
            with pytest.raises(LinkEnded) as end:
                await link.receive()
    assert end.value.reason is Reason.SILENT
