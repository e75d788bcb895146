"""The judgement's parts by themselves: lists, choosing, locks, what looks encrypted, what comes first."""

from __future__ import annotations

import base64
import hashlib
import random
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup.checks.contract import Difference, checks
from backup.verify import choose, compare, encrypted, files, history, locks, of_drill, seal, tree, wanted
from backup.verify.choose import Snapshot, Wish
from backup.verify.choose import choose as pick
from backup.verify.verdict import Colour, Fault, Finding, judge
from ops.errors import UsageError

NOW = 1_800_000_000.0
HOUR, DAY = 3600.0, 86400.0
WISH = Wish("web1", "/srv/app", NOW, 26 * HOUR)


def one(hours: float, size: int = 10_000, path: str = "/srv/app", host: str = "web1", number: int = 0) -> Snapshot:
    name = hashlib.sha256(f"{hours} {size} {path} {host} {number}".encode()).hexdigest()
    return Snapshot(name, NOW - hours * HOUR, host, (), (path,), 50, size, 0.1, ())


def faults(found: choose.Choice) -> set[str]:
    return {str(one.fault) for one in found.findings}


def test_the_newest_of_this_host_and_path_is_chosen() -> None:
    good = one(1)
    choice = pick([one(0.5, host="web2"), one(0.2, path="/etc"), one(30), good, one(50)], WISH)
    assert (choice.snapshot, faults(choice)) == (good, set())
    assert [before.at for before in choice.before] == [NOW - 50 * HOUR, NOW - 30 * HOUR]


def test_stale_none_future_small_and_flood() -> None:
    assert faults(pick([one(40)], WISH)) == {"rpo"}
    assert pick([one(1, host="web2"), one(1, path="/etc")], WISH).snapshot is None
    good = one(2)
    ahead = pick([good, one(-5, 10)], WISH)
    assert (ahead.snapshot, faults(ahead)) == (good, {"clock"})
    small = pick([good, one(1, 10)], WISH)
    assert (small.snapshot, faults(small)) == (good, {"incomplete"})
    flood = pick([good, *(one(1, 10, number=n) for n in range(30))], WISH)
    assert (flood.snapshot, faults(flood)) == (good, {"ransomware"})
    assert faults(pick([good, *(one(-10 - n, 10) for n in range(9))], WISH)) == {"clock", "ransomware"}


def test_a_set_that_stays_small_has_a_new_size() -> None:
    choice = pick([one(24 * 20), *(one(24 * day, 100) for day in range(12, 0, -1))], WISH)
    assert choice.snapshot
    assert (choice.snapshot.bytes, faults(choice)) == (100, set())


def test_a_list_says_how_much_is_expected() -> None:
    wish = replace(WISH, files=50, bytes=10_000)
    assert faults(pick([one(1, 100)], wish)) == {"incomplete"}
    assert faults(pick([one(2, 9000)], wish)) == set()


@pytest.mark.parametrize(
    ("paths", "root", "fits"),
    [
        ("/srv/app", "/srv/app", True),
        ("/srv", "/srv/app/", True),
        ("/", "/srv/app", True),
        ("/srv/app", "/", True),
        ("/srv/app", "/app", True),
        ("/srv/app", "/app/sub", True),
        ("/srv/application", "/srv/app", False),
        ("/etc", "/srv/app", False),
    ],
)
def test_which_sources_hold_a_root(paths: str, root: str, fits: bool) -> None:
    assert bool(choose.covering([one(1, path=paths)], root)) is fits


NAMES = st.text(st.characters(exclude_characters="\0"), min_size=1).filter(
    lambda name: name == name.strip("/") and not name.startswith(("./", "srv")) and name.isprintable()
)


