#include "capture/schema_fold.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codec/schema.h"

namespace braid {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Kind = SchemaRecord::Kind;

TableId Id() {
  TableId id;
  id.bytes.fill(7);
  return id;
}

TableSchemaPtr Table(const std::vector<std::string>& columns, bool cdc = true) {
  auto schema = std::make_shared<TableSchema>();
  schema->table_id = Id();
  schema->keyspace = "k";
  schema->table = "t";
  schema->cdc = cdc;
  for (const std::string& name : columns) {
    Column column;
    column.id = {static_cast<uint16_t>(schema->columns.size())};
    column.name = name;
    column.kind = schema->columns.empty() ? ColumnKind::kPartitionKey : ColumnKind::kRegular;
    column.type = SimpleType(TypeKind::kInt);
    schema->columns.push_back(column);
  }
  schema->IndexColumns();
  schema->id = ComputeSchemaId(*schema);
  return schema;
}

// `after` as the successor of `before` (nullptr: the first), by a table written and changed at `at`.
SchemaRecord Successor(const TableSchemaPtr& before, const TableSchemaPtr& after, int64_t at) {
  return {.kind = Kind::kDefinition,
          .table = Id(),
          .schema = after,
          .changed_at = {at},
          .base = before == nullptr ? SchemaId{} : before->id,
          .written_at = {at}};
}
SchemaRecord DroppedAt(int64_t at) {
  return {.kind = Kind::kDropped, .table = Id(), .written_at = {at}};
}
SchemaRecord Known(const TableSchemaPtr& table) {
  return {.kind = Kind::kHistoryKnown, .table = Id(), .base = table->id};
}
SchemaWitness Witness(uint8_t host, uint32_t of_nodes) {
  SchemaWitness witness{.of_nodes = of_nodes};
  witness.host.fill(host);
  return witness;
}
SchemaRecord Logged(uint8_t host, uint32_t of_nodes) {
  return {.kind = Kind::kHistoryLogged, .table = Id(), .witness = Witness(host, of_nodes)};
}

std::vector<std::string> Tell(const SchemaFold::Outcome& outcome) {
  std::vector<std::string> told;
  constexpr const char* kWords[] = {"new", "changed", "dropped"};
  for (const SchemaBook::Event& event : outcome.events) told.emplace_back(kWords[static_cast<int>(event.kind)]);
  return told;
}

class SchemaFoldTest : public testing::Test {
 protected:
  std::vector<std::string> Apply(const SchemaRecord& record) { return Tell(fold_.Apply({record})); }
  SchemaId Newest() const { return fold_.FindTable(Id())->id; }

