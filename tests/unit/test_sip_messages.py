"""The pure half of our own telephone: messages, digest, SDP, RTP, A-law, tones."""

from __future__ import annotations

import importlib
import math
import sys
import warnings

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ops.system.sip import dialog, digest, g711, message, rtp, sdp, tone
from ops.system.sip.message import MalformedError, Message

WORD = st.from_regex(r"[A-Za-z0-9.!%*_+`'~-]{1,20}", fullmatch=True)
VALUE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x2FF, exclude_characters="\x7f"), max_size=40).map(
    str.strip
)
HEADERS = st.lists(
    st.tuples(
        WORD.map(str.lower).filter(lambda name: len(name) > 1 and name != "content-length"),
        VALUE,
    ),
    max_size=6,
).map(tuple)
REQUESTS = st.builds(
    Message,
    method=WORD,
    uri=st.just("sip:20100@region.example"),
    headers=HEADERS,
    body=st.binary(max_size=200),
)
RESPONSES = st.builds(Message, status=st.integers(100, 699), reason=VALUE, headers=HEADERS, body=st.binary(max_size=50))


@given(st.one_of(REQUESTS, RESPONSES))
def test_a_message_comes_back_as_it_was_sent(sent: Message) -> None:
    got = message.parse(sent.encode())
    kept = tuple(header for header in got.headers if header[0] != "content-length")
    assert (got.method, got.uri, got.status, got.reason, kept, got.body) == (
        sent.method, sent.uri, sent.status, sent.reason, sent.headers, sent.body,
    )  # fmt: skip


@given(st.binary(max_size=300))
@example(b"SIP/2.0 200 OK\r\nContent-Length: 5\r\n\r\nabc")
@example(b"INVITE sip:x SIP/2.0\r\nContent-Length: \xc2\xb2\r\n\r\n")
@example(b"INVITE sip:x SIP/2.0\r\nbroken\r\n\r\n")
def test_noise_is_malformed_or_a_message_and_never_a_crash(noise: bytes) -> None:
    try:
        got = message.parse(noise)
    except MalformedError:
        return
    assert got.status or got.method
    assert isinstance(got.cseq[0], int)


def test_compact_folded_and_repeated_headers() -> None:
    got = message.parse(
        b"BYE sip:a@b SIP/2.0\r\nv: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nVia: second\r\n"
        b'f: "A ;tag=no" <sip:a@b;tag=nor>;tag=yes\r\nsubject: two\r\n lines\r\nCSeq: 7 BYE\r\n\r\n'
    )
    assert got.all("via") == ["SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1", "second"]
    assert got.branch == "z9hG4bK1"
    assert message.param(got.get("from"), "tag") == "yes"
    assert message.uri_of(got.get("from")) == "sip:a@b;tag=nor"
    assert got.get("subject") == "two lines"
    assert got.cseq == (7, "BYE")


def test_digest_of_rfc_2617() -> None:
    challenge = digest.parse(
        'Digest realm="testrealm@host.com", qop="auth,auth-int", '
        'nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"'
    )
    value = digest.answer(
        challenge,
        digest.Credentials("Mufasa", "Circle Of Life"),
        digest.Ask("GET", "/dir/index.html", "0a4f113b"),
    )
    assert 'response="6629fae49393a05397450978507c4ef1"' in value
    assert 'opaque="5ccc069c403ebaf9f0171e9517f40e41"' in value


def test_the_first_challenge_that_we_can_answer_is_taken() -> None:
    values = [
        'Digest realm="a", nonce="1", algorithm=SHA-256',
        'Digest realm="b", nonce="2", algorithm=md5, qop="auth"',
    ]
    assert digest.choose(values).realm == "b"
    with pytest.raises(MalformedError, match="no challenge with MD5"):
        digest.choose(values[:1])


