// Any bytes as a type's text and a value of it: the first byte says whether CQL or Java names the type, the text ends
// at the first line end, the rest is the value.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "cassandra/types/comparable.h"
#include "cassandra/types/parse.h"
#include "cassandra/types/validate.h"
#include "encode/avro.h"
#include "encode/connect_json.h"
#include "encode/json.h"
#include "encode/testing.h"
#include "model/value_order.h"
#include "nlohmann/json.hpp"

namespace braid {
namespace {

// Any user type is a pair, so that texts with names in them go on.
Result<TypePtr> AnyUserType(const std::string& keyspace, const std::string& name) {
  auto type = std::make_shared<Type>();
  type->kind = TypeKind::kUdt;
  type->keyspace = keyspace;
  type->name = name;
  type->args = {SimpleType(TypeKind::kInt), SimpleType(TypeKind::kText)};
  type->field_names = {"a", "b"};
  return TypePtr(std::move(type));
}

Result<TypePtr> Parse(bool cql, ByteView text) {
  if (cql) return ParseCqlType(text, "ks", AnyUserType);
  ASSIGN_OR_RETURN(const JavaType java, ParseJavaType(text));
  return TypePtr(java.type);
}

// A value may be rubbish, but what is made of it must hold together.
void CheckPromises(const Type& type, ByteView value) {
  const bool valid = ValidateValue(type, value).has_value();
  std::string json;
  AppendJsonValue(type, value, &json);
  const auto parsed = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
  CHECK(!parsed.is_discarded());
  CHECK(CompareValues(type, value, value) == 0);
  CHECK(!valid || value.empty() || CompareValues(type, {}, value) <= 0);
  std::string key;
  AppendComparable(type, false, value, &key);
  CHECK(!key.empty() && static_cast<uint8_t>(key[0]) != 0xFF);
}

// The same in the typed forms: whatever the bytes, the event is whole.
void CheckTyped(const TypePtr& type, ByteView value) {
  for (const auto nested : {TypedOptions::Nested::kStructs, TypedOptions::Nested::kJson}) {
    TypedRow row({{"id", SimpleType(TypeKind::kText)}, {"c", type}}, {{"v", type}}, {}, "p.ks.t", {nested});
    row.SetKey({"k", std::string(value)});
    row.SetAfter({std::string(value)});
    const ConnectJsonEncoder connect(row.typed());
    const AvroEncoder avro(row.typed());
    CHECK(!nlohmann::json::parse(avro.value_schema(), nullptr, /*allow_exceptions=*/false).is_discarded());
    std::string key;
    std::string json;
    std::string datum;
    CHECK(connect.Fits(row.change()) == connect.AppendKey(row.change(), &key));
    CHECK(connect.Fits(row.change()) == connect.AppendValue(row.change(), row.context(), &json));
    CHECK(json.empty() || !nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false).is_discarded());
    CHECK(avro.Fits(row.change()) == avro.AppendValue(row.change(), row.context(), 1, &datum));
  }
}

void Run(ByteView input) {
  const bool cql = input[0] % 2 == 0;
  input.remove_prefix(1);
  const size_t line_end = input.find('\n');
  const auto type = Parse(cql, input.substr(0, line_end));
  if (!type.has_value() || line_end == ByteView::npos) return;
  CheckPromises(**type, input.substr(line_end + 1));
  CheckTyped(*type, input.substr(line_end + 1));
}

}  // namespace
}  // namespace braid

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 0) braid::Run({reinterpret_cast<const char*>(data), size});
  return 0;
}
