"""Every bad identity is refused for its own typed reason, and OpenSSL agrees wherever it asks the same question."""

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shoal_certs.identity import Identity, Role
from shoal_certs.reasons import CertificateRefused, Reason
from shoal_certs.revocation import RevocationList
from shoal_certs.validator import Trust, chain_der, validate
from tests.identities import BadIdentity, bad_identities
from tests.workshop import SWARM, Leaf, Workshop, identity

NOW = datetime.now(UTC).replace(microsecond=0)
BAD = bad_identities(NOW)


def trust_of(bad: BadIdentity) -> Trust:
    return Trust.read(SWARM, bad.bundle_pem, [bad.crl_pem] if bad.crl_pem else [], "the bundle")


def openssl_verify(folder: Path, bad: BadIdentity) -> subprocess.CompletedProcess[str]:
    leaf, *above = bad.chain_pem.split(b"-----END CERTIFICATE-----\n")[:-1]
    (folder / "leaf.pem").write_bytes(leaf + b"-----END CERTIFICATE-----\n")
    (folder / "above.pem").write_bytes(b"".join(one + b"-----END CERTIFICATE-----\n" for one in above))
    (folder / "bundle.pem").write_bytes(bad.bundle_pem)
    command = ["openssl", "verify", "-x509_strict", "-crl_check", "-CAfile", "bundle.pem"]
    if bad.crl_pem:
        (folder / "crl.pem").write_bytes(bad.crl_pem)
        command += ["-CRLfile", "crl.pem"]
    if above:
        command += ["-untrusted", "above.pem"]
    results = [
        subprocess.run(
            [*command, "-purpose", purpose, "leaf.pem"], cwd=folder, capture_output=True, text=True, check=False
        )
        for purpose in ("sslclient", "sslserver")
    ]
    return max(results, key=lambda result: result.returncode)


def test_there_are_many_and_each_has_a_name_of_its_own() -> None:
    assert len(BAD) >= 40
    assert len({bad.what for bad in BAD}) == len(BAD)


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.what.replace(" ", "-"))
def test_a_bad_identity_is_refused_for_its_reason(bad: BadIdentity) -> None:
    with pytest.raises(CertificateRefused) as refusal:
        validate(bad.chain, trust_of(bad), NOW)
    assert refusal.value.reason is bad.reason
    assert bad.reason.sentence in str(refusal.value)


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.what.replace(" ", "-"))
def test_openssl_agrees_where_it_asks_the_same(bad: BadIdentity, tmp_path: Path) -> None:
    verdict = openssl_verify(tmp_path, bad)
    said = verdict.stdout + verdict.stderr
    if bad.openssl is None:
        assert verdict.returncode == 0, said
    else:
        assert verdict.returncode != 0, said
        assert bad.openssl in said


def test_a_good_identity_is_accepted_by_both(tmp_path: Path) -> None:
    shop, leaf = Workshop.open(NOW), Leaf()
    made = chain_der([shop.make(leaf), shop.issuing.certificate])
    good = BadIdentity("nothing", Reason.MALFORMED, None, tuple(made), b"", shop.bundle, shop.crl())
    assert validate(good.chain, trust_of(good), NOW).identity == identity()
    assert openssl_verify(tmp_path, good).returncode == 0


def test_nothing_and_nonsense_are_refused() -> None:
    trust = Workshop.open(NOW).trust()
    for chain, reason in (
        ([], Reason.NO_CERTIFICATE),
        ([b""], Reason.NO_CERTIFICATE),
        ([b"not a certificate"], Reason.MALFORMED),
        ([b"\x30" * 20_000], Reason.MALFORMED),
    ):
        with pytest.raises(CertificateRefused) as refusal:
            validate(chain, trust, NOW)
        assert refusal.value.reason is reason


def test_a_valid_identity_is_refused_in_the_wrong_role_or_in_anothers_place() -> None:
    shop = Workshop.open(NOW)
    chain = chain_der([shop.make(Leaf()), shop.issuing.certificate])
    with pytest.raises(CertificateRefused) as refusal:
        validate(chain, shop.trust(), NOW, roles=frozenset({Role.SENTINEL}))
    assert refusal.value.reason is Reason.ROLE_NOT_ALLOWED
    with pytest.raises(CertificateRefused) as refusal:
        validate(chain, shop.trust(), NOW, expected=Identity(SWARM, Role.NODE, "node-2"))
    assert refusal.value.reason is Reason.NOT_EXPECTED


def test_a_revocation_list_gives_way_to_a_higher_number_only() -> None:
    shop = Workshop.open(NOW)
    lists = {number: RevocationList.read(shop.crl(number=number), "a list") for number in (1, 2)}
    lists[2].check_replaces(lists[1], "a list")  # made within the same second, and newer all the same
    lists[2].check_replaces(lists[2], "a list")
    for current, fresh, reason in (
        (lists[2], lists[1], Reason.CRL_ROLLED_BACK),
        (lists[2], RevocationList.read(shop.crl(7, number=2), "a list"), Reason.CRL_EQUIVOCATES),
    ):
        with pytest.raises(CertificateRefused) as refusal:
            fresh.check_replaces(current, "a list")
        assert refusal.value.reason is reason


def test_a_revocation_list_of_another_swarm_or_without_number_is_refused() -> None:
    shop = Workshop.open(NOW)
    foreign = RevocationList.read(shop.crl(issuer=shop.other_swarm("other").issuing), "a list")
    with pytest.raises(CertificateRefused) as refusal:
        foreign.check_issuer(shop.issuing.certificate, "a list")
    assert refusal.value.reason is Reason.CRL_WRONG_ISSUER
