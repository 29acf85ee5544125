"""The rows of a table that a consumer should have, and how they differ from those that it has."""

import shown


class Wrong(Exception):
    """A consumer has something else than what it should."""


class Table:
    def __init__(self, name: str, columns: dict[str, str], key: tuple[str, ...], rows: list[dict], altered: bool = False):
        self.name = name              # keyspace.table
        self.columns = columns
        self.key = key
        self.rows = rows
        self.altered = altered        # columns came and went: `before` is not what `after` was
        self.with_past = False        # it was there before its stream

    def compare(self, consumer: str, seen: list[dict]) -> None:
        """`seen`: rows with values of shown.of_…; Wrong tells the first differences."""
        expected = self._by_key({name: shown.as_told_to(consumer, cql, shown.of_event(cql, row.get(name)))
                                 for name, cql in self.columns.items()} for row in self.rows)
        # What has no key for this consumer is not told to it.
        expected = {key: row for key, row in expected.items() if None not in (row[name] for name in self.key)}
        found = self._by_key(seen)
        if len(found) != len(seen):
            raise Wrong(f"{consumer}: {len(seen) - len(found)} keys come twice")
        wrong = [f"{consumer}: {key} is not there" for key in expected if key not in found]
        wrong += [f"{consumer}: {key} should not be there" for key in found if key not in expected]
        for key in expected.keys() & found.keys():
            wrong += [f"{consumer}: {key}: {name} is {found[key][name]!r} and should be {value!r}"
                      for name, value in expected[key].items() if found[key][name] != value]
        if wrong:
            raise Wrong("\n".join(wrong[:10] + [f"and {len(wrong) - 10} more"] * (len(wrong) > 10)))

    def _by_key(self, rows) -> dict[tuple, dict]:
        return {tuple(repr(row[name]) for name in self.key): row for row in rows}
