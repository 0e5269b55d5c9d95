"""Events with real clips, and packages made of them, for the tests of evidence."""

import tempfile
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import av
import numpy as np
from api_harness import STARTED_AT, Service, make_ending, media_record

from parkwacht_api.models import Event
from parkwacht_vision.event import FlaggedEvent
from parkwacht_vision.sealing import MAGIC

ASKED = {
    "for_whom": "Recherche Twente",
    "reason": "inbraak hal 3",
    "legal_basis": "vordering",
    "legal_number": "PL0500-2026/17",
}
SEALED = MAGIC + bytes(range(200))
MANIFEST = b'{"files": []}'
CLIP_AT = STARTED_AT - timedelta(seconds=3)


@cache
def real_clip() -> bytes:
    """Make an MP4 of five frames."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("mpeg4", rate=5)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            for level in range(5):
                picture = np.full((48, 64, 3), 40 * level, np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode(None))
        return path.read_bytes()


def ended(service: Service, **changes: Any) -> FlaggedEvent:
    """Store an event with its clip, its sealed original and its manifest."""
    event, clip = service.stored(**changes), real_clip()
    ending = make_ending(
        event,
        clip,
        clip_started_at=CLIP_AT,
        clip_ended_at=CLIP_AT + timedelta(seconds=1),
        original=media_record("original.mp4.enc", SEALED, "application/octet-stream"),
        manifest=media_record("manifest.json", MANIFEST, "application/json"),
    )
    answer = service.put_ending(ending, clip, original=SEALED, manifest=MANIFEST)
    assert answer.status_code == 200, answer.text
    return event


def incident_of(service: Service, event: FlaggedEvent) -> UUID:
    with service.database.reading() as session:
        row = session.get_one(Event, event.id)
        assert row.incident_id is not None
        return row.incident_id


def made(service: Service, incident_id: UUID, **changes: str) -> dict[str, Any]:
    with service.client(service.operator_key) as client:
        answer = client.post(f"/incidents/{incident_id}/evidence", json=ASKED | changes)
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


def file_of(service: Service, package: dict[str, Any]) -> Path:
    """Return where the service keeps a package."""
    return service.settings.media_dir / "evidence" / f"{package['id']}.zip"
