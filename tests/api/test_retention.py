from datetime import UTC, datetime, timedelta

from api_harness import Service, make_ending, media_record

from parkwacht_api.retention import delete_old_media


def test_images_go_after_their_time_and_the_rows_stay(any_service: Service) -> None:
    event = any_service.stored()
    manifest = b"{}"
    record = media_record("manifest.json", manifest, "application/json")
    any_service.put_ending(make_ending(event, manifest=record), manifest=manifest)
    folder, now = any_service.settings.media_dir, datetime.now(UTC)

    def run(days: float) -> int:
        at = now + timedelta(days=days)
        return delete_old_media(any_service.database, any_service.site, folder, at=at)

    assert any_service.site.retention.images_days == 28
    assert run(27.9) == 0
    assert run(28.1) == 2
    assert run(28.2) == 0
    # The list of what there was stays: it shows nobody, and proves what was handed over.
    assert [one.read_bytes() for one in folder.rglob("*") if one.is_file()] == [manifest]
    with any_service.client(any_service.operator_key) as client:
        detail = client.get(f"/events/{event.id}").json()
        gone = client.get(f"/events/{event.id}/snapshot")
    assert [one["is_deleted"] for one in detail["media"]] == [True, True, False]
    assert gone.status_code == 410
    assert gone.json()["type"] == "urn:parkwacht:problem:media-gone"
