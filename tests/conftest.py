"""In which order the files are taken: with several processes, the long ones must not come last."""

from pathlib import Path

import pytest

# Measured, longest first, seconds of a run on two cores; what is not here takes less than ten.
LONG_S = {
    "test_demo": 130, "test_browser": 60, "test_stream": 60, "test_cli": 55, "test_stream_pair": 45,
    "test_roles": 40, "test_preview_command": 35, "test_accounts": 35, "test_preview_geometry": 25,
    "test_solving_maximum": 25, "test_shared_footage": 25, "test_chain": 25, "test_forwarder": 25,
    "test_solving_cover": 25, "test_choosing": 25, "test_masks": 20, "test_nights": 20,
    "test_yardstick": 20, "test_cli_ways": 20, "test_stream_http": 20, "test_stream_event": 15,
    "test_webhook": 15, "test_events": 15, "test_auth": 15, "test_audit": 15, "test_study": 15,
    "test_mqtt": 15, "test_preview_light": 15, "test_sia_iobroker": 15, "test_batch": 15,
}  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Take the long files first; those of a file stay together and in their order."""
    items.sort(key=lambda item: -LONG_S.get(Path(item.path).stem, 0))
