"""The network that loses bytes loses what it was told to lose, and nothing else."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import faults
import pytest
from faultproxy import FaultProxy, fault_proxy


@pytest.fixture
def proxy() -> Iterator[FaultProxy]:
    """In front of a server that says every line back."""
    with faults.scripted(b"hi\r\n", lambda: lambda line: line) as server, fault_proxy(server.port) as made:
        yield made


def talk(proxy: FaultProxy, *lines: bytes) -> bytes:
    """What a client hears until the line is cut, or nothing has come for 0.3 s."""
    with socket.create_connection((proxy.host, proxy.port), 5) as client:
        client.settimeout(0.3)
        heard = b""
        try:
            heard += client.recv(100)
            for line in lines:
                client.sendall(line)
                heard += client.recv(100)
            heard += client.recv(100) or b"<cut>"
        except TimeoutError:
            return heard + b"<silence>"
        except OSError:
            return heard + b"<cut>"
        return heard


def test_bytes_pass_as_they_are(proxy: FaultProxy) -> None:
    """H-proxy: without a fault it is a relay."""
    assert talk(proxy, b"one\r\n", b"two\r\n") == b"hi\r\none\r\ntwo\r\n<silence>"
    assert (proxy.sent, proxy.received, proxy.connections) == (b"one\r\ntwo\r\n", 14, 1)


def test_each_fault_does_what_it_says(proxy: FaultProxy) -> None:
    """H-proxy: "black-hole, cut after N bytes, eat a matching reply, drop all"; and a server that is down."""
    proxy.cut_after = 6
    assert talk(proxy, b"one\r\n") == b"hi\r\non<cut>"
    proxy.heal()
    proxy.cut_up_after = 2
    assert talk(proxy, b"one\r\n").endswith(b"<cut>")
    assert proxy.received < 9 + 9, "the server has not heard the whole line"
    proxy.heal()
    proxy.black = True
    assert talk(proxy, b"one\r\n") == b"<silence>"
    proxy.heal()
    proxy.refuse = True
    assert talk(proxy, b"one\r\n") == b"<cut>"
    proxy.heal()
    proxy.eat = b"two"
    assert talk(proxy, b"one\r\n", b"two\r\n") == b"hi\r\none\r\n<cut>"
    proxy.eat, proxy.eat_only = (lambda octets: octets == b"two\r\n"), True
    assert talk(proxy, b"one\r\n", b"two\r\n") == b"hi\r\none\r\n<silence>"
    assert proxy.eaten == 2
    proxy.heal()
    proxy.close_at = b"two"
    assert talk(proxy, b"one\r\n", b"two\r\n").endswith(b"one\r\n<cut>")
    proxy.heal()
    assert talk(proxy, b"two\r\n") == b"hi\r\ntwo\r\n<silence>"


def test_all_connections_are_dropped(proxy: FaultProxy) -> None:
    """H-proxy: drop all; new ones pass."""
    clients = [socket.create_connection((proxy.host, proxy.port), 5) for _ in range(3)]
    assert [client.recv(4) for client in clients] == [b"hi\r\n"] * 3
    proxy.drop()
    for client in clients:
        with client:
            assert client.recv(4) == b""
    assert talk(proxy) == b"hi\r\n<silence>"
