"""A network between clients and brokers that can be cut.

Each client (or group of clients) reaches the brokers by a door of its own: a port for each broker, which that broker
advertises to whoever came by it, so that the client never learns of another way. One thread forwards for all doors.

A cut is a partition and no reset: connections stay, what is on its way waits, new connections hang. A client that gives
up meanwhile leaves what it has sent on its way: after `heal` the broker gets it, however late. `heal(…, lose=True)` ends the
old connections instead, so that what was on its way is lost."""

import contextlib
import enum
import selectors
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

BUFFER = 256 << 10   # of one direction of one connection; what is beyond waits in the kernel's
BACKLOG = 128


class Way(enum.Flag):
    NONE = 0
    TO_BROKER = enum.auto()
    TO_CLIENT = enum.auto()
    BOTH = TO_BROKER | TO_CLIENT


@dataclass
class _Side:
    """One end of a connection, and what waits to be written to it."""
    socket: socket.socket
    way: Way                       # of what is written to it
    waiting: bytearray = field(default_factory=bytearray)
    connected: bool = True
    has_ended: bool = False        # it sends no more
    was_told_end: bool = False     # it gets no more
    registered: int = 0


@dataclass(eq=False)
class _Connection:
    client: _Side
    broker: _Side


@dataclass(eq=False)
class _Link:
    """From a door to a broker."""
    listener: socket.socket
    target: tuple[str, int]
    cut: Way = Way.NONE
    connections: set[_Connection] = field(default_factory=set)


