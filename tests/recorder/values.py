"""Random values of every CQL type, as native bytes, weighted towards the edges that decoders get wrong."""

import random
import struct
import uuid

from cqltypes import MAY_BE_EMPTY, Type, signed_vint, to_json, unsigned_vint

TEXTS = ["", "a", "b", "Fargo", "naïve", "日本語", "🎬🎞", "quote\"back\\slash", "line\nbreak\ttab", "nul\x00\x1f\x7f", "<&>'",
         "\u2028\u2029", "x" * 300]
INTEGER_BITS = {"tinyint": 8, "smallint": 16, "int": 32, "bigint": 64}
FLOATS = [0.0, -0.0, 1.0, -1.5, 0.1, float("nan"), float("inf"), float("-inf"), 1e-10, 3.4028234663852886e38, 1.401298464324817e-45]
DOUBLES = [*FLOATS, 1.7976931348623157e308, 5e-324, 1e22, 123456789.123456789, 1e16, 1e21]
DECIMALS = [(150, 2), (1, -30), (0, 0), (0, 5), (-1, 7), (10**30 + 1, 15), (-12345, 3), (1, 20), (99, -2)]
MILLIS_PER_DAY = 86_400_000


def signed_bytes(value: int) -> bytes:
    """Java's BigInteger.toByteArray."""
    length = (value if value >= 0 else ~value).bit_length() // 8 + 1
    return value.to_bytes(length, "big", signed=True)


def prefixed(raw: bytes | None) -> bytes:
    return b"\xff\xff\xff\xff" if raw is None else len(raw).to_bytes(4, "big") + raw


def bigint(value: int) -> bytes:
    return value.to_bytes(8, "big", signed=True)


