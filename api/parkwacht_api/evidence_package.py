"""
The evidence package of an incident: one ZIP that proves by itself what it holds.

    RECEIPT.nl.txt, RECEIPT.en.txt   who asked for it, and how to check it
    manifest.json, manifest.sig      every file with its SHA-256, and an ed25519 signature over it
    public_key.pem                   of the signature
    SHA256SUMS                       the same hashes, for `sha256sum -c`
    incident.json, verdicts.json, deliveries.json, duty_log.json, image_access.json
    audit/entries.jsonl, audit/chain.txt
    events/<id>/record.json, ending.json, snapshot.jpg, still.jpg, clip.mp4, manifest.json,
        export.mp4, original.mp4.enc

Nothing is compressed and every instant is that of the request, so that the same rows and files
give the same bytes. The images are the stored bytes; one that is not what was stored any more is
left out, and the receipt says so.
"""

import hashlib
import json
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.orm import Session

from parkwacht_api.evidence_chain import Extract, make_extract
from parkwacht_api.evidence_mp4 import ExportFacts, export_box
from parkwacht_api.evidence_receipt import LeftOut, ReceiptFacts, write_receipt
from parkwacht_api.evidence_signing import fingerprint_of, public_pem
from parkwacht_api.models import Base, Delivery, Event, Media
from parkwacht_api.models_evidence import EvidencePackage
from parkwacht_api.models_incidents import Incident
from parkwacht_api.repository import attempts_of, media_of
from parkwacht_api.repository_access import audit_entries
from parkwacht_api.repository_evidence import (
    accesses_of_events,
    first_audit_id,
    packages_of_incident,
)
from parkwacht_api.repository_incidents import (
    deliveries_on,
    entries_of,
    events_of,
    verdicts_on,
)
from parkwacht_api.schemas import LegalBasis
from parkwacht_config.site import Site
from parkwacht_config.text import Language, Text

FORMAT = "parkwacht-evidence"
MANIFEST, SIGNATURE, PUBLIC_KEY = "manifest.json", "manifest.sig", "public_key.pem"
SUMS = "SHA256SUMS"
SIGNED_APART = frozenset({MANIFEST, SIGNATURE, PUBLIC_KEY})
FILE_NAMES = {
    "snapshot": "snapshot.jpg",
    "still": "still.jpg",
    "clip": "clip.mp4",
    "original": "original.mp4.enc",
    "manifest": "manifest.json",
}
CHUNK = 1 << 20
# Of no use outside, and no evidence of anything.
INTERNAL = frozenset({"lease_until", "lease_token", "secret_sha256", "path"})
# What is only known once the package is there.
LATER = frozenset({"size", "sha256", "deleted_at", "key_id", "account_id"})
DELETED = Text(nl="verwijderd na zijn bewaartijd", en="deleted after its time")
CHANGED = Text(
    nl="ontbreekt of is veranderd sinds het werd opgeslagen",
    en="missing, or changed since it was stored",
)
NOT_ASKED = Text(nl="verzegeld origineel, niet gevraagd", en="sealed original, not asked for")
NO_TIME = Text(nl="de clip noemt geen begintijdstip", en="the clip has no known start")
NOT_SHOWN = Text(nl="alleen voor de beheerder", en="for the manager of the site only")


@dataclass(frozen=True, slots=True)
class Request:
    """What a package is made of and with."""

    package: EvidencePackage
    incident: Incident
    audit_end: int  # number of the entry in which it was asked for
    site: Site
    media_dir: Path
    key: Ed25519PrivateKey


