"""The way outside, as Asterisk reads it: trunks, who may call whom and how much, emergency calls, what comes in.

An office's endpoints carry `KOMINFO_CID` (the number that is shown), `KOMINFO_OPD`, `KOMINFO_OPD_CALLS`; those of a
class also `KOMINFO_MAY`, `KOMINFO_CALLS`, `KOMINFO_MINUTES`. Who carries none calls nobody outside: default deny.
Emergency calls know no class, no limit and no count, and ordinary calls never get a trunk's last channels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ops.inventory.telephony import Numbering, OutboundClass, Trunk

TRUNK_ENDPOINT = """\
[trunk-{name}]
type=endpoint
transport=transport-udp
context=from-trunk-{name}
disallow=all
allow=alaw
aors=trunk-{name}
direct_media=no
dtmf_mode=rfc4733
send_pai=yes
from_domain={domain}
{auth}
"""
TRUNK_AOR = "[trunk-{name}]\ntype=aor\nqualify_frequency=30\n{contacts}\n"
TRUNK_AUTH = "[trunk-{name}]\ntype=auth\nauth_type=userpass\nusername={user}\npassword={{{{secret:{secret}}}}}\n\n"
TRUNK_IDENTIFY = "[trunk-{name}]\ntype=identify\nendpoint=trunk-{name}\n{matches}\n"

_TOWN = (6, 7, 8)  # digits of a number without its area code
_COUNTRY = (  # Indonesia's own, behind its code: 0809 and 0804 cost more than a mobile, 0800 and 177 nothing
    ("8[1-35-9]X.", "mobile"),
    ("8X.", "premium"),
    ("800X.", "public"),
    ("177X.", "public"),
    ("1500XXX", "public"),
    (".", "national"),
)
_WORLD = (  # satellites, networks of no country and numbers that cost by the minute stand under codes of their own
    ("_+XXX.", "international"),
    ("_+8[07]8X.", "premium"),
    ("_+870X.", "premium"),
    ("_+88[1-38]X.", "premium"),
    ("_+979X.", "premium"),
)
_CODES = (("_1[02-9]X", "public"), ("_14XXX", "public"), ("_1500XXX", "public"))  # as dialled, with no code before them

_OUT = """
[kominfo-out]
; ARG1: a kind of number, as local · ARG2: the number · the day's seconds of an extension are kept in the exchange's own
; database as <day>:<seconds>; of what is left each call holds its share from its beginning (KOMINFO_HELD_<extension>)
exten => s,1,GotoIf($["${KOMINFO_CID}"="" | "${KOMINFO_MAY}"=""]?refused)
 same => n,GotoIf(${REGEX(",${ARG1}," ,${KOMINFO_MAY},)}?allowed:refused)
 same => n(allowed),Set(LOCAL(who)=${CHANNEL(endpoint)})
 same => n,Set(GROUP(kominfo-extension)=${who})
 same => n,GotoIf($[${GROUP_COUNT(${who}@kominfo-extension)} > ${KOMINFO_CALLS}]?full)
 same => n,Set(GROUP(kominfo-office)=${KOMINFO_OPD})
 same => n,GotoIf($[${GROUP_COUNT(${KOMINFO_OPD}@kominfo-office)} > ${KOMINFO_OPD_CALLS}]?full)
 same => n,Set(CHANNEL(hangup_handler_push)=kominfo-count,s,1(${who}))
 same => n,GotoIf($["${LOCK(kominfo-${who})}"="0"]?full)
 same => n,Set(LOCAL(kept)=${DB(kominfo-seconds/${who})})
 same => n,Set(LOCAL(used)=${IF($["${CUT(kept,:,1)}"="${STRFTIME(,,%Y%m%d)}"]?${CUT(kept,:,2)}:0)})
 same => n,Set(LOCAL(held)=0${GLOBAL(KOMINFO_HELD_${who})})
 same => n,Set(LOCAL(free)=$[${KOMINFO_CALLS} + 1 - ${GROUP_COUNT(${who}@kominfo-extension)}])
 same => n,Set(LOCAL(left)=$[(${KOMINFO_MINUTES} * 60 - ${used} - ${held}) / ${IF($[${free} > 1]?${free}:1)}])
 same => n,Set(LOCAL(left)=${IF($[${left} >= 1]?${CUT(left,.,1)}:0)})
 same => n,MSet(KOMINFO_HELD=${left},GLOBAL(KOMINFO_HELD_${who})=$[${held} + ${left}])
 same => n,NoOp(${UNLOCK(kominfo-${who})})
 same => n,GotoIf($[${left} <= 0]?full)
 same => n,Set(CALLERID(num)=${KOMINFO_CID})
