#include "shape/shape.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "cassandra/murmur3/murmur3.h"
#include "cassandra/types/comparable.h"
#include "model/key.h"
#include "reconcile/memory/memory_state.h"
#include "reconcile/reconciler.h"
#include "reconcile/testing/toy_change.h"
#include "reconcile/testing/toy_mutation.h"
#include "reconcile/testing/toy_table.h"

namespace braid {
namespace {

using testing::ChangeText;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::ParseTable;

constexpr const char* kTitles =
    "titles (id int key, n int clustering, s text static, hidden int, note text, owner text, title text, tags "
    "set<text>)";
constexpr const char* kTwo = "t (id int key, n int clustering, hidden int, a text)";

StreamSpec Where(std::string where) {
  StreamSpec spec;
  spec.name = "public";
  spec.where = std::move(where);
  return spec;
}

StreamSpec Excluding(std::vector<std::string> columns, std::string where = "") {
  StreamSpec spec = Where(std::move(where));
  spec.exclude = std::move(columns);
  return spec;
}

StreamSpec Masked(std::map<std::string, std::string> masks) {
  StreamSpec spec = Where("");
  spec.masks = std::move(masks);
  spec.hmac_key = "a key";
  return spec;
}

// A table's writes, as its stream's readers see them.
class Stream : public ChangeSink {
 public:
  explicit Stream(const StreamSpec& spec, bool history_known = true, const char* table = kTitles)
      : schema_(ParseTable(table)), reconciler_({.history_known = history_known}, &state_) {
    auto shape = StreamShape::Make(spec, *schema_);
    EXPECT_TRUE(shape.has_value()) << shape.error().message;
    shape_ = *shape;
  }

  // What readers see of one mutation.
  std::vector<std::string> Write(const std::string& line) {
    EXPECT_TRUE(reconciler_.Apply(Next(line), UnixSeconds{1}, *this).has_value());
    return lines_;
  }

  // What readers see of a snapshot that has one mutation.
  std::vector<std::string> Read(const std::string& line) {
    SnapshotCursor cursor;
    const SnapshotRules rules{.whole = true, .repair = false, .touched = {}, .now = UnixSeconds{1}};
    EXPECT_FALSE(*reconciler_.TakeSnapshotPiece(&cursor, Next(line), true, true, rules, 100, *this));
    return lines_;
  }

  Status Emit(const Change& change) override {
    const Change* seen = shape_->Apply(change, &arena_);
    if (seen == nullptr) return {};
    lines_.push_back(ChangeText(*seen));
    same_ = seen == &change;
    return {};
  }

  const StreamShape& shape() const { return *shape_; }
  const TableSchema& schema() const { return *schema_; }
  // Whether the last Change went through untouched.
  bool same() const { return same_; }

 private:
  Mutation Next(const std::string& line) {
    lines_.clear();
    arena_.Reset();
    return reader_.Read(*schema_, line, &arena_);
  }

