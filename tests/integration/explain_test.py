#!/usr/bin/env python3
"""`braid explain`: every copy of every write to a row, the winner, and the rule."""

import json
import re
import unittest
from collections import defaultdict

from support import FARGO, NODES, BraidTest, events, meta, node_arguments, read_lines, recording, run

PLAIN = "cassandra-5.0.6-plain"
COPY = re.compile(r"(n\d)@(\d+):(\d+)")


class FargoTest(BraidTest):
    def explain(self, table: str, key: str):
        return run("explain", table, key, *node_arguments(FARGO), "--now", "2026-11-22T00:00:00Z")

    def test_forms_of_a_key(self):
        plain = self.explain("vault.titles", "842")
        self.assert_passes(plain)
        self.assertTrue(plain.out.startswith("vault.titles  id=842\n"), plain.out[:100])
        for key in ('{"id":842}', '{"id": 842}', "[842]"):
            with self.subTest(key=key):
                self.assertEqual(self.explain("vault.titles", key).out, plain.out)

    def test_forms_of_a_key_of_two_columns(self):
        plain = self.explain("vault.cast", "842,1")
        self.assert_passes(plain)
        self.assertIn("title_id=842, billing=1", plain.out)
        self.assertNotIn("billing=2", plain.out)
        for key in ('{"title_id":842,"billing":1}', '{"billing":1,"title_id":842}', "[842,1]"):
            with self.subTest(key=key):
                self.assertEqual(self.explain("vault.cast", key).out, plain.out)

    def test_partition_key_alone_means_the_partition(self):
        ran = self.explain("vault.cast", "842")
        self.assert_passes(ran)
        for row in ("title_id=842  static row", "title_id=842, billing=1", "title_id=842, billing=2"):
            self.assertIn(row, ran.out)

    def test_unknown_key(self):
        self.assert_refused(self.explain("vault.titles", "99999"), 1, "vault.titles", "99999", "no log of 3 nodes")

    def test_what_is_no_key(self):
        for key in ("842,3", '{"nope":1}', "[]", "[842,3]"):
            with self.subTest(key=key):
                self.assert_refused(self.explain("vault.titles", key), 2, key, "vault.titles", "key columns are id")
        self.assert_refused(self.explain("vault.cast", '{"billing":1}'), 2, "title_id, billing")

    def test_table_that_is_not_there_or_not_captured(self):
        self.assert_refused(self.explain("vault.nothing", "1"), 1, "vault.nothing")
        self.assert_refused(self.explain("vault.audit", "1"), 1, "vault.audit", "cdc = true")
        self.assert_refused(self.explain("titles", "1"), 2, "KEYSPACE.TABLE")

    def test_names_winner_and_rule(self):
        """The retitling: one title wins by its time until the deletion; each node's copies of it are named."""
        ran = self.explain("vault.titles", "842")
        self.assertRegex(ran.out, r"(?m)^    title = \"Fargo\" +loses: deleted with its partition \(of 2026-.*Z\)$")
        self.assertRegex(ran.out, r"(?m)^    3 copies: n1@\d+:\d+ n2@\d+:\d+ n3@\d+:\d+$")
        self.assertRegex(ran.out, r"(?m)^  2026-.*Z  deletes the partition$")

    def test_what_one_node_never_saw(self):
        ran = self.explain("vault.titles", "842")
        self.assertRegex(ran.out, r"(?m)^    2 copies: n1@\d+:\d+ n2@\d+:\d+$")


class RecordingTest(BraidTest):
    """Against what Cassandra's own reader found in the same logs."""

    def setUp(self) -> None:
        super().setUp()
        self.table = "rec.altered"
        self.writes: dict[bytes, set] = defaultdict(set)   # to rows or whole partitions
        self.all: dict[bytes, set] = defaultdict(set)      # also range deletions, and what only wrote dropped columns
        for node in NODES:
            for _, line in read_lines(recording(PLAIN) / "dump" / f"{node}.ndjson"):
                if f"{line['keyspace']}.{line['name']}" == self.table:
                    copy = node, line["segment"], line["position"]
                    self.all[bytes.fromhex(line["key"])].add(copy)
                    if line["deletion"] or line["static"] or any("marker" not in row for row in line["rows"]):
                        self.writes[bytes.fromhex(line["key"])].add(copy)

    def explain(self, key: str):
        return run("explain", self.table, key, *node_arguments(recording(PLAIN) / "nodes"), "--now", meta(PLAIN)["select_at"])

    def test_every_copy_is_listed_with_its_place(self):
        for key, wanted in self.writes.items():
            with self.subTest(key=key.hex()):
                ran = self.explain(str(int.from_bytes(key, "big", signed=True)))
                self.assert_passes(ran)
                listed = {(node, int(segment), int(position)) for node, segment, position in COPY.findall(ran.out)}
                self.assertEqual(wanted - listed, set())
                self.assertEqual(listed - self.all[key], set())

    def test_winners_are_what_the_row_holds(self):
        """Of each simple cell that the stream ends with, exactly one write wins, with that value."""
        checked = 0
        last = {json.dumps(event["key"]): event for event in events(PLAIN, self.table) if event["source"]["row"] == "regular"}
        for event in last.values():
            if event["after"] is None:
                continue
            ran = self.explain(json.dumps(event["key"]))
            self.assert_passes(ran)
            for column in ("a", "b", "extra"):
                winners = re.findall(rf"(?m)^    {column} (= .*?|deleted) +wins(?:, but has run out)?: (\S.*)$", ran.out)
                value = event["after"][column]
                if value is not None:
                    checked += 1
                    self.assertTrue(winners, f"nothing wins for {column}:\n{ran.out}")
                    shown = re.sub(r" \(TTL \d+ s\)$", "", winners[0][0])
                    self.assertEqual(shown, f"= {json.dumps(value, ensure_ascii=False)}", ran.out)
                    self.assertNotIn("unknown rule", winners[0][1])
        self.assertGreater(checked, 10)


if __name__ == "__main__":
    unittest.main()
