"""Pruning with a real restic: exactly what was shown goes, everything else restores, and every attack stops it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from backup_rig import Rig, item, rig
from repository_stock import cheapen

from backup import attic, prune, retention
from backup.chain import Chain
from backup.prune import Order, Plan
from ops.errors import RefusedError, UsageError
from ops.inventory.model import RetentionPolicy

DAY = 86400.0
ITEM = item("files", "/srv/contoh")
POLICY = RetentionPolicy(daily=3, weekly=0, monthly=1)
AGES = (70, 60, 50, 0)  # days


@pytest.fixture(scope="module")
def base() -> Iterator[Rig]:
    """Six dated backups with their manifests, all in the ledger, and a green drill."""
    with rig() as made:
        made.restic().ensure()
        cheapen(made.repository)
        for age in AGES:
            _backup(made, age)
        _drilled(made, "none")
        yield made


@pytest.fixture
def there(base: Rig) -> Iterator[Rig]:
    """A copy of it that may be pruned."""
    with rig() as made:
        shutil.copytree(base.repository, made.repository)
        shutil.copytree(base.folder / "state", made.folder / "state")
        yield made


def _backup(made: Rig, age: float, size: int = 20_000, counted: bool = True) -> str:
    source = made.folder / "srv/contoh"
    source.mkdir(parents=True, exist_ok=True)
    (source / "tetap").write_bytes(bytes(range(256)) * 400)
    (source / "baru").write_bytes(f"{age}".encode() * (size // len(f"{age}")))
    at = time.time() - age * DAY - 60
    stamp = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")
    restic = made.restic()
    words = [*restic.backup_words("localhost", [ITEM.key]), "--time", stamp]
    data = restic.backup([*words, str(source)])
    note = restic.backup([*words, "--tag", "manifest", "--stdin", "--stdin-filename", "/manifest.json"], f"{age}")
    if counted:
        line = {"snapshot": data.snapshot, "manifest_snapshot": note.snapshot, "bytes": data.bytes, "taken": at}
        made.places.ledger.append({"event": "backup", "of": ITEM.key, "run": f"run-{age}", **line})
    return data.snapshot


def _drilled(made: Rig, fault: str) -> Path:
    """The record of a drill that was just declared, signed and in its chain."""
    folder, signer = made.places.evidence, made.places.signer
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    told = {"opd": ITEM.opd.code, "service": ITEM.set.name, "class": fault, "declared": now.isoformat()}
    content = json.dumps(told).encode()
    path = folder / f"{now:%Y%m%dT%H%M%S}-{ITEM.key}-{fault}.json"
    path.write_bytes(content)
    line = {"file": path.name, "sha256": hashlib.sha256(content).hexdigest(), "signature": signer.sign(content)}
    Chain(folder / "index.jsonl").append(line)
    return path


def _figures(made: Rig, **figures: float) -> None:
    """The newest backup once more, with what its host saw change."""
    line = next(line for line in reversed(made.places.ledger.read()) if line["event"] == "backup")
    told = {name: line[name] for name in ("event", "of", "run", "snapshot", "manifest_snapshot", "bytes")}
    made.places.ledger.append({**told, "taken": time.time(), "figures": figures})


def planned(made: Rig, policy: RetentionPolicy = POLICY) -> Plan:
    return prune.plan(made.places, ITEM, made.restic(), policy)


def apply(made: Rig, plan: Plan, shown: float = 0.0) -> None:
    prune.apply(made.places, ITEM, made.restic(), Order(plan, POLICY, shown, "uji"))


def ids(made: Rig) -> set[str]:
    return {one.id for one in made.restic().snapshots()}


def test_exactly_what_was_shown_goes_and_the_rest_restores(there: Rig, base: Rig) -> None:
    before, plan = ids(there), planned(there)
    assert plan.refused == ()
    assert len(plan.remove) == 6, "three that are older than a month, with their manifests"
    assert ids(there) == before, "a plan changes nothing"
    assert prune.load(there.places, plan.id) == plan
    apply(there, plan)
    assert ids(there) == before - set(plan.remove)
    assert there.restic().must(["check", "--read-data"], 60)["code"] == 0
    there.restic().restore(plan.newest, str(base.folder / "srv/contoh"), str(there.folder / "out"))
    assert (there.folder / "out/tetap").stat().st_size == 256 * 400
    (line,) = [one for one in prune.chain(there.places).read() if one["event"] == "pruned"]
    assert (line["removed"], line["by"], line["plan"]) == (list(plan.remove), "uji", plan.id)
    apply(there, plan)  # a station that was killed before it could note it
    assert len(prune.chain(there.places).read()) == 1
    assert planned(there).remove == ()


@pytest.mark.parametrize(
    ("attack", "reason"),
    [
        (lambda made: _backup(made, -3, counted=False), "future"),
        (lambda made: [_backup(made, n / 100, 10, counted=False) for n in range(7)], "flood"),
        (lambda made: _backup(made, 0.01, counted=False), "foreign"),
        (lambda made: _drilled(made, "tamper"), "drill"),
        (lambda made: _figures(made, encrypted_ratio=0.4), "ransomware"),
        (lambda made: _figures(made, canaries_changed=1), "ransomware"),
    ],
)
def test_what_happens_between_plan_and_act_stops_it(there: Rig, attack: object, reason: str) -> None:
    plan = planned(there)
    attack(there)  # type: ignore[operator]
    before = ids(there)
    with pytest.raises(RefusedError):
        apply(there, plan)
    assert ids(there) == before
    assert reason in prune.refused(there.places)
    assert planned(there).refused != ()


@pytest.mark.parametrize("size", [4, 200])
def test_junk_that_a_thief_put_there_is_named_by_the_plan(there: Rig, size: int) -> None:
    content = bytes(range(size))
    junk = there.repository / "snapshots" / hashlib.sha256(content).hexdigest()
    junk.write_bytes(content)
    plan = planned(there)
    assert plan.remove == ()
    (reason, text), *_ = plan.refused
    assert reason == "foreign"
    assert junk.name[:12] in text
    with pytest.raises(RefusedError):
        apply(there, plan)


@pytest.mark.parametrize("damage", [lambda path: path.write_bytes(b" " + path.read_bytes()), Path.unlink])
def test_a_red_record_that_was_changed_or_removed_still_stops_it(there: Rig, damage: Callable[[Path], object]) -> None:
    plan = planned(there)
    damage(_drilled(there, "tamper"))
    with pytest.raises(RefusedError, match="record of the last drill was changed or is gone"):
        apply(there, plan)
    _drilled(there, "none")  # the way out: another drill
    assert planned(there).refused == ()


def test_many_runs_of_one_day_stop_one_plan_and_not_every_one_after_it(there: Rig) -> None:
    for number in range(7):
        _backup(there, (6 - number) / 1000)
    assert [reason for reason, _ in planned(there).refused] == ["flood"]
    assert planned(there).refused == ()


def moved(made: Rig, file: str) -> attic.Move:
    return attic.plan(made.places, ITEM, made.restic(), file, str(made.folder / "attic"))


def test_what_a_thief_put_there_is_moved_to_the_attic_and_pruning_goes_on(there: Rig) -> None:
    foreign = _backup(there, -3, counted=False)  # a stranger's, and dated ahead
    content = bytes(range(200))
    junk = hashlib.sha256(content).hexdigest()
    for kind in ("snapshots", "index"):
        (there.repository / kind / junk).write_bytes(content)
    strangers = (ids_by_file(there) - known(there) - {junk}, {junk})
    assert planned(there).remove == ()
    assert len(strangers[0]) == 2, "with its manifest"
    before = {path.name: path.read_bytes() for path in (there.repository / "snapshots").iterdir()}
    for file in [*(f"snapshots/{one}" for one in set.union(*strangers)), f"index/{junk[:8]}"]:
        made = moved(there, file)
        assert attic.load(there.places, made.id) == made
        line = attic.apply(there.places, ITEM, there.restic(), made, "uji")
        assert attic.apply(there.places, ITEM, there.restic(), made, "uji") == line, "once"
    kept = {path.name: path.read_bytes() for path in (there.folder / "attic/snapshots").iterdir()}
    assert kept == {name: before[name] for name in set.union(*strangers)}
    assert (there.folder / f"attic/index/{junk}").read_bytes() == content
    assert foreign in kept
    assert attic.gone(there.places, ITEM, 0.0) >= {f"snapshots/{junk}", f"index/{junk}"}
    plan = planned(there)
    assert plan.refused == ()
    apply(there, plan)
    assert there.restic().must(["check", "--read-data"], 60)["code"] == 0


def ids_by_file(made: Rig) -> set[str]:
    return {path.name for path in (made.repository / "snapshots").iterdir()}


def known(made: Rig) -> set[str]:
    lines = made.places.ledger.read()
    return {line[key] for line in lines if line["event"] == "backup" for key in ("snapshot", "manifest_snapshot")}


def test_nothing_of_ours_is_moved(there: Rig) -> None:
    line = there.places.ledger.read()[0]
    for name in (line["snapshot"], line["manifest_snapshot"]):
        with pytest.raises(RefusedError, match="that the ledger counts"):
            moved(there, f"snapshots/{name}")
    for kind in ("index", "keys"):
        with pytest.raises(RefusedError, match="is whole"):
            moved(there, f"{kind}/{next((there.repository / kind).iterdir()).name}")
    for file in ("snapshots/../../config", "snapshots/abc", "data/00000000", "snapshots/00000000"):
        with pytest.raises(UsageError):
            moved(there, file)
    stranger = _backup(there, 0.01, counted=False)
    made = moved(there, f"snapshots/{stranger}")
    there.places.ledger.append({"event": "backup", "of": ITEM.key, "run": "x", "snapshot": stranger,
                                "manifest_snapshot": "x", "bytes": 1, "taken": time.time()})  # fmt: skip
    with pytest.raises(RefusedError, match="that the ledger counts"):  # counted between plan and act
        attic.apply(there.places, ITEM, there.restic(), made, "uji")
    assert stranger in ids_by_file(there)


def test_a_plan_that_is_young_foreign_or_changed_is_not_carried_out(there: Rig) -> None:
    plan = planned(there)
    with pytest.raises(RefusedError, match="days ago"):
        apply(there, plan, shown=7 * DAY)
    assert prune.refused(there.places) == {"age": 1}
    path = there.places.state / "prunes" / f"{plan.id}.json"
    told = json.loads(path.read_text())
    path.write_text(json.dumps({**told, "remove": [*told["remove"], plan.newest]}))
    with pytest.raises(RefusedError, match="not the one that was shown"):
        prune.load(there.places, plan.id)
    with pytest.raises(UsageError):
        prune.load(there.places, "../../etc")
    with pytest.raises(UsageError):
        apply(there, dataclasses.replace(plan, of="other.set"))
    assert len(ids(there)) == 2 * len(AGES)


def test_a_policy_that_keeps_more_by_now_stops_an_old_plan(there: Rig) -> None:
    plan = planned(there)
    with pytest.raises(RefusedError, match="is kept by the policy now"):
        prune.apply(there.places, ITEM, there.restic(), Order(plan, RetentionPolicy(daily=90), 0.0))


def test_more_than_a_tenth_needs_two(there: Rig) -> None:
    assert planned(there).needs_two
    assert not planned(there, RetentionPolicy(daily=90)).needs_two
    assert Path(there.places.state / "prunes").is_dir()


def test_what_a_stolen_client_forges_takes_no_good_backups_place(there: Rig, base: Rig) -> None:
    """It bears the set's tag and the mark of a counted backup, which every client can read, and is the day's last."""
    keeping = RetentionPolicy(daily=90)
    assert planned(there, keeping).remove == ()
    restic = there.restic()
    for age in AGES:
        late = datetime.fromtimestamp(time.time() - age * DAY - 30, UTC).strftime("%Y-%m-%d %H:%M:%S")
        words = [*restic.backup_words("localhost", [ITEM.key, f"run-{age}"]), "--time", late]
        restic.backup([*words, str(base.folder / "srv/contoh")])
    plan = planned(there, keeping)
    assert plan.remove == (), "no counted one goes because of them"
    assert {reason for reason, _ in plan.refused} == {"foreign"}


def test_the_policy_keeps_what_restic_itself_would_keep(there: Rig) -> None:
    """Two backups on each of some days, in two groups; restic judges them all, as there are no others of that tag."""
    restic, lines = there.restic(), []
    for number, age in enumerate((0, 1, 2, 6, 8, 13, 29, 33, 62, 95)):
        for hour in ("10:00:00", "12:00:00"):
            day = f"{datetime.now(UTC) - timedelta(days=age + 1):%Y-%m-%d} {hour}"
            name = f"/{number % 2}"
            words = [*restic.backup_words("localhost", ["banding"]), "--time", day, "--stdin", "--stdin-filename", name]
            taken = datetime.fromisoformat(f"{day}+00:00").timestamp()
            lines.append({"snapshot": restic.backup(words, day).snapshot, "path": name, "taken": taken})
    for policy in (RetentionPolicy(daily=3, weekly=0, monthly=0), RetentionPolicy(daily=7, weekly=4, monthly=3)):
        spans = (f"--keep-within-daily={policy.daily}d", f"--keep-within-weekly={7 * policy.weekly}d")
        words = ["forget", "--dry-run", "--no-lock", "--tag", "banding", "--group-by", "host,paths", *spans]
        groups = json.loads(restic.must([*words, f"--keep-within-monthly={policy.monthly}m"], 60)["out"])
        wanted = sorted(one["id"] for group in groups for one in group["remove"] or ())
        assert retention.unwanted(lines, policy, "UTC") == wanted != []
