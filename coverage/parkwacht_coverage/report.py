"""
The feasibility report: one A4 page for a working group, typeset with typst.

It says what the cameras of today see, what the proposal would add and cost, what neither sees, and
what the study does not know. The date is given, never taken from the clock, so that the same study
gives the same bytes.
"""

import json
import tempfile
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from importlib.resources import files
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import shapely
import typst

from parkwacht_config.site import MountKind
from parkwacht_config.text import Language, Text
from parkwacht_coverage.evaluate import Condition, StudyCamera
from parkwacht_coverage.light import IR_DERATING
from parkwacht_coverage.plan import KIND_NAMES
from parkwacht_coverage.study import Plan, Study

NO_BREAK = "\u00a0"
MAX_ROWS = 8  # more cameras are in cameras.csv
MOUNT_NAMES = {
    MountKind.FACADE: Text(nl="gevel", en="facade"),
    MountKind.LAMP_POST: Text(nl="lichtmast", en="lamp post"),
    MountKind.MAST: Text(nl="mast", en="mast"),
}


def write_report(study: Study, map_path: Path, path: Path, *, language: Language, on: date) -> None:
    """
    Typeset the report.

    Parameters
    ----------
    study
        What was computed.
    map_path
        PNG of the map.
    path
        Where the PDF is written.
    language
        Of the report.
    on
        Date the report bears.
    """
    text = json.dumps(_Writer(study, language, on).page(), ensure_ascii=False)
    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    template = files("parkwacht_coverage").joinpath("report.typ").read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        main = Path(folder) / "report.typ"
        main.write_bytes(template)
        (Path(folder) / "map.png").write_bytes(map_path.read_bytes())
        pdf = typst.compile(
            str(main),
            root=folder,
            font_paths=[str(fonts)],
            ignore_system_fonts=True,
            sys_inputs={"data": text},
            timestamp=datetime.combine(on, time(), UTC),
        )
    path.write_bytes(pdf)


