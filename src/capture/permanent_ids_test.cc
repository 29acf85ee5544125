#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>

#include "capture/schema_registry.h"

namespace braid {
namespace {

using testing::ElementsAre;

struct Spec {
  std::string name;
  ColumnKind kind = ColumnKind::kRegular;
  TypePtr type = SimpleType(TypeKind::kText);
  WriteTime dropped_at;
  bool dropped = false;
};

TableSchema Make(const std::vector<Spec>& specs) {
  TableSchema schema;
  schema.keyspace = "k";
  schema.table = "t";
  uint16_t keys[2] = {0, 0};
  for (const Spec& spec : specs) {
    Column column;
    column.id = {static_cast<uint16_t>(schema.columns.size())};
    column.name = spec.name;
    column.kind = spec.kind;
    if (spec.kind <= ColumnKind::kClustering) column.position = keys[static_cast<size_t>(spec.kind)]++;
    column.type = spec.type;
    column.dropped = spec.dropped;
    column.dropped_at = spec.dropped_at;
    schema.columns.push_back(column);
  }
  schema.IndexColumns();
  schema.id = ComputeSchemaId(schema);
  return schema;
}

std::vector<std::string> Names(const TableSchema& schema) {
  std::vector<std::string> names;
  for (const Column& column : schema.columns) names.push_back(column.name + (column.dropped ? "-" : ""));
  return names;
}

const Spec kKey{"p", ColumnKind::kPartitionKey};

TEST(WithPermanentIdsTest, NewColumnsGoToTheEnd) {
  const TableSchema before = Make({kKey, {"m"}, {"z"}});
  const auto after = WithPermanentIds(before, Make({kKey, {"a"}, {"m"}, {"n"}, {"z"}}));
  EXPECT_THAT(Names(*after), ElementsAre("p", "m", "z", "a", "n"));
  EXPECT_EQ(after->id, ComputeSchemaId(*after));
  EXPECT_NE(after->id, before.id);
  // Images go by name all the same.
  std::vector<std::string> regulars;
  for (const ColumnId id : after->regulars) regulars.push_back(after->column(id).name);
  EXPECT_THAT(regulars, ElementsAre("a", "m", "n", "z"));
}

TEST(WithPermanentIdsTest, NothingNewIsTheSameDefinition) {
  const TableSchema before = Make({kKey, {"z"}, {"a"}});
  EXPECT_EQ(WithPermanentIds(before, Make({kKey, {"a"}, {"z"}}))->id, before.id);
}

TEST(WithPermanentIdsTest, AColumnAddedAgainKeepsItsId) {
  const TableSchema before = Make({kKey, {"m"}, {"z"}});
  const auto gone = WithPermanentIds(before, Make({kKey, {.name = "m", .dropped_at = {7000}, .dropped = true}, {"z"}}));
  EXPECT_THAT(Names(*gone), ElementsAre("p", "m-", "z"));
  const auto again = WithPermanentIds(
      *gone, Make({kKey, {.name = "m", .type = SimpleType(TypeKind::kBlob), .dropped_at = {7000}}, {"z"}}));
  EXPECT_THAT(Names(*again), ElementsAre("p", "m", "z"));
  EXPECT_EQ(again->columns[1].dropped_at.us, 7000);
  EXPECT_EQ(again->columns[1].type->kind, TypeKind::kBlob);
}

TEST(WithPermanentIdsTest, KeysAreKnownByTheirPlace) {
  const TableSchema before = Make({kKey, {"c", ColumnKind::kClustering}, {"v"}});
  const auto after =
      WithPermanentIds(before, Make({{"q", ColumnKind::kPartitionKey}, {"p", ColumnKind::kClustering}, {"v"}}));
  EXPECT_THAT(Names(*after), ElementsAre("q", "p", "v"));
}

// A key column may be renamed to what a dropped column was called.
TEST(WithPermanentIdsTest, AKeyIsNoOtherColumnOfItsName) {
  const TableSchema before = Make({kKey, {.name = "x", .dropped_at = {5}, .dropped = true}, {"v"}});
  const auto after = WithPermanentIds(
      before, Make({{"x", ColumnKind::kPartitionKey}, {"v"}, {.name = "x", .dropped_at = {5}, .dropped = true}}));
  EXPECT_THAT(Names(*after), ElementsAre("x", "x-", "v"));
  EXPECT_TRUE(after->columns[0].dropped_at.none());
}

TEST(WithPermanentIdsTest, WhatCassandraForgetsStaysListed) {
  const TableSchema before = Make({kKey, {.name = "x", .dropped_at = {5}, .dropped = true}, {"v"}, {"w"}});
  const auto after = WithPermanentIds(before, Make({kKey, {"v"}}));
  EXPECT_THAT(Names(*after), ElementsAre("p", "x-", "v", "w-"));
  EXPECT_EQ(after->columns[1].dropped_at.us, 5);
}

TEST(WithPermanentIdsTest, ALaterDropCounts) {
  const TableSchema before = Make({kKey, {.name = "x", .dropped_at = {500}}});
  EXPECT_EQ(WithPermanentIds(before, Make({kKey, {.name = "x", .dropped_at = {70}}}))->columns[1].dropped_at.us, 500);
}

// Any history of ADD, DROP and ADD again, of which any part is seen: a name has one id for ever.
RC_GTEST_PROP(WithPermanentIdsTest, IdsAreForEver, ()) {
  std::map<std::string, Spec> columns;
  std::map<std::string, uint16_t> ids;
  TableSchemaPtr seen;
  for (int64_t step = 1; step <= 40; ++step) {
    const std::string name(1, static_cast<char>('a' + *rc::gen::inRange(0, 15)));
    Spec& column = columns[name];
    const bool existed = !column.name.empty() && !column.dropped;
    column.name = name;
    column.dropped = existed;
    if (existed) column.dropped_at = {step};
    if (!*rc::gen::arbitrary<bool>()) continue;
    std::vector<Spec> specs = {kKey};
    for (const auto& [unused, spec] : columns) specs.push_back(spec);
    const TableSchema fresh = Make(specs);
    seen = seen == nullptr ? std::make_shared<TableSchema>(fresh) : WithPermanentIds(*seen, fresh);
    RC_ASSERT(seen->columns.size() == specs.size());
    for (const Column& of : seen->columns) {
      RC_ASSERT(ids.emplace(of.name, of.id.value).first->second == of.id.value);
      if (of.name == "p") continue;
      RC_ASSERT(of.dropped == columns[of.name].dropped);
      RC_ASSERT(of.dropped_at == columns[of.name].dropped_at);
    }
  }
}

TEST(JoinDefinitionsTest, WhatOthersSawStays) {
  const TableSchema before = Make({kKey, {"m"}, {"x"}});
  EXPECT_THAT(Names(*JoinDefinitions(before, Make({kKey, {"m"}, {"y"}}), true)), ElementsAre("p", "m", "x", "y"));
  EXPECT_THAT(Names(*JoinDefinitions(before, Make({kKey, {"m"}, {"y"}}), false)), ElementsAre("p", "m", "x", "y"));
  EXPECT_EQ(JoinDefinitions(before, Make({kKey, {"m"}}), true)->id, before.id);
}

TEST(JoinDefinitionsTest, TheLaterStateOfAColumnCounts) {
  const Spec never{.name = "x"};
  const Spec dropped{.name = "x", .dropped_at = {5}, .dropped = true};
  const Spec again{.name = "x", .dropped_at = {5}};
  const Spec dropped_again{.name = "x", .dropped_at = {9}, .dropped = true};
  const std::vector<Spec> states = {never, dropped, again, dropped_again};
  for (size_t known = 0; known < states.size(); ++known) {
    for (size_t seen = 0; seen < states.size(); ++seen) {
      // A node whose files are older in all takes nothing back; and brings what is new.
      const auto joined = JoinDefinitions(Make({kKey, states[known]}), Make({kKey, states[seen]}), false);
      EXPECT_EQ(joined->id, Make({kKey, states[std::max(known, seen)]}).id) << known << " " << seen;
    }
  }
  // Who has not heard that it was ever dropped does not bring it back, whatever else is new.
  EXPECT_EQ(JoinDefinitions(Make({kKey, dropped}), Make({kKey, never}), true)->id, Make({kKey, dropped}).id);
  // DROP … USING TIMESTAMP.
  const Spec earlier{.name = "x", .dropped_at = {3}, .dropped = true};
  EXPECT_THAT(Names(*JoinDefinitions(Make({kKey, again}), Make({kKey, earlier}), true)), ElementsAre("p", "x-"));
}

TEST(JoinDefinitionsTest, OptionsAndNamesOfKeysAreTheNewest) {
  TableSchema before = Make({kKey});
  before.gc_grace_s = 1;
  TableSchema fresh = Make({{"q", ColumnKind::kPartitionKey}});
  fresh.gc_grace_s = 2;
  const auto newer = JoinDefinitions(before, fresh, true);
  EXPECT_EQ(newer->gc_grace_s, 2);
  EXPECT_THAT(Names(*newer), ElementsAre("q"));
  const auto older = JoinDefinitions(before, fresh, false);
  EXPECT_EQ(older->gc_grace_s, 1);
  EXPECT_THAT(Names(*older), ElementsAre("p"));
}

TEST(JoinDefinitionsTest, TypesDoNotLoseFields) {
  const auto udt = [](std::vector<std::string> names) {
    const std::vector<TypePtr> types(names.size(), SimpleType(TypeKind::kInt));
    return ListOf(UdtOf("k", "u", std::move(names), types, true), true);
  };
  const auto with = [&](std::vector<std::string> names) { return Make({kKey, {.name = "u", .type = udt(names)}}); };
  for (const bool newer : {false, true}) {
    EXPECT_EQ(JoinDefinitions(with({"a", "b"}), with({"a"}), newer)->id, with({"a", "b"}).id);
    EXPECT_EQ(JoinDefinitions(with({"a"}), with({"a", "b"}), newer)->id, with({"a", "b"}).id);
  }
  EXPECT_EQ(JoinDefinitions(with({"a"}), with({"z"}), true)->id, with({"z"}).id);  // renamed
  EXPECT_EQ(JoinDefinitions(with({"a"}), with({"z"}), false)->id, with({"a"}).id);
}

}  // namespace
}  // namespace braid
