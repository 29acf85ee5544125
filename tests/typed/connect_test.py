"""Events with Connect's schemas, as Kafka Connect's own JsonConverter reads them."""

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
        except OverflowError:
            return False
    if isinstance(wanted, list):
        return isinstance(got, list) and len(got) == len(wanted) and all(map(same, wanted, got))
    if isinstance(wanted, dict):
        return isinstance(got, dict) and got.keys() == wanted.keys() and all(same(wanted[name], got[name]) for name in wanted)
    return type(wanted) is type(got) and wanted == got


class ConnectTest(unittest.TestCase):
    def test_json_converter_reads_what_was_written(self):
        program = subprocess.run([os.environ["BRAID_TYPED_EVENTS"], str(SEED), str(COUNT)], stdout=subprocess.PIPE, check=True)
        events = [json.loads(line) for line in program.stdout.decode().splitlines()]
        written = [event[form] for event in events for form in ("connect_key", "connect_value")]
        jars = ":".join(str(jar) for jar in sorted(artefacts.jars("connect").rglob("*.jar")))
        java = subprocess.run(["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", jars, str(HERE / "ConnectJson.java")],
                              input="\n".join(written).encode(), stdout=subprocess.PIPE, check=True)
        read = java.stdout.decode().splitlines()
        self.assertEqual(len(read), len(written))
        for text, again in zip(written, read):
            wanted, got = json.loads(text), json.loads(again)
            self.assertEqual(got["schema"], wanted["schema"])
            self.assertTrue(same(wanted["payload"], got["payload"]), f"{text}\n{again}")


if __name__ == "__main__":
    unittest.main()
