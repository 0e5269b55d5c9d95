"""
Why a recording cannot be watched, in words a user can act on.

Nothing here opens or decodes; sizes are pixels of the picture.
"""

from pathlib import Path

from av.container import InputContainer

from parkwacht_config.site import CameraType
from parkwacht_config.text import Text
from parkwacht_vision.decoding import MAX_PIXELS

MIN_SIDE_PX = 16
MAX_ASPECT_ERROR = 0.03
# Demuxers of FFmpeg that turn a photo or a text into "video".
_NOT_VIDEO_FORMATS = ("image2", "tty", "_pipe", "ansi", "bin", "xbin", "idf")


def why_unreadable(path: Path, error: Exception) -> Text:
    """
    Say why FFmpeg cannot open a file.

    Parameters
    ----------
    path
        The file.
    error
        What was raised.
    """
    if isinstance(error, PermissionError):
        return Text(
            nl=f"{path}: mag niet worden gelezen; geef deze gebruiker leesrecht",
            en=f"{path}: may not be read; give this user permission to read it",
        )
    with path.open("rb") as file:
        head = file.read(12)
    if head[4:8] in {b"ftyp", b"mdat", b"moov", b"free"}:
        return Text(
            nl=f"{path}: is afgekapt, de inhoudsopgave (moov) ontbreekt; de recorder schreef nog "
            "of het kopieren brak af: exporteer de opname opnieuw",
            en=f"{path}: is cut off, its index (moov) is missing; the recorder was still writing "
            "or copying broke off: export the recording again",
        )
    kind = {b"PK\x03\x04": "zip", b"%PDF": "pdf", b"\x1f\x8b\x08\x00": "gzip"}.get(head[:4])
    it_nl = f"het is een {kind}-bestand" if kind else "FFmpeg herkent er geen video in"
    it_en = f"it is a {kind} file" if kind else "FFmpeg finds no video in it"
    return Text(
        nl=f"{path}: is geen videobestand ({it_nl}); geef een opname zoals .mp4, .mkv of .avi",
        en=f"{path}: is not a video file ({it_en}); give a recording such as .mp4, .mkv or .avi",
    )


def why_not_watchable(container: InputContainer, path: Path) -> Text | None:
    """
    Say why an open file cannot be watched.

    Parameters
    ----------
    container
        The open file.
    path
        Its name.

    Returns
    -------
    text
        None where it can.
    """
    names = container.format.name
    if any(part in names for part in _NOT_VIDEO_FORMATS) and path.suffix.lower() != ".mjpeg":
        return Text(
            nl=f"{path}: is geen videobestand maar een foto of tekst ({names}); geef een opname "
            "zoals .mp4, .mkv of .avi",
            en=f"{path}: is not a video file but a photo or text ({names}); give a recording such "
            "as .mp4, .mkv or .avi",
        )
    moving = [one for one in container.streams.video if "ATTACHED_PIC" not in str(one.disposition)]
    if not moving or moving[0].codec_context is None or not moving[0].width:
        return Text(
            nl=f"{path}: bevat geen beeld, alleen geluid of gegevens; geef een opname met video",
            en=f"{path}: holds no pictures, only sound or data; give a recording with video",
        )
    return _why_size(path, moving[0].width, moving[0].height)


def _why_size(path: Path, width_px: int, height_px: int) -> Text | None:
    if min(width_px, height_px) < MIN_SIDE_PX:
        return Text(
            nl=f"{path}: de beelden zijn {width_px} x {height_px} pixels, daarop is niemand te "
            f"zien; minstens {MIN_SIDE_PX} x {MIN_SIDE_PX} is nodig",
            en=f"{path}: the pictures are {width_px} x {height_px} pixels, nobody can be seen on "
            f"them; at least {MIN_SIDE_PX} x {MIN_SIDE_PX} are needed",
        )
    if width_px * height_px > MAX_PIXELS:
        return Text(
            nl=f"{path}: de beelden zijn {width_px} x {height_px} pixels, te groot voor het "
            f"geheugen (hoogstens {MAX_PIXELS // 1_000_000} miljoen pixels); laat de recorder "
            "kleinere beelden exporteren",
            en=f"{path}: the pictures are {width_px} x {height_px} pixels, too large for memory "
            f"(at most {MAX_PIXELS // 1_000_000} million pixels); let the recorder export smaller "
            "ones",
        )
    return None


def why_encrypted(path: Path) -> Text:
    """Say that a recording is locked."""
    return Text(
        nl=f"{path}: is versleuteld; exporteer de opname uit de recorder zonder versleuteling of "
        "wachtwoord",
        en=f"{path}: is encrypted; export the recording from the recorder without encryption or "
        "password",
    )


def check_aspect(camera_type: CameraType, width_px: int, height_px: int) -> Text | None:
    """
    Compare the shape of a picture with that of the camera it should come from.

    A calibration for another shape places everything wrong: a rotated, cropped or stretched
    picture, or the wrong camera.

    Parameters
    ----------
    camera_type
        What the site says the camera is.
    width_px, height_px
        Size of its pictures.

    Returns
    -------
    text
        A warning; None where they agree within three per cent.
    """
    right = camera_type.width_px / camera_type.height_px
    if abs(width_px / height_px / right - 1) <= MAX_ASPECT_ERROR:
        return None
    size = f"{width_px} x {height_px}"
    stated = f"{camera_type.width_px} x {camera_type.height_px}"
    return Text(
        nl=f"de beelden zijn {size}, maar cameratype {camera_type.id} geeft {stated}: een andere "
        "verhouding, dus plaatsen en maten kloppen niet. Daarom wordt het hele beeld bewaakt, "
        "zonder plaats op de kaart en zonder lijnen van de kaart; controleer de camera, haar type "
        "en de uitsnede",
        en=f"the pictures are {size}, but camera type {camera_type.id} gives {stated}: another "
        "shape, so places and sizes are wrong. The whole picture is watched instead, without a "
        "place on the map and without lines of the map; check the camera, its type and the "
        "cropping",
    )


def why_unforeseen(name: str, error: Exception) -> Text:
    """
    Say that a source failed in a way nobody thought of.

    Parameters
    ----------
    name
        What the source is called.
    error
        What was raised.
    """
    kind = type(error).__name__
    return Text(
        nl=f"{name}: onvoorziene fout ({kind}); de bijzonderheden staan in het logboek",
        en=f"{name}: unforeseen failure ({kind}); the details are in the log",
    )
