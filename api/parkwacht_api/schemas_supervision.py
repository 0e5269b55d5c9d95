"""What crosses HTTP about signs of life."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from parkwacht_api.schemas import Strict

CameraId = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00]+$")]


class HeartbeatIn(Strict):
    """A worker lives and watches these cameras; `is_ending` where somebody stops it."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$")]
    cameras: Annotated[tuple[CameraId, ...], Field(max_length=1000)] = ()
    is_ending: bool = False


class WayOut(BaseModel):
    """One channel of one receiver: whether it is up, and what was heard of it last."""

    receiver_id: str
    channel_id: str
    state: str
    since: datetime
    last_success_at: datetime | None
    last_failure_at: datetime | None
    n_failures: int
    rests_until: datetime | None
    detail: str


class WaysOut(BaseModel):
    """Every channel of which something was heard."""

    items: list[WayOut]
