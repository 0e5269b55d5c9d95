"""What goes after its time, what stays, and what is told of it; days are counted by hand."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from api_harness import Service, make_ending, make_flagged, media_record, until
from evidence_builders import file_of, incident_of, made
from sqlalchemy import func, select
from typer.testing import CliRunner

from parkwacht_api.cli import app
from parkwacht_api.forwarder import Forwarder
from parkwacht_api.models import Event
from parkwacht_api.models_access import AuditEntry
from parkwacht_api.models_incidents import Incident
from parkwacht_api.outbox import OutboxPolicy
from parkwacht_api.retention import delete_old_media
from parkwacht_api.strays import find_strays, remove_orphans
from parkwacht_api.tables import Base
from parkwacht_api.terminal import command_actor
from parkwacht_config.clock import FakeClock
from parkwacht_config.site import Retention
from parkwacht_vision.event import FlaggedEvent

MANIFEST = b"{}"
Run = Callable[[float], int]


def runner(service: Service, **kept: Any) -> Run:
    """Run the retention as it would run some days from now."""
    site = replace(service.site, retention=Retention(**kept))
    folder, now = service.settings.media_dir, datetime.now(UTC)
    return lambda days: delete_old_media(
        service.database, site, folder, at=now + timedelta(days=days)
    )


def judge(service: Service, event: FlaggedEvent, verdict: str) -> None:
    with service.database.writing() as session:
        session.get_one(Event, event.id).review_state = verdict


def hold(service: Service, incident_id: UUID, days: float) -> None:
    until = datetime.now(UTC) + timedelta(days=days)
    with service.client(service.operator_key) as client:
        asked = {"reason": "zaak 17", "ends_at": until.isoformat()}
        assert client.post(f"/incidents/{incident_id}/holds", json=asked).status_code == 201


def logged(service: Service, what: str) -> list[AuditEntry]:
    with service.database.reading() as session:
        query = select(AuditEntry).where(AuditEntry.what == what)
        return list(session.scalars(query.order_by(AuditEntry.id)))


def files(service: Service) -> list[str]:
    return [path.name for path in service.settings.media_dir.rglob("*") if path.is_file()]


def test_images_go_after_their_time_and_the_rows_stay(any_service: Service) -> None:
    event = any_service.stored()
    record = media_record("manifest.json", MANIFEST, "application/json")
    any_service.put_ending(make_ending(event, manifest=record), manifest=MANIFEST)
    run = runner(any_service)
    assert run(27.9) == 0
    assert run(28.1) == 2
    assert run(28.2) == 0
    # The list of what there was stays: it shows nobody, and proves what was handed over.
    folder = any_service.settings.media_dir
    assert [one.read_bytes() for one in folder.rglob("*") if one.is_file()] == [MANIFEST]
    with any_service.client(any_service.operator_key) as client:
        detail = client.get(f"/events/{event.id}").json()
        gone = client.get(f"/events/{event.id}/snapshot")
    assert [one["is_deleted"] for one in detail["media"]] == [True, True, False]
    assert gone.status_code == 410
    assert gone.json()["type"] == "urn:parkwacht:problem:media-gone"
    (entry,) = logged(any_service, "retention.images")
    assert (entry.object_id, entry.who) == (str(event.id), "retention")
    told = [(one["kind"], one["sha256"]) for one in entry.details["files"]]
    assert told == [(one["kind"], one["sha256"]) for one in detail["media"][:2]]


def test_some_go_sooner_but_never_what_was_verified(any_service: Service) -> None:
    shorter = {"moving": 7, "dismissed": 3, "camera_trouble": 2}
    run = runner(any_service, shorter_days=shorter)
    person, cat, unknown, proven, trouble = (
        any_service.stored(object_class=kind)
        for kind in ("person", "person", "moving", "moving", "car")
    )
    judge(any_service, cat, "dismissed")
    judge(any_service, proven, "verified")
    with any_service.database.writing() as session:
        row = session.get_one(Incident, session.get_one(Event, trouble.id).incident_id)
        row.kind = "camera_trouble"
    gone = []
    for days in (1.9, 2.1, 3.1, 6.9, 7.1, 27.9, 28.1):
        before = set(files(any_service))
        assert run(days) == len(before - set(files(any_service)))
        gone.append({name[:36] for name in before - set(files(any_service))})
    expected = [set(), {trouble}, {cat}, set(), {unknown}, set(), {person, proven}]
    assert gone == [{str(one.id) for one in these} for these in expected]


def test_what_is_held_stays_until_the_hold_ends(any_service: Service) -> None:
    held, free = any_service.stored(), any_service.stored()
    package = made(any_service, incident_of(any_service, held))
    other = made(any_service, incident_of(any_service, free))
    hold(any_service, incident_of(any_service, held), days=2000)
    run = runner(any_service)
    assert run(1100) == 2  # the other image and package, then the event of it
    assert sorted(files(any_service)) == sorted(
        [f"{package['id']}.zip", *(n for n in files(any_service) if n.startswith(str(held.id)))]
    )
    assert len(files(any_service)) == 2
    assert not file_of(any_service, other).exists()
    assert [one.object_id for one in logged(any_service, "retention.package")] == [other["id"]]
    with any_service.database.reading() as session:
        assert session.get(Event, free.id) is None
        assert session.get(Event, held.id) is not None
    assert run(2001) == 2
    assert files(any_service) == []


def test_an_event_is_forgotten_with_all_that_names_it(any_service: Service) -> None:
    event, alone = any_service.stored(), make_flagged()
    assert any_service.post_event(alone).status_code == 201
    incident_id = incident_of(any_service, event)
    package = made(any_service, incident_id)
    with any_service.client(any_service.operator_key) as client:
        assert client.get(f"/events/{event.id}/snapshot").status_code == 200
        asked = {"for_whom": "Recherche"}
        client.post(f"/evidence/{package['id']}/links", json=asked)
    hold(any_service, incident_id, days=1)
    with any_service.database.writing() as session:
        session.get_one(Event, alone.id).incident_id = None  # as from before there were incidents
    run = runner(any_service, events_days=100)
    run(99.9)
    counts = row_counts(any_service)
    assert counts["event"] == 2
    run(100.1)
    counts = row_counts(any_service)
    kept = {"account", "api_key", "audit_entry", "alembic_version", "counter", "heartbeat"}
    assert {name for name, n in counts.items() if n} <= kept
    forgotten = {
        (one.object_kind, one.object_id) for one in logged(any_service, "retention.forget")
    }
    assert ("incident", str(incident_id)) in forgotten
    assert ("event", str(alone.id)) in forgotten


def row_counts(service: Service) -> dict[str, int]:
    with service.database.reading() as session:
        return {
            table.name: session.execute(select(func.count()).select_from(table)).scalar_one()
            for table in Base.metadata.sorted_tables
        }


def test_strays_are_found_and_only_orphans_are_removed(service: Service) -> None:
    service.stored()
    (snapshot,) = service.settings.media_dir.rglob("*.jpg")
    lost, old, young = (
        service.stored(),
        snapshot.with_name("old.jpg"),
        snapshot.with_name("new.jpg"),
    )
    (gone,) = service.settings.media_dir.rglob(f"{lost.id}-*")
    gone.unlink()
    for path in (old, young):
        path.write_bytes(b"nobody's")
    now = datetime.now(UTC)
    os.utime(old, (0, now.timestamp() - 25 * 3600))
    folder = service.settings.media_dir
    found = find_strays(service.database, folder, at=now)
    assert found.orphans == (old.relative_to(folder).as_posix(),)
    assert found.missing == (gone.relative_to(folder).as_posix(),)
    assert found.n_files == 3
    removed = remove_orphans(service.database, folder, actor=command_actor(), at=now)
    assert removed == found.orphans
    assert young.exists()
    assert not old.exists()
    assert find_strays(service.database, folder, at=now).missing == found.missing
    assert [one.details["files"] for one in logged(service, "media.repair")] == [list(removed)]


def test_check_tells_of_strays(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    event = service.stored()
    (snapshot,) = service.settings.media_dir.rglob(f"{event.id}-*")
    orphan = snapshot.with_name("orphan.jpg")
    orphan.write_bytes(b"x")
    os.utime(orphan, (0, 0))
    monkeypatch.setenv("PARKWACHT_STATE_DIR", str(service.settings.state_dir))
    monkeypatch.setenv("PARKWACHT_LANGUAGE", "en")
    monkeypatch.setenv("PARKWACHT_DETECTOR", "embedded")
    monkeypatch.setenv("COLUMNS", "300")
    run = CliRunner().invoke
    assert "1 files belong to nothing" in run(app, ["check"]).output
    snapshot.rename(snapshot.with_name("elsewhere.jpg"))
    output = run(app, ["check", "--repair"]).output
    assert "1 removed" in output
    assert "1 images are missing" in output
    assert not orphan.exists()


def test_a_clock_that_is_weeks_ahead_deletes_nothing_for_a_day(service: Service) -> None:
    clock = FakeClock(service.stored().started_at)
    outbox = Forwarder(
        service.database, service.site, service.settings, clock=clock, policy=OutboxPolicy()
    )
    kept = []
    try:
        outbox.keep_house()  # a sign of life
        for days in (60.0, 0.9, 0.2):  # the last: a day and 2.4 hours after the leap
            clock.advance(timedelta(days=days))
            outbox.keep_house()
            kept.append(len(files(service)))
        until(lambda: not files(service))  # a thread of its own deletes
    finally:
        outbox.close()
    assert kept[:2] == [1, 1]
