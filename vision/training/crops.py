"""
Grey crops of persons, vehicles and other things, and what night does to them.

Every crop is a part of a picture as the gate would cut it out: a box with some context, of any
size, in 8-bit grey. Nothing of it is stored in the repository.
"""

import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt

from parkwacht_vision.embedded import SIDE, normalised

Grey = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

PERSON, VEHICLE, OTHER = 0, 1, 2
HELD_OUT = 8  # of every list of a source the last eighth is kept for validation
PERSON_BOX = (20, 14, 76, 146)  # where INRIA's crops of 96 x 160 hold the person


@dataclass(frozen=True, slots=True)
class Crop:
    """One crop and what it shows."""

    grey: Grey
    label: int
    source: str


def labelled_crops(folder: Path) -> Iterator[Crop]:
    """Yield the crops of the two archives of `shared/data/vision/train`."""
    with zipfile.ZipFile(folder / "person_crops_96x160.zip") as archive:
        for name in sorted(one for one in archive.namelist() if one.endswith(".jpg")):
            grey = _read(archive, name)
            yield Crop(grey, PERSON, "inria")
            # The corners of a crop are ground and walls beside a person.
            for y, x in ((0, 0), (0, 68), (124, 0), (124, 68)):
                yield Crop(grey[y : y + 36, x : x + 28], OTHER, "inria_corner")
    with zipfile.ZipFile(folder / "vehicle_crops_64.zip") as archive:
        for name in sorted(one for one in archive.namelist() if one.endswith((".jpg", ".png"))):
            label = OTHER if "non-vehicles" in name else VEHICLE
            yield Crop(_read(archive, name), label, "/".join(name.split("/")[1:3]))


