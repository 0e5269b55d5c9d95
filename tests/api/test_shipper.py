import threading
from pathlib import Path

import pytest
from api_harness import (
    JPEG,
    MP4,
    Service,
    answering,
    make_ending,
    make_flagged,
    make_report,
    receiver_stub,
    until,
)
from sqlalchemy import func, select, text

from parkwacht_api.models import Event, Media, WatchReportRow
from parkwacht_api.shipper import ShipCounts, run_shipper, ship_once
from parkwacht_vision.spool import Spool


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


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
