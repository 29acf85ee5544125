"""CQL's values as each consumer shows them, made comparable with those of an event's JSON form (docs/formats/types.md)."""

import base64
import datetime
import json
import math
import re
import struct
import uuid

EPOCH = datetime.date(1970, 1, 1)


SCALARS = frozenset("ascii bigint blob boolean counter date decimal double duration float inet int smallint text time timestamp "
                    "timeuuid tinyint uuid varint".split())


def is_nested(cql: str) -> bool:
    """Collections, vectors, tuples and user types."""
    return cql not in SCALARS and not is_custom(cql)


def is_custom(cql: str) -> bool:
    return cql.startswith("'")


def of_event(cql: str, value):
    """From the event's JSON form. What Python's own types are too small for stays a text."""
    if value is None or is_nested(cql):
        return value
    try:
        return _of_event(cql, value)
    except ValueError:
        return value


def _of_event(cql: str, value):
    if cql in ("float", "double"):
        return _number(cql, float(value))
    if cql == "blob" or is_custom(cql):
        return base64.b64decode(value)
    if cql == "timestamp":
        return datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
    if cql == "date":
        return datetime.date.fromisoformat(value)
    if cql == "time":
        hours, minutes, seconds = value.split(":")
        whole, _, part = seconds.partition(".")
        return ((int(hours) * 60 + int(minutes)) * 60 + int(whole)) * 10**9 + int(part.ljust(9, "0"))
    if cql == "duration":
        return _duration(value["months"], value["days"], value["nanoseconds"])
    if cql in ("uuid", "timeuuid"):
        return str(uuid.UUID(value))
    return value


def of_postgres(cql: str, value):
    """From what psycopg makes of a column that Debezium's JDBC sink has made of it."""
    if value is None:
        return None
    if is_nested(cql):
        return json.loads(value) if isinstance(value, str) else value
    if cql in ("float", "double"):
        return _number(cql, value)
    if cql == "blob" or is_custom(cql):
        return bytes(value)
    if cql == "timestamp":
        return value.astimezone(datetime.timezone.utc)
    if cql == "time":
        return ((value.hour * 60 + value.minute) * 60 + value.second) * 10**9 + value.microsecond * 1000
    if cql == "duration":
        return _interval(value)
    if cql in ("uuid", "timeuuid"):
        return str(value)
    return value


def of_avro(cql: str, value):
    """From what fastavro makes of docs/formats/event-typed.md, with `nested: json`."""
    if value is None:
        return None
    if is_nested(cql):
        return json.loads(value)
    if cql in ("float", "double"):
        return _number(cql, value)
    if cql == "timestamp":
        return datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
    if cql == "duration":
        return _interval(value)
    if cql == "date":
        return EPOCH + datetime.timedelta(days=value) if isinstance(value, int) else value
    return value


def avro_name(name: str) -> str:
    """A column's name where only letters, digits and _ are allowed (docs/formats/event-typed.md)."""
    legal = "".join(chr(byte) if chr(byte).isalnum() and byte < 128 else "_" for byte in name.encode())
    return "_" + legal if legal[0].isdigit() else legal


def as_told_to(consumer: str, cql: str, value):
    """What of `value`, of of_event, reaches the consumer: PostgreSQL knows microseconds, and Connect's JSON no number that is none
    (docs/formats/event-typed.md)."""
    if consumer == "postgres" and cql == "time" and value is not None:
        return value // 1000 * 1000
    if consumer == "postgres" and cql in ("float", "double") and value in ("NaN", math.inf, -math.inf):
        return None
    return value


def flink_type(cql: str) -> str:
    """How Flink's debezium-json reads it; what it shows then is of_flink's."""
    return {"tinyint": "TINYINT", "smallint": "SMALLINT", "int": "INT", "bigint": "BIGINT", "counter": "BIGINT",
            "boolean": "BOOLEAN", "float": "FLOAT", "double": "DOUBLE"}.get(cql, "STRING")


def of_flink(cql: str, value):
    """From the JSON that Flink writes of such a column."""
    if isinstance(value, str) and (is_nested(cql) or cql == "duration"):
        value = json.loads(value)
    return of_event(cql, value)


def _number(cql: str, value: float):
    if math.isnan(value):
        return "NaN"
    if cql == "float" and not math.isinf(value):
        return struct.unpack("f", struct.pack("f", value))[0]
    return value


def _duration(months: int, days: int, nanoseconds: int) -> tuple[int, int, int]:
    return months, days, nanoseconds


def _interval(text: str) -> tuple[int, int, int]:
    """Of what Debezium writes of a duration."""
    parts = re.fullmatch(r"P(-?\d+)Y(-?\d+)M(-?\d+)DT(-?\d+)H(-?\d+)M(-?)(\d+)(?:\.(\d+))?S", text)
    years, months, days, hours, minutes = map(int, parts.groups()[:5])
    seconds = int(parts[7]) * 10**9 + int((parts[8] or "").ljust(9, "0"))
    return _duration(years * 12 + months, days, (hours * 60 + minutes) * 60 * 10**9 + (-seconds if parts[6] else seconds))
