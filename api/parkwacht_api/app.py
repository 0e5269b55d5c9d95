"""
The application: routes, pages, and the one table that turns an error into an HTTP status.

Nothing is opened at import; the lifespan opens the database and closes it.
"""

import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.staticfiles import StaticFiles
from sqlalchemy.exc import DataError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from parkwacht_api.console import router as console_router
from parkwacht_api.console.rendering import error_page
from parkwacht_api.database import Database
from parkwacht_api.errors import (
    ApiError,
    ContentConflict,
    FormForged,
    MediaGone,
    MediaInvalid,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    NotVouched,
    ProviderSilent,
    RangeUnsatisfiable,
    RecordInvalid,
    TooLarge,
    TooManyLogins,
    VersionConflict,
    VersionMissing,
)
from parkwacht_api.evidence_signing import ensure_signing_key
from parkwacht_api.factor_seal import prepare_factors
from parkwacht_api.oidc import Provider
from parkwacht_api.problems import Kind, Problem, problem_response, problems
from parkwacht_api.rate_limit import IngestLimit
from parkwacht_api.routers import (
    accounts,
    audit,
    cameras,
    deliveries,
    events,
    evidence,
    handovers,
    health,
    incidents,
    metrics,
    statistics,
    supervision,
    watch_reports,
)
from parkwacht_api.security import SECURITY_HEADERS, BodyLimit, SecurityHeaders
from parkwacht_api.state import AppState
from parkwacht_config.clock import Clock, SystemClock
from parkwacht_config.errors import ParkwachtError
from parkwacht_config.secrets import read_secret
from parkwacht_config.settings import Settings
from parkwacht_config.site import Site
from parkwacht_config.text import Text

logger = logging.getLogger(__name__)

HERE = Path(__file__).parent


def _kind(status: int, slug: str, nl: str, en: str) -> Kind:
    return Kind(status=status, slug=slug, title=Text(nl=nl, en=en))


# The one table: which error is which status. An unnamed ParkwachtError is a fault of the service.
STATUS_OF: dict[type[Exception], Kind] = {
    NotAuthenticated: _kind(401, "not-authenticated", "Niet aangemeld", "Not authenticated"),
    NotAllowed: _kind(403, "not-allowed", "Niet toegestaan", "Not allowed"),
    FormForged: _kind(403, "form-forged", "Vreemd formulier", "Foreign form"),
    NotFound: _kind(404, "not-found", "Niet gevonden", "Not found"),
    ContentConflict: _kind(409, "content-conflict", "Andere inhoud", "Other content"),
    MediaGone: _kind(410, "media-gone", "Beeld verwijderd", "Image deleted"),
    VersionConflict: _kind(412, "version-conflict", "Intussen beoordeeld", "Judged in between"),
    TooLarge: _kind(413, "too-large", "Te groot", "Too large"),
    RangeUnsatisfiable: _kind(416, "range", "Bereik klopt niet", "Range not satisfiable"),
    MediaInvalid: _kind(422, "media-invalid", "Beeld klopt niet", "Media do not match"),
    RecordInvalid: _kind(422, "record-invalid", "Gegevens kloppen niet", "Record is invalid"),
    RequestValidationError: _kind(422, "invalid", "Gegevens kloppen niet", "Request is invalid"),
    VersionMissing: _kind(428, "version-missing", "Versie ontbreekt", "Version is missing"),
    TooManyLogins: _kind(429, "too-many-logins", "Te veel pogingen", "Too many attempts"),
    NotVouched: _kind(401, "not-vouched", "Niet aangemeld", "Not authenticated"),
    ProviderSilent: _kind(503, "provider", "Aanmelddienst onbereikbaar", "No log-in service"),
    Exception: _kind(500, "fault", "Storing", "Fault"),
}
PLAIN = {
    400: _kind(400, "bad-request", "Onleesbaar verzoek", "Unreadable request"),
    404: STATUS_OF[NotFound],
    405: _kind(405, "method", "Methode bestaat hier niet", "Method not allowed"),
    413: STATUS_OF[TooLarge],
}


def _answer(request: Request, kind: Kind, detail: Text, error: ApiError | None) -> Response:
    is_page = not request.url.path.startswith(("/api/", "/health/"))
    if is_page and "text/html" in request.headers.get("accept", ""):
        return error_page(request, kind, detail, headers=error.headers if error else None)
    return problem_response(
        request,
        kind,
        detail,
        headers=error.headers if error else None,
        fields=error.fields if error else None,
    )


