"""
The second factor of an account: codes of an authenticator app (RFC 6238), and recovery codes.

A code is good for its 30 seconds and the 30 before and after, and only once. The secret is kept
sealed (`factor_seal`); where it cannot be opened, the recovery codes still are what they were.
"""

import hmac
import secrets
from datetime import datetime

import pyotp
import segno
from sqlalchemy.orm import Session

from parkwacht_api.audit import Act, Actor, audit
from parkwacht_api.errors import RecordInvalid
from parkwacht_api.factor_seal import seal, unseal
from parkwacht_api.keys import hash_secret
from parkwacht_api.models_access import Account, RecoveryCode
from parkwacht_api.repository_access import recovery_codes_of
from parkwacht_config.text import Text

ISSUER = "Parkwacht"
STEP_S = 30
N_RECOVERY_CODES = 10


def begin_enrolment(account: Account, key: bytes) -> None:
    """Make a secret for the app; the factor is in force once a code of it came back."""
    account.totp_secret = seal(pyotp.random_base32(), account.id, key)
    account.totp_confirmed_at = None


def enrolment_secret(account: Account, key: bytes | None) -> str | None:
    """Return the secret that an app still has to take up, None where there is none to show."""
    if account.totp_secret is None or is_in_force(account):
        return None
    return unseal(account.totp_secret, account.id, key)


def enrolment_svg(name: str, secret: str) -> str:
    """Draw the QR code that the app reads, without any style that a strict policy would block."""
    uri = pyotp.TOTP(secret, name=name, issuer=ISSUER).provisioning_uri()
    code = segno.make(uri, micro=False, error="m")
    return code.svg_inline(scale=4, border=4, dark="#000", light="#fff", omitsize=False)


def is_in_force(account: Account) -> bool:
    """Say whether an account asks for a second factor."""
    return account.totp_confirmed_at is not None and account.totp_secret is not None


def take_code(
    session: Session, account: Account, typed: str, *, key: bytes | None, at: datetime
) -> bool:
    """
    Take a code of the app or a recovery code, once; say whether it was right.

    Parameters
    ----------
    session
        A writing transaction that holds the account's row.
    account
        Whose.
    typed
        As typed; blanks and dashes do not matter.
    key
        What the secret was sealed with; without it only recovery codes are right.
    at
        The present instant.
    """
    code = typed.replace(" ", "").replace("-", "").lower()
    return _take_totp(account, code, key, at) or _take_recovery(session, account, code, at)


def _take_totp(account: Account, code: str, key: bytes | None, at: datetime) -> bool:
    secret = account.totp_secret and unseal(account.totp_secret, account.id, key)
    if not secret:
        return False
    totp = pyotp.TOTP(secret, interval=STEP_S)
    step = int(at.timestamp()) // STEP_S
    for candidate in (step - 1, step, step + 1):
        is_fresh = candidate > account.totp_last_step
        right = totp.generate_otp(candidate).encode()
        if is_fresh and hmac.compare_digest(right, code.encode(errors="replace")):
            account.totp_last_step = candidate
            return True
    return False


def _take_recovery(session: Session, account: Account, code: str, at: datetime) -> bool:
    if not is_in_force(account):
        return False
    typed = hash_secret(code)
    for one in recovery_codes_of(session, account.id):
        if one.used_at is None and hmac.compare_digest(one.code_sha256, typed):
            one.used_at = at
            return True
    return False


def confirm_enrolment(
    session: Session, account: Account, typed: str, *, key: bytes | None, by: Actor, at: datetime
) -> list[str]:
    """
    Put the second factor in force; return the recovery codes, which cannot be shown again.

    Parameters
    ----------
    session
        A writing transaction that holds the account's row.
    account
        Whose.
    typed
        A code of the app.
    key
        What the secret was sealed with.
    by
        Its owner.
    at
        The present instant.

    Raises
    ------
    RecordInvalid
        The code is not right.
    """
    code = typed.replace(" ", "")
    if account.totp_confirmed_at is not None or not _take_totp(account, code, key, at):
        text = Text(
            nl="deze code klopt niet; wacht op de volgende en let op de klok van uw telefoon",
            en="this code is not right; wait for the next and mind your phone's clock",
        )
        raise RecordInvalid(text, fields=[{"field": "body.code", "message": text.en}])
    account.totp_confirmed_at = at
    for old in recovery_codes_of(session, account.id):
        session.delete(old)
    session.flush()
    # 80 random bits each, so a plain hash keeps them safe.
    codes = [secrets.token_hex(10) for _ in range(N_RECOVERY_CODES)]
    session.add_all(RecoveryCode(code_sha256=hash_secret(c), account_id=account.id) for c in codes)
    audit(session, by, Act("account.second_factor", "account", account.name), at=at)
    return ["-".join(code[n : n + 5] for n in range(0, 20, 5)) for code in codes]


def remove_factor(session: Session, account: Account, *, by: Actor, at: datetime) -> None:
    """
    Take the second factor away.

    Parameters
    ----------
    session
        A writing transaction that holds the account's row.
    account
        Whose.
    by
        Its owner.
    at
        The present instant.
    """
    account.totp_secret = account.totp_confirmed_at = None
    for code in recovery_codes_of(session, account.id):
        session.delete(code)
    audit(session, by, Act("account.second_factor_removed", "account", account.name), at=at)
