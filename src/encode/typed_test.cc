#include "encode/typed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "base/testing.h"
#include "base/vint.h"
#include "encode/avro.h"
#include "encode/connect_json.h"
#include "encode/interval.h"
#include "encode/testing.h"
#include "model/testing.h"

namespace braid {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

const TypePtr kInt = SimpleType(TypeKind::kInt);
const TypePtr kText = SimpleType(TypeKind::kText);

TEST(TypedSchemaTest, KeyColumnsAreRequiredAndTheOthersOptional) {
  const TypedRow row({{"id", kInt}, {"c", kText}}, {{"v", kInt}});
  const ConnectJsonEncoder encoder(row.typed());
  EXPECT_EQ(json::parse(encoder.key_schema()), json::parse(R"(
      {"type":"struct","optional":false,"name":"p.ks.t.Key","fields":[
        {"type":"int32","optional":false,"field":"id"},
        {"type":"string","optional":false,"field":"c"}]})"));
  const json row_schema = json::parse(encoder.value_schema())["fields"][0];
  EXPECT_EQ(row_schema, json::parse(R"(
      {"type":"struct","optional":true,"name":"p.ks.t.Value","field":"before","fields":[
        {"type":"int32","optional":false,"field":"id"},
        {"type":"string","optional":false,"field":"c"},
        {"type":"int32","optional":true,"field":"v"}]})"));
}

TEST(TypedSchemaTest, AStaticRowHasThePartitionKeyAlone) {
  TypedRow row({{"id", kInt}, {"c", kText}}, {{"v", kInt}}, {{"s", kText}});
  const TypedSchemaPtr typed = TypedSchema::Make(row.schema(), RowKind::kStatic, "p.ks.t.static");
  EXPECT_EQ(typed->key().name, "p.ks.t.static.Key");
  ASSERT_EQ(typed->row().fields.size(), 2U);
  EXPECT_EQ(typed->row().fields[1].name, "s");
}

TEST(TypedSchemaTest, NamesAreMadeLegalForAvroAndStayUnlike) {
  const TypedRow row({{"1", kInt}}, {{"a b", kInt}, {"a-b", kInt}, {"é", kInt}}, {}, "my-pipe.2ks.t");
  const json schema = json::parse(AvroEncoder(row.typed()).key_schema());
  EXPECT_EQ(schema["namespace"], "my_pipe._2ks.t");
  EXPECT_EQ(schema["name"], "Key");
  EXPECT_EQ(schema["fields"][0]["name"], "_1");
  std::vector<std::string> names;
  for (const TypedField& field : row.typed()->row().fields) names.push_back(field.avro_name);
  EXPECT_THAT(names, ElementsAre("_1", "a_b", "a_b_2", "__"));
  EXPECT_EQ(row.typed()->row().fields[2].name, "a-b");
}

TEST(TypedSchemaTest, AUserTypeIsSpeltOutOnceAndOneThatDiffersHasAnotherName) {
  const TypePtr point = UdtOf("ks", "point", {"x", "y"}, {kInt, kInt}, true);
  const TypePtr other = UdtOf("ks2", "point", {"x"}, {kInt}, true);
  const TypedRow row({{"id", kInt}}, {{"a", point}, {"b", ListOf(point, false)}, {"c", other}});
  const auto& fields = row.typed()->row().fields;
  EXPECT_EQ(fields[1].node->name, "p.ks.t.udt.point");
  EXPECT_EQ(fields[2].node->item, fields[1].node);
  EXPECT_EQ(fields[3].node->name, "p.ks.t.udt.point_2");
  const std::string text = AvroEncoder(row.typed()).value_schema();
  const std::string spelt = R"("type":"record","name":"point","namespace":"p.ks.t.udt")";
  EXPECT_NE(text.find(spelt), std::string::npos);
  EXPECT_EQ(text.find(spelt), text.rfind(spelt));
}

TEST(TypedSchemaTest, ConnectAnnotatesWhatAvroDoesNotSay) {
  const TypedRow row({{"id", SimpleType(TypeKind::kSmallint)}}, {{"d", SimpleType(TypeKind::kDate)}});
  const AvroEncoder encoder(row.typed());
  EXPECT_EQ(encoder.key_schema(),
            R"({"type":"record","name":"Key","namespace":"p.ks.t","fields":[)"
            R"({"name":"id","type":{"type":"int","connect.type":"int16"}}],"connect.name":"p.ks.t.Key"})");
  EXPECT_THAT(encoder.value_schema(), HasSubstr(R"({"name":"d","type":["null",{"type":"int","connect.version":1,)"
                                                R"("connect.name":"io.debezium.time.Date"}],"default":null})"));
  EXPECT_THAT(encoder.value_schema(), HasSubstr(R"({"name":"after","type":["null","p.ks.t.Value"],"default":null})"));
}

TEST(TypedSchemaTest, OnlyWholeRowsFit) {
  TypedRow row({{"id", kInt}, {"c", SimpleType(TypeKind::kDouble)}}, {{"v", kInt}});
  Change& change = row.change();
  const auto fits = [&] { return row.typed()->Fits(change, true); };
  row.SetKey({FromHex("00000001"), FromHex("3ff0000000000000")});
  EXPECT_TRUE(fits());
  const ColumnId unknown[] = {row.schema().FindColumn("v")->id};
  change.complete = false;
  change.unknown = unknown;
  const ColumnValue known[] = {{.column = unknown[0]}};
  const Image whole{known};
  change.after = &whole;
  EXPECT_TRUE(fits()) << "it is before that lacks it";
  const Image key_alone;
  change.after = &key_alone;
  EXPECT_FALSE(fits());
  change.after = nullptr;
  EXPECT_TRUE(fits()) << "a row that ends";
  change.row = RowKind::kRange;
  EXPECT_FALSE(fits());
  change.row = RowKind::kRegular;
  change.clustering = {};
  EXPECT_FALSE(fits());
  change.op = Op::kTruncate;
  EXPECT_TRUE(fits());
}

// The payload of `row` as Connect's JSON.
json Payload(const TypedRow& row) {
  std::string text;
  EXPECT_TRUE(ConnectJsonEncoder(row.typed()).AppendValue(row.change(), row.context(), &text));
  const json event = json::parse(text);
  EXPECT_EQ(event["schema"], json::parse(ConnectJsonEncoder(row.typed()).value_schema()));
  return event["payload"];
}

// One value of a regular column, as Connect's JSON has it.
json Show(const TypePtr& type, std::string_view hex, const TypedOptions& options = {}) {
  TypedRow row({{"id", kInt}}, {{"v", type}}, {}, "p.ks.t", options);
  row.SetKey({FromHex("00000001")});
  row.SetAfter({FromHex(hex)});
  const json payload = Payload(row);
  if (payload["source"]["unfit"].is_array()) return "unfit";
  return payload["after"]["v"];
}
json Show(TypeKind kind, std::string_view hex) {
  return Show(SimpleType(kind), hex);
}

TEST(ConnectJsonTest, Values) {
  EXPECT_EQ(Show(TypeKind::kBoolean, "01"), true);
  EXPECT_EQ(Show(TypeKind::kTinyint, "80"), -128);
  EXPECT_EQ(Show(TypeKind::kBigint, "8000000000000000"), INT64_MIN);
  EXPECT_EQ(Show(TypeKind::kDecimal, "000000020096"), "1.50");
  EXPECT_EQ(Show(TypeKind::kVarint, "ff"), "-1");
  EXPECT_EQ(Show(TypeKind::kDate, "80000001"), 1);
  EXPECT_EQ(Show(TypeKind::kDate, "00000000"), INT32_MIN);
  EXPECT_EQ(Show(TypeKind::kTime, "00004e94914effff"), 86399999999999);
  EXPECT_EQ(Show(TypeKind::kTimestamp, "ffffffffffffffff"), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(Show(TypeKind::kTimeuuid, "5a1c395eb41f11e59f22ba0be0483c18"), "5a1c395e-b41f-11e5-9f22-ba0be0483c18");
  EXPECT_EQ(Show(TypeKind::kInet, "7f000001"), "127.0.0.1");
  EXPECT_EQ(Show(TypeKind::kBlob, "00ff"), "AP8=");
  EXPECT_EQ(Show(TypeKind::kDuration, "02038001"), "P0Y1M-2DT0H0M-0.000000001S");
  EXPECT_EQ(Show(TypeKind::kText, "61ff"), "a\xEF\xBF\xBD");
}

TEST(ConnectJsonTest, WhatIsNoValueIsNullAndSaid) {
  EXPECT_EQ(Show(TypeKind::kInt, "-"), nullptr);
  EXPECT_EQ(Show(TypeKind::kInt, "000001"), "unfit");
  EXPECT_EQ(Show(TypeKind::kTime, "00004e94914f0000"), "unfit");
  EXPECT_EQ(Show(TypeKind::kDouble, "7ff8000000000000"), "unfit");
  EXPECT_EQ(Show(TypeKind::kFloat, "ff800000"), "unfit");
  EXPECT_EQ(Show(TypeKind::kInet, "7f0000"), "unfit");
  EXPECT_EQ(Show(TypeKind::kDuration, "02"), "unfit");
  EXPECT_EQ(Show(TypeKind::kEmpty, "00"), "unfit");
  EXPECT_EQ(Show(ListOf(kInt, true), "0000000200000004"), "unfit");
  EXPECT_EQ(Show(ListOf(kInt, true), "ffffffff"), "unfit");
  EXPECT_EQ(Show(TupleOf({kInt}), "ffffffffffffffff"), "unfit");
}

TEST(ConnectJsonTest, APartThatIsNoValueIsNullAloneAndItsColumnIsNamedOnce) {
  TypedRow row({{"id", kInt}}, {{"a", ListOf(kInt, true)}, {"b", kInt}});
  row.SetKey({FromHex("00000001")});
  const std::string list = FromHex("00000002000000040000000700000001ff");
  row.SetBefore({list, FromHex("00000002")});
  row.SetAfter({list, FromHex("00000003")});
  const json payload = Payload(row);
  EXPECT_EQ(payload["after"]["a"], json::parse("[7,null]"));
  EXPECT_EQ(payload["after"]["b"], 3);
  EXPECT_EQ(payload["source"]["unfit"], json::parse(R"(["a"])"));
}

TEST(ConnectJsonTest, Collections) {
  EXPECT_EQ(Show(ListOf(kInt, false), "00000000"), nullptr);
  EXPECT_EQ(Show(ListOf(kInt, true), "00000000"), json::array());
  EXPECT_EQ(Show(SetOf(kText, false), "000000010000000161"), json::parse(R"(["a"])"));
  EXPECT_EQ(Show(VectorOf(SimpleType(TypeKind::kFloat), 2), "3f8000003f000000"), json::parse("[1.0,0.5]"));
  EXPECT_EQ(Show(MapOf(kText, kInt, false), "0000000100000001610000000400000005"), json::parse(R"({"a":5})"));
  EXPECT_EQ(Show(MapOf(kInt, kText, false), "0000000100000004000000050000000161"),
            json::parse(R"([{"key":5,"value":"a"}])"));
  EXPECT_EQ(Show(TupleOf({kInt, kText}), "0000000400000005"), json::parse(R"({"f0":5,"f1":null})"));
  EXPECT_EQ(Show(UdtOf("ks", "u", {"x", "y"}, {kInt, kText}, true), "ffffffff0000000161"),
            json::parse(R"({"x":null,"y":"a"})"));
}

TEST(ConnectJsonTest, NestedValuesCanBeJsonTexts) {
  const TypedOptions options{.nested = TypedOptions::Nested::kJson};
  EXPECT_EQ(Show(MapOf(kInt, kText, true), "0000000100000004000000050000000161", options),
            R"([{"key":5,"value":"a"}])");
  EXPECT_EQ(Show(ListOf(kInt, true), "00000001", options), R"({"invalid":"AAAAAQ=="})");
  EXPECT_EQ(Show(ListOf(kInt, false), "00000000", options), nullptr);
  const TypedRow row({{"id", kInt}}, {{"v", ListOf(kInt, true)}}, {}, "p.ks.t", options);
  EXPECT_EQ(row.typed()->row().fields[1].node->name, "io.debezium.data.Json");
}

TEST(ConnectJsonTest, TheEnvelope) {
  TypedRow row({{"id", kInt}, {"c", kText}}, {{"v", kInt}});
  row.SetKey({FromHex("00000001"), "x"});
  row.SetBefore({FromHex("00000002")});
  row.SetAfter({FromHex("00000003")});
  EXPECT_EQ(Payload(row), json::parse(R"(
      {"before":{"id":1,"c":"x","v":2},"after":{"id":1,"c":"x","v":3},
       "source":{"version":"0.1.0","connector":"cassandra","name":"pipe","ts_ms":1700000000123,"snapshot":"false",
                 "db":"ks","keyspace":"ks","table":"t","row":"regular","ts_us":1700000000123456,"node":"n2",
                 "segment":1699,"position":77,"revision":17,"written":["v"],"cause":"write","complete":true,
                 "unknown":null,"unfit":null,"late":false,"confirmed":true},
       "transaction":null,"op":"u","ts_ms":42,"sequence":"1:2:3"})"));
}

TEST(ConnectJsonTest, ATruncationHasAValueAndNoKey) {
  TypedRow row({{"id", kInt}}, {{"v", kInt}});
  row.change().op = Op::kTruncate;
  row.change().cause = Cause::kTruncate;
  row.change().origin = {};
  const json payload = Payload(row);
  EXPECT_EQ(payload["op"], "t");
  EXPECT_EQ(payload["after"], nullptr);
  EXPECT_EQ(payload["source"]["node"], nullptr);
  std::string out = "as it was";
  EXPECT_FALSE(ConnectJsonEncoder(row.typed()).AppendKey(row.change(), &out));
  EXPECT_EQ(out, "as it was");
}

TEST(ConnectJsonTest, ColumnsThatAreNotKnownAreNull) {
  TypedRow row({{"id", kInt}}, {{"v", kInt}, {"w", kInt}});
  row.SetKey({FromHex("00000001")});
  row.SetAfterOf({{"w", FromHex("00000003")}});
  const ColumnId unknown[] = {row.schema().FindColumn("v")->id};
  row.change().unknown = unknown;
  row.change().complete = false;
  const json payload = Payload(row);
  EXPECT_EQ(payload["after"], json::parse(R"({"id":1,"v":null,"w":3})"));
  EXPECT_EQ(payload["source"]["unknown"], json::parse(R"(["v"])"));
}

TEST(TypedKeyTest, AKeyWithoutAValueHasNoForm) {
  TypedRow row({{"id", kInt}, {"c", kInt}}, {{"v", kInt}});
  const ConnectJsonEncoder connect(row.typed());
  const AvroEncoder avro(row.typed());
  const auto refused = [&] {
    std::string out = "x";
    const bool any = connect.AppendKey(row.change(), &out) || avro.AppendKey(row.change(), 1, &out) ||
                     connect.AppendValue(row.change(), row.context(), &out) ||
                     avro.AppendValue(row.change(), row.context(), 1, &out);
    return !any && out == "x";
  };
  row.SetAfter({FromHex("00000003")});
  row.SetKey({FromHex("00000001"), ""});
  EXPECT_TRUE(refused());
  row.SetKey({FromHex("000001"), FromHex("00000001")});
  EXPECT_TRUE(refused());
  row.SetKey({FromHex("00000001")});
  EXPECT_TRUE(refused());
  row.SetKey({FromHex("00000001"), FromHex("00000001")});
  EXPECT_FALSE(refused());
  row.change().row = RowKind::kRange;
  EXPECT_TRUE(refused());
}

RC_GTEST_PROP(TypedPropertyTest, WhatFitsHasAKeyInEveryForm, (uint64_t seed)) {
  ValueMaker maker(seed, 6);
  const TypedOptions options{.nested = maker.OneIn(2) ? TypedOptions::Nested::kJson : TypedOptions::Nested::kStructs};
  const TypedRow::Columns keys = {{"id", maker.MakeType(2)}, {"c", maker.MakeType(2)}};
  TypedRow row(keys, {{"v", kInt}}, {}, "p.ks.t", options);
  row.SetKey({maker.MakeValue(*keys[0].second), maker.MakeValue(*keys[1].second)});
  row.SetAfter({std::nullopt});
  std::string out;
  const bool connect = ConnectJsonEncoder(row.typed()).AppendKey(row.change(), &out);
  RC_ASSERT(ConnectJsonEncoder(row.typed()).AppendValue(row.change(), row.context(), &out) == connect);
  const bool avro = AvroEncoder(row.typed()).AppendKey(row.change(), 1, &out);
  RC_ASSERT(ConnectJsonEncoder(row.typed()).Fits(row.change()) == connect);
  RC_ASSERT(AvroEncoder(row.typed()).Fits(row.change()) == avro);
  RC_ASSERT(avro || !connect);
}

TEST(IntervalTest, EachPartHasItsSign) {
  const auto text = [](int64_t months, int64_t days, int64_t nanoseconds) {
    std::string bytes;
    AppendSignedVint(&bytes, months);
    AppendSignedVint(&bytes, days);
    AppendSignedVint(&bytes, nanoseconds);
    std::string out;
    EXPECT_TRUE(AppendInterval(bytes, &out));
    return out;
  };
  EXPECT_EQ(text(0, 0, 0), "P0Y0M0DT0H0M0S");
  EXPECT_EQ(text(14, 3, 3661500000000), "P1Y2M3DT1H1M1.5S");
  EXPECT_EQ(text(-14, -3, -3661000000001), "P-1Y-2M-3DT-1H-1M-1.000000001S");
  EXPECT_EQ(text(0, 0, INT64_MIN), "P0Y0M0DT-2562047H-47M-16.854775808S");
}

TEST(AvroTest, HasNumbersThatJsonHasNot) {
  TypedRow row({{"id", SimpleType(TypeKind::kDouble)}}, {{"v", kInt}});
  row.SetKey({FromHex("7ff8000000000000")});
  EXPECT_FALSE(ConnectJsonEncoder(row.typed()).Fits(row.change()));
  EXPECT_TRUE(AvroEncoder(row.typed()).Fits(row.change()));
}

TEST(TypedKeyTest, ATypeWithoutFieldsIsStillNested) {
  TypedRow row({{"id", kText}, {"c", UdtOf("ks", "none", {}, {}, true)}}, {});
  const ConnectJsonEncoder encoder(row.typed());
  for (const char* hex : {"01", "ffffffff"}) {
    row.SetKey({"k", FromHex(hex)});
    std::string key;
    EXPECT_FALSE(encoder.AppendKey(row.change(), &key)) << hex;
    EXPECT_FALSE(encoder.Fits(row.change())) << hex;
  }
}

TEST(AvroTest, FramesAndBytes) {
  TypedRow row({{"id", kInt}, {"c", kText}}, {{"v", kInt}});
  row.SetKey({FromHex("00000040"), "ab\xFF"});
  std::string key;
  ASSERT_TRUE(AvroEncoder(row.typed()).AppendKey(row.change(), 258, &key));
  EXPECT_EQ(key, FromHex("0000000102"
                         "8001"
                         "0a"
                         "6162efbfbd"));
}

// What the same change says as plain JSON: where the mappings are the same, so must be the values.
bool SameForm(const Type& type) {
  switch (type.kind) {
    case TypeKind::kDate:
    case TypeKind::kTime:
    case TypeKind::kDuration:
    case TypeKind::kTuple:
      return false;
    default:
      return std::ranges::all_of(type.args, [](const TypePtr& arg) { return SameForm(*arg); });
  }
}

// Whether a part of plain JSON has no place in Connect's.
bool HasNoValue(const std::string& plain) {
  return plain.find("{\"invalid\":\"") != std::string::npos || plain.find("\"NaN\"") != std::string::npos ||
         plain.find("Infinity\"") != std::string::npos;
}

RC_GTEST_PROP(TypedPropertyTest, SaysWhatPlainJsonSays, (uint64_t seed)) {
  ValueMaker maker(seed, 4);
  TypedRow::Columns columns;
  for (int i = 0; i < 5; ++i) columns.push_back({"c" + std::to_string(i), maker.MakeType(3)});
  TypedRow row({{"id", kText}}, columns);
  row.SetKey({"k"});
  std::vector<std::optional<std::string>> values;
  for (const auto& [name, type] : columns) values.push_back(maker.MakeValue(*type));
  row.SetAfter(values);
  const json typed = Payload(row);
  std::string text;
  AppendEventJson(row.change(), row.context(), &text);
  const json plain = json::parse(text);
  std::set<std::string> unfit;
  if (typed["source"]["unfit"].is_array()) unfit = typed["source"]["unfit"];
  for (const auto& [name, type] : columns) {
    if (!SameForm(*type)) continue;
    // Of a map's values whose keys are alike a JSON parser keeps one, so that the other may be the unfit one.
    RC_ASSERT(!HasNoValue(plain["after"][name].dump()) || unfit.contains(name));
    RC_ASSERT(!unfit.contains(name) || HasNoValue(text));
    if (!unfit.contains(name)) RC_ASSERT(typed["after"][name] == plain["after"][name]);
  }
  std::string avro;
  RC_ASSERT(AvroEncoder(row.typed()).AppendValue(row.change(), row.context(), 1, &avro));
}

}  // namespace
}  // namespace braid
