#include "cassandra/schema/builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cassandra/schema/dump.h"
#include "cassandra/schema/schema_test_util.h"
#include "cassandra/schema/values.h"

namespace braid {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

ClusterSchema Build(const SchemaRows& rows) {
  return SchemaBuilder(TestSchemaId).Build(rows, {});
}

// A table with one key column and these others.
SchemaRows OneTable(const std::vector<SystemRow>& columns) {
  SchemaRows rows;
  rows.tables = {TableRow("k", "t", 'a')};
  rows.columns = columns;
  rows.columns.push_back(ColumnRow("k", "t", "p", "partition_key", "int", 0));
  return rows;
}

std::vector<std::string> Names(const TableSchema& schema) {
  std::vector<std::string> names;
  for (const Column& column : schema.columns) names.push_back(column.name);
  return names;
}

TEST(BuilderTest, NumbersColumnsInTheOrderOfTheWire) {
  SchemaRows rows = OneTable({
      ColumnRow("k", "t", "z", "regular", "int"),
      ColumnRow("k", "t", "set", "regular", "set<int>"),
      ColumnRow("k", "t", "A", "regular", "text"),
      ColumnRow("k", "t", "frozen", "regular", "frozen<set<int>>"),
      ColumnRow("k", "t", "Äöü", "regular", "text"),
      ColumnRow("k", "t", "s", "static", "text"),
      ColumnRow("k", "t", "c2", "clustering", "int", 1, "desc"),
      ColumnRow("k", "t", "c1", "clustering", "text", 0, "asc"),
      ColumnRow("k", "t", "a_second_key", "partition_key", "text", 1),
  });
  rows.dropped_columns = {DroppedRow("k", "t", "lost", "int", 5), DroppedRow("k", "t", "aset", "set<int>", 6)};
  const ClusterSchema schema = Build(rows);
  const TableInfo* info = schema.Find("k", "t");
  ASSERT_NE(info, nullptr);
  ASSERT_NE(info->schema, nullptr) << info->unreadable;
  EXPECT_THAT(Names(*info->schema),
              ElementsAre("p", "a_second_key", "c1", "c2", "s", "Äöü", "A", "frozen", "lost", "z", "aset", "set"));
  EXPECT_TRUE(info->schema->columns[3].descending);
  EXPECT_FALSE(info->schema->columns[2].descending);
  EXPECT_EQ(info->schema->id, TestSchemaId(*info->schema));
  EXPECT_EQ(info->schema->regulars.size(), 5u);  // without the dropped ones
  EXPECT_EQ(schema.FindTable(info->id), info->schema.get());
}

TEST(BuilderTest, DroppedColumnsKeepTheirTime) {
  SchemaRows rows = OneTable({ColumnRow("k", "t", "again", "regular", "int")});
  rows.dropped_columns = {DroppedRow("k", "t", "again", "int", 1700000000123), DroppedRow("k", "t", "gone", "text", 7)};
  const ClusterSchema schema = Build(rows);
  const TableSchema& table = *schema.Find("k", "t")->schema;
  EXPECT_FALSE(table.FindColumn("again")->dropped);
  EXPECT_EQ(table.FindColumn("again")->dropped_at.us, 1700000000123000);
  EXPECT_TRUE(table.FindColumn("gone")->dropped);
  EXPECT_EQ(table.FindColumn("gone")->dropped_at.us, 7000);
  EXPECT_TRUE(table.FindColumn("p")->dropped_at.none());
}

TEST(BuilderTest, ResolvesTypesInAnyOrder) {
  SchemaRows rows = OneTable(
      {ColumnRow("k", "t", "u", "regular", "outer"), ColumnRow("k", "t", "l", "regular", "list<frozen<inner>>")});
  rows.types = {TypeRow("k", "outer", {"i", "n"}, {"frozen<inner>", "int"}), TypeRow("k", "inner", {"x"}, {"text"}),
                TypeRow("other", "inner", {"y"}, {"int"})};
  const ClusterSchema schema = Build(rows);
  const TableInfo* info = schema.Find("k", "t");
  ASSERT_NE(info->schema, nullptr) << info->unreadable;
  const Type& outer = *info->schema->FindColumn("u")->type;
  EXPECT_TRUE(outer.multi_cell());
  EXPECT_THAT(outer.field_names, ElementsAre("i", "n"));
  EXPECT_TRUE(outer.args[0]->frozen);
  EXPECT_THAT(outer.args[0]->field_names, ElementsAre("x"));
}

TEST(BuilderTest, WhatMakesNoSenseIsUnreadable) {
  const auto reason = [](const SchemaRows& rows) {
    const ClusterSchema schema = Build(rows);
    const TableInfo* info = schema.Find("k", "t");
    EXPECT_EQ(schema.FindTable(info->id), nullptr);
    return info->unreadable;
  };
  EXPECT_THAT(reason(OneTable({ColumnRow("k", "t", "u", "regular", "nothing")})), HasSubstr("k.nothing"));
  EXPECT_THAT(reason(OneTable({ColumnRow("k", "t", "u", "regular", "list<")})), HasSubstr("column u"));
  EXPECT_THAT(reason(OneTable({ColumnRow("k", "t", "u", "odd", "int")})), HasSubstr("no known kind"));
  EXPECT_THAT(reason(OneTable({ColumnRow("k", "t", "c", "clustering", "int", 1)})), HasSubstr("not numbered"));
  EXPECT_THAT(reason(OneTable({ColumnRow("k", "t", "c", "clustering", "int", -1)})), HasSubstr("no position"));
  EXPECT_THAT(reason(OneTable({ColumnRow("k", "t", "c", "clustering", "'com.example.Odd'", 0)})), HasSubstr("Odd"));
  SchemaRows no_key = OneTable({});
  no_key.columns.clear();
  EXPECT_THAT(reason(no_key), HasSubstr("no partition key"));
  SchemaRows circle = OneTable({ColumnRow("k", "t", "u", "regular", "a")});
  circle.types = {TypeRow("k", "a", {"x"}, {"frozen<b>"}), TypeRow("k", "b", {"x"}, {"frozen<a>"})};
  EXPECT_THAT(reason(circle), HasSubstr("contains itself"));
  SchemaRows dropped = OneTable({});
  dropped.dropped_columns = {DroppedRow("k", "t", "d", "int", INT64_MAX)};
  EXPECT_THAT(reason(dropped), HasSubstr("dropped column d"));
}

TEST(BuilderTest, CompactTablesNameTheirCure) {
  for (const std::vector<std::string>& flags :
       {std::vector<std::string>{}, {"dense"}, {"compound", "dense"}, {"compound", "super"}}) {
    SchemaRows rows = OneTable({});
    rows.tables = {TableRow("k", "t", 'a', flags)};
    rows.tables[0].values["cdc"] = "\x01";
    const ClusterSchema schema = Build(rows);
    const TableInfo* info = schema.Find("k", "t");
    EXPECT_TRUE(info->compact);
    EXPECT_TRUE(info->cdc);
    EXPECT_EQ(info->schema, nullptr);
    EXPECT_THAT(info->unreadable, HasSubstr("ALTER TABLE k.t DROP COMPACT STORAGE"));
    EXPECT_THAT(schema.CdcTables(), IsEmpty());
  }
}

TEST(BuilderTest, ReadsFlagsAndViews) {
  SchemaRows rows = OneTable({});
  rows.tables = {TableRow("k", "t", 'a', {"compound", "counter"}), TableRow("k", "u", 'b')};
  rows.tables[0].values["cdc"] = "\x01";
  rows.tables[0].values["gc_grace_seconds"] = RowBytes().I32(77).bytes();
  rows.views = {{.key = {"k", "v"}, .values = {{"id", std::string(16, 'c')}, {"cdc", "\x01"}}}};
  rows.columns.push_back(ColumnRow("k", "u", "p", "partition_key", "int", 0));
  rows.columns.push_back(ColumnRow("k", "v", "p", "partition_key", "int", 0));
  rows.keyspaces = {{.key = {"k"}, .values = {{"durable_writes", std::string(1, '\0')}}}};
  const ClusterSchema schema = Build(rows);
  const TableSchema& table = *schema.Find("k", "t")->schema;
  EXPECT_TRUE(table.counter);
  EXPECT_TRUE(table.cdc);
  EXPECT_EQ(table.gc_grace_s, 77);
  EXPECT_FALSE(schema.Find("k", "u")->schema->cdc);  // the column is absent
  EXPECT_EQ(schema.Find("k", "u")->schema->gc_grace_s, 864000);
  EXPECT_TRUE(schema.Find("k", "v")->view);
  EXPECT_FALSE(schema.Find("k", "v")->schema->cdc);
  ASSERT_EQ(schema.CdcTables().size(), 1u);
  EXPECT_EQ(schema.CdcTables()[0]->table, "t");
  ASSERT_EQ(schema.keyspaces().size(), 1u);
  EXPECT_FALSE(schema.keyspaces()[0].durable_writes);
  EXPECT_EQ(schema.Find("k", "none"), nullptr);
  EXPECT_EQ(schema.Find(TableId{}), nullptr);
}

TEST(BuilderTest, RowsWithoutIdOrSenseAreWarnings) {
  SchemaRows rows = OneTable({});
  rows.tables.push_back({.key = {"k", "ghost"}, .values = {}});
  rows.types = {TypeRow("k", "broken", {"x", "y"}, {"int"})};
  const ClusterSchema schema = Build(rows);
  EXPECT_THAT(schema.warnings(), ElementsAre(HasSubstr("k.broken"), HasSubstr("k.ghost")));
  EXPECT_EQ(schema.tables().size(), 1u);
}

TEST(ValuesTest, MalformedValuesAreNothing) {
  const std::string texts = Texts({"a", "bc"});
  EXPECT_THAT(*ReadTexts(&texts), ElementsAre("a", "bc"));
  for (size_t size = 0; size < texts.size(); ++size) {
    const std::string cut = texts.substr(0, size);
    EXPECT_FALSE(ReadTexts(&cut).has_value()) << size;
    EXPECT_FALSE(ReadTextMap(&cut).has_value()) << size;
  }
  const std::string longer = texts + "x";
  EXPECT_FALSE(ReadTexts(&longer).has_value());
  const std::string huge = RowBytes().I32(INT32_MAX).bytes();
  EXPECT_FALSE(ReadTexts(&huge).has_value());
  EXPECT_FALSE(ReadInt(&texts).has_value());
  EXPECT_FALSE(ReadBoolean(nullptr).has_value());
}

TEST(DumpTest, PrintsTables) {
  SchemaRows rows = OneTable({ColumnRow("k", "t", "v", "regular", "map<text, int>")});
  rows.dropped_columns = {DroppedRow("k", "t", "gone", "text", 7)};
  const ClusterSchema schema = Build(rows);
  EXPECT_EQ(
      TableToJson(*schema.Find("k", "t")),
      R"({"id":"61616161-6161-6161-6161-616161616161","keyspace":"k","table":"t","schema_id":"00000000000003eb","cdc":false,)"
      R"("counter":false,"view":false,"compact":false,"gc_grace_s":864000,"columns":[{"id":0,"name":"p",)"
      R"("kind":"partition_key","position":0,"type":"int","dropped":false,"dropped_at_us":null},{"id":1,"name":"gone",)"
      R"("kind":"regular","type":"text","dropped":true,"dropped_at_us":7000},{"id":2,"name":"v","kind":"regular",)"
      R"("type":"map<text, int>","dropped":false,"dropped_at_us":null}],"unreadable":null})");
  rows.tables = {TableRow("k", "t", 'a', {})};
  EXPECT_THAT(TableToJson(*Build(rows).Find("k", "t")), HasSubstr(R"("columns":null,"unreadable":"k.t is a table)"));
}

}  // namespace
}  // namespace braid
