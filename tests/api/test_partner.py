import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from api_harness import (
    SECRET,
    Service,
    answering,
    make_receiver,
    make_site,
    receiver_stub,
    running_service,
    until,
)
from pydantic import SecretStr

from parkwacht_api.partner import Journal, PartnerConfig, create_partner_app
from parkwacht_api.receivers.channel import Message, SendContext
from parkwacht_api.receivers.webhook import Options
from parkwacht_api.receivers.webhook import send as send_webhook
from parkwacht_api.serve import running_server
from parkwacht_config.errors import DeliveryError

OTHER = "whsec_" + base64.b64encode(b"x" * 32).decode()


def config_of(tmp_path: Path, service_url: str, key: str = "pw_a_b") -> PartnerConfig:
    return PartnerConfig(
        name="<Meldkamer>",
        secret=SecretStr(SECRET),
        journal=tmp_path / "partner" / "journal.jsonl",
        api_url=service_url,
        api_key=SecretStr(key),
        person="Centralist",
        acknowledge_after_s=0.01,
    )


def payload_of(delivery_id: object) -> dict[str, Any]:
    camera = {"id": "p1", "name": "<script>"}
    data = {"delivery_id": str(delivery_id), "class": "person", "camera": camera}
    return {"type": "event.flagged", "timestamp": "2026-11-24T01:00:00Z", "data": data}


def send(url: str, delivery_id: Any, payload: dict[str, Any], secret: str = SECRET) -> int | None:
    with httpx.Client(trust_env=False) as client:
        context = SendContext(client, lambda _: SecretStr(secret))
        message = Message(delivery_id, "event.flagged", payload, datetime.now(UTC))
        answer = send_webhook(Options(url=url, secret_env="SECRET"), message, context)
    return answer.http_status


def test_the_whole_round_over_real_http(tmp_path: Path) -> None:
    # The receiver's address must stand in the site before the service's is known.
    with receiver_stub() as unused:
        site = make_site(make_receiver("meldkamer", unused.url))
        with running_service(tmp_path / "s", site) as service:
            config = config_of(tmp_path, service.url, service.partner_keys["meldkamer"])
            event = service.stored()
            (delivery,) = service.deliveries(event.id)
            payload = payload_of(delivery["id"])
            with running_server(create_partner_app(config)) as url:
                assert send(f"{url}/webhook", delivery["id"], payload) == 204
                assert send(url + "/", delivery["id"], payload) == 204
                until(lambda: service.deliveries(event.id)[0]["acknowledged_at"] is not None)
                until(lambda: Journal(config.journal).open_ids() == [])
                received = httpx.get(f"{url}/received", trust_env=False).json()
                page = httpx.get(url, trust_env=False)
    assert [(one["webhook_id"], one["n_repeats"]) for one in received] == [(delivery["id"], 1)]
    assert "&lt;script&gt;" in page.text
    assert "<script>" not in page.text


def test_it_goes_on_after_a_crash(tmp_path: Path, service: Service) -> None:
    event = service.stored()
    (delivery,) = service.deliveries(event.id)
    down = config_of(tmp_path, "http://127.0.0.1:9", service.partner_keys["meldkamer"])
    with running_server(create_partner_app(down)) as url:
        send(url, delivery["id"], payload_of(delivery["id"]))
    with down.journal.open("ab") as file:
        file.write(b'{"what": "received", "webh')  # cut off by a crash, never answered
    up = config_of(tmp_path, service.url, service.partner_keys["meldkamer"])
    with running_server(create_partner_app(up)) as url:
        until(lambda: service.deliveries(event.id)[0]["acknowledged_at"] is not None)
        until(lambda: Journal(up.journal).open_ids() == [])
        second = uuid4()
        send(url, second, payload_of(second))
    lines = [json.loads(line)["what"] for line in up.journal.read_text().splitlines()]
    assert lines == ["received", "acknowledged", "received"]


def test_one_that_is_never_accepted_does_not_hold_up_the_others(tmp_path: Path) -> None:
    with receiver_stub(answering(404, 204)) as service_stub:
        config = config_of(tmp_path, service_stub.url)
        with running_server(create_partner_app(config)) as url:
            for _ in range(2):
                key = uuid4()
                send(url, key, payload_of(key))
            until(lambda: len(Journal(config.journal).acknowledged) >= 1)
            until(lambda: Journal(config.journal).open_ids() == [])


@pytest.mark.parametrize("case", ["key", "payload"])
def test_what_is_not_right_is_not_taken(tmp_path: Path, case: str) -> None:
    config = config_of(tmp_path, "http://127.0.0.1:9")
    with running_server(create_partner_app(config)) as url:
        payload = payload_of("x") if case == "key" else {"type": 1}
        secret = OTHER if case == "key" else SECRET
        with pytest.raises(DeliveryError):
            send(url, uuid4(), payload, secret)
        assert httpx.get(f"{url}/received", trust_env=False).json() == []