@given(realm=st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=20), nonce=WORD)
def test_quoted_words_of_a_challenge_come_back(realm: str, nonce: str) -> None:
    quoted = realm.replace("\\", "\\\\").replace('"', '\\"')
    got = digest.parse(f'Digest nonce="{nonce}",realm="{quoted}" , stale=TRUE')
    assert (got.realm, got.nonce, got.stale) == (realm, nonce, True)


@given(st.text(max_size=60))
def test_a_broken_challenge_is_malformed(text: str) -> None:
    try:
        digest.parse(f"Digest {text}")
    except MalformedError:
        return


def test_credentials_never_show_the_password() -> None:
    assert "geheim" not in repr(digest.Credentials("20100", "geheim"))


@given(st.integers(1, 65535), st.lists(st.integers(0, 127), min_size=1, max_size=5, unique=True))
def test_sdp_round_trip(port: int, payloads: list[int]) -> None:
    audio = sdp.Audio("192.0.2.7", port, tuple(payloads))
    assert sdp.parse(sdp.build(audio, 1)) == audio


@given(st.binary(max_size=200))
def test_sdp_noise_is_malformed(noise: bytes) -> None:
    try:
        sdp.parse(noise)
    except MalformedError:
        return


def test_the_address_of_the_stream_wins_over_the_session() -> None:
    body = b"v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 8 101\r\nc=IN IP4 192.0.2.2\r\nm=video 1 RTP/AVP 31\r\n"
    assert sdp.parse(body) == sdp.Audio("192.0.2.2", 4000, (8, 101))


PACKETS = st.builds(
    rtp.Packet,
    payload_type=st.integers(0, 127),
    sequence=st.integers(0, 2**16 - 1),
    timestamp=st.integers(0, 2**32 - 1),
    source=st.integers(0, 2**32 - 1),
    payload=st.binary(max_size=200),
    marker=st.booleans(),
)


@given(PACKETS)
def test_rtp_round_trip(packet: rtp.Packet) -> None:
    assert rtp.parse(packet.encode()) == packet


@given(st.binary(max_size=60))
def test_rtp_noise_is_malformed(noise: bytes) -> None:
    try:
        rtp.parse(noise)
    except MalformedError:
        return


@given(
    start=st.integers(0, 2**16 - 1),
    stamp=st.integers(0, 2**32 - 1),
    dropped=st.sets(st.integers(1, 298), max_size=40),
    seed=st.randoms(use_true_random=False),
)
def test_losses_are_counted_whatever_the_order_and_the_start(start: int, stamp: int, dropped: set[int], seed) -> None:
    """300 packets from any sequence number on, some lost, neighbours swapped: exactly the dropped ones are missing."""
    order = [number for number in range(300) if number not in dropped]
    for at in range(1, len(order) - 2, 2):
        if seed.random() < 0.2:
            order[at], order[at + 1] = order[at + 1], order[at]
    heard = rtp.Reception()
    for number in order:
        packet = rtp.Packet(8, (start + number) % 2**16, (stamp + number * 160) % 2**32, 1, b"")
        heard.take(packet, number * 0.02)
    assert (heard.received, heard.lost) == (300 - len(dropped), len(dropped))
    assert heard.jitter_ms < 0.001


def test_jitter_of_rfc_3550() -> None:
    """Every second packet 10 ms late: |D| is 80 samples each time, so J climbs towards 10 ms as 1-(15/16)^n."""
    heard = rtp.Reception()
    for number in range(17):
        heard.take(rtp.Packet(8, number, number * 160, 1, b""), number * 0.02 + (0.01 if number % 2 else 0))
    assert heard.jitter_ms == pytest.approx(10 * (1 - (15 / 16) ** 16), rel=1e-6)


