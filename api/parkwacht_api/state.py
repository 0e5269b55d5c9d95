"""What one running application holds; made by the lifespan, never at import."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from parkwacht_api.database import Database
from parkwacht_config.clock import Clock
from parkwacht_config.settings import Settings
from parkwacht_config.site import Site


@dataclass(frozen=True, slots=True)
class AppState:
    """The park, the settings, the clock and the database of one application."""

    settings: Settings
    site: Site
    clock: Clock
    database: Database


def state_of(request: Request) -> AppState:
    """Return the state of the application that serves a request."""
    return cast("AppState", request.app.state.parkwacht)


async def _state(request: Request) -> AppState:
    # Not a plain function: that would be one more wait for a thread, in each request.
    return state_of(request)


def _reading(request: Request) -> Iterator[Session]:
    with state_of(request).database.reading() as session:
        yield session


def _writing(request: Request) -> Iterator[Session]:
    with state_of(request).database.writing() as session:
        yield session


# scope="function": the transaction ends before the answer is sent, so an answer is a promise kept.
ReadSession = Annotated[Session, Depends(_reading, scope="function")]
WriteSession = Annotated[Session, Depends(_writing, scope="function")]
State = Annotated[AppState, Depends(_state)]
