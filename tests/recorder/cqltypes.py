"""CQL types: their strings, and from native bytes to the JSON forms of Braid's events.

Deliberately shares nothing with the driver, which loses precision in places, nor with Braid: it is the judge."""

import base64
import datetime
import ipaddress
import json
import math
import re
import socket
import struct
import uuid
from dataclasses import dataclass

FIXED_LENGTHS = {"boolean": 1, "int": 4, "float": 4, "bigint": 8, "double": 8, "timestamp": 8, "uuid": 16, "timeuuid": 16}
COLLECTIONS = ("list", "set", "map")


@dataclass(frozen=True)
class Type:
    name: str                                     # a native type, list, set, map, tuple, vector, udt or custom
    parameters: tuple["Type", ...] = ()
    fields: tuple[tuple[str, "Type"], ...] = ()   # of a udt
    dimension: int = 0                            # of a vector
    frozen: bool = False
    text: str = ""                                # of a udt, its name; of a custom type, its class

    def is_multi_cell(self) -> bool:
        return not self.frozen and self.name in (*COLLECTIONS, "udt")

    def fixed_length(self) -> int | None:
        if self.name == "vector":
            element = self.parameters[0].fixed_length()
            return None if element is None else element * self.dimension
        return FIXED_LENGTHS.get(self.name)


class _Parser:
    def __init__(self, text: str, udts: dict[str, list[tuple[str, str]]]):
        self.tokens = re.findall(r"'[^']*'|\"(?:[^\"]|\"\")*\"|[\w]+|[<>,]", text)
        self.udts = udts

    def parse(self, frozen: bool = False) -> Type:
        name = self.tokens.pop(0)
        if name.startswith("'"):
            return Type("custom", text=name[1:-1])
        if name == "frozen":
            self._expect("<")
            inner = self.parse(frozen=True)
            self._expect(">")
            return inner
        if name == "vector":
            self._expect("<")
            element = self.parse(frozen=True)
            self._expect(",")
            dimension = int(self.tokens.pop(0))
            self._expect(">")
            return Type(name, (element,), dimension=dimension, frozen=True)
        if name in (*COLLECTIONS, "tuple"):
            self._expect("<")
            parameters = [self.parse(frozen=True)]
            while self.tokens[0] == ",":
                self._expect(",")
                parameters.append(self.parse(frozen=True))
            self._expect(">")
            return Type(name, tuple(parameters), frozen=frozen or name == "tuple")
        name = name[1:-1].replace('""', '"') if name.startswith('"') else name
        if name in self.udts:
            fields = tuple((field, parse(text, self.udts, True)) for field, text in self.udts[name])
            return Type("udt", fields=fields, frozen=frozen, text=name)
        return Type("text" if name == "varchar" else name)

    def _expect(self, token: str) -> None:
        if self.tokens.pop(0) != token:
            raise ValueError(f"expected {token}")


def parse(text: str, udts: dict[str, list[tuple[str, str]]], frozen: bool = False) -> Type:
    """`udts` maps a name to its fields: [(name, type string), ...]."""
    return _Parser(text, udts).parse(frozen)


class Bytes:
    """A cursor."""

    def __init__(self, data: bytes):
        self.data, self.at = data, 0

    def take(self, count: int) -> bytes:
        if self.at + count > len(self.data):
            raise ValueError("value is cut short")
        self.at += count
        return self.data[self.at - count:self.at]

    def rest(self) -> int:
        return len(self.data) - self.at

    def int32(self) -> int:
        return int.from_bytes(self.take(4), "big", signed=True)

    def prefixed(self) -> bytes | None:
        """A value behind its 32-bit length; None for a negative one."""
        length = self.int32()
        return None if length < 0 else self.take(length)

    def unsigned_vint(self) -> int:
        first = self.take(1)[0]
        extra = 8 - (first ^ 0xFF).bit_length()
        value = first & (0xFF >> extra) if extra < 8 else 0
        return int.from_bytes(value.to_bytes(1, "big") + self.take(extra), "big")

    def signed_vint(self) -> int:
        value = self.unsigned_vint()
        return (value >> 1) ^ -(value & 1)


def unsigned_vint(value: int) -> bytes:
    for extra in range(8):
        if value < 1 << (7 * (extra + 1)):
            marked = value | ((0xFF00 >> extra) & 0xFF) << (8 * extra)
            return marked.to_bytes(extra + 1, "big")
    return b"\xff" + value.to_bytes(8, "big")


def signed_vint(value: int) -> bytes:
    return unsigned_vint(value << 1 if value >= 0 else ((-value) << 1) - 1)


def decimal_text(unscaled: int, scale: int) -> str:
    """As Java's BigDecimal.toString."""
    if scale == 0:
        return str(unscaled)
    sign, digits = ("-" if unscaled < 0 else ""), str(abs(unscaled))
    adjusted = len(digits) - 1 - scale
    if scale > 0 and adjusted >= -6:
        digits = digits.rjust(scale + 1, "0")
        return f"{sign}{digits[:-scale]}.{digits[-scale:]}"
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{fraction}" + (f"E{adjusted:+d}" if adjusted else "")


def civil_date(days: int) -> str:
    """ISO 8601, proleptic Gregorian; years outside 0000-9999 carry a sign, as java.time prints them."""
    shifted = days + 719468
    era, day_of_era = divmod(shifted, 146097)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month_index = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * month_index + 2) // 5 + 1
    month = month_index + 3 if month_index < 10 else month_index - 9
    year = year_of_era + era * 400 + (1 if month <= 2 else 0)
    year_text = f"{year:04d}" if 0 <= year <= 9999 else f"{'+' if year > 0 else '-'}{abs(year):04d}"
    return f"{year_text}-{month:02d}-{day:02d}"


