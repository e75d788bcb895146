"""Offices, their contacts and the quiet hours → Alertmanager's whole configuration (YAML in its JSON form).

Who is told: the regency's own office of everything, at night only of what is critical; an office's contacts of their
own office's alerts, by day; whoever is on call (region.yml `roster`), of what is critical at any hour, of the rest by
day. Who is not told: anybody, of what a cut explains (docs/fibre.md). A place outside hears the Watchdog all the time.

On call by time intervals, not by an apply at each change of shift: the roster is agreed ahead, so all its shifts stand
in the one file, and Alertmanager changes over by itself, also when the suite is down at that hour.

- A cut is one notification: all FibreSegmentCut are one group whatever their number, and go out first. Effects wait
  longer (group_wait) than a cut needs to be judged, so that a late cause still comes before them.
- What a cut explains does not fire at all (exporters/alerts): it cannot leak, whatever Alertmanager has forgotten.
  Inhibition is the second net. It goes by labels that both sides have: LinkBehindCut holds back alerts of its port and
  of its router, OfficeBehindCut all of an office that nothing of answers any more, and the test calls from and to it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from ops.inventory.model import Alerting, Opd, Region
from ops.inventory.on_call import intervals, shifts
from ops.inventory.roster import Duty, Person
from ops.plan.change import REGION_SCOPE, Artifact

KIND = "alert-route"
FILE = f"{REGION_SCOPE}.alertmanager.yml"
NOBODY, OWN, HEARTBEAT = "nobody", "kominfo", "heartbeat"
EFFECTS_WAIT, CUT_WAIT = "45s", "10s"
PORT_EFFECTS = ("OfficeFibreDark", "OfficeLinkDown", "OfficeLinkLossy", "OfficeLightLow", "FibreMarginLow")
TELEPHONE_EFFECTS = ("OfficeWithoutTelephones", "TelephonesMissing", "CallsSoundBad")
EFFECTS = ("OfficeUnreachable", *PORT_EFFECTS, *TELEPHONE_EFFECTS)  # what a cut explains of an office (label opd)
CALLS = ("TestCallBad",)  # what it explains between two offices (labels from_opd, to_opd)
TOLD = (  # the offices' contacts
    *EFFECTS,
    *("OfficeDownloadNearContract", "OfficeUploadNearContract", "OfficeLineBelowContract", "FibreDimming"),
)
CALL_ENDS = ("from_opd", "to_opd")
_MAIL = re.compile(r"[^@\s\"{}]+@[^@\s\"{}]+")


def artifacts(region: Region) -> Iterable[Artifact]:
    text = json.dumps(configuration(region), indent=1, ensure_ascii=False) + "\n"
    for monitor in region.group("monitoring"):
        yield Artifact(KIND, f"{monitor.name}/{FILE}", text, region.line)


def configuration(region: Region) -> dict[str, Any]:
    """What Alertmanager is told. Secrets stand in it by name."""
    told = [opd for opd in region.opds if _channels(region.alerting, _mails(opd))]
    called = _on_call(region)
    return {
        **_sender(region.alerting),
        "route": _route(told, called),
        "inhibit_rules": _inhibitions(),
        "time_intervals": [
            {"name": "quiet", "time_intervals": _quiet(region)},
            *({"name": _shift(duty, person), "time_intervals": times} for duty, person, times in called),
        ],
        "receivers": [
            {"name": NOBODY},
            {"name": OWN, **_own(region.alerting)},
            {"name": HEARTBEAT, **_heartbeat(region.alerting)},
            *({"name": f"opd-{opd.code}", **_channels(region.alerting, _mails(opd))} for opd in told),
            *({"name": _shift(duty, person), **_personal(region.alerting, person)} for duty, person, _ in called),
        ],
    }


Called = tuple[Duty, Person, list[dict[str, Any]]]  # who is on call for what, and when


def _on_call(region: Region) -> list[Called]:
    """Those that can be reached at all."""
    return [
        (duty, person, intervals(spans, region.timezone))
        for duty in region.roster.duties
        for name, spans in sorted(shifts(duty).items())
        if _personal(region.alerting, person := region.roster.person(name))
    ]


def _shift(duty: Duty, person: Person) -> str:
    """Name of the receiver and of its time interval."""
    return f"on-call-{duty.name}-{person.name}"


def _personal(alerting: Alerting, person: Person) -> dict[str, Any]:
    channels = _channels(alerting, [person.email] if _MAIL.fullmatch(person.email) else [])
    if person.telegram is not None and alerting.telegram_chat is not None:  # there is a bot
        channels["telegram_configs"] = [_telegram(alerting, person.telegram)]
    return channels


def _duty_routes(called: Iterable[Called]) -> list[dict[str, Any]]:
    """What is critical at any hour, the rest outside quiet hours; beside everybody else who is told."""
    return [
        {
            "matchers": [*scope, f'severity{sign}"critical"'],
            "receiver": _shift(duty, person),
            "active_time_intervals": [_shift(duty, person)],
            "continue": True,
            **more,
        }
        for duty, person, _ in called
        for scope in (_of_offices(duty.opds) if duty.opds else [[]])
        for sign, more in (("=", {}), ("!=", {"mute_time_intervals": ["quiet"]}))
    ]


def _of_offices(opds: Iterable[str]) -> list[list[str]]:
    """Matchers of what concerns these offices; a call between two of them matches once."""
    codes = f'"{"|".join(opds)}"'
    return [
        [f"opd=~{codes}", _named(TOLD)],
        [f"from_opd=~{codes}", _named(CALLS)],
        [f"to_opd=~{codes}", f"from_opd!~{codes}", _named(CALLS)],
    ]


def _named(alerts: Iterable[str]) -> str:
    return f'alertname=~"{"|".join(alerts)}"'


def _cut_routes(called: Iterable[Called]) -> list[dict[str, Any]]:
    """A cut concerns the whole regency: whoever is on call for it hears of it at once, as one notification."""
    return [
        {**_CUT, "receiver": _shift(duty, person), "active_time_intervals": [_shift(duty, person)], "continue": True}
        for duty, person, _ in called
        if not duty.opds
    ]


# every 60 to 90 s: a repeat waits for the next turn of its group
_BEAT = {
    "matchers": ['alertname="Watchdog"'],
    "receiver": HEARTBEAT,
    "group_by": ["alertname"],
    "group_wait": "0s",
    "group_interval": "30s",
    "repeat_interval": "1m",
}
_CUT = {"matchers": ['alertname="FibreSegmentCut"'], "group_by": ["alertname"], "group_wait": CUT_WAIT}


def _route(told: Iterable[Opd], called: Sequence[Called]) -> dict[str, Any]:
    """First match wins, but for offices and those on call: what they are told, the regency's own office is told too."""
    return {
        "receiver": OWN,
        "group_by": ["alertname", "opd"],
        "group_wait": EFFECTS_WAIT,
        "group_interval": "5m",
        "repeat_interval": "12h",
        "routes": [
            _BEAT,  # before all others: nothing may take it
            {"matchers": ['severity="none"'], "receiver": NOBODY},
            *_cut_routes(called),
            {**_CUT, "receiver": OWN},
            *(
                {
                    "matchers": scope,
                    "receiver": f"opd-{opd.code}",
                    "mute_time_intervals": ["quiet"],
                    "continue": True,
                }
                for opd in told
                for scope in _of_offices([opd.code])
            ),
            *_duty_routes(called),
            {"matchers": ['severity="critical"'], "receiver": OWN},
            {"receiver": OWN, "mute_time_intervals": ["quiet"]},
        ],
    }


