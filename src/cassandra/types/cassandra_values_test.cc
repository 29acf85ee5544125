// What Cassandra itself says of values, against what we say. The values are made by testdata/CassandraValues.java.
#include <gtest/gtest.h>

#include <string>

#include "base/testing.h"
#include "cassandra/types/comparable.h"
#include "cassandra/types/parse.h"
#include "cassandra/types/validate.h"
#include "model/value_order.h"

namespace braid {
namespace {

int Sign(int order) {
  return order < 0 ? -1 : (order > 0 ? 1 : 0);
}

TypePtr JavaTypeOf(const std::string& text) {
  const Result<JavaType> type = ParseJavaType(text);
  EXPECT_TRUE(type.has_value()) << type.error().message;
  return type ? type->type : SimpleType(TypeKind::kBlob);
}

std::string RowKey(const Type& type, bool descending, const std::string& value) {
  std::string key;
  AppendComparable(type, descending, value, &key);
  return key;
}

TEST(CassandraValuesTest, SortTheSame) {
  for (const auto& line : ReadTabLines(CassandraValuesPath(__FILE__, 2), "compare")) {
    const TypePtr type = JavaTypeOf(line[1]);
    const std::string a = FromHex(line[3]);
    const std::string b = FromHex(line[4]);
    const int order = std::stoi(line[5]);
    EXPECT_EQ(Sign(CompareValues(*type, a, b)), order) << line[2] << " " << line[3] << " " << line[4];
    EXPECT_EQ(Sign(RowKey(*type, false, a).compare(RowKey(*type, false, b))), order)
        << line[2] << " " << line[3] << " " << line[4];
    EXPECT_EQ(Sign(RowKey(*type, true, a).compare(RowKey(*type, true, b))), -order)
        << line[2] << " " << line[3] << " " << line[4];
  }
}

TEST(CassandraValuesTest, HaveTheSameTypesInCql) {
  for (const auto& line : ReadTabLines(CassandraValuesPath(__FILE__, 2), "compare")) {
    if (line[2].find("Address") != std::string::npos) continue;  // user types, each with other fields
    const Result<TypePtr> type = ParseCqlType(
        line[2], "ks", [](const std::string&, const std::string& name) { return Result<TypePtr>(NotFound(name)); });
    ASSERT_TRUE(type.has_value()) << type.error().message;
    EXPECT_EQ(**type, *JavaTypeOf(line[1])) << line[1] << " " << line[2];
  }
}

bool IsStricterThanCassandra(const Error& error) {
  return error.message.find("not a value of decimal: fewer than 5 bytes") != std::string::npos ||
         error.message.find("a negative number of elements") != std::string::npos;
}

TEST(CassandraValuesTest, AreLetInTheSame) {
  for (const auto& line : ReadTabLines(CassandraValuesPath(__FILE__, 2), "validate")) {
    const Status status = ValidateValue(*JavaTypeOf(line[1]), FromHex(line[2]));
    if (!status && IsStricterThanCassandra(status.error())) continue;
    EXPECT_EQ(status.has_value(), line[3] == "1") << line[1] << " " << line[2];
  }
}

}  // namespace
}  // namespace braid
