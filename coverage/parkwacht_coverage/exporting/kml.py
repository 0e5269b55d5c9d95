"""
A study as KML, for Google Earth and the like: a folder per scenario.

Each holds the cameras, what they have in view by day at the target class, and the trenches.
Coordinates are longitude and latitude (WGS84), good to about a metre; cameras stand at their height
above the ground.
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterable

import numpy as np
import shapely
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from parkwacht_coverage.evaluate import StudyCamera
from parkwacht_coverage.reporting.story import from_rd
from parkwacht_coverage.reporting.words import Words
from parkwacht_coverage.results import SCENARIO_NAMES, Scenario, ScenarioId, Study

NAMESPACE = "http://www.opengis.net/kml/2.2"
DEGREE_DIGITS = 7
# KML writes colours as alpha, blue, green, red.
STYLES = {"existing": ("ff222222", "33222222"), "proposed": ("ff005ed5", "40005ed5")}
TRENCH_COLOUR = "ff1e4a7a"


def to_kml(study: Study, words: Words) -> str:
    """
    Return the study as one KML document.

    Parameters
    ----------
    study
        What was computed.
    words
        Of names and descriptions.
    """
    writer = _Writer(words)
    root = ET.Element("kml", xmlns=NAMESPACE)
    document = ET.SubElement(root, "Document")
    ET.SubElement(document, "name").text = study.site.name
    writer.styles(document)
    for scenario in study.scenarios.values():
        writer.scenario(document, scenario)
    ET.indent(root, space=" ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


class _Writer:
    """Writes the parts of the document."""

    def __init__(self, words: Words) -> None:
        self.words = words
        self.transformer = from_rd()

    def styles(self, document: ET.Element) -> None:
        """Give cameras of today and proposed ones a colour each, and trenches one."""
        for name, (line, area) in STYLES.items():
            style = ET.SubElement(document, "Style", id=name)
            ET.SubElement(ET.SubElement(style, "IconStyle"), "color").text = line
            lines = ET.SubElement(style, "LineStyle")
            ET.SubElement(lines, "color").text = line
            ET.SubElement(lines, "width").text = "1.5"
            ET.SubElement(ET.SubElement(style, "PolyStyle"), "color").text = area
        trench = ET.SubElement(ET.SubElement(document, "Style", id="trench"), "LineStyle")
        ET.SubElement(trench, "color").text = TRENCH_COLOUR
        ET.SubElement(trench, "width").text = "3"

    def scenario(self, document: ET.Element, scenario: Scenario) -> None:
        """Write the folder of one scenario; only the recommended one is shown at first."""
        say = self.words.say
        folder = self._folder(document, self.words.text(SCENARIO_NAMES[scenario.id]))
        is_shown = scenario.id is ScenarioId.RECOMMENDED
        ET.SubElement(folder, "visibility").text = str(int(is_shown))
        cameras = self._folder(folder, say("camera's", "cameras"))
        views = self._folder(folder, say("in beeld, overdag", "in view, by day"))
        for one in scenario.cameras:
            self._camera(cameras, one)
            if not one.polygon.is_empty:
                placemark = self._placemark(views, one.name, _style(one))
                self._polygons(placemark, one.polygon)
        if scenario.trenches:
            trenches = self._folder(folder, say("sleuven", "trenches"))
            for index, trench in enumerate(scenario.trenches, start=1):
                placemark = self._placemark(trenches, str(index), "trench")
                line = ET.SubElement(placemark, "LineString")
                ET.SubElement(line, "coordinates").text = self._coordinates(trench.coords)

    def _camera(self, parent: ET.Element, camera: StudyCamera) -> None:
        words, model = self.words, camera.model
        placemark = self._placemark(parent, camera.name, _style(camera))
        ET.SubElement(placemark, "description").text = words.say(
            f"{camera.camera_type.name}; {words.metres(model.height_m, 1)} hoog, kijkt "
            f"{words.degrees(model.azimuth_deg)}, {words.degrees(model.tilt_deg)} omlaag",
            f"{camera.camera_type.name}; {words.metres(model.height_m, 1)} high, looks "
            f"{words.degrees(model.azimuth_deg)}, {words.degrees(model.tilt_deg)} down",
        )
        point = ET.SubElement(placemark, "Point")
        ET.SubElement(point, "altitudeMode").text = "relativeToGround"
        place = self._coordinates([(model.x_m, model.y_m)])
        ET.SubElement(point, "coordinates").text = f"{place},{model.height_m:.2f}"

    def _polygons(self, placemark: ET.Element, area: BaseGeometry) -> None:
        parts = [one for one in shapely.get_parts(area) if isinstance(one, Polygon)]
        parent = placemark if len(parts) == 1 else ET.SubElement(placemark, "MultiGeometry")
        for part in parts:
            polygon = ET.SubElement(parent, "Polygon")
            outer = shapely.orient_polygons(part)
            for name, rings in (
                ("outerBoundaryIs", [outer.exterior]),
                ("innerBoundaryIs", list(outer.interiors)),
            ):
                for ring in rings:
                    linear = ET.SubElement(ET.SubElement(polygon, name), "LinearRing")
                    ET.SubElement(linear, "coordinates").text = self._coordinates(ring.coords)

    def _folder(self, parent: ET.Element, name: str) -> ET.Element:
        folder = ET.SubElement(parent, "Folder")
        ET.SubElement(folder, "name").text = name
        return folder

    def _placemark(self, parent: ET.Element, name: str, style: str) -> ET.Element:
        placemark = ET.SubElement(parent, "Placemark")
        ET.SubElement(placemark, "name").text = name
        ET.SubElement(placemark, "styleUrl").text = f"#{style}"
        return placemark

    def _coordinates(self, points: Iterable[tuple[float, ...]]) -> str:
        xy = np.array([one[:2] for one in points])
        lon, lat = self.transformer.transform(xy[:, 0], xy[:, 1])
        return " ".join(
            f"{a:.{DEGREE_DIGITS}f},{b:.{DEGREE_DIGITS}f}" for a, b in zip(lon, lat, strict=True)
        )


def _style(camera: StudyCamera) -> str:
    return "proposed" if camera.is_proposed else "existing"
