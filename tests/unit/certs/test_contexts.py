"""Links are TLS 1.3 with both sides shown, nothing resumed, and what changed on disk takes effect without a restart."""

import shutil
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shoal_base.errors import InputRefused, PlaceRefused
from shoal_certs.authority_folder import AuthorityPlaces, open_authority
from shoal_certs.certificates import pem_of
from shoal_certs.contexts import ContextKeeper, Contexts, build_contexts, peer_chain
from shoal_certs.credentials import CredentialFiles, Credentials
from shoal_certs.identity_folder import heal_identities
from shoal_certs.keys import key_pem
from shoal_certs.offices import revoke
from shoal_certs.reasons import CertificateRefused, Reason
from shoal_certs.revocation import RevocationList
from shoal_certs.validator import Certified, validate
from tests.unit.certs.desk import make_swarm, must
from tests.workshop import Leaf, Workshop, identity

ALPN = ("shoal-ctl/1",)
DAY = timedelta(days=1)


def clock() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def reef(tmp_path: Path) -> Path:
    return make_swarm(tmp_path / "reef")


def files_of(reef: Path, name: str) -> CredentialFiles:
    return CredentialFiles.in_folder(reef / name)


def keeper_of(reef: Path, name: str) -> ContextKeeper:
    return ContextKeeper(files_of(reef, name), ALPN, clock())


@contextmanager
def linked(server: ssl.SSLContext, client: ssl.SSLContext) -> Iterator[tuple[ssl.SSLSocket, ssl.SSLSocket]]:
    """A real handshake over a pair of sockets, and one byte from the server, so that its verdict has come."""
    ours, theirs = socket.socketpair()
    problems: list[Exception] = []
    ends: list[ssl.SSLSocket] = []

    def serve() -> None:
        try:
            ours.settimeout(10)
            ends.append(server.wrap_socket(ours, server_side=True))
            ends[0].sendall(b"!")
        except (ssl.SSLError, OSError) as problem:
            problems.append(problem)
            ours.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        theirs.settimeout(10)
        with client.wrap_socket(theirs) as dialled:
            word = dialled.recv(1)
            thread.join()
            if problems or word != b"!":
                raise problems[0] if problems else ConnectionError("the server hung up")
            yield ends[0], dialled
    finally:
        thread.join()
        for end in (*ends, ours, theirs):
            end.close()


def is_refused(server: ssl.SSLContext, client: ssl.SSLContext) -> bool:
    try:
        with linked(server, client):
            return False
    except (ssl.SSLError, OSError):
        return True


def seen(link: ssl.SSLSocket, keeper: ContextKeeper) -> Certified:
    return validate(peer_chain(link), keeper.credentials.trust, clock())


def test_a_link_is_tls_1_3_and_each_side_knows_the_other(reef: Path) -> None:
    ana, ben = keeper_of(reef, "ana"), keeper_of(reef, "ben")
    with linked(ana.contexts.server, ben.contexts.client) as (server, client):
        assert server.version() == client.version() == "TLSv1.3"
        assert server.selected_alpn_protocol() == client.selected_alpn_protocol() == ALPN[0]
        assert not client.session_reused
        assert (seen(server, ana).identity.name, seen(client, ben).identity.name) == ("ben", "ana")


def test_contexts_are_strict_and_resume_nothing(reef: Path) -> None:
    contexts = keeper_of(reef, "ana").contexts
    assert contexts.server.num_tickets == 0
    for context in (contexts.server, contexts.client):
        assert context.minimum_version is ssl.TLSVersion.TLSv1_3
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.options & ssl.OP_NO_TICKET
        assert context.verify_flags & ssl.VERIFY_X509_STRICT
        assert context.verify_flags & ssl.VERIFY_CRL_CHECK_LEAF
        assert context.keylog_filename is None


def test_tls_1_2_and_a_client_without_certificate_are_refused(reef: Path) -> None:
    server = keeper_of(reef, "ana").contexts.server
    bare = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    bare.check_hostname, bare.verify_mode = False, ssl.CERT_NONE
    assert is_refused(server, bare)
    old = keeper_of(reef, "ben").contexts.client
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_2
    assert is_refused(server, old)


