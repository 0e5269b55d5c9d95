"""Annex C: the sheet for Camera in Beeld, the police's voluntary register of cameras."""

from parkwacht_coverage.evaluate import StudyCamera
from parkwacht_coverage.reporting import blocks
from parkwacht_coverage.reporting.blocks import Block
from parkwacht_coverage.reporting.story import Story, areas_seen_by, to_wgs84

N_NAMES = 2
DEGREE_DIGITS = 6  # a decimetre


def register_annex(story: Story) -> list[Block]:
    """Return the sheet as a table."""
    say = story.words.say
    rows = [register_row(story, one) for one in story.study.recommended.cameras]
    shown = [[row[0], f"{row[1]}\n{row[2]}", *row[3:5], row[5], row[6], "…"] for row in rows]
    header = [
        say("camera", "camera"),
        say("breedte, lengte", "latitude, longitude"),
        say("hoogte", "height"),
        say("kijkrichting", "looks"),
        say("ziet", "sees"),
        say("bewaart", "keeps"),
        say("contact", "contact"),
    ]
    return [
        *blocks.chapter(
            say("Bijlage C. Camera in Beeld", "Annex C. Camera in Beeld"),
            intro=say(
                "Camera in Beeld is het register waarin de politie weet waar camera's hangen, om "
                "bij een onderzoek snel te kunnen vragen. Meedoen is vrijwillig en de politie "
                "kijkt niet mee. Vul per camera in wie te bellen is; camera_in_beeld.csv bevat "
                "dezelfde gegevens.",
                "Camera in Beeld is the register from which the police know where cameras hang, to "
                "ask quickly during an investigation. Joining is voluntary and the police do not "
                "watch along. Fill in whom to call for each camera; camera_in_beeld.csv holds the "
                "same data.",
            ),
        ),
        blocks.table(
            header,
            shown,
            widths=("auto", "auto", ">auto", "auto", "1fr", "auto", "1fr"),
            size_pt=8.0,
        ),
        blocks.note(
            say(
                "Breedte en lengte in graden (WGS84), op ongeveer 1 m nauwkeurig.",
                "Latitude and longitude in degrees (WGS84), good to about 1 m.",
            )
        ),
    ]


def register_row(story: Story, camera: StudyCamera) -> list[str]:
    """
    Return what the register asks of one camera, without the contact.

    Returns
    -------
    row
        Name, latitude, longitude, height, direction, what it sees and how long images are kept.
    """
    words, say, model = story.words, story.words.say, camera.model
    latitude, longitude = to_wgs84(model.x_m, model.y_m)
    named = [name for name, _ in areas_seen_by(story.study, camera)[:N_NAMES]]
    label = story.labels.get(camera.id, camera.id)
    name = label if camera.is_proposed else f"{label} {camera.name}"
    days = story.study.site.retention.images_days
    return [
        name,
        f"{latitude:.{DEGREE_DIGITS}f}",
        f"{longitude:.{DEGREE_DIGITS}f}",
        words.metres(model.height_m, 1),
        f"{words.degrees(model.azimuth_deg)} {words.wind(model.azimuth_deg)}",
        words.listed(named) or say("geen openbare ruimte", "no public ground"),
        say(f"{days} dagen", f"{days} days"),
    ]
