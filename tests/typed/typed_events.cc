// Writes events of many types in every form, for avro_test.py to compare: one JSON object a line.
//
//   braid_typed_events SEED COUNT
//   braid_typed_events table KEY:TYPE COLUMN:TYPE…
//
// Every CQL type comes first, with values by hand; then COUNT rows of random types and values. The second form writes
// one event of a table with a text key, its other columns null.
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/testing.h"
#include "cassandra/types/parse.h"
#include "encode/avro.h"
#include "encode/connect_json.h"
#include "encode/json.h"
#include "encode/testing.h"
#include "encode/typed.h"
#include "model/testing.h"

namespace braid {
namespace {

using nlohmann::json;

constexpr int32_t kKeyId = 258;
constexpr int32_t kValueId = 259;

std::string ToHex(const std::string& bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (const char c : bytes) {
    hex.push_back(kDigits[static_cast<uint8_t>(c) >> 4]);
    hex.push_back(kDigits[static_cast<uint8_t>(c) & 15]);
  }
  return hex;
}

// What a reader who knows CQL would say of the type.
json Describe(const Type& type) {
  json described = {{"cql", ToCql(type)}, {"kind", static_cast<int>(type.kind)}, {"args", json::array()}};
  for (const TypePtr& arg : type.args) described["args"].push_back(Describe(*arg));
  if (!type.field_names.empty()) described["fields"] = type.field_names;
  return described;
}

json DescribeColumns(const TypedRow::Columns& columns) {
  json described = json::array();
  for (const auto& [name, type] : columns) described.push_back({name, Describe(*type)});
  return described;
}

class Writer {
 public:
  explicit Writer(bool nested_as_json) {
    if (nested_as_json) options_.nested = TypedOptions::Nested::kJson;
  }

  // One event for each set of values; the one before it is the `before` image. Those that fit no schema are left out.
  void Write(const TypedRow::Columns& keys, const TypedRow::Columns& columns,
             const std::vector<std::vector<std::string>>& key_values,
             const std::vector<TypedRow::Values>& values) const {
    TypedRow row(keys, columns, {}, "my-pipe.ks.t", options_);
    const ConnectJsonEncoder connect(row.typed());
    const AvroEncoder avro(row.typed());
    for (size_t i = 0; i < values.size(); ++i) {
      row.SetKey(key_values[i % key_values.size()]);
      if (!connect.Fits(row.change())) continue;
      if (i > 0) row.SetBefore(values[i - 1]);
      row.SetAfter(values[i]);
      json event = {{"keys", DescribeColumns(keys)},
                    {"columns", DescribeColumns(columns)},
                    {"nested_as_json", options_.nested == TypedOptions::Nested::kJson},
                    {"avro_key_schema", avro.key_schema()},
                    {"avro_value_schema", avro.value_schema()}};
      std::string connect_key;
      std::string connect_value;
      std::string avro_key;
      std::string avro_value;
      CHECK(connect.AppendKey(row.change(), &connect_key));
      CHECK(connect.AppendValue(row.change(), row.context(), &connect_value));
      CHECK(avro.AppendKey(row.change(), kKeyId, &avro_key));
      CHECK(avro.AppendValue(row.change(), row.context(), kValueId, &avro_value));
      std::string plain;
      AppendEventJson(row.change(), row.context(), &plain);
      event["connect_key"] = connect_key;
      event["connect_value"] = connect_value;
      event["avro_key"] = ToHex(avro_key);
      event["avro_value"] = ToHex(avro_value);
      event["plain"] = plain;
      std::cout << event.dump() << "\n";
    }
  }

