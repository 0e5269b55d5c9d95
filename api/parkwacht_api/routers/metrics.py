"""Figures for Prometheus, for whoever may see statistics."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from parkwacht_api.auth import Principal, needs
from parkwacht_api.keys import Scope
from parkwacht_api.metrics import CONTENT_TYPE, render_metrics
from parkwacht_api.problems import problems
from parkwacht_api.state import State

router = APIRouter(tags=["health"])


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {"description": "figures", "content": {"text/plain": {"schema": {"type": "string"}}}},
        **problems(401, 403),
    },
)
def get_metrics(
    _reader: Annotated[Principal, Depends(needs(Scope.STATISTICS))], state: State
) -> Response:
    """Tell counts and ages: events, incidents, deliveries, partners, cameras."""
    body = render_metrics(state.database, state.clock.now())
    return Response(body, media_type=CONTENT_TYPE)
