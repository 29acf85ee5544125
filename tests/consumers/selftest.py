#!/usr/bin/env python3
"""The judge itself, without any consumer: values that mean the same are equal, and rows that were spoiled are noticed."""

import copy
import datetime
import unittest
import uuid

import made
import shown
from table import Table, Wrong

UTC = datetime.timezone.utc


class Values(unittest.TestCase):
    def test_what_consumers_show_means_what_the_event_says(self):
        time = (7 * 3600 + 40 * 60 + 51) * 10**9
        for cql, event, postgres, avro in (
                ("timestamp", "2026-11-21T07:40:51.123Z", datetime.datetime(2026, 11, 21, 7, 40, 51, 123000, UTC),
                 "2026-11-21T07:40:51.123Z"),
                ("date", "2026-11-21", datetime.date(2026, 11, 21), 20778),
                ("time", "07:40:51.123456", datetime.time(7, 40, 51, 123456), time + 123456000),
                ("duration", {"months": 14, "days": 3, "nanoseconds": -61_500_000_000}, "P1Y2M3DT0H-1M-1.5S", "P1Y2M3DT0H-1M-1.5S"),
                ("uuid", "123E4567-e89b-12d3-a456-426614174000", uuid.UUID("123e4567-e89b-12d3-a456-426614174000"),
                 "123e4567-e89b-12d3-a456-426614174000"),
                ("blob", "yv4=", memoryview(b"\xca\xfe"), b"\xca\xfe"),
                ("float", 0.1, 0.1, 0.10000000149011612), ("double", "NaN", float("nan"), float("nan")),
                ("decimal", "1.50", "1.50", "1.50"), ("list<text>", ["a"], ["a"], '["a"]'), ("text", None, None, None)):
            wanted = shown.of_event(cql, event)
            self.assertEqual(shown.of_postgres(cql, postgres), wanted, cql)
            self.assertEqual(shown.of_avro(cql, avro), wanted, cql)
            self.assertEqual(shown.of_flink(cql, event), wanted, cql)

    def test_what_differs_is_not_equal(self):
        for cql, one, other in (("decimal", "1.5", "1.50"), ("timestamp", "2026-11-21T07:40:51.123Z", "2026-11-21T07:40:51.124Z"),
                                ("time", "07:40:51.000000001", "07:40:51"), ("blob", "yv4=", "yv8="), ("text", "", None),
                                ("duration", {"months": 1, "days": 0, "nanoseconds": 0}, {"months": 0, "days": 30, "nanoseconds": 0})):
            self.assertNotEqual(shown.of_event(cql, one), shown.of_event(cql, other))


class Rows(unittest.TestCase):
    def setUp(self):
        _, self.rows = made.history(1, 300)
        self.table = Table(made.TABLE, made.COLUMNS, made.KEY, self.rows)
        self.seen = [{name: shown.of_event(cql, row[name]) for name, cql in made.COLUMNS.items()} for row in self.rows]

    def refuses(self, said: str):
        with self.assertRaisesRegex(Wrong, said):
            self.table.compare("avro", self.seen)

    def test_equal_rows_are_equal_in_any_order(self):
        self.table.compare("avro", self.seen[::-1])

    def test_a_row_that_is_missing_is_noticed(self):
        self.seen.pop(3)
        self.refuses("is not there")

    def test_a_row_too_many_is_noticed(self):
        self.seen.append({**copy.copy(self.seen[0]), "id": -1})
        self.refuses("should not be there")

    def test_a_row_that_comes_twice_is_noticed(self):
        self.seen.append(self.seen[0])
        self.refuses("1 keys come twice")

    def test_every_column_counts(self):
        for name in made.COLUMNS:
            before = self.seen[0][name]
            self.seen[0][name] = "something else"
            self.refuses("not there" if name in made.KEY else f"{name} is 'something else' and should be")
            self.seen[0][name] = before


if __name__ == "__main__":
    unittest.main()
