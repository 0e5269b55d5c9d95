"""The figures for Prometheus, read back by its own parser."""

import httpx
from api_harness import Service
from prometheus_client.parser import text_string_to_metric_families

from parkwacht_api.keys import Scope, create_key


def figures(service: Service, key: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    headers = {"Authorization": f"Bearer {key}"}
    answer = httpx.get(service.url + "/api/v1/metrics", headers=headers, trust_env=False)
    assert answer.status_code == 200, answer.text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_counts_and_ages(any_service: Service) -> None:
    service = any_service
    at = service.stored().started_at
    key = create_key(service.database, "Prometheus", [Scope.STATISTICS], at=at)
    found = figures(service, key)
    labels = frozenset({("severity", "high"), ("review_state", "unreviewed")})
    assert found["parkwacht_events", labels] == 1
    labels = frozenset({("kind", "intrusion"), ("state", "open")})
    assert found["parkwacht_incidents", labels] == 1
    # Nothing empties the outbox here: one delivery waits, for the one that is told at the flag.
    labels = frozenset({("receiver", "meldkamer"), ("state", "pending")})
    assert found["parkwacht_deliveries", labels] == 1
    labels = frozenset({("receiver", "meldkamer")})
    assert 0 <= found["parkwacht_delivery_oldest_pending_seconds", labels] < 60
    assert found["parkwacht_media_bytes", frozenset({("kind", "snapshot")})] > 0


def test_a_worker_may_not_ask(service: Service) -> None:
    headers = {"Authorization": f"Bearer {service.worker_key}"}
    url = service.url + "/api/v1/metrics"
    assert httpx.get(url, headers=headers, trust_env=False).status_code == 403
    assert httpx.get(url, trust_env=False).status_code == 401