"""
_OUT_END = """\
 same => n(full),Hangup(34)
 same => n(refused),Hangup(21)

[kominfo-count]
; ARG1: the extension whose seconds of today grow by those of the call that ends; what was held for it is free again
exten => s,1,NoOp(${LOCK(kominfo-${ARG1})})
 same => n,Set(LOCAL(today)=${STRFTIME(,,%Y%m%d)})
 same => n,Set(LOCAL(kept)=${DB(kominfo-seconds/${ARG1})})
 same => n,Set(LOCAL(used)=${IF($["${CUT(kept,:,1)}"="${today}"]?${CUT(kept,:,2)}:0)})
 same => n,Set(LOCAL(more)=0${ANSWEREDTIME})
 same => n,Set(LOCAL(held)=$[0${GLOBAL(KOMINFO_HELD_${ARG1})} - 0${KOMINFO_HELD}])
 same => n,MSet(DB(kominfo-seconds/${ARG1})=${today}:$[${used} + ${more}],GLOBAL(KOMINFO_HELD_${ARG1})=${held})
 same => n,NoOp(${UNLOCK(kominfo-${ARG1})})
 same => n,Return()
"""


def class_template(one: OutboundClass) -> str:
    """What the endpoints of a class carry."""
    return (
        f"[kominfo-class-{one.name}](!)\nset_var=KOMINFO_MAY={','.join(one.to)}\n"
        f"set_var=KOMINFO_CALLS={one.calls}\nset_var=KOMINFO_MINUTES={one.minutes}\n\n"
    )


def endpoint(trunk: Trunk, domain: str) -> str:
    auth = f"outbound_auth=trunk-{trunk.name}\n" if trunk.user else ""
    return TRUNK_ENDPOINT.format(name=trunk.name, domain=domain, auth=auth)


def aor(trunk: Trunk) -> str:
    contacts = "".join(f"contact=sip:{server}:5060\n" for server in trunk.servers)
    return TRUNK_AOR.format(name=trunk.name, contacts=contacts)


def auth(trunk: Trunk) -> str:
    """The one password that must stand in clear on the exchange: the provider's realm is not known before it asks."""
    return TRUNK_AUTH.format(name=trunk.name, user=trunk.user, secret=trunk.secret) if trunk.user else ""


def identify(trunk: Trunk) -> str:
    """Calls come from the provider's own addresses only."""
    matches = "".join(f"match={server}\n" for server in trunk.servers)
    return TRUNK_IDENTIFY.format(name=trunk.name, matches=matches)


def dialplan(plan: Numbering, direct: Mapping[str, str]) -> str:
    """All contexts of the way outside. `direct`: a number outside → the extension that it rings."""
    return "".join(
        [
            _dialled(plan),
            _OUT,
            *(f" same => n,Gosub(kominfo-trunk-{trunk.name},s,1(${{ARG2}},${{left}}))\n" for trunk in plan.trunks),
            _OUT_END,
            *(_over(trunk, plan.country_code) for trunk in plan.trunks),
            _emergency(plan.trunks),
            *(_incoming(trunk, plan.country_code, direct) for trunk in plan.trunks),
        ]
    )


