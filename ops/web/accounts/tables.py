"""The tables of the accounts, in the suite's own database. Times are seconds since the epoch.

Of tokens and passwords only hashes are kept; what a second factor needs to be checked is encrypted (see `sealed`).
"""

TABLES = (
    # roles, opds: words parted by blanks · code: sealed TOTP secret, '' for none · step: the last one that was used ·
    # sso: subject or e-mail address at the single sign-on · fresh: the password was given by somebody else
    """CREATE TABLE IF NOT EXISTS web_user (name TEXT PRIMARY KEY, title TEXT NOT NULL, roles TEXT NOT NULL,
        opds TEXT NOT NULL, password TEXT NOT NULL, fresh BIGINT NOT NULL, code TEXT NOT NULL, step BIGINT NOT NULL,
        sso TEXT, disabled BIGINT NOT NULL, created DOUBLE PRECISION NOT NULL)""",
    "CREATE UNIQUE INDEX IF NOT EXISTS web_user_sso ON web_user (sso)",
    # stage: password (a second factor is still wanted) | enrol (it has to be set up) | renew (a password of one's own
    # is wanted) | full
    """CREATE TABLE IF NOT EXISTS web_session (hash TEXT PRIMARY KEY, name TEXT NOT NULL, stage TEXT NOT NULL,
        created DOUBLE PRECISION NOT NULL, seen DOUBLE PRECISION NOT NULL,
        address TEXT NOT NULL, note TEXT NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS web_session_name ON web_session (name)",
    # what was tried and has not succeeded: kind account | address
    """CREATE TABLE IF NOT EXISTS web_attempt (id {serial}, kind TEXT NOT NULL, name TEXT NOT NULL,
        at DOUBLE PRECISION NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS web_attempt_name ON web_attempt (kind, name, at)",
    "CREATE INDEX IF NOT EXISTS web_attempt_at ON web_attempt (at)",
    """CREATE TABLE IF NOT EXISTS web_device (name TEXT PRIMARY KEY, hash TEXT NOT NULL,
        created DOUBLE PRECISION NOT NULL, seen DOUBLE PRECISION, made_by TEXT NOT NULL)""",
    "CREATE UNIQUE INDEX IF NOT EXISTS web_device_hash ON web_device (hash)",
    # a single sign-on that was begun: state is the hash of what comes back
    """CREATE TABLE IF NOT EXISTS web_sign_on (state TEXT PRIMARY KEY, nonce TEXT NOT NULL, verifier TEXT NOT NULL,
        back TEXT NOT NULL, visitor TEXT NOT NULL, at DOUBLE PRECISION NOT NULL)""",
)
