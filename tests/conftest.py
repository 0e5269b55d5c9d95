"""In which order the files are taken: with several processes, the long ones must not come last."""

from pathlib import Path

import pytest

# Measured, longest first, in seconds on two cores; what is not here takes less than ten.
LONG_S = {
    "test_demo": 130, "test_stream": 52, "test_browser": 52, "test_roles": 39, "test_cli": 35,
    "test_stream_pair": 28, "test_preview_command": 28, "test_chain": 25, "test_stream_av1": 23,
    "test_solving_cover": 20, "test_masks": 19, "test_preview_geometry": 19, "test_choosing": 18,
    "test_shared_footage": 18, "test_stream_http": 18, "test_nights": 17, "test_cli_ways": 16,
    "test_solving_maximum": 16, "test_stream_event": 14, "test_yardstick": 14, "test_bound": 12,
    "test_batch": 12, "test_stream_trust": 12, "test_forwarder": 11, "test_auth": 10,
    "test_preview_light": 10, "test_study": 10,
}  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Take the long files first; those of a file stay together and in their order."""
    items.sort(key=lambda item: -LONG_S.get(Path(item.path).stem, 0))
