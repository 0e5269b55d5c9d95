"""The files of an event besides snapshot and clip: still, sealed original, manifest."""

import json
from pathlib import Path
from typing import Any

import pytest
from api_harness import (
    JPEG,
    MP4,
    Service,
    event_parts,
    make_ending,
    make_flagged,
    media_record,
)

from parkwacht_api.repository import image_accesses
from parkwacht_api.shipper import ShipCounts, ship_once
from parkwacht_vision.event import FlaggedEvent
from parkwacht_vision.spool import Spool

STILL = JPEG + b"without a box"
SEALED = b"PWSEAL1\n" + bytes(100)
MANIFEST = b'{"schema_version": 1}'
RECORDS: dict[str, Any] = {
    "original": media_record("original.mp4.enc", SEALED, "application/octet-stream"),
    "manifest": media_record("manifest.json", MANIFEST, "application/json"),
}
CONTENTS = {
    "snapshot": (JPEG, "image/jpeg"),
    "still": (STILL, "image/jpeg"),
    "clip": (MP4, "video/mp4"),
    "original": (SEALED, "application/octet-stream"),
    "manifest": (MANIFEST, "application/json"),
}


def flagged(**changes: Any) -> FlaggedEvent:
    return make_flagged(still=media_record("still.jpg", STILL, "image/jpeg"), **changes)


def whole(service: Service) -> FlaggedEvent:
    """Store an event with all of its files."""
    event = flagged()
    with service.client(service.worker_key) as client:
        answer = client.post("/events", files=event_parts(event, still=STILL))
        assert answer.status_code == 201, answer.text
    ended = service.put_ending(make_ending(event, **RECORDS), original=SEALED, manifest=MANIFEST)
    assert ended.status_code == 200, ended.text
    return event


def test_all_files_of_an_event_are_kept_served_and_logged(any_service: Service) -> None:
    event = whole(any_service)
    with any_service.client(any_service.operator_key) as client:
        listed = client.get(f"/events/{event.id}").json()["media"]
        for kind, (content, content_type) in CONTENTS.items():
            answer = client.get(f"/events/{event.id}/{kind}")
            assert (answer.content, answer.headers["content-type"]) == (content, content_type)
    assert [one["kind"] for one in listed] == list(CONTENTS)
    with any_service.database.reading() as session:
        looks = image_accesses(session, event.id)
    assert [one.kind for one in looks] == list(CONTENTS)
    on_disk = {one.read_bytes() for one in any_service.settings.media_dir.rglob("*.*")}
    assert on_disk == {content for content, _ in CONTENTS.values()}


def test_a_partner_never_gets_an_unmasked_original_not_even_sealed(service: Service) -> None:
    event = whole(service)
    with service.client(service.partner_keys["meldkamer"]) as client:
        listed = client.get(f"/events/{event.id}").json()["media"]
        codes = {kind: client.get(f"/events/{event.id}/{kind}").status_code for kind in CONTENTS}
    assert [one["kind"] for one in listed] == ["snapshot", "still", "clip", "manifest"]
    assert codes == {"snapshot": 200, "still": 200, "clip": 200, "original": 404, "manifest": 200}


@pytest.mark.parametrize(
    ("record", "sent", "status"),
    [
        (media_record("original.mp4.enc", MP4, "application/octet-stream"), MP4, 422),
        (RECORDS["original"], SEALED + b"x", 422),
        (RECORDS["original"], None, 422),
        (None, SEALED, 422),
        (RECORDS["original"], SEALED, 200),
    ],
    ids=["not sealed", "other bytes", "not sent", "not named", "right"],
)
def test_an_original_must_be_sealed_and_what_its_record_says(
    service: Service, record: dict[str, Any] | None, sent: bytes | None, status: int
) -> None:
    event = service.stored()
    more = {} if sent is None else {"original": sent}
    answer = service.put_ending(make_ending(event, original=record), **more)
    assert answer.status_code == status
    kept = [one.read_bytes() for one in service.settings.media_dir.rglob("*original*")]
    assert kept == ([SEALED] if status == 200 else [])


@pytest.mark.parametrize("name", ["../x.mp4", "a/b.mp4", "x.sh", "x.mp4\n", ".mp4", "x.enc"])
def test_a_name_that_is_none_is_refused(service: Service, name: str) -> None:
    event = service.stored()
    sent = make_ending(event).model_dump(mode="json")
    sent["clip"]["name"] = name
    with service.client(service.worker_key) as client:
        answer = client.put(f"/events/{event.id}/ending", data={"ending": json.dumps(sent)})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "body.ending.clip.name"


def test_a_recording_watched_again_seals_other_bytes_and_is_the_same_event(
    service: Service,
) -> None:
    event = whole(service)
    again = b"PWSEAL1\n" + bytes(99) + b"x"
    records = RECORDS | {
        "original": media_record("original.mp4.enc", again, "application/octet-stream")
    }
    answer = service.put_ending(make_ending(event, **records), original=again, manifest=MANIFEST)
    assert answer.status_code == 200
    assert answer.json()["is_new"] is False
    with service.client(service.operator_key) as client:
        assert client.get(f"/events/{event.id}/original").content == SEALED


def test_a_cut_ending_is_replaced_with_all_of_its_files(any_service: Service) -> None:
    event = any_service.stored()
    short = b'{"files": []}'
    cut = make_ending(
        event,
        end_reason="stopped",
        manifest=media_record("manifest.json", short, "application/json"),
    )
    assert any_service.put_ending(cut, manifest=short).status_code == 200
    ended = make_ending(event, **RECORDS)
    assert any_service.put_ending(ended, original=SEALED, manifest=MANIFEST).status_code == 200
    manifests = any_service.settings.media_dir.rglob("*-manifest-*")
    assert [one.read_bytes() for one in manifests] == [MANIFEST]


def test_the_shipper_brings_all_files(service: Service, tmp_path: Path) -> None:
    spool, event = Spool(tmp_path / "spool"), flagged()
    clip, original = tmp_path / "a.mp4", tmp_path / "a.mp4.enc"
    clip.write_bytes(MP4)
    original.write_bytes(SEALED)
    spool.put_flagged(event, JPEG, STILL)
    spool.put_ended(make_ending(event, **RECORDS), clip, original, MANIFEST)
    assert ship_once(spool, service.url, service.worker_key) == ShipCounts(n_sent=2)
    with service.client(service.operator_key) as client:
        for kind, (content, _) in CONTENTS.items():
            assert client.get(f"/events/{event.id}/{kind}").content == content