def test_we_do_not_start_where_session_keys_would_be_logged(reef: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", "/dev/null")
    with pytest.raises(InputRefused, match=r"SSLKEYLOGFILE is set.*Unset it"):
        keeper_of(reef, "ana")


def test_a_revocation_of_the_same_second_takes_effect(reef: Path) -> None:
    now = clock()
    ana, ben = (ContextKeeper(files_of(reef, name), ALPN, now) for name in ("ana", "ben"))
    places = AuthorityPlaces(reef)
    with open_authority(places, places.passphrase.read_bytes().strip, heal_identities) as office:
        office.revoke([], now)
        assert ana.refresh(now)
        before = ana.contexts
        with linked(ana.contexts.server, ben.contexts.client) as (server, _):
            peer = seen(server, ana)
        revoke(office, "ben", now)
    ana.check_still_valid(peer, now)
    assert ana.refresh(now)
    assert ana.contexts is not before
    assert len({one.issued_at for one in places.revocation_lists()}) == 1
    assert is_refused(ana.contexts.server, ben.contexts.client)
    assert is_refused(ben.contexts.server, ana.contexts.client), "whichever of the two dials"
    with pytest.raises(CertificateRefused) as refusal:
        ana.check_still_valid(peer, now)
    assert refusal.value.reason is Reason.REVOKED


def test_a_live_peer_is_refused_when_it_expires_or_its_root_goes(reef: Path, tmp_path: Path) -> None:
    ana = keeper_of(reef, "ana")
    peer = keeper_of(reef, "ben").credentials.certified
    ana.check_still_valid(peer, clock())
    must("crl", "--dir", reef, "--days", "200")
    ana.refresh(clock())
    with pytest.raises(CertificateRefused) as refusal:
        ana.check_still_valid(peer, clock() + 91 * DAY)
    assert refusal.value.reason is Reason.EXPIRED
    other = make_swarm(tmp_path / "other", ["zoe"])
    stranger = keeper_of(other, "zoe").credentials.certified
    with pytest.raises(CertificateRefused) as refusal:
        ana.check_still_valid(stranger, clock())
    assert refusal.value.reason in {Reason.WRONG_AUTHORITY, Reason.BAD_SIGNATURE}


def test_nothing_is_built_anew_while_the_files_stay(reef: Path) -> None:
    ana = keeper_of(reef, "ana")
    before = ana.contexts
    assert not ana.refresh(clock())
    assert ana.contexts is before


def test_a_renewal_takes_effect_and_open_links_stay(reef: Path) -> None:
    ana, ben = keeper_of(reef, "ana"), keeper_of(reef, "ben")
    before = ana.credentials.certified
    with linked(ana.contexts.server, ben.contexts.client) as (server, client):
        must("renew", "ana", "--dir", reef)
        assert ana.refresh(clock())
        server.sendall(b"still here")
        assert client.recv(20) == b"still here"
    with linked(ana.contexts.server, ben.contexts.client) as (_, client):
        assert seen(client, ben).serial == ana.credentials.certified.serial != before.serial


@pytest.mark.parametrize("harm", ["gone", "garbage", "another", "older-list", "other-swarm"])
def test_what_cannot_be_taken_over_leaves_the_old_in_force(reef: Path, tmp_path: Path, harm: str) -> None:
    must("crl", "--dir", reef)
    old_list = (reef / "capath/crl.pem").read_bytes()
    must("crl", "--dir", reef)
    ana, ben = keeper_of(reef, "ana"), keeper_of(reef, "ben")
    contexts, credentials = ana.contexts, ana.credentials
    match harm:
        case "gone":
            (reef / "ana/cert.pem").unlink()
        case "garbage":
            (reef / "ana/cert.pem").write_bytes(b"not a certificate")
        case "another":
            for name in ("cert.pem", "key.pem"):
                shutil.copy(reef / "ben" / name, reef / "ana" / name)
        case "older-list":
            (reef / "capath/crl.pem").write_bytes(old_list)
        case _:
            other = make_swarm(tmp_path / "other", ["ana"])
            shutil.copy(other / "capath/crl.pem", reef / "capath/crl.pem")
    with pytest.raises((CertificateRefused, PlaceRefused)):
        ana.refresh(clock())
    assert ana.contexts is contexts
    assert ana.credentials is credentials
    assert not is_refused(ana.contexts.server, ben.contexts.client)


def test_a_root_that_only_openssl_would_read_is_not_believed(reef: Path) -> None:
    """OpenSSL takes TRUSTED CERTIFICATE blocks, and certificates among the lists, for roots."""
    evil = Workshop.open(clock(), "reef.example")
    pem = pem_of([evil.root.certificate])
    bundle, lists = reef / "capath/bundle.pem", reef / "capath/crl.pem"
    trusted = pem.replace(b"BEGIN CERTIFICATE", b"BEGIN TRUSTED CERTIFICATE").replace(
        b"END CERTIFICATE", b"END TRUSTED CERTIFICATE"
    )
    bundle.write_bytes(bundle.read_bytes() + trusted)
    lists.write_bytes(lists.read_bytes() + pem + evil.crl())
    ana = keeper_of(reef, "ana")
    leaf = Leaf(uris=(identity("eve", swarm="reef.example").uri,))
    eve = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    eve.check_hostname, eve.verify_mode = False, ssl.CERT_NONE
    eve.set_alpn_protocols(list(ALPN))
    shown = reef / "eve.pem"
    shown.write_bytes(pem_of([evil.make(leaf), evil.issuing.certificate]) + key_pem(leaf.key))
    eve.load_cert_chain(shown)
    assert is_refused(ana.contexts.server, eve)
    assert len(ana.contexts.server.get_ca_certs()) == 1


def test_a_second_list_in_the_file_is_not_believed(reef: Path) -> None:
    older = (reef / "capath/crl.pem").read_bytes()
    must("revoke", "ben", "--dir", reef)
    newer = (reef / "capath/crl.pem").read_bytes()
    (reef / "capath/crl.pem").write_bytes(newer + older)
    ana = keeper_of(reef, "ana")
    assert ana.contexts.server.cert_store_stats()["crl"] == 1
    assert RevocationList.read(newer, "a list").number == ana.credentials.trust.lists[0].number


def test_contexts_are_made_of_credentials_alone(reef: Path) -> None:
    credentials = Credentials.load(files_of(reef, "ana"), clock())
    shutil.rmtree(reef)
    contexts = build_contexts(credentials, ALPN)
    assert isinstance(contexts, Contexts)
    assert not is_refused(contexts.server, contexts.client)
