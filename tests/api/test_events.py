from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from api_harness import (
    JPEG,
    MP4,
    STARTED_AT,
    Service,
    event_parts,
    make_ending,
    make_flagged,
    make_report,
)
from sqlalchemy import func, select

from parkwacht_api.ingest import store_flagged
from parkwacht_api.media import StoredFile
from parkwacht_api.models import Delivery, Event, Media
from parkwacht_api.repository import image_accesses
from parkwacht_api.state import AppState
from parkwacht_config.clock import SystemClock


def test_an_event_is_stored_once_with_its_deliveries(any_service: Service) -> None:
    event = make_flagged()
    first, second = any_service.post_event(event), any_service.post_event(event)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == {"id": str(event.id), "is_new": True}
    with any_service.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Event)) == 1
        assert session.scalars(select(Delivery.receiver_id)).all() == ["meldkamer"]
        media = session.scalars(select(Media)).one()
    assert (any_service.settings.media_dir / media.path).read_bytes() == JPEG


def test_the_same_recording_watched_again_is_the_same_event(service: Service) -> None:
    event = service.stored()
    again = event.model_copy(update={"wall_first_frame_at": datetime.now(UTC)})
    assert service.post_event(again).status_code == 200


def test_the_same_id_with_other_content_is_refused(any_service: Service) -> None:
    event = any_service.stored()
    other = any_service.post_event(event.model_copy(update={"confidence": 0.1}))
    assert other.status_code == 409
    assert other.json()["type"] == "urn:parkwacht:problem:content-conflict"


@pytest.mark.parametrize(
    ("jpeg", "sent"),
    [(JPEG, JPEG + b"x"), (JPEG, JPEG[:-1] + b"x"), (b"GIF89a..", b"GIF89a..")],
    ids=["longer", "other bytes", "no jpeg"],
)
def test_a_snapshot_must_be_what_its_record_says(
    service: Service, jpeg: bytes, sent: bytes
) -> None:
    answer = service.post_event(make_flagged(jpeg), sent)
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:parkwacht:problem:media-invalid"
    assert [one for one in service.settings.media_dir.rglob("*") if one.is_file()] == []


class PowerLossError(Exception):
    """The machine stops here."""


def test_a_crash_before_the_commit_leaves_nothing(service: Service) -> None:
    event = make_flagged()
    state = AppState(service.settings, service.site, SystemClock(), service.database)
    file = StoredFile("x.jpg", event.snapshot.sha256, event.snapshot.size, "image/jpeg")

    def crash() -> None:
        with service.database.writing() as session:
            assert store_flagged(session, event, {"snapshot": file}, state=state)
            session.flush()
            raise PowerLossError

    with pytest.raises(PowerLossError):
        crash()
    with service.database.reading() as session:
        assert session.scalars(select(Event)).all() == []
        assert session.scalars(select(Delivery)).all() == []
    assert service.post_event(event).status_code == 201


def test_an_ending_brings_the_clip_once(any_service: Service) -> None:
    event = any_service.stored()
    ending = make_ending(event, object_class="car")
    assert any_service.put_ending(ending).json()["is_new"] is True
    assert any_service.put_ending(ending).json()["is_new"] is False
    other = any_service.put_ending(make_ending(event, confidence=0.2))
    assert other.status_code == 409
    with any_service.client(any_service.operator_key) as client:
        detail = client.get(f"/events/{event.id}").json()
    assert detail["object_class"] == "car"
    assert [one["kind"] for one in detail["media"]] == ["snapshot", "clip"]
    # The clip can be seen now: who got the alarm is told so, once.
    kinds = [one["kind"] for one in detail["deliveries"]]
    assert kinds == ["event.flagged", "incident.updated"]