def _read(archive: zipfile.ZipFile, name: str) -> Grey:
    data = np.frombuffer(archive.read(name), dtype=np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
    if image is None:
        message = f"{name}: not a picture"
        raise ValueError(message)
    return np.asarray(image, dtype=np.uint8)


def rendered_crops(folder: Path, random: np.random.Generator) -> Iterator[Crop]:
    """Yield persons, vehicles and ground of the rendered sample recordings, by their truth."""
    for path in sorted(folder.glob("*.json")):
        truth = json.loads(path.read_text())
        for index, grey in _greys(path.with_suffix(".mp4"), every=4):
            boxes = [
                (track["class"], track["boxes_px"][index - track["first_frame"]])
                for track in truth["tracks"]
                if 0 <= index - track["first_frame"] < len(track["boxes_px"])
                and (not track["is_parked"] or index % 20 == 0)
            ]
            every = [box for _, box in boxes if box]
            for name, box in boxes:
                part = None if not box else _cut(grey, box, 0.15)
                if part is not None:
                    yield Crop(part, PERSON if name == "person" else VEHICLE, "rendered")
            if any(track["is_parked"] for track in truth["tracks"]) and index % 20:
                continue  # parked vehicles have boxes in some frames only
            for _ in range(3):
                box = _anywhere(grey, random)
                part = _cut(grey, box, 0.0)
                if part is not None and not any(_touch(box, one) for one in every):
                    yield Crop(part, OTHER, "rendered")


def backgrounds(clips: Path, random: np.random.Generator) -> Iterator[Crop]:
    """
    Yield parts of what stands still in the positive clips: the median of their frames.

    Whoever moves is not in a median. Clips with parked vehicles or with persons who stay are left
    out, and so are all `neg_*` clips: they are the test.
    """
    truth = json.loads((clips.parent / "events.json").read_text())["clips"]
    for name, one in sorted(truth.items()):
        stays = name in {"day_indoor_office.mp4", "day_indoor_shop_cctv.mp4"}
        if one["role"] != "positive" or one["static_vehicles"] or stays:
            continue
        every = max(1, one["video"]["frames"] // 25)
        greys = [grey for _, grey in _greys(clips / name, every=every)]
        median = np.median(np.stack(greys), axis=0).astype(np.uint8)
        for _ in range(80):
            part = _cut(median, _anywhere(median, random), 0.0)
            if part is not None:
                yield Crop(part, OTHER, "clip_background")


def _greys(path: Path, *, every: int) -> Iterator[tuple[int, Grey]]:
    with av.open(str(path)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index % every == 0:
                yield index, frame.to_ndarray(format="gray")


def _cut(grey: Grey, box: tuple[float, ...] | list[float], context: float) -> Grey | None:
    """Cut a box with context out of a picture; None where little of it is inside or it is tiny."""
    x1, y1, x2, y2 = box
    height, width = grey.shape
    inside = max(0.0, min(x2, width) - max(x1, 0)) * max(0.0, min(y2, height) - max(y1, 0))
    if inside < 0.7 * (x2 - x1) * (y2 - y1) or y2 - y1 < 12 or x2 - x1 < 5:  # noqa: PLR2004
        return None
    wide, high = context * (x2 - x1), context * (y2 - y1)
    left, top = max(0, int(x1 - wide)), max(0, int(y1 - high))
    return grey[top : min(height, int(y2 + high)), left : min(width, int(x2 + wide))].copy()


def _anywhere(grey: Grey, random: np.random.Generator) -> tuple[float, float, float, float]:
    height, width = grey.shape
    high = float(random.uniform(0.05, 0.4)) * height
    wide = min(high * float(np.exp(random.uniform(-1.1, 1.1))), 0.6 * width)
    x, y = float(random.uniform(0, width - wide)), float(random.uniform(0, height - high))
    return (x, y, x + wide, y + high)


def _touch(a: tuple[float, ...], b: list[float]) -> bool:
    return min(a[2], b[2]) > max(a[0], b[0]) and min(a[3], b[3]) > max(a[1], b[1])


def drawn_other(ground: Grey, random: np.random.Generator) -> Grey:
    """Draw what wakes people for nothing on a piece of ground: glare, rain, insects, leaves."""
    canvas = cv2.resize(ground, (64, 64), interpolation=cv2.INTER_AREA).astype(np.float32)
    canvas *= random.uniform(0.05, 1.0)
    kind = int(random.integers(5))
    layer = np.zeros_like(canvas)
    at = (int(random.integers(12, 52)), int(random.integers(12, 52)))
    if kind == 0:  # a light and its halo
        for size, level in ((int(random.integers(2, 12)), 255), (int(random.integers(8, 30)), 90)):
            cv2.circle(layer, at, size, level, -1)
    elif kind == 1:  # rain
        for _ in range(int(random.integers(1, 12))):
            x, y = (int(one) for one in random.integers(-8, 64, 2))
            length, lean = int(random.integers(8, 50)), int(random.integers(-8, 9))
            cv2.line(layer, (x, y), (x + lean, y + length), int(random.integers(30, 200)),
                     int(random.integers(1, 4)), cv2.LINE_AA)  # fmt: skip
    elif kind == 2:  # an insect or a drop near the lens  # noqa: PLR2004
        axes = (int(random.integers(4, 26)), int(random.integers(3, 14)))
        cv2.ellipse(layer, at, axes, float(random.uniform(0, 180)), 0, 360,
                    int(random.integers(60, 255)), -1)  # fmt: skip
    elif kind == 3:  # leaves and branches  # noqa: PLR2004
        for _ in range(int(random.integers(8, 60))):
            x, y = (int(one) for one in random.integers(0, 64, 2))
            cv2.ellipse(layer, (x, y), (int(random.integers(2, 8)), int(random.integers(1, 4))),
                        float(random.uniform(0, 180)), 0, 360,
                        float(random.uniform(-90, 90)), -1)  # fmt: skip
    else:  # the edge of a beam or of a shadow
        corners = random.integers(-20, 84, (int(random.integers(3, 5)), 2)).astype(np.int32)
        cv2.fillPoly(layer, [corners], float(random.uniform(-80, 120)))
    blurred = cv2.GaussianBlur(layer, (0, 0), float(random.uniform(0.5, 4.0)))
    return np.asarray(np.clip(canvas + blurred, 0, 255), dtype=np.uint8)


def augmented(crop: Crop, random: np.random.Generator) -> Floats:
    """Return a crop as a camera by day or by night might show it, ready for the network."""
    part = _framed(crop, random)
    if random.random() < 0.5:  # noqa: PLR2004
        part = part[:, ::-1]
    high = int(random.integers(14, SIDE + 1))
    small = cv2.resize(np.ascontiguousarray(part), (high, high), interpolation=cv2.INTER_AREA)
    seen = cv2.resize(small, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    if random.random() < 0.65:  # noqa: PLR2004
        seen = _at_night(seen, random)
    if random.random() < 0.4:  # noqa: PLR2004
        seen = cv2.GaussianBlur(seen, (0, 0), float(random.uniform(0.3, 1.4)))
    if random.random() < 0.15:  # noqa: PLR2004
        for _ in range(int(random.integers(1, 5))):
            x, y = (int(one) for one in random.integers(0, SIDE, 2))
            cv2.line(seen, (x, y), (x + int(random.integers(-4, 5)), y + 20),
                     float(seen.mean() + random.uniform(10, 60)), 1, cv2.LINE_AA)  # fmt: skip
    seen += random.normal(0, float(random.uniform(0, 6)), seen.shape).astype(np.float32)
    coded = np.clip(seen, 0, 255).astype(np.uint8)
    if random.random() < 0.5:  # noqa: PLR2004
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(15, 70))]
        coded = cv2.imdecode(cv2.imencode(".jpg", coded, quality)[1], cv2.IMREAD_GRAYSCALE)
    return normalised(coded)


def _framed(crop: Crop, random: np.random.Generator) -> Grey:
    """Frame a crop as a gate would: not quite centred, more or less context, parts cut off."""
    height, width = crop.grey.shape
    if crop.source == "inria":
        x1, y1, x2, y2 = PERSON_BOX
        wide, high = x2 - x1, y2 - y1
        spread = (0.22 * wide, 0.12 * high)
        x1 -= int(random.uniform(-0.2, 1) * spread[0])
        x2 += int(random.uniform(-0.2, 1) * spread[0])
        y1 -= int(random.uniform(-0.6, 1) * spread[1])
        y2 += int(random.uniform(-1.6, 1) * spread[1])
        return crop.grey[max(0, y1) : min(height, y2), max(0, x1) : min(width, x2)]
    left, right, top, bottom = random.uniform(0, 0.14, 4)
    return crop.grey[
        int(top * height) : max(4, int((1 - bottom) * height)),
        int(left * width) : max(4, int((1 - right) * width)),
    ]


def _at_night(seen: Floats, random: np.random.Generator) -> Floats:
    """Darken, and light as infrared does: bright in the middle, clothes of another tone."""
    if random.random() < 0.3:  # noqa: PLR2004 - dark clothes are often bright in infrared
        seen = 255 - seen
    power = float(np.exp(random.uniform(-0.5, 0.9)))
    seen = np.asarray(255 * (seen / 255) ** power, dtype=np.float32)
    if random.random() < 0.4:  # noqa: PLR2004
        rows, columns = np.mgrid[0:SIDE, 0:SIDE] / SIDE
        x, y, reach = random.uniform(0.2, 0.8), random.uniform(0.2, 0.8), random.uniform(0.4, 1.2)
        beam = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / reach**2)
        seen = seen * beam.astype(np.float32)
    share = float(np.exp(random.uniform(np.log(0.06), 0)))
    lift = float(random.uniform(0, 30))
    return np.asarray(seen * share + lift, dtype=np.float32)
