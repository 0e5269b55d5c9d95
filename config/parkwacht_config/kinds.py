"""The few words that models of a park are made of: ids, kinds of ground, mount and object."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

ID_PATTERN = r"^[a-z0-9][a-z0-9_]{0,62}$"
Id = Annotated[str, Field(pattern=ID_PATTERN)]


class Frozen(BaseModel):
    """Base of every model read from a file: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class AreaKind(StrEnum):
    """Kinds of public ground."""

    CARRIAGEWAY = "carriageway"
    PARKING = "parking"
    FOOTPATH = "footpath"
    GREEN = "green"


class MountKind(StrEnum):
    """What a camera can be fixed to."""

    FACADE = "facade"
    LAMP_POST = "lamp_post"
    MAST = "mast"


class ObjectClass(StrEnum):
    """
    What the worker tells apart.

    `vehicle` is a vehicle of unknown kind; `moving` is something that moves like a person or a
    vehicle but was not recognised, so that a detector's miss is not silence.
    """

    PERSON = "person"
    BICYCLE = "bicycle"
    MOTORCYCLE = "motorcycle"
    CAR = "car"
    TRUCK = "truck"
    BUS = "bus"
    VEHICLE = "vehicle"
    MOVING = "moving"

    @property
    def is_vehicle(self) -> bool:
        """Whether this is known to be a vehicle."""
        return self not in {ObjectClass.PERSON, ObjectClass.MOVING}


class Severity(StrEnum):
    """How urgent an event of a zone is."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