class Values:
    """One seeded source of values. `spread` is how many distinct values a key column may take."""

    def __init__(self, rng: random.Random):
        self.rng = rng

    def key(self, kind: Type, spread: int, may_be_empty: bool = False) -> bytes:
        """A value from a small fixed pool of the type, so that keys meet again."""
        if may_be_empty and kind.name in MAY_BE_EMPTY and self.rng.random() < 0.1:
            return b""
        pool = Values(random.Random(f"{kind} {self.rng.randrange(spread)}"))
        while True:
            raw = pool.value(kind)
            is_zero_decimal = kind.name == "decimal" and not any(raw[4:])   # 0 and 0.000 are one clustering
            if raw and not is_zero_decimal:
                return raw

    def value(self, kind: Type) -> bytes:
        return getattr(self, f"_{kind.name}")(kind)

    def _integer(self, bits: int) -> int:
        pick = self.rng.random()
        if pick < 0.15:
            return self.rng.choice([0, -1, 1, 2**(bits - 1) - 1, -2**(bits - 1)])
        width = bits if pick < 0.5 else min(bits, 8)
        return self.rng.randrange(-2**(width - 1), 2**(width - 1))

    def _fixed_integer(self, kind: Type) -> bytes:
        bits = INTEGER_BITS[kind.name]
        return self._integer(bits).to_bytes(bits // 8, "big", signed=True)

    _tinyint = _smallint = _int = _bigint = _fixed_integer

    def _varint(self, _kind) -> bytes:
        return signed_bytes(self._integer(self.rng.choice([8, 32, 64, 65, 200])))

    def _decimal(self, _kind) -> bytes:
        unscaled, scale = self.rng.choice(DECIMALS)
        if self.rng.random() < 0.5:
            unscaled, scale = self._integer(64), self.rng.randrange(-40, 40)
        return scale.to_bytes(4, "big", signed=True) + signed_bytes(unscaled)

    def _float(self, _kind) -> bytes:
        raw = struct.pack(">f", self.rng.choice(FLOATS))
        return raw if self.rng.random() < 0.5 else struct.pack(">f", self.rng.uniform(-1000, 1000))

    def _double(self, _kind) -> bytes:
        return struct.pack(">d", self.rng.choice(DOUBLES) if self.rng.random() < 0.5 else self.rng.gauss(0, 1e6))

    def _boolean(self, _kind) -> bytes:
        return bytes([self.rng.randrange(2)])

    def _text(self, _kind) -> bytes:
        return self.rng.choice(TEXTS).encode() if self.rng.random() < 0.5 else f"t{self.rng.randrange(1000)}".encode()

    def _ascii(self, _kind) -> bytes:
        return bytes(self.rng.randrange(32, 127) for _ in range(self.rng.randrange(12)))

    def _blob(self, _kind) -> bytes:
        return self.rng.randbytes(self.rng.choice([0, 1, 2, 3, 16, 40]))

    def _uuid(self, _kind) -> bytes:
        return uuid.UUID(bytes=self.rng.randbytes(16), version=4).bytes

    def _timeuuid(self, _kind) -> bytes:
        return uuid.UUID(bytes=self.rng.randbytes(16), version=1).bytes

    def _inet(self, _kind) -> bytes:
        return self.rng.choice([self.rng.randbytes(4), self.rng.randbytes(16), bytes(15) + b"\x01", b"\x7f\x00\x00\x01",
                                bytes.fromhex("20010db8000000000000000000000001")])

    def _timestamp(self, _kind) -> bytes:
        return bigint(self.rng.choice([0, -1, 1, 1795246851123, -62135596800000, 253402300799999,
                                       self.rng.randrange(-2 * 10**12, 4 * 10**12)]))

    def _date(self, _kind) -> bytes:
        days = self.rng.choice([0, -1, 19000, self.rng.randrange(-700_000, 2_900_000)])
        return (days + 2**31).to_bytes(4, "big")

    def _time(self, _kind) -> bytes:
        return bigint(self.rng.choice([0, 86_399_999_999_999, self.rng.randrange(86_400_000_000_000)]))

    def _duration(self, _kind) -> bytes:
        sign = self.rng.choice([1, -1])
        parts = (self.rng.choice([0, 1, self.rng.randrange(2**31)]), self.rng.choice([0, 1, self.rng.randrange(2**31)]),
                 self.rng.choice([0, 1, self.rng.randrange(2**63)]))
        return b"".join(signed_vint(sign * part) for part in parts)

    def _custom(self, kind: Type) -> bytes:
        if kind.text.endswith("LexicalUUIDType"):
            return self.rng.randbytes(16)
        component = self.rng.randbytes(4)
        name = f"c{self.rng.randrange(100)}".encode()
        return b"\x00\x04" + component + b"\x00" + len(name).to_bytes(2, "big") + name + b"\x00"

    def _count(self) -> int:
        return self.rng.choice([0, 1, 1, 2, 3, 5])

    def _distinct(self, kind: Type, count: int) -> list[bytes]:
        """Distinct values; those of integers and bytes in the type's own order, so that a key's set is as stored."""
        found: dict[str, bytes] = {}
        for _ in range(count):
            raw = self.value(kind)
            found[repr(to_json(kind, raw))] = raw
        signed = kind.name in INTEGER_BITS
        return sorted(found.values(), key=lambda raw: int.from_bytes(raw, "big", signed=True) if signed else raw)

    def _list(self, kind: Type) -> bytes:
        elements = [self.value(kind.parameters[0]) for _ in range(self._count())]
        return len(elements).to_bytes(4, "big") + b"".join(map(prefixed, elements))

    def _set(self, kind: Type) -> bytes:
        elements = self._distinct(kind.parameters[0], self._count())
        return len(elements).to_bytes(4, "big") + b"".join(map(prefixed, elements))

    def _map(self, kind: Type) -> bytes:
        keys = self._distinct(kind.parameters[0], self._count())
        return len(keys).to_bytes(4, "big") + b"".join(
            prefixed(key) + prefixed(self.value(kind.parameters[1])) for key in keys)

    def _fields(self, kinds: list[Type]) -> bytes:
        return b"".join(prefixed(None if self.rng.random() < 0.2 else self.value(kind)) for kind in kinds)

    def _tuple(self, kind: Type) -> bytes:
        return self._fields(list(kind.parameters))

    def _udt(self, kind: Type) -> bytes:
        present = len(kind.fields) if self.rng.random() < 0.8 else self.rng.randrange(1, len(kind.fields) + 1)
        return self._fields([part for _, part in kind.fields[:present]])

    def _vector(self, kind: Type) -> bytes:
        element = kind.parameters[0]
        raws = [self.value(element) for _ in range(kind.dimension)]
        if element.fixed_length() is not None:
            return b"".join(raws)
        return b"".join(unsigned_vint(len(raw)) + raw for raw in raws)
