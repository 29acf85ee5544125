// For the tests of predicates: a table with a column of every type, and values of each type in Cassandra's order.
#pragma once

#include <string>
#include <vector>

#include "base/arena.h"
#include "base/check.h"
#include "base/testing.h"
#include "model/change.h"
#include "model/key.h"
#include "model/schema.h"

namespace braid::shape {

// A value as a predicate writes it and as its canonical bytes. Values of one rank are equal, of a greater one greater.
struct RankedValue {
  std::string literal;
  std::string bytes;
  int rank = 0;
};

struct RankedType {
  TypePtr type;
  std::string column;
  std::vector<RankedValue> values;
};

inline const std::vector<RankedType>& RankedTypes() {
  const auto bytes = [](const char* hex) { return FromHex(hex); };
  const auto whole = [](TypeKind kind, std::string name, size_t size,
                        std::vector<std::pair<std::string, int64_t>> values) {
    RankedType type{SimpleType(kind), std::move(name), {}};
    for (size_t i = 0; i < values.size(); ++i) {
      std::string eight;
      AppendBigEndian(&eight, values[i].second);
      type.values.push_back({values[i].first, eight.substr(8 - size), static_cast<int>(i)});
    }
    return type;
  };
  static const std::vector<RankedType> all = {
      whole(TypeKind::kTinyint, "tiny", 1, {{"-128", -128}, {"-1", -1}, {"0", 0}, {"127", 127}}),
      whole(TypeKind::kSmallint, "small", 2, {{"-32768", -32768}, {"0", 0}, {"256", 256}, {"32767", 32767}}),
      whole(TypeKind::kInt, "number", 4, {{"-2147483648", INT32_MIN}, {"-1", -1}, {"7", 7}, {"2147483647", INT32_MAX}}),
      whole(TypeKind::kBigint, "big", 8,
            {{"-9223372036854775808", INT64_MIN}, {"0", 0}, {"9223372036854775807", INT64_MAX}}),
      whole(TypeKind::kCounter, "count", 8, {{"-5", -5}, {"0", 0}, {"5", 5}}),
      {SimpleType(TypeKind::kVarint),
       "var",
       {{"-256", bytes("ff00"), 0},
        {"-1", bytes("ff"), 1},
        {"-1", bytes("ffff"), 1},
        {"0", bytes("00"), 2},
        {"127", bytes("7f"), 3},
        {"255", bytes("00ff"), 4},
        {"1000000000000000000000000000000", bytes("0c9f2c9cd04674edea40000000"), 5}}},
      {SimpleType(TypeKind::kDecimal),
       "price",
       {{"-1E+30", bytes("ffffffe2ff"), 0},
        {"-1.5", bytes("00000001f1"), 1},
        {"-1.50", bytes("00000002ff6a"), 1},
        {"0", bytes("0000000000"), 2},
        {"0.00", bytes("0000000200"), 2},
        {"1e-5", bytes("0000000501"), 3},
        {"100", bytes("0000000064"), 4},
        {"1E2", bytes("fffffffe01"), 4}}},
      {SimpleType(TypeKind::kFloat),
       "ratio",
       {{"-Infinity", bytes("ff800000"), 0},
        {"-1.5", bytes("bfc00000"), 1},
        {"-0.0", bytes("80000000"), 2},
        {"0", bytes("00000000"), 3},
        {"0.1", bytes("3dcccccd"), 4},
        {"infinity", bytes("7f800000"), 5},
        {"NaN", bytes("7fc00000"), 6}}},
      {SimpleType(TypeKind::kDouble),
       "weight",
       {{"-1e300", bytes("fe37e43c8800759c"), 0},
        {"0.1", bytes("3fb999999999999a"), 1},
        {"1.5", bytes("3ff8000000000000"), 2},
        {"NAN", bytes("7ff8000000000000"), 3}}},
      {SimpleType(TypeKind::kBoolean), "flag", {{"false", bytes("00"), 0}, {"TRUE", bytes("01"), 1}}},
      {SimpleType(TypeKind::kText),
       "title",
       {{"''", "", 0}, {"'A'", "A", 1}, {"'a'", "a", 2}, {"'it''s'", "it's", 3}, {"'é'", "é", 4}}},
      {SimpleType(TypeKind::kAscii), "code", {{"''", "", 0}, {"'A'", "A", 1}, {"'a'", "a", 2}}},
      {SimpleType(TypeKind::kBlob),
       "raw",
       {{"0x", "", 0}, {"0x00", bytes("00"), 1}, {"0X0aFf", bytes("0aff"), 2}, {"0xff", bytes("ff"), 3}}},
      {SimpleType(TypeKind::kUuid),
       "ident",
       {{"ffffffff-0000-1000-8000-000000000000", bytes("ffffffff000010008000000000000000"), 0},
        {"00000000-0001-1000-8000-000000000000", bytes("00000000000110008000000000000000"), 1},
        {"00000000-0000-4000-8000-00000000000A", bytes("0000000000004000800000000000000a"), 2}}},
      {SimpleType(TypeKind::kTimeuuid),
       "moment",
       {{"ffffffff-0000-1000-8000-000000000000", bytes("ffffffff000010008000000000000000"), 0},
        {"00000000-0001-1000-8000-000000000000", bytes("00000000000110008000000000000000"), 1}}},
      {SimpleType(TypeKind::kInet),
       "address",
       {{"'::1'", bytes("00000000000000000000000000000001"), 0},
        {"'10.0.0.1'", bytes("0a000001"), 1},
        {"'::ffff:10.0.0.1'", bytes("0a000001"), 1},
        {"'fe80::1'", bytes("fe800000000000000000000000000001"), 2}}},
      {SimpleType(TypeKind::kDate),
       "day",
       {{"'1969-12-31'", bytes("7fffffff"), 0},
        {"'1970-01-01'", bytes("80000000"), 1},
        {"'2026-11-21'", bytes("8000512a"), 2}}},
      {SimpleType(TypeKind::kTime),
       "clock",
       {{"'00:00:00'", bytes("0000000000000000"), 0}, {"'00:00:00.000000001'", bytes("0000000000000001"), 1}}},
      {SimpleType(TypeKind::kTimestamp),
       "at",
       {{"-1", bytes("ffffffffffffffff"), 0},
        {"'1970-01-01'", bytes("0000000000000000"), 1},
        {"0", bytes("0000000000000000"), 1},
        {"'1970-01-01 01:00:00.005+01:00'", bytes("0000000000000005"), 2}}},
  };
  return all;
}

// id and "Part" are the partition key, n and tail the clustering; s is static; then a regular column of each ranked
// type; last those that have no literals.
inline TableSchemaPtr TableOfAllTypes() {
  auto schema = std::make_shared<TableSchema>();
  schema->keyspace = "ks";
  schema->table = "t";
  schema->table_id.bytes.fill(7);
  const auto add = [&](std::string name, ColumnKind kind, TypePtr type, uint16_t position = 0) {
    Column& column = schema->columns.emplace_back();
    column.id = ColumnId{static_cast<uint16_t>(schema->columns.size() - 1)};
    column.name = std::move(name);
    column.kind = kind;
    column.type = std::move(type);
    column.position = position;
  };
  const TypePtr number = SimpleType(TypeKind::kInt);
  add("id", ColumnKind::kPartitionKey, number);
  add("Part", ColumnKind::kPartitionKey, SimpleType(TypeKind::kText), 1);
  add("n", ColumnKind::kClustering, number);
  add("tail", ColumnKind::kClustering, SimpleType(TypeKind::kText), 1);
  add("s", ColumnKind::kStatic, number);
  for (const RankedType& type : RankedTypes()) add(type.column, ColumnKind::kRegular, type.type);
  add("tags", ColumnKind::kRegular, SetOf(number, false));
  add("pair", ColumnKind::kRegular, TupleOf({number, number}));
  add("span", ColumnKind::kRegular, SimpleType(TypeKind::kDuration));
  add("in", ColumnKind::kRegular, number);
  add("gone", ColumnKind::kRegular, number);
  schema->columns.back().dropped = true;
  schema->IndexColumns();
  return schema;
}

}  // namespace braid::shape
