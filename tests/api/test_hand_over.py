"""On a verdict the police get a message with a link to the evidence package, made at first look."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from api_harness import Service, make_receiver, make_site, running_service
from evidence_builders import ended, incident_of
from sqlalchemy import select

from parkwacht_api.evidence_verify import verify_package
from parkwacht_api.hand_over import pass_link_on
from parkwacht_api.models import Delivery
from parkwacht_api.models_access import AuditEntry
from parkwacht_api.models_evidence import EvidencePackage
from parkwacht_config.site import ReceiverRole, Release

VERDICT = {
    "verdict": "verified",
    "person": "K. Smit",
    "reason": "man bij hal 3",
    "avs_level": 3,
    "legal_basis": "vordering",
    "legal_number": "PL05-17",
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    nowhere = "http://127.0.0.1:9/webhook"
    site = make_site(
        make_receiver("meldkamer", nowhere),
        make_receiver("politie", nowhere, release=Release.ON_VERIFIED, role=ReceiverRole.POLICE),
    )
    with running_service(tmp_path_factory.mktemp("hand") / "state", site) as running:
        yield running


def payloads(service: Service, incident_id: UUID) -> dict[str, dict[str, Any]]:
    with service.database.reading() as session:
        query = select(Delivery).where(Delivery.incident_id == incident_id)
        rows = session.scalars(query.order_by(Delivery.created_at)).all()
        return {row.receiver_id: row.payload["data"]["links"] for row in rows}


def test_the_police_get_a_link_and_nobody_else(service: Service, tmp_path: Path) -> None:
    event = ended(service)
    incident_id = incident_of(service, event)
    with service.client(service.operator_key) as client:
        answer = client.post(f"/events/{event.id}/verdict", json=VERDICT)
    assert answer.status_code == 200, answer.text
    links = payloads(service, incident_id)
    assert "evidence" not in links["meldkamer"]
    path = urlsplit(links["politie"]["evidence"]).path
    with service.database.reading() as session:
        query = select(EvidencePackage).where(EvidencePackage.incident_id == incident_id)
        package = session.scalars(query).one()
    # The verdict did not wait for it.
    assert (package.sha256, package.receiver_id) == (None, "politie")
    with service.browser() as browser:
        page = browser.get(path)
        assert page.status_code == 200
        assert "PL05-17" in page.text
        (tmp_path / "police.zip").write_bytes(browser.get(path + "/download").content)
    found = verify_package(tmp_path / "police.zip")
    assert found.broken == ""
    assert path.rsplit("/", 1)[1].encode() not in (tmp_path / "police.zip").read_bytes()
    with service.database.reading() as session:
        of_it = select(AuditEntry).where(AuditEntry.object_id == str(package.id))
        rows = session.scalars(of_it.order_by(AuditEntry.id)).all()
    assert [(row.what, row.who) for row in rows] == [
        ("evidence.ask", "K. Smit"),
        ("evidence.link.make", "K. Smit"),
        ("evidence.link.view", "Ontvanger politie"),
        ("evidence.make", "Ontvanger politie"),
        ("evidence.link.download", "Ontvanger politie"),
    ]


def test_the_next_channel_leads_to_the_same_package() -> None:
    first = Delivery(payload={"data": {"links": {"incident": "a", "evidence": "b"}}})
    second = Delivery(payload={"data": {"links": {"incident": "c"}}})
    pass_link_on(first, second)
    assert second.payload["data"]["links"] == {"incident": "c", "evidence": "b"}
    pass_link_on(Delivery(payload={"data": {}}), first)
    assert first.payload["data"]["links"]["evidence"] == "b"