  const TableSchemaPtr a_ = Table({"p"});
  const TableSchemaPtr b_ = Table({"p", "b"});
  const TableSchemaPtr c_ = Table({"p", "c"});
  const TableSchemaPtr off_ = Table({"p"}, false);
  SchemaFold fold_;
};

TEST_F(SchemaFoldTest, OnlyTheFirstOfTwoSuccessorsCounts) {
  EXPECT_TRUE(fold_.empty());
  EXPECT_THAT(Apply(Successor(nullptr, a_, 1)), ElementsAre("new"));
  const uint64_t version = fold_.version();
  EXPECT_THAT(Apply(Successor(a_, b_, 2)), ElementsAre("changed"));
  EXPECT_GT(fold_.version(), version);
  EXPECT_THAT(Apply(Successor(a_, c_, 3)), IsEmpty());
  EXPECT_THAT(Apply(Successor(nullptr, c_, 3)), IsEmpty());
  EXPECT_EQ(Newest(), b_->id);
  EXPECT_EQ(fold_.Find(c_->id), nullptr);  // nobody may have used it
  EXPECT_NE(fold_.Find(a_->id), nullptr);
  EXPECT_THAT(Apply(Successor(b_, c_, 3)), ElementsAre("changed"));
}

// Capture turned off and on makes the same definition again: its id alone does not tell when.
TEST_F(SchemaFoldTest, AnOldPlanOnADefinitionThatCameBackDoesNotCount) {
  for (const SchemaRecord& record : {Successor(nullptr, a_, 1), Successor(a_, off_, 4), Successor(off_, a_, 6)}) {
    Apply(record);
  }
  EXPECT_THAT(Apply(Successor(a_, off_, 4)), IsEmpty());
  EXPECT_EQ(Newest(), a_->id);
}

TEST_F(SchemaFoldTest, DroppedAndAddedByTheirTimes) {
  Apply(Successor(nullptr, a_, 5));
  EXPECT_THAT(Apply(DroppedAt(4)), IsEmpty());  // of an earlier table's life
  EXPECT_THAT(Apply(DroppedAt(8)), ElementsAre("dropped"));
  EXPECT_THAT(Apply(DroppedAt(9)), IsEmpty());
  EXPECT_THAT(fold_.CapturedTables(), IsEmpty());
  EXPECT_THAT(Apply(Successor(a_, b_, 9)), IsEmpty());  // of a node that has not heard of it
  EXPECT_THAT(Apply(Successor(a_, b_, 10)), ElementsAre("new"));
}

TEST_F(SchemaFoldTest, WhereOneWritesAllCounts) {
  const auto plain = [](const TableSchemaPtr& schema) {
    return SchemaRecord{.kind = Kind::kDefinition, .table = Id(), .schema = schema, .changed_at = {1}};
  };
  EXPECT_THAT(Apply(plain(a_)), ElementsAre("new"));
  EXPECT_THAT(Apply({.kind = Kind::kDropped, .table = Id()}), ElementsAre("dropped"));
  EXPECT_THAT(Apply(plain(a_)), ElementsAre("new"));
  Apply({.kind = Kind::kHistoryKnown, .table = Id()});
  EXPECT_TRUE(fold_.HistoryKnown(Id()));
  Apply({.kind = Kind::kHistoryUnknown, .table = Id()});
  EXPECT_FALSE(fold_.HistoryKnown(Id()));
  EXPECT_FALSE(fold_.has_baseline());
  Apply({.kind = Kind::kBaseline});
  EXPECT_TRUE(fold_.has_baseline());
}

TEST_F(SchemaFoldTest, AHistoryIsKnownOfTheDefinitionThatWasMeant) {
  Apply(Successor(nullptr, a_, 1));
  Apply(Known(b_));
  EXPECT_FALSE(fold_.HistoryKnown(Id()));
  Apply(Known(a_));
  EXPECT_TRUE(fold_.HistoryKnown(Id()));
  Apply({.kind = Kind::kHistoryUnknown, .table = Id()});
  Apply(Successor(a_, off_, 2));
  Apply(Known(off_));
  EXPECT_FALSE(fold_.HistoryKnown(Id()));
}

TEST_F(SchemaFoldTest, AllNodesMustSayIt) {
  Apply(Logged(1, 3));  // of a table that is not known
  Apply(Successor(nullptr, a_, 1));
  for (const SchemaRecord& record : {Logged(1, 2), Logged(1, 2), Logged(2, 3), Logged(2, 2)}) {
    Apply(record);
    EXPECT_FALSE(fold_.HistoryKnown(Id()));
  }
  EXPECT_THAT(fold_.Apply({Logged(3, 3)}).histories, ElementsAre(Id()));
  EXPECT_TRUE(fold_.HistoryKnown(Id()));
  // Once it is unknown, what was said before is void.
  Apply({.kind = Kind::kHistoryUnknown, .table = Id()});
  Apply(Logged(3, 3));
  EXPECT_FALSE(fold_.HistoryKnown(Id()));
}

TEST_F(SchemaFoldTest, BaselinesAndIntroductionsAreThoseOfAllNodes) {
  Apply({.kind = Kind::kBaseline, .witness = Witness(1, 2)});
  Apply({.kind = Kind::kBaseline, .witness = Witness(1, 2)});
  EXPECT_FALSE(fold_.has_baseline());
  EXPECT_TRUE(fold_.HasBaselineOf(Witness(1, 2).host));
  EXPECT_FALSE(fold_.HasBaselineOf(Witness(2, 2).host));
  Apply({.kind = Kind::kBaseline, .witness = Witness(2, 2)});
  EXPECT_TRUE(fold_.has_baseline());
  Apply({.kind = Kind::kIntroduced, .witness = Witness(2, 2)});
  EXPECT_FALSE(fold_.all_introduced());
  EXPECT_TRUE(fold_.IsIntroduced(Witness(2, 2).host));
  Apply({.kind = Kind::kIntroduced, .witness = Witness(1, 2)});
  EXPECT_TRUE(fold_.all_introduced());
}

}  // namespace
}  // namespace braid
