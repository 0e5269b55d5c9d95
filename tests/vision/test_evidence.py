import base64
import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import av
import numpy as np
import numpy.typing as npt
import pytest
from packet_rings import AT, read_packets, ring_of

from parkwacht_config.errors import ConfigError
from parkwacht_config.site import Evidence, ObjectClass, PrivacyMask, Severity, Site
from parkwacht_vision.embedded import embedded_info
from parkwacht_vision.event import Box, FlaggedEvent, SourceInfo
from parkwacht_vision.evidence import Ended, EvidenceRoom, evidence_key
from parkwacht_vision.frames import Frame
from parkwacht_vision.manifest import Manifest, data_file
from parkwacht_vision.masks import PrivacyScreen
from parkwacht_vision.packets import PacketRing
from parkwacht_vision.stills import BestView, Stills, decode_jpeg

KEY = bytes(range(32))
VIEW = BestView(AT + timedelta(seconds=4), (200.0, 60.0, 240.0, 140.0), 320, 240)
# The left half of the camera's 2560 x 1440 pixels.
HALF = PrivacyMask(
    id="window",
    camera_id="cam_a",
    polygon_px=((0.0, 0.0), (1280.0, 0.0), (1280.0, 1440.0), (0.0, 1440.0)),
)
OPTIONS = {"g": "10", "sc_threshold": "0"}


def moving(at_s: float, image: npt.NDArray[np.uint8]) -> None:
    left = round(20 + at_s * 20)
    image[60:140, left : left + 40] = 200


def flagged(stills: Stills) -> FlaggedEvent:
    return FlaggedEvent(
        id=uuid4(), site_id="p", camera_id="cam_a", zone_id="z", severity=Severity.HIGH,
        object_class=ObjectClass.PERSON, confidence=0.5, started_at=AT, confirmed_at=AT,
        wall_first_frame_at=AT, position=None, detector=embedded_info(),
        source=SourceInfo(kind="recording", name="a.mp4", media_time_s=0),
        box=Box(xyxy_px=VIEW.xyxy, image_width_px=320, image_height_px=240, at=VIEW.at),
        snapshot=data_file("snapshot", stills.snapshot), still=data_file("still", stills.still),
    )  # fmt: skip


def happen(room: EvidenceRoom, *, seen_s: tuple[float, float], ends_s: float) -> Ended:
    """Let an event be seen from one second to another, confirmed a second after it began."""
    event_id = uuid4()
    first_s, last_s = seen_s
    stills = room.open(event_id, AT + timedelta(seconds=first_s), VIEW)
    event = flagged(stills).model_copy(update={"id": event_id})
    for fifth in range(round(first_s * 5) + 5, round(ends_s * 5) + 1):
        now_s = fifth / 5
        seen = AT + timedelta(seconds=min(now_s, last_s))
        room.follow(event_id, AT + timedelta(seconds=now_s), seen)
    return room.close(event)


def test_all_that_an_event_leaves_is_listed_with_its_true_bounds(
    make_video: Callable[..., Path], tmp_path: Path
) -> None:
    packets = read_packets(make_video(seconds=10, draw=moving, options=OPTIONS | {"bf": "0"}))
    work_dir = tmp_path / "work"
    work_dir.mkdir()
    room = EvidenceRoom(ring_of(packets), PrivacyScreen(), work_dir)
    ended = happen(room, seen_s=(4.3, 5.2), ends_s=9.8)
    # Seen from 4.3 s: with 3 s before it the clip is wanted from 1.3 s, so from the key frame at 1
    # s. Seen until 5.2 s, and 3 s after it: the last picture is that of 8.2 s, shown for 0.1 s.
    assert ended.clip is not None
    assert ended.clip.started_at == AT + timedelta(seconds=1)
    assert ended.clip.ended_at == AT + timedelta(seconds=8.3)
    manifest = Manifest.model_validate_json(ended.manifest_bytes)
    assert [one.kind for one in manifest.files] == ["snapshot", "still", "clip"]
    clip = manifest.files[2]
    assert (clip.codec, clip.width_px, clip.height_px) == ("h264", 320, 240)
    assert (clip.started_at, clip.ended_at) == (ended.clip.started_at, ended.clip.ended_at)
    assert not clip.is_reencoded
    assert manifest.privacy_mask_ids == ()
    assert manifest.detector == embedded_info()
    path = ended.clip_path
    assert path is not None
    assert hashlib.sha256(path.read_bytes()).hexdigest() == clip.file.sha256
    assert ended.clip_file == clip.file
    digest = hashlib.sha256(ended.manifest_bytes).hexdigest()
    assert (ended.manifest_file.sha256, ended.manifest_file.name) == (digest, "manifest.json")
    assert ended.original_file is None
    ended.remove_files()
    assert list(work_dir.iterdir()) == []


