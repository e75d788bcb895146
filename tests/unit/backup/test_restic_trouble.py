"""restic's exit codes and sentences, as measured with 0.18.0 and 0.19.1, each to its own verdict."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup.trouble import ResticError, Trouble, errors, judge, reason

FATAL = '{"message_type":"exit_error","code":%d,"message":"Fatal: %s"}'
CORRUPT = (
    '{"message_type":"error","error":{"message":"decrypting blob <data/ab> from pack cd failed: ciphertext '
    'verification failed"},"during":"restore","item":"/srv/a"}\n' + FATAL % (1, "There were 2 errors")
)


def done(code: int, err: str = "", out: str = "") -> dict[str, object]:
    return {"code": code, "out": out, "err": err}


MEASURED = [
    (done(0), None),
    (done(0, 'Ignoring "ab12": failed to load snapshot ab12: ciphertext verification failed'), Trouble.DAMAGED),
    (done(1, CORRUPT), Trouble.DAMAGED),
    (done(1, FATAL % (1, "load <index/ab>: LoadRaw(<index/ab>): invalid data returned")), Trouble.DAMAGED),
    (done(10, FATAL % (10, "repository does not exist: unable to open config file")), Trouble.NO_REPOSITORY),
    (done(12, FATAL % (12, "wrong password or no key found")), Trouble.WRONG_KEY),
    (done(1, "Fatal: an empty password is not allowed by default"), Trouble.EMPTY_PASSWORD),
    (
        done(11, "repository is already locked exclusively by PID 1 … lock was created at … (26h0m1s ago)"),
        Trouble.LOCKED,
    ),
    (done(1, "unable to create lock in backend: write: no space left on device"), Trouble.NO_SPACE),
    (done(1, "unable to create lock in backend: read-only file system"), Trouble.READ_ONLY),
    (done(1, "Fatal: snapshot filter (Paths:[] Tags:[] Hosts:[x]): no snapshot found"), Trouble.NO_SNAPSHOT),
    (done(1, "Fatal: Unmarshal: invalid character 'x' looking for beginning of value"), Trouble.JUNK),
    (done(2, "panic: runtime error: slice bounds out of range [16:4]\n\ngoroutine 1 [running]:"), Trouble.PANIC),
    (done(3, "Warning: at least one source file could not be read"), Trouble.INCOMPLETE),
    (done(3, "error: open /srv/a: permission denied\nWarning: at least one source file …"), Trouble.INCOMPLETE),
    (done(3, "forget: blob not removed, server response: 403 Forbidden (403)"), Trouble.REFUSED),
    (done(1, FATAL % (1, "unable to save snapshot: context canceled")), Trouble.INTERRUPTED),
    (done(137), Trouble.INTERRUPTED),
    (done(124), Trouble.TIMED_OUT),
    (done(130), Trouble.INTERRUPTED),
    (done(10, "Fatal: unable to open config file: unexpected HTTP response (401): 401 Unauthorized"), Trouble.REFUSED),
    (done(1, "Fatal: unable to save snapshot: command failed: exit status 1"), Trouble.COMMAND_FAILED),
    (done(77, "something new"), Trouble.UNKNOWN),
    ({**done(-1), "unreachable": "[Errno 111] Connection refused"}, Trouble.UNREACHABLE),
]


@pytest.mark.parametrize(("answer", "wanted"), MEASURED, ids=[str(wanted) for _, wanted in MEASURED])
def test_every_measured_answer_has_its_verdict(answer: dict[str, object], wanted: Trouble | None) -> None:
    assert judge(answer) is wanted


@given(code=st.integers(min_value=1, max_value=255), err=st.text(), out=st.text())
def test_no_failing_answer_ever_passes(code: int, err: str, out: str) -> None:
    wrong = judge(done(code, err, out))
    assert wrong is not None
    assert "\n" not in reason(done(code, err, out))


def test_reason_is_the_fatal_sentence_and_not_the_stack() -> None:
    assert reason(done(1, CORRUPT)) == "There were 2 errors"
    assert reason(done(3, FATAL % (3, "forget refused\\ngoroutine 12 [running]:"))) == "forget refused"


def test_errors_name_the_item() -> None:
    assert errors(done(1, CORRUPT)) == [
        "/srv/a: decrypting blob <data/ab> from pack cd failed: ciphertext verification failed"
    ]


@pytest.mark.parametrize("trouble", set(Trouble) - {Trouble.UNKNOWN})
def test_every_trouble_says_what_to_do(trouble: Trouble) -> None:
    assert ResticError(trouble, "x").next_step
