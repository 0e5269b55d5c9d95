"""
Every operation of the API is called with what its description allows, and with what it does not.

Schemathesis makes the requests out of the OpenAPI document and judges the answers by it: no 5xx, no
status, content type or body that the document does not tell of. Half of the requests name things
that exist. A longer run: PARKWACHT_FUZZ_EXAMPLES=200.
"""

import os
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest
import schemathesis
from api_harness import Service, make_receiver, make_site, running_service
from evidence_builders import ended, incident_of, made
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from parkwacht_api.keys import Scope, create_key

N_EXAMPLES = int(os.environ.get("PARKWACHT_FUZZ_EXAMPLES", "2"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


def description(service: Service) -> dict[str, Any]:
    with service.client(None) as client:
        told: dict[str, Any] = client.get("/openapi.json").json()
    return told


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    site = make_site(make_receiver("meldkamer", "http://127.0.0.1:9/webhook"))
    with running_service(tmp_path_factory.mktemp("openapi") / "state", site) as running:
        yield running


@pytest.fixture(scope="module")
def known(service: Service) -> dict[str, str]:
    """Something that exists for each name in a path."""
    event = ended(service)
    incident_id = incident_of(service, event)
    package_id = made(service, incident_id)["id"]
    with service.client(service.operator_key) as client:
        link = client.post(f"/evidence/{package_id}/links", json={"for_whom": "Recherche"}).json()
    return {
        "event_id": str(event.id),
        "incident_id": str(incident_id),
        "package_id": package_id,
        "link_id": link["id"],
        "delivery_id": service.deliveries(event.id)[0]["id"],
        "kind": "snapshot",
    }


@pytest.fixture(scope="module")
def key(service: Service) -> str:
    return create_key(service.database, "all", set(Scope), at=datetime.now(UTC))


def test_no_answer_that_the_description_does_not_tell_of(
    service: Service, known: dict[str, str], key: str
) -> None:
    schema = schemathesis.openapi.from_dict(description(service))
    schema.config.base_url = service.url
    failures, statuses = [], Counter[int]()
    found = list(schema.get_all_operations())
    operations = [one.ok() for one in found if isinstance(one, Ok)]
    assert len(operations) == len(found)
    for operation, mode in product(operations, GenerationMode):

        @settings(
            max_examples=N_EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode), is_known=st.booleans())
        def call(case: Any, is_known: bool) -> None:
            if is_known:
                names = set(case.path_parameters or {}) & set(known)
                case.path_parameters |= {name: known[name] for name in names}
            answer = case.call(headers={"Authorization": f"Bearer {key}"})
            statuses[answer.status_code] += 1
            case.validate_response(answer, checks=CHECKS)

        try:
            call()
        except Unsatisfiable:
            # Nothing can be said that an operation without any input does not allow.
            assert mode is GenerationMode.NEGATIVE, operation.label
        except BaseExceptionGroup as group:
            failures.append(f"{operation.label}: {group.exceptions}")
    assert failures == []
    # Each kind of answer was really judged.
    assert {200, 404, 422} <= set(statuses)