  TableSchemaPtr schema_;
  MemoryState state_;
  Reconciler reconciler_;
  std::shared_ptr<const StreamShape> shape_;
  testing::ToyReader reader_;
  Arena arena_;
  std::vector<std::string> lines_;
  bool same_ = false;
};

// "" if there is none.
std::string ErrorOf(const StreamSpec& spec) {
  const TableSchemaPtr schema = ParseTable(kTitles);
  const auto shape = StreamShape::Make(spec, *schema);
  if (shape.has_value()) return "";
  EXPECT_EQ(shape.error().code, ErrorCode::kInvalidArgument);
  return shape.error().message;
}

TEST(Shape, WithoutWordsEverythingPassesAsItIs) {
  Stream stream(Where(" \n"));
  EXPECT_EQ(&stream.shape().visible(), &stream.schema());
  EXPECT_EQ(stream.Write("n1 7/1 insert@100 title=Fargo").size(), 1u);
  EXPECT_TRUE(stream.same());
  EXPECT_EQ(stream.Write("n1 7 delete@110").size(), 1u);
  EXPECT_TRUE(stream.same());
}

TEST(Shape, RowsEnterAsCreatesAndLeaveAsDeletes) {
  Stream stream(Where("hidden = 0"));
  EXPECT_THAT(stream.Write("n1 7/1 insert@100 title=Fargo hidden=1"), IsEmpty());
  EXPECT_THAT(stream.Write("n1 7/1 set@110 title=FARGO"), IsEmpty());
  EXPECT_THAT(
      stream.Write("n1 7/1 set@120 hidden=0"),
      ElementsAre("c 7/1 @120 r3 write [hidden] null -> {hidden: 0, note: null, owner: null, tags: null, title: "
                  "FARGO}"));
  EXPECT_FALSE(stream.same());
  EXPECT_THAT(
      stream.Write("n1 7/1 set@130 note=x"),
      ElementsAre("u 7/1 @130 r4 write [note] {hidden: 0, note: null, owner: null, tags: null, title: FARGO} -> "
                  "{hidden: 0, note: x, owner: null, tags: null, title: FARGO}"));
  EXPECT_TRUE(stream.same());
  EXPECT_THAT(
      stream.Write("n1 7/1 set@140 hidden=null"),
      ElementsAre("d 7/1 @140 r5 write [hidden] {hidden: 0, note: x, owner: null, tags: null, title: FARGO} -> null"));
  EXPECT_THAT(stream.Write("n1 7/1 delete@150"), IsEmpty());
  EXPECT_EQ(stream.Write("n1 7/2 insert@160 hidden=0").size(), 1u);
  EXPECT_TRUE(stream.same());
  EXPECT_THAT(
      stream.Write("n1 7 delete@170"),
      ElementsAre("d 7/2 @170 r2 partition_delete [] {hidden: 0, note: null, owner: null, tags: null, title: null} -> "
                  "null"));
  EXPECT_TRUE(stream.same());
}

TEST(Shape, StaticRowsHaveOnlyTheirOwnColumnsAndTheKey) {
  EXPECT_THAT(Stream(Where("hidden = 0")).Write("n1 7/static set@100 s=x"), IsEmpty());
  EXPECT_THAT(Stream(Where("n = 1")).Write("n1 7/static set@100 s=x"), IsEmpty());
  EXPECT_EQ(Stream(Where("id = 7")).Write("n1 7/static set@100 s=x").size(), 1u);
  EXPECT_EQ(Stream(Where("hidden = 0 OR s IS NOT NULL")).Write("n1 7/static set@100 s=x").size(), 1u);
  EXPECT_THAT(Stream(Where("s = 'x'")).Write("n1 7/1 insert@100 hidden=1"), IsEmpty());
  EXPECT_THAT(Stream(Excluding({"s"})).Write("n1 7/static set@100 s=x"), IsEmpty());
}

TEST(Shape, WhatIsNotKnownIsNotShown) {
  Stream stream(Where("hidden = 0"), false);
  EXPECT_THAT(stream.Write("n1 7/1 set@100 title=Fargo"),
              ElementsAre("d 7/1 @100 r1 write [title] {} -> null incomplete unknown [hidden, note, owner, tags]"))
      << "a reader may have the row";
  EXPECT_THAT(stream.Write("n1 7/1 set@110 title=FARGO"),
              ElementsAre("d 7/1 @110 r2 write [title] {} -> null incomplete unknown [hidden, note, owner, tags]"));
  EXPECT_THAT(
      stream.Write("n1 7/1 set@120 hidden=0"),
      ElementsAre(
          "u 7/1 @120 r3 write [hidden] {} -> {hidden: 0, title: FARGO} incomplete unknown [note, owner, tags]"));
  EXPECT_THAT(
      stream.Write("n1 7/1 set@130 hidden=1"),
      ElementsAre("d 7/1 @130 r4 write [hidden] {hidden: 0, title: FARGO} -> null incomplete unknown [note, owner, "
                  "tags]"));
  EXPECT_THAT(stream.Write("n1 7/1 delete@140"), IsEmpty()) << "it was surely not in the stream";
  EXPECT_THAT(stream.Write("n1 7/2 delete@150"),
              ElementsAre("d 7/2 @150 r1 delete [] {} -> null incomplete unknown [hidden, note, owner, title, tags]"));
  EXPECT_THAT(stream.Write("n1 7/3 set@160 hidden=1"),
              ElementsAre("d 7/3 @160 r1 write [hidden] {} -> null incomplete unknown [note, owner, title, tags]"));
  EXPECT_THAT(
      stream.Write("n1 7/4 set@170 hidden=0"),
      ElementsAre("u 7/4 @170 r1 write [hidden] {} -> {hidden: 0} incomplete unknown [note, owner, title, tags]"));
  EXPECT_TRUE(stream.same());
}

TEST(Shape, KeysAreAlwaysKnown) {
  Stream stream(Where("n < 5 AND id = 7"), false);
  EXPECT_EQ(stream.Write("n1 7/1 set@100 title=Fargo").size(), 1u);
  EXPECT_TRUE(stream.same());
  EXPECT_THAT(stream.Write("n1 7/5 set@100 title=Fargo"), IsEmpty());
  EXPECT_EQ(stream.Write("n1 7/(5,] delete@110").size(), 1u)
      << "nothing says that the range holds no row of the stream";
  EXPECT_THAT(stream.Write("n1 8/(1,] delete@110"), IsEmpty());
}

TEST(Shape, ADeletionWithoutImageReachesWhoMayHaveTheRow) {
  Stream stream(Where("hidden = 0"));
  Change change;
  change.schema = &stream.schema();
  const std::string key = testing::ValueBytes(*testing::ParseType("int"), "7");
  const std::string clustering = testing::Clustering(stream.schema(), {"1"});
  change.partition_key = key;
  change.clustering = clustering;
  change.op = Op::kDelete;
  Arena arena;
  EXPECT_EQ(stream.shape().Apply(change, &arena), &change);
  change.op = Op::kRead;
  EXPECT_EQ(stream.shape().Apply(change, &arena), nullptr);
}

TEST(Shape, TruncationsReachEveryStream) {
  Stream stream(Where("hidden = 0"));
  Change change;
  change.schema = &stream.schema();
  change.op = Op::kTruncate;
  Arena arena;
  EXPECT_EQ(stream.shape().Apply(change, &arena), &change);
  Stream masked(Masked({{"id", "hmac"}}));
  const Change* seen = masked.shape().Apply(change, &arena);
  ASSERT_NE(seen, nullptr);
  EXPECT_EQ(seen->op, Op::kTruncate);
  EXPECT_EQ(seen->partition_key, "");
  EXPECT_EQ(seen->schema, &masked.shape().visible());
}

TEST(Shape, ReadsStayReads) {
  Stream stream(Where("hidden = 0"));
  Change change;
  change.schema = &stream.schema();
  change.op = Op::kRead;
  Arena arena;
  std::vector<ColumnValue> columns;
  for (const ColumnId id : stream.schema().regulars) columns.push_back({id});
  const Image out{columns};
  std::vector<ColumnValue> fitting = columns;
  fitting[0].null = false;
  fitting[0].value = ByteView("\0\0\0\0", 4);
  const Image in{fitting};
  change.after = &in;
  EXPECT_EQ(stream.shape().Apply(change, &arena), &change);
  change.before = &out;
  const Change* entered = stream.shape().Apply(change, &arena);
  EXPECT_EQ(entered->op, Op::kRead);
  EXPECT_EQ(entered->before, nullptr);
  change.before = &in;
  change.after = &out;
  EXPECT_EQ(stream.shape().Apply(change, &arena)->op, Op::kDelete);
}

TEST(Shape, ARowOfASnapshotThatDoesNotFitIsNotSent) {
  Stream stream(Where("hidden = 0"), /*history_known=*/false, kTwo);
  EXPECT_THAT(stream.Read("n1 7/1 insert@100 hidden=1 a=x"), IsEmpty());
  EXPECT_THAT(stream.Write("n1 7/1 set@200 hidden=0"),
              ElementsAre("c 7/1 @200 r2 write [hidden] null -> {a: x, hidden: 0}"));
  Stream other(Where("hidden = 0"), /*history_known=*/false, kTwo);
  EXPECT_THAT(other.Read("n1 8/1 insert@100 hidden=0 a=y"),
              ElementsAre("r 8/1 @100 r1 backfill [hidden, a] null -> {a: y, hidden: 0}"));
}

TEST(Shape, ARowThatIsKnownAtLastIsShown) {
  Stream fits(Where("hidden = 0"), /*history_known=*/false, kTwo);
  EXPECT_THAT(fits.Write("n1 7/1 set@200 a=x"),
              ElementsAre("d 7/1 @200 r1 write [a] {} -> null incomplete unknown [hidden]"));
  EXPECT_THAT(fits.Read("n1 7/1 set@200 a=x & 7/1 insert@100 hidden=0"),
              ElementsAre("u 7/1 @200 r2 backfill [hidden] {} -> {a: x, hidden: 0} incomplete unknown [hidden]"));
  Stream leaves_out(Excluding({"hidden"}), /*history_known=*/false, kTwo);
  leaves_out.Write("n1 7/1 set@200 a=x");
  EXPECT_THAT(leaves_out.Read("n1 7/1 set@200 a=x & 7/1 insert@100 hidden=0"), IsEmpty());
}

TEST(Shape, ColumnsAreLeftOut) {
  Stream stream(Excluding({"note", "HIDDEN", "\"owner\""}));
  const TableSchema& visible = stream.shape().visible();
  EXPECT_EQ(visible.columns.size(), 5u);
  for (size_t i = 0; i < visible.columns.size(); ++i) EXPECT_EQ(visible.columns[i].id.value, i);
  EXPECT_EQ(visible.FindColumn("note"), nullptr);
  EXPECT_EQ(visible.table_id, stream.schema().table_id);
  EXPECT_NE(visible.id, stream.schema().id);
  EXPECT_THAT(stream.Write("n1 7/1 insert@100 title=Fargo note=x owner=me tags={a,b}"),
              ElementsAre("c 7/1 @100 r1 write [title, tags] null -> {tags: {a, b}, title: Fargo}"));
  EXPECT_THAT(stream.Write("n1 7/1 set@110 note=y"), IsEmpty());
  EXPECT_THAT(stream.Write("n1 7/1 set@120 note=y title=Fargo"),
              ElementsAre("u 7/1 @120 r3 write [title] {tags: {a, b}, title: Fargo} -> {tags: {a, b}, title: Fargo}"))
      << "the same value, but written";
  EXPECT_THAT(stream.Write("n1 7/1 insert@130"), ElementsAre(::testing::StartsWith("u 7/1 @130 r4 write []")))
      << "the marker is of the whole row";
  EXPECT_THAT(stream.Write("n1 7/2 set@140 note=z"),
              ElementsAre("c 7/2 @140 r1 write [] null -> {tags: null, title: null}"));
  EXPECT_THAT(stream.Write("n1 7/2 delete@150"),
              ElementsAre("d 7/2 @150 r2 delete [] {tags: null, title: null} -> null"));
}

TEST(Shape, OnlyNamedColumnsAreSeen) {
  StreamSpec spec = Where("hidden = 0");
  spec.include = {"title", "id"};
  Stream stream(spec);
  EXPECT_THAT(stream.Write("n1 7/1 insert@100 title=Fargo hidden=0 note=x"),
              ElementsAre("c 7/1 @100 r1 write [title] null -> {title: Fargo}"));
  EXPECT_THAT(stream.Write("n1 7/1 set@110 hidden=1"), ElementsAre("d 7/1 @110 r2 write [] {title: Fargo} -> null"))
      << "the predicate sees what readers do not";
  EXPECT_THAT(stream.Write("n1 7/1 set@120 hidden=0 note=y"),
              ElementsAre("c 7/1 @120 r3 write [] null -> {title: Fargo}"));
  EXPECT_THAT(stream.Write("n1 7/static set@130 s=x"), IsEmpty());
}

TEST(Shape, UnknownColumnsThatAreLeftOutAreNotNamed) {
  Stream stream(Excluding({"note", "hidden"}), false);
  EXPECT_THAT(stream.Write("n1 7/1 set@100 note=x"),
              ElementsAre("u 7/1 @100 r1 write [] {} -> {} incomplete unknown [owner, title, tags]"))
      << "the first that is heard of the row";
  EXPECT_THAT(stream.Write("n1 7/1 set@110 title=x note=y"),
              ElementsAre("u 7/1 @110 r2 write [title] {} -> {title: x} incomplete unknown [owner, tags]"));
  EXPECT_THAT(stream.Write("n1 7/1 set@120 note=z"), IsEmpty());
}

TEST(Shape, MasksHideValues) {
  Stream stream(
      Masked({{"owner", "hmac"}, {"note", "redact"}, {"title", "truncate:2"}, {"tags", "hmac"}, {"hidden", "hmac"}}));
  const std::vector<std::string> first =
      stream.Write("n1 7/1 insert@100 owner=me note=x title=Fargo tags={a} hidden=1");
  // The hashes are those of Python's hmac.
  EXPECT_THAT(first, ElementsAre("c 7/1 @100 r1 write [hidden, note, owner, title, tags] null -> {hidden: "
                                 "305add1f35810e77c07f0ab3723a393e3e697cb7d779cc58a07632cc2f83da2a, note: null, owner: "
                                 "260199d7e79f177019f5f90942beddb7fb8d19389ad3c6a6686544747eb6d19b, tags: "
                                 "84e904051da9bfb79f277e9039e23e4935004efa6b5de961a39b8609e78a698d, title: Fa}"));
  EXPECT_EQ(stream.shape().visible().FindColumn("hidden")->type->kind, TypeKind::kText);
  EXPECT_EQ(stream.shape().visible().FindColumn("tags")->type->kind, TypeKind::kText);
  EXPECT_EQ(stream.shape().visible().FindColumn("note")->type->kind, TypeKind::kText);
  const std::vector<std::string> second = stream.Write("n1 7/1 set@110 title=Farmer owner=null");
  ASSERT_EQ(second.size(), 1u);
  EXPECT_THAT(second[0],
              ::testing::HasSubstr(
                  "owner: null, tags: 84e904051da9bfb79f277e9039e23e4935004efa6b5de961a39b8609e78a698d, title: Fa}"))
      << "a write whose effect is masked is still told";
}

TEST(Shape, TruncationCountsCharacters) {
  Stream stream(Masked({{"title", "truncate:3"}}));
  EXPECT_THAT(stream.Write("n1 7/1 insert@100 title=äé😀x"), ElementsAre(::testing::HasSubstr("title: äé😀}")));
  EXPECT_THAT(stream.Write("n1 7/2 insert@100 title=äé"), ElementsAre(::testing::HasSubstr("title: äé}")));
}

TEST(Shape, HashesAreEqualForEqualValuesUnderOneKey) {
  const auto hash = [](const char* key, const char* owner) {
    StreamSpec spec = Masked({{"owner", "hmac"}});
    spec.hmac_key = key;
    return Stream(spec).Write(std::string("n1 7/1 insert@100 owner=") + owner)[0];
  };
  EXPECT_EQ(hash("k1", "a"), hash("k1", "a"));
  EXPECT_NE(hash("k1", "a"), hash("k1", "b"));
  EXPECT_NE(hash("k1", "a"), hash("k2", "a"));
}

TEST(Shape, MaskedKeysStayKeys) {
  Stream stream(Masked({{"id", "hmac"}, {"n", "hmac"}}));
  const std::vector<std::string> created = stream.Write("n1 7/1 insert@100 title=x");
  const std::vector<std::string> deleted = stream.Write("n1 7/1 delete@110");
  ASSERT_EQ(created.size() + deleted.size(), 2u);
  const auto key = [](const std::string& line) { return line.substr(2, line.find(' ', 2) - 2); };
  EXPECT_EQ(key(created[0]),
            "6bb3c55a52e33af763f2cf41f0f3578851dee007dc379f99415e2aeb3a5b2648/"
            "305add1f35810e77c07f0ab3723a393e3e697cb7d779cc58a07632cc2f83da2a");
  EXPECT_EQ(key(deleted[0]), key(created[0]));
  EXPECT_NE(key(stream.Write("n1 8/1 insert@120 title=x")[0]), key(created[0]));
  EXPECT_EQ(stream.shape().visible().column(ColumnId{0}).type->kind, TypeKind::kText);
}

// All bytes that a Change shows.
std::string AllBytes(const Change& change) {
  std::string bytes(change.partition_key);
  bytes += change.clustering;
  for (const Bound* bound : {&change.range_start, &change.range_end}) {
    bytes += bound->cut;
    bytes += bound->values;
  }
  return bytes;
}

constexpr const char* kPosts = "posts (id text key, part text key, a text clustering, b text clustering, x int)";

TEST(Shape, MaskedKeysLeaveNothingBehind) {
  Stream stream(Masked({{"part", "hmac"}, {"b", "hmac"}}), true, kPosts);
  Change change;
  change.schema = &stream.schema();
  std::string key;
  AppendCompositeValue("open", &key);
  AppendCompositeValue("secret", &key);
  std::string clustering;
  AppendClusteringValue("plain", &clustering);
  AppendClusteringValue("secret", &clustering);
  change.partition_key = key;
  change.clustering = clustering;
  change.token = Murmur3Token(key);
  const Image image;
  change.after = &image;
  Arena arena;
  const Change* seen = stream.shape().Apply(change, &arena);
  PartitionKeyReader parts(2, seen->partition_key);
  EXPECT_EQ(parts.Next(), "open");
  EXPECT_EQ(parts.Next()->size(), 64u);
  EXPECT_TRUE(!parts.Next() && parts.status().has_value());
  ClusteringReader columns(seen->clustering);
  EXPECT_EQ(columns.Next()->bytes, "plain");
  EXPECT_EQ(columns.Next()->bytes.size(), 64u);
  EXPECT_TRUE(!columns.Next() && columns.status().has_value());
  EXPECT_EQ(seen->token, Murmur3Token(seen->partition_key));
  EXPECT_EQ(AllBytes(*seen).find("secret"), std::string::npos);

  std::string with_null;
  AppendClusteringValue("plain", &with_null);
  AppendClusteringNull(&with_null);
  change.clustering = with_null;
  EXPECT_EQ(stream.shape().Apply(change, &arena)->clustering, with_null);

  // Keys that do not come apart.
  for (const std::string& broken : {std::string("secret"), key + "secret", key.substr(0, key.size() - 3)}) {
    change.partition_key = broken;
    change.clustering = std::string_view("\x40secret");
    seen = stream.shape().Apply(change, &arena);
    EXPECT_EQ(seen->partition_key.size(), 64u);
    EXPECT_EQ(seen->clustering.size(), 64u);
    EXPECT_EQ(AllBytes(*seen).find("secret"), std::string::npos);
  }
}

TEST(Shape, MaskOfOneColumnLeavesTheOthersInBounds) {
  Stream stream(Masked({{"b", "hmac"}}), false, "posts (id text key, a text clustering, b text clustering, x int)");
  const auto range = [&](const std::string& text) {
    const std::vector<std::string> lines = stream.Write(text);
    return lines.empty() ? "none" : lines.back().substr(0, lines.back().find(" @"));
  };
  EXPECT_EQ(range("n1 k/[a1,a3) delete@100"), "d k/range [a1,a3)");
  EXPECT_EQ(range("n1 k1/[a1/x,a3/y) delete@110"), "d k1/range [a1,a3]") << "wider: hashes have no order";
  EXPECT_EQ(range("n1 k2/(a1/x,a3) delete@120"), "d k2/range [a1,a3)");
  EXPECT_THAT(range("n1 k3/[a1/x,a1/x] delete@130"),
              ::testing::MatchesRegex("d k3/range \\[a1/[0-9a-f]{64},a1/[0-9a-f]{64}\\]"))
      << "all rows with these values";
}

TEST(Shape, CutsOfMaskedBoundsFitTheirValues) {
  TableSchema schema = *ParseTable("posts (id text key, a text clustering, b text clustering, x int)");
  schema.columns[2].descending = true;
  const auto shape = StreamShape::Make(Masked({{"b", "hmac"}}), schema);
  ASSERT_TRUE(shape.has_value());
  const TableSchema& visible = (*shape)->visible();
  EXPECT_FALSE(visible.column(visible.clustering[1]).descending) << "hashes have no order to turn round";
  Change change;
  change.schema = &schema;
  change.row = RowKind::kRange;
  change.op = Op::kDelete;
  change.complete = false;
  std::string values;
  AppendClusteringValue("plain", &values);
  AppendClusteringValue("secret", &values);
  change.range_start = change.range_end = {"old cut", values, 2, true};
  Arena arena;
  const Change* seen = (*shape)->Apply(change, &arena);
  std::string cut;
  ClusteringReader reader(seen->range_start.values);
  for (int i = 0; i < 2; ++i) AppendComparable(*testing::ParseType("text"), false, reader.Next()->bytes, &cut);
  EXPECT_EQ(seen->range_start.cut, cut);
  AppendCutAfter(&cut);
  EXPECT_EQ(seen->range_end.cut, cut);
  EXPECT_EQ(seen->range_end.values, seen->range_start.values);
}

TEST(Shape, WhatReadsAsNullStaysNullUnderAMask) {
  Stream stream(Masked({{"hidden", "hmac"}, {"title", "hmac"}}));
  std::vector<ColumnValue> columns;
  for (const ColumnId id : stream.schema().regulars) columns.push_back({id, false, ""});
  const Image image{columns};
  Change change;
  change.schema = &stream.schema();
  change.op = Op::kCreate;
  change.after = &image;
  Arena arena;
  const Change* seen = stream.shape().Apply(change, &arena);
  for (const ColumnValue& value : seen->after->columns) {
    const std::string& name = stream.shape().visible().column(value.column).name;
    if (name != "hidden" && name != "title") continue;
    EXPECT_EQ(value.null, name == "hidden") << "an int has no empty value, a text has";
    EXPECT_EQ(value.value.size(), name == "hidden" ? 0u : 64u);
  }
}

TEST(Shape, MistakesAreNamed) {
  const auto with = [](auto change) {
    StreamSpec spec = Where("");
    change(&spec);
    return ErrorOf(spec);
  };
  const std::string start = "stream public, table toys.titles";
  EXPECT_EQ(ErrorOf(Where("hidden = false")),
            start +
                ", where: at character 10: column hidden is int: false is no value of int; write a whole number from "
                "-2147483648 to 2147483647");
  EXPECT_EQ(with([](StreamSpec* spec) { spec->include = spec->exclude = {"note"}; }),
            start + ": columns are given by include or by exclude, not by both");
  EXPECT_EQ(
      with([](StreamSpec* spec) { spec->include = {"nota"}; }),
      start + ": include: the table has no column nota; its columns are id, n, s, hidden, note, owner, tags, title");
  EXPECT_EQ(
      with([](StreamSpec* spec) { spec->exclude = {"\"Note\""}; }),
      start +
          ": exclude: the table has no column \"Note\", but one note; write it so (without double quotes a name is "
          "in lower case)");
  EXPECT_EQ(with([](StreamSpec* spec) { spec->exclude = {"\"note"}; }),
            start + ": exclude: at character 1: the quote \" has no end; within it a quote is written twice");
  EXPECT_EQ(with([](StreamSpec* spec) { spec->exclude = {"\"note\" x"}; }),
            start + ": exclude: \"note\" x is no column's name; a quoted name is \"…\" and nothing after it");
  EXPECT_EQ(with([](StreamSpec* spec) { spec->exclude = {"n"}; }),
            start + ": exclude: column n is of the key, and rows need their key; mask it with hmac instead");
  EXPECT_EQ(with([](StreamSpec* spec) {
              spec->masks = {{"x", "hmac"}};
            }).substr(0, 80),
            (start + ": mask: the table has no column x; its columns are id, n, s").substr(0, 80));
  EXPECT_EQ(with([](StreamSpec* spec) {
              spec->masks = {{"owner", "hmac"}};
            }),
            start + ": mask: column owner is text: the mask hmac needs a key; give the stream one");
  EXPECT_EQ(with([](StreamSpec* spec) {
              spec->masks = {{"owner", "hash"}};
            }),
            start + ": mask: column owner is text: there is no mask 'hash'; use hmac, redact or truncate:N");
  for (const char* mask : {"truncate:", "truncate:0", "truncate:-1", "truncate:1x", "truncate:99999999999999999999"}) {
    EXPECT_EQ(with([&](StreamSpec* spec) {
                spec->masks = {{"owner", mask}};
              }),
              start + ": mask: column owner is text: '" + mask +
                  "' is no mask; after truncate: comes a number of characters from 1 on");
  }
  EXPECT_EQ(with([](StreamSpec* spec) {
              spec->masks = {{"hidden", "truncate:1"}};
            }),
            start + ": mask: column hidden is int: only text and ascii can be truncated; use hmac or redact");
  EXPECT_EQ(
      with([](StreamSpec* spec) {
        spec->masks = {{"id", "redact"}};
      }),
      start + ": mask: column id is int: a key column cannot be redacted: every row needs a key of its own; use hmac");
  EXPECT_EQ(
      with([](StreamSpec* spec) {
        spec->exclude = {"note"};
        spec->masks = {{"note", "redact"}};
      }),
      start +
          ": mask: column note is not in the stream: take the mask away, or let include or exclude have the column");
  EXPECT_EQ(with([](StreamSpec* spec) {
              spec->masks = {{"note", "redact"}, {"\"note\"", "redact"}};
            }),
            start + ": mask: column note has two masks; give it one");
  const TableSchemaPtr posts = ParseTable(kPosts);
  StreamSpec spec = Where("");
  spec.masks = {{"a", "truncate:3"}};
  EXPECT_EQ(StreamShape::Make(spec, *posts).error().message,
            "stream public, table toys.posts: mask: column a is text: a key column cannot be truncated: different rows "
            "would get one key; use hmac");
}

TEST(Shape, OlderDefinitionsTakeTheNewestsWords) {
  const TableSchemaPtr newest = ParseTable(kTitles);
  const TableSchemaPtr older = ParseTable("titles (id int key, n int clustering, s text static, hidden int)");
  StreamSpec spec = Excluding({"note"}, "hidden = 0 AND owner IS NULL");
  spec.masks = {{"title", "truncate:1"}};
  EXPECT_FALSE(StreamShape::Make(spec, *older).has_value());
  const auto shape = StreamShape::Make(spec, *older, newest.get());
  ASSERT_TRUE(shape.has_value()) << shape.error().message;
  EXPECT_EQ((*shape)->visible().columns.size(), 4u);
  spec.where = "nota = 1";
  EXPECT_FALSE(StreamShape::Make(spec, *older, newest.get()).has_value());
}

TEST(Shape, DroppedColumns) {
  const TableSchemaPtr schema = ParseTable("t (id int key, a text, gone text dropped@50)");
  StreamSpec spec = Excluding({"gone"});
  const auto shape = StreamShape::Make(spec, *schema);
  ASSERT_TRUE(shape.has_value());
  EXPECT_EQ((*shape)->visible().columns.size(), 2u);
  spec.where = "gone = 'x'";
  EXPECT_EQ(
      StreamShape::Make(spec, *schema).error().message,
      "stream public, table toys.t, where: at character 1: column gone was dropped from the table: leave it out of "
      "the predicate");
}

TEST(FitsPattern, StarsStandForAnything) {
  EXPECT_TRUE(FitsPattern("ks.t", "ks.t"));
  EXPECT_TRUE(FitsPattern("ks.*", "ks.t"));
  EXPECT_TRUE(FitsPattern("*", "ks.t"));
  EXPECT_TRUE(FitsPattern("*.t*", "ks.titles"));
  EXPECT_TRUE(FitsPattern("k*s.t*e*s", "kiks.titles"));
  EXPECT_TRUE(FitsPattern("ks.t**", "ks.t"));
  EXPECT_FALSE(FitsPattern("ks.t", "ks.titles"));
  EXPECT_FALSE(FitsPattern("ks.titles", "ks.t"));
  EXPECT_FALSE(FitsPattern("*.x", "ks.t"));
  EXPECT_FALSE(FitsPattern("", "ks.t"));
  EXPECT_FALSE(FitsPattern("KS.t", "ks.t"));
  EXPECT_TRUE(FitsPattern("a*ab", "aab"));
}

}  // namespace
}  // namespace braid
