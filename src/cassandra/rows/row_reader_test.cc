#include "cassandra/rows/row_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "cassandra/rows/rows_test_util.h"

namespace braid {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// PRIMARY KEY (p, c int); a int, b text; ids 2 and 3. Rows are read as in an SSTable, with sizes.
TableSchema Table() {
  TableSchema schema;
  const auto add = [&](const char* name, ColumnKind kind, TypeKind type) {
    Column column;
    column.id = {static_cast<uint16_t>(schema.columns.size())};
    column.name = name;
    column.kind = kind;
    column.type = SimpleType(type);
    schema.columns.push_back(column);
  };
  add("p", ColumnKind::kPartitionKey, TypeKind::kInt);
  add("c", ColumnKind::kClustering, TypeKind::kInt);
  add("a", ColumnKind::kRegular, TypeKind::kInt);
  add("b", ColumnKind::kRegular, TypeKind::kText);
  schema.IndexColumns();
  return schema;
}

ColumnList ListOf(const TableSchema& schema, const std::vector<const char*>& names) {
  std::vector<HeaderColumn> columns;
  for (const char* name : names) {
    const Column* const column = schema.FindColumn(name);
    columns.push_back(MakeHeaderColumn(*column, *column->type, {}));
  }
  return ColumnList(columns);
}

class SizedRowsTest : public ::testing::Test {
 protected:
  SizedRowsTest() { reader_.SetHeader(stats_, DeletionTimes::kSigned, &statics_, &regulars_); }

  // Reads one row or marker of these bytes.
  RowReader::Kind Next(const RowBytes& bytes) {
    bytes_ = bytes.bytes();
    cursor_ = Cursor(bytes_);
    return reader_.Next(&cursor_, &arena_, &row_, &marker_);
  }

