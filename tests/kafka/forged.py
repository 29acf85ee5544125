"""Files that no node wrote, put among those of a recorded node: commit-log segments of version 7, plain, and a past."""

import struct
import uuid
import zlib
from pathlib import Path

SYSTEM_LOCAL = uuid.UUID("7ad54392-bcdd-35a6-8417-4e047860b377")   # the id of system.local, the same on every node
TIMESTAMP_EPOCH = 1_442_880_000_000_000                            # what Cassandra's deltas of timestamps count from
SEGMENT_BYTES = 1 << 20
NAME = "CommitLog-7-{}"


def _vint(number: int) -> bytes:
    """Cassandra's unsigned one: as many leading ones as bytes follow the first."""
    more = min(8, max(0, number.bit_length() - 1) // 7)
    ones = 0xff & ~(0xff >> more)
    return (number | ones << 8 * more).to_bytes(more + 1, "big")


def _sized(data: bytes) -> bytes:
    return _vint(len(data)) + data


def _header(number: int) -> bytes:
    version, parameters = 7, b"{}"
    checked = struct.pack(">iIIi", version, number & 0xffffffff, number >> 32, len(parameters)) + parameters
    return struct.pack(">iqh", version, number, len(parameters)) + parameters + struct.pack(">I", zlib.crc32(checked))


def _truncated_at(table: uuid.UUID, cut: tuple[int, int], at_us: int) -> bytes:
    """UPDATE system.local SET truncated_at[table] = (cut, at_us): docs/formats/truncation.md."""
    record = struct.pack(">qiq", *cut, at_us // 1000)
    stats = _vint(at_us - TIMESTAMP_EPOCH) + _vint(0) + _vint(0)
    columns = _vint(1) + _sized(b"truncated_at")
    row_estimate, all_columns, end = b"\x10", b"\x20", b"\x01"
    cell = b"\x00" + _vint(0) + _sized(table.bytes) + _sized(record)
    return (_vint(1) + SYSTEM_LOCAL.bytes + _sized(b"local") + row_estimate + stats + columns + _vint(1)
            + all_columns + _vint(1) + cell + end)


def _write(cdc_raw: Path, number: int, content: bytes) -> list[Path]:
    """A segment that its node is done with; all that was written, in the order in which capture should see it."""
    index, segment = cdc_raw / f"{NAME.format(number)}_cdc.idx", cdc_raw / f"{NAME.format(number)}.log"
    segment.write_bytes(content.ljust(SEGMENT_BYTES, b"\0"))
    index.write_text(f"{SEGMENT_BYTES}\nCOMPLETED", encoding="ascii")
    return [segment, index]


def truncation(cdc_raw: Path, number: int, table: uuid.UUID, at_us: int) -> list[Path]:
    """One in which the node says that it truncated the table at its beginning."""
    header = _header(number)
    payload = _truncated_at(table, (number, 0), at_us)
    size = struct.pack(">i", len(payload))
    entry = (size + struct.pack(">I", zlib.crc32(size)) + payload + struct.pack(">I", zlib.crc32(payload, zlib.crc32(size))))
    end = len(header) + 8 + len(entry)
    marked = struct.pack(">III", number & 0xffffffff, number >> 32, len(header))
    return _write(cdc_raw, number, header + struct.pack(">iI", end, zlib.crc32(marked)) + entry)


def damaged(cdc_raw: Path, number: int) -> list[Path]:
    """One of which only the header can be read."""
    return _write(cdc_raw, number, _header(number) + b"\xff" * 4000)


def past(home: Path, table: str, identity: uuid.UUID) -> None:
    """A file of an SSTable, by which the table has rows that no log holds. Nobody can read it."""
    keyspace, name = table.split(".")
    directory = home / "data" / keyspace / f"{name}-{identity.hex}"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "nb-1-big-Data.db").touch()
