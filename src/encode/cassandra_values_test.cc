// Numbers as Java prints them, against ours.
#include <gtest/gtest.h>

#include <string>

#include "base/testing.h"
#include "encode/json.h"

namespace braid {
namespace {

TEST(CassandraValuesTest, PrintTheSame) {
  for (const auto& line : ReadTabLines(CassandraValuesPath(__FILE__, 1), "print")) {
    const bool decimal = line[1] == "org.apache.cassandra.db.marshal.DecimalType";
    std::string json;
    AppendJsonValue(*SimpleType(decimal ? TypeKind::kDecimal : TypeKind::kVarint), FromHex(line[2]), &json);
    EXPECT_EQ(json, "\"" + line[3] + "\"") << line[2];
  }
}

}  // namespace
}  // namespace braid
