"""From an event's plain JSON to what its typed forms must say: docs/formats/event-typed.md, written a second time."""

import base64
import json
import math
import re
import struct

# model/type.h
ASCII, BLOB, DATE, DOUBLE, DURATION, FLOAT, LIST, SET, MAP, TUPLE, UDT, VECTOR, CUSTOM, TIME, TEXT = (
    1, 3, 6, 8, 9, 11, 22, 23, 24, 25, 26, 27, 28, 16, 15)
NESTED = (LIST, SET, MAP, TUPLE, UDT, VECTOR)


class Unfit(Exception):
    """Bytes that are no value: null in every typed form."""


def _days(text: str) -> int:
    """Days since 1970 of an ISO date, of any year. (The Gregorian calendar's day number, of Fliegel and van Flandern.)"""
    year, month, day = (int(part) for part in re.fullmatch(r"([+-]?\d+)-(\d\d)-(\d\d)", text).groups())
    if month <= 2:
        year, month = year - 1, month + 12
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + day - 1 - 719468


def _nanoseconds(text: str) -> int:
    hours, minutes, seconds, fraction = re.fullmatch(r"(\d\d):(\d\d):(\d\d)\.(\d{9})", text).groups()
    return ((int(hours) * 60 + int(minutes)) * 60 + int(seconds)) * 10**9 + int(fraction)


def _towards_zero(number: int, by: int) -> tuple[int, int]:
    quotient, rest = divmod(abs(number), by)
    return (quotient, rest) if number >= 0 else (-quotient, -rest)


def _interval(duration: dict) -> str:
    years, months = _towards_zero(duration["months"], 12)
    minutes, rest = _towards_zero(duration["nanoseconds"], 60 * 10**9)
    hours, minutes = _towards_zero(minutes, 60)
    seconds, fraction = divmod(abs(rest), 10**9)
    text = f"{seconds}.{fraction:09}".rstrip("0").rstrip(".")
    sign = "-" if rest < 0 else ""
    return f"P{years}Y{months}M{duration['days']}DT{hours}H{minutes}M{sign}{text}S"


def _is_unfit(value) -> bool:
    return isinstance(value, dict) and list(value) == ["invalid"]


def _part(value, described):
    """A value within another: one that is unfit is null by itself."""
    try:
        return expected(value, described)
    except Unfit:
        return None


def expected(value, described, nested_as_json=False, text=None):
    """The typed value of a plain one: structs are lists of (name, value), bytes are bytes. Unfit if it is none.
    `text` is the value as it was written, if it is known."""
    kind, args = described["kind"], described["args"]
    if value is None:
        return None
    if kind in NESTED and nested_as_json:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False) if text is None else text
    if _is_unfit(value) and not (kind == UDT and described.get("fields") == ["invalid"]):
        raise Unfit
    if kind in (FLOAT, DOUBLE):
        return (Float32 if kind == FLOAT else float)(value)
    if kind in (BLOB, CUSTOM):
        return base64.b64decode(value, validate=True)
    if kind == DATE:
        return _days(value)
    if kind == TIME:
        return _nanoseconds(value)
    if kind == DURATION:
        return _interval(value)
    if kind in (LIST, SET, VECTOR):
        return [_part(item, args[0]) for item in value]
    if kind == TUPLE:
        return Struct((f"f{i}", _part(item, args[i])) for i, item in enumerate(value))
    if kind == UDT:
        return Struct((name, _part(value[name], args[i])) for i, name in enumerate(described["fields"]))
    if kind == MAP:
        if args[0]["kind"] in (TEXT, ASCII):
            return {key: _part(item, args[1]) for key, item in value.items()}
        return [Struct((("key", _part(entry["key"], args[0])), ("value", _part(entry["value"], args[1])))) for entry in value]
    return value


class Float32(float):
    """A number of 32 bits, which the shortest digits stand for."""

    bits = struct.Struct("<f")

    def is_also(self, other: float) -> bool:
        return self.bits.pack(self) == self.bits.pack(other)


class Struct(list):
    """A struct's fields in order, as (name, value)."""


def same(wanted, got, *, names: bool, numbers: bool) -> bool:
    """Whether a typed form says what is expected. `names`: structs have CQL's names (in Avro they are made legal, and only their
    order is held); `numbers`: NaN and infinities are said (in Connect's JSON they are null)."""
    if isinstance(wanted, Struct):
        if not isinstance(got, dict) or len(got) != len(wanted) or (names and list(got) != [name for name, _ in wanted]):
            return False
        return all(same(each, other, names=names, numbers=numbers) for (_, each), other in zip(wanted, got.values()))
    if isinstance(wanted, list):
        return isinstance(got, list) and len(got) == len(wanted) and all(
            same(each, other, names=names, numbers=numbers) for each, other in zip(wanted, got))
    if isinstance(wanted, dict):
        return isinstance(got, dict) and list(got) == list(wanted) and all(
            same(each, got[key], names=names, numbers=numbers) for key, each in wanted.items())
    if isinstance(wanted, bytes) and not numbers:
        return got == base64.b64encode(wanted).decode()
    if isinstance(wanted, float) and not math.isfinite(wanted):
        return got is None if not numbers else isinstance(got, float) and (got == wanted or (got != got and wanted != wanted))
    if isinstance(wanted, Float32):
        return isinstance(got, float) and wanted.is_also(got)
    return type(got) is type(wanted) and got == wanted
