"""Alertmanager's configuration from the declarations: who is told, when, and what a cut holds back."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from alert_files import NETWORK, labels, rules

from ops.derive.alert_routes import CALL_ENDS, CALLS, EFFECTS, TOLD, artifacts, configuration
from ops.inventory.load import load
from ops.inventory.model import Alerting, Region
from ops.inventory.roster import Roster
from ops.system.secrets import Secrets

BATUBARA = Path(__file__).parents[2] / "inventories/batubara"
CHANNELS = {
    "smarthost": "mail.example:25", "mail_from": "ops@example", "mail_to": ["noc@example"], "mail_user": "ops",
    "telegram_chat": -100, "webhook": "http://127.0.0.1:9/hooks",
}  # fmt: skip


@pytest.fixture(scope="module")
def region() -> Region:
    # without anybody on call: tests/unit/test_roster.py
    return load(BATUBARA).model_copy(update={"alerting": Alerting.model_validate(CHANNELS), "roster": Roster()})


def receivers(config: dict[str, Any]) -> dict[str, Any]:
    return {one["name"]: one for one in config["receivers"]}


def test_every_office_with_mail_has_its_own_route_and_the_regencys_office_hears_all(region: Region) -> None:
    config = configuration(region)
    told = receivers(config)
    assert told["opd-dinkes"]["email_configs"][0]["to"] == "ti@dinkes.batubarakab.example"
    routes = config["route"]["routes"]
    mine = [one for one in routes if one["receiver"] == "opd-dinkes"]
    assert [one["matchers"][0] for one in mine] == ['opd=~"dinkes"', 'from_opd=~"dinkes"', 'to_opd=~"dinkes"']
    assert all((one["continue"], one["mute_time_intervals"]) == (True, ["quiet"]) for one in mine)
    assert routes[-1] == {"receiver": "kominfo", "mute_time_intervals": ["quiet"]}
    assert routes[-2] == {"receiver": "kominfo", "matchers": ['severity="critical"']}
    assert told["kominfo"]["webhook_configs"][0]["url"] == CHANNELS["webhook"]
    assert told["kominfo"]["telegram_configs"][0]["chat_id"] == -100
    assert set(told) >= {one["receiver"] for one in routes}


def test_quiet_hours_cross_midnight_by_the_regions_clock(region: Region) -> None:
    (quiet,) = configuration(region)["time_intervals"]
    assert quiet["time_intervals"] == [
        {
            "times": [
                {"start_time": "21:00", "end_time": "24:00"},
                {"start_time": "00:00", "end_time": "06:00"},
            ],
            "location": "Asia/Jakarta",
        }
    ]
    noon = region.alerting.model_copy(update={"quiet_from": "12:00", "quiet_until": "13:00"})
    (quiet,) = configuration(region.model_copy(update={"alerting": noon}))["time_intervals"]
    assert quiet["time_intervals"][0]["times"] == [{"start_time": "12:00", "end_time": "13:00"}]


def test_secrets_stand_by_name_only(region: Region) -> None:
    (artifact,) = artifacts(region)
    assert Secrets.named(artifact.content) == {"alerts/mail", "alerts/telegram"}
    assert json.loads(artifact.content) == configuration(region)
    assert artifact.key == "dc-mon/_region.alertmanager.yml"


def test_without_channels_nothing_names_a_secret_and_alerts_are_only_shown(region: Region) -> None:
    bare = region.model_copy(update={"alerting": Alerting()})
    (artifact,) = artifacts(bare)
    assert Secrets.named(artifact.content) == set()
    assert receivers(configuration(bare)) == {name: {"name": name} for name in ("nobody", "kominfo", "heartbeat")}


@pytest.mark.parametrize("secret", [None, "alerts/heartbeat"])
def test_the_watchdog_goes_to_a_place_outside_and_nothing_takes_it_mutes_it_or_holds_it_back(
    region: Region, secret: str | None
) -> None:
    told = region.alerting.model_copy(update={"heartbeat": "https://hc.example/", "heartbeat_secret": secret})
    config = configuration(region.model_copy(update={"alerting": told}))
    (outside,) = receivers(config)["heartbeat"]["webhook_configs"]
    assert outside["url"] == "https://hc.example/" + ("{{secret:alerts/heartbeat}}" if secret else "")
    first = config["route"]["routes"][0]
    assert (first["matchers"], first["receiver"]) == (['alertname="Watchdog"'], "heartbeat")
    assert first["repeat_interval"] == "1m"
    assert not first.keys() & {"mute_time_intervals", "active_time_intervals", "continue"}
    targets = [one for rule in config["inhibit_rules"] for one in rule["target_matchers"]]
    assert all(re.fullmatch(r'alertname=~?"[^"]+"', one) and "Watchdog" not in one for one in targets)


def test_inhibition_goes_by_labels_that_both_sides_have(region: Region) -> None:
    """Two missing labels are equal to Alertmanager: a source must always carry what `equal` names."""
    fire = labels("fibre")
    for rule in configuration(region)["inhibit_rules"]:
        (source,) = rule["source_matchers"]
        assert set(rule["equal"]) <= fire[source.split('"')[1]].keys()
        assert {"opd", *CALL_ENDS} & set(rule["equal"])


def test_what_a_cut_holds_back_and_what_offices_are_told_are_alerts_that_there_are() -> None:
    there = {rule["alert"] for name in NETWORK for rule in rules(name)}
    assert {*EFFECTS, *TOLD, *CALLS} <= there


def test_of_every_alert_about_an_office_it_is_decided_who_hears_it_and_whether_a_cut_explains_it() -> None:
    about = {name for name, one in labels(*NETWORK).items() if one.keys() & {"opd", *CALL_ENDS}}
    held_back_by = {"LinkBehindCut", "OfficeBehindCut"}
    for_the_regencys_office = {"TelephoneGuessing", "OfficeNotMeasured"}  # no office can do anything about them
    assert about == {*EFFECTS, *TOLD, *CALLS} | held_back_by | for_the_regencys_office
    fire = labels(*NETWORK)
    assert all("opd" in fire[name] for name in (*EFFECTS, *TOLD))
    assert all({*CALL_ENDS} <= fire[name].keys() for name in CALLS)
