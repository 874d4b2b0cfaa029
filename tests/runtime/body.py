"""The time that reading a body takes."""

import time

import pytest
from notes_server.runtime.http.errors import RequestRefused
from notes_server.runtime.http.guards.body import parse_message


@pytest.mark.parametrize("unit", [b'\\"', b'"\\', b"[", b'"'])
def test_reading_a_body_takes_time_in_proportion_to_its_size(unit: bytes) -> None:
    started = time.process_time()
    with pytest.raises(RequestRefused):
        parse_message(b'"' + unit * 400_000)
    assert time.process_time() - started < 2
