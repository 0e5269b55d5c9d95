"""
What an ONVIF camera says of itself: what it is, what time it has, which streams it gives.

Everything a device answers is taken for hostile: its XML is read without entities, its addresses
are laid on the host that was asked, its texts lose what a terminal would obey, and no credential
comes out again. A password only ever leaves as a digest.
"""

import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from onveef import OnvifClient, OnvifCredentials, OnvifEndpoint, envelopes, parsers, urls
from onveef.exceptions import (
    OnvifAuthError,
    OnvifError,
    OnvifFaultError,
    OnvifOperationNotSupportedError,
)
from pydantic import SecretStr

from parkwacht_config.clock import Clock
from parkwacht_config.errors import SourceError
from parkwacht_config.text import Text
from parkwacht_vision.onvif_address import clean_text, device_url, without_credentials
from parkwacht_vision.onvif_refusals import (
    is_login_refused,
    why_no_onvif,
    why_refused,
    why_unusable,
)

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_ANSWER_BYTES = 1_000_000
MAX_PROFILES = 256
MAX_COUNT = 1_000_000  # pixels of a side, frames, kbit/s


@dataclass(frozen=True, slots=True)
class OnvifLogin:
    """Who asks; the password never prints."""

    user: str
    password: SecretStr


@dataclass(frozen=True, slots=True)
class StreamProfile:
    """One stream a device gives; None where it does not say."""

    name: str
    source: str  # the lens, or the channel of a recorder
    codec: str
    width_px: int | None
    height_px: int | None
    fps: float | None
    gop_frames: int | None
    bitrate_kbps: int | None
    url: str  # without credentials; empty where the device gives none

    @property
    def gop_s(self) -> float | None:
        """Time from one key frame to the next."""
        return self.gop_frames / self.fps if self.gop_frames and self.fps else None

    @property
    def n_pixels(self) -> int:
        """Size of a picture, 0 where the device does not say."""
        return (self.width_px or 0) * (self.height_px or 0)


@dataclass(frozen=True, slots=True)
class OnvifDevice:
    """What a device is and gives."""

    url: str
    manufacturer: str
    model: str
    firmware: str
    serial: str
    clock_ahead_s: float | None  # its clock minus ours, within about half a second
    profiles: tuple[StreamProfile, ...]


class _Client(OnvifClient):
    """The library's client, that can be told beforehand how far the device's clock is off."""

    def use_clock(self, ahead_s: float) -> None:
        # Left alone, the library asks the time with the very digest a wrong clock spoils, and only
        # after a refusal in exactly the words "Sender not Authorized".
        self._clock_offset_s, self._clock_synced = ahead_s, True


def read_device(
    address: str, login: OnvifLogin | None, *, clock: Clock, timeout_s: float = 5.0
) -> OnvifDevice:
    """
    Ask a device what it is, what time it has and which streams it gives.

    Parameters
    ----------
    address
        Its host or URL.
    login
        Who asks; None asks without a name.
    clock
        The machine's clock.
    timeout_s
        How long an answer may take.

    Returns
    -------
    device
        At least one profile has an address.

    Raises
    ------
    SourceError
        It cannot be reached, says nothing, is no ONVIF device, refuses the login or gives no
        video.
    """
    url = device_url(address)
    who = OnvifCredentials() if login is None else OnvifCredentials(
        login.user, login.password.get_secret_value()
    )  # fmt: skip
    with _Client(
        endpoint=OnvifEndpoint(url), credentials=who, timeout_s=timeout_s, retries=0,
        max_response_bytes=MAX_ANSWER_BYTES,
        http_auth="digest",  # never Basic: it would hand the password to whoever answers
    ) as client:  # fmt: skip
        try:
            return _read(client, url, clock)
        except OnvifError as error:
            why = why_refused(url, error, timeout_s, is_anonymous=login is None)
            raise SourceError(why) from error
        except (ArithmeticError, LookupError, NotImplementedError, ValueError) as error:
            # Numbers and challenges that the libraries do not expect of a device.
            raise SourceError(why_unusable(url, type(error).__name__)) from error


def _read(client: _Client, url: str, clock: Clock) -> OnvifDevice:
    ahead_s = _read_clock(client, url, clock)
    if ahead_s is not None:
        client.use_clock(ahead_s)
    # The first call that wants the login, made before the services are asked: a refusal there
    # would be taken for a device without media.
    told = client.get_device_information()
    services = _read_services(client, url)
    profiles = _read_profiles(client, url, services)
    return OnvifDevice(
        url, clean_text(told.get("Manufacturer", "")), clean_text(told.get("Model", "")),
        clean_text(told.get("FirmwareVersion", "")), clean_text(told.get("SerialNumber", "")),
        ahead_s, profiles,
    )  # fmt: skip