def _inhibitions() -> list[dict[str, Any]]:
    link, office = ['alertname="LinkBehindCut"'], ['alertname="OfficeBehindCut"']
    targets = [_named(EFFECTS)]
    return [
        {"source_matchers": link, "target_matchers": targets, "equal": ["opd", "device", "ifname"]},
        {
            "source_matchers": link,
            "target_matchers": ['alertname="OfficeUnreachable"'],
            "equal": ["opd", "device"],
        },
        {"source_matchers": office, "target_matchers": targets, "equal": ["opd"]},
        *({"source_matchers": office, "target_matchers": [_named(CALLS)], "equal": [end]} for end in CALL_ENDS),
    ]


def _quiet(region: Region) -> list[dict[str, Any]]:
    """One or two spans of a day: Alertmanager's do not cross midnight."""
    start, end = region.alerting.quiet_from, region.alerting.quiet_until
    spans = [(start, end)] if start < end else [(start, "24:00"), ("00:00", end)]
    times = [{"start_time": one, "end_time": other} for one, other in spans if one != other]
    return [{"times": times, "location": region.timezone}]


def _sender(alerting: Alerting) -> dict[str, Any]:
    if not alerting.smarthost:
        return {}
    login = (
        {"smtp_auth_username": alerting.mail_user, "smtp_auth_password": f"{{{{secret:{alerting.mail_secret}}}}}"}
        if alerting.mail_user
        else {}
    )
    return {"global": {"smtp_smarthost": alerting.smarthost, "smtp_from": alerting.mail_from, **login}}


def _own(alerting: Alerting) -> dict[str, Any]:
    channels = _channels(alerting, list(alerting.mail_to))
    if alerting.webhook:
        channels["webhook_configs"] = [{"url": alerting.webhook, "send_resolved": True}]
    if alerting.telegram_chat is not None:
        channels["telegram_configs"] = [_telegram(alerting, alerting.telegram_chat)]
    return channels


def _heartbeat(alerting: Alerting) -> dict[str, Any]:
    """The place outside that misses us; nobody where none is declared."""
    if not alerting.heartbeat:
        return {}
    key = f"{{{{secret:{alerting.heartbeat_secret}}}}}" if alerting.heartbeat_secret else ""
    return {"webhook_configs": [{"url": f"{alerting.heartbeat}{key}", "send_resolved": False}]}


def _telegram(alerting: Alerting, chat: int) -> dict[str, Any]:
    return {"bot_token": f"{{{{secret:{alerting.telegram_secret}}}}}", "chat_id": chat, "parse_mode": ""}


def _channels(alerting: Alerting, mails: list[str]) -> dict[str, Any]:
    """Mail to these addresses; nothing where no mail server is declared."""
    if not alerting.smarthost or not mails:
        return {}
    return {"email_configs": [{"to": mail, "send_resolved": True} for mail in mails]}


def _mails(opd: Opd) -> list[str]:
    """Addresses of an office's contacts that are whole and cannot name a secret."""
    return sorted({contact.email for contact in opd.contacts if _MAIL.fullmatch(contact.email)})