@dataclass(slots=True)
class _Writer:
    """Writes files into the ZIP and keeps the list of them."""

    archive: zipfile.ZipFile
    at: datetime
    files: list[dict[str, Any]] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    n_media: int = 0

    def _info(self, name: str) -> zipfile.ZipInfo:
        info = zipfile.ZipInfo(name, date_time=self.at.astimezone(UTC).timetuple()[:6])
        info.create_system, info.external_attr = 3, 0o644 << 16  # the same on every machine
        return info

    def put(self, name: str, content: bytes, *, is_listed: bool = True) -> None:
        """Add a file of these bytes."""
        self.archive.writestr(self._info(name), content)
        if is_listed:
            self._list(name, len(content), hashlib.sha256(content).hexdigest())

    def put_json(self, name: str, content: object) -> None:
        """Add a file of this content."""
        self.put(name, _json(content))

    def copy(self, name: str, source: Path, behind: bytes = b"") -> None:
        """Add a file from the disk, with some bytes behind it."""
        digest, size = hashlib.sha256(), 0
        with source.open("rb") as file, self.archive.open(self._info(name), "w") as raw:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
                raw.write(chunk)
                size += len(chunk)
            digest.update(behind)
            raw.write(behind)
        self._list(name, size + len(behind), digest.hexdigest())

    def _list(self, name: str, size: int, sha256: str) -> None:
        self.files.append({"name": name, "size": size, "sha256": sha256})


def _json(content: object) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False, default=str) + "\n").encode()


def _plain(value: object) -> object:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value


def _row(row: Base) -> dict[str, Any]:
    columns = row.__table__.columns.keys()
    return {name: _plain(getattr(row, name)) for name in columns if name not in INTERNAL}


def _rows(rows: Iterable[Base]) -> list[dict[str, Any]]:
    return [_row(row) for row in rows]


