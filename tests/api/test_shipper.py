import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from api_harness import (
    JPEG,
    MP4,
    Service,
    answering,
    make_ending,
    make_flagged,
    make_report,
    make_trouble,
    receiver_stub,
    until,
)
from sqlalchemy import func, select, text

from parkwacht_api import shipper
from parkwacht_api.models import Event, Heartbeat, Media, WatchReportRow
from parkwacht_api.models_incidents import Incident
from parkwacht_api.shipper import (
    ALARMS,
    IngestClient,
    ShipCounts,
    Watching,
    _Lane,
    run_shipper,
    ship_once,
)
from parkwacht_vision.spool import Spool, SpoolEntry


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


@contextmanager
def relay(url: str, on_request: Callable[[bytes], None]) -> Iterator[str]:
    """Stand in front of a real service; called with the first bytes of what each client sends."""
    to = httpx.URL(url)
    lines: list[socket.socket] = []

    def pump(source: socket.socket, target: socket.socket, *, is_asking: bool) -> None:
        with suppress(OSError):
            while part := source.recv(65_536):
                if is_asking:
                    # All but a byte: a server hangs up on who says nothing, not on who is slow.
                    target.sendall(part[:-1])
                    on_request(part)
                target.sendall(part[-1:] if is_asking else part)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = listening.accept()
                server = socket.create_connection((to.host, to.port or 80))
                lines.extend((client, server))
                for source, target, is_asking in ((client, server, True), (server, client, False)):
                    thread = threading.Thread(
                        target=pump, args=(source, target), kwargs={"is_asking": is_asking}
                    )
                    threads.append(thread)
                    thread.start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threads = [threading.Thread(target=serve)]
        threads[0].start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            threads[0].join()
            for thread in threads[1:]:
                thread.join()
            for line in lines:
                line.close()


def count(service: Service, table: type) -> int:
    with service.database.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def fill(spool: Spool, tmp_path: Path) -> None:
    event = make_flagged()
    clip = tmp_path / "x.mp4"
    clip.write_bytes(MP4)
    spool.put_flagged(event, JPEG)
    spool.put_ended(make_ending(event), clip)
    spool.put_report(make_report())


def test_everything_goes_over_in_order_and_once(
    service: Service, spool: Spool, tmp_path: Path
) -> None:
    fill(spool, tmp_path)
    assert ship_once(spool, service.url, service.worker_key) == ShipCounts(n_sent=3)
    assert ship_once(spool, service.url, service.worker_key) == ShipCounts()
    assert [count(service, one) for one in (Event, Media, WatchReportRow)] == [1, 2, 1]
    assert spool.entries() == []


def test_what_was_sent_but_not_removed_is_sent_again_harmlessly(
    service: Service, spool: Spool
) -> None:
    event = make_flagged()
    service.post_event(event)
    spool.put_flagged(event, JPEG)
    assert ship_once(spool, service.url, service.worker_key).n_sent == 1
    assert count(service, Event) == 1


def test_nobody_there_keeps_everything(spool: Spool, tmp_path: Path) -> None:
    fill(spool, tmp_path)
    counts = ship_once(spool, "http://127.0.0.1:9", "pw_a_b")
    assert counts == ShipCounts(n_kept=3)
    assert len(spool.entries()) == 3


def test_a_refused_event_is_set_aside_and_the_rest_goes_on(
    service: Service, spool: Spool, tmp_path: Path
) -> None:
    refused = make_flagged(site_id="elsewhere")
    spool.put_flagged(refused, JPEG)
    spool.put_ended(make_ending(refused, None), None)
    fill(spool, tmp_path)
    counts = ship_once(spool, service.url, service.worker_key)
    assert counts == ShipCounts(n_sent=3, n_refused=2)
    reasons = sorted(one.read_text() for one in (spool.root / "refused").glob("*/reason.txt"))
    assert "404" in reasons[0]
    assert "josink_es" in reasons[1]


