"""Events as Kafka Connect reads them: with its own schemas by JsonConverter itself, and Avro by the converter's AvroData (Apicurio's
copy of Confluent's, which is not on Maven Central)."""

import json
import os
import struct
import subprocess
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "consumers"))
import artefacts

SEED, COUNT = 1000, 40


def same(wanted, got) -> bool:
    """Whether a payload is the same. Java writes other digits for a float; it must be the same float of 32 bits."""
    if isinstance(wanted, float):
        if wanted == got:
            return True
        try:
            return struct.pack("<f", wanted) == struct.pack("<f", got)
        except (OverflowError, struct.error):
            return False
    if isinstance(wanted, list):
        return isinstance(got, list) and len(got) == len(wanted) and all(map(same, wanted, got))
    if isinstance(wanted, dict):
        return isinstance(got, dict) and got.keys() == wanted.keys() and all(same(wanted[name], got[name]) for name in wanted)
    return type(wanted) is type(got) and wanted == got


def java(program: str, jars: str, lines: list[str]) -> list[dict]:
    classpath = ":".join(str(jar) for jar in sorted(artefacts.jars(jars).rglob("*.jar")))
    ran = subprocess.run(["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", classpath, str(HERE / program)],
                         input="\n".join(lines).encode(), stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in ran.stdout.decode().splitlines()]


class ConnectTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        program = subprocess.run([os.environ["BRAID_TYPED_EVENTS"], str(SEED), str(COUNT)], stdout=subprocess.PIPE, check=True)
        cls.events = [json.loads(line) for line in program.stdout.decode().splitlines()]

    def test_json_converter_reads_what_was_written(self):
        written = [event[form] for event in self.events for form in ("connect_key", "connect_value")]
        read = java("ConnectJson.java", "connect", written)
        self.assertEqual(len(read), len(written))
        for text, got in zip(written, read):
            wanted = json.loads(text)
            self.assertEqual(got["schema"], wanted["schema"])
            self.assertTrue(same(wanted["payload"], got["payload"]), f"{text}\n{got}")

    def test_both_forms_are_one_schema_to_connect(self):
        parts = [(event, part) for event in self.events for part in ("key", "value")]
        read = java("ConnectAvro.java", "connect-avro",
                    [event[f"avro_{part}_schema"] + "\t" + event[f"avro_{part}"] for event, part in parts])
        self.assertEqual(len(read), len(parts))
        held = 0
        for (event, part), got in zip(parts, read):
            wanted = json.loads(event[f"connect_{part}"])
            # Names that Avro does not allow are others there; of numbers JSON may have null.
            if '"a value"' in event[f"connect_{part}"] or '"x y"' in event[f"connect_{part}"]:
                continue
            held += 1
            self.assertEqual(got["schema"], wanted["schema"])
            if "NaN" not in event["plain"] and "Infinity" not in event["plain"]:
                self.assertTrue(same(wanted["payload"], got["payload"]), f"{wanted}\n{got}")
        self.assertGreater(held, 400)


if __name__ == "__main__":
    unittest.main()