def test_the_room_of_a_camera_with_a_mask(
    make_site: Callable[..., Site], make_video: Callable[..., Path], tmp_path: Path
) -> None:
    site = replace(make_site(), privacy_masks=(HALF,))
    packets = read_packets(make_video(seconds=5, draw=moving, options=OPTIONS))
    work_dir = tmp_path / "work"
    work_dir.mkdir()
    for key in (None, KEY):
        room = EvidenceRoom.of(site, "cam_a", ring_of(packets), work_dir, key)
        ended = happen(room, seen_s=(1.0, 3.0), ends_s=4.8)
        manifest = ended.manifest
        assert manifest.privacy_mask_ids == ("window",)
        made = {one.kind: (one.is_reencoded, one.is_sealed) for one in manifest.files}
        wanted = {"snapshot": (True, False), "still": (True, False), "clip": (True, False)}
        assert made == wanted | ({} if key is None else {"original": (False, True)})
        assert (ended.original_path is None) is (key is None)
        assert len(list(work_dir.iterdir())) == (1 if key is None else 2)
        ended.remove_files()
    assert list(work_dir.iterdir()) == []


def frames(n: int) -> list[Frame]:
    made = []
    for index in range(n):
        image = np.full((241, 321, 3), 60, np.uint8)
        image[60:140, index : index + 30] = 200
        at = AT + timedelta(seconds=index / 5)
        made.append(Frame.of_image(image, index / 5, at, at, index))
    return made


def test_a_source_without_packets_leaves_its_analysed_pictures(tmp_path: Path) -> None:
    room, event_id = EvidenceRoom(PacketRing(), PrivacyScreen(), tmp_path), uuid4()
    with pytest.raises(LookupError):
        room.open(event_id, AT, VIEW)
    event = None
    for frame in frames(60):
        room.note(frame)
        if frame.index == 25:  # at 5 s; seen first at 4 s, so the clip begins at 1 s
            stills = room.open(event_id, AT + timedelta(seconds=4), VIEW)
            event = flagged(stills).model_copy(update={"id": event_id})
            shown = decode_jpeg(stills.still)
            assert shown[100, 35].mean() > 170  # the picture of 4 s: the block at 20 to 50
            assert shown[100, 15].mean() < 90
        if event is not None:
            room.follow(event_id, frame.at, min(frame.at, AT + timedelta(seconds=6)))
    assert event is not None
    ended = room.close(event)
    assert ended.clip is not None
    assert ended.clip.started_at == AT + timedelta(seconds=1)
    assert ended.clip.ended_at == AT + timedelta(seconds=9)
    with av.open(str(ended.clip.clip.path)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.pix_fmt) == (320, 240, "yuv420p")
        assert sum(1 for _ in container.decode(stream)) == 41  # 1 s to 9 s, five per second


def test_a_clip_that_cannot_be_written_costs_no_event(
    make_video: Callable[..., Path], tmp_path: Path
) -> None:
    packets = read_packets(make_video(seconds=5, draw=moving))
    for ring in (ring_of(packets), PacketRing()):
        room = EvidenceRoom(ring, PrivacyScreen(), tmp_path / "gone")
        for frame in frames(21):
            room.note(frame)
        ended = happen(room, seen_s=(1.0, 3.0), ends_s=4.8)
        assert ended.clip is None
        assert [one.kind for one in ended.manifest.files] == ["snapshot", "still"]
        ended.remove_files()


def test_the_key_is_asked_for_only_where_originals_are_kept(
    make_site: Callable[..., Site], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = make_site()
    keeping = replace(site, evidence=Evidence(keeps_original=True, key_env="PARK_KEY"))
    assert evidence_key(site, tmp_path) is None
    with pytest.raises(ConfigError, match="PARK_KEY"):
        evidence_key(keeping, tmp_path)
    monkeypatch.setenv("PARK_KEY", base64.b64encode(KEY).decode())
    assert evidence_key(keeping, tmp_path) == KEY
