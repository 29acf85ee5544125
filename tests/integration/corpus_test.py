#!/usr/bin/env python3
"""Every recording of the corpus: the ways to run a replay agree with one another. Whether the streams are right, the
recorder's own judge says (tests/recorder/run.py, a test of its own)."""

import unittest

from support import ARCHIVES, BraidTest, canonical, events, replay_arguments, replayed, run, schemas

WHOLE_DELETIONS = ("delete", "range_delete", "partition_delete")


class CorpusTest(BraidTest):
    """Made once for each recording, below."""
    name = ""

    def test_two_runs_give_the_same_bytes(self):
        self.assert_passes(run(*replay_arguments(self.name), "--out", self.out))
        self.assert_same_files(self.out, replayed(self.name))

    def test_little_memory_gives_the_same_bytes(self):
        self.assert_same_files(replayed(self.name, "--memory", "1MiB"), replayed(self.name))

    def test_one_table_is_what_it_is_among_all(self):
        """But for the sequence, which numbers what the run gave."""
        for table in ("rec.collections", "rec.statics"):
            ran = run(*replay_arguments(self.name), "--table", table, "--out", self.out / table)
            self.assert_passes(ran)
            self.assertEqual([path.name for path in (self.out / table).iterdir()], [f"{table}.ndjson"])
            alone = (self.out / table / f"{table}.ndjson").read_text(encoding="utf-8").splitlines()
            among_all = (replayed(self.name) / f"{table}.ndjson").read_text(encoding="utf-8").splitlines()
            self.assertEqual([_without_sequence(line) for line in alone], [_without_sequence(line) for line in among_all])

    def test_summary_counts_the_lines(self):
        ran = run(*replay_arguments(self.name), "--out", self.out)
        for table in schemas(self.name):
            path = self.out / f"{table}.ndjson"
            self.assertRegex(ran.out, rf"(?m)^ +{path.read_bytes().count(10)}  {path}$")

    def test_partial_says_what_it_does_not_know(self):
        for table, schema in schemas(self.name).items():
            columns = {"regular": {*schema["partition"], *schema["clustering"], *schema["regulars"]},
                       "static": {*schema["partition"], *schema["statics"]}}
            for event in events(self.name, table, "--partial"):
                with self.subTest(table=table, sequence=event["sequence"]):
                    self._check_partial(event, columns)

    def _check_partial(self, event: dict, columns: dict[str, set]) -> None:
        source = event["source"]
        unknown = set(source.get("unknown", ()))
        self.assertNotEqual(source.get("unknown"), [])
        if source["row"] == "range":
            self.assertEqual((event["op"], event["before"], event["after"], source["complete"]), ("d", None, None, False))
            self.assertIn(source["cause"], WHOLE_DELETIONS)
            return
        of_row = columns[source["row"]]
        self.assertLessEqual(unknown, of_row - set(event["key"]))
        image = event["before"] if event["op"] == "d" else event["after"]
        if source["complete"]:
            self.assertEqual(unknown, set())
            self.assertTrue(all(set(each) == of_row for each in (event["before"], event["after"]) if each is not None))
        else:
            self.assertEqual(set(image), of_row - unknown)
        self.assertFalse(not source["complete"] and event["op"] == "c", "nobody can know that the row was not there")

    def test_partial_is_sure_only_behind_a_deletion(self):
        for table, schema in schemas(self.name).items():
            deleted = set()
            for event in events(self.name, table, "--partial"):
                partition = canonical({name: event["key"][name] for name in schema["partition"]})
                if event["source"]["complete"]:
                    self.assertIn(partition, deleted, f"{table}: {event}")
                if event["source"]["cause"] in WHOLE_DELETIONS:
                    deleted.add(partition)

    def test_partial_contradicts_nothing_of_the_whole_history(self):
        """What it does say of a row at a time is what the whole history says of it then."""
        for table in schemas(self.name):
            whole = {_moment(event): event["after"] for event in events(self.name, table)}
            compared = 0
            for event in events(self.name, table, "--partial"):
                after = event["after"]
                if after is None or _moment(event) not in whole or whole[_moment(event)] is None:
                    continue
                compared += 1
                said = {name: whole[_moment(event)][name] for name in after}
                self.assertEqual(canonical(after), canonical(said), f"{table}: {event['sequence']}")
            self.assertTrue(compared or not whole, f"{table}: nothing to compare")


def _without_sequence(line: str) -> str:
    front, _, rest = line.partition('"sequence":"')
    return front + rest.partition('"')[2]


def _moment(event: dict) -> str:
    return canonical([event["key"], event["source"]["row"], event["source"]["ts_us"], event["source"]["cause"]])


def load_tests(loader, _, __):
    suite = unittest.TestSuite()
    for name in ARCHIVES:
        case = type(f"CorpusTest[{name}]", (CorpusTest,), {"name": name})
        suite.addTests(loader.loadTestsFromTestCase(case))
    return suite


if __name__ == "__main__":
    unittest.main()