@given(
    st.dictionaries(
        NAMES, st.tuples(st.binary(min_size=32, max_size=32), st.integers(0, 10**12), st.integers(0, 0o7777))
    )
)
def test_a_list_is_read_as_it_was_written(told: dict[str, tuple[bytes, int, int]]) -> None:
    lines = []
    for name, (digest, size, mode) in told.items():
        plain = name.replace("\\", "\\\\").replace("\n", "\\n")
        lines.append(f"{chr(92) if plain != name else ''}{digest.hex()}  {size}  {mode:o}  {plain}\n")
    content = "".join(lines).encode("utf-8", "surrogateescape")
    if not told:
        with pytest.raises(UsageError):
            wanted.manifest(content, "M", "/srv/app")
        return
    expected = {name: wanted.Entry(digest.hex(), size, mode) for name, (digest, size, mode) in told.items()}
    assert wanted.manifest(content, "M", "/srv/app") == expected


def test_lists_written_otherwise() -> None:
    digest = "a" * 64
    raw = f"{digest}  5  0644  dua\nbaris\n{digest}  6  100755  ./b\n{digest}  7  600  /srv/app/c\n".encode()
    assert set(wanted.manifest(raw, "M", "/srv/app")) == {"dua\nbaris", "b", "c"}
    assert wanted.manifest(raw, "M", "/srv/app")["b"].mode == 0o755
    assert wanted.canaries(f"{digest}  *a b\r\n".encode(), "C", "/") == {"*a b": digest}
    for bad in (b"", b"\n", b"no list\n", b"abc  5  644  x\n"):
        with pytest.raises(UsageError):
            wanted.manifest(bad, "M", "/")


def test_comments_and_empty_lines_belong_to_no_name() -> None:
    digest = "a" * 64
    raw = f"# list\r\n\r\n{digest}  5  644  a b\r\n\r\n# next\r\n{digest}  6  644  c\r\n# end\r\n".encode()
    assert set(wanted.manifest(raw, "M", "/srv/app")) == {"a b", "c"}
    assert set(wanted.canaries(f"# list\n{digest}  a b\n\n".encode(), "C", "/")) == {"a b"}


def files_of(folder: Path, files: dict[str, bytes]) -> dict[str, wanted.Entry]:
    """Write them; the list that says so."""
    for name, content in files.items():
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o644)
    return {
        name: wanted.Entry(hashlib.sha256(content).hexdigest(), len(content), 0o644) for name, content in files.items()
    }


def class_of(root: Path, listed: dict[str, wanted.Entry]) -> set[str]:
    return {str(one.fault) for one in compare.judge(listed, tree.look(str(root)), str(root))}


@pytest.mark.parametrize(("files", "spoilt"), [(1, 1), (3, 3), (30, 15)])
def test_random_files_with_a_byte_changed_are_no_ransomware(tmp_path: Path, files: int, spoilt: int) -> None:
    dice = random.Random(files)
    content = {f"{n}.dat": dice.randbytes(4000) for n in range(files)}
    listed = files_of(tmp_path, content)
    for name in list(content)[:spoilt]:
        (tmp_path / name).write_bytes(b"?" + content[name][1:])
    assert class_of(tmp_path, listed) == {"silent"}


@pytest.mark.parametrize("cipher", ["dice", "xor", "base64"])
def test_texts_that_are_none_any_more_are_ransomware(tmp_path: Path, cipher: str) -> None:
    dice = random.Random(7)
    content = {f"{n}.txt": b"nomor surat, tanggal\n" * (40 + n) for n in range(30)}
    listed = files_of(tmp_path, content)
    for name, plain in content.items():
        made = {
            "dice": dice.randbytes(len(plain)),
            "xor": bytes(byte ^ 0xA5 for byte in plain),
            "base64": base64.b64encode(dice.randbytes(len(plain))),
        }
        (tmp_path / name).write_bytes(made[cipher])
    assert "ransomware" in class_of(tmp_path, listed)


