"""What of a router's configuration is kept: nothing secret, nothing that changes by itself; one commit per change."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.catalogue.device import HIDDEN, RunningConfig, device, managed
from ops.errors import HostFailedError, UsageError
from ops.inventory.model import Router
from ops.jobs import config_backup
from ops.progress import Event, State
from ops.targets import device_config
from ops.world import World

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests/golden/running_config"
OFFICES = ("dinkes", "rsud")
OTHER_TIME = {
    "mikrotik_routeros": ("2026-11-02 04:47:27", "nov/03/2026 05:00:00"),
    "huawei_vrp": ("11-02 10", "12-24 11"),
}
ROUTEROS_SECRETS = (
    "/ppp secret add name=siti password={}",
    "/snmp community add addresses=::/0 name={}",
    "/interface wireguard add name=wg1 private-key={} listen-port=1",
    "/ip ipsec identity add peer=x secret={}",
)
VRP_SECRETS = (
    "snmp-agent community read {}",
    "snmp-agent community read cipher {}",
    " local-user tamu password simple {}",
    " local-user tamu password irreversible-cipher {}",
    "  authentication-mode simple plain {}",
    " pre-shared-key {}",
)
# Signs that may stand in a password; a blank ends a word in VRP
signs = st.characters(codec="ascii", min_codepoint=33, max_codepoint=126)
passwords = st.text(signs, min_size=6, max_size=20).map(lambda text: f"Q7{text}")


def profile(model: str) -> RunningConfig:
    return device(model).running_config


def answer(model: str) -> str:
    return (GOLDEN / f"{model}.answer.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("model", managed())
def test_what_is_kept_of_an_answer(model: str) -> None:
    kept = profile(model).kept(answer(model))
    assert kept == (GOLDEN / f"{model}.kept.txt").read_text(encoding="utf-8")
    assert answer(model).count("CANARY") >= 16
    assert "CANARY" not in kept


@pytest.mark.parametrize("model", managed())
def test_every_pattern_of_secrets_is_needed_and_tried(model: str) -> None:
    whole = profile(model)
    for at, pattern in enumerate(whole.secrets):
        others = (*whole.secrets[:at], *whole.secrets[at + 1 :])
        assert "CANARY" in whole.model_copy(update={"secrets": others}).kept(answer(model)), pattern


@pytest.mark.parametrize("model", managed())
def test_reading_it_again_later_changes_nothing(model: str) -> None:
    later = answer(model).replace(*OTHER_TIME[model]).replace("\n", "\r\n")
    assert later != answer(model)
    kept = profile(model).kept(later)
    assert kept == profile(model).kept(answer(model))
    assert profile(model).kept(kept) == kept


@pytest.mark.parametrize("model", managed())
@pytest.mark.parametrize(
    "text", ["", "bad command name export (line 1 column 1)", "Error: Unrecognized command", "#\n"]
)
def test_less_than_a_whole_configuration_is_refused(model: str, text: str) -> None:
    with pytest.raises(ValueError, match="no whole configuration"):
        profile(model).kept(text)


def test_an_answer_that_was_cut_off_is_refused() -> None:
    with pytest.raises(ValueError, match="no whole configuration"):
        profile("huawei_vrp").kept(answer("huawei_vrp").removesuffix("return\n"))
    broken = answer("mikrotik_routeros").replace("/ip service", "# error exporting /ip/firewall (timeout)\n/ip service")
    with pytest.raises(ValueError, match="no whole configuration"):
        profile("mikrotik_routeros").kept(broken)


@pytest.mark.parametrize("line", ROUTEROS_SECRETS)
@given(password=passwords)
def test_no_password_of_routeros_is_kept(line: str, password: str) -> None:
    quoted = '"' + re.sub(r'([\\"$])', r"\\\1", password) + '"'
    kept = profile("mikrotik_routeros").kept(f"# 2026-11-02 04:47:27 by RouterOS 7.1\n{line.format(quoted)}\n")
    assert kept == f"# by RouterOS 7.1\n{line.format(HIDDEN)}\n"


@given(password=passwords)
def test_no_password_in_a_script_of_routeros_is_kept(password: str) -> None:
    def quoted(text: str) -> str:
        return re.sub(r'([\\"$])', r"\\\1", text)

    for script in (':local adminPassword "{}"; :log info ok', '/ppp secret set 0 password="{}" comment=x'):
        line = f'/system script add name=x source="{quoted(script.format(quoted(password)))}"'
        kept = profile("mikrotik_routeros").kept(f"# 2026-11-02 04:47:27 by RouterOS 7.1\n{line}\n")
        assert kept.splitlines()[1] == f'/system script add name=x source="{quoted(script.format(HIDDEN))}"'


@pytest.mark.parametrize("line", VRP_SECRETS)
@given(password=passwords)
def test_no_password_of_vrp_is_kept(line: str, password: str) -> None:
    kept = profile("huawei_vrp").kept(f"#\n{line.format(password)}\n#\nreturn")
    assert password not in kept
    assert HIDDEN in kept


def test_nothing_in_it_steers_a_terminal() -> None:
    kept = profile("huawei_vrp").kept("#\n description a\x1b[31mb\x07c\n#\nreturn")
    assert " description abc" not in kept
    assert " description ab\\x07c" in kept


# ---- one commit per change


@pytest.fixture
def here(tmp_path: Path) -> World:
    return World("batubara", ROOT / "inventories/batubara", tmp_path, tmp_path / "key", tmp_path / "known_hosts")


@pytest.fixture
def holds(here: World, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What each router answers in place of its SSH: its configuration by name; one that is missing does not answer."""
    found = {router.name: f"{router.name}\nline\n" for _, router in config_backup.routers(here, OFFICES)}

    def read(_world: World, router: Router) -> str:
        if router.name not in found:
            raise HostFailedError(router.name, "SSH: no answer")
        return found[router.name]

    monkeypatch.setattr(device_config, "read", read)
    return found


