"""
Logging in by a service that the park already has (OpenID Connect), as its file says: `[oidc]`.

Only who may do what is agreed here; the accounts themselves stay in the park's own database.
"""

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from parkwacht_config.kinds import Frozen, Id
from parkwacht_config.partners import SecretName

# The roles of people (`parkwacht_api.roles.PEOPLE`).
PersonRole = Literal[
    "administrator", "security_operator", "police_reader", "reviewer", "working_group"
]
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
Word = Annotated[str, Field(min_length=1, max_length=300)]


def _check_issuer(url: str) -> str:
    parts = urlsplit(url)
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    if not is_safe or not parts.hostname or parts.query or parts.fragment:
        message = "an https:// address without ? and #, exactly as the service calls itself"
        raise ValueError(message)
    return url


class OidcRole(Frozen):
    """Which role a group of the log-in service gives; of several, the first in the file."""

    group: Word
    role: PersonRole
    receiver_id: Id | None = None

    @model_validator(mode="after")
    def _receiver_goes_with_police(self) -> Self:
        if (self.receiver_id is not None) != (self.role == "police_reader"):
            message = "receiver_id belongs to police_reader, and to nothing else"
            raise ValueError(message)
        return self


class Oidc(Frozen):
    """
    The log-in service.

    Without `roles` every account keeps the role it was given here. `makes_accounts` are the roles
    for which a first log-in makes an account; without it, only accounts that were linked log in.
    """

    name: Annotated[str, Field(min_length=1, max_length=60)]
    issuer: Annotated[str, AfterValidator(_check_issuer)]
    client_id: Word
    client_secret_env: SecretName
    scopes: tuple[Annotated[str, Field(pattern=r"^[\x21\x23-\x5b\x5d-\x7e]+$")], ...] = (
        "openid",
        "profile",
    )
    group_claim: Word = "groups"
    second_factor_amr: tuple[Word, ...] = ("mfa",)
    roles: tuple[OidcRole, ...] = ()
    makes_accounts: tuple[PersonRole, ...] = ()

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if "openid" not in self.scopes:
            message = "scopes: openid must be among them"
            raise ValueError(message)
        without = set(self.makes_accounts) - {one.role for one in self.roles}
        if without:
            message = f"makes_accounts: no group of roles gives {', '.join(sorted(without))}"
            raise ValueError(message)
        return self
