"""Where every camera hangs, how it is aimed and what it streams."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from parkwacht_coverage.evaluate import Condition, StudyCamera
from parkwacht_coverage.reporting import blocks
from parkwacht_coverage.reporting.blocks import Block
from parkwacht_coverage.reporting.maps import WIDTH_MM
from parkwacht_coverage.reporting.story import CAMERA, Story, focal_length_mm
from parkwacht_coverage.reporting.words import MOUNT_NAMES
from parkwacht_coverage.storage import (
    BITS_PER_PIXEL,
    FRAMES_PER_S,
    bandwidth_mbit_per_s,
    storage_gb,
)

if TYPE_CHECKING:
    from parkwacht_config.site import CameraType

SIZE_PT = 7.8


def schedule_chapter(story: Story) -> list[Block]:
    """Return the map of sites and the schedules of new and present cameras."""
    say, scenario = story.words.say, story.study.recommended
    existing = [one for one in scenario.cameras if not one.is_proposed]
    alt = say("Kaart van plekken en camera's", "Map of places and cameras")
    found = [
        *blocks.chapter(
            say("Plekken en camera's", "Places and cameras"),
            intro=say(
                "Waar elke camera komt en hoe hij gericht wordt: de lijst voor wie offerte vraagt "
                "of ophangt. Hij staat ook in schedule.csv.",
                "Where each camera goes and how it is aimed: the list for whoever asks for offers "
                "or hangs them. It is in schedule.csv too.",
            ),
        ),
        blocks.image("map_sites.png", alt, width_mm=WIDTH_MM),
    ]
    if scenario.proposed:
        found.append(blocks.head(say("Nieuwe camera's", "New cameras")))
        found.append(_camera_table(story, scenario.proposed, is_new=True))
        found.append(
            blocks.note(
                say(
                    "In volgorde van nut. RD in meters (EPSG:28992). Richting in graden vanaf "
                    "noord, met de klok mee; kanteling omlaag vanaf waterpas. Blind: tot zo ver "
                    "van de camera zijn voeten buiten beeld. Erbij: grond die deze camera 's "
                    "nachts toevoegt aan die ervoor. Prijs: de camera alleen.",
                    "The most useful first. RD in metres (EPSG:28992). Direction in degrees from "
                    "north, clockwise; tilt down from level. Blind: up to this far from the "
                    "camera feet are out of the image. Added: ground this camera adds by night to "
                    "those before it. Price: the camera alone.",
                )
            )
        )
        found += _sites(story)
    if existing:
        found.append(blocks.head(say("Camera's van nu die blijven", "Cameras of today that stay")))
        found.append(_camera_table(story, existing, is_new=False))
    return found


def _camera_table(story: Story, cameras: Sequence[StudyCamera], *, is_new: bool) -> Block:
    words, say = story.words, story.words.say
    header = [
        say("nr", "no"),
        say("cameratype", "camera type"),
        say("plek", "place"),
        "RD x",
        "RD y",
        say("hoogte", "height"),
        say("richting", "direction"),
        say("kanteling", "tilt"),
        say("lens", "lens"),
        say("beeldhoek", "view angle"),
        say("blind", "blind"),
    ]
    if is_new:
        header += [say("erbij", "added"), say("prijs", "price")]
    rows = []
    for one in cameras:
        model, night = one.model, one.added_m2.get(Condition.NIGHT, 0.0)
        wind = words.wind(model.azimuth_deg)
        row = [
            story.labels.get(one.id, one.id),
            one.camera_type.name,
            story.place_of(one) if is_new else one.name,
            words.coordinate(model.x_m),
            words.coordinate(model.y_m),
            words.metres(model.height_m, 1),
            f"{words.degrees(model.azimuth_deg)} {wind}",
            words.degrees(model.tilt_deg),
            f"{words.short(focal_length_mm(one))}\u00a0mm",
            words.degrees(model.hfov_deg),
            blind_zone(story, one),
        ]
        if is_new:
            row += [words.m2(night), words.eur(one.camera_type.price_eur)]
        rows.append(row)
    widths = ["auto", "1.4fr", "1.2fr", ">auto", ">auto", ">auto", "1fr", ">auto", ">auto", ">auto"]
    widths += [">auto", ">auto", ">auto"] if is_new else [">auto"]
    return blocks.table(header, rows, widths=widths, size_pt=SIZE_PT)


def blind_zone(story: Story, camera: StudyCamera) -> str:
    """Write how far the blind zone for feet reaches, a dash where feet never come into view."""
    reach = camera.model.nearest_visible_m()
    return story.words.metres(reach, 1) if math.isfinite(reach) else "\u2013"


def _sites(story: Story) -> list[Block]:
    words, say = story.words, story.words.say
    by_place: dict[str, list[StudyCamera]] = {}
    for one in story.study.recommended.proposed:
        by_place.setdefault(one.mount_id, []).append(one)
    rows = [
        [
            mount_id,
            words.text(MOUNT_NAMES[cameras[0].mount_kind]),
            words.coordinate(cameras[0].model.x_m),
            words.coordinate(cameras[0].model.y_m),
            story.named(one.id for one in cameras),
        ]
        for mount_id, cameras in by_place.items()
    ]
    header = [say("plek", "place"), say("soort", "kind"), "RD x", "RD y"]
    header.append(say("camera's", "cameras"))
    trench = words.metres(story.study.recommended.cost.trench_m)
    return [
        blocks.head(say("Nieuwe plekken", "New places")),
        blocks.table(
            header, rows, widths=("auto", "1fr", ">auto", ">auto", "1fr"), size_pt=SIZE_PT
        ),
        blocks.note(
            say(
                f"Samen {trench} sleuf, op de kaart bruin.",
                f"Together {trench} of trench, brown on the map.",
            )
        ),
    ]


def storage_chapter(story: Story) -> list[Block]:
    """Return bandwidth and storage per camera type and together."""
    words, say = story.words, story.words.say
    days = story.study.site.retention.images_days
    counts: dict[str, tuple[CameraType, int]] = {}
    for one in story.study.recommended.cameras:
        known = counts.get(one.camera_type.id, (one.camera_type, 0))
        counts[one.camera_type.id] = (one.camera_type, known[1] + 1)
    rows, whole = [], 0.0
    for kind, n in counts.values():
        rate = bandwidth_mbit_per_s(kind)
        whole += n * rate
        rows.append(
            [
                kind.name,
                f"{kind.width_px} \u00d7 {kind.height_px}",
                words.number(n),
                words.number(rate, 1),
                words.number(n * rate, 1),
                words.number(storage_gb(n * rate), 1),
                words.number(storage_gb(n * rate, days)),
            ]
        )
    n_all = len(story.study.recommended.cameras)
    rows.append([say("samen", "together"), "", words.number(n_all), "", words.number(whole, 1),
                 words.number(storage_gb(whole), 1),
                 words.number(storage_gb(whole, days))])  # fmt: skip
    header = [
        say("cameratype", "camera type"),
        say("beeldpunten", "pixels"),
        say("aantal", "number"),
        say("Mbit/s elk", "Mbit/s each"),
        say("Mbit/s samen", "Mbit/s together"),
        say("GB per dag", "GB a day"),
        say(f"GB in {days} dagen", f"GB in {days} days"),
    ]
    terabytes = words.number(storage_gb(whole, days) / 1000, 1)
    cameras = words.plural(n_all, *CAMERA)
    frames, bits = words.short(FRAMES_PER_S), words.number(BITS_PER_PIXEL, 2)
    return [
        *blocks.chapter(
            say("Lijnen en opslag", "Lines and storage"),
            intro=say(
                f"Voor {cameras} die alles {days} dagen bewaren is ongeveer {terabytes} TB schijf "
                f"nodig en een lijn van {words.number(whole)} Mbit/s.",
                f"For {cameras} that keep everything for {days} days about {terabytes} TB of disk "
                f"is needed and a line of {words.number(whole)} Mbit/s.",
            ),
            on_new_page=False,
        ),
        blocks.table(header, rows, widths=("1.6fr", "1fr", *[">1fr"] * 5), strong=[len(rows) - 1]),
        blocks.note(
            say(
                f"Aangenomen: H.265, {frames} beelden per seconde, gemiddeld {bits} bit per "
                "beeldpunt. Mbit/s is beeldpunten maal beelden per seconde maal bit per "
                "beeldpunt; GB per dag is 10,8 maal Mbit/s. Wie alleen bij beweging bewaart, "
                "heeft minder nodig. De leverancier kan dit per type opgeven.",
                f"Assumed: H.265, {frames} pictures per second, {bits} bit per pixel on average. "
                "Mbit/s is pixels times pictures per second times bits per pixel; GB a day is "
                "10.8 times Mbit/s. Whoever records on movement only needs less. The supplier can "
                "state this per type.",
            )
        ),
    ]
