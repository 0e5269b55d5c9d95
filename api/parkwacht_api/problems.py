"""
Errors as RFC 9457 problem documents, in the reader's language, described for OpenAPI.

`type` is a stable URI; `title` and `detail` follow Accept-Language (Dutch where nothing is asked).
"""

from typing import Annotated, Any

from fastapi import Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from parkwacht_config.text import Language, Text

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:parkwacht:problem:"


class FieldProblem(BaseModel):
    """What is wrong with one field of a payload."""

    field: Annotated[str, Field(description="dotted path inside the request")]
    message: Annotated[str, Field(description="what is wrong with it")]


class Problem(BaseModel):
    """An error, as RFC 9457 describes it."""

    type: Annotated[str, Field(description="stable URI of the kind of problem")]
    title: Annotated[str, Field(description="the kind of problem, in the reader's language")]
    status: Annotated[int, Field(description="HTTP status")]
    detail: Annotated[str, Field(description="this occurrence, in the reader's language")]
    instance: Annotated[str, Field(description="path that was asked for")]
    errors: list[FieldProblem] = []


class Kind(BaseModel):
    """A row of the table of problems."""

    status: int
    slug: str
    title: Text


def language_of(request: Request) -> Language:
    """Return the language of Accept-Language: the first of nl and en by quality, else Dutch."""
    best, best_quality = Language.NL, 0.0
    for part in request.headers.get("accept-language", "").split(","):
        tag, _, parameters = part.strip().partition(";")
        quality = parameters.strip().removeprefix("q=") or "1"
        primary = tag.lower().split("-")[0]
        if primary not in {"nl", "en"}:
            continue
        try:
            weight = float(quality)
        except ValueError:
            continue
        if weight > best_quality:
            best, best_quality = Language(primary), weight
    return best


def problem_response(
    request: Request,
    kind: Kind,
    detail: Text,
    *,
    headers: dict[str, str] | None = None,
    fields: list[dict[str, str]] | None = None,
) -> JSONResponse:
    """
    Render one problem document.

    Parameters
    ----------
    request
        Decides the language and the instance.
    kind
        Status, type and title.
    detail
        What happened this time.
    headers
        Extra response headers, such as WWW-Authenticate.
    fields
        What is wrong per field of the payload.
    """
    language = language_of(request)
    problem = Problem(
        type=TYPE_PREFIX + kind.slug,
        title=kind.title.to(language),
        status=kind.status,
        detail=detail.to(language),
        instance=request.url.path,
        errors=[FieldProblem(**one) for one in fields or []],
    )
    return JSONResponse(
        problem.model_dump(exclude_defaults=False),
        status_code=kind.status,
        media_type=MEDIA_TYPE,
        headers={"Content-Language": language.value, **(headers or {})},
    )


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the problems a route may answer, for OpenAPI."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": "Problem", "content": content} for status in statuses}
