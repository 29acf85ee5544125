#!/usr/bin/env python3
"""The network that the other tests cut, between a client and a server that only echoes."""

import socket
import threading
import time
import unittest

from network import Network, Way

QUIET = 0.3   # for so long nothing may come


class _Echo(threading.Thread):
    """Sends back what it gets, and remembers it."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.got = bytearray()
        self.ended = 0
        self.start()

    def run(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            while some := connection.recv(1 << 16):
                self.got += some
                connection.sendall(some)
        except OSError:
            pass
        self.ended += 1
        connection.close()


class NetworkTest(unittest.TestCase):
    def setUp(self) -> None:
        self.echo = _Echo()
        self.addCleanup(self.echo.listener.close)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.network = Network({"door": [(self.port, self.echo.port)]})
        self.network.__enter__()
        self.addCleanup(self.network.__exit__)

    def connect(self) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self.port), timeout=5)
        self.addCleanup(client.close)
        return client

    def expect(self, client: socket.socket, what: bytes) -> None:
        client.settimeout(5)
        got = bytearray()
        while len(got) < len(what):
            some = client.recv(1 << 16)
            self.assertTrue(some, "the connection ended")
            got += some
        self.assertEqual(got, what)

    def expect_nothing(self, client: socket.socket) -> None:
        client.settimeout(QUIET)
        with self.assertRaises(TimeoutError):
            client.recv(1000)

    def test_more_than_any_buffer_goes_through(self) -> None:
        client = self.connect()
        much = bytes(range(256)) * (20 << 10)
        sender = threading.Thread(target=client.sendall, args=(much,))
        sender.start()
        self.expect(client, much)
        sender.join()

    def test_what_is_cut_waits(self) -> None:
        client = self.connect()
        client.sendall(b"one")
        self.expect(client, b"one")
        self.network.cut("door")
        client.sendall(b"two")
        late = self.connect()   # the kernel answers; nobody behind it does
        late.sendall(b"three")
        self.expect_nothing(client)
        self.expect_nothing(late)
        self.assertEqual(self.echo.got, b"one")
        self.network.heal("door")
        self.expect(client, b"two")
        self.expect(late, b"three")

    def test_who_gives_up_is_heard_all_the_same(self) -> None:
        client = self.connect()
        client.sendall(b"one")
        self.expect(client, b"one")
        self.network.cut("door")
        client.sendall(b"two")
        client.close()
        time.sleep(QUIET)
        self.assertEqual((self.echo.got, self.echo.ended), (b"one", 0))
        self.network.heal("door")
        self.await_that(lambda: self.echo.got == b"onetwo" and self.echo.ended == 1)

    def test_answers_that_are_lost(self) -> None:
        client = self.connect()
        self.network.cut("door", Way.TO_CLIENT)
        client.close()
        self.network.heal("door", lose=True)
        client = self.connect()
        client.sendall(b"one")
        self.expect(client, b"one")
        self.network.cut("door", Way.TO_CLIENT)
        client.sendall(b"two")
        self.await_that(lambda: self.echo.got == b"onetwo")
        self.expect_nothing(client)
        self.network.heal("door", lose=True)
        client.settimeout(5)
        with self.assertRaises(ConnectionResetError):
            client.recv(1000)
        again = self.connect()
        again.sendall(b"three")
        self.expect(again, b"three")

    def test_requests_that_wait(self) -> None:
        client = self.connect()
        client.sendall(b"one")
        self.expect(client, b"one")
        self.network.cut("door", Way.TO_BROKER)
        client.sendall(b"two")
        self.expect_nothing(client)
        self.assertEqual(self.echo.got, b"one")
        self.network.heal("door")
        self.expect(client, b"two")

    def test_ends_are_handed_on(self) -> None:
        client = self.connect()
        client.sendall(b"one")
        client.shutdown(socket.SHUT_WR)
        self.expect(client, b"one")
        self.assertEqual(client.recv(1000), b"")
        self.network.reset("door")

    def await_that(self, holds) -> None:
        deadline = time.monotonic() + 5
        while not holds():
            self.assertLess(time.monotonic(), deadline, f"got {self.echo.got}, {self.echo.ended} ended")
            time.sleep(0.01)


if __name__ == "__main__":
    unittest.main()
