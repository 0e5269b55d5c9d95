"""From a request to a page: language, site time, words; escaped by default."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse, Response

from parkwacht_api.auth import Principal
from parkwacht_api.console.words import word
from parkwacht_api.problems import Kind
from parkwacht_api.state import state_of
from parkwacht_config.text import Language, Text

LANGUAGE_COOKIE = "parkwacht_language"
YEAR_S = 365 * 24 * 3600
HERE = Path(__file__).parent


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def page_language(request: Request) -> Language:
    """Return the language of a page: asked for, chosen before, else the installation's."""
    for asked in (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
        if asked in set(Language):
            return Language(asked)
    return state_of(request).settings.language


def _translate(language: Language, nl: str, en: str) -> str:
    return Text(nl=nl, en=en).to(language)


def site_time(at: datetime | None, timezone: str, pattern: str = "%d-%m-%Y %H:%M:%S") -> str:
    """Show an instant as the park's own clock shows it."""
    return "" if at is None else at.astimezone(ZoneInfo(timezone)).strftime(pattern)


def _minutes(seconds: float, language: Language) -> str:
    shown = f"{seconds / 60:.1f}"
    return shown.replace(".", ",") if language is Language.NL else shown


def _page_of(request: Request) -> str:
    """Return where the form stands that a page answers: the answer cannot be asked for again."""
    path = request.url.path
    first = path.split("/")[1]
    if request.method != "POST":
        return path
    if first in {"events", "incidents"}:
        return "/".join(path.split("/")[:3])
    return f"/{first}" if first in {"account", "accounts"} else path


def _language_links(request: Request) -> dict[str, str]:
    path = _page_of(request)
    links = {}
    for language in Language:
        query = request.url.include_query_params(lang=language.value).query
        links[language.value] = f"{path}?{query}"
    return links


def render(
    request: Request,
    template: str,
    context: Mapping[str, Any],
    *,
    principal: Principal | None = None,
    status: int = 200,
) -> Response:
    """
    Render a page.

    Parameters
    ----------
    request
        Decides the language.
    template
        File in the folder templates.
    context
        What the page shows.
    principal
        Who looks.
    status
        HTTP status.
    """
    site = state_of(request).site
    language = page_language(request)
    html = (
        _environment()
        .get_template(template)
        .render(
            {
                "tr": partial(_translate, language),
                "word": partial(word, language=language),
                "time": partial(site_time, timezone=site.timezone),
                "minutes": partial(_minutes, language=language),
                "language": language.value,
                "language_links": _language_links(request),
                "site": site,
                "me": principal,
                "path": request.url.path,
                **context,
            }
        )
    )
    response = HTMLResponse(html, status_code=status, headers={"Content-Language": language.value})
    if request.query_params.get("lang") in set(Language):
        response.set_cookie(
            LANGUAGE_COOKIE, language.value, max_age=YEAR_S, httponly=True, samesite="strict"
        )
    return response


def error_page(
    request: Request, kind: Kind, detail: Text, *, headers: dict[str, str] | None = None
) -> Response:
    """
    Show an error as a page; who is not logged in goes to the login page.

    Parameters
    ----------
    request
        Decides the language.
    kind
        Status and title.
    detail
        What happened.
    headers
        Extra response headers.
    """
    if kind.status == 401 and request.method == "GET":  # noqa: PLR2004
        back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/login?next={quote(back, safe='')}", status_code=303)
    language = page_language(request)
    context = {"title": kind.title.to(language), "detail": detail.to(language)}
    response = render(request, "error.html", context, status=kind.status)
    response.headers.update(headers or {})
    return response
