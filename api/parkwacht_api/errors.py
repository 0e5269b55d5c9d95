"""
What the service answers instead of a result; `parkwacht_api.app` maps each class to a status.

* ParkwachtError
  + ApiError
    - NotAuthenticated    no key, a wrong key, or an ended session
    - NotAllowed          the key may not do this
    - FormForged          a form without the session's own token
    - TooManyLogins       locked for a while
    - NotVouched          the log-in service does not vouch for who asks
    - ProviderSilent      the log-in service does not answer as agreed
    - NotFound            there is no such thing, or it was never released to who asks
    - MediaGone           the image was deleted when its keeping time was over
    - ContentConflict     the same id with other content
    - VersionConflict     somebody else judged in between
    - VersionMissing      an act without the version that was seen
    - RecordInvalid       a record that breaks its own rules
    - MediaInvalid        media that are not what the record says
    - TooLarge            more bytes than are taken
    - RangeUnsatisfiable  a byte range outside the file
"""

from parkwacht_config.errors import ParkwachtError
from parkwacht_config.text import Text


class ApiError(ParkwachtError):
    """Base of every refusal of the service; may carry response headers and field errors."""

    def __init__(
        self,
        text: Text,
        *,
        headers: dict[str, str] | None = None,
        fields: list[dict[str, str]] | None = None,
    ) -> None:
        super().__init__(text)
        self.headers = headers or {}
        self.fields = fields or []


class NotAuthenticated(ApiError):  # noqa: N818
    """No key, a wrong key, or an ended session."""


class NotAllowed(ApiError):  # noqa: N818
    """The key is right, but may not do this."""


class FormForged(ApiError):  # noqa: N818
    """A form came without the token of the session it claims."""


class TooManyLogins(ApiError):  # noqa: N818
    """Too many wrong keys from one address; locked for a while."""


class NotVouched(ApiError):  # noqa: N818
    """The log-in service does not vouch for whoever came back from it."""


class ProviderSilent(ApiError):  # noqa: N818
    """The log-in service cannot be reached, or does not answer as agreed."""


class NotFound(ApiError):  # noqa: N818
    """There is no such thing, or it was never released to who asks."""


class MediaGone(ApiError):  # noqa: N818
    """The image was deleted when its keeping time was over."""


class ContentConflict(ApiError):  # noqa: N818
    """The same id is already stored with other content."""


class VersionConflict(ApiError):  # noqa: N818
    """Somebody else judged in between."""


class VersionMissing(ApiError):  # noqa: N818
    """An act that does not say which version was seen."""


class RecordInvalid(ApiError):  # noqa: N818
    """A record that breaks its own rules."""


class MediaInvalid(ApiError):  # noqa: N818
    """Media that are not what the record says."""


class TooLarge(ApiError):  # noqa: N818
    """More bytes than are taken."""


class RangeUnsatisfiable(ApiError):  # noqa: N818
    """A byte range outside the file."""


def not_found(thing: Text, key: object) -> NotFound:
    """Build the answer for a thing that is not there."""
    return NotFound(
        Text(nl=f"{thing.nl} {key} bestaat niet", en=f"there is no {thing.en} {key}"),
    )