class Network:
    """Use as a context manager. `doors[name]` has, for each broker, where clients connect and what for. All methods may be
    called from any thread; what they ask for has happened when they return."""

    def __init__(self, doors: dict[str, list[tuple[int, int]]]):
        self._selector = selectors.DefaultSelector()
        self._links: dict[str, list[_Link]] = {}
        self._wishes: deque[tuple[Callable[[], None], threading.Event]] = deque()
        self._wake, self._woken = socket.socketpair()
        self._over = False
        self.forwarded = 0   # bytes
        for name, ports in doors.items():
            self._links[name] = [_Link(_listen(port), ("127.0.0.1", target)) for port, target in ports]
        self._thread = threading.Thread(target=self._run, name="network", daemon=True)

    def __enter__(self) -> "Network":
        self._selector.register(self._woken, selectors.EVENT_READ)
        for link in self._all():
            self._selector.register(link.listener, selectors.EVENT_READ, link)
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._ask(self._end)
        self._thread.join()
        self._selector.close()
        for each in (self._wake, self._woken):
            each.close()

    @property
    def doors(self) -> tuple[str, ...]:
        return tuple(self._links)

    def cut(self, door: str, ways: Way = Way.BOTH, broker: int | None = None) -> None:
        """Nothing goes these ways any more; brokers count from 1, None means all of them."""
        def do() -> None:
            for link in self._chosen(door, broker):
                link.cut |= ways
                self._follow(link)
        self._ask(do)

    def heal(self, door: str, broker: int | None = None, lose: bool = False) -> None:
        """Everything goes on; `lose`: by new connections only."""
        def do() -> None:
            for link in self._chosen(door, broker):
                if lose:
                    self._reset(link)
                link.cut = Way.NONE
                self._follow(link)
        self._ask(do)

    def reset(self, door: str, broker: int | None = None) -> None:
        """All connections end at once; new ones may come."""
        def do() -> None:
            for link in self._chosen(door, broker):
                self._reset(link)
        self._ask(do)

    def heal_all(self) -> None:
        for door in self._links:
            self.heal(door)

    def _all(self) -> Iterable[_Link]:
        return (link for links in self._links.values() for link in links)

    def _chosen(self, door: str, broker: int | None) -> list[_Link]:
        return self._links[door] if broker is None else [self._links[door][broker - 1]]

    def _ask(self, wish: Callable[[], None]) -> None:
        done = threading.Event()
        self._wishes.append((wish, done))
        self._wake.send(b"x")
        if not done.wait(30):
            raise RuntimeError("the network's thread does not answer")

    # The rest is for its own thread.

    def _run(self) -> None:
        while not self._over:
            for key, events in self._selector.select():
                if key.fileobj is self._woken:
                    self._woken.recv(1000)
                    while self._wishes:
                        wish, done = self._wishes.popleft()
                        wish()
                        done.set()
                elif isinstance(key.data, _Link):
                    self._accept(key.data)
                else:
                    self._move(*key.data, events)

    def _end(self) -> None:
        for link in self._all():
            self._reset(link)
            link.listener.close()
        self._over = True

    def _accept(self, link: _Link) -> None:
        # Wishes come between, and may have cut what was ready a moment ago.
        if link.cut:
            return
        try:
            client, _ = link.listener.accept()
        except OSError:
            return
        broker = socket.socket()
        for each in (client, broker):
            each.setblocking(False)
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = _Connection(_Side(client, Way.TO_CLIENT), _Side(broker, Way.TO_BROKER, connected=False))
        link.connections.add(connection)
        with contextlib.suppress(BlockingIOError):
            broker.connect(link.target)
        self._watch(link, connection)

    def _move(self, link: _Link, connection: _Connection, side: _Side, events: int) -> None:
        """Some of what may go: `side` is ready."""
        if connection not in link.connections:
            return
        other = connection.broker if side is connection.client else connection.client
        try:
            if events & selectors.EVENT_WRITE and not link.cut & side.way:
                if not side.connected:
                    if side.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                        raise ConnectionRefusedError
                    side.connected = True
                if side.waiting:
                    sent = side.socket.send(side.waiting)
                    del side.waiting[:sent]
                    self.forwarded += sent
            if events & selectors.EVENT_READ and not link.cut & other.way and len(other.waiting) < BUFFER:
                got = side.socket.recv(BUFFER - len(other.waiting))
                other.waiting += got
                side.has_ended = side.has_ended or not got
        except BlockingIOError:
            pass
        except OSError:
            self._close(link, connection)
            return
        self._watch(link, connection)

    def _follow(self, link: _Link) -> None:
        """After the cut has changed."""
        watched = link.listener in self._selector.get_map()
        if link.cut and watched:
            self._selector.unregister(link.listener)
        elif not link.cut and not watched:
            self._selector.register(link.listener, selectors.EVENT_READ, link)
        for connection in list(link.connections):
            self._watch(link, connection)

    def _watch(self, link: _Link, connection: _Connection) -> None:
        """What each side is waited for: only what may go on, so that a cut connection's end is not noticed either."""
        pairs = ((connection.client, connection.broker), (connection.broker, connection.client))
        for side, other in pairs:
            if other.has_ended and side.connected and not side.waiting and not side.was_told_end and not link.cut & side.way:
                side.was_told_end = True
                with contextlib.suppress(OSError):
                    side.socket.shutdown(socket.SHUT_WR)
        if connection.client.was_told_end and connection.broker.was_told_end:
            self._close(link, connection)
            return
        for side, other in pairs:
            wanted = 0
            if not link.cut & side.way and (side.waiting or not side.connected):
                wanted |= selectors.EVENT_WRITE
            if not link.cut & other.way and side.connected and not side.has_ended and len(other.waiting) < BUFFER:
                wanted |= selectors.EVENT_READ
            self._register(side, wanted, (link, connection, side))

    def _register(self, side: _Side, wanted: int, data) -> None:
        if wanted == side.registered:
            return
        if not side.registered:
            self._selector.register(side.socket, wanted, data)
        elif not wanted:
            self._selector.unregister(side.socket)
        else:
            self._selector.modify(side.socket, wanted, data)
        side.registered = wanted

    def _reset(self, link: _Link) -> None:
        for connection in list(link.connections):
            self._close(link, connection)

    def _close(self, link: _Link, connection: _Connection) -> None:
        link.connections.discard(connection)
        for side in (connection.client, connection.broker):
            self._register(side, 0, None)
            with contextlib.suppress(OSError):
                # With a reset, whatever was still to be sent.
                side.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            side.socket.close()


def _listen(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener
