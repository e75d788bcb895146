"""Releases on disk: what is as before is the same file, what is not has a time that Asterisk can not overlook."""

from __future__ import annotations

import os
from pathlib import Path

from ops.system.exchange_release import KEPT, Releases, changed, identity


def put(releases: Releases, files: dict[str, str]) -> str:
    name = releases.make(files)
    releases.swap(name)
    return name


def test_a_release_is_named_after_what_it_holds_and_swapped_by_one_link(tmp_path: Path) -> None:
    releases = Releases(tmp_path)
    assert releases.current() == ""
    first = put(releases, {"a.endpoint.conf": "[1]\n", "_region.endpoint.conf": "x\n"})
    assert first == releases.current() == identity({"_region.endpoint.conf": "x\n", "a.endpoint.conf": "[1]\n"})
    assert (tmp_path / "current/a.endpoint.conf").read_text() == "[1]\n"
    assert not list(tmp_path.glob(".*"))
    second = put(releases, {"a.endpoint.conf": "[2]\n"})
    assert releases.files(first)["a.endpoint.conf"] == "[1]\n", "the one before stays"
    assert releases.files(releases.current()) == {"a.endpoint.conf": "[2]\n"}
    assert changed(releases.files(first), releases.files(second)) == {"a.endpoint.conf", "_region.endpoint.conf"}


def test_what_did_not_change_is_the_same_file_and_what_did_never_has_a_time_of_before(tmp_path: Path) -> None:
    """Asterisk takes same size and same time for unchanged: also between releases that lie apart."""
    releases = Releases(tmp_path)
    seen = {}
    for number in (1, 2, 3):
        name = put(releases, {"a.conf": f"[{number}]\n", "b.conf": "[b]\n"})
        for path in (tmp_path / "releases").glob("*/a.conf"):
            os.utime(path, ns=(1000, 1000 + seen.setdefault(path.parent.name, len(seen))))
        assert name == releases.current()
    stats = [(path / "b.conf").stat() for path in (tmp_path / "releases").iterdir()]
    assert len({(one.st_ino, one.st_mtime_ns) for one in stats}) == 1
    times = {(path / "a.conf").stat().st_mtime_ns for path in (tmp_path / "releases").iterdir()}
    assert len(times) == 3


def test_a_clock_that_stands_still_gives_no_two_files_the_same_time(tmp_path: Path) -> None:
    releases = Releases(tmp_path)
    now = put(releases, {"a.conf": "[1]\n"})
    ahead = (tmp_path / "current/a.conf").stat().st_mtime_ns + 3600 * 10**9
    wanted = tmp_path / "releases/.wanted"
    os.utime(tmp_path / "releases" / now / "a.conf", ns=(ahead, ahead))
    wanted.write_text("")
    os.utime(wanted, ns=(ahead, ahead))
    assert releases.free_time(wanted, "a.conf") > ahead


def test_a_half_made_release_and_one_that_was_changed_by_hand_are_made_anew(tmp_path: Path) -> None:
    releases = Releases(tmp_path)
    name = put(releases, {"a.conf": "[1]\n"})
    (tmp_path / "releases" / ".new-abc").mkdir()
    (tmp_path / "current/a.conf").write_text("[by hand]\n")
    assert identity(releases.files(name)) != name
    assert put(releases, {"a.conf": "[1]\n"}) == name
    assert releases.files(name) == {"a.conf": "[1]\n"}


def test_old_releases_go_and_the_one_in_force_stays(tmp_path: Path) -> None:
    releases = Releases(tmp_path)
    names = [releases.make({"a.conf": f"[{number}]\n"}) for number in range(KEPT + 3)]
    for at, name in enumerate(names):
        os.utime(tmp_path / "releases" / name, ns=(at, at))
    releases.swap(names[0])
    releases.tidy({names[1]})
    left = {path.name for path in (tmp_path / "releases").iterdir()}
    assert left == {names[0], names[1], *names[-KEPT:]}