@pytest.mark.parametrize("table", ["event", "media"])
def test_what_the_service_stumbles_over_holds_up_nothing_and_stays(
    service: Service, spool: Spool, tmp_path: Path, table: str
) -> None:
    bad, good = make_flagged(), make_flagged()
    column = "id" if table == "event" else "event_id"
    with service.database.writing() as session:  # the disk is full for just this one
        session.execute(
            text(
                f"CREATE TRIGGER full BEFORE INSERT ON {table} WHEN NEW.{column} = "
                f"'{bad.id.hex}' BEGIN SELECT RAISE(ABORT, 'full'); END"
            )
        )
    clip = tmp_path / "x.mp4"
    clip.write_bytes(MP4)
    spool.put_flagged(bad, JPEG)
    spool.put_ended(make_ending(bad), clip)
    spool.put_flagged(good, JPEG)
    assert ship_once(spool, service.url, service.worker_key) == ShipCounts(n_sent=1, n_kept=2)
    with service.database.writing() as session:
        session.execute(text("DROP TRIGGER full"))
    assert ship_once(spool, service.url, service.worker_key) == ShipCounts(n_sent=2)
    assert count(service, Event) == 2


@pytest.mark.parametrize("status", [401, 403, 404, 422, 429, 500, 503])
def test_an_answer_that_is_not_ours_throws_nothing_away(spool: Spool, status: int) -> None:
    spool.put_report(make_report())
    with receiver_stub(answering(status)) as stub:
        stub_url = stub.url.removesuffix("/webhook")
        assert ship_once(spool, stub_url, "pw_a_b") == ShipCounts(n_kept=1)


def test_a_wrong_key_throws_nothing_away(service: Service, spool: Spool) -> None:
    spool.put_report(make_report())
    assert ship_once(spool, service.url, "pw_wrong_key") == ShipCounts(n_kept=1)
    assert ship_once(spool, service.url, service.partner_keys["politie"]).n_kept == 1
    assert ship_once(spool, service.url, service.worker_key).n_sent == 1


def order_of(service: Service) -> list[UUID]:
    with service.database.reading() as session:
        return list(session.scalars(select(Event.id).order_by(Event.received_at)))


def put(spool: Spool) -> UUID:
    event = make_flagged()
    spool.put_flagged(event, JPEG)
    return event.id


def test_the_newest_alarm_goes_first_also_where_it_comes_in_between(
    service: Service, spool: Spool
) -> None:
    backlog = [put(spool) for _ in range(4)]
    late: list[UUID] = []

    def put_one_more(first: bytes) -> None:
        if first.startswith(b"POST /api/v1/events") and not late:
            late.append(put(spool))
            time.sleep(0.3)  # longer than a look at the spool lasts

    with relay(service.url, put_one_more) as url:
        assert ship_once(spool, url, service.worker_key) == ShipCounts(n_sent=5)
    assert order_of(service) == [backlog[3], *late, backlog[2], backlog[1], backlog[0]]


def test_an_alarm_goes_before_a_newer_report(spool: Spool) -> None:
    put(spool)
    spool.put_report(make_report())
    with receiver_stub(answering(204)) as stub:
        ship_once(spool, stub.url.removesuffix("/webhook"), "pw_a_b")
    kinds = [one.headers["content-type"].partition(";")[0] for one in stub.seen]
    assert kinds == ["multipart/form-data", "application/json"]


def test_what_waited_for_a_service_that_was_down_goes_when_it_is_back(spool: Spool) -> None:
    put(spool)
    with (
        receiver_stub(answering(503, 204)) as stub,
        IngestClient(stub.url.removesuffix("/webhook"), "pw_a_b") as client,
    ):
        lane = _Lane(spool, client, ALARMS)
        assert lane.ship().is_down
        assert lane.ship().n_sent == 1  # not after the wait of one that the service stumbles over


def test_a_begun_and_an_ended_trouble_keep_their_order(service: Service, spool: Spool) -> None:
    begun = make_trouble()
    spool.put_trouble(begun)
    spool.put_trouble(begun.model_copy(update={"ended_at": begun.started_at + timedelta(hours=1)}))
    assert ship_once(spool, service.url, service.worker_key) == ShipCounts(n_sent=2)
    with service.database.reading() as session:
        row = session.scalars(select(Incident)).one()  # it was heard of before it was over
    assert (row.kind, row.state) == ("camera_trouble", "over")