def test_a_new_source_keeps_what_was_lost_before() -> None:
    heard = rtp.Reception()
    for source, numbers in ((1, (5, 6, 9)), (2, (60000, 60001))):
        for number in numbers:
            heard.take(rtp.Packet(8, number, 0, source, b""), 0)
    assert (heard.received, heard.lost) == (5, 2)


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="Python 3.13 has no audioop to compare with")
def test_a_law_is_that_of_audioop() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        audioop = importlib.import_module("audioop")
    samples = range(-32768, 32768)
    linear = b"".join(sample.to_bytes(2, "little", signed=True) for sample in samples)
    assert g711.encode(samples) == audioop.lin2alaw(linear, 2)
    codes = bytes(range(256))
    decoded = audioop.alaw2lin(codes, 2)
    assert g711.decode(codes) == [
        int.from_bytes(decoded[at : at + 2], "little", signed=True) for at in range(0, 512, 2)
    ]


@given(st.integers(-32768, 32767))
def test_a_law_is_close_and_keeps_the_sign(sample: int) -> None:
    (back,) = g711.decode(g711.encode([sample]))
    assert abs(back - sample) <= max(16, abs(sample) / 16)


@given(frequency=st.integers(60, 700).map(lambda number: number * 5), share=st.floats(0.01, 0.9))
def test_goertzel_measures_what_was_sent(frequency: int, share: float) -> None:
    sound = tone.sine(frequency, 0, tone.BLOCK * 3, round(tone.FULL * share))
    assert tone.level(sound, frequency) == pytest.approx(20 * math.log10(share), abs=0.2)
    assert tone.level(sound, frequency + 100) < tone.level(sound, frequency) - 30


def test_silence_and_too_little_sound_have_no_level() -> None:
    assert tone.level([0] * 8000, 1000) == tone.SILENCE_DB
    assert tone.level(tone.sine(1000, 0, 100), 1000) == tone.SILENCE_DB


def test_frames_of_a_tone_join_without_a_click() -> None:
    joined = [sample for at in range(0, 1600, 160) for sample in tone.sine(1000, at, 160)]
    assert joined == tone.sine(1000, 0, 1600)


ME = dialog.Party("20100", "region.example", "192.0.2.50", 5070)


def test_an_answer_makes_the_dialog_and_its_ack() -> None:
    invite = dialog.request(ME, "INVITE", "sip:20200@region.example", dialog.opening(ME, "sip:20200@region.example"), 4)
    answer = Message(
        status=200,
        headers=(
            ("to", invite.get("to") + ";tag=theirs"),
            ("contact", "<sip:192.0.2.15:5060>"),
            ("record-route", "<sip:p1;lr>, <sip:p2;lr>"),
        ),
    )
    made = dialog.established(invite, answer)
    ack = dialog.request(ME, "ACK", made.target, made, 4)
    assert (ack.uri, ack.cseq, ack.all("route")) == ("sip:192.0.2.15:5060", (4, "ACK"), ["<sip:p2;lr>", "<sip:p1;lr>"])
    assert message.param(ack.get("to"), "tag") == "theirs"
    assert ack.branch != invite.branch


def test_the_ack_of_a_refusal_and_a_cancel_belong_to_the_invite() -> None:
    invite = dialog.request(ME, "INVITE", "sip:20200@region.example", dialog.opening(ME, "sip:20200@region.example"), 4)
    ack = dialog.ack_refusal(invite, Message(status=486, headers=(("to", "<sip:x>;tag=t"),)))
    assert (ack.branch, ack.cseq, ack.uri, ack.get("to")) == (invite.branch, (4, "ACK"), invite.uri, "<sip:x>;tag=t")
    assert dialog.cancel(invite).cseq == (4, "CANCEL")


def test_an_authorised_repeat_is_a_new_transaction_of_the_same_call() -> None:
    sent = dialog.request(ME, "REGISTER", "sip:region.example", dialog.opening(ME, ME.uri), 1)
    repeat = dialog.again(sent, 2, "authorization", "Digest x")
    assert repeat.branch != sent.branch
    assert (repeat.get("call-id"), repeat.cseq) == (sent.get("call-id"), (2, "REGISTER"))
    assert repeat.get("authorization") == "Digest x"
