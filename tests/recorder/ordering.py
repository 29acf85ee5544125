"""Cassandra's order of clustering values, typed and the slow way; and of range bounds among rows."""

import struct
import uuid
from decimal import Decimal

from cqltypes import Bytes, Type

SIGNED = ("tinyint", "smallint", "int", "bigint", "varint", "timestamp", "time")
AFTER_ITS_ROWS = ("EXCL_START", "INCL_END")


def _float_key(value: float) -> tuple:
    return (value != value, value, not str(value).startswith("-"))


def _uuid_key(raw: bytes) -> tuple:
    value = uuid.UUID(bytes=raw)
    return (value.bytes[6] >> 4, value.time if value.version == 1 else 0, raw)


def _time_uuid_key(raw: bytes) -> tuple:
    return (uuid.UUID(bytes=raw).time, [byte - 256 if byte > 127 else byte for byte in raw[8:]])


def _parts(kind: Type, raw: bytes) -> list[tuple]:
    cursor = Bytes(raw)
    if kind.name in ("list", "set"):
        return [value_key(kind.parameters[0], cursor.prefixed()) for _ in range(cursor.int32())]
    if kind.name == "vector":
        element = kind.parameters[0]
        length = element.fixed_length()
        return [value_key(element, cursor.take(length if length is not None else cursor.unsigned_vint()))
                for _ in range(kind.dimension)]
    kinds = kind.parameters if kind.name == "tuple" else [part for _, part in kind.fields]
    return [value_key(part, cursor.prefixed() if cursor.rest() else None) for part in kinds]


def value_key(kind: Type, raw: bytes | None) -> tuple:
    """A Python key that sorts as the type does: nulls first, then empties."""
    if raw is None:
        return (0,)
    if not raw:
        return (1,)
    if kind.name in SIGNED:
        return (2, int.from_bytes(raw, "big", signed=True))
    if kind.name == "decimal":
        return (2, Decimal(int.from_bytes(raw[4:], "big", signed=True)).scaleb(-int.from_bytes(raw[:4], "big", signed=True)))
    if kind.name in ("float", "double"):
        return (2, _float_key(struct.unpack(">f" if kind.name == "float" else ">d", raw)[0]))
    if kind.name == "uuid":
        return (2, _uuid_key(raw))
    if kind.name == "timeuuid":
        return (2, _time_uuid_key(raw))
    if kind.name in ("list", "set", "tuple", "udt", "vector"):
        return (2, _parts(kind, raw))
    return (2, raw)


class ClusteringOrder:
    def __init__(self, kinds: list[Type], descending: list[bool]):
        self.kinds, self.descending = kinds, descending

    def compare_prefix(self, row: list[bytes], bound: list[bytes]) -> int:
        for kind, reverse, one, other in zip(self.kinds, self.descending, row, bound):
            left, right = value_key(kind, one), value_key(kind, other)
            if left != right:
                return -1 if (left < right) != reverse else 1
        return 0

    def row_is_after(self, row: list[bytes], bound_kind: str, bound: list[bytes]) -> bool:
        order = self.compare_prefix(row, bound)
        return order > 0 or (order == 0 and bound_kind not in AFTER_ITS_ROWS)
