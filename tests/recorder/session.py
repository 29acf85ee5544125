"""The Python driver with raw bytes in and out, on a chosen coordinator."""

import time

from cassandra import ConsistencyLevel, DriverException, InvalidRequest, OperationTimedOut, RequestExecutionException
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable
from cassandra.policies import ConstantReconnectionPolicy, RoundRobinPolicy
from cassandra.protocol import ResultMessage, _ProtocolHandler
from cassandra.query import BoundStatement, SimpleStatement

CONSISTENCY = {"ONE": ConsistencyLevel.ONE, "QUORUM": ConsistencyLevel.QUORUM, "ALL": ConsistencyLevel.ALL}
NOT_ACKNOWLEDGED = (RequestExecutionException, OperationTimedOut, NoHostAvailable)
REFUSED = InvalidRequest

__all__ = ["NOT_ACKNOWLEDGED", "REFUSED", "DriverException", "Session"]


class _RawResult(ResultMessage):
    def recv_results_rows(self, stream, protocol_version, user_types, result_metadata, column_encryption_policy):
        self.recv_results_metadata(stream, user_types)
        described = self.column_metadata or result_metadata
        self.column_names = [column[2] for column in described]
        self.column_types = [column[3] for column in described]
        count = int.from_bytes(stream.read(4), "big")
        self.parsed_rows = [self.recv_row(stream, len(described)) for _ in range(count)]


class _RawProtocol(_ProtocolHandler):
    message_types_by_opcode = {**_ProtocolHandler.message_types_by_opcode, _RawResult.opcode: _RawResult}


class Session:
    def __init__(self, addresses: list[str], port: int):
        profile = ExecutionProfile(load_balancing_policy=RoundRobinPolicy(), request_timeout=60,
                                   row_factory=lambda names, rows: [dict(zip(names, row)) for row in rows])
        self._next_timestamp = 0
        self._driver = Cluster(
            addresses, port=port, execution_profiles={EXEC_PROFILE_DEFAULT: profile}, schema_metadata_enabled=False,
            token_metadata_enabled=False, reconnection_policy=ConstantReconnectionPolicy(0.5, None),
            timestamp_generator=lambda: self._next_timestamp or int(time.time() * 1_000_000), max_schema_agreement_wait=60,
            protocol_version=4, connect_timeout=20, control_connection_timeout=20)
        self._session = self._driver.connect()
        self._session.client_protocol_handler = _RawProtocol
        self._prepared: dict[str, object] = {}

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_):
        self._driver.shutdown()

    def plain(self, cql: str) -> None:
        """A statement as text, such as a change of schema."""
        self._next_timestamp = 0
        self._session.execute(SimpleStatement(cql, consistency_level=ConsistencyLevel.QUORUM), timeout=120)

    def forget_prepared(self) -> None:
        """After a change of schema."""
        self._prepared.clear()

    def execute(self, cql: str, raws: list[bytes | None] = (), consistency: str = "QUORUM", timestamp: int = 0,
                coordinator: str | None = None) -> list[dict[str, bytes | None]]:
        """`timestamp`, unless 0, is the request's own default timestamp (not USING TIMESTAMP)."""
        if cql not in self._prepared:
            self._prepared[cql] = self._session.prepare(cql)
        bound = BoundStatement(self._prepared[cql], consistency_level=CONSISTENCY[consistency],
                               serial_consistency_level=ConsistencyLevel.SERIAL, fetch_size=500)
        bound.values = list(raws)
        self._next_timestamp = timestamp
        return list(self._session.execute(bound, host=self._host(coordinator)))

    def await_up(self, addresses: list[str], timeout: float = 60) -> None:
        deadline = time.monotonic() + timeout
        while {h.address for h in self._hosts() if h.is_up and self._pool_is_open(h)} != set(addresses):
            if time.monotonic() > deadline:
                raise TimeoutError(f"the driver does not see {', '.join(addresses)} as the nodes that are up")
            time.sleep(0.2)

    def _hosts(self):
        return self._driver.metadata.all_hosts()

    def _pool_is_open(self, host) -> bool:
        pool = self._session._pools.get(host)
        return pool is not None and not pool.is_shutdown

    def _host(self, address: str | None):
        return next((h for h in self._hosts() if h.address == address), None) if address else None