class _Writer:
    """Words and figures of one report in one language."""

    def __init__(self, study: Study, language: Language, on: date) -> None:
        self.study = study
        self.language = language
        self.on = on

    def page(self) -> dict[str, Any]:
        """Return everything the template shows."""
        site, study = self.study.site, self.study
        height = self.number(study.options.target_height_m, 1)
        return {
            "lang": self.language.value,
            "title": self.say(f"Cameratoezicht {site.name}", f"Camera surveillance at {site.name}"),
            "subtitle": self.say(
                f"Haalbaarheidsstudie van {self.on:%d-%m-%Y}, klasse "
                f"\u201c{study.target_class.name.nl}\u201d ({self.density()} px/m) volgens "
                f"{study.edition.title}, op {height} m hoogte",
                f"Feasibility study of {self.on:%Y-%m-%d}, class "
                f"\u201c{study.target_class.name.en}\u201d ({self.density()} px/m) of "
                f"{study.edition.title}, at {height} m height",
            ),
            "warning": self.warning(),
            "alt": self.say("Kaart van het terrein", "Map of the park"),
            "keys": self.keys(),
            "cameras": self.cameras(),
            "kinds": self.kinds(),
            "unseen": self.unseen(),
            "limits": self.limits(),
        }

    def say(self, nl: str, en: str) -> str:
        """Return one of two texts."""
        text = Text(nl=nl, en=en).to(self.language)
        for pair in ("'s nachts", "€ ", " m²"):  # a line must not end in between
            text = text.replace(pair, pair.replace(" ", NO_BREAK))
        return text

    def number(self, value: float, digits: int = 0) -> str:
        """Write a number the way the language does."""
        written = f"{value:,.{digits}f}"
        return written.translate(str.maketrans(",.", ".,")) if self.is_dutch else written

    @property
    def is_dutch(self) -> bool:
        """Whether the report is in Dutch."""
        return self.language is Language.NL

    def percent(self, share: float) -> str:
        """Write a share as a percentage of one decimal."""
        return f"{self.number(100 * share, 1)}%"

    def density(self) -> str:
        """Write the target class's density."""
        return self.number(self.study.target_class.min_px_per_m, 1)

    def warning(self) -> str:
        """Return what must be read first: an invented park."""
        if not self.study.site.is_illustrative:
            return ""
        return self.say(
            "Verzonnen voorbeeldterrein: straten, gebouwen, camera's en incidenten zijn niet echt.",
            "Invented sample park: its streets, buildings, cameras and incidents are not real.",
        )

    def keys(self) -> list[dict[str, str]]:
        """Return the three key numbers."""
        study, cost = self.study, self.study.cost
        total = self.number(study.ground.total_m2)
        keys = []
        for condition, label in (
            (Condition.DAY, self.say("Gezien overdag", "Seen by day")),
            (Condition.NIGHT, self.say("Gezien 's nachts", "Seen by night")),
        ):
            today, then = (self.percent(study.seen_share(plan, condition)) for plan in Plan)
            note = self.say(f"van {total} m² openbare ruimte", f"of {total} m² public ground")
            keys.append({"label": label, "value": f"{today} → {then}", "note": note})
        keys.append(
            {
                "label": self.say("Kosten van het voorstel", "Cost of the proposal"),
                "value": f"€ {self.number(cost.total_eur)}",
                "note": self.say(
                    f"{cost.n_cameras} camera's op {cost.n_sites} plekken; "
                    f"€ {self.number(cost.yearly_eur)} per jaar",
                    f"{cost.n_cameras} cameras at {cost.n_sites} places; "
                    f"€ {self.number(cost.yearly_eur)} a year",
                ),
            }
        )
        return keys

    def cameras(self) -> dict[str, Any]:
        """Return the table of proposed cameras."""
        study = self.study
        rest = len(study.proposed) - MAX_ROWS
        hidden = self.say(f" Nog {rest} staan in cameras.csv.", f" {rest} more are in cameras.csv.")
        note = self.say(
            "In volgorde van nut; richting in graden vanaf noord, kanteling omlaag. Erbij: m² die "
            "deze camera 's nachts toevoegt aan de camera's ervoor.",
            "The most useful first; direction in degrees from north, tilt downward. Added: m² that "
            "this camera adds by night to the cameras before it.",
        )
        return {
            "title": self.say("Voorgestelde camera's", "Proposed cameras"),
            "header": [
                self.say("nr", "no"),
                self.say("cameratype", "camera type"),
                self.say("plek", "place"),
                self.say("RD x, y", "RD x, y"),
                self.say("hoogte", "height"),
                self.say("richting", "direction"),
                self.say("kanteling", "tilt"),
                self.say("erbij", "added"),
                self.say("prijs", "price"),
            ],
            "rows": [self.camera_row(one) for one in study.proposed[:MAX_ROWS]],
            "note": note + (hidden if rest > 0 else ""),
        }

    def camera_row(self, camera: StudyCamera) -> list[str]:
        """Return one row of the table of proposed cameras."""
        model = camera.model
        mount = MOUNT_NAMES[camera.mount_kind].to(self.language)
        return [
            camera.name,
            camera.camera_type.name,
            f"{mount} {camera.mount_id}",
            f"{model.x_m:.0f}, {model.y_m:.0f}",
            f"{self.number(model.height_m, 1)} m",
            f"{model.azimuth_deg:.0f}°",
            f"{model.tilt_deg:.0f}°",
            f"{self.number(camera.added_m2[Condition.NIGHT])} m²",
            f"€ {self.number(camera.camera_type.price_eur)}",
        ]

    def kinds(self) -> dict[str, Any]:
        """Return the table of what is seen by night per kind of ground."""
        study = self.study
        rows = []
        for kind in study.ground.polygons:
            whole = float(study.ground.area_m2[study.ground.of_kind(kind)].sum())
            shares = [study.seen_share(plan, Condition.NIGHT, kind=kind) for plan in Plan]
            name = KIND_NAMES[kind].to(self.language)
            rows.append([name, f"{self.number(whole)} m²", *map(self.percent, shares)])
        return {
            "title": self.say("Per soort ruimte, 's nachts", "By kind of ground, by night"),
            "header": [
                self.say("soort", "kind"),
                self.say("oppervlak", "area"),
                self.say("nu", "today"),
                self.say("voorstel", "proposal"),
            ],
            "rows": rows,
            "note": self.say("Alle klassen: coverage.csv.", "All classes: coverage.csv."),
        }

    def unseen(self) -> dict[str, Any]:
        """Return what even the proposal does not see by night."""
        study, site = self.study, self.study.site
        share = 1 - study.seen_share(Plan.PROPOSAL, Condition.NIGHT)
        m2 = self.number(share * study.ground.total_m2)
        items = [
            self.say(
                f"{m2} m² openbare ruimte ({self.percent(share)}) haalt de klasse 's nachts niet.",
                f"{m2} m² of public ground ({self.percent(share)}) does not reach the class "
                "by night.",
            )
        ]
        areas = worst_areas(study)[:3]
        worst = ", ".join(f"{name} ({self.number(area)} m²)" for name, area in areas)
        if worst:
            items.append(
                self.say(f"Het meest ontbreekt: {worst}.", f"Most is missing at: {worst}.")
            )
        gates = np.array(
            [one.line.interpolate(0.5, normalized=True).coords[0] for one in site.gates]
        )
        seen = study.sees_near(Plan.PROPOSAL, Condition.NIGHT, gates)
        missing = [one.name for one, ok in zip(site.gates, seen, strict=True) if not ok]
        if missing:
            named = ", ".join(missing)
            items.append(self.say(f"Toegang buiten beeld: {named}.", f"Gate out of view: {named}."))
        places = np.array([one.point.coords[0][:2] for one in site.incidents])
        counts = [int(study.sees_near(plan, Condition.NIGHT, places).sum()) for plan in Plan]
        items.append(
            self.say(
                f"Van {len(places)} incidenten lag de openbare grond ernaast nu bij {counts[0]} in "
                f"beeld, met het voorstel bij {counts[1]}.",
                f"Of {len(places)} incidents the public ground beside it is in view for "
                f"{counts[0]} today, for {counts[1]} with the proposal.",
            )
        )
        return {
            "title": self.say("Wat dan nog buiten beeld is", "What is still not seen"),
            "items": items,
        }

    def limits(self) -> dict[str, Any]:
        """Return what the study does not know and how it was made."""
        items = [self.limit_of_ground(), self.limit_of_choice(), *self.limits_of_light_and_cost()]
        items.append(self.say("Invoer", "Inputs") + f" SHA-256 {self.study.site.digest[:16]}…")
        title = self.say("Grenzen van deze studie", "Limits of this study")
        return {"title": title, "items": items}

    def limit_of_ground(self) -> str:
        """Return what the model of the park leaves out."""
        step_m = self.study.options.grid_step_m
        step = self.number(step_m, 2 if step_m % 1 else 0)
        points = self.number(len(self.study.ground.area_m2))
        return self.say(
            f"Raster van {step} m ({points} punten); vlak terrein, gebouwen als blokken; geen "
            "bomen, hekken of geparkeerde vrachtwagens; coördinaten RD, ongeveer 1 m.",
            f"Grid of {step} m ({points} points); flat ground, buildings as blocks; no trees, "
            "fences or parked lorries; coordinates RD, about 1 m.",
        )

    def limit_of_choice(self) -> str:
        """Return how the cameras were chosen and how good the choice is."""
        study = self.study
        views, mounts = self.number(study.n_views), self.number(len(study.site.mounts))
        reached, k = self.percent(study.choice.share_of_bound), study.options.k
        by_night = study.options.optimise_for is Condition.NIGHT
        when = Text(nl="'s nachts", en="by night") if by_night else Text(nl="overdag", en="by day")
        return self.say(
            f"Gekozen uit {views} standen op {mounts} plekken naar gewogen m² {when.nl} (soort "
            f"ruimte, incidenten dichtbij); de keuze haalt ten minste {reached} van wat met "
            f"{k} camera's uit deze standen hoogstens kan.",
            f"Chosen from {views} views at {mounts} places by weighted m² {when.en} (kind of "
            f"ground, incidents nearby); the choice reaches at least {reached} of the most that "
            f"{k} cameras out of these views could.",
        )

    def limits_of_light_and_cost(self) -> list[str]:
        """Return what is assumed of light at night, and of money."""
        options = self.study.options
        margin, derating = self.number(options.light_margin), self.number(IR_DERATING, 1)
        site_eur, yearly = (self.number(x) for x in (options.site_eur, options.camera_yearly_eur))
        return [
            self.say(
                f"'s Nachts telt licht vanaf {margin} maal de ondergrens van de camera, of "
                f"{derating} maal het infraroodbereik; nat wegdek, tegenlicht en vuil zijn niet "
                "meegerekend.",
                f"By night light counts from {margin} times the camera's minimum, or {derating} "
                "times the infrared range; wet roads, glare and dirt are not modelled.",
            ),
            self.say(
                f"Kosten: catalogusprijs plus € {site_eur} per plek en € {yearly} per camera per "
                "jaar (ondergrens proef Assen Noord), zonder btw. Privacy (DPIA) is niet getoetst.",
                f"Cost: catalogue price plus € {site_eur} per place and € {yearly} per camera a "
                "year (lower end of the Assen Noord pilot), without VAT. Privacy (DPIA) is not "
                "assessed.",
            ),
        ]


def worst_areas(study: Study) -> Sequence[tuple[str, float]]:
    """
    Find the named public areas with most ground that the proposal does not see by night.

    Returns
    -------
    worst
        Name and square metres, the largest first.
    """
    unseen = ~study.is_seen(Plan.PROPOSAL, Condition.NIGHT)
    east, north = study.ground.points_m[:, 0], study.ground.points_m[:, 1]
    missing: dict[str, float] = {}
    for area in study.site.public_areas:
        if area.name:
            inside = shapely.contains_xy(area.polygon, east, north) & unseen
            missing[area.name] = missing.get(area.name, 0.0) + float(
                study.ground.area_m2[inside].sum()
            )
    found = [(name, m2) for name, m2 in missing.items() if round(m2) > 0]
    return sorted(found, key=lambda row: (-row[1], row[0]))