def commits(results: list[config_backup.ConfigResult]) -> dict[str, str]:
    return {result.router: result.commit for result in results if result.commit}


def test_the_first_time_all_are_kept_and_then_only_what_changed(here: World, holds: dict[str, str]) -> None:
    assert set(commits(config_backup.config_backup(here, OFFICES))) == set(holds)
    assert commits(config_backup.config_backup(here, OFFICES)) == {}
    holds["rsud-rtr1"] = "rsud-rtr1\nanother line\n# more\n"
    results = {result.router: result for result in config_backup.config_backup(here, OFFICES)}
    changed = results["rsud-rtr1"]
    assert (changed.added, changed.removed, changed.lines) == (2, 1, 3)
    newest, first = config_backup.changed_since(here, "rsud-rtr1")
    assert newest.id == changed.commit
    assert newest.what == "rsud-rtr1 (rsud): 2 lines added, 1 removed"
    assert first.what == "rsud-rtr1 (rsud): first configuration, 2 lines"
    assert len(config_backup.changed_since(here, "dinkes-rtr1")) == 1
    assert (here.state / "configs/rsud-rtr1.cfg").read_text(encoding="utf-8") == holds["rsud-rtr1"]


def test_a_router_that_fails_fails_alone_and_its_last_configuration_stays(here: World, holds: dict[str, str]) -> None:
    config_backup.config_backup(here, OFFICES)
    before = holds.pop("dinkes-rtr1")
    holds["rsud-rtr1"] += "new\n"
    told: list[Event] = []
    results = {result.router: result for result in config_backup.config_backup(here, OFFICES, told.append)}
    assert results["dinkes-rtr1"].error == "SSH: no answer"
    assert not results["dinkes-rtr1"].ok
    assert results["rsud-rtr1"].commit
    assert Event(config_backup.STEP, "dinkes-rtr1", State.FAILED, "SSH: no answer") in told
    assert config_backup.files(here).last("dinkes-rtr1.cfg") == before


def test_a_password_in_an_error_is_not_told(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    password = here.secrets.get("router/password")

    def read(_world: World, router: Router) -> str:
        raise HostFailedError(router.name, f"SSH: odd {password}")

    monkeypatch.setattr(device_config, "read", read)
    assert password not in repr(config_backup.config_backup(here, ["dinkes"]))


def test_the_message_names_the_lines_but_not_without_end(here: World, holds: dict[str, str]) -> None:
    config_backup.config_backup(here, ["rsud"])
    holds["rsud-rtr1"] += "".join(f"# line {number}\n" for number in range(100))
    (result,) = config_backup.config_backup(here, ["rsud"])
    said = config_backup.files(here).message(result.commit)
    assert "\n+# line 0\n" in said
    assert f"… {100 - config_backup.NAMED} more lines" in said


def test_an_unknown_office_is_refused(here: World) -> None:
    with pytest.raises(UsageError, match="no office has the code 'dinkess'"):
        config_backup.config_backup(here, ["dinkess"])


def test_results_are_plain_data(here: World, holds: Mapping[str, str]) -> None:
    (result,) = config_backup.config_backup(here, ["rsud"])
    assert result.as_dict() == {**dataclasses.asdict(result), "ok": True}


def test_what_the_patterns_missed_is_hidden_when_it_is_a_secret_of_ours(
    here: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last guard: the world's own secrets by their values, wherever they stand."""

    community = here.secrets.get("snmp/community")
    said = f"# x by RouterOS 7.1\n/ip dns static add comment={community}\n"

    @contextmanager
    def cli(_login: object) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(ask=lambda _command: said)

    monkeypatch.setattr(device_config, "device_cli", cli)
    _, router = config_backup.routers(here, ["dinkes"])[0]
    kept = device_config.read(here, router)
    assert "comment=<secret snmp/community>" in kept
