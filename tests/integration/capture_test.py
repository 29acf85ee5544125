#!/usr/bin/env python3
"""What a live capture gives of the corpus' segments is what one walk over them gives, and agents agree on the schemas: src/capture's
own tests, on every recording."""

import os
import subprocess
import unittest
from pathlib import Path

from support import ARCHIVES, BRAID, recording

PROGRAM = BRAID.parent / "src" / "capture" / "braid_capture_test"


class CaptureOfRecordings(unittest.TestCase):
    def test_captures_own_tests(self) -> None:
        for name in ARCHIVES:
            recordings = Path(recording(name)).parent
        ran = subprocess.run([str(PROGRAM), "--gtest_filter=*Corpus.DISABLED_*", "--gtest_also_run_disabled_tests"],
                             env={**os.environ, "BRAID_RECORDINGS": str(recordings)}, capture_output=True, text=True, timeout=300)
        self.assertEqual(ran.returncode, 0, ran.stdout[-3000:])
        self.assertIn("[  PASSED  ] 2 tests.", ran.stdout)


if __name__ == "__main__":
    unittest.main()