def test_an_entry_that_cannot_be_read_holds_up_nothing_and_stays(
    service: Service, spool: Spool, tmp_path: Path
) -> None:
    fill(spool, tmp_path)
    put(spool)
    put(spool)
    newest = spool.entries()[-1]
    newest.record_path.write_bytes(b"\x00\xff")
    (spool.entries()[-2].path / "snapshot.tiff").write_bytes(JPEG)  # of a kind that we do not make
    counts = ship_once(spool, service.url, service.worker_key)
    assert counts == ShipCounts(n_sent=3, n_kept=2)
    assert not counts.is_down
    assert newest in spool.entries()


def test_what_is_too_large_for_who_stands_before_the_service_holds_up_nothing(
    spool: Spool, tmp_path: Path
) -> None:
    fill(spool, tmp_path)
    put(spool)
    with receiver_stub(answering(413)) as stub:
        counts = ship_once(spool, stub.url.removesuffix("/webhook"), "pw_a_b")
    assert len(stub.seen) == 3
    assert (counts.n_kept, counts.n_refused, counts.is_down) == (4, 0, False)


def test_a_backlog_of_clips_delays_neither_alarms_nor_the_heartbeat(
    service: Service, spool: Spool, tmp_path: Path
) -> None:
    fill(spool, tmp_path)
    held, stop = threading.Event(), threading.Event()

    def hold_clips(first: bytes) -> None:
        if first.startswith(b"PUT "):
            held.set()
            assert released.wait(30)

    released = threading.Event()
    with relay(service.url, hold_clips) as url:
        watching = Watching("hal:1", ("c1",))
        thread = threading.Thread(
            target=run_shipper,
            args=(spool, url, service.worker_key),
            kwargs={"stop": stop, "watching": watching},
        )
        thread.start()
        try:
            assert held.wait(15)
            put(spool)
            until(lambda: count(service, Event) == 2)
            until(lambda: count(service, Heartbeat) == 1)
            until(lambda: [one.stage for one in spool.entries()] == ["ended"])
        finally:
            released.set()
            stop.set()
            thread.join()
    assert spool.entries() == []
    with service.database.reading() as session:
        assert session.scalars(select(Heartbeat)).one().data["is_ending"] is True


class StoppedSpool(Spool):
    """A spool on which the alarms' own thread stumbles over something that nobody foresaw."""

    def entries(self) -> list[SpoolEntry]:
        if threading.current_thread() is threading.main_thread():
            raise RuntimeError
        return super().entries()


def threads() -> set[str]:
    return {one.name for one in threading.enumerate()}


def test_no_sign_of_life_where_nothing_is_handed_over_any_more(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipper, "BEAT_EVERY_S", 0.05)
    stop, spool = threading.Event(), StoppedSpool(tmp_path / "spool")
    watching = Watching("hal:1", ("c1",))
    try:
        with pytest.raises(RuntimeError):
            run_shipper(spool, service.url, service.worker_key, stop=stop, watching=watching)
        until(lambda: "heartbeat" not in threads())
        spool.put_report(make_report())
        until(lambda: count(service, WatchReportRow) == 1)  # what still goes goes on
    finally:
        stop.set()
        until(lambda: "records" not in threads())
    with service.database.reading() as session:
        rows = session.scalars(select(Heartbeat)).all()
    assert not any(one.data["is_ending"] for one in rows)  # its silence is an incident


def test_the_loop_waits_for_the_service_and_ships_the_last(
    service: Service, spool: Spool, tmp_path: Path
) -> None:
    stop = threading.Event()
    thread = threading.Thread(
        target=run_shipper, args=(spool, service.url, service.worker_key), kwargs={"stop": stop}
    )
    thread.start()
    try:
        fill(spool, tmp_path)
        until(lambda: spool.entries() == [])
        spool.put_report(make_report())
    finally:
        stop.set()
        thread.join()
    assert spool.entries() == []
    assert count(service, WatchReportRow) == 2