def test_half_of_a_table_gone_at_a_lines_end_is_incomplete_and_a_row_is_silent(tmp_path: Path) -> None:
    lines = [b"%d,warga\n" % n for n in range(3000)]
    listed = files_of(tmp_path, {"a.csv": b"".join(lines), "b.csv": b"".join(lines)})
    (tmp_path / "a.csv").write_bytes(b"".join(lines[:1500]))
    assert class_of(tmp_path, listed) == {"incomplete"}
    files_of(tmp_path, {"a.csv": b"".join(lines), "b.csv": b"".join(lines[:17] + lines[18:])})
    assert class_of(tmp_path, listed) == {"silent"}


def test_new_files_that_look_encrypted_took_nothing_away() -> None:
    fresh = tuple(f"{n}.gpg" for n in range(40))
    seen = {name: tree.Seen(9, 0o644, "") for name in (*fresh, *(f"{n}.txt" for n in range(44)))}
    assert history.encryption(history.Changes(fresh, (), (), ()), 44, list(fresh), {}) == []
    gone = tuple(f"{n}.doc" for n in range(40))
    assert history.encryption(history.Changes(fresh, gone, (), ()), len(seen), list(fresh), {}) == []
    assert history.encryption(history.Changes(fresh, gone, (), ()), 44, list(fresh), {}) != []
    assert history.encryption(history.Changes((), (), fresh[:3], ()), 3, list(fresh[:3]), {}) == []


def test_what_is_hollow_without_a_list() -> None:
    full, empty = tree.Seen(5, 0o644, "a"), tree.Seen(0, 0o644, "b")
    assert history.hollow({}, alone=False) != []
    assert history.hollow({"a": empty}, alone=False) != []
    assert history.hollow({"a": full, "b.sql": empty}, alone=True) != []
    assert history.hollow({"a": full, "b.sql": empty}, alone=False) == []
    assert history.hollow({"a": full, "b.txt": empty}, alone=True) == []


def test_what_looks_encrypted() -> None:
    dice = random.Random(1)
    for size in (128, 300, 1000, 5000, 16384):
        assert encrypted.even(dice.randbytes(size)), size
    words = " ".join(dice.choice(["surat", "dinas", "nomor", str(dice.random())]) for _ in range(4000)).encode()
    for size in (128, 300, 1000, 5000, 16384):
        assert not encrypted.even(words[:size]), size
    assert not encrypted.even(b"PK\x03\x04" + dice.randbytes(9000))
    assert not encrypted.even(b"\x1f\x8b" + zlib.compress(words))
    assert not encrypted.even(dice.randbytes(20))


@given(st.integers(128, 16384))
def test_dice_show_the_expected_entropy(many: int) -> None:
    assert abs(encrypted.entropy(random.Random(many).randbytes(many)) - encrypted.expected(many)) < 0.2


def test_whose_lock_it_is() -> None:
    def lock(age: float, exclusive: bool = True, host: str = "other") -> dict[str, object]:
        from datetime import UTC, datetime  # noqa: PLC0415

        at = datetime.fromtimestamp(NOW - age, UTC).isoformat().replace("+00:00", "123Z" if age else "Z")
        return {"time": at, "exclusive": exclusive, "hostname": host, "pid": 7}

    def seen(*told: dict[str, object]) -> tuple[bool, set[str]]:
        found = locks.judge(told, NOW, lambda _pid: False)
        return found.waiting, {str(one.fault) for one in found.findings}

    assert seen(lock(60.5)) == (True, {"none"})
    assert seen(lock(60.5, exclusive=False)) == (False, {"none"})
    assert seen(lock(1801.5)) == (False, {"lock"})
    assert seen(lock(-3600.5)) == (False, {"lock"})
    assert seen(lock(60.5, host=__import__("platform").node())) == (False, {"lock"})
    assert seen(lock(60.5), lock(90000.5)) == (True, {"none", "lock"})


