"""What the authority signs: random serials, an hour back, one identity, never longer than what vouches for it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from shoal_base.errors import InputRefused
from shoal_certs.authority import HOSTS_MAX, Authority, Wish, new_issuing, new_serial
from shoal_certs.certificates import CERTIFICATE_BYTES_MAX, der_of
from shoal_certs.keys import new_key
from shoal_certs.profile import BACKDATE, ISSUING_LIFETIME, LEAF_LIFETIME, LEAF_LIFETIME_MAX
from shoal_certs.records import RECORD_BYTES_MAX, Record
from tests.workshop import DAY, HOUR, SWARM, Workshop, identity

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
SHOP = Workshop.open(NOW)


def issue(wish: Wish, now: datetime = NOW, desk: Authority = SHOP.authority) -> x509.Certificate:
    return desk.issue(wish, new_key().public_key(), now, new_serial())


def test_serials_have_128_bits_and_do_not_come_twice() -> None:
    serials = {new_serial() for _ in range(2000)}
    assert len(serials) == 2000
    assert {serial.bit_length() for serial in serials} == {128}


def test_a_leaf_starts_an_hour_ago_and_holds_for_90_days() -> None:
    leaf = issue(Wish(identity()))
    assert leaf.not_valid_before_utc == NOW - HOUR == NOW - BACKDATE
    assert leaf.not_valid_after_utc == NOW + 90 * DAY == NOW + LEAF_LIFETIME


def test_a_leaf_names_one_uri_and_the_hosts_beside_it() -> None:
    wish = Wish.for_hosts(identity(), ["reef.example", "10.0.0.5", "::1", "reef.example"])
    names = issue(wish).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [identity().uri]
    assert names.get_values_for_type(x509.DNSName) == ["reef.example"]
    assert names.get_values_for_type(x509.IPAddress) == [ip_address("10.0.0.5"), ip_address("::1")]


def test_a_leaf_is_for_both_ends_of_a_link() -> None:
    purposes = issue(Wish(identity())).extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert set(purposes) == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}


def test_a_leaf_never_outlives_the_certificate_that_vouches_for_it() -> None:
    late = NOW + ISSUING_LIFETIME - timedelta(days=5)
    assert issue(Wish(identity()), late).not_valid_after_utc == SHOP.issuing.certificate.not_valid_after_utc


def test_an_issuing_certificate_never_outlives_the_root() -> None:
    late = SHOP.root.certificate.not_valid_after_utc - DAY
    renewed = new_issuing(SWARM, SHOP.root, SHOP.issuing.key, late)
    assert renewed.certificate.not_valid_after_utc == SHOP.root.certificate.not_valid_after_utc


def test_nothing_is_issued_under_an_issuing_certificate_that_has_ended() -> None:
    with pytest.raises(InputRefused, match=r"issuing certificate ended on 2027-03-04; renew it: .*--issuing"):
        issue(Wish(identity()), NOW + ISSUING_LIFETIME)


def test_nothing_is_renewed_under_a_root_that_has_ended() -> None:
    with pytest.raises(InputRefused, match=r"root ended on .* make a new authority"):
        new_issuing(SWARM, SHOP.root, new_key(), SHOP.root.certificate.not_valid_after_utc)


def test_a_longer_life_than_the_limit_is_cut() -> None:
    wish = Wish.for_hosts(identity(), [], timedelta(days=5000))
    leaf = issue(wish)
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc <= LEAF_LIFETIME_MAX


@pytest.mark.parametrize("host", ["", "*.reef", "Reef", "a_b", "reef.", "-a", "a b", "reef\n", "a" * 64, "x.." + "y"])
def test_what_is_no_host_is_refused(host: str) -> None:
    with pytest.raises(InputRefused, match="neither an IP address nor a host name"):
        Wish.for_hosts(identity(), [host])


def test_the_most_hosts_still_fit_into_certificate_and_record() -> None:
    hosts = [f"{at:02}." + ".".join(["a" * 63] * 3) + "." + "b" * 50 for at in range(HOSTS_MAX)]
    wish = Wish.for_hosts(identity(), hosts)
    leaf = issue(wish)
    assert len(der_of(leaf)) < CERTIFICATE_BYTES_MAX
    assert len(Record.of(wish, leaf).certificate) + sum(map(len, hosts)) + 2000 < RECORD_BYTES_MAX
    with pytest.raises(InputRefused, match="has room for 32"):
        Wish.for_hosts(identity(), [*hosts, "one-more"])


def test_another_swarms_identity_is_a_defect_of_ours() -> None:
    with pytest.raises(AssertionError, match="is not of"):
        issue(replace(Wish(identity()), identity=identity(swarm="other")))