@pytest.mark.parametrize("order", ["cut first", "cut last"])
def test_a_whole_ending_goes_before_one_that_was_cut_off(any_service: Service, order: str) -> None:
    event = any_service.stored()
    short = MP4 + b"short"
    cut = make_ending(event, short, end_reason="stopped")
    whole = make_ending(event, ended_at=event.started_at + timedelta(seconds=20))
    sent = [(cut, short), (whole, MP4)]
    for ending, clip in sent if order == "cut first" else reversed(sent):
        answer = any_service.put_ending(ending, clip)
        assert answer.status_code == 200, answer.text
        # Somebody looks at each: that stays on record, and is in nobody's way.
        with any_service.client(any_service.operator_key) as client:
            clip_now = client.get(f"/events/{event.id}/clip").content
    with any_service.client(any_service.operator_key) as client:
        detail = client.get(f"/events/{event.id}").json()
    with any_service.database.reading() as session:
        assert [one.kind for one in image_accesses(session, event.id)] == ["clip", "clip"]
    assert detail["ending"]["end_reason"] == "left"
    assert clip_now == MP4
    # The clip that was replaced is gone from the disk: nobody would ever delete it otherwise.
    clips = list(any_service.settings.media_dir.rglob("*-clip-*"))
    assert [path.read_bytes() for path in clips] == [MP4]


def test_a_longer_report_goes_before_one_of_a_stopped_watch(service: Service) -> None:
    report = make_report()
    sent = report.model_dump(mode="json")
    longer = {**sent, "ended_at": (report.ended_at + timedelta(hours=1)).isoformat()}
    with service.client(service.worker_key) as client:
        codes = [
            client.post("/watch-reports", json=one).status_code for one in (sent, longer, sent)
        ]
    assert codes == [201, 201, 200]


@pytest.mark.parametrize("case", ["unknown", "no part", "a part too many", "no mp4"])
def test_an_ending_that_does_not_fit_is_refused(service: Service, case: str) -> None:
    event = service.stored()
    fake = b"\x00" * 40
    answer = {
        "unknown": lambda: service.put_ending(make_ending(make_flagged())),
        "no part": lambda: service.put_ending(make_ending(event), None),
        "a part too many": lambda: service.put_ending(make_ending(event, None), MP4),
        "no mp4": lambda: service.put_ending(make_ending(event, fake), fake),
    }[case]()
    assert answer.status_code == (404 if case == "unknown" else 422)


def test_watch_reports_are_stored_once(any_service: Service) -> None:
    report = make_report()
    with any_service.client(any_service.worker_key) as client:
        sent = report.model_dump(mode="json")
        codes = [client.post("/watch-reports", json=sent).status_code for _ in range(2)]
        other = client.post("/watch-reports", json={**sent, "n_events": 5})
        zoneless = {**sent, "id": str(uuid4()), "started_at": "2026-11-20T10:00:00"}
        naive = client.post("/watch-reports", json=zoneless)
    assert codes == [201, 200]
    assert other.status_code == 409
    assert naive.status_code == 422


def test_another_park_is_refused(service: Service) -> None:
    answer = service.post_event(make_flagged(site_id="elsewhere"))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "body.site_id"


def test_pages_stay_stable_while_events_come_in(any_service: Service) -> None:
    at = STARTED_AT
    # Two of the five begin at the same instant: the id decides.
    starts = [at, at, *(at + timedelta(minutes=n) for n in (1, 2, 3))]
    events = [any_service.stored(started_at=start) for start in starts]
    wanted = sorted(((one.started_at, one.id) for one in events), reverse=True)
    seen, cursor = [], None
    with any_service.client(any_service.operator_key) as client:
        for n in range(5):
            query = {"limit": "1"} | ({"cursor": cursor} if cursor else {})
            page = client.get("/events", params=query).json()
            seen += [UUID(one["id"]) for one in page["items"]]
            cursor = page["next_cursor"]
            any_service.stored(started_at=at + timedelta(hours=1 + n))
    assert seen == [key for _, key in wanted]
    assert cursor is None


