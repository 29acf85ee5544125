"""What fastavro reads, and what Connect's JSON says, against the plain JSON of the same events."""

import io
import json
import os
import struct
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "consumers"))
import artefacts

artefacts.use_clients()

import fastavro  # noqa: E402

import mapping  # noqa: E402

SEED, COUNT = 1, 150


def read(schema, framed: str, number: int):
    data = io.BytesIO(bytes.fromhex(framed))
    head = data.read(5)
    assert head == struct.pack(">bI", 0, number), head
    value = fastavro.schemaless_reader(data, schema, return_named_type=False)
    assert data.read() == b"", "bytes are left"
    return value


def texts_of(event: str, image: str) -> dict:
    """The columns of an image as they were written: that text is what nested values can be kept as."""
    decoder = json.JSONDecoder()
    at = event.index(f'"{image}":') + len(f'"{image}":')
    texts = {}
    if event[at] != "{":
        return texts
    at += 1
    while event[at] != "}":
        name, at = decoder.raw_decode(event, at)
        start = at + 1
        _, at = decoder.raw_decode(event, start)
        texts[name] = event[start:at]
        at += event[at] == ","
    return texts


class Checked:
    """One event in every form."""

    def __init__(self, test: unittest.TestCase, event: dict):
        self.test, self.event = test, event
        self.plain = json.loads(event["plain"])
        self.key_schema = fastavro.parse_schema(json.loads(event["avro_key_schema"]))
        self.value_schema = fastavro.parse_schema(json.loads(event["avro_value_schema"]))
        self.connect_key = json.loads(event["connect_key"])
        self.connect = json.loads(event["connect_value"])
        self.avro_key = read(self.key_schema, event["avro_key"], 258)
        self.avro = read(self.value_schema, event["avro_value"], 259)

    def check(self):
        self.key()
        for image in ("before", "after"):
            self.image(image)
        self.envelope()

    def hold(self, what: str, wanted, avro, connect):
        where = f"{what} of {json.dumps(self.event)}"
        self.test.assertTrue(mapping.same(wanted, avro, names=False, numbers=True), f"Avro: {wanted!r}, {avro!r}: {where}")
        self.test.assertTrue(mapping.same(wanted, connect, names=True, numbers=False), f"Connect: {wanted!r}, {connect!r}: {where}")

    def columns(self, described, plain, avro, connect, texts: dict) -> set:
        """The names of those that are no values."""
        unfit = set()
        for i, (name, kind) in enumerate(described):
            try:
                wanted = mapping.expected(plain[name], kind, self.event["nested_as_json"], texts.get(name))
            except mapping.Unfit:
                wanted = None
                unfit.add(name)
            self.hold(name, wanted, list(avro.values())[i], list(connect.values())[i])
            self.test.assertEqual(list(connect)[i], name)
        return unfit

    def key(self):
        self.columns(self.event["keys"], self.plain["key"], self.avro_key, self.connect_key["payload"],
                     texts_of(self.event["plain"], "key"))

    def image(self, image: str):
        plain, avro, connect = self.plain[image], self.avro[image], self.connect["payload"][image]
        if plain is None:
            self.test.assertIsNone(avro)
            self.test.assertIsNone(connect)
            return
        described = self.event["keys"] + self.event["columns"]
        unfit = self.columns(described, plain, avro, connect, texts_of(self.event["plain"], image))
        self.test.assertEqual(len(connect), len(described))
        self.test.assertLessEqual(unfit, set(self.avro["source"]["unfit"] or []))

    def envelope(self):
        connect = self.connect["payload"]
        for field in ("op", "ts_ms", "sequence", "transaction"):
            self.test.assertEqual(self.avro[field], self.plain[field])
            self.test.assertEqual(connect[field], self.plain[field])
        for field, value in self.plain["source"].items():
            self.test.assertEqual(self.avro["source"][field], value, field)
            self.test.assertEqual(connect["source"][field], value, field)
        self.test.assertIs(self.avro["source"]["confirmed"], True)
        for unsaid in set(self.avro["source"]) - set(self.plain["source"]) - {"confirmed", "unfit"}:
            self.test.assertIsNone(self.avro["source"][unsaid], unsaid)


def events(count: int) -> list[dict]:
    program = subprocess.run([os.environ["BRAID_TYPED_EVENTS"], str(SEED), str(count)], stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in program.stdout.decode().splitlines()]


class AvroTest(unittest.TestCase):
    def test_every_event_says_the_same_in_every_form(self):
        every = events(COUNT)
        self.assertGreater(len(every), 500)
        for event in every:
            Checked(self, event).check()
        seen = {kind["kind"] for event in every for _, kind in event["columns"]}
        self.assertEqual(seen, set(range(1, 29)), "not every CQL type was seen")

    def test_what_differs_is_noticed(self):
        event = next(event for event in events(0)
                     if [kind["cql"] for _, kind in event["columns"]] == ["int"] and '"a value":-2147483648' in event["plain"])
        Checked(self, event).check()
        event["plain"] = event["plain"].replace("-2147483648", "-2147483647")
        with self.assertRaises(AssertionError):
            Checked(self, event).check()


if __name__ == "__main__":
    unittest.main()
