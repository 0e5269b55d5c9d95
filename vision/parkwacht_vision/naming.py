"""
What a source is called, which camera made it and when it began.

A name never holds a credential: it ends up in events, reports, logs and on pages. A file name
without an offset is read in the site's time zone; an hour that exists twice in the October night
is taken as the first one (summer time).
"""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from zoneinfo import ZoneInfo

from parkwacht_config.errors import SourceError
from parkwacht_config.site import Site
from parkwacht_config.text import Text

# Query keys that only choose a channel; the value of any other key may be a secret.
_OPEN_QUERY_KEYS = {"channel", "subtype", "stream", "camera", "profile", "resolution", "fps"}
_STREAM = re.compile(r"^[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_CAMERA_PREFIX = re.compile(r"^([a-z0-9][a-z0-9_]{0,62})=(.+)$", re.DOTALL)
# 20261123T021300+0100, 20261123_021300, 2026-11-23_02-13-00, 2026-11-23T02.13.00Z
_INSTANT = re.compile(
    r"(?<!\d)(?P<y>20\d\d)-?(?P<mo>[01]\d)-?(?P<d>[0-3]\d)[T_ -]?"
    r"(?P<h>[0-2]\d)[-:.]?(?P<mi>[0-5]\d)[-:.]?(?P<s>[0-5]\d)"
    r"(?P<off>Z|[+-][01]\d:?[0-5]\d)?(?!\d)"
)


class NamedSource(NamedTuple):
    """A source as the user gave it, and the camera written before it (`camera=source`)."""

    camera_id: str | None
    location: str


def split_camera(source: str) -> NamedSource:
    """Split `camera=source` where the part before the first `=` can be a camera's id."""
    found = _CAMERA_PREFIX.match(source)
    if found is None or Path(source).exists():
        return NamedSource(None, source)
    return NamedSource(found[1], found[2])


def is_stream(location: str) -> bool:
    """Return whether a source is a URL rather than a file or folder."""
    return _STREAM.match(location) is not None and not location.lower().startswith("file:")


def is_address(url: str) -> bool:
    """Return whether a URL has a host, and a port that is a number where it has one."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def redact_url(url: str) -> str:
    """Return a URL without user, password, fragment and the values of unknown query keys."""
    if not is_address(url):
        # A # or / in a password ends what URLs call the host: the rest may be the secret.
        return f"{url.partition('://')[0]}://***"
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    query = [
        (key, value if key.lower() in _OPEN_QUERY_KEYS else "***")
        for key, value in parse_qsl(parts.query, keep_blank_values=True)
    ]
    return urlunsplit((parts.scheme, host, parts.path, urlencode(query, safe="*"), ""))


def source_name(location: str) -> str:
    """Return what a source is called in events and reports: a file's name or a clean URL."""
    return (redact_url(location) if is_stream(location) else Path(location).name)[:300]


def camera_slug(location: str) -> str:
    """Derive a camera id from a source that belongs to no camera of the site."""
    stem = urlsplit(location).hostname or "stream" if is_stream(location) else Path(location).stem
    slug = re.sub(r"[^a-z0-9]+", "_", stem.lower()).strip("_")[:60]
    return slug or "camera"


def find_camera_id(location: str, site: Site, *, given: str | None) -> str | None:
    """
    Find which camera of the site made a recording.

    Parameters
    ----------
    location
        The source, as the user named it.
    site
        The park.
    given
        The camera the user named; it goes before the file name and must exist.

    Returns
    -------
    camera_id
        The given camera, else the longest id of a camera the file name starts with, else None.

    Raises
    ------
    SourceError
        The given camera is not in the site.
    """
    ids = [camera.id for camera in site.cameras]
    if given is not None:
        if given not in ids:
            known = ", ".join(ids) or "-"
            raise SourceError(
                Text(
                    nl=f"camera {given} staat niet in {site.path.name}; bekend zijn: {known}",
                    en=f"camera {given} is not in {site.path.name}; known are: {known}",
                )
            )
        return given
    if is_stream(location):
        return None
    stem = Path(location).stem.lower()
    fitting = [one for one in ids if stem == one or re.match(rf"{re.escape(one)}[^a-z0-9]", stem)]
    return max(fitting, key=len, default=None)


def instant_in_name(name: str, timezone: str) -> datetime | None:
    """
    Read the beginning of a recording from its file name.

    Parameters
    ----------
    name
        File name, e.g. `cam_20261123T021300+0100.mp4` or `cam_2026-11-23_02-13-00.mp4`.
    timezone
        The site's time zone, for names without an offset.

    Returns
    -------
    at
        Aware, in UTC; None where the name holds no date and time that exist.
    """
    for found in _INSTANT.finditer(name):
        numbers = [int(found[key]) for key in ("y", "mo", "d", "h", "mi", "s")]
        offset = found["off"]
        try:
            if offset is None:
                local = datetime(*numbers, tzinfo=ZoneInfo(timezone))  # type: ignore[arg-type,misc]
                return local.astimezone(UTC)
            text = "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}".format(*numbers)
            return datetime.fromisoformat(text + offset).astimezone(UTC)
        except ValueError:
            continue
    return None


def without_instant(name: str) -> str:
    """Return a file name without its date and time: what files of one recorder have in common."""
    return _INSTANT.sub("", name)


def to_utc(at: datetime, timezone: str) -> datetime:
    """Return an instant in UTC; one without an offset is read in the site's time zone."""
    aware = at if at.tzinfo is not None else at.replace(tzinfo=ZoneInfo(timezone))
    return aware.astimezone(UTC)


def kind_name(kind: str) -> Text:
    """
    Return what a kind of event is called.

    Parameters
    ----------
    kind
        An `event.EventKind`.
    """
    names = {
        "intrusion": Text(nl="binnendringen", en="intrusion"),
        "line_crossing": Text(nl="lijn overschreden", en="line crossed"),
        "loitering": Text(nl="rondhangen", en="loitering"),
        "stopped_vehicle": Text(nl="stilstaand voertuig", en="stopped vehicle"),
        "direction": Text(nl="verkeerde richting", en="wrong way"),
        "arrival": Text(nl="aankomst", en="arrival"),
        "departure": Text(nl="vertrek", en="departure"),
        "count": Text(nl="te veel tegelijk", en="too many at once"),
    }
    return names[kind]
