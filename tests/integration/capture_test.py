#!/usr/bin/env python3
"""What a live capture gives of the corpus' segments is what one walk over them gives: src/capture's own test, on every recording."""

import os
import subprocess
import unittest
from pathlib import Path

from support import ARCHIVES, BRAID, recording

PROGRAM = BRAID.parent / "src" / "capture" / "braid_capture_test"


class CaptureOfRecordings(unittest.TestCase):
    def test_gives_what_one_walk_gives(self) -> None:
        for name in ARCHIVES:
            recordings = Path(recording(name)).parent
        ran = subprocess.run([str(PROGRAM), "--gtest_filter=NodeCaptureCorpus.DISABLED_*", "--gtest_also_run_disabled_tests"],
                             env={**os.environ, "BRAID_RECORDINGS": str(recordings)}, capture_output=True, text=True, timeout=300)
        self.assertEqual(ran.returncode, 0, ran.stdout[-3000:])
        self.assertIn("[  PASSED  ] 1 test.", ran.stdout)


if __name__ == "__main__":
    unittest.main()
