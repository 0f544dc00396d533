import socket
import time

from tests.doubles import closed_port
from ui.local_servers import LOCAL_SERVERS, LocalServer, describe_local_servers


def test_a_server_that_listens_is_told_of_with_what_to_set():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        line = describe_local_servers((LocalServer("None", closed_port()), LocalServer("Ollama", port)))
        assert "Ollama" in line
        assert f"DALIL_LLM_BASE_URL=http://127.0.0.1:{port}/v1" in line
        assert "\n" not in line
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.recv(1) == b"", "nothing is sent to it"


def test_where_none_listens_nothing_is_said_and_little_time_lost():
    started = time.monotonic()
    assert describe_local_servers(tuple(LocalServer("None", closed_port()) for _ in LOCAL_SERVERS)) is None
    assert time.monotonic() - started < 0.3


def test_the_ports_are_those_that_the_programs_have():
    assert [server.port for server in LOCAL_SERVERS] == [11434, 1234, 8080]
