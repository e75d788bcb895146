"""Three keys per repository with the real restic: registered, told from strangers', and opened by shares alone."""

from __future__ import annotations

import dataclasses
import itertools
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from backup_rig import CANARY, Rig, item, rig
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from backup import escrow, keycheck, keys
from backup.layout import Item
from backup.places import Places
from backup.restic import Secret
from backup.trouble import ResticError, Trouble
from ops.errors import DrillFailedError, OpsError, UsageError
from ops.system.secrets import Secrets

HOLDERS = ("Sekda", "Inspektur", "Kadis", "BPKAD", "Arsip")


@dataclass
class Office:
    rig: Rig
    item: Item
    shares: list[escrow.Share]
    secrets: Secrets

    @property
    def spots(self) -> Places:
        def files() -> str:
            folder = self.rig.repository / "keys"
            return "\n".join(f"/srv/restic/h/{self.item.key}/keys/{path.name}" for path in folder.iterdir())

        return dataclasses.replace(self.rig.places, key_files=files)

    def words(self, *numbers: int) -> dict[str, str]:
        return {self.shares[number].holder: self.shares[number].words for number in numbers}


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    with rig() as made:
        kept = Secrets(made.folder / "secrets.yml")
        one = Office(made, item("files", "/x"), [], kept)
        keys.note(one.spots, one.item, made.restic().ensure(), keycheck.HOST)
        _, one.shares = keys.begin_escrow(one.spots, HOLDERS, 3)
        assert keys.register(one.spots, one.item, kept) == ["drill", "escrow"]
        yield one


def test_each_role_opens_the_repository_with_its_own_key(office: Office) -> None:
    ledger = office.spots.ledger.read()
    roles = keycheck.registered(ledger, office.item.key)
    assert sorted(roles.values()) == ["drill", "escrow", "host"]
    assert set(roles) == {path.name for path in (office.rig.repository / "keys").iterdir()}
    drill = office.rig.restic(
        keycheck.newest(ledger, office.item.key, "drill"), office.secrets.get("drill/dinkes/contoh")
    )
    assert drill.snapshots() == []
    assert CANARY not in office.secrets.path.read_text(), "not the host's password"


def test_registering_again_adds_nothing(office: Office) -> None:
    before = office.spots.ledger.last()
    assert keys.register(office.spots, office.item, office.secrets) == []
    assert office.spots.ledger.last() == before


def test_three_shares_open_it_and_two_do_not(office: Office) -> None:
    opened = keys.open_test(office.spots, office.item, office.words(4, 0, 2))
    assert (opened.set, opened.snapshots, opened.holders) == ("dinkes.contoh", 0, ("Arsip", "Sekda", "Kadis"))
    assert opened.fewer.startswith("2 shares do not open the escrow")
    with pytest.raises(DrillFailedError, match="was not opened by 2 shares"):
        keys.open_test(office.spots, office.item, office.words(1, 3))
    told = [line for line in office.spots.ledger.read() if line["event"] == "escrow-test"]
    assert [bool(line["failure"]) for line in told] == [False, True]


def test_an_escrow_that_is_weaker_than_declared_is_a_failed_test(office: Office) -> None:
    ledger = office.spots.ledger
    made = keys.newest_escrow(ledger.read())
    assert made
    ledger.append({"event": "escrow", "of": "_region", "public": made["public"], "threshold": 4, "at": 0.0})
    with pytest.raises(DrillFailedError, match="3 shares sufficed"):
        keys.open_test(office.spots, office.item, office.words(0, 1, 2))
    assert "3 shares sufficed" in ledger.read()[-1]["failure"]
    ledger.append({"event": "escrow", "of": "_region", "public": made["public"], "threshold": 3, "at": 0.0})


