"""Pictures decoded before an event is confirmed, against decoding them afterwards."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import numpy as np
import numpy.typing as npt
import pytest
from packet_rings import AT, read_packets, ring_of

from parkwacht_config.site import ObjectClass
from parkwacht_vision.ahead import PicturesAhead
from parkwacht_vision.evidence import EvidenceRoom
from parkwacht_vision.frames import Frame
from parkwacht_vision.masks import PrivacyScreen
from parkwacht_vision.packets import EncodedPacket, PacketRing
from parkwacht_vision.pictures import DecodedPicture
from parkwacht_vision.stills import BestView, Stills, decode_jpeg, picture_at
from parkwacht_vision.tracker import Sighting, Track

MakeVideo = Callable[..., Path]
OPTIONS = {"g": "10", "sc_threshold": "0"}
LEFT_HALF = PrivacyScreen((np.array([(0, 0), (0.5, 0), (0.5, 1), (0, 1)], dtype=np.float64),))
FRAME_BYTES = 320 * 240 * 3 // 2


def moving(at_s: float, image: npt.NDArray[np.uint8]) -> None:
    left = round(20 + at_s * 50)
    image[60:140, left : left + 40] = 200


def packets_of(make_video: MakeVideo, n_b_frames: int) -> list[EncodedPacket]:
    options = OPTIONS | {"bf": str(n_b_frames)}
    return read_packets(make_video(seconds=4, draw=moving, options=options))


def at(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


@pytest.mark.parametrize("n_b_frames", [0, 2])
def test_a_picture_decoded_ahead_is_the_one_decoded_afterwards(
    n_b_frames: int, make_video: MakeVideo
) -> None:
    # Packets come while instants are asked for, as from a camera; key frames every second. The
    # peer is the decoding on demand of the whole ring, to the last byte.
    packets = packets_of(make_video, n_b_frames)
    ring = PacketRing()
    ahead = PicturesAhead(ring)
    waiting = list(packets)
    asked = [AT + at(fifth / 5 + 0.03) for fifth in range(3, 17)]
    for instant in asked:
        while waiting and waiting[0].at <= instant:
            ring.add(waiting.pop(0))
        ahead.want(instant)
    for packet in waiting:
        ring.add(packet)
    for instant in asked:
        shown, peer = ahead.picture(instant), picture_at(ring, instant)
        assert shown is not None
        assert peer is not None
        assert shown[1] == peer[1]
        assert np.array_equal(DecodedPicture(shown[0]).bgr(), peer[0])


def test_what_was_not_asked_for_or_has_not_come_is_not_guessed(make_video: MakeVideo) -> None:
    packets = packets_of(make_video, 0)
    ahead = PicturesAhead(ring_of(packets[:20]))  # the last picture is that of 1.9 s
    ahead.want(AT + at(1.5))
    assert ahead.picture(AT + at(1.4)) is None
    ahead.want(AT + at(1.0))  # before the last one: it has been passed
    assert ahead.picture(AT + at(1.0)) is None
    ahead.want(AT + at(1.94))
    ahead.want(AT + at(2.4))
    near = ahead.picture(AT + at(1.94))  # nothing after it has come; it is 0.04 s away
    assert near is not None
    assert near[1] == AT + at(1.9)
    assert ahead.picture(AT + at(2.4)) is None
    ahead.clear()
    assert ahead.picture(AT + at(1.5)) is None
    assert PicturesAhead(PacketRing()).picture(AT) is None


def test_a_connection_that_was_lost_and_came_again_holds_nothing_up(
    make_video: MakeVideo,
) -> None:
    path = make_video(seconds=2, draw=moving, options=OPTIONS | {"bf": "0"})
    ring = ring_of([*read_packets(path), *read_packets(path, begins_at=AT + at(5))])
    ahead = PicturesAhead(ring)
    asked = [AT + at(one) for one in (1.5, 3.1, 5.5)]  # the second lies in the gap
    for instant in asked:
        ahead.want(instant)
    shown = [ahead.picture(one) for one in asked]
    assert [one and one[1] for one in shown] == [asked[0], None, asked[2]]


def test_of_too_many_pictures_those_of_the_least_weight_go(make_video: MakeVideo) -> None:
    ahead = PicturesAhead(ring_of(packets_of(make_video, 0)), max_bytes=3 * FRAME_BYTES)
    weights = {0.5: 0.4, 0.7: 0.9, 0.9: 0.2, 1.1: 0.6, 1.3: 0.7}
    for seconds, weight in weights.items():
        ahead.want(AT + at(seconds), weight)
        ahead.picture(AT + at(seconds))  # waits until it is decoded
    ahead.want(AT + at(1.3), 0.7)
    kept = [one for one in weights if ahead.picture(AT + at(one)) is not None]
    assert kept == [0.7, 1.1, 1.3]


def test_a_picture_is_not_kept_for_ever(make_video: MakeVideo) -> None:
    ahead = PicturesAhead(ring_of(packets_of(make_video, 0)))
    ahead.want(AT + at(0.5), 0.9)
    assert ahead.picture(AT + at(0.5)) is not None
    ahead.want(AT + at(11), 0.1)
    assert ahead.picture(AT + at(0.5)) is None


def track(seconds: float) -> Track:
    instant = AT + at(seconds)
    sighting = Sighting(
        media_time_s=seconds, at=instant, wall_at=instant, frame_index=0,
        xyxy=(200.0, 60.0, 240.0, 140.0), confidence=0.6, object_class=ObjectClass.PERSON,
    )  # fmt: skip
    return Track(1, sighting)


def watch(room: EvidenceRoom, fifths: range, *, seen: range) -> None:
    """Let a room note pictures, five per second, some of which show somebody."""
    for fifth in fifths:
        image = np.zeros((240, 320, 3), np.uint8)
        instant = AT + at(fifth / 5)
        room.note(Frame.of_image(image, fifth / 5, instant, instant, fifth))
        room.expect(instant, [track(fifth / 5)] if fifth in seen else [])


def event_of(room: EvidenceRoom, best_s: float) -> Stills:
    view = BestView(AT + at(best_s), (200.0, 60.0, 240.0, 140.0), 320, 240)
    return room.open(uuid4(), AT + at(1), view)


def refuse(_ring: PacketRing, _at: datetime) -> None:
    message = "decoded on demand"
    raise AssertionError(message)


def test_an_event_of_a_live_camera_has_the_same_pictures_without_decoding_them_again(
    make_video: MakeVideo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packets = packets_of(make_video, 0)
    later, live = (
        EvidenceRoom(ring_of(packets), LEFT_HALF, tmp_path, is_live=is_live)
        for is_live in (False, True)
    )
    watch(later, range(5, 17), seen=range(8, 12))
    peers = [event_of(later, one) for one in (1.6, 2.2)]
    watch(live, range(5, 17), seen=range(8, 12))
    monkeypatch.setattr("parkwacht_vision.stills.picture_at", refuse)
    # A second event while the first is open: who walks on into another zone.
    assert [event_of(live, one) for one in (1.6, 2.2)] == peers
    assert int(decode_jpeg(peers[0].snapshot)[:, :152].max()) <= 4  # masked in both
    with pytest.raises(AssertionError, match="on demand"):
        event_of(live, 1.4)  # nobody was seen then


def test_no_picture_is_kept_while_nothing_is_watched(
    make_video: MakeVideo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_packets = EvidenceRoom(
        ring_of(packets_of(make_video, 0)), PrivacyScreen(), tmp_path, is_live=True
    )
    without = EvidenceRoom(PacketRing(), PrivacyScreen(), tmp_path)
    for room in (with_packets, without):
        watch(room, range(5, 12), seen=range(8, 12))
        room.rest()
    with pytest.raises(LookupError):
        event_of(without, 2.2)
    monkeypatch.setattr("parkwacht_vision.stills.picture_at", refuse)
    with pytest.raises(AssertionError, match="on demand"):
        event_of(with_packets, 2.2)


def test_pictures_are_decoded_ahead_only_shortly_after_somebody_came(
    make_video: MakeVideo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_video(seconds=4, draw=moving, options=OPTIONS | {"bf": "0"})
    gone, staying = (
        EvidenceRoom(
            ring_of(read_packets(path, begins_at=AT + at(begin_s))), PrivacyScreen(), tmp_path,
            is_live=True,
        )
        for begin_s in (0, 33.5)
    )  # fmt: skip
    watch(gone, range(5, 20), seen=range(5, 6))  # for 2.8 s nobody any more: forgotten
    watch(staying, range(5, 170), seen=range(5, 170))  # 33 s
    monkeypatch.setattr("parkwacht_vision.stills.picture_at", refuse)
    for room, best_s in ((gone, 1.0), (staying, 33.6)):
        with pytest.raises(AssertionError, match="on demand"):
            event_of(room, best_s)
    watch(staying, range(184, 186), seen=range(184, 186))  # 3 s later another one comes
    assert event_of(staying, 36.8).at == AT + at(36.8)
