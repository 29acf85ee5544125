"""Schemas in a real registry: registered as a worker does it, changed as CQL's ALTER changes them, found again by others."""

import json
import os
import struct
import subprocess
import sys
import unittest
import urllib.error
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[1:1] = [str(HERE.parent / "kafka"), str(HERE.parent / "consumers")]
import artefacts

artefacts.use_clients()

from confluent_kafka.schema_registry import SchemaRegistryClient  # noqa: E402
from confluent_kafka.schema_registry.avro import AvroDeserializer  # noqa: E402
from confluent_kafka.serialization import MessageField, SerializationContext  # noqa: E402

import registry  # noqa: E402

TABLE = ["id:text", "a:int", "b:set<text>", "c:tuple<int, text>"]


def event(*columns: str) -> dict:
    program = subprocess.run([os.environ["BRAID_TYPED_EVENTS"], "table", *columns], stdout=subprocess.PIPE, check=True)
    return json.loads(program.stdout)


def value_schema(*columns: str) -> str:
    return event(*columns)["avro_value_schema"]


def probe(verb: str, what: str, *urls: str, given: str = "", environment: dict | None = None) -> subprocess.CompletedProcess:
    return subprocess.run([os.environ["BRAID_REGISTRY_PROBE"], verb, what, *urls], input=given, capture_output=True, text=True,
                          check=False, env={**os.environ, **(environment or {})})


class RegistryTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.registry = cls.enterClassContext(registry.Registry())

    def setUp(self):
        self.topic = f"my-pipe.ks.{self._testMethodName}"
        self.subject = self.topic + "-value"

    def register(self, schema: str) -> int:
        done = probe("register", self.subject, self.registry.url, given=schema)
        self.assertEqual(done.returncode, 0, done.stderr)
        return int(done.stdout)

    def refused(self, schema: str) -> str:
        done = probe("register", self.subject, self.registry.url, given=schema)
        self.assertEqual(done.returncode, 1, done.stdout)
        return done.stderr

    def versions(self) -> list[int]:
        return self.registry.ask("GET", f"/subjects/{self.subject}/versions")

    def test_the_same_schema_has_one_id_for_ever(self):
        schema = value_schema(*TABLE)
        first = self.register(schema)
        self.assertEqual(self.register(schema), first)
        self.assertEqual(self.versions(), [1])
        shown = probe("schema", str(first), self.registry.url)
        self.assertEqual(json.loads(shown.stdout), json.loads(schema))
        self.assertIn("there is no schema 999999", probe("schema", "999999", self.registry.url).stderr)

    def test_columns_may_come_and_go(self):
        first = self.register(value_schema(*TABLE))
        self.register(value_schema(*TABLE, "d:timestamp"))
        self.register(value_schema("id:text", "b:set<text>", "d:timestamp"))
        self.register(value_schema(*TABLE, "d:timestamp", "e:map<int, frozen<list<uuid>>>"))
        self.assertEqual(len(self.versions()), 4)
        # One that was there before is found again, also where it is not the newest.
        self.assertEqual(self.register(value_schema(*TABLE)), first)

    def test_a_column_that_changes_its_type_is_refused(self):
        self.register(value_schema(*TABLE))
        message = self.refused(value_schema("id:text", "a:text", *TABLE[2:]))
        self.assertIn(f"subject {self.subject}", message)
        self.assertIn("cannot follow", message)
        self.assertIn("Incompatible artifact", message)   # the registry's own words
        self.assertIn("another topic", message)
        self.assertEqual(self.versions(), [1])
        # What the message advises; to Apicurio NONE of a subject means what holds for all.
        self.registry.set_compatibility("NONE")
        self.addCleanup(self.registry.set_compatibility, "BACKWARD")
        self.register(value_schema("id:text", "a:text", *TABLE[2:]))

    def test_every_type_is_taken(self):
        program = subprocess.run([os.environ["BRAID_TYPED_EVENTS"], "1", "0"], stdout=subprocess.PIPE, check=True)
        whole = max((json.loads(line) for line in program.stdout.splitlines()), key=lambda each: len(each["columns"]))
        self.assertGreater(len(whole["columns"]), 28)
        self.register(whole["avro_value_schema"])

    def test_what_is_no_schema_is_refused(self):
        self.assertIn("it answers 422", self.refused('{"type":"record"}'))

    def test_what_is_no_registry_is_named(self):
        url = self.registry.url.rsplit("/apis", 1)[0]
        done = probe("register", self.subject, url, given=value_schema(*TABLE))
        self.assertIn("is no schema registry", done.stderr)

    def test_confluents_deserializer_finds_the_schema(self):
        sent = event(*TABLE)
        number = self.register(sent["avro_value_schema"])
        data = bytes.fromhex(sent["avro_value"])
        data = data[:1] + struct.pack(">I", number) + data[5:]
        read = AvroDeserializer(SchemaRegistryClient({"url": self.registry.url}))
        value = read(data, SerializationContext(self.topic, MessageField.VALUE))
        self.assertEqual(value["after"], {"id": "k", "a": None, "b": None, "c": None})
        self.assertEqual(value["source"]["keyspace"], "ks")
        # A reader who has gone on to a later schema reads what was written by an earlier one.
        self.register(value_schema(*TABLE, "d:date"))
        later = AvroDeserializer(SchemaRegistryClient({"url": self.registry.url}), value_schema(*TABLE, "d:date"))
        value = later(data, SerializationContext(self.topic, MessageField.VALUE))
        self.assertEqual(value["after"], {"id": "k", "a": None, "b": None, "c": None, "d": None})


if __name__ == "__main__":
    unittest.main()
