"""The few words that every model of a park is made of: ids, kinds of ground, kinds of mount."""

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
