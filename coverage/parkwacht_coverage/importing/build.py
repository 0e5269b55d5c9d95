"""From what was gathered to the layers of a park: the rules of an import, one after another."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from parkwacht_config.errors import CoverageError
from parkwacht_config.site import AreaKind, MountKind
from parkwacht_config.text import Text
from parkwacht_coverage.importing.buildings import (
    NO_BUILDING,
    check_heights,
    heights_from,
    mark_dwellings,
    merge_same,
    settle_heights,
    usable_height,
)
from parkwacht_coverage.importing.clouds import CloudReport, measure_heights
from parkwacht_coverage.importing.gates import GateLine, derive_gates
from parkwacht_coverage.importing.gather import OWN_MOUNTS, Gathered, Step
from parkwacht_coverage.importing.ground import (
    Outline,
    clip_to,
    derive_outline,
    given_outline,
    keep_near,
    open_ground,
    public_items,
)
from parkwacht_coverage.importing.ledger import Outcome
from parkwacht_coverage.importing.model import PUBLIC_THEMES, Items, Objects, Theme, no_items
from parkwacht_coverage.importing.mounts import (
    MountPoint,
    facade_mounts,
    given_mounts,
    mast_mounts,
    pole_mounts,
)
from parkwacht_coverage.importing.request import ImportRequest
from parkwacht_coverage.importing.sources import SourceFile

MEASURING = Text(nl="Hoogten meten in puntenwolk", en="Measuring heights in point cloud")
MERGING = Text(nl="Gebouwen samenvoegen", en="Merging buildings")
DIVIDING = Text(nl="Openbaar en privé verdelen", en="Dividing public and private")
MOUNTING = Text(nl="Montagepunten zoeken", en="Finding mounts")
OVERRULED = Text(nl="vervangen door --overrule", en="replaced by --overrule")


@dataclass(slots=True)
class Park:
    """The layers of a park, before they are written, and how they were found."""

    outline: Outline
    buildings: Items
    public: list[tuple[AreaKind, Items]]
    open_public: list[object] = field(default_factory=list)
    private: list[object] = field(default_factory=list)
    private_given: Items | None = None
    purpose: Items | None = None
    trees: Items = field(default_factory=no_items)
    lamps: Items = field(default_factory=no_items)
    cabinets: Items = field(default_factory=no_items)
    gates: list[GateLine] = field(default_factory=list)
    gates_given: Items | None = None
    routes: Items | None = None
    mounts: list[MountPoint] = field(default_factory=list)
    clouds: list[CloudReport] = field(default_factory=list)
    height_counts: dict[str, int] = field(default_factory=dict)


def build_park(found: Gathered, request: ImportRequest, on_step: Step) -> Park:
    """
    Derive a park from what was gathered.

    Parameters
    ----------
    found
        Everything read, in the park's frame.
    request
        The rules.
    on_step
        Told what is being done.

    Returns
    -------
    park
        All layers; the ledger of `found` then has an outcome for every feature.

    Raises
    ------
    CoverageError
        No outline, no public ground, or a mount inside a building.
    """
    _overrule(found)
    items, ledger = found.items, found.ledger
    buildings, clouds = _buildings(found, request, on_step)
    outline = _outline(found, buildings)
    buildings = keep_near(buildings, outline.polygon, request.margin_m, ledger)
    roads = items.get(Theme.CARRIAGEWAY, no_items()).geometry
    for theme in (*PUBLIC_THEMES, Theme.PRIVATE, Theme.PURPOSE, Theme.WATER):
        if theme in items:
            items[theme] = clip_to(items[theme], outline.polygon, ledger)
    for theme in (Theme.TREE, Theme.LAMP, Theme.MAST, Theme.CABINET, Theme.GATE, Theme.ROUTE):
        if theme in items:
            items[theme] = keep_near(items[theme], outline.polygon, request.margin_m, ledger)
    park = Park(outline, buildings, [one for one in public_items(items) if len(one[1])])
    park.clouds = clouds
    origin = buildings.value("height_from")
    park.height_counts = {str(one): int((origin == one).sum()) for one in sorted(set(origin))}
    _divide(park, found, request, on_step)
    park.trees = items.get(Theme.TREE, no_items())
    park.lamps = items.get(Theme.LAMP, no_items())
    park.cabinets = items.get(Theme.CABINET, no_items())
    park.routes = items.get(Theme.ROUTE)
    park.gates_given = items.get(Theme.GATE)
    if park.gates_given is None:
        language, is_given = request.language, outline.is_given
        park.gates = derive_gates(roads, outline.polygon, language, is_given=is_given)
    park.mounts = _mounts(park, found, request, on_step)
    for one in (park.buildings, *items.values()):
        ledger.confirm(one)
    ledger.close()
    return park


def _overrule(found: Gathered) -> None:
    """Put the layers that the user gives in the place of what the sources hold."""
    for layer, given in found.instead.items():
        option = {"boundary": "--boundary", OWN_MOUNTS: "--mounts"}.get(
            layer, f"--overrule {layer}"
        )
        if not any(len(one) for one in given.values()):
            raise CoverageError(
                Text(
                    nl=f"{option}: geen bruikbaar object in dit bestand",
                    en=f"{option}: no usable feature in this file",
                )
            )
        if layer == OWN_MOUNTS:
            continue
        gone = set(PUBLIC_THEMES) if layer == "public_areas" else set(given)
        for theme in gone & found.items.keys():
            old = found.items.pop(theme)
            everything = np.ones(len(old), dtype=np.bool_)
            found.ledger.drop(old, everything, Outcome.FILTERED, OVERRULED)
        found.items.update(given)


def _buildings(
    found: Gathered, request: ImportRequest, on_step: Step
) -> tuple[Items, list[CloudReport]]:
    """Count each building once and find its height, in the order `buildings.py` states."""
    ledger = found.ledger
    items = found.items.pop(Theme.BUILDING, no_items())
    homes = found.items.pop(Theme.DWELLING, no_items())
    if not len(items):
        ledger.drop(homes, np.ones(len(homes), dtype=np.bool_), Outcome.FILTERED, NO_BUILDING)
        return items.with_value("height_from", items.row.astype(object)), []
    on_step(MERGING, 0, 1)
    items = check_heights(items, ledger)
    source_of = np.array(found.source_of, dtype=np.int64)
    items = merge_same(items, source_of[items.layer], ledger)
    items = mark_dwellings(items, homes, ledger)
    for _, donors in reversed(found.donors):  # the first given has the last word
        items = heights_from(items, donors, "heights")
    on_step(MERGING, 1, 1)
    known = items.value("height_from") == "heights"
    items, reports = _measured(items, ~known, found.height_clouds, found, on_step)
    unknown = np.isnan(items.value("height_m"))
    items, more = _measured(items, unknown, found.source_clouds, found, on_step)
    return settle_heights(items, request.default_height_m, ledger), reports + more


def _measured(
    items: Items,
    wanted: Objects,
    files: list[SourceFile],
    found: Gathered,
    on_step: Step,
) -> tuple[Items, list[CloudReport]]:
    """Fill in heights from point clouds where they are wanted and can be measured."""
    if not files:
        return items, []
    if found.frame.is_relocated:
        raise CoverageError(
            Text(
                nl="een puntenwolk kan niet samen met --relocate",
                en="a point cloud cannot go together with --relocate",
            )
        )
    rows = np.flatnonzero(wanted)
    measured, reports = measure_heights(
        items.take(rows),
        [(one, found.crs) for one in files],
        lambda done, total: on_step(MEASURING, done, total),
    )
    good = usable_height(measured)
    height, origin = items.value("height_m").copy(), items.value("height_from").copy()
    height[rows[good]], origin[rows[good]] = measured[good], "cloud"
    return items.with_value("height_m", height).with_value("height_from", origin), reports


def _outline(found: Gathered, buildings: Items) -> Outline:
    """Take the given outline, or derive one."""
    boundary = found.items.get(Theme.BOUNDARY)
    if boundary is not None:
        return given_outline(boundary)
    themes = (*PUBLIC_THEMES, Theme.PRIVATE, Theme.PURPOSE)
    areas = [found.items[theme] for theme in themes if theme in found.items]
    return derive_outline([buildings, *areas])


def _divide(park: Park, found: Gathered, request: ImportRequest, on_step: Step) -> None:
    """Find public ground on request, and private ground."""
    water = found.items.get(Theme.WATER, no_items()).geometry
    public = [one.geometry for _, one in park.public]

    def progress(done: int, total: int) -> None:
        on_step(DIVIDING, done, total)

    taken = [park.buildings.geometry, water, *public]
    if not public and not request.open_ground:
        raise CoverageError(
            Text(
                nl="geen bron zegt welke grond openbaar is (BGT wegdeel, OSM highway, laag "
                "public_areas). Voeg zo'n bron toe, geef --overrule public_areas=BESTAND, of kies "
                "--open-ground: dan telt alle open grond binnen de grens als openbaar",
                en="no source says which ground is public (BGT wegdeel, OSM highway, layer "
                "public_areas). Add such a source, give --overrule public_areas=FILE, or choose "
                "--open-ground: then all open ground inside the outline counts as public",
            )
        )
    is_given = "private_areas" in found.instead
    yards = found.items.get(Theme.PRIVATE, no_items())
    if is_given:
        park.private_given = yards
    if request.open_ground:
        park.open_public = list(
            open_ground(park.outline.polygon, [*taken, yards.geometry], progress)
        )
        park.private = [] if is_given else list(yards.geometry)
    elif not is_given:
        park.private = list(open_ground(park.outline.polygon, taken, progress))
    park.purpose = found.items.get(Theme.PURPOSE)


def _mounts(park: Park, found: Gathered, request: ImportRequest, on_step: Step) -> list[MountPoint]:
    """Derive mounts and add those the user gives."""
    on_step(MOUNTING, 0, 1)
    given = found.instead.get(OWN_MOUNTS, {}).get(Theme.MOUNT, no_items())
    instead = found.items.get(Theme.MOUNT, no_items())
    rules, ledger = request.rules, found.ledger
    mounts: list[MountPoint] = []
    for several in (instead, given):
        if len(several):
            mounts += given_mounts(several, park.buildings, rules, ledger)
    if "mounts" not in found.instead:
        mounts += _derived_mounts(park, found.items, request)
    on_step(MOUNTING, 1, 1)
    return _unique(mounts)


def _derived_mounts(
    park: Park, items: Mapping[Theme, Items], request: ImportRequest
) -> list[MountPoint]:
    """Derive mounts on facades, poles and new masts."""
    public = [one.geometry for _, one in park.public]
    paved = [one.geometry for kind, one in park.public if kind is not AreaKind.GREEN]
    if park.open_public:
        whole = np.array(park.open_public, dtype=object)
        public, paved = [*public, whole], [*paved, whole]
    outlines, rules = park.buildings.geometry, request.rules
    ground = np.concatenate(public) if public else np.zeros(0, dtype=object)
    hard = np.concatenate(paved) if paved else np.zeros(0, dtype=object)
    masts = items.get(Theme.MAST, no_items())
    inside = park.buildings
    return [
        *facade_mounts(inside, ground, rules),
        *pole_mounts(park.lamps, MountKind.LAMP_POST, outlines, "lichtmast"),
        *pole_mounts(masts, MountKind.MAST, outlines, "paal"),
        *mast_mounts(hard, outlines, park.outline.polygon, rules.mast_spacing_m),
    ]


def _unique(mounts: list[MountPoint]) -> list[MountPoint]:
    """Give every mount an id of its own; the given ones keep theirs."""
    seen: set[str] = set()
    found = []
    for one in mounts:
        own, number = one.id, 2
        while own in seen:
            own, number = f"{one.id}~{number}", number + 1
        seen.add(own)
        found.append(one if own == one.id else replace(one, id=own))
    return found