def test_the_list_is_filtered(service: Service) -> None:
    cameras = service.site.cameras
    old = service.stored(camera_id=cameras[0].id, started_at=STARTED_AT - timedelta(days=1))
    new = service.stored(camera_id=cameras[1].id, object_class="car")
    with service.client(service.operator_key) as client:

        def ids(**query: str) -> list[str]:
            return [one["id"] for one in client.get("/events", params=query).json()["items"]]

        assert ids() == [str(new.id), str(old.id)]
        assert ids(camera=cameras[0].id) == [str(old.id)]
        assert ids(since=STARTED_AT.isoformat()) == [str(new.id)]
        assert ids(verdict="verified") == []
        assert ids(**{"class": "car"}) == [str(new.id)]
        assert ids(**{"class": "person"}, camera=cameras[1].id) == []
        assert client.get("/events", params={"class": "ghost"}).status_code == 422
        assert client.get("/events", params={"cursor": "nonsense"}).status_code == 422
        assert client.get("/events", params={"since": "2026-01-01T00:00:00"}).status_code == 422


# 512 bytes long in this table's cases; the header as RFC 9110 writes it.
@pytest.mark.parametrize(
    ("header", "status", "content_range", "slice_"),
    [
        (None, 200, None, slice(None)),
        ("bytes=0-9", 206, "bytes 0-9/{n}", slice(0, 10)),
        ("bytes=10-", 206, "bytes 10-{last}/{n}", slice(10, None)),
        ("bytes=-5", 206, "bytes {minus5}-{last}/{n}", slice(-5, None)),
        ("bytes=5-99999999", 206, "bytes 5-{last}/{n}", slice(5, None)),
        ("bytes=99999999-", 416, "bytes */{n}", None),
        ("bytes=-0", 416, "bytes */{n}", None),
        ("bytes=9-2", 200, None, slice(None)),
        ("bytes=0-1,5-6", 200, None, slice(None)),
        ("lines=1-2", 200, None, slice(None)),
    ],
)
def test_ranges_of_a_clip(
    service: Service, header: str | None, status: int, content_range: str | None, slice_: slice
) -> None:
    event = service.stored()
    service.put_ending(make_ending(event))
    headers = {"Range": header} if header else {}
    with service.client(service.operator_key) as client:
        answer = client.get(f"/events/{event.id}/clip", headers=headers)
    n = len(MP4)
    shown = content_range and content_range.format(n=n, last=n - 1, minus5=n - 5)
    assert answer.status_code == status
    assert answer.headers.get("content-range") == shown
    if status == 416:
        assert answer.headers["content-type"] == "application/problem+json"
    else:
        assert answer.content == MP4[slice_]
        assert answer.headers["content-type"] == "video/mp4"


def test_every_look_is_logged_and_a_failed_one_is_not(any_service: Service) -> None:
    event = any_service.stored()
    with any_service.client(any_service.operator_key) as client:
        assert client.get(f"/events/{event.id}/snapshot").content == JPEG
        client.get(f"/events/{event.id}/snapshot", headers={"Range": "bytes=0-3"})
        assert client.get(f"/events/{event.id}/clip").status_code == 404
    with any_service.client(any_service.worker_key) as client:
        assert client.get(f"/events/{event.id}/snapshot").status_code == 403
    with any_service.database.reading() as session:
        looks = image_accesses(session, event.id)
    assert [(one.person, one.kind, one.via, one.byte_range) for one in looks] == [
        ("Desk", "snapshot", "api", ""),
        ("Desk", "snapshot", "api", "bytes=0-3"),
    ]
    assert {one.address for one in looks} == {"127.0.0.1"}


def test_a_deleted_file_is_gone(service: Service) -> None:
    event = service.stored()
    for path in Path(service.settings.media_dir).rglob("*.jpg"):
        path.unlink()
    with service.client(service.operator_key) as client:
        assert client.get(f"/events/{event.id}/snapshot").status_code == 410


def test_two_workers_at_once_store_one_event(any_service: Service) -> None:
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

    event = make_flagged()
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda _n: any_service.post_event(event).status_code, range(8)))
    assert sorted(codes) == [200] * 7 + [201]


def test_a_body_that_is_too_large_is_refused(service: Service) -> None:
    huge = JPEG + b"x" * (10 * 1024 * 1024)
    with service.client(service.worker_key) as client:
        answer = client.post("/events", files=event_parts(make_flagged(huge), huge))
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
