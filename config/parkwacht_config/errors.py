"""
The one error tree of Parkwacht.

* ParkwachtError
  + ConfigError          a site, layer, catalogue or setting is wrong (exit code 2)
  + CoverageError        geometry or a study that cannot be computed
  + VisionError
    - SourceError        a recording or stream cannot be read
    - ModelError         weights that cannot be loaded or are of another kind
    - SpoolError         the spool cannot be written or read
    - SealError          a sealed file cannot be opened
  + ForwardingError
    - DeliveryError      not delivered, try again
    - DeliveryRefused    the receiver refuses this content, do not try again
    - IngestError        the api did not take an event, try again
    - IngestRefused      the api refuses this event, do not try again

Each carries its message in Dutch and English. The HTTP status belongs to one table in
`parkwacht_api.app`, the exit code to `parkwacht_api.cli`.
"""

from parkwacht_config.text import Text


class ParkwachtError(Exception):
    """Base of every error a user may be shown."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


class ConfigError(ParkwachtError):
    """A site, layer, catalogue or setting is wrong; names file, key, value and what is right."""

    @classmethod
    def at(cls, where: str, key: str, value: object, right: Text) -> "ConfigError":
        """
        Build the message from its four parts.

        Parameters
        ----------
        where
            The file, as the user named it.
        key
            Dotted path of the key inside the file.
        value
            What stands there.
        right
            What would be right.
        """
        shown = repr(value) if len(repr(value)) <= 120 else repr(value)[:117] + "..."  # noqa: PLR2004
        return cls(
            Text(
                nl=f"{where}: {key} = {shown} klopt niet: {right.nl}",
                en=f"{where}: {key} = {shown} is wrong: {right.en}",
            )
        )


class CoverageError(ParkwachtError):
    """Geometry or a study that cannot be computed."""


class VisionError(ParkwachtError):
    """Base of what goes wrong between pixels and events."""


class SourceError(VisionError):
    """A recording or stream cannot be read."""


class ModelError(VisionError):
    """Weights cannot be loaded, or are of another task or other classes."""


class SpoolError(VisionError):
    """The durable spool cannot be written or read."""


class SealError(VisionError):
    """A sealed file is none, was changed, or was sealed with another key."""


class ForwardingError(ParkwachtError):
    """Base of what goes wrong between an event and its receivers."""


class DeliveryError(ForwardingError):
    """A delivery failed in a way that a later attempt may mend."""


class DeliveryRefused(ForwardingError):  # noqa: N818
    """A receiver refuses this content for good; trying again would not help."""


class IngestError(ForwardingError):
    """The api could not take an event now; the spool keeps it."""


class IngestRefused(ForwardingError):  # noqa: N818
    """The api refuses this event for good; it is set aside, visible."""
