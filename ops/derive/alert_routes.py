"""Offices, their contacts and the quiet hours → Alertmanager's whole configuration (YAML in its JSON form).

Who is told: the regency's own office of everything, at night only of what is critical; an office's contacts of their
own office's alerts, by day. Who is not told: anybody, of what a cut explains (docs/fibre.md).

- A cut is one notification: all FibreSegmentCut are one group whatever their number, and go out first. Effects wait
  longer (group_wait) than a cut needs to be judged, so that a late cause still comes before them.
- Inhibition goes by labels that both sides have: LinkBehindCut holds back alerts of its port and of its router,
  OfficeBehindCut all of an office that nothing of answers any more.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from ops.inventory.model import Alerting, Opd, Region
from ops.plan.change import REGION_SCOPE, Artifact

KIND = "alert-route"
FILE = f"{REGION_SCOPE}.alertmanager.yml"
NOBODY, OWN = "nobody", "kominfo"
EFFECTS_WAIT, CUT_WAIT = "45s", "10s"
_OFFICES = 'alertname=~"Office.*|Phone.*|Fibre(MarginLow|Dimming)"'  # what an office's contacts are told of
_EFFECTS = 'alertname=~"Office.*|Phone.*|Fibre(MarginLow|Dimming)"'  # what a cut explains
_TOLD = 'severity!="none"'
_MAIL = re.compile(r"[^@\s\"{}]+@[^@\s\"{}]+")


def artifacts(region: Region) -> Iterable[Artifact]:
    text = json.dumps(configuration(region), indent=1, ensure_ascii=False) + "\n"
    for monitor in region.group("monitoring"):
        yield Artifact(KIND, f"{monitor.name}/{FILE}", text, region.line)


def configuration(region: Region) -> dict[str, Any]:
    """What Alertmanager is told. Secrets stand in it by name."""
    told = [opd for opd in region.opds if _channels(region.alerting, _mails(opd))]
    return {
        **_sender(region.alerting),
        "route": _route(told),
        "inhibit_rules": _inhibitions(),
        "time_intervals": [{"name": "quiet", "time_intervals": _quiet(region)}],
        "receivers": [
            {"name": NOBODY},
            {"name": OWN, **_own(region.alerting)},
            *({"name": f"opd-{opd.code}", **_channels(region.alerting, _mails(opd))} for opd in told),
        ],
    }


def _route(told: Iterable[Opd]) -> dict[str, Any]:
    """First match wins, but for offices: what they are told, the regency's own office is told too."""
    return {
        "receiver": OWN,
        "group_by": ["alertname", "opd"],
        "group_wait": EFFECTS_WAIT,
        "group_interval": "5m",
        "repeat_interval": "12h",
        "routes": [
            {"matchers": ['severity="none"'], "receiver": NOBODY},
            {
                "matchers": ['alertname="FibreSegmentCut"'],
                "receiver": OWN,
                "group_by": ["alertname"],
                "group_wait": CUT_WAIT,
            },
            *(
                {
                    "matchers": [f'opd="{opd.code}"', _OFFICES],
                    "receiver": f"opd-{opd.code}",
                    "mute_time_intervals": ["quiet"],
                    "continue": True,
                }
                for opd in told
            ),
            {"matchers": ['severity="critical"'], "receiver": OWN},
            {"receiver": OWN, "mute_time_intervals": ["quiet"]},
        ],
    }


def _inhibitions() -> list[dict[str, Any]]:
    link, office = ['alertname="LinkBehindCut"'], ['alertname="OfficeBehindCut"']
    targets = [_EFFECTS, _TOLD]
    return [
        {"source_matchers": link, "target_matchers": targets, "equal": ["opd", "device", "ifname"]},
        {
            "source_matchers": link,
            "target_matchers": ['alertname="OfficeUnreachable"'],
            "equal": ["opd", "device"],
        },
        {"source_matchers": office, "target_matchers": targets, "equal": ["opd"]},
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
        token = f"{{{{secret:{alerting.telegram_secret}}}}}"
        channels["telegram_configs"] = [{"bot_token": token, "chat_id": alerting.telegram_chat, "parse_mode": ""}]
    return channels


def _channels(alerting: Alerting, mails: list[str]) -> dict[str, Any]:
    """Mail to these addresses; nothing where no mail server is declared."""
    if not alerting.smarthost or not mails:
        return {}
    return {"email_configs": [{"to": mail, "send_resolved": True} for mail in mails]}


def _mails(opd: Opd) -> list[str]:
    """Addresses of an office's contacts that are whole and cannot name a secret."""
    return sorted({contact.email for contact in opd.contacts if _MAIL.fullmatch(contact.email)})