 private:
  TypedOptions options_;
};

struct Sample {
  TypePtr type;
  std::vector<const char*> hex;
};

TypePtr Simple(TypeKind kind) {
  return SimpleType(kind);
}

std::vector<Sample> EveryType() {
  const TypePtr integer = Simple(TypeKind::kInt);
  const TypePtr text = Simple(TypeKind::kText);
  const auto custom = std::make_shared<Type>();
  custom->kind = TypeKind::kCustom;
  custom->class_name = "org.example.Opaque";
  const TypePtr udt = UdtOf("ks", "a type", {"x y", "x_y", "z"}, {integer, text, ListOf(integer, true)}, false);
  return {
      {Simple(TypeKind::kAscii), {"", "6162"}},
      {Simple(TypeKind::kBigint), {"8000000000000000", "7fffffffffffffff", "0000000000000000"}},
      {Simple(TypeKind::kBlob), {"", "00ff10"}},
      {Simple(TypeKind::kBoolean), {"00", "01"}},
      {Simple(TypeKind::kCounter), {"ffffffffffffffff"}},
      {Simple(TypeKind::kDate), {"00000000", "80000000", "7fffffff", "ffffffff", "80002b08"}},
      {Simple(TypeKind::kDecimal), {"000000020096", "ffffffe201", "7fffffff01", "0000000a7b"}},
      {Simple(TypeKind::kDouble), {"3fb999999999999a", "7ff8000000000000", "fff0000000000000", "0000000000000001"}},
      {Simple(TypeKind::kDuration), {"000000", "02038001", "1c06f0346a2d4800", "fffffffffffffffffe0000"}},
      {Simple(TypeKind::kEmpty), {"", "00"}},
      {Simple(TypeKind::kFloat), {"3dcccccd", "7fc00000", "7f800000"}},
      {Simple(TypeKind::kInet), {"7f000001", "20010db8000000000001000000000001", "7f"}},
      {integer, {"80000000", "7fffffff", "", "01"}},
      {Simple(TypeKind::kSmallint), {"8000", "7fff"}},
      {text, {"", "c3a9", "ff61", "f09f9880"}},
      {Simple(TypeKind::kTime), {"0000000000000000", "00004e94914effff", "00004e94914f0000"}},
      {Simple(TypeKind::kTimestamp), {"000001a1fd0d0433", "ffffffffffffffff", "7fffffffffffffff", "8000000000000000"}},
      {Simple(TypeKind::kTimeuuid), {"5a1c395eb41f11e59f22ba0be0483c18"}},
      {Simple(TypeKind::kTinyint), {"80", "7f"}},
      {Simple(TypeKind::kUuid), {"00000000000000000000000000000000"}},
      {Simple(TypeKind::kVarint), {"00ffffffffffffffff", "80", "00"}},
      {ListOf(integer, false), {"00000000", "00000002000000040000000700000004ffffffff", "000000010000000101"}},
      {ListOf(integer, true), {"00000000", "00000001"}},
      {SetOf(text, false), {"00000002000000016100000002c3a9"}},
      {MapOf(text, integer, false), {"00000001000000016b0000000400000005", "00000000"}},
      {MapOf(text, ListOf(integer, true), true), {"00000001000000016b00000004 00000000", "00000000"}},
      {MapOf(integer, text, false), {"0000000100000004000000050000000161"}},
      {TupleOf({integer, text}), {"0000000400000001", "ffffffff0000000161", "ffffffffffffffffffffffff"}},
      {udt, {"00000004000000010000000161", "ffffffffffffffff0000000c000000010000000400000009", ""}},
      {SetOf(UdtOf("ks", "a type", {"x y", "x_y", "z"}, {integer, text, ListOf(integer, true)}, true), false),
       {"000000010000000800000004 00000001"}},
      {VectorOf(Simple(TypeKind::kFloat), 2), {"3f80000040000000", "3f8000007fc00000"}},
      {VectorOf(text, 2), {"01610162"}},
      {custom, {"ffff"}},
  };
}

std::string Bytes(const char* hex) {
  std::string digits;
  for (; *hex != '\0'; ++hex) {
    if (*hex != ' ') digits.push_back(*hex);
  }
  return digits.empty() ? std::string() : FromHex(digits);
}

void WriteEveryType(const Writer& writer) {
  TypedRow::Columns all;
  TypedRow::Values firsts;
  for (const Sample& sample : EveryType()) {
    const TypedRow::Columns column = {{"a value", sample.type}};
    std::vector<std::vector<std::string>> keys;
    std::vector<TypedRow::Values> values = {{std::nullopt}};
    for (const char* hex : sample.hex) {
      values.push_back({Bytes(hex)});
      keys.push_back({"k", Bytes(hex)});
    }
    writer.Write({{"id", Simple(TypeKind::kText)}}, column, {{"k"}}, values);
    writer.Write({{"id", Simple(TypeKind::kText)}, {"c", sample.type}}, {{"v", Simple(TypeKind::kInt)}}, keys,
                 std::vector<TypedRow::Values>(keys.size(), {std::nullopt}));
    all.push_back({"c" + std::to_string(100 + all.size()), sample.type});
    firsts.push_back(values.back()[0]);
  }
  writer.Write({{"id", Simple(TypeKind::kText)}}, all, {{"k"}}, {firsts, TypedRow::Values(all.size())});
}

void WriteRandom(const Writer& writer, uint64_t seed) {
  ValueMaker maker(seed, 8);
  TypedRow::Columns columns;
  for (size_t i = 0; i < 6; ++i) columns.push_back({"c" + std::to_string(i), maker.MakeType(3)});
  const TypedRow::Columns keys = {{"id", Simple(TypeKind::kText)}, {"ck", maker.MakeType(1)}};
  std::vector<std::vector<std::string>> key_values;
  std::vector<TypedRow::Values> values;
  for (int i = 0; i < 4; ++i) {
    key_values.push_back({"k", maker.MakeValue(*keys[1].second)});
    TypedRow::Values row;
    for (const auto& [name, type] : columns) {
      row.push_back(maker.OneIn(8) ? std::nullopt : std::optional(maker.MakeValue(*type)));
    }
    values.push_back(std::move(row));
  }
  writer.Write(keys, columns, key_values, values);
}

// "NAME:TYPE", the type as in CQL.
std::pair<std::string, TypePtr> ParseColumn(std::string_view text) {
  const size_t colon = text.find(':');
  CHECK(colon != std::string_view::npos);
  auto type = ParseCqlType(text.substr(colon + 1), "ks", [](const std::string&, const std::string& name) {
    return Result<TypePtr>(InvalidArgument("there is no type " + name));
  });
  CHECK(type.has_value());
  return {std::string(text.substr(0, colon)), *type};
}

int WriteTable(int count, char** columns_as_text) {
  TypedRow::Columns columns;
  for (int i = 0; i < count; ++i) columns.push_back(ParseColumn(columns_as_text[i]));
  const TypedRow::Columns keys = {columns[0]};
  columns.erase(columns.begin());
  Writer(false).Write(keys, columns, {{"k"}}, {TypedRow::Values(columns.size())});
  return 0;
}

}  // namespace
}  // namespace braid

int main(int argc, char** argv) {
  if (argc > 2 && std::string_view(argv[1]) == "table") return braid::WriteTable(argc - 2, argv + 2);
  uint64_t seed = 0;
  uint64_t count = 0;
  const auto number = [&](int i, uint64_t* to) {
    const std::string_view text = argv[i];
    return std::from_chars(text.data(), text.data() + text.size(), *to).ec == std::errc();
  };
  if (argc != 3 || !number(1, &seed) || !number(2, &count)) {
    std::fputs("usage: braid_typed_events SEED COUNT | table KEY:TYPE COLUMN:TYPE…\n", stderr);
    return 2;
  }
  for (const bool nested_as_json : {false, true}) {
    const braid::Writer writer(nested_as_json);
    braid::WriteEveryType(writer);
    for (uint64_t i = 0; i < count; ++i) braid::WriteRandom(writer, seed + i);
  }
  return 0;
}
