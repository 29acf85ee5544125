// The order against Cassandra's own is checked in cassandra_values_test.cc.
#include "cassandra/types/comparable.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <optional>
#include <vector>

#include "base/testing.h"
#include "model/testing.h"
#include "model/value_order.h"

namespace braid {
namespace {

using testing::HasSubstr;

int Sign(int order) {
  return order < 0 ? -1 : (order > 0 ? 1 : 0);
}

std::string Component(const Type& type, std::string_view hex, bool descending = false) {
  std::string key;
  AppendComparable(type, descending, FromHex(hex), &key);
  return key;
}

TEST(ComparableTest, TheFormIsStable) {
  EXPECT_EQ(Component(*SimpleType(TypeKind::kInt), "00000001"), FromHex("0380000001"));
  EXPECT_EQ(Component(*SimpleType(TypeKind::kInt), "00000001", true), FromHex("fc7ffffffe"));
  EXPECT_EQ(Component(*SimpleType(TypeKind::kInt), "-"), FromHex("02"));
  EXPECT_EQ(Component(*SimpleType(TypeKind::kInt), "00"), FromHex("0400010000"));
  EXPECT_EQ(Component(*SimpleType(TypeKind::kText), "610062"), FromHex("03610001620000"));
  EXPECT_EQ(Component(*SimpleType(TypeKind::kVarint), "00ff"), FromHex("038200ff"));
  EXPECT_EQ(Component(*SimpleType(TypeKind::kVarint), "ff01"), FromHex("037dff01"));
  EXPECT_EQ(Component(*SimpleType(TypeKind::kDecimal), "000000027b"), FromHex("030281010d1f00"));
  EXPECT_EQ(Component(*TupleOf({SimpleType(TypeKind::kTinyint)}), "0000000105"), FromHex("03038500"));
  EXPECT_EQ(Component(*TupleOf({SimpleType(TypeKind::kTinyint)}), "ffffffff"), FromHex("0300"));
}

struct ClusteringColumn {
  TypePtr type;
  bool descending;
};
using Row = std::vector<std::optional<std::string>>;  // nullopt: null

std::string Key(const std::vector<ClusteringColumn>& columns, const Row& row, size_t size) {
  std::string key;
  for (size_t i = 0; i < size; ++i) {
    if (row[i]) {
      AppendComparable(*columns[i].type, columns[i].descending, *row[i], &key);
    } else {
      AppendComparableNull(&key);
    }
  }
  return key;
}

// As org.apache.cassandra.db.ClusteringComparator: of the first `size` columns.
int CompareRows(const std::vector<ClusteringColumn>& columns, const Row& a, const Row& b, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    if (!a[i] || !b[i]) {
      if (a[i].has_value() != b[i].has_value()) return a[i] ? 1 : -1;
      continue;
    }
    const int order = CompareValues(*columns[i].type, *a[i], *b[i]);
    if (order != 0) return Sign(columns[i].descending ? -order : order);
  }
  return 0;
}

struct Table {
  explicit Table(uint64_t seed) : maker(seed, 8), columns(1 + maker.Below(3)) {
    for (ClusteringColumn& column : columns) column = {maker.MakeType(2), maker.OneIn(2)};
  }

  Row MakeRow() {
    Row row;
    for (const ClusteringColumn& column : columns) {
      row.push_back(maker.OneIn(10) ? std::nullopt : std::optional(maker.MakeValue(*column.type)));
    }
    return row;
  }

  ValueMaker maker;
  std::vector<ClusteringColumn> columns;
};

RC_GTEST_PROP(ComparableTest, OneComponentSortsAsTheValue, (uint64_t seed)) {
  ValueMaker maker(seed, 5);
  const TypePtr type = maker.MakeType(3);
  for (int i = 0; i < 20; ++i) {
    const std::string a = maker.MakeValue(*type);
    const std::string b = maker.MakeValue(*type);
    std::string key_a;
    std::string key_b;
    AppendComparable(*type, false, a, &key_a);
    AppendComparable(*type, false, b, &key_b);
    RC_ASSERT(Sign(key_a.compare(key_b)) == Sign(CompareValues(*type, a, b)));
    RC_ASSERT(static_cast<uint8_t>(key_a[0]) < 0xFF);
    if (key_a != key_b) RC_ASSERT(!key_a.starts_with(key_b) && !key_b.starts_with(key_a));
  }
}

RC_GTEST_PROP(ComparableTest, KeysSortAsRows, (uint64_t seed)) {
  Table table(seed);
  const size_t size = table.columns.size();
  for (int i = 0; i < 20; ++i) {
    const Row a = table.MakeRow();
    Row b = table.MakeRow();
    // Often the same up to some column.
    for (size_t j = 0, same = table.maker.Below(size + 1); j < same; ++j) b[j] = a[j];
    RC_ASSERT(Sign(Key(table.columns, a, size).compare(Key(table.columns, b, size))) ==
              CompareRows(table.columns, a, b, size));
  }
}

RC_GTEST_PROP(ComparableTest, CutsDivideTheRowsAtTheirPrefix, (uint64_t seed)) {
  Table table(seed);
  for (int i = 0; i < 20; ++i) {
    const Row bound = table.MakeRow();
    Row row = table.MakeRow();
    const size_t prefix = table.maker.Below(table.columns.size() + 1);
    for (size_t j = 0, same = table.maker.Below(prefix + 1); j < same; ++j) row[j] = bound[j];
    const std::string before = Key(table.columns, bound, prefix);
    std::string after = before;
    AppendCutAfter(&after);
    const std::string key = Key(table.columns, row, table.columns.size());
    const int order = CompareRows(table.columns, row, bound, prefix);
    RC_ASSERT((before <= key) == (order >= 0));
    RC_ASSERT((after <= key) == (order > 0));
  }
}

TEST(CheckComparableTest, RefusesCustomTypesWhereverTheyStand) {
  Type custom;
  custom.kind = TypeKind::kCustom;
  custom.class_name = "com.example.Shape";
  const TypePtr shape = std::make_shared<Type>(custom);
  const Status status = CheckComparable(*ListOf(shape, true));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(status.error().message, HasSubstr("com.example.Shape"));
  EXPECT_TRUE(CheckComparable(*SimpleType(TypeKind::kDecimal)));
}

}  // namespace
}  // namespace braid
