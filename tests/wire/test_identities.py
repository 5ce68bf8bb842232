"""Guards the door: whoever proves nothing gets no byte in, in either direction, and leaves nothing behind."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable, MutableMapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from shoal_base.errors import InputRefused, PlaceRefused
from shoal_certs.certificates import der_of, pem_of
from shoal_certs.credentials import BUNDLE_FILE, CERT_FILE, CRL_FILE, KEY_FILE, CredentialFiles
from shoal_certs.files import PRIVATE_MODE, write_file
from shoal_certs.identity import Identity, Role
from shoal_certs.keys import key_pem
from shoal_certs.reasons import CertificateRefused
from shoal_certs.reasons import Reason as CertReason
from shoal_swarm.protocol.roles import LinkKind
from shoal_swarm.transport.endpoint import TlsEndpoint
from shoal_swarm.transport.keyring import Keyring
from shoal_swarm.transport.reasons import LinkEnded, LinkRefused, Reason
from tests.identities import _CASES, NO_CRL, BadIdentity, _finish
from tests.parties import Town
from tests.wire.conftest import ANYWHERE, PartyMaker, open_descriptors, until
from tests.workshop import Leaf, Workshop, identity

SHOP = Workshop.open(datetime.now(UTC))
BAD = [_finish(SHOP, what, reason, openssl, make(SHOP)) for what, reason, openssl, make in _CASES]
STARTS_NOT = [bad for bad in BAD if str(bad.reason).startswith("crl-") and "second" not in bad.what]
# OpenSSL verifies a leaf with the issuers that it needs and forgets the rest: ballast makes no bad identity.
BALLAST = "four certificates"
SHOWN = [bad for bad in BAD if bad not in STARTS_NOT and bad.what != BALLAST]
HONEST = Leaf(uris=(identity("honest").uri,))
HONEST_CHAIN = pem_of([SHOP.make(HONEST), SHOP.issuing.certificate])


def _write(folder: Path, crl_pem: bytes | None) -> CredentialFiles:
    folder.mkdir()
    write_file(folder / CERT_FILE, HONEST_CHAIN)
    write_file(folder / KEY_FILE, key_pem(HONEST.key), PRIVATE_MODE)
    write_file(folder / BUNDLE_FILE, SHOP.bundle)
    if crl_pem is not None:
        write_file(folder / CRL_FILE, crl_pem)
    return CredentialFiles(folder / CERT_FILE, folder / KEY_FILE, folder)


def _attacker(folder: Path, bad: BadIdentity, side: int) -> ssl.SSLContext | None:
    """A context that shows `bad`, or None where OpenSSL itself will not."""
    context = ssl.SSLContext(side)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols([kind.value for kind in LinkKind])
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    (folder / "bad.pem").write_bytes(bad.chain_pem)
    (folder / "bad.key").write_bytes(bad.key_pem)
    try:
        context.load_cert_chain(folder / "bad.pem", folder / "bad.key")
    except ssl.SSLError:
        return None
    return context


def _fits(bad: BadIdentity, detail: str) -> bool:
    """Whether the reason that was given is the one that belongs to this identity."""
    by_openssl = bad.openssl is not None and detail.startswith("OpenSSL:") and bad.openssl in detail
    # Below another issuer there is no list of its own for whoever has the swarm's, and that is asked first.
    without_list = bad.chain[1:2] != (der_of(SHOP.issuing.certificate),) and NO_CRL in detail
    weak_key = bad.reason is CertReason.WRONG_KEY_TYPE and "key too weak" in detail
    return (
        by_openssl
        or without_list
        or weak_key
        or detail.startswith(f"{bad.reason}:")
        or detail == "OpenSSL: certificate revoked"
    )


@dataclass
class Dealers:
    """How many ZeroMQ sockets were made."""

    made: int = 0


@pytest.fixture
def dealers(monkeypatch: pytest.MonkeyPatch) -> Dealers:
    counted = Dealers()

    def make(*_: object) -> None:
        counted.made += 1
        raise AssertionError("a ZeroMQ socket for somebody who proved nothing")

    monkeypatch.setattr("shoal_swarm.transport.tls_pipe.Dealer", make)
    return counted


@asynccontextmanager
async def _honest(folder: Path, bad: BadIdentity, shared: TlsEndpoint) -> AsyncIterator[TlsEndpoint]:
    """Who meets `bad`: the shared party, or one that has the list which `bad` needs to be bad."""
    if bad.reason is not CertReason.REVOKED and "second" not in bad.what:
        yield shared
        return
    async with TlsEndpoint(Keyring(_write(folder / bad.what.replace(" ", "-"), bad.crl_pem))) as own:
        await own.listen(ANYWHERE)
        yield own


def _knock(context: ssl.SSLContext, address: tuple[str, int]) -> None:
    """Shake hands, and wait for what the other side says to that."""
    with (
        contextlib.suppress(OSError),
        socket.create_connection(address, timeout=5) as raw,
        context.wrap_socket(raw) as tls,
    ):
        tls.recv(1)


async def test_no_bad_identity_comes_in(tmp_path: Path, dealers: Dealers) -> None:
    wrong: list[str] = []
    async with TlsEndpoint(Keyring(_write(tmp_path / "shared", SHOP.crl()))) as shared:
        await shared.listen(ANYWHERE)
        for bad in SHOWN:
            async with _honest(tmp_path, bad, shared) as honest:
                wrong += await _meet_as_listener(tmp_path, bad, honest)
    assert not wrong
    assert not dealers.made
    assert len(SHOWN) >= 60


async def _meet_as_listener(folder: Path, bad: BadIdentity, honest: TlsEndpoint) -> list[str]:
    assert honest._door is not None
    attacker = _attacker(folder, bad, ssl.PROTOCOL_TLS_CLIENT)
    if attacker is None:
        with pytest.raises(CertificateRefused) as refusal:
            honest._keyring.judge_chain(bad.chain)
        return [] if refusal.value.reason is bad.reason else [f"{bad.what}: {refusal.value}"]
    honest._door._budget._arrivals.clear()
    address = honest._door._listening.getsockname()
    honest._door._logged_at.clear()
    before, refused = open_descriptors(), honest.refused.total()
    with capture_logs() as logs:
        await asyncio.to_thread(_knock, attacker, address)
        await until(lambda: honest.refused.total() > refused and open_descriptors() == before and _has_refused(logs))
    said = _refusals(logs)
    return (
        []
        if [entry["reason"] for entry in said] == [Reason.CERTIFICATE] and _fits(bad, str(said[0]["detail"]))
        else [f"{bad.what}: {said}"]
    )


def _refusals(logs: Sequence[MutableMapping[str, object]]) -> list[MutableMapping[str, object]]:
    return [entry for entry in logs if entry["event"] == "connection_refused"]


def _has_refused(logs: Sequence[MutableMapping[str, object]]) -> bool:
    return bool(_refusals(logs))


async def test_no_bad_identity_is_dialled(tmp_path: Path, dealers: Dealers) -> None:
    wrong: list[str] = []
    met = 0
    async with TlsEndpoint(Keyring(_write(tmp_path / "shared", SHOP.crl()))) as shared:
        for bad in SHOWN:
            attacker = _attacker(tmp_path, bad, ssl.PROTOCOL_TLS_SERVER)
            if attacker is None:
                continue
            met += 1
            async with _honest(tmp_path, bad, shared) as honest:
                refusal = await _meet_as_dialler(attacker, honest)
            if refusal.reason is not Reason.CERTIFICATE or not _fits(bad, refusal.detail):
                wrong.append(f"{bad.what}: {refusal}")
    assert not wrong
    assert not dealers.made
    assert met >= 50


async def _meet_as_dialler(attacker: ssl.SSLContext, honest: TlsEndpoint) -> LinkRefused:
    with socket.create_server(ANYWHERE) as listening:
        listening.settimeout(5)

        def answer() -> None:
            with contextlib.suppress(OSError):
                raw, _ = listening.accept()
                raw.settimeout(5)
                with attacker.wrap_socket(raw, server_side=True) as tls:
                    tls.recv(1)

        before = open_descriptors()
        answering = asyncio.get_running_loop().run_in_executor(None, answer)
        with pytest.raises(LinkRefused) as refusal:
            await honest.dial(listening.getsockname(), LinkKind.BULK, identity())
        await answering
        assert open_descriptors() == before
    return refusal.value


@pytest.mark.parametrize("bad", STARTS_NOT, ids=lambda bad: bad.what.replace(" ", "-"))
def test_without_a_revocation_list_that_holds_a_party_does_not_start(tmp_path: Path, bad: BadIdentity) -> None:
    with pytest.raises((CertificateRefused, PlaceRefused)) as refusal:
        Keyring(_write(tmp_path / "honest", bad.crl_pem))
    if bad.crl_pem is not None:
        assert isinstance(refusal.value, CertificateRefused)
        assert refusal.value.reason is bad.reason


def test_a_key_log_is_refused(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    files = town.files("ana")
    monkeypatch.setenv("SSLKEYLOGFILE", "/tmp/keys")  # noqa: S108 - never written to
    with pytest.raises(InputRefused, match="Unset it"):
        Keyring(files)


def _greet_http(raw: socket.socket) -> None:
    raw.sendall(b"GET / HTTP/1.1\r\nHost: shoal\r\n\r\n")


def _greet_zmtp(raw: socket.socket) -> None:
    raw.sendall(b"\xff" + bytes(8) + b"\x7f\x03\x01NULL" + bytes(48))


def _greet_garbage(raw: socket.socket) -> None:
    raw.sendall(b"\x00" * 64)


def _leave(raw: socket.socket) -> None:
    raw.shutdown(socket.SHUT_WR)


def _tls(**changes: object) -> Callable[[socket.socket], None]:
    def greet(raw: socket.socket) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        for name, value in changes.items():
            setattr(context, name, value)
        context.set_alpn_protocols([LinkKind.CONTROL.value])
        with context.wrap_socket(raw) as tls:
            tls.recv(1)

    return greet


@pytest.mark.parametrize(
    ("greet", "reason"),
    [
        pytest.param(_greet_http, Reason.PLAIN_HTTP, id="http"),
        pytest.param(_greet_zmtp, Reason.NOT_TLS, id="zmtp"),
        pytest.param(_greet_garbage, Reason.NOT_TLS, id="garbage"),
        pytest.param(_leave, Reason.HANDSHAKE_ABANDONED, id="leaves"),
        pytest.param(_tls(), Reason.NO_CERTIFICATE, id="no-certificate"),
        pytest.param(_tls(maximum_version=ssl.TLSVersion.TLSv1_2), Reason.TLS_TOO_OLD, id="tls-1.2"),
    ],
)
async def test_a_stranger_is_refused_by_name(
    party: PartyMaker, dealers: Dealers, greet: Callable[[socket.socket], None], reason: Reason
) -> None:
    ben = await party("ben")
    address = await ben.listen(ANYWHERE)
    before = open_descriptors()

    def knock() -> None:
        with contextlib.suppress(OSError), socket.create_connection(address, timeout=5) as raw:
            greet(raw)
            raw.recv(1)

    await asyncio.to_thread(knock)
    await until(lambda: ben.refused.total() > 0 and open_descriptors() == before)
    assert dict(ben.refused) == {reason: 1}
    assert not dealers.made


async def _knock_with(
    files: CredentialFiles, address: tuple[str, int], change: Callable[[ssl.SSLContext], None]
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(files.cert, files.key)
    change(context)
    await asyncio.to_thread(_knock, context, address)


@pytest.mark.parametrize("alpn", [["http/1.1"], ["shoal-ctl/2"], []], ids=["http", "other-version", "none"])
async def test_whoever_names_another_protocol_is_refused(
    party: PartyMaker, town: Town, dealers: Dealers, alpn: list[str]
) -> None:
    ben = await party("ben")
    await _knock_with(
        town.files("ana"),
        await ben.listen(ANYWHERE),
        lambda context: context.set_alpn_protocols(alpn) if alpn else None,
    )
    await until(lambda: ben.refused.total() > 0)
    assert dict(ben.refused) == {Reason.WRONG_ALPN: 1}
    assert not dealers.made


async def test_a_chain_of_160_kib_is_refused(party: PartyMaker, town: Town, dealers: Dealers, tmp_path: Path) -> None:
    ben = await party("ben")
    files = town.files("ana")
    padding = pem_of([town.authority.issuing.certificate]) * (160 * 1024 // 500)
    (tmp_path / "long.pem").write_bytes(files.cert.read_bytes() + padding)

    def show_it(context: ssl.SSLContext) -> None:
        context.load_cert_chain(tmp_path / "long.pem", files.key)
        context.set_alpn_protocols([LinkKind.CONTROL.value])

    await _knock_with(files, await ben.listen(ANYWHERE), show_it)
    await until(lambda: ben.refused.total() > 0)
    assert dict(ben.refused) == {Reason.CHAIN_TOO_LARGE: 1}
    assert not dealers.made


async def test_a_dialler_names_what_answers_in_place_of_a_peer(party: PartyMaker, dealers: Dealers) -> None:
    ana = await party("ana")
    for said, reason in ((b"HTTP/1.1 400 Bad Request\r\n\r\n", Reason.NOT_TLS), (b"", Reason.HANDSHAKE_ABANDONED)):
        with socket.create_server(ANYWHERE) as listening:

            def answer(listening: socket.socket = listening, said: bytes = said) -> None:
                raw, _ = listening.accept()
                with raw:
                    raw.recv(4096)
                    raw.sendall(said)

            answering = asyncio.get_running_loop().run_in_executor(None, answer)
            with pytest.raises((LinkRefused, LinkEnded)) as refusal:
                await ana.dial(listening.getsockname(), LinkKind.CONTROL, Identity("reef", Role.NODE, "ben"))
            await answering
        assert refusal.value.reason is reason
    assert not dealers.made