def _dialled(plan: Numbering) -> str:
    """What people dial becomes the number as the world dials it; that has a kind. The most exact pattern decides.
    A number inside, mistyped, is none of the town's: those of its length are not dialled outside."""
    own = f"+{plan.country_code}"
    town = [f"_[2-8]{'X' * (digits - 1)}" for digits in _TOWN if digits != plan.digits]
    forms = [("_00X.", "+${EXTEN:2}"), ("_0[1-9]X.", f"{own}${{EXTEN:1}}")]
    forms += [(form, f"{own}{plan.area_code}${{EXTEN}}") for form in town]
    kinds = [(f"_{own}{plan.area_code}X.", "local"), *((f"_{own}{form}", kind) for form, kind in _COUNTRY)]
    lines = [f"exten => {form},1,Goto(kominfo-outside,{number},1)\n" for form, number in forms]
    lines += [
        f"exten => {form},1,Gosub(kominfo-out,s,1({kind},${{EXTEN}}))\n" for form, kind in (*kinds, *_WORLD, *_CODES)
    ]
    return "\n[kominfo-outside]\n" + "".join(lines)


def ordinary(trunk: Trunk) -> int:
    """Calls at once that are no emergency, out and in together."""
    return trunk.channels - trunk.emergency_channels


def _over(trunk: Trunk, country: str) -> str:
    """An ordinary call over a trunk; comes back when it has no free channel or does not answer."""
    own, digits = f"+{country}", len(country) + 1
    abroad = '${IF($["${ARG1:0:1}"="+"]?00${ARG1:1}:${ARG1})}'
    national = f'${{IF($["${{ARG1:0:{digits}}}"="{own}"]?0${{ARG1:{digits}}}:{abroad})}}'
    number = "${ARG1}" if trunk.dials == "e164" else national
    return f"""
[kominfo-trunk-{trunk.name}]
; ARG1: the number, +… or a public code · ARG2: seconds that the call may last
exten => s,1,Set(GROUP(kominfo-trunk)={trunk.name})
 same => n,GotoIf($[${{GROUP_COUNT({trunk.name}@kominfo-trunk)}} > {ordinary(trunk)}]?back)
 same => n,Set(LOCAL(number)={number})
 same => n,Dial(PJSIP/${{number}}@trunk-{trunk.name},60,L($[${{ARG2}} * 1000]))
 same => n,GotoIf($["${{DIALSTATUS}}"="CHANUNAVAIL" | "${{DIALSTATUS}}"="CONGESTION"]?back)
 same => n,Hangup(${{HANGUPCAUSE}})
 same => n(back),Set(GROUP(kominfo-trunk)=)
 same => n,Return()
"""


def _emergency(trunks: Iterable[Trunk]) -> str:
    """Trunk after trunk until one answers, with the office's own number, whoever calls and whatever is used up."""
    lines = ["\n[kominfo-trunk-emergency]\n", 'exten => _X!,1,GotoIf($["${KOMINFO_CID}"=""]?call)\n']
    lines += [" same => n,Set(CALLERID(num)=${KOMINFO_CID})\n", " same => n(call),NoOp()\n"]
    for trunk in trunks:
        lines.append(f" same => n,Dial(PJSIP/${{EXTEN}}@trunk-{trunk.name},120)\n")
        lines.append(' same => n,GotoIf($["${DIALSTATUS}"="ANSWER"]?end)\n')
    return "".join([*lines, " same => n(end),Hangup(${HANGUPCAUSE})\n"])


def _incoming(trunk: Trunk, country: str, direct: Mapping[str, str]) -> str:
    """Direct numbers of the trunk's block, in every form that providers send them. Nothing else comes in, and nothing
    once the channels of ordinary calls are taken: who rings from outside must not use up those of emergencies."""
    count = f"${{GROUP_COUNT({trunk.name}@kominfo-trunk)}}"
    first, last = trunk.numbers.split("-")
    lines = [f"\n[from-trunk-{trunk.name}]\n"]
    for number, extension in sorted(direct.items()):
        if len(number) == len(first) and first <= number <= last:
            for form in (number, number[1:], "0" + number.removeprefix(f"+{country}")):
                lines.append(f"exten => {form},1,Set(GROUP(kominfo-trunk)={trunk.name})\n")
                lines.append(f" same => n,GotoIf($[{count} <= {ordinary(trunk)}]?free)\n same => n,Hangup(34)\n")
                lines.append(f" same => n(free),Goto(kominfo-numbers,{extension},1)\n")
    return "".join(lines)
