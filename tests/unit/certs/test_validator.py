"""A good chain proves its identity: to whoever asks for the role, under every order of its issuers."""

from datetime import UTC, datetime

import pytest

from shoal_certs.authority import Wish, new_serial
from shoal_certs.certificates import der_of, fingerprint, key_fingerprint_of, pem_of
from shoal_certs.identity import Role
from shoal_certs.keys import new_key
from shoal_certs.reasons import CertificateRefused, Reason
from shoal_certs.validator import Trust, chain_der, validate
from tests.workshop import DAY, SWARM, Workshop, identity

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
SHOP = Workshop.open(NOW)


@pytest.mark.parametrize("role", Role)
def test_every_role_is_proved_and_let_in_where_it_may(role: Role) -> None:
    who = identity("ana", role)
    leaf = SHOP.authority.issue(Wish(who), new_key().public_key(), NOW, new_serial())
    chain = chain_der([leaf, SHOP.issuing.certificate])
    certified = validate(chain, SHOP.trust(), NOW, roles=frozenset({role}), expected=who)
    assert (certified.identity, certified.serial) == (who, leaf.serial_number)
    assert certified.chain == (SHOP.issuing.certificate,)
    assert certified.fingerprint == fingerprint(leaf)
    assert certified.key_fingerprint == key_fingerprint_of(leaf)
    assert certified.ends_at == NOW + 90 * DAY
    with pytest.raises(CertificateRefused) as refusal:
        validate(chain, SHOP.trust(), NOW, roles=frozenset(Role) - {role})
    assert refusal.value.reason is Reason.ROLE_NOT_ALLOWED


def test_the_root_may_come_along_and_is_not_counted() -> None:
    leaf = SHOP.authority.issue(Wish(identity()), new_key().public_key(), NOW, new_serial())
    for above in ([SHOP.issuing.certificate, SHOP.root.certificate], [SHOP.root.certificate, SHOP.issuing.certificate]):
        assert validate(chain_der([leaf, *above]), SHOP.trust(), NOW).chain == (SHOP.issuing.certificate,)


def test_one_of_two_roots_in_a_bundle_is_enough() -> None:
    other = Workshop.open(NOW)
    trust = Trust.read(SWARM, other.bundle + SHOP.bundle, [SHOP.crl(), other.crl()], "the bundle")
    for shop in (SHOP, other):
        leaf = shop.authority.issue(Wish(identity()), new_key().public_key(), NOW, new_serial())
        with_lists = Trust(SWARM, trust.roots, trust.lists if shop is SHOP else trust.lists[1:])
        assert validate(chain_der([leaf, shop.issuing.certificate]), with_lists, NOW).identity == identity()


def test_the_first_and_the_last_second_count() -> None:
    leaf = SHOP.authority.issue(Wish(identity()), new_key().public_key(), NOW, new_serial())
    chain = [der_of(leaf), der_of(SHOP.issuing.certificate)]
    for moment in (leaf.not_valid_before_utc, leaf.not_valid_after_utc):
        assert validate(chain, SHOP.trust(), moment).identity == identity()


def test_a_bundle_without_roots_and_a_leaf_as_root_are_refused() -> None:
    leaf = SHOP.authority.issue(Wish(identity()), new_key().public_key(), NOW, new_serial())
    with pytest.raises(CertificateRefused):
        Trust.read(SWARM, b"", [], "the bundle")
    with pytest.raises(CertificateRefused) as refusal:
        Trust.read(SWARM, pem_of([leaf]), [], "the bundle")
    assert refusal.value.reason is Reason.ISSUER_NOT_AN_AUTHORITY