def test_no_share_and_no_password_is_kept(office: Office) -> None:
    text = office.spots.ledger.path.read_text() + office.secrets.path.read_text()
    for share in office.shares:
        assert share.words not in text
        assert " ".join(share.words.split()[4:10]) not in text
    line = next(line for line in office.spots.ledger.read() if line.get("role") == "escrow")
    private = escrow.recover([share.words for share in office.shares[:3]])
    assert escrow.unseal(private, line["sealed"]) not in text


def test_a_foreign_key_is_an_alarm_and_a_lost_one_is_named(office: Office) -> None:
    assert keys.check(office.spots, [office.item.key]) == ({"dinkes.contoh": []}, {})
    folder = office.rig.repository / "keys"
    (folder / "ee").write_text("{}")
    (mine,) = [
        path
        for path in folder.iterdir()
        if keycheck.registered(office.spots.ledger.read(), office.item.key).get(path.name) == "escrow"
    ]
    mine.rename(office.rig.folder / mine.name)
    try:
        unknown, gone = keys.check(office.spots, [office.item.key])
        assert (unknown, gone) == ({"dinkes.contoh": ["ee"]}, {"dinkes.contoh": [mine.name]})
        assert '"ee"' in (office.spots.state / keycheck.FILE).read_text()
        with pytest.raises(DrillFailedError):
            keys.open_test(office.spots, office.item, office.words(0, 1, 2))
    finally:
        (folder / "ee").unlink()
        (office.rig.folder / mine.name).rename(mine)


def test_a_wrong_password_adds_no_key(office: Office) -> None:
    with pytest.raises(ResticError) as caught:
        office.rig.restic(password="wrong").add_key(Secret("x" * 20), "drill")
    assert caught.value.trouble is Trouble.WRONG_KEY


def test_without_an_escrow_or_a_backup_nothing_is_registered(tmp_path: Path) -> None:
    with rig() as made:
        one = item("files", "/x")
        assert keys.register(made.places, one, Secrets(tmp_path / "s.yml")) == []
        with pytest.raises(OpsError, match="has no key in escrow"):
            keys.open_test(made.places, one, {})


def test_any_three_of_five_and_no_two() -> None:
    public, shares = escrow.make(HOLDERS)
    words = [share.words for share in shares]
    wholes = {escrow.recover(three) for three in itertools.combinations(words, 3)}
    assert len(wholes) == 1
    sealed = escrow.seal(public, "rahasia")
    assert escrow.unseal(wholes.pop(), sealed) == "rahasia"
    for two in itertools.combinations(words, 2):
        with pytest.raises(OpsError, match="2 shares do not open"):
            escrow.recover(two)


@given(st.text(min_size=1, max_size=60), st.integers(0, 10_000))
def test_what_is_sealed_is_opened_by_its_owner_only_and_unchanged_only(secret: str, at: int) -> None:
    own, other = secrets.token_bytes(32), secrets.token_bytes(32)
    public = X25519PrivateKey.from_private_bytes(own).public_key().public_bytes_raw().hex()
    sealed = escrow.seal(public, secret)
    assert escrow.unseal(own, sealed) == secret
    with pytest.raises(OpsError):
        escrow.unseal(other, sealed)
    ephemeral = bytearray.fromhex(sealed["ephemeral"])
    ephemeral[at % 31] ^= 1  # the highest bit of the last byte counts for nothing in X25519
    with pytest.raises(OpsError):
        escrow.unseal(own, {**sealed, "ephemeral": ephemeral.hex()})


def test_a_sheet_holds_its_share_and_names_the_others() -> None:
    public, shares = escrow.make(HOLDERS)
    text = shares[0].text(public, 3, HOLDERS[1:])
    assert escrow.words_of(text, "x") == shares[0].words
    assert escrow.words_of(shares[0].words + "\n", "x") == shares[0].words
    assert "Inspektur" in text
    with pytest.raises(UsageError):
        escrow.words_of("a few words\n", "x")
    with pytest.raises(UsageError):
        escrow.make(["a", "a", "b"], 2)
