import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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
from standardwebhooks.webhooks import Webhook

from parkwacht_api.forwarder import run_outbox
from parkwacht_api.models import Heartbeat
from parkwacht_api.outbox import OutboxPolicy
from parkwacht_config.settings import Settings
from parkwacht_config.site import Channel, Site

QUICK = OutboxPolicy(delays_s=(0.1,), lease_s=30, timeout_s=2.0, poll_s=0.03)
PATIENT = OutboxPolicy(timeout_s=120, lease_s=300)

CHILD = """
import sys, threading
from dataclasses import replace
from pathlib import Path
from api_harness import make_receiver, make_site
from parkwacht_api.database import Database
from parkwacht_api.forwarder import run_outbox
from parkwacht_api.outbox import OutboxPolicy
from parkwacht_config.settings import Settings
settings = Settings(state_dir=Path(sys.argv[1]))
site = make_site(make_receiver("meldkamer", sys.argv[2]))
policy = OutboxPolicy(lease_s=1.5, poll_s=0.05, delays_s=(0.2,))
run_outbox(Database(settings.sqlalchemy_url), site, settings, stop=threading.Event(), policy=policy)
"""


@contextmanager
def outbox(
    service: Service,
    site: Site | None = None,
    *,
    policy: OutboxPolicy = QUICK,
    **changes: Any,
) -> Iterator[list[int]]:
    stop, errors = threading.Event(), [-1]
    settings = service.settings.model_copy(update=changes)

    def run() -> None:
        errors[0] = run_outbox(
            service.database, site or service.site, settings, stop=stop, policy=policy
        )

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield errors
    finally:
        stop.set()
        thread.join()


def states(service: Service, event: Any) -> set[str]:
    return {one["state"] for one in service.deliveries(event.id)}


def test_an_event_is_signed_sent_and_recorded(tmp_path: Path, database_url: str) -> None:
    with receiver_stub(answering(500, 503, 204)) as stub:
        site = make_site(make_receiver("meldkamer", stub.url))
        with running_service(tmp_path / "s", site, database_url=database_url) as service:
            event = service.stored()
            with outbox(service) as errors:
                until(lambda: states(service, event) == {"delivered"})
            assert errors == [0]
            (delivery,) = service.deliveries(event.id)
            with service.database.reading() as session:
                assert session.get(Heartbeat, "outbox") is not None
    assert stub.ids() == [delivery["id"]] * 3
    assert [one["http_status"] for one in delivery["attempts"]] == [500, 503, 204]
    payload = Webhook(SECRET).verify(stub.seen[2].body.decode(), stub.seen[2].headers)
    assert payload["data"]["event_id"] == str(event.id)
    assert stub.seen[0].body == stub.seen[2].body
    assert delivery["sent_at"] < delivery["delivered_at"]
    assert delivery["acknowledged_at"] is None


def test_a_dead_receiver_does_not_delay_the_other(tmp_path: Path) -> None:
    release = threading.Event()

    def hanging(_n: int) -> tuple[int, dict[str, str], bytes]:
        release.wait(120)
        return 204, {}, b""

    with receiver_stub(hanging) as dead, receiver_stub() as alive:
        site = make_site(make_receiver("dood", dead.url), make_receiver("levend", alive.url))
        with running_service(tmp_path / "s", site) as service:
            for _ in range(12):
                service.stored()
            with outbox(service, policy=PATIENT):
                until(lambda: len(alive.seen) == 12, within_s=60)
                service.stored()
                until(lambda: len(alive.seen) == 13, within_s=60)
                # The dead one still has what it had: it holds its own places and no others.
                assert 1 <= len(dead.seen) <= PATIENT.n_per_channel
                release.set()


@pytest.mark.parametrize("forwarding", ["local", "off"])
def test_nothing_leaves_the_house_unless_it_may(tmp_path: Path, forwarding: str) -> None:
    site = make_site(make_receiver("ver", "http://192.0.2.7/webhook"))
    with running_service(tmp_path / "s", site, forwarding=forwarding) as service:
        event = service.stored()
        (delivery,) = service.deliveries(event.id)
        assert delivery["state"] == "held"
        assert "forwarding" in delivery["reason"]
        with service.client(service.partner_keys["ver"]) as client:
            assert client.get(f"/events/{event.id}").status_code == 404


