"""What two readers could take for different requests, and what stands before, beside and behind one."""

import pytest
from process import ServerProcess, becomes_true
from runtime.test_connections import GET, HEAD, dribble, forget_refusals, impatient, is_reset, patient, refused

LAST = GET.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")


@pytest.mark.parametrize(
    "request_",
    [
        b"\x16\x03\x01 not http\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        HEAD + b"transfer-encoding: chunked\r\n\r\nnonsense\r\n",
        HEAD + b"transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n",
        HEAD + b"content-length: 5\r\ncontent-length: 6\r\n\r\n{}{}{}",
        HEAD + b"content-length: +5\r\n\r\n{}{}{}",
        HEAD + b"transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        HEAD + b"a : b\r\n\r\n",
        HEAD + b"a: b\r\n c\r\n\r\n",
        HEAD + b"a: b\nc: d\r\n\r\n",
        b"GET http://127.0.0.1/livez HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n",
        b"CONNECT 127.0.0.1:80 HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n",
        b"GET /livez\r\n\r\n",
        b"GET /livez HTTP/2.0\r\nhost: 127.0.0.1\r\n\r\n",
        b"GET  /livez HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n",
        b"GET /livez#part HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n",
        b"POST /mcp HTTP/1.0\r\nhost: 127.0.0.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"a: b\x00c\r\n\r\n",
        b"GET /livez HTTP/1.1\r\n\r\n",
        HEAD + b"Host: server.example.com\r\n\r\n",
    ],
    ids=[
        "no-head", "http-2", "chunk", "two-framings", "two-lengths", "sign", "coding", "space-before-colon", "folded",
        "bare-line-feed", "absolute-form", "tunnel", "asterisk-form", "version-0.9", "version-2", "two-spaces",
        "fragment", "chunks-of-1.0", "two-codings", "control", "no-host", "two-hosts",
    ],
)  # fmt: skip
def test_what_two_parties_could_read_differently_is_refused(patient: ServerProcess, request_: bytes) -> None:
    forget_refusals(patient)
    with patient.connect(request_) as garbled:
        assert dribble(garbled, b"").startswith(b"HTTP/1.1 400 ")
    assert becomes_true(lambda: refused(patient) == {("malformed_http", 400)})


@pytest.mark.parametrize("end", [b"", b"\r\n"], ids=["unfinished", "finished"])
def test_a_head_that_is_too_large_is_refused(patient: ServerProcess, end: bytes) -> None:
    with patient.connect(HEAD) as greedy:
        for _ in range(5):
            greedy.sendall(b"a: " + b"b" * 8_000 + b"\r\n")
        greedy.sendall(end)
        assert greedy.recv(100).startswith(b"HTTP/1.1 400 ")


def test_fields_after_the_body_are_no_headers(patient: ServerProcess) -> None:
    chunked = b"POST /mcp HTTP/1.1\r\nhost: a.example\r\ntransfer-encoding: chunked\r\n\r\n0\r\nhost: 127.0.0.1\r\n\r\n"
    with patient.connect(chunked) as late:
        assert late.recv(100).startswith(b"HTTP/1.1 421 ")


def test_white_space_around_a_fields_value_does_not_belong_to_it(patient: ServerProcess) -> None:
    with patient.connect(b"POST /mcp HTTP/1.1\r\nhost: \t 127.0.0.1 \t\r\ncontent-length: 0\r\n\r\n") as spacious:
        said = spacious.recv(100)
    assert said.startswith(b"HTTP/1.1 4")
    assert not said.startswith(b"HTTP/1.1 421 ")


def test_what_is_sent_before_its_turn_is_left_to_be_sent_again(patient: ServerProcess) -> None:
    with patient.connect(GET * 2) as eager:
        assert dribble(eager, b"").count(b"HTTP/1.1 200 ") == 1


@pytest.mark.parametrize("apart", [False, True], ids=["together", "apart"])
def test_a_body_is_no_request_whatever_protocol_is_offered(patient: ServerProcess, apart: bool) -> None:
    offer = b"connection: upgrade, close\r\nupgrade: h2c\r\ncontent-length: %d\r\n\r\n" % len(GET)
    with patient.connect(HEAD + offer + (b"" if apart else GET)) as smuggling:
        said = smuggling.recv(1_000)
        smuggling.sendall(GET if apart else b"")
        said += dribble(smuggling, b"")
    assert said.count(b"HTTP/1.1 ") == 1
    assert said.startswith(b"HTTP/1.1 4")


@pytest.mark.parametrize("end", [b"0\r\na: ", b"1;a="], ids=["trailer", "extension"])
def test_what_stands_beside_a_body_is_bounded(patient: ServerProcess, end: bytes) -> None:
    with patient.connect(HEAD + b"transfer-encoding: chunked\r\n\r\n" + end) as greedy:
        assert is_reset(greedy, b"a" * 16_384)


@pytest.mark.parametrize("later", [False, True], ids=["at-once", "later"])
@pytest.mark.parametrize(
    "first, then",
    [
        (GET, b"\r\n"),
        (HEAD + b"content-type: text/plain\r\ncontent-length: 2\r\n\r\n", b"{}"),
        (HEAD + b"content-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n", b"2\r\n{}\r\n0\r\n\r\n"),
        (HEAD + b"content-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n6\r\n{\r\n\r\n}\r\n0\r\n", b"\r\n"),
    ],
    ids=["empty-line", "late-body", "late-chunks", "late-end"],
)
def test_what_comes_after_an_answer_does_not_spoil_the_connection(
    impatient: ServerProcess, first: bytes, then: bytes, later: bool
) -> None:
    with impatient.connect(first) as answered:
        assert answered.recv(1_000)
        answered.sendall(then if later else then + LAST)
        if later:
            with impatient.connect(HEAD) as slow:  # It lets go of one that began to wait after this.
                assert dribble(slow, b"").startswith(b"HTTP/1.1 408 ")
            answered.sendall(LAST)
        assert b"HTTP/1.1 200 " in dribble(answered, b"")


def test_an_offer_of_another_protocol_changes_nothing(patient: ServerProcess) -> None:
    offer = GET.replace(b"\r\n\r\n", b"\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\n\r\n")
    with patient.connect(offer) as modern:
        said = modern.recv(1_000)
        modern.sendall(LAST)
        said += dribble(modern, b"")
    assert said.count(b"HTTP/1.1 200 ") == 2