def _read_services(client: _Client, url: str) -> dict[str, str]:
    """Ask where the media services are, in the words of an old device where it needs them."""
    found: dict[str, str] = {}
    with contextlib.suppress(OnvifOperationNotSupportedError):
        found = client.discover_services()
    if not found:
        with contextlib.suppress(OnvifOperationNotSupportedError):
            found = urls.rewrite_service_map(client.get_capabilities(), url)
    return {
        key: one
        for key, one in found.items()
        if key in {"media", "media2"} and one.isprintable() and " " not in one
    }


def _read_clock(client: _Client, url: str, clock: Clock) -> float | None:
    """Ask the time without a login, which every device allows; the first sign of ONVIF."""
    asked_at = clock.now()
    try:
        answer = client.call(
            service="device", operation="GetSystemDateAndTime", require_auth=False,
            body_inner=envelopes.device_get_system_date_time(),
        )  # fmt: skip
    except (OnvifAuthError, OnvifFaultError, OnvifOperationNotSupportedError):
        return None
    answered_at = clock.now()
    root = parsers.parse_xml(answer)
    if root is None or parsers.find_local(root, "GetSystemDateAndTimeResponse") is None:
        raise SourceError(why_no_onvif(url, answer))
    told = parsers.parse_system_datetime(answer).get("UTCDateTime")
    if told is None:
        return None
    try:
        # ONVIF tells whole seconds, cut off: the middle of that second is the best guess.
        theirs = datetime(
            told["year"], told["month"], told["day"],
            told["hour"], told["minute"], told["second"], 500_000, UTC,
        )  # fmt: skip
    except (ValueError, OverflowError):
        return None
    return (theirs - (asked_at + (answered_at - asked_at) / 2)).total_seconds()


def _read_profiles(
    client: _Client, url: str, services: dict[str, str]
) -> tuple[StreamProfile, ...]:
    """Take Media2 where there is one: only that knows H.265; else the older Media."""
    asks: dict[str, Callable[[], list[dict[str, Any]]]] = {
        "media2": lambda: client.media2_get_profiles(types=["VideoSource", "VideoEncoder"]),
        "media": client.get_profiles,
    }
    for service, ask in asks.items():
        if service not in services:
            continue
        # One service at a time, so that an address is asked where the profile came from.
        client.set_endpoint(OnvifEndpoint(url, {service: services[service]}))
        try:
            told = [one for one in ask() if "video_encoder" in one][:MAX_PROFILES]
        except (OnvifFaultError, OnvifOperationNotSupportedError) as error:
            if is_login_refused(error):
                raise
            continue
        profiles = tuple(_profile(client, one) for one in told)
        if any(one.url for one in profiles):
            return profiles
    raise SourceError(
        Text(
            nl=f"{url}: geeft geen videostroom; maak in de camera een mediaprofiel met video, of "
            "geef de gebruiker rechten op de beelden",
            en=f"{url}: gives no video stream; make a media profile with video in the camera, or "
            "give the user rights to the pictures",
        )
    )


def _profile(client: _Client, told: dict[str, Any]) -> StreamProfile:
    try:
        address = client.get_stream_uri(profile_token=told["token"])
    except (OnvifFaultError, OnvifOperationNotSupportedError):
        address = ""
    encoder, secret = told["video_encoder"], client.credentials.password
    limit, interval = _count(encoder.get("fps_limit")), _count(encoder.get("encoding_interval"))
    return StreamProfile(
        name=clean_text(told["name"] or told["token"]),
        source=clean_text(told.get("video_source", {}).get("source_token", "")),
        codec=clean_text(encoder["encoding"], 20),
        width_px=_count(encoder.get("width")),
        height_px=_count(encoder.get("height")),
        fps=limit / (interval or 1) if limit else None,
        gop_frames=_count(encoder.get("gop")),
        bitrate_kbps=_count(encoder.get("bitrate_kbps")),
        url=without_credentials(address, secret),
    )


def _count(told: int | None) -> int | None:
    """Return a number that can be one of a camera's, None else."""
    return told if told is not None and 0 < told <= MAX_COUNT else None