async def _on_error(request: Request, error: Exception) -> Response:
    kind = STATUS_OF.get(type(error), STATUS_OF[Exception])
    if isinstance(error, ApiError) and kind.status < 500:  # noqa: PLR2004
        return _answer(request, kind, error.text, error)
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    detail = Text(nl="er ging iets mis in de dienst", en="something went wrong in the service")
    # Starlette answers a fault outside every middleware, so its headers are added here.
    return _answer(
        request, STATUS_OF[Exception], detail, ApiError(detail, headers=SECURITY_HEADERS)
    )


async def _on_invalid(request: Request, error: Exception) -> Response:
    fields = []
    if isinstance(error, RequestValidationError):
        fields = [
            {"field": ".".join(str(part) for part in one["loc"]), "message": one["msg"]}
            for one in error.errors()
        ]
    detail = Text(
        nl=f"{len(fields)} veld(en) kloppen niet", en=f"{len(fields)} field(s) are not right"
    )
    return _answer(
        request, STATUS_OF[RequestValidationError], detail, ApiError(detail, fields=fields)
    )


async def _on_data(request: Request, error: Exception) -> Response:
    # A character or number that the database does not take, such as a zero byte in a text.
    logger.info("%s %s: %s", request.method, request.url.path, type(error).__name__)
    detail = Text(nl="deze tekens worden niet aangenomen", en="these characters are not taken")
    return _answer(request, STATUS_OF[RequestValidationError], detail, ApiError(detail))


async def _on_plain(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        return await _on_error(request, error)
    kind = PLAIN.get(error.status_code) or _kind(error.status_code, "http", "Fout", "Error")
    detail = Text(
        nl=f"{request.method} {request.url.path}: {kind.title.nl.lower()}",
        en=f"{request.method} {request.url.path}: {kind.title.en.lower()}",
    )
    return _answer(request, kind, detail, ApiError(detail, headers=dict(error.headers or {})))


def _openapi_of(app: FastAPI) -> Callable[[], dict[str, Any]]:
    def build() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(
                title=app.title, version=app.version, routes=app.routes, description=app.description
            )
            schemas = schema.setdefault("components", {}).setdefault("schemas", {})
            problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(problem.pop("$defs", {}))
            schemas["Problem"] = problem
            _describe_bodies(schema)
            app.openapi_schema = schema
        return app.openapi_schema

    return build


def _describe_bodies(schema: dict[str, Any]) -> None:
    """Say of every operation with a body that it may be unreadable, too large or not right."""
    for operations in schema["paths"].values():
        for operation in operations.values():
            if "requestBody" in operation:
                for status, told in problems(400, 413, 422).items():
                    operation["responses"].setdefault(str(status), told)


def _provider(site: Site, settings: Settings, clock: Clock) -> Provider | None:
    if site.oidc is None:
        return None
    # Without its secret nobody could come back: that is told at the start.
    read_secret(site.oidc.client_secret_env, settings.state_dir)
    back = f"{settings.api_url.rstrip('/')}/login/oidc/callback"
    return Provider(site.oidc, settings.state_dir, clock, back)


def create_app(
    settings: Settings,
    site: Site,
    clock: Clock | None = None,
    *,
    written: threading.Event | None = None,
) -> FastAPI:
    """
    Make the application for one park; the tables must be current.

    Parameters
    ----------
    settings
        What the process was told.
    site
        The park.
    clock
        The time; the machine's clock where none is given.
    written
        Set after every commit, for an outbox in this process.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        database = Database(settings.sqlalchemy_url, written)
        settings.media_dir.mkdir(parents=True, exist_ok=True)
        ensure_signing_key(settings.state_dir)
        prepare_factors(database, settings.state_dir)
        app.state.oidc = _provider(site, settings, clock or SystemClock())
        app.state.parkwacht = AppState(settings, site, clock or SystemClock(), database)
        try:
            yield
        finally:
            database.dispose()

    app = FastAPI(
        title="Parkwacht",
        version="1",
        description="Events of one business park: taken in, forwarded, reviewed.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    things = (events, incidents, deliveries, watch_reports, cameras, metrics, supervision)
    people = (handovers, statistics, accounts, audit, evidence)
    for router in (one.router for one in (*things, *people)):
        app.include_router(router, prefix="/api/v1")
    app.include_router(health.router)
    app.include_router(console_router)
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    app.add_exception_handler(ParkwachtError, _on_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_plain)
    app.add_exception_handler(DataError, _on_data)
    app.add_exception_handler(Exception, _on_error)
    app.add_middleware(BodyLimit)
    app.add_middleware(IngestLimit, settings=settings)
    app.add_middleware(SecurityHeaders, is_https=settings.api_url.startswith("https://"))
    app.openapi = _openapi_of(app)  # type: ignore[method-assign]
    return app
