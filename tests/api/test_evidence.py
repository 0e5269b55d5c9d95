"""
Evidence packages: what is in one, that it is the same bytes twice, who may have it.

Independent judges: `sha256sum -c` and OpenSSL for hashes and signature, FFmpeg (PyAV) for the
export file, `zipfile` for the contents. Expected times and hashes are computed from what was sent.
"""

import hashlib
import json
import struct
import subprocess
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import av
import pytest
from api_harness import (
    JPEG,
    STARTED_AT,
    Service,
    make_receiver,
    make_site,
    running_service,
)
from evidence_builders import ASKED, CLIP_AT, SEALED, ended, incident_of, made, real_clip
from sqlalchemy import select

from parkwacht_api.backup import make_backup
from parkwacht_api.evidence_package import Request, write_package
from parkwacht_api.evidence_signing import signing_key
from parkwacht_api.evidence_verify import verify_package
from parkwacht_api.keys import Scope, create_key
from parkwacht_api.models_access import AuditEntry
from parkwacht_api.models_evidence import EvidencePackage
from parkwacht_api.models_incidents import Incident
from parkwacht_api.roles import SCOPES_OF, Role
from parkwacht_config.site import ReceiverRole, Release
from parkwacht_vision.event import FlaggedEvent


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for all but the first test: every test makes its own incident."""
    nowhere = "http://127.0.0.1:9/webhook"
    site = make_site(
        make_receiver("meldkamer", nowhere),
        make_receiver("politie", nowhere, release=Release.ON_VERIFIED, role=ReceiverRole.POLICE),
    )
    with running_service(tmp_path_factory.mktemp("evidence") / "state", site) as running:
        yield running


def fetched(service: Service, package: dict[str, Any], folder: Path) -> Path:
    with service.client(service.operator_key) as client:
        answer = client.get(f"/evidence/{package['id']}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/zip"
    assert hashlib.sha256(answer.content).hexdigest() == package["sha256"]
    assert len(answer.content) == package["size"]
    path = folder / "package.zip"
    path.write_bytes(answer.content)
    return path


def test_a_package_holds_what_was_taken_in(any_service: Service, tmp_path: Path) -> None:
    event = ended(any_service)
    path = fetched(any_service, made(any_service, incident_of(any_service, event)), tmp_path)
    folder = f"events/{event.id}"
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        parts = {name: archive.read(name) for name in archive.namelist()}
    assert parts[f"{folder}/snapshot.jpg"] == JPEG
    assert parts[f"{folder}/clip.mp4"] == real_clip()
    assert FlaggedEvent.model_validate_json(parts[f"{folder}/record.json"]) == event
    assert f"{folder}/original.mp4.enc" not in parts
    manifest = json.loads(parts["manifest.json"])
    assert [one["name"] for one in manifest["left_out"]] == [f"{folder}/original.mp4.enc"]
    assert {one["name"] for one in manifest["files"]} == set(parts) - {
        "manifest.json",
        "manifest.sig",
        "public_key.pem",
    }
    receipt = parts["RECEIPT.nl.txt"].decode()
    for told in ("Recherche Twente", "inbraak hal 3", "vordering, PL0500-2026/17", "Desk"):
        assert told in receipt
    assert [one["receiver_id"] for one in json.loads(parts["deliveries.json"])] == ["meldkamer"] * 2
    assert json.loads(parts["duty_log.json"])[0]["what"] == "opened"
    found = verify_package(path)
    assert (found.broken, found.n_files) == ("", len(parts) - 3)


def test_common_tools_can_check_it(service: Service, tmp_path: Path) -> None:
    event = ended(service)
    path = fetched(service, made(service, incident_of(service, event)), tmp_path)
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "out")

    def run(*command: str) -> str:
        done = subprocess.run(
            command, cwd=tmp_path / "out", capture_output=True, check=True, text=True
        )
        return done.stdout

    run("sha256sum", "--strict", "-c", "SHA256SUMS")
    run(
        *("openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "public_key.pem", "-rawin"),
        *("-in", "manifest.json", "-sigfile", "manifest.sig"),
    )
    run("openssl", "pkey", "-pubin", "-in", "public_key.pem", "-outform", "DER", "-out", "key")
    fingerprint = run("sha256sum", "key").split()[0]
    assert verify_package(path, fingerprint=fingerprint.upper()).fingerprint == fingerprint
    wrong = verify_package(path, fingerprint="0" * 64)
    assert wrong.broken == "public_key.pem"


def test_the_export_file_is_the_clip_and_when_it_was(service: Service, tmp_path: Path) -> None:
    event, clip = ended(service), real_clip()
    path = fetched(service, made(service, incident_of(service, event)), tmp_path)
    with zipfile.ZipFile(path) as archive:
        content = archive.read(f"events/{event.id}/export.mp4")
    assert content[: len(clip)] == clip
    # ONVIF Export File Format 26.06, cstb: count, then track and 100 ns since 1601.
    at = content.index(b"cstb", len(clip)) + 4
    n_tracks, track, ticks = struct.unpack_from(">IIQ", content, at)
    assert (n_tracks, track) == (1, 1)
    assert datetime(1601, 1, 1, tzinfo=UTC) + timedelta(microseconds=ticks / 10) == CLIP_AT
    assert content.index(b"suep", len(clip)) < content.index(b"Desk\0", len(clip))
    # A player that does not know the boxes passes over them.
    target = tmp_path / "export.mp4"
    target.write_bytes(content)
    with av.open(str(target)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 5


def test_the_same_rows_and_files_give_the_same_bytes(service: Service, tmp_path: Path) -> None:
    event = ended(service)
    told = made(service, incident_of(service, event))
    with service.database.reading() as session:
        asked = select(AuditEntry.id).where(
            AuditEntry.what == "evidence.ask", AuditEntry.object_id == told["id"]
        )
        request = Request(
            package=session.get_one(EvidencePackage, UUID(told["id"])),
            incident=session.get_one(Incident, incident_of(service, event)),
            audit_end=session.scalars(asked).one(),
            site=service.site,
            media_dir=service.settings.media_dir,
            key=signing_key(service.settings.state_dir),
        )
        again = write_package(session, request, tmp_path / "again.zip")
    assert again == (told["sha256"], told["size"])


def test_sealed_originals_only_for_a_reason_and_never_for_a_receiver(
    service: Service, tmp_path: Path
) -> None:
    event = ended(service)
    incident_id = incident_of(service, event)
    told = made(service, incident_id, originals_reason="rechter-commissaris vraagt erom")
    with zipfile.ZipFile(fetched(service, told, tmp_path)) as archive:
        assert archive.read(f"events/{event.id}/original.mp4.enc") == SEALED
        assert "rechter-commissaris" in archive.read("RECEIPT.en.txt").decode()
    key = create_key(
        service.database, "Meldkamer", {Scope.EXPORT}, at=STARTED_AT, receiver_id="meldkamer"
    )
    with service.client(key) as client:
        path = f"/incidents/{incident_id}/evidence"
        refused = client.post(path, json=ASKED | {"originals_reason": "graag"})
        assert refused.status_code == 403
        own = client.post(path, json=ASKED).json()
        # What the manager asked for is not this receiver's.
        assert client.get(f"/evidence/{told['id']}").status_code == 404
        assert [one["id"] for one in client.get(path).json()] == [own["id"]]
        (tmp_path / "own.zip").write_bytes(client.get(f"/evidence/{own['id']}").content)
    with zipfile.ZipFile(tmp_path / "own.zip") as archive:
        names = archive.namelist()
        entries = archive.read("audit/entries.jsonl").decode().splitlines()
    assert "duty_log.json" not in names
    assert [json.loads(line)["what"] for line in entries] == ["evidence.ask"]
    assert verify_package(tmp_path / "own.zip").broken == ""


def test_a_receiver_that_was_told_nothing_gets_nothing(service: Service) -> None:
    incident_id = incident_of(service, ended(service))
    key = create_key(
        service.database,
        "Politie",
        SCOPES_OF[Role.POLICE_READER],
        at=STARTED_AT,
        receiver_id="politie",
    )
    with service.client(key) as client:
        assert client.post(f"/incidents/{incident_id}/evidence", json=ASKED).status_code == 404
        assert client.get(f"/incidents/{incident_id}/evidence").status_code == 404


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"legal_number": ""}, id="a vordering without its number"),
        pytest.param({"reason": "x"}, id="no reason"),
        pytest.param({"for_whom": "a\r\nSet-Cookie: b"}, id="a name of two lines"),
        pytest.param({"more": "x"}, id="an unknown key"),
    ],
)
def test_a_package_needs_its_ground(service: Service, change: dict[str, str]) -> None:
    incident_id = incident_of(service, service.stored())
    with service.client(service.operator_key) as client:
        answer = client.post(f"/incidents/{incident_id}/evidence", json=ASKED | change)
    assert answer.status_code == 422


def test_every_step_is_logged(service: Service, tmp_path: Path) -> None:
    told = made(service, incident_of(service, service.stored()))
    fetched(service, told, tmp_path)
    with service.database.reading() as session:
        query = select(AuditEntry).where(AuditEntry.object_id == told["id"])
        rows = session.scalars(query.order_by(AuditEntry.id)).all()
    assert [row.what for row in rows] == ["evidence.ask", "evidence.make", "evidence.download"]
    assert {row.who for row in rows} == {"Desk"}
    assert rows[0].why == ASKED["reason"]
    assert rows[0].details["legal_number"] == ASKED["legal_number"]
    assert rows[1].details["sha256"] == told["sha256"]


def test_an_image_that_was_changed_on_the_disk_is_not_passed_off(
    service: Service, tmp_path: Path
) -> None:
    event = service.stored()
    (snapshot,) = service.settings.media_dir.rglob(f"{event.id}-snapshot-*")
    snapshot.write_bytes(JPEG + b"x")
    path = fetched(service, made(service, incident_of(service, event)), tmp_path)
    with zipfile.ZipFile(path) as archive:
        left_out = json.loads(archive.read("manifest.json"))["left_out"]
        receipt = archive.read("RECEIPT.en.txt").decode()
    assert [one["name"] for one in left_out] == [f"events/{event.id}/snapshot.jpg"]
    assert "changed since it was stored" in receipt
    assert verify_package(path).broken == ""


def test_a_backup_holds_the_packages(service: Service, tmp_path: Path) -> None:
    told = made(service, incident_of(service, service.stored()))
    target, media_dir = tmp_path / "all.zip", service.settings.media_dir
    make_backup(service.database, media_dir, target, at=datetime.now(UTC))
    with zipfile.ZipFile(target) as archive:
        content = archive.read(f"media/evidence/{told['id']}.zip")
    assert hashlib.sha256(content).hexdigest() == told["sha256"]
