"""The tables of the workload: every CQL type, in every place where it may stand."""

from dataclasses import dataclass, field

import cqltypes

KEYSPACE = "rec"

NATIVE = ("ascii", "bigint", "blob", "boolean", "date", "decimal", "double", "duration", "float", "inet", "int", "smallint",
          "text", "time", "timestamp", "timeuuid", "tinyint", "uuid", "varchar", "varint")

UDTS = {
    "point": [("x", "int"), ("y", "double"), ("label", "text")],
    "person": [("name", "text"), ("tags", "frozen<set<text>>"), ("at", "frozen<point>"), ("born", "date"), ("pay", "decimal")],
}


@dataclass(frozen=True)
class Column:
    name: str
    type_text: str

    def cql_name(self) -> str:
        return self.name if self.name.islower() and self.name.isidentifier() else '"' + self.name.replace('"', '""') + '"'


@dataclass
class Table:
    name: str
    partition: list[Column]
    clustering: list[Column] = field(default_factory=list)
    descending: tuple[str, ...] = ()
    statics: list[Column] = field(default_factory=list)
    regulars: list[Column] = field(default_factory=list)
    cdc: bool = True
    counter: bool = False
    default_ttl: int = 0
    read_repair: bool = True
    key_spread: int = 6
    udts: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: UDTS)
    keyspace: str = KEYSPACE
    compaction: str = ""   # Cassandra's default

    @property
    def qualified(self) -> str:
        return f"{self.keyspace}.{self.name}"

    @property
    def primary_key(self) -> list[Column]:
        return self.partition + self.clustering

    def kind(self, column: Column) -> cqltypes.Type:
        return cqltypes.parse(column.type_text, self.udts)

    def create(self) -> str:
        columns = [f"{c.cql_name()} {c.type_text}" for c in self.primary_key]
        columns += [f"{c.cql_name()} {c.type_text} static" for c in self.statics]
        columns += [f"{c.cql_name()} {c.type_text}" for c in self.regulars]
        key = "(" + ", ".join(c.cql_name() for c in self.partition) + ")"
        key = ", ".join([key] + [c.cql_name() for c in self.clustering])
        options = [f"cdc = {str(self.cdc).lower()}"]
        if self.clustering:
            orders = [f"{c.cql_name()} {'DESC' if c.name in self.descending else 'ASC'}" for c in self.clustering]
            options.append(f"CLUSTERING ORDER BY ({', '.join(orders)})")
        if self.default_ttl:
            options.append(f"default_time_to_live = {self.default_ttl}")
        if self.compaction:
            options.append(f"compaction = {self.compaction}")
        if not self.read_repair:
            options.append("read_repair = 'NONE'")
        return f"CREATE TABLE {self.qualified} ({', '.join(columns)}, PRIMARY KEY ({key})) WITH {' AND '.join(options)}"


def columns(**types: str) -> list[Column]:
    return [Column(name, text) for name, text in types.items()]


def _native_columns() -> list[Column]:
    return [Column(f"v_{name}", name) for name in NATIVE]