def test_the_first_class_in_order_names_the_verdict() -> None:
    found = [Finding(Fault.RPO, "a"), Finding(Fault.NONE, "b"), Finding(Fault.TAMPER, "c"), Finding(Fault.SILENT, "d")]
    made = judge(found)
    assert (made.colour, made.fault, [one.what for one in made.proof]) == (
        Colour.RED,
        Fault.TAMPER,
        ["c", "d", "a", "b"],
    )
    assert judge(found, waiting=True).told()["verdict"] == "wait"
    assert judge([], proven=False).colour is Colour.RED
    assert judge([Finding(Fault.NONE, "b")]).proven


@given(st.binary(max_size=300))
def test_what_nobody_sealed_is_never_taken_for_sealed(content: bytes) -> None:
    master = seal.Master(b"e" * 32, b"k" * 16, b"r" * 16)
    assert not master.sealed(content)
    assert seal.opens(content, "x") is None
    assert "k" * 16 not in repr(master)


def test_a_foreign_key_cannot_make_us_work_for_hours() -> None:
    huge = b'{"kdf":"scrypt","N":1073741824,"r":8,"p":1,"salt":"AAAA","data":"AAAA"}'
    assert seal.described(huge)
    assert seal.opens(huge, "x") is None


def test_keys_that_restic_never_makes_and_more_than_it_tries(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()

    def put(content: bytes) -> None:
        (tmp_path / "keys" / hashlib.sha256(content).hexdigest()).write_bytes(content)

    def told() -> set[str]:
        return {str(one.fault) for one in files.key(tmp_path, "x").findings}

    like = b'{"kdf":"scrypt","N":%d,"r":1,"p":1,"salt":"AAAA","data":"' + b"A" * 80 + b'"}'
    put(like % 16)
    assert told() == {"key"}
    put(like % (1 << 40))
    assert told() == {"key", "tamper"}
    for path in (tmp_path / "keys").iterdir():
        path.unlink()
    for number in range(21):
        put(like % 16 + b" " * number)
    assert told() == {"key", "tamper"}


def test_folders_and_dead_links_under_a_files_name(tmp_path: Path) -> None:
    master = seal.Master(b"e" * 32, b"k" * 16, b"r" * 16)
    for kind, number in (("index", 1), ("locks", 2), ("data/00", 3)):
        (tmp_path / kind).mkdir(parents=True)
        (tmp_path / kind / f"{number:064x}").mkdir()
    (tmp_path / "snapshots").mkdir()
    (tmp_path / "snapshots" / f"{4:064x}").symlink_to("nowhere")
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / f"{5:064x}").symlink_to("nowhere")
    seen = [str(one.fault) for one in files.sort(tmp_path, master).findings]
    assert sorted(seen) == ["corruption", "corruption", "lock"]
    assert [str(one.fault) for one in files.scan(tmp_path, master)] == ["corruption"]
    assert {str(one.fault) for one in files.key(tmp_path, "x").findings} == {"key"}


def test_files_of_no_repository(tmp_path: Path) -> None:
    assert files.of(tmp_path, "keys") == ([], [])
    (tmp_path / "keys").mkdir()
    for name in ("README", ".nfs1", f"{1:064x}-tmp-5"):
        (tmp_path / "keys" / name).touch()
    assert [one.what for one in files.of(tmp_path, "keys")[1]] == ["keys/README: no file of restic's"]


@pytest.mark.parametrize(
    ("check", "what", "fault"),
    [
        ("manifest", "unsigned", "tamper"),
        ("snapshots", "foreign", "tamper"),
        ("keys", "foreign", "tamper"),
        ("size", "shrunk", "incomplete"),
        ("file_contents", "missing", "incomplete"),
        ("file_contents", "differs", "silent"),
        ("file_owners", "differs", "silent"),
        ("table_rows", "differs", "silent"),
        ("rpo", "late", "rpo"),
        ("rpo", "future", "clock"),
        ("rto", "late", "rto"),
    ],
)
def test_a_drills_own_differences_have_the_same_classes(check: str, what: str, fault: str) -> None:
    assert check in checks()
    assert of_drill.of_difference(check, Difference(what, "x")) == fault
