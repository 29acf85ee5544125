#!/usr/bin/env python3
"""That tidy.py finds what it is for: a small tidy tree, and one breach of each rule."""

import pathlib
import tempfile
import unittest

import tidy

TIDY_TREE = {
    "src/base/CMakeLists.txt": "braid_room(base LIBS fmt::fmt)\n",
    "src/base/README.md": "base\n",
    "src/base/a.h": "#pragma once\n#include <string>\n",
    "src/model/CMakeLists.txt": "braid_room(model DEPS base)\n",
    "src/model/README.md": "model\n",
    "src/model/m.h": '#pragma once\n#include "base/a.h"\n',
    "src/codec/CMakeLists.txt": "braid_room(codec DEPS model)\n",
    "src/codec/README.md": "codec\n",
    "src/codec/c.h": '#pragma once\n#include "base/a.h"\n#include "model/m.h"\n',
    "src/encode/CMakeLists.txt": "braid_room(encode DEPS model)\n",
    "src/encode/README.md": "encode\n",
    "src/encode/e.h": '#pragma once\n#include "model/m.h"\n',
    "src/pipeline/CMakeLists.txt": "braid_room(pipeline DEPS encode codec LIBS Threads::Threads)\n",
    "src/pipeline/README.md": "pipeline\n",
    "src/pipeline/p.cc": '#include "encode/e.h"\nstd::thread thread;\n',
    "src/cli/main.cc": '#include "cli/own.h"\n#include "encode/e.h"\nint main() { std::printf("x"); }\n',
    "src/cli/own.h": "#pragma once\n",
}


class TidyTest(unittest.TestCase):
    def breaches(self, **changes):
        """What tidy says of the tree with files changed or (None) removed."""
        with tempfile.TemporaryDirectory() as directory:
            root = pathlib.Path(directory)
            for name, text in {**TIDY_TREE, **changes}.items():
                if text is not None:
                    (root / name).parent.mkdir(parents=True, exist_ok=True)
                    (root / name).write_text(text)
            return list(tidy.check(root))

    def expect(self, words, name, text):
        found = self.breaches(**{name: text})
        self.assertTrue(any(words in breach for breach in found), f"no \"{words}\" in {found}")

    def test_a_tidy_tree_has_no_breach(self):
        self.assertEqual(self.breaches(), [])

    def test_a_room_includes_only_what_it_depends_on(self):
        self.expect("base includes model", "src/base/a.h", '#pragma once\n#include "model/m.h"\n')
        self.expect("encode includes codec", "src/encode/e.h", '#pragma once\n#include "codec/c.h"\n')
        self.expect("in no room", "src/encode/e.h", '#pragma once\n#include "nowhere/c.h"\n')

    def test_a_room_depends_only_on_earlier_ones(self):
        self.expect("beside it or later", "src/base/CMakeLists.txt", "braid_room(base DEPS model)\n")
        self.expect("beside it or later", "src/encode/CMakeLists.txt",
                    "braid_room(encode DEPS pipeline)\n")
        self.expect("no room", "src/encode/CMakeLists.txt", "braid_room(encode DEPS modell)\n")
        self.expect("has no rank", "src/extra/CMakeLists.txt", "braid_room(extra)\n")

    def test_a_test_may_use_what_its_program_links(self):
        test = {"src/encode/e_test.cc": '#include "codec/c.h"\n'}
        self.assertEqual(len(self.breaches(**test)), 1)
        linked = "braid_room(encode DEPS model)\ntarget_link_libraries(braid_encode_test PRIVATE braid_codec)\n"
        self.assertEqual(self.breaches(**test, **{"src/encode/CMakeLists.txt": linked}), [])

    def test_libraries_stay_in_their_folders(self):
        self.expect("RocksDB outside", "src/codec/c.cc", "#include <rocksdb/db.h>\n")
        self.expect("librdkafka outside", "src/codec/c.cc", "#include <librdkafka/rdkafka.h>\n")

    def test_banned_calls(self):
        for call in ["throw 1;", "assert(x);", "sprintf(b, s);", "std::thread t;", "std::stoi(s);", "steady_clock::now();",
                     "printf(s);", "exit(1);", "delete x;", "usleep(3);"]:
            self.expect("src/codec/c.cc:2: ", "src/codec/c.cc", "\n" + call + "\n")

    def test_words_in_comments_and_strings_are_no_calls(self):
        text = 'x = "throw 1";  // throw 1\n/* throw\n1 */ T(const T&) = delete;\nchar c = \'"\'; ::snprintf(b, 1, s);\n'
        self.assertEqual(self.breaches(**{"src/codec/c.cc": text}), [])

    def test_sizes_and_words(self):
        self.expect("601 lines", "src/codec/c.cc", "\n" * 601)
        self.expect("TO" + "DO", "src/codec/c.cc", "// TO" + "DO: all\n")
        self.expect("one machine", "docs/page.md", "see /wo" + "rk/shared/x\n")

    def test_a_room_has_a_readme_and_a_header_its_guard(self):
        self.assertTrue(any("no README" in breach for breach in self.breaches(**{"src/codec/README.md": None})))
        self.expect("#pragma once", "src/codec/c.h", "\n")


if __name__ == "__main__":
    unittest.main()