def all_tables(version: str, keyspace: str = KEYSPACE) -> list[Table]:
    """Fresh definitions, since ALTERs change them. Those in one group share the partition key `p int`, so that a batch
    over them makes one mutation with several parts."""
    tables = [
        Table("natives", columns(p="int"), regulars=_native_columns()),
        Table("plain", columns(p="int"), columns(c="text"), regulars=columns(a="text", b="int"), cdc=False),
        Table("statics", columns(p="int"), columns(c1="int", c2="text"), ("c2",),
              columns(s="text", sset="set<int>", smap="map<text, text>", Sn="bigint"), columns(a="text", b="int", z="blob"),
              key_spread=5),
        Table("collections", columns(p="int"), columns(c="bigint"), ("c",), columns(sl="list<text>"), columns(
            li="list<int>", lt="list<text>", lf="list<frozen<list<int>>>", si="set<int>", st="set<text>", su="set<timeuuid>",
            sb="set<blob>", mti="map<text, int>", mit="map<int, text>", mtf="map<text, frozen<map<int, text>>>",
            mdt="map<date, frozen<tuple<int, text>>>", mtt="map<tinyint, timestamp>", fl="frozen<list<text>>",
            fs="frozen<set<int>>", fm="frozen<map<text, int>>", fmi="frozen<map<int, frozen<list<text>>>>", plain="text")),
        Table("udts", columns(p="int"), columns(c="smallint"), regulars=columns(
            u="person", fu="frozen<person>", pt="point", lu="list<frozen<point>>", mu="map<text, frozen<person>>",
            t="tuple<int, text, frozen<point>>", tt="tuple<int, tuple<text, double>>", su="set<frozen<point>>", n="int")),
        Table("wide", columns(p="int"), columns(c="int"), regulars=[
            Column(f"w{i:02d}", ("int", "text", "bigint", "boolean", "tinyint", "set<int>", "double")[i % 7]) for i in range(77)],
              key_spread=4),
        Table("keys_text", columns(a="text", b="int"), columns(c1="timeuuid", c2="decimal", c3="text"), ("c2", "c3"),
              columns(s="int"), columns(v="text", n="varint"), key_spread=3),
        Table("keys_time", columns(p="uuid"), columns(c1="timestamp", c2="inet", c3="varint", c4="boolean", c5="double"),
              ("c1", "c4"), regulars=columns(v="text"), key_spread=3),
        Table("keys_small", columns(p="blob", q="varint", r="date"), columns(
            c1="date", c2="time", c3="smallint", c4="tinyint", c5="blob", c6="float"), ("c2", "c4"),
              columns(s="duration"), columns(v="duration"), key_spread=2),
        Table("keys_frozen", columns(p="frozen<list<text>>", q="tuple<int, text>"), columns(
            c1="frozen<set<int>>", c2="tuple<int, text>", c3="frozen<point>", c4="ascii", c5="uuid"), ("c2", "c4"),
              regulars=columns(v="text", m="map<text, int>"), key_spread=2),
        Table("keyonly", columns(p="decimal"), columns(c="text"), key_spread=4),
        Table("deep", columns(p="int"), [Column(f"k{i:02d}", ("tinyint", "text", "int")[i % 3]) for i in range(35)], ("k01", "k33"),
              regulars=columns(v="text"), key_spread=2),
        Table("counters", columns(p="int"), columns(c="text"), (), columns(sc="counter"), columns(n="counter", m="counter"),
              counter=True, key_spread=4),
        Table("altered", columns(p="int"), columns(c="int"), (), columns(s="text"),
              columns(a="text", b="int", gone="text", again="text", lost="set<int>"), key_spread=5),
        Table("expiring", columns(p="int"), columns(c="int"), (), columns(s="text"), columns(a="text", b="int", st="set<text>"),
              default_ttl=2_000_000, key_spread=4),
        Table("odd", columns(Key="int"), columns(**{"the c": "text"}), regulars=columns(**{
            "Äö": "text", 'a"b': "int", "lex": "'org.apache.cassandra.db.marshal.LexicalUUIDType'",
            "comp": "'org.apache.cassandra.db.marshal.CompositeType(org.apache.cassandra.db.marshal.Int32Type,"
                    "org.apache.cassandra.db.marshal.UTF8Type)'"})),
        Table("shortlived", columns(p="text"), columns(c="int"), regulars=columns(v="text")),
    ]
    if version.startswith("5"):
        tables.append(Table("vectors", columns(p="int"), columns(c="vector<int, 2>"), regulars=columns(
            f="vector<float, 3>", t="vector<text, 2>", v="vector<varint, 3>", vv="vector<vector<int, 2>, 2>",
            l="list<vector<float, 2>>", m="map<text, vector<smallint, 2>>", n="int")))
    strategies = [text for text in COMPACTIONS if "Unified" not in text or version.startswith("5")]
    for number, table in enumerate(tables):
        table.compaction = strategies[number % len(strategies)]
        table.read_repair = table.name not in WITHOUT_READ_REPAIR
        table.keyspace = keyspace
    return tables


def late_table(keyspace: str = KEYSPACE) -> Table:
    """Created in the middle of the workload."""
    return Table("latecomer", columns(p="int"), columns(c="int"), ("c",), columns(s="text"), columns(v="text", m="map<text, int>"),
                 keyspace=keyspace)


# Each compacts as soon as it can.
COMPACTIONS = (
    "{'class': 'SizeTieredCompactionStrategy', 'min_threshold': 2}",
    "{'class': 'LeveledCompactionStrategy', 'sstable_size_in_mb': 1}",
    "{'class': 'TimeWindowCompactionStrategy', 'compaction_window_unit': 'MINUTES', 'min_threshold': 2}",
    "{'class': 'UnifiedCompactionStrategy', 'scaling_parameters': 'T2'}",
)

# A read repair may bring a value that has run out as a tombstone of the same timestamp; in these tables it never does.
WITHOUT_READ_REPAIR = ("natives", "collections", "expiring", "keys_text", "keys_time", "keys_small", "keyonly")
SAME_KEY = ("natives", "plain", "statics", "collections", "udts", "wide", "altered")