def test_what_was_planned_is_held_when_the_setting_changed(tmp_path: Path) -> None:
    with receiver_stub() as stub:
        site = make_site(make_receiver("meldkamer", stub.url))
        with running_service(tmp_path / "s", site) as service:
            event = service.stored()
            with outbox(service, forwarding="off"):
                until(lambda: states(service, event) == {"held"})
    assert stub.seen == []


def test_a_receiver_that_left_the_site_file_is_held(service: Service) -> None:
    event = service.stored()
    with outbox(service, make_site()):
        until(lambda: states(service, event) == {"held"})
    assert "site file" in service.deliveries(event.id)[0]["reason"]


def test_a_channel_that_left_the_site_file_lets_the_others_have_it(service: Service) -> None:
    event = service.stored()
    with receiver_stub() as stub:
        options = {"url": stub.url, "secret_env": "PARKWACHT_SECRET_MELDKAMER"}
        ways = tuple(Channel(id=one, kind="webhook", options=options) for one in "ab")
        company = make_receiver("meldkamer", stub.url).model_copy(
            update={"url": "", "channels": ways}
        )
        with outbox(service, make_site(company)):
            until(lambda: "delivered" in states(service, event))
    told = {one["channel_id"]: one["state"] for one in service.deliveries(event.id)}
    assert told == {"webhook": "refused", "a": "delivered"}


def test_gone_is_refused_for_good(tmp_path: Path) -> None:
    with receiver_stub(answering(410)) as stub:
        site = make_site(make_receiver("meldkamer", stub.url))
        with running_service(tmp_path / "s", site) as service:
            event = service.stored()
            with outbox(service):
                until(lambda: states(service, event) == {"refused"})
                time.sleep(0.3)
    assert len(stub.seen) == 1


def test_a_missing_secret_is_an_attempt_that_failed(tmp_path: Path) -> None:
    with receiver_stub() as stub:
        site = make_site(make_receiver("meldkamer", stub.url))
        with running_service(tmp_path / "s", site) as service:
            (tmp_path / "s" / "secrets.toml").unlink()
            event = service.stored()
            with outbox(service):
                until(lambda: bool(service.deliveries(event.id)[0]["attempts"]))
                until(lambda: service.deliveries(event.id)[0]["attempts"][0]["error"] != "")
            error = service.deliveries(event.id)[0]["attempts"][0]["error"]
    assert "PARKWACHT_SECRET_MELDKAMER" in error
    assert stub.seen == []


def start_child(state_dir: Path, url: str) -> "subprocess.Popen[bytes]":
    tests = Path(__file__).parents[1]
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(state_dir), url],
        env={**os.environ, "PYTHONPATH": str(tests)},
        stderr=subprocess.DEVNULL,
    )


def test_a_killed_sender_is_taken_over_under_the_same_id(tmp_path: Path) -> None:
    release = threading.Event()

    def first_hangs(n: int) -> tuple[int, dict[str, str], bytes]:
        if n == 0:
            release.wait(20)
        return 204, {}, b""

    with receiver_stub(first_hangs) as stub:
        site = make_site(make_receiver("meldkamer", stub.url))
        with running_service(tmp_path / "s", site) as service:
            event = service.stored()
            child = start_child(tmp_path / "s", stub.url)
            until(lambda: len(stub.seen) == 1, within_s=60)
            child.send_signal(signal.SIGKILL)
            child.wait()
            assert states(service, event) == {"pending"}
            again = start_child(tmp_path / "s", stub.url)
            try:
                until(lambda: states(service, event) == {"delivered"}, within_s=60)
            finally:
                again.kill()
                again.wait()
                release.set()
            (delivery,) = service.deliveries(event.id)
    assert stub.ids() == [delivery["id"]] * 2
    assert [one["outcome"] for one in delivery["attempts"]] == ["sending", "delivered"]
    first, second = (json.loads(one.body)["data"] for one in stub.seen)
    # On a slow machine the second comes more than a minute after the release.
    assert {**first, "late": 0} == {**second, "late": 0}


def test_settings_are_local_unless_told() -> None:
    assert Settings().forwarding == "local"
