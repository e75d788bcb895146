"""What every exchange's configuration has in common, as Asterisk reads it. `{domain}` is filled in where it stands."""

from __future__ import annotations

ENDPOINT = """\
[kominfo-phone](!)
type=endpoint
{transport}
from_domain={domain}
disallow=all
allow=alaw,g722
direct_media=no
rtp_symmetric=yes
force_rport=yes
rtp_timeout=60
rtp_timeout_hold=900
dtmf_mode=rfc4733
tos_audio=ef
cos_audio=5

"""
# By `numbering.security`. Telephones insist on SRTP, the exchange does not: call tests of the station come in clear.
SECURITY = {
    "none": "transport=transport-udp",
    "tls-srtp": "transport=transport-tls\nmedia_encryption=sdes\nmedia_encryption_optimistic=yes",
}
KEYS = "/etc/asterisk/keys"  # role pbx brings there what role tls holds
TRANSPORT_TLS = """\
[transport-tls]
type=transport
protocol=tls
bind={address}:5061
cert_file={keys}/exchange.pem
priv_key_file={keys}/exchange.key
method=tlsv1_2
tos=cs3
cos=3

"""
AUTH = """\
[kominfo-digest](!)
type=auth
auth_type=digest
realm={domain}

"""
AOR = """\
[kominfo-contact](!)
type=aor
max_contacts=1
remove_existing=yes
minimum_expiration=60
default_expiration=600
maximum_expiration=3600
qualify_frequency=60

[kominfo-softphone](!,kominfo-contact)
max_contacts=3

"""
EMERGENCY = """\
; Where an emergency call goes is decided in one place. While no trunk is declared the caller hears congestion.
[kominfo-emergency-route]
exten => _X!,1,GotoIf($[${DIALPLAN_EXISTS(kominfo-trunk-emergency,${EXTEN},1)}]?kominfo-trunk-emergency,${EXTEN},1)
 same => n,Log(WARNING,emergency number ${EXTEN} dialled by ${CHANNEL(endpoint)}: no trunk is declared)
 same => n,Progress()
 same => n,Playtones(425/250,0/250)
 same => n,Wait(10)
 same => n,Hangup(34)

[kominfo-emergency]
"""
HANDLERS = """
[kominfo-ring]
; ARG1: the number · ARG2: the office's reception, which rings when nobody answers · ARG3: who is called instead of it
exten => s,1,GotoIf($["${DEVICE_STATE(PJSIP/${ARG1})}"="INVALID"]?unknown)
 same => n,Set(LOCAL(devices)=${PJSIP_DIAL_CONTACTS(${ARG1})})
 same => n,GotoIf($["${devices}"=""]?absent)
 same => n,Dial(${devices},25)
 same => n,GotoIf($["${DIALSTATUS}"="BUSY"]?busy)
 same => n(absent),GotoIf($["${ARG3}"!=""]?onward)
 same => n,GotoIf($["${ARG2}"="" | "${ARG2}"="${ARG1}"]?away)
 same => n,Set(LOCAL(devices)=${PJSIP_DIAL_CONTACTS(${ARG2})})
 same => n,GotoIf($["${devices}"=""]?away)
 same => n,Dial(${devices},25)
 same => n(away),Hangup(20)
 same => n(busy),Hangup(17)
 same => n(unknown),Hangup(1)
 same => n(onward),Goto(kominfo-numbers,${ARG3},1)

[kominfo-mailbox]
; ARG1: the number, whose callers may leave a message when nobody answers
exten => s,1,Set(LOCAL(devices)=${PJSIP_DIAL_CONTACTS(${ARG1})})
 same => n,GotoIf($["${devices}"=""]?leave)
 same => n,Dial(${devices},25)
 same => n(leave),VoiceMail(${ARG1}@kominfo,us)
 same => n,Hangup(16)

[kominfo-group]
; ARG1: the telephones that ring together · ARG2: for how many seconds
exten => s,1,GotoIf($["${ARG1}"=""]?empty)
 same => n,Dial(${ARG1},${IF($["${ARG2}"=""]?30:${ARG2})})
 same => n(empty),Hangup(19)

[kominfo-test]
; a short tone, then everything comes back: a person hears the line, a call test measures it
exten => s,1,Answer()
 same => n,Playtones(425/500)
 same => n,Wait(0.5)
 same => n,StopPlaytones()
 same => n,Echo()

"""
