"""Small parks made by hand for the tests of coverage."""

from dataclasses import replace
from datetime import date, time
from pathlib import Path

import numpy as np
from shapely.geometry import LineString, Point, Polygon, box

from parkwacht_config.site import (
    AreaKind,
    Arming,
    Building,
    Camera,
    CameraType,
    Gate,
    Incident,
    LampPost,
    Mount,
    MountKind,
    PublicArea,
    Retention,
    Site,
)

X, Y = 255_000.0, 469_000.0  # somewhere in the east of the country


def block(
    x_m: float, y_m: float, size_m: float, height_m: float, *, base_m: float = 0.0, name: str = "b"
) -> Building:
    return Building(name, box(x_m, y_m, x_m + size_m, y_m + size_m), height_m, base_m)


def random_buildings(seed: int, n: int = 25, *, share_raised: float = 0.3) -> list[Building]:
    """Make turned blocks, some with a courtyard, some above a passage, in [0, 200] x [0, 200]."""
    rng = np.random.default_rng(seed)
    made = []
    for index in range(n):
        center = rng.uniform(10, 190, 2)
        turn = rng.uniform(0, np.pi)
        axes = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        corners = np.array([[-1, -1], [1, -1], [1, 1], [0.1, 0.3], [-1, 1]])
        ring = (corners * rng.uniform(2, 12, 2)) @ axes + center
        hole = (corners[[0, 1, 3]] * 0.4 + [0.0, -0.3]) * 2 @ axes + center
        holes = [hole] if rng.random() < 0.3 else []
        polygon = Polygon(ring, holes)
        if not polygon.is_valid:
            polygon = Polygon(ring)
        base = float(rng.uniform(2, 5)) if rng.random() < share_raised else 0.0
        made.append(Building(f"b{index}", polygon, base + float(rng.uniform(2, 10)), base))
    return made


def bullet(type_id: str = "bullet", *, focal_length_mm: float = 4.0) -> CameraType:
    return CameraType(
        id=type_id,
        name="4 MP 4 mm",
        width_px=2688,
        height_px=1520,
        pitch_um=2.0,
        focal_length_mm=focal_length_mm,
        ir_range_m=40.0,
        min_illuminance_lux=0.1,
        price_eur=260.0,
        yearly_eur=60.0,
    )


def camera(camera_id: str = "c1", *, x_m: float = X, y_m: float = Y, **changes: object) -> Camera:
    values: dict[str, object] = {
        "id": camera_id,
        "name": "Camera",
        "type_id": "bullet",
        "x_m": x_m,
        "y_m": y_m,
        "height_m": 6.0,
        "azimuth_deg": 90.0,
        "tilt_deg": 25.0,
    }
    return Camera.model_validate(values | changes)


def small_site(**changes: object) -> Site:
    """Return a park of 100 x 60 m: a road, a car park, a building, three mounts, one camera."""
    site = Site(
        id="small",
        name="Klein terrein",
        description="",
        is_illustrative=True,
        path=Path("small.toml"),
        digest="0123456789abcdef" * 4,
        timezone="Europe/Amsterdam",
        boundary=box(X, Y, X + 100, Y + 60),
        public_areas=(
            PublicArea("road", AreaKind.CARRIAGEWAY, box(X, Y + 20, X + 100, Y + 28), "Hoofdweg"),
            PublicArea("park", AreaKind.PARKING, box(X + 60, Y + 28, X + 100, Y + 50), "P1"),
        ),
        buildings=(block(X + 10, Y + 30, 24, 8.0, name="hal"),),
        lamp_posts=(LampPost("l1", Point(X + 50, Y + 30), 6.0, 2500.0),),
        power_cabinets=(),
        gates=(Gate("gate_1", "Poort", LineString([(X, Y + 20), (X, Y + 28)])),),
        mounts=(
            Mount("m1", MountKind.MAST, Point(X + 50, Y + 29), 6.0),
            Mount("m2", MountKind.FACADE, Point(X + 34.2, Y + 40), 5.0, 90.0),
            Mount("m3", MountKind.LAMP_POST, Point(X + 95, Y + 19), 5.5),
        ),
        incidents=(
            Incident("i1", date(2025, 3, 1), time(2, 0), "theft", Point(X + 80, Y + 40), 500.0),
        ),
        camera_types={"bullet": bullet()},
        cameras=(camera(y_m=Y + 19.0),),
        zones=(),
        armings={"night": Arming(id="night", name="Nacht", weekly=((),) * 7)},
        receivers=(),
        retention=Retention(),
        default_arming_id="night",
    )
    return replace(site, **changes)  # type: ignore[arg-type]