def file_sha256(path: Path) -> str | None:
    """Return the SHA-256 of a file; None where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def write_package(session: Session, request: Request, target: Path) -> tuple[str, int]:
    """
    Write the package of an incident.

    Parameters
    ----------
    session
        A transaction that sees one state of the database.
    request
        What it is made of.
    target
        The file to write.

    Returns
    -------
    tuple
        Its SHA-256 and its size in bytes.
    """
    events = events_of(session, request.incident)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        writer = _Writer(archive, request.package.asked_at)
        for event in events:
            _write_event(writer, request, event, media_of(session, event.id))
        _write_papers(session, writer, request, events)
        extract = _extract(session, request, events)
        writer.put("audit/entries.jsonl", extract.entries)
        writer.put("audit/chain.txt", extract.chain)
        _write_receipts(writer, request, n_events=len(events))
        _seal(writer, request, extract)
    with target.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), target.stat().st_size


def _write_event(writer: _Writer, request: Request, event: Event, media: Sequence[Media]) -> None:
    folder = f"events/{event.id}"
    writer.put_json(f"{folder}/record.json", event.record)
    if event.ending is not None:
        writer.put_json(f"{folder}/ending.json", event.ending)
    for one in media:
        name = f"{folder}/{FILE_NAMES[one.kind]}"
        path = request.media_dir / one.path
        if one.kind == "original" and not request.package.originals_reason:
            writer.left_out.append(LeftOut(name, NOT_ASKED))
        elif one.deleted_at is not None:
            writer.left_out.append(LeftOut(name, DELETED))
        elif file_sha256(path) != one.sha256:
            writer.left_out.append(LeftOut(name, CHANGED))
        else:
            writer.copy(name, path)
            writer.n_media += one.kind != "manifest"
            if one.kind == "clip":
                _write_export(writer, request, event, path)


def _write_export(writer: _Writer, request: Request, event: Event, clip: Path) -> None:
    name = f"events/{event.id}/export.mp4"
    started_at = (event.ending or {}).get("clip_started_at")
    box = None
    if started_at is not None:
        facts = ExportFacts(
            started_at=datetime.fromisoformat(started_at),
            exported_at=request.package.asked_at,
            operator=request.package.asked_by,
            unit=f"Parkwacht {request.site.id}",
            camera=event.camera_id,
        )
        box = export_box(clip, facts)
    if box is None:
        writer.left_out.append(LeftOut(name, NO_TIME))
    else:
        writer.copy(name, clip, behind=box)


def _write_papers(
    session: Session, writer: _Writer, request: Request, events: Sequence[Event]
) -> None:
    incident, asker = request.incident, request.package.receiver_id
    ids = [event.id for event in events]
    writer.put_json("incident.json", _row(incident))
    writer.put_json("verdicts.json", _rows(verdicts_on(session, incident.id)))
    deliveries = deliveries_on(session, [incident.id], receiver_id=asker)
    writer.put_json("deliveries.json", _deliveries(session, deliveries))
    if asker is None:
        writer.put_json("duty_log.json", _rows(entries_of(session, incident.id)))
        writer.put_json("image_access.json", _rows(accesses_of_events(session, ids)))
    else:
        writer.left_out += [
            LeftOut(name, NOT_SHOWN) for name in ("duty_log.json", "image_access.json")
        ]


def _deliveries(session: Session, deliveries: Sequence[Delivery]) -> list[dict[str, Any]]:
    attempts = attempts_of(session, [one.id for one in deliveries])
    return [
        {
            **_without_link(_row(one)),
            "attempts": _rows(a for a in attempts if a.delivery_id == one.id),
        }
        for one in deliveries
    ]


def _without_link(row: dict[str, Any]) -> dict[str, Any]:
    """Leave out the link to evidence: whoever has it can open it."""
    data = row["payload"].get("data", {})
    links = {name: url for name, url in data.get("links", {}).items() if name != "evidence"}
    return {**row, "payload": {**row["payload"], "data": {**data, "links": links}}}


def _extract(session: Session, request: Request, events: Sequence[Event]) -> Extract:
    # What others did with the incident is not a receiver's; the chain has the hashes of it.
    ids: set[UUID] = {request.package.id}
    if request.package.receiver_id is None:
        deliveries = deliveries_on(session, [request.incident.id])
        packages = packages_of_incident(session, request.incident.id)
        ids |= {request.incident.id, *(one.id for one in events)}
        ids |= {one.id for one in deliveries} | {one.id for one in packages}
    object_ids = frozenset(str(one) for one in ids)
    first = first_audit_id(session, sorted(object_ids)) or request.audit_end
    rows = audit_entries(session, first_id=first, last_id=request.audit_end)
    return make_extract(rows, object_ids)


def _write_receipts(writer: _Writer, request: Request, *, n_events: int) -> None:
    package, site = request.package, request.site
    facts = ReceiptFacts(
        package_id=str(package.id),
        incident_id=str(request.incident.id),
        incident_number=request.incident.number,
        site=f"{site.name} ({site.id})",
        timezone=site.timezone,
        asked_at=package.asked_at,
        asked_by=package.asked_by,
        for_whom=package.for_whom,
        reason=package.reason,
        legal_basis=LegalBasis(package.legal_basis),
        legal_number=package.legal_number,
        originals_reason=package.originals_reason,
        n_events=n_events,
        n_media=writer.n_media,
        fingerprint=fingerprint_of(public_pem(request.key)),
        left_out=tuple(writer.left_out),
    )
    for language in Language:
        writer.put(f"RECEIPT.{language.value}.txt", write_receipt(facts, language))


def _seal(writer: _Writer, request: Request, extract: Extract) -> None:
    package, pem = request.package, public_pem(request.key)
    sums = "".join(f"{one['sha256']}  {one['name']}\n" for one in writer.files)
    writer.put(SUMS, sums.encode())
    manifest = {
        "format": FORMAT,
        "version": 1,
        "software": f"parkwacht {version('parkwacht')}",
        "package": {name: value for name, value in _row(package).items() if name not in LATER},
        "incident": {"id": request.incident.id, "number": request.incident.number},
        "site": {"id": request.site.id, "name": request.site.name},
        "signing_key": {"algorithm": "ed25519", "sha256": fingerprint_of(pem)},
        "audit": {"end_id": extract.end_id, "end_hash": extract.end_hash},
        "left_out": [{"name": one.name, "why": asdict(one.why)} for one in writer.left_out],
        "files": writer.files,
    }
    content = _json(manifest)
    writer.put(MANIFEST, content, is_listed=False)
    writer.put(SIGNATURE, request.key.sign(content), is_listed=False)
    writer.put(PUBLIC_KEY, pem, is_listed=False)
