"""From an event that is stored to five receivers that are not ours, through the real outbox."""

import email
import email.policy
import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from aiosmtpd.controller import Controller
from api_harness import (
    JPEG,
    Service,
    answering,
    make_site,
    receiver_stub,
    running_service,
    until,
)
from mqtt_broker import listening, require_broker, running_broker
from rtsp_server import free_port
from sia_peers import sync_peer
from sqlalchemy import select

from parkwacht_api.forwarder import run_outbox
from parkwacht_api.models import ImageAccess
from parkwacht_api.models_access import AuditEntry
from parkwacht_api.outbox import OutboxPolicy
from parkwacht_config.partners import Channel, Receiver
from parkwacht_config.site import ReceiverRole, Release

# Apprise loads all its plugins; one asks for a module that is going.
pytestmark = [
    pytest.mark.server("mosquitto"),
    pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning"),
]
QUICK = OutboxPolicy(delays_s=(0.1,), poll_s=0.03)


def partner(kind: str, **options: Any) -> Receiver:
    channel = {"id": "way", "kind": kind, **options}
    return Receiver(
        id=kind,
        name=kind,
        role=ReceiverRole.SECURITY_COMPANY,
        release=Release.ON_FLAG,
        secret_env=f"PARKWACHT_SECRET_{kind.upper()}",  # what the harness writes
        channels=(Channel.model_validate(channel),),
    )


class Mailbox:
    """What the mail server took."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_DATA(  # noqa: N802  # aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any
    ) -> str:
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"


@contextmanager
def mail_server() -> Iterator[tuple[int, Mailbox]]:
    box, port = Mailbox(), free_port()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield port, box
    finally:
        controller.stop()


@contextmanager
def outbox(service: Service) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(
        target=run_outbox,
        args=(service.database, service.site, service.settings),
        kwargs={"stop": stop, "policy": QUICK},
    )
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def all_delivered(service: Service, event_id: UUID) -> bool:
    return {one["state"] for one in service.deliveries(event_id)} == {"delivered"}


def test_one_event_reaches_every_kind_of_channel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_broker()
    with ExitStack() as stack:
        control_room = stack.enter_context(sync_peer({"1234": None}))
        smtp_port, box = stack.enter_context(mail_server())
        broker = stack.enter_context(running_broker(tmp_path, "allow_anonymous true"))
        live = stack.enter_context(listening(broker))
        hook = stack.enter_context(receiver_stub(answering(204)))
        phone = stack.enter_context(receiver_stub(answering(200)))
        monkeypatch.setenv("PHONE_URL", phone.url.replace("http://", "json://"))
        local: dict[str, Any] = {"host": "127.0.0.1"}
        mail = {"sender": "{camera}@park.example", "recipients": ["desk@guard.example"]}
        site = make_site(
            partner("sia_dc09", **local, port=control_room.port, account="1234"),
            partner("email", **local, port=smtp_port, security="none", **mail),
            partner("mqtt", **local, port=broker, tls=False),
            partner("webhook", url=hook.url, secret_env="PARKWACHT_SECRET_WEBHOOK"),
            partner("apprise", url_env="PHONE_URL", machine="http://127.0.0.1"),
        )
        service = stack.enter_context(running_service(tmp_path / "s", site))
        event = service.stored()
        with outbox(service):
            until(lambda: all_delivered(service, event.id), within_s=60)
        with service.database.reading() as session:
            looks = session.scalars(select(ImageAccess)).all()
            sent = session.scalars(select(AuditEntry).where(AuditEntry.what == "image.send")).all()
    place = site.zone_name(event.zone_id)
    (frame,) = control_room.seen
    assert (frame.code, frame.account) == ("BA", "1234")
    assert frame.message.startswith("0^1 persoon, ")
    (letter,) = box.mails
    assert letter["Subject"].startswith(f"[1] Alarm: persoon, {place}")
    assert letter["From"] == f"{event.camera_id}@park.example"
    assert [part.get_content() for part in letter.iter_attachments()] == [JPEG]
    assert live.last(f"parkwacht/cameras/{event.camera_id}/alarm") == "ON"
    assert len(hook.seen) == 1
    assert json.loads(phone.seen[0].body)["title"] == f"[1] Alarm: persoon, {place}"
    # The mail's picture, and nobody else's, is logged as a look of that partner.
    assert [(one.person, one.via, one.kind) for one in looks] == [
        ("email, way", "delivery", "snapshot")
    ]
    assert looks[0].address == f"smtp://127.0.0.1:{smtp_port}"
    assert [(one.who, one.object_id) for one in sent] == [("email, way", str(event.id))]