  const TableSchema schema_ = Table();
  ClusteringLayout clustering_{schema_};
  const EncodingStats stats_;
  const ColumnList statics_ = ListOf(schema_, {});
  // Written in another order than that of the ids.
  const ColumnList regulars_ = ListOf(schema_, {"b", "a"});
  RowReader reader_{&clustering_, /*sized=*/true};
  Arena arena_;
  std::string bytes_;
  Cursor cursor_{{}};
  RowUpdate row_;
  RangeMarker marker_;
};

TEST_F(SizedRowsTest, ReadsARowWithItsSizes) {
  // The size counts the size of the row before, too.
  const RowBytes body = RowBytes().Vint(33).Vint(10).U8(0x08).Text("x").U8(0x08).I32(5);
  ASSERT_EQ(Next(RowBytes().U8(0x24).Vint(0).I32(7).Vint(body.bytes().size()).Raw(body).U8(1)), RowReader::Kind::kRow);
  EXPECT_EQ(cursor_.remaining(), 1u);
  EXPECT_EQ(row_.liveness.at, WriteTime{10});
  ASSERT_EQ(row_.cells.size(), 2u);
  EXPECT_EQ(row_.cells[0].column, ColumnId{2}) << "cells go by column id";
  EXPECT_EQ(row_.cells[0].value, RowBytes().I32(5).bytes());
  EXPECT_EQ(row_.cells[1].value, "x");
}

TEST_F(SizedRowsTest, RefusesARowThatEndsElsewhere) {
  const RowBytes body = RowBytes().Vint(33).Vint(10).U8(0x08).Text("x").U8(0x08).I32(5);
  for (const int off : {-1, 1}) {
    EXPECT_EQ(Next(RowBytes().U8(0x24).Vint(0).I32(7).Vint(body.bytes().size() + off).Raw(body).U8(1)),
              RowReader::Kind::kEnd);
    ASSERT_FALSE(cursor_.ok());
    EXPECT_THAT(cursor_.reason(), HasSubstr("size"));
  }
}

TEST_F(SizedRowsTest, ReadsAMarkerWithItsSizes) {
  ASSERT_EQ(Next(RowBytes().U8(0x02).U8(5).U16(1).Vint(0).I32(7).Vint(5).Vint(0).Vint(1).Vint(2).Vint(3).Vint(4)),
            RowReader::Kind::kMarker);
  EXPECT_EQ(marker_.kind, BoundKind::kInclEndExclStart);
  EXPECT_EQ(marker_.closes, (Deletion{{1}, {2}})) << "the range that ends goes first";
  EXPECT_EQ(marker_.opens, (Deletion{{3}, {4}}));
  EXPECT_TRUE(cursor_.AtEnd());
}

TEST_F(SizedRowsTest, TellsAnEmptyRowFromTheEnd) {
  EXPECT_EQ(Next(RowBytes().U8(0x00).Vint(0).I32(7).Vint(2).Vint(0).Vint(3)), RowReader::Kind::kEmpty);
  EXPECT_TRUE(cursor_.ok());
  EXPECT_EQ(Next(RowBytes().U8(0x01)), RowReader::Kind::kEnd);
  EXPECT_TRUE(cursor_.ok());
  EXPECT_EQ(Next(RowBytes()), RowReader::Kind::kEnd);
  EXPECT_FALSE(cursor_.ok());
}

TEST_F(SizedRowsTest, ReadsAnEmptyStaticRow) {
  bytes_ = RowBytes().U8(0x80).U8(0x01).Vint(2).Vint(0).Vint(0).bytes();
  cursor_ = Cursor(bytes_);
  EXPECT_FALSE(reader_.ReadStatic(&cursor_, &arena_, &row_));
  EXPECT_TRUE(cursor_.ok());
  bytes_ = RowBytes().U8(0x00).Vint(0).bytes();
  cursor_ = Cursor(bytes_);
  EXPECT_FALSE(reader_.ReadStatic(&cursor_, &arena_, &row_));
  EXPECT_FALSE(cursor_.ok()) << "it must say that it is static";
}

TEST_F(SizedRowsTest, RefusesCellsThatMakeNoSense) {
  const auto refused = [&](const RowBytes& cells) {
    const RowBytes body = RowBytes().Vint(0).Vint(1).Raw(cells);  // all but "b" are present
    EXPECT_EQ(Next(RowBytes().U8(0x00).Vint(0).I32(7).Vint(body.bytes().size()).Raw(body)), RowReader::Kind::kEnd);
    return cursor_.ok() ? std::string("fine") : std::string(cursor_.reason());
  };
  EXPECT_THAT(refused(RowBytes().U8(0x20).Vint(1).I32(5)), HasSubstr("unknown flags"));
  EXPECT_THAT(refused(RowBytes().U8(0x08).I32(5)), HasSubstr("no timestamp")) << "the row has none to lend";
}

TEST(ColumnList, KnowsWhetherWrittenOrderIsThatOfTheIds) {
  const TableSchema schema = Table();
  EXPECT_TRUE(ListOf(schema, {"a", "b"}).ascending());
  EXPECT_FALSE(ListOf(schema, {"b", "a"}).ascending());
  EXPECT_THAT(ListOf(schema, {"b", "a"}).by_id(), ElementsAre(1, 0));
  ColumnList list = ListOf(schema, {"a", "b"});
  const std::vector<HeaderColumn> twice = {list.columns()[1], list.columns()[0], list.columns()[1]};
  EXPECT_FALSE(list.Assign(twice));
  EXPECT_EQ(list.size(), 0u);
  EXPECT_FALSE(ListOf(schema, {"a", "b"}).any_multi_cell());
}

TEST(EncodingStats, AddsDeltasAsJavaDoes) {
  const EncodingStats stats{.min_timestamp_us = 100, .min_local_deletion_s = 10, .min_ttl_s = 5};
  EXPECT_EQ(stats.Timestamp(static_cast<uint64_t>(-300)), WriteTime{-200});
  EXPECT_EQ(stats.Ttl(static_cast<uint64_t>(-5)), 0);
  EXPECT_EQ(stats.LocalDeletion(static_cast<uint64_t>(-3), DeletionTimes::kSigned), UnixSeconds{7});
}

}  // namespace
}  // namespace braid
