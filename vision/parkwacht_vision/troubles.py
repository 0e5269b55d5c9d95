"""A camera's trouble that begins or is over: in words, and as the record that is handed over."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from parkwacht_config.site import Severity
from parkwacht_config.text import Text
from parkwacht_vision.event import CameraTrouble, SourceInfo, TroubleCause

NAMESPACE = uuid.UUID("6f1c1d9e-5a0e-5f0c-9a51-3a7a3f5f2c11")

_SEVERITY: dict[TroubleCause, Severity] = {
    "covered": Severity.HIGH, "moved": Severity.HIGH, "black": Severity.HIGH,
    "lost": Severity.HIGH, "frozen": Severity.HIGH, "over_exposed": Severity.LOW,
    "defocused": Severity.LOW, "clock_drift": Severity.LOW, "bitrate_collapse": Severity.LOW,
    "half_lost": Severity.LOW,
}  # fmt: skip

_WORDS: dict[TroubleCause, Text] = {
    "covered": Text(nl="De lens is afgedekt", en="The lens is covered"),
    "moved": Text(nl="De camera is verdraaid", en="The camera was moved"),
    "defocused": Text(nl="Het beeld is onscherp", en="The picture is out of focus"),
    "black": Text(nl="Het beeld is zwart", en="The picture is black"),
    "over_exposed": Text(nl="Het beeld is overbelicht", en="The picture is over-exposed"),
    "frozen": Text(nl="Het beeld staat stil", en="The picture is frozen"),
    "clock_drift": Text(nl="De klok van de camera loopt weg", en="The camera's clock drifts"),
    "bitrate_collapse": Text(
        nl="De camera stuurt bijna geen gegevens meer", en="The camera hardly sends data any more"
    ),
    "half_lost": Text(
        nl="Een van de twee streams van de camera valt uit; met de andere wordt verder gekeken",
        en="One of the camera's two streams fails; the watch goes on with the other",
    ),
    "lost": Text(nl="De camera geeft geen beeld", en="The camera gives no picture"),
}


@dataclass(frozen=True, slots=True)
class TroubleChange:
    """A trouble that begins or is over."""

    cause: TroubleCause
    is_begin: bool
    at: datetime
    measure: float | None
    unit: str
    why: Text | None = None

    @property
    def severity(self) -> Severity:
        """How urgent it is."""
        return _SEVERITY[self.cause]

    @property
    def text(self) -> Text:
        """What to tell whoever watches."""
        words = _WORDS[self.cause]
        if self.why is None:
            return words
        return Text(nl=f"{words.nl}: {self.why.nl}", en=f"{words.en}: {self.why.en}")


def trouble_record(
    change: TroubleChange,
    started_at: datetime,
    *,
    place: tuple[str, str],
    source: SourceInfo,
    event_id: uuid.UUID | None = None,
) -> CameraTrouble:
    """
    Make the record of a change; beginning and end of one trouble have the same id.

    Parameters
    ----------
    change
        What the monitor said.
    started_at
        When this trouble began: of a beginning its own instant.
    place
        Site and camera.
    source
        What was being watched.
    event_id
        An event that was going on.
    """
    name = f"{place[0]}/{place[1]}/{change.cause}/{started_at.isoformat()}"
    return CameraTrouble(
        id=uuid.uuid5(NAMESPACE, name), site_id=place[0], camera_id=place[1], cause=change.cause,
        severity=change.severity, started_at=started_at,
        ended_at=None if change.is_begin else change.at, measure=change.measure,
        unit=change.unit, event_id=event_id, source=source,
    )  # fmt: skip
