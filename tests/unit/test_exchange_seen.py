"""What is counted of an exchange's telephones, by office; and the manager interface's words."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters import exchange
from exporters.exchange_seen import KEPT_REPORTS, WINDOW, Offices, Seen, quantile
from exporters.exchange_watch import Now
from ops.errors import HostFailedError
from ops.inventory.load import load
from ops.system.ami import Ami, Message

INVENTORY = Path(__file__).parents[2] / "inventories/batubara"
OFFICES = Offices({"20100": "dinkes", "20101": "dinkes", "20200": "disdik"}, {"telko": 30})


def contact(number: str, status: str = "Reachable", took: str = "2500") -> Message:
    return {"Event": "ContactList", "Aor": number, "Status": status, "RoundtripUsec": took}


def test_registrations_count_by_office_and_only_of_the_plan() -> None:
    seen = Seen()
    listed = [contact("20100"), contact("20101", "Unreachable", "N/A"), contact("29999"), contact("trunk-telko")]
    seen.contacts(listed, OFFICES)
    assert (seen.registered["dinkes"], seen.unreachable["dinkes"], seen.registered["disdik"]) == (2, 1, 0)
    assert seen.qualify["dinkes"] == [0.0025]
    assert seen.stale == 1
    seen.contacts([], OFFICES)
    assert not seen.registered
    assert seen.stale == 0


def test_a_softphone_with_several_registrations_is_one_telephone_and_its_best_counts() -> None:
    seen = Seen()
    seen.contacts([contact("20200", "Unreachable"), contact("20200"), contact("20200", "Unreachable")], OFFICES)
    assert seen.registered["disdik"] == 1
    assert seen.unreachable["disdik"] == 0


@pytest.mark.parametrize(
    ("state", "cause", "result"),
    [("6", "16", "answered"), ("4", "17", "busy"), ("4", "20", "absent"), ("4", "99", "failed"), ("4", "", "failed")],
)
def test_a_call_counts_once_for_its_caller(state: str, cause: str, result: str) -> None:
    seen = Seen()
    end = {"Event": "Hangup", "Channel": "PJSIP/20100-0000001f", "ChannelState": state, "Cause": cause}
    seen.event({**end, "Uniqueid": "1.1", "Linkedid": "1.1"}, OFFICES, 0)
    seen.event({**end, "Channel": "PJSIP/20200-00000020", "Uniqueid": "1.2", "Linkedid": "1.1"}, OFFICES, 0)
    assert dict(seen.calls) == {("dinkes", result): 1}


def test_callers_from_outside_and_strangers_have_no_office() -> None:
    assert OFFICES.caller("PJSIP/trunk-telko-00000001") == "_outside"
    assert OFFICES.caller("PJSIP/anonymous-00000001") == "_unknown"


def test_refused_logins_count_for_the_office_they_aim_at() -> None:
    seen = Seen()
    for account in ("20100", "20100", "admin", "<unknown>"):
        seen.event({"Event": "ChallengeResponseFailed", "Service": "PJSIP", "AccountID": account}, OFFICES, 0)
    seen.event({"Event": "InvalidPassword", "Service": "AMI", "AccountID": "20200"}, OFFICES, 0)
    assert dict(seen.wrong) == {"dinkes": 2, "_unknown": 1}


def test_reports_of_sound_are_kept_for_a_while_and_never_too_many() -> None:
    seen = Seen()
    report = {"Event": "RTCPReceived", "Channel": "PJSIP/20100-00000001", "MES": "88.1", "Report0IAJitter": "16"}
    for _ in range(KEPT_REPORTS + 5):
        seen.event({**report, "Report0FractionLost": "64"}, OFFICES, 10)
    seen.event(report, OFFICES, 10)  # without a report block: nothing was sent to hear
    (found,) = seen.recent(11).values()
    assert len(found) == KEPT_REPORTS
    assert (found[0].mes, found[0].jitter, found[0].lost) == (88.1, 0.002, 0.25)
    assert seen.recent(11 + WINDOW) == {}


@given(st.lists(st.dictionaries(st.text(max_size=9), st.text(max_size=9), max_size=5), max_size=5))
def test_nothing_that_an_exchange_says_breaks_the_counting(messages: list[dict[str, str]]) -> None:
    seen = Seen()
    seen.contacts([{"Status": "?", **one} for one in messages], OFFICES)
    seen.channels(messages)
    for one in messages:
        for kind in ("RTCPReceived", "Hangup", "ChallengeResponseFailed"):
            seen.event({**one, "Event": kind}, OFFICES, 0)
    assert set(seen.registered) <= {"dinkes", "disdik"}


def test_no_label_names_a_person_or_an_extension() -> None:
    region = load(INVENTORY)
    offices, seen = Offices.declared(region), Seen()
    found = {name: exchange._family(name) for name in exchange.table() if name.startswith(exchange.OURS)}
    told = Now([contact("20100")], (), {"release": "87db18a366e4", "staged": "87db18a366e4", "since": 1})
    exchange.tell(found, seen, offices, {"dc-pbx": Now([contact(number) for number in offices.of]), "drc-pbx": told})
    words = {value for one in found.values() for sample in one.samples for value in sample.labels.values()}
    known = {"_unknown", "0.5", "0.95", "dc-pbx", "drc-pbx", "87db18a366e4"}
    assert words <= {opd.code for opd in region.opds} | known
    down = {name: exchange._family(name) for name in found}
    exchange.tell(down, seen, offices, {"dc-pbx": None})
    assert not down["opd_phone_registered"].samples, "what was so before the exchange fell silent is not so now"
    assert down["opd_exchange_up"].samples[0].value == 0


def test_a_telephone_counts_once_at_whichever_exchange_and_each_exchange_is_named() -> None:
    found = {name: exchange._family(name) for name in exchange.table() if name.startswith(exchange.OURS)}
    first = Now([contact("20100", "Unreachable"), contact("29999")])
    second = Now([contact("20100"), contact("20101")])
    exchange.tell(found, Seen(), OFFICES, {"dc-pbx": first, "drc-pbx": second, "x-pbx": None})

    def values(name: str) -> dict[str, float]:
        return {sample.labels.get("host") or sample.labels["opd"]: sample.value for sample in found[name].samples}

    assert values("opd_phone_registered") == {"dinkes": 2, "disdik": 0}
    assert values("opd_phone_unreachable") == {"dinkes": 0, "disdik": 0}
    assert values("opd_exchange_up") == {"dc-pbx": 1, "drc-pbx": 1, "x-pbx": 0}
    assert values("opd_exchange_registered") == {"dc-pbx": 1, "drc-pbx": 2}
    assert values("opd_exchange_stale_contacts") == {"dc-pbx": 1, "drc-pbx": 0}


def test_an_office_that_is_gone_has_no_calls_any_more() -> None:
    seen = Seen()
    seen.calls.update({("dinkes", "answered"): 1, ("dinas-lama", "answered"): 1, ("_outside", "answered"): 1})
    found = {name: exchange._family(name) for name in exchange.table() if name.startswith(exchange.OURS)}
    exchange.tell(found, seen, OFFICES, {})
    told = {sample.labels["opd"] for sample in found["opd_calls_total"].samples}
    assert told == {*OFFICES.configured} & {"dinkes"} | {"_outside"}


def test_quantiles() -> None:
    assert [quantile([3, 1, 2, float("nan")], share) for share in (0, 0.5, 0.95, 1)] == [1, 2, 3, 3]
    assert quantile([], 0.5) != quantile([], 0.5)


# ---- the manager interface


def talk(said: bytes, *asks: str) -> tuple[list[list[Message]], list[Message]]:
    """Log in at an exchange that says just that, whatever it is asked, a few bytes at a time; ask for lists."""
    ours, theirs = socket.socketpair()

    def say() -> None:
        for at in range(0, len(said), 7):
            theirs.sendall(said[at : at + 7])

    events: list[Message] = []
    speaker = threading.Thread(target=say)
    speaker.start()
    try:
        ami = Ami("dc-pbx", ours, events.append)
        ami.login("kominfo", "s", 30)
        return [ami.ask(action, 30) for action in asks], events
    finally:
        speaker.join()
        ours.close()
        theirs.close()


WELCOME = b"Asterisk Call Manager/11.0.0\r\nResponse: Success\r\nActionID: kominfo-1\r\n\r\n"
LIST = (
    b"Event: Hangup\r\nChannel: PJSIP/20100-1\r\n\r\n"
    b"Response: Success\r\nActionID: kominfo-2\r\nEventList: start\r\n\r\n"
    b"Event: ContactList\r\nActionID: kominfo-2\r\nAor: 20100\r\nUri: sip:20100@192.0.2.1:5060\r\n\r\n"
    b"Event: Other\r\n\r\nEvent: Done\r\nActionID: kominfo-2\r\nEventList: Complete\r\n\r\n"
)


def test_a_list_is_answered_and_what_comes_between_is_an_event() -> None:
    (found,), events = talk(WELCOME + LIST, "PJSIPShowContacts")
    assert [one["Uri"] for one in found] == ["sip:20100@192.0.2.1:5060"]
    assert [one["Event"] for one in events] == ["Hangup", "Other"]


def test_an_empty_list_is_no_error_and_a_refusal_is() -> None:
    empty = b"Response: Error\r\nActionID: kominfo-2\r\nMessage: No Contacts found\r\n\r\n"
    assert talk(WELCOME + empty, "PJSIPShowContacts")[0] == [[]]
    with pytest.raises(HostFailedError, match="Permission denied"):
        talk(WELCOME + empty.replace(b"No Contacts found", b"Permission denied"), "PJSIPShowContacts")


@pytest.mark.parametrize(
    ("said", "why"),
    [(b"SSH-2.0-OpenSSH\r\n", "no manager"), (WELCOME.replace(b"Success", b"Error"), "manager: no answer")],
)
def test_who_can_not_log_in_is_told_why(said: bytes, why: str) -> None:
    with pytest.raises(HostFailedError, match=why):
        talk(said)
