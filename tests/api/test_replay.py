"""Dead letters: visible, tried anew under the same id, and written down."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from api_harness import Service

from parkwacht_api.models import Delivery
from parkwacht_api.models_access import AuditEntry
from parkwacht_api.outbox import OutboxPolicy, Outcome, claim_due, record_outcome
from parkwacht_api.receivers.channel import Answer

POLICY = OutboxPolicy(max_refusals=1, jitter=0)


def refused_for_good(service: Service) -> str:
    service.stored()
    at = datetime.now(UTC) + timedelta(seconds=1)
    (claim,) = claim_due(service.database, at, policy=POLICY)
    outcome = Outcome("failed", at, Answer(404, "no"), "no such place")
    assert record_outcome(service.database, claim, outcome, policy=POLICY) == "dead"
    return str(claim.delivery_id)


def test_a_dead_letter_is_seen_and_tried_anew(service: Service) -> None:
    delivery_id = refused_for_good(service)
    with service.client(service.operator_key) as client:
        (listed,) = client.get("/deliveries", params={"state": "dead"}).json()["items"]
        assert (listed["id"], listed["channel_id"]) == (delivery_id, "webhook")
        given = {"reason": "the address was mended"}
        answer = client.post(f"/deliveries/{delivery_id}/replay", json=given)
        assert (answer.status_code, answer.json()["state"]) == (200, "pending")
        again = client.post(f"/deliveries/{delivery_id}/replay", json=given)
        assert again.json()["replayed_at"] == answer.json()["replayed_at"]
    (claim,) = claim_due(service.database, datetime.now(UTC), policy=POLICY)
    assert (str(claim.delivery_id), claim.number) == (delivery_id, 2)
    with service.database.reading() as session:
        entry = session.query(AuditEntry).where(AuditEntry.what == "delivery.replay").one()
        assert (entry.object_id, entry.why) == (delivery_id, "the address was mended")
        row = session.query(Delivery).one()
        assert row.n_refusals == 0


def test_its_age_counts_from_the_replay(service: Service) -> None:
    delivery_id = refused_for_good(service)
    with service.client(service.operator_key) as client:
        client.post(f"/deliveries/{delivery_id}/replay", json={"reason": "once more"})
    policy = OutboxPolicy(max_age=timedelta(hours=1), delays_s=(1.0,), jitter=0)
    for minutes, state in ((59, "pending"), (61, "dead")):
        at = datetime.now(UTC) + timedelta(minutes=minutes)
        (claim,) = claim_due(service.database, at, policy=policy)
        outcome = Outcome("failed", at, None, "silence")
        assert record_outcome(service.database, claim, outcome, policy=policy) == state


def test_only_who_may_operate_replays(service: Service) -> None:
    delivery_id = refused_for_good(service)
    given = {"reason": "because"}
    for key, status in (
        (service.partner_keys["meldkamer"], 403),
        (service.worker_key, 403),
        (None, 401),
    ):
        with service.client(key) as client:
            assert (
                client.post(f"/deliveries/{delivery_id}/replay", json=given).status_code == status
            )
    with service.client(service.operator_key) as client:
        assert client.post(f"/deliveries/{uuid4()}/replay", json=given).status_code == 404
        assert client.post(f"/deliveries/{delivery_id}/replay", json={}).status_code == 422