def timestamp_text(milliseconds: int) -> str:
    days, in_day = divmod(milliseconds, 86_400_000)
    seconds, millis = divmod(in_day, 1000)
    return f"{civil_date(days)}T{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{millis:03d}Z"


def time_text(nanoseconds: int) -> str:
    seconds, nanos = divmod(nanoseconds, 1_000_000_000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{nanos:09d}"


def _float_json(value: float, single: bool):
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if not single:
        return value
    for precision in range(1, 10):
        short = float(f"{value:.{precision}g}")
        try:
            if struct.unpack(">f", struct.pack(">f", short))[0] == value:
                return short
        except OverflowError:
            continue
    return value


def _duration_json(raw: bytes) -> dict:
    cursor = Bytes(raw)
    return {name: cursor.signed_vint() for name in ("months", "days", "nanoseconds")}


def _inet_text(raw: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw)


def _signed(raw: bytes) -> int:
    return int.from_bytes(raw, "big", signed=True)


NATIVE_TO_JSON = {
    "ascii": lambda raw: raw.decode("ascii"),
    "text": lambda raw: raw.decode("utf-8"),
    "blob": lambda raw: base64.b64encode(raw).decode(),
    "custom": lambda raw: base64.b64encode(raw).decode(),
    "boolean": lambda raw: raw[0] != 0,
    "tinyint": _signed, "smallint": _signed, "int": _signed, "bigint": _signed, "counter": _signed,
    "varint": lambda raw: str(_signed(raw)),
    "decimal": lambda raw: decimal_text(_signed(raw[4:]), _signed(raw[:4])),
    "float": lambda raw: _float_json(struct.unpack(">f", raw)[0], True),
    "double": lambda raw: _float_json(struct.unpack(">d", raw)[0], False),
    "uuid": lambda raw: str(uuid.UUID(bytes=raw)),
    "timeuuid": lambda raw: str(uuid.UUID(bytes=raw)),
    "inet": _inet_text,
    "timestamp": lambda raw: timestamp_text(_signed(raw)),
    "date": lambda raw: civil_date(int.from_bytes(raw, "big") - 2**31),
    "time": lambda raw: time_text(_signed(raw)),
    "duration": _duration_json,
}
MAY_BE_EMPTY = ("ascii", "text", "blob", "custom")


def to_json(kind: Type, raw: bytes | None):
    """The event's JSON value of native bytes. An empty value of a type that has no empty form is null."""
    if raw is None or (not raw and kind.name in NATIVE_TO_JSON and kind.name not in MAY_BE_EMPTY):
        return None
    if kind.name in NATIVE_TO_JSON:
        return NATIVE_TO_JSON[kind.name](raw)
    cursor = Bytes(raw)
    if kind.name in ("list", "set"):
        elements = [to_json(kind.parameters[0], cursor.prefixed()) for _ in range(cursor.int32())]
        return elements if elements or kind.frozen else None
    if kind.name == "map":
        key_type, value_type = kind.parameters
        pairs = [(to_json(key_type, cursor.prefixed()), to_json(value_type, cursor.prefixed()))
                 for _ in range(cursor.int32())]
        if not pairs and not kind.frozen:
            return None
        if key_type.name in ("text", "ascii"):
            return dict(pairs)
        return [{"key": key, "value": value} for key, value in pairs]
    if kind.name == "tuple":
        return [to_json(part, cursor.prefixed() if cursor.rest() else None) for part in kind.parameters]
    if kind.name == "udt":
        return {name: to_json(part, cursor.prefixed() if cursor.rest() else None) for name, part in kind.fields}
    if kind.name == "vector":
        element = kind.parameters[0]
        length = element.fixed_length()
        return [to_json(element, cursor.take(length if length is not None else cursor.unsigned_vint()))
                for _ in range(kind.dimension)]
    raise ValueError(f"no JSON form for {kind.name}")


def dumps(value) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def self_test() -> None:
    for days in (-2**31, -719529, -719528, -1, 0, 59, 11016, 2932896, 2932897, 2**31 - 1):
        text = civil_date(days)
        if "0001-01-01" <= text <= "9999-12-31" and text[0] not in "+-":
            assert datetime.date.fromisoformat(text).toordinal() - 719163 == days, text
    for value in (0, 1, 127, 128, 16383, 16384, 2**31, 2**56 - 1, 2**56, 2**64 - 1):
        assert Bytes(unsigned_vint(value)).unsigned_vint() == value, value
    for value in (0, -1, 1, -64, 64, 2**62, -2**63, 2**63 - 1):
        assert Bytes(signed_vint(value)).signed_vint() == value, value
    for unscaled, scale, text in ((150, 2, "1.50"), (1, -30, "1E+30"), (-1, 7, "-1E-7"), (1, 6, "0.000001"),
                                  (0, 3, "0.000"), (123, -2, "1.23E+4"), (0, -2, "0E+2"), (123, 10, "1.23E-8")):
        assert decimal_text(unscaled, scale) == text, (unscaled, scale)
    assert ipaddress.ip_address(_inet_text(bytes(16))).compressed == "::"
    assert timestamp_text(-1) == "1969-12-31T23:59:59.999Z"


if __name__ == "__main__":
    self_test()
