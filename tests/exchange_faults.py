"""Ways to spoil a good release of the exchange's files: one small change each, by kind of fault.

Each is (kind, file, what is looked for, what stands there instead). `· plan` ends a kind: the files are as good as any
others, and only the plan knows that they are not what was meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ops.inventory.model import Region
from ops.plan.change import Artifact

E, A, O, D = "dinkes.endpoint.conf", "dinkes.auth.conf", "dinkes.aor.conf", "dinkes.dialplan.conf"  # noqa: E741
RE, RA, RO, RD = (f"_region.{kind}.conf" for kind in ("endpoint", "auth", "aor", "dialplan"))
RT, RI = "_region.transport.conf", "_region.identify.conf"

FAULTS: tuple[tuple[str, str, str, str], ...] = (
    # ---- files and their syntax
    ("head without its end", E, r"^\[20101\]", "[20101"),
    ("head with something behind", E, r"^(\[20101\]\(.*\))$", r"\1 x"),
    ("template not defined", E, r"^\[20101\]\(opd-dinkes\.inside", "[20101](opd-dinkes.insid"),
    ("template of auth lost", A, r"^\[20101\]\(kominfo-digest\)", "[20101]"),
    ("template defined after its use", RO, r"(?s)(\[kominfo-contact\].*?\n\n)(\[kominfo-softphone\].*?\n\n)", r"\2\1"),
    ("include of what is missing", RE, r"current/dinkes\.", "current/dinkez."),
    ("include that stops the start", RE, r"#tryinclude current/dinkes", "#include current/dinkes"),
    ("include by wildcard", RE, r"current/dinkes\.endpoint", "current/*.endpoint"),
    ("include from elsewhere", RA, r"current/dinkes\.auth", "kominfo/dinkes.auth"),
    ("include twice", RE, r"^(#tryinclude current/dinkes\.endpoint\.conf\n)", r"\1\1"),
    ("include lost, so a file is read by nothing", RD, r"^#tryinclude current/dinkes\.dialplan\.conf\n", ""),
    ("program included", RA, r"^#tryinclude current/dinkes", "#exec current/dinkes"),
    ("half-written", E, r"(?s)callerid=\"Sekretaris.*", "calle"),
    ("cut at the end of a line", E, r"(?s)^aors=20102\n.*", "aors=20102\n"),
    ("empty", A, r"(?s).*", ""),
    ("blank", D, r"(?s).*", "\n\n"),
    ("line of 9 KB", E, r"^callerid=\"Kepala", 'callerid="' + "K" * 9000),
    ("block comment in a password", A, r"^(password_digest=MD5:.{8}).*$", r"\1;--x"),
    ("comment in a name", E, r"Kepala Dinas", "Kepala;Dinas"),
    ("control character in a name", E, r"Kepala Dinas", "Kepala\x1bDinas"),
    ("line break in a name", E, r"Kepala Dinas", "Kepala\nDinas"),
    ("option before any section", A, r"\A", "username=x\n"),
    ("word that is no option", A, r"^username=20101$", "username 20101"),
    ("section added to another one", E, r"^\[20101\]\((.*)\)", r"[20101](+,\1)"),
    # ---- objects
    ("option that is not there", E, r"^aors=20101$", "aors=20101\nno_such_option=yes"),
    ("option misspelt", RE, r"^direct_media=no$", "direct_medai=no"),
    ("option of another type", A, r"^username=20101$", "username=20101\nmax_contacts=1"),
    ("yes or no that is neither", RE, r"^direct_media=no$", "direct_media=maybe"),
    ("value not in its list", RE, r"^dtmf_mode=rfc4733$", "dtmf_mode=rfc2833x"),
    ("codec that is not there", RE, r"^allow=alaw,g722$", "allow=alaw,g7222"),
    ("number that is none", RO, r"^max_contacts=1$", "max_contacts=abc"),
    ("seconds that are none", RO, r"^qualify_frequency=60$", "qualify_frequency=1m"),
    ("nobody may register", RO, r"^max_contacts=1$", "max_contacts=0"),
    ("auth without a password", A, r"^password_digest=.*\n", ""),
    ("digest of another length", A, r"^(password_digest=MD5:.{20}).*$", r"\1"),
    ("password in clear", A, r"^password_digest=.*$", "password=rahasia"),
    ("trunk's password too short", RA, r"^(password)=.*$", r"\1=pendek"),
    ("trunk's password with a semicolon", RA, r"^(password)=(.{10}).*$", r"\1=\2\\;aaaaaaaaaaaa"),
    ("type lost", RE, r"^type=endpoint$", ""),
    ("type of another file", A, r"^username=20101$", "username=20101\ntype=aor"),
    ("endpoint twice", E, r"(?s)(^\[20101\].*?\n\n)", r"\1\1"),
    ("endpoint of another office again", E, r"^\[20101\]", "[20201]"),
    ("auth that is not there", E, r"^auth=20101,", "auth=20109,"),
    ("aor that is not there", E, r"^aors=20101$", "aors=20109"),
    ("transport that is not there", RE, r"^transport=transport-udp$", "transport=transport-tls"),
    ("context that is not there", E, r"^context=opd-dinkes$", "context=opd-dinkez"),
    ("endpoint without auth", E, r"^auth=20101,.*\n", ""),
    ("endpoint without aors", E, r"^aors=20101\n", ""),
    ("endpoint without context", E, r"^context=opd-dinkes\n", ""),
    ("endpoint without codecs", RE, r"^(dis)?allow=.*\n", ""),
    ("endpoint lost", E, r"(?s)^\[20101\].*?\n\n", ""),
    ("auth lost", A, r"(?s)^\[20101\].*?\n\n", ""),
    ("aor lost", O, r"(?s)^\[20101\].*?\n\n", ""),
    ("caller ID without quotes", E, r"^callerid=\"Kepala Dinas\" <20101>", "callerid=Kepala Dinas 20101"),
    ("network that is none", E, r"^permit=10\.41\.1\.0/24$", "permit=10.41.300.0/24"),
    ("bind that is none", RT, r"^bind=.*$", "bind=10.40.0.300:5060"),
    ("protocol that is none", RT, r"^protocol=udp$", "protocol=upd"),
    ("transport without bind", RT, r"^bind=.*\n", ""),
    ("trunk known by nothing", RI, r"^match=.*\n", ""),
    ("trunk of nobody", RI, r"^endpoint=trunk-telko$", "endpoint=trunk-telco"),
    ("variable without a value", E, r"^set_var=KOMINFO_OPD=dinkes$", "set_var=KOMINFO_OPD"),
    # ---- dialplan
    ("application that is not there", RD, r"\bEcho\(\)", "Eccho()"),
    ("application whose module is not loaded", RD, r"\bEcho\(\)", "Record(/tmp/x.wav)"),
    ("function that is not there", RD, r"\$\{DEVICE_STATE\(", "${DEVICE_STAT("),
    ("function whose module is not loaded", RD, r"\$\{STRFTIME\(,,%Y", "${SHELL(%Y"),
    ("brace not closed", RD, r"\$\{PJSIP_DIAL_CONTACTS\(\$\{ARG1\}\)\}", "${PJSIP_DIAL_CONTACTS(${ARG1})"),
    ("bracket of an expression not closed", RD, r"\]\?busy\)", "?busy)"),
    ("quote not closed", RD, r"\"INVALID\"\]", '"INVALID]'),
    ("parenthesis not closed", RD, r"^exten => 112,1,(.*)\)$", r"exten => 112,1,\1"),
    ("no priority 1", D, r"^exten => 20198,1,", "exten => 20198,2,"),
    ("priority left out", RD, r"^ same => n\(absent\),", " same => 9(absent),"),
    ("priority that is none", RD, r"^ same => n\(absent\),", " same => x(absent),"),
    ("label that is not there", RD, r"\?busy\)", "?bussy)"),
    ("label twice", RD, r"same => n\(away\)", "same => n(busy)"),
    ("goto to a context that is not there", D, r"Goto\(kominfo-test,", "Goto(kominfo-tess,"),
    ("goto to a number that nobody has", RD, r"^ same => n\(free\),Goto\(kominfo-numbers,20195",
     r" same => n(free),Goto(kominfo-numbers,89195"),
    ("gosub to a context that is not there", D, r"Gosub\(kominfo-ring,", "Gosub(kominfo-rings,"),
    ("include of a context that is not there", D, r"^include => kominfo-short-codes$", "include => kominfo-shorts"),
    ("context that includes itself", RD, r"^\[kominfo-short-codes\]$", "[kominfo-short-codes]\ninclude => opd-dinkes"),
    ("extension twice", D, r"^(exten => 20198,1,.*)$", r"\1\n\1"),
    ("pattern without an end", D, r"^exten => _201XX,1", "exten => _201[X,1"),
    ("line that is no line of a dialplan", D, r"^exten => 20198,", "extn => 20198,"),
    ("telephone that is not there", D, r"PJSIP/20100", "PJSIP/20177"),
    ("key of a menu that rings nobody", D, r"^exten => 1,1,Goto\(kominfo-numbers,20100,1\)",
     "exten => 1,1,Goto(kominfo-numbers,2010,1)"),
    ("hint of no device", D, r"^exten => _201XX,hint,.*$", "exten => _201XX,hint,SIP/20100"),
    ("call centre that rings nobody", RD, r"Local/20190@kominfo-numbers", "Local/80190@kominfo-numbers"),
    ("trunk that is not there", RD, r"@trunk-telko,60", "@trunk-telco,60"),
    # ---- emergency
    ("emergency not looked at first", D, r"(include => kominfo-emergency)\n(include => kominfo-short-codes)",
     r"\2\n\1"),
    ("emergency not looked at", D, r"^include => kominfo-emergency\n", ""),
    ("emergency number lost", RD, r"^exten => 113,1,Goto\(kominfo-emergency-route.*\n", ""),
    ("number shadowed by a pattern of the office", D, r"^(\[opd-dinkes\])$", r"\1\nexten => _1XX,1,Hangup(1)"),
    ("number rewritten on its way", RD, r"^exten => 110,1,Goto\(kominfo-emergency-route,\$\{EXTEN\},1\)$",
     "exten => 110,1,Goto(kominfo-numbers,20100,1)"),
    ("limit before an emergency", RD, r"^(\[kominfo-trunk-emergency\]\nexten => _X!,1,)",
     r"\1GotoIf($[${GROUP_COUNT(all@kominfo-trunk)} > 2]?end)\n same => n,"),
    # ---- good files that are not those of the plan
    ("name of another · plan", E, r"Kepala Dinas", "Kepala Badan"),
    ("office moved to another context", E, r"^context=opd-dinkes$", "context=opd-disdik"),
    ("fence opened · plan", E, r"^permit=10\.41\.1\.0/24$", "permit=10.0.0.0/8"),
    ("whole office lost", "", "", ""),
    ("longer calls than allowed · plan", E, r"^set_var=KOMINFO_OPD_CALLS=2$", "set_var=KOMINFO_OPD_CALLS=20"),
    ("other extension rings · plan", D, r"Goto\(kominfo-numbers,20100,1\)", "Goto(kominfo-numbers,20102,1)"),
)  # fmt: skip


def substituted(text: str) -> str:
    """What names a secret, with a value of the same form in its place."""
    text = re.sub(r"\{\{ha1:[^}]*\}\}", "0123456789abcdef" * 2, text)
    return re.sub(r"\{\{secret:[^}]*\}\}", "Abcdefgh12345678" * 2, text)


def release(artifacts: Iterable[Artifact]) -> dict[str, str]:
    """Of several exchanges the first one's: the others' files have the same names."""
    made = list(artifacts)
    return {one.key.partition("/")[2]: substituted(one.content) for one in made if one.host == made[0].host}


def with_password(region: Region) -> Region:
    """The region whose trunk asks for a password."""
    plan = region.numbering
    trunk = plan.trunks[0].model_copy(update={"user": "kominfo", "secret": "trunk/telko"})
    return region.model_copy(update={"numbering": plan.model_copy(update={"trunks": (trunk,)})})


def spoiled(good: dict[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    """(kind, the release with that one fault). AssertionError when a change changes nothing any more."""
    for kind, file, sought, instead in FAULTS:
        bad = dict(good)
        if not file:
            bad = {name: text for name, text in good.items() if not name.startswith("disdik.")}
            bad = {
                name: re.sub(r"^#tryinclude current/disdik\..*\n", "", text, flags=re.MULTILINE)
                for name, text in bad.items()
            }
        else:
            bad[file] = re.sub(sought, instead, good[file], count=1, flags=re.MULTILINE)
        assert bad != good, kind
        yield kind, bad
