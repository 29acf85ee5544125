#include "encode/json.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

#include "base/testing.h"
#include "model/number.h"
#include "model/testing.h"

namespace braid {
namespace {

const TypePtr kInt = SimpleType(TypeKind::kInt);
const TypePtr kText = SimpleType(TypeKind::kText);

std::string Json(const Type& type, std::string_view hex) {
  std::string json;
  AppendJsonValue(type, FromHex(hex), &json);
  return json;
}
std::string Json(TypeKind kind, std::string_view hex) {
  return Json(*SimpleType(kind), hex);
}

std::string JsonString(std::string_view text) {
  std::string json;
  AppendJsonString(text, &json);
  return json;
}

TEST(JsonValueTest, WholeNumbers) {
  EXPECT_EQ(Json(TypeKind::kTinyint, "80"), "-128");
  EXPECT_EQ(Json(TypeKind::kSmallint, "7fff"), "32767");
  EXPECT_EQ(Json(TypeKind::kInt, "80000000"), "-2147483648");
  EXPECT_EQ(Json(TypeKind::kBigint, "8000000000000000"), "-9223372036854775808");
  EXPECT_EQ(Json(TypeKind::kCounter, "000000000000002a"), "42");
  EXPECT_EQ(Json(TypeKind::kVarint, "00ffffffffffffffff"), "\"18446744073709551615\"");
  EXPECT_EQ(Json(TypeKind::kVarint, "80"), "\"-128\"");
}

TEST(JsonValueTest, FloatsAreTheShortestThatReadBack) {
  EXPECT_EQ(Json(TypeKind::kFloat, "3dcccccd"), "0.1");
  EXPECT_EQ(Json(TypeKind::kFloat, "3f800000"), "1.0");
  EXPECT_EQ(Json(TypeKind::kFloat, "00000001"), "1e-45");
  EXPECT_EQ(Json(TypeKind::kDouble, "3fb999999999999a"), "0.1");
  EXPECT_EQ(Json(TypeKind::kDouble, "3fb99999a0000000"), "0.10000000149011612");
  EXPECT_EQ(Json(TypeKind::kDouble, "46293e5939a08cea"), "1e+30");
  EXPECT_EQ(Json(TypeKind::kDouble, "8000000000000000"), "-0.0");
  EXPECT_EQ(Json(TypeKind::kDouble, "7ff8000000000000"), "\"NaN\"");
  EXPECT_EQ(Json(TypeKind::kFloat, "7f800000"), "\"Infinity\"");
  EXPECT_EQ(Json(TypeKind::kFloat, "ff800000"), "\"-Infinity\"");
}

TEST(JsonValueTest, DecimalsKeepTheirScale) {
  EXPECT_EQ(Json(TypeKind::kDecimal, "000000020096"), "\"1.50\"");
  EXPECT_EQ(Json(TypeKind::kDecimal, "ffffffe201"), "\"1E+30\"");
  EXPECT_EQ(Json(TypeKind::kDecimal, "0000000200"), "\"0.00\"");
  EXPECT_EQ(Json(TypeKind::kDecimal, "00000006ff"), "\"-0.000001\"");
  EXPECT_EQ(Json(TypeKind::kDecimal, "00000007ff"), "\"-1E-7\"");
  EXPECT_EQ(Json(TypeKind::kDecimal, "0000000a7b"), "\"1.23E-8\"");
  EXPECT_EQ(Json(TypeKind::kDecimal, "800000007b"), "\"1.23E+2147483650\"");
}

TEST(JsonValueTest, NumbersTooLongForDecimalDigitsAreHexadecimal) {
  const std::string longest(kMaxDecimalDigitsBytes, '\x01');
  std::string json;
  AppendJsonValue(*SimpleType(TypeKind::kVarint), longest, &json);
  EXPECT_EQ(json.find_first_not_of("0123456789", 1), json.size() - 1);
  json.clear();
  AppendJsonValue(*SimpleType(TypeKind::kVarint), "\xFE" + std::string(kMaxDecimalDigitsBytes, '\xFF'), &json);
  EXPECT_EQ(json, "\"-0x01" + std::string(2 * kMaxDecimalDigitsBytes - 1, '0') + "1\"");
  json.clear();
  AppendJsonValue(*SimpleType(TypeKind::kDecimal), FromHex("00000003") + longest + '\x01', &json);
  EXPECT_EQ(json.substr(0, 7), "\"0x0101");
  EXPECT_EQ(json.substr(json.size() - 8), "1*10^-3\"");
}

TEST(JsonValueTest, Text) {
  EXPECT_EQ(JsonString("a\"b\\c/\b\f\n\r\t"), R"("a\"b\\c/\b\f\n\r\t")");
  EXPECT_EQ(JsonString(std::string("\0\x1f\x7f", 3)), "\"\\u0000\\u001f\x7f\"");
  EXPECT_EQ(JsonString("é世😀"), "\"é世😀\"");
  EXPECT_EQ(Json(TypeKind::kText, "-"), "\"\"");
}

TEST(JsonValueTest, BytesThatAreNotUtf8AreReplaced) {
  EXPECT_EQ(JsonString("a\xFFz"), "\"a\xEF\xBF\xBDz\"");
  // Overlong, a surrogate, past U+10FFFF: each byte for itself.
  EXPECT_EQ(JsonString("\xC0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
  EXPECT_EQ(JsonString("\xED\xA0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
  EXPECT_EQ(JsonString("\xF4\x90"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
  // A character that breaks off is one.
  EXPECT_EQ(JsonString("\xF0\x9F\x98"), "\"\xEF\xBF\xBD\"");
  EXPECT_EQ(JsonString("\xE4\xB8\"x"), "\"\xEF\xBF\xBD\\\"x\"");
}

TEST(JsonValueTest, Blobs) {
  EXPECT_EQ(Json(TypeKind::kBlob, "-"), "\"\"");
  EXPECT_EQ(Json(TypeKind::kBlob, "00"), "\"AA==\"");
  EXPECT_EQ(Json(TypeKind::kBlob, "00ff"), "\"AP8=\"");
  EXPECT_EQ(Json(TypeKind::kBlob, "fbefbe"), "\"++++\"");
  EXPECT_EQ(Json(TypeKind::kCustom, "ffff"), "\"//8=\"");
}

TEST(JsonValueTest, Times) {
  EXPECT_EQ(Json(TypeKind::kTimestamp, "000001a1fd0d0433"), "\"2026-11-21T07:40:51.123Z\"");
  EXPECT_EQ(Json(TypeKind::kTimestamp, "0000000000000000"), "\"1970-01-01T00:00:00.000Z\"");
  EXPECT_EQ(Json(TypeKind::kTimestamp, "ffffffffffffffff"), "\"1969-12-31T23:59:59.999Z\"");
  EXPECT_EQ(Json(TypeKind::kTimestamp, "7fffffffffffffff"), "\"+292278994-08-17T07:12:55.807Z\"");
  EXPECT_EQ(Json(TypeKind::kTimestamp, "8000000000000000"), "\"-292275055-05-16T16:47:04.192Z\"");
  EXPECT_EQ(Json(TypeKind::kDate, "80000000"), "\"1970-01-01\"");
  EXPECT_EQ(Json(TypeKind::kDate, "80002b08"), "\"2000-02-29\"");
  EXPECT_EQ(Json(TypeKind::kDate, "7ff50557"), "\"-0001-12-31\"");
  EXPECT_EQ(Json(TypeKind::kDate, "00000000"), "\"-5877641-06-23\"");
  EXPECT_EQ(Json(TypeKind::kDate, "ffffffff"), "\"+5881580-07-11\"");
  EXPECT_EQ(Json(TypeKind::kTime, "0000192607642b15"), "\"07:40:51.123456789\"");
  EXPECT_EQ(Json(TypeKind::kTime, "0000000000000001"), "\"00:00:00.000000001\"");
  EXPECT_EQ(Json(TypeKind::kTime, "00004e94914f0000"), "{\"invalid\":\"AABOlJFPAAA=\"}");
  EXPECT_EQ(Json(TypeKind::kDuration, "02038001"), "{\"months\":1,\"days\":-2,\"nanoseconds\":-1}");
}

TEST(JsonValueTest, Uuids) {
  EXPECT_EQ(Json(TypeKind::kTimeuuid, "5a1c395eb41f11e59f22ba0be0483c18"), "\"5a1c395e-b41f-11e5-9f22-ba0be0483c18\"");
}

TEST(JsonValueTest, InetAddresses) {
  EXPECT_EQ(Json(TypeKind::kInet, "7f000001"), "\"127.0.0.1\"");
  EXPECT_EQ(Json(TypeKind::kInet, "00000000000000000000000000000000"), "\"::\"");
  EXPECT_EQ(Json(TypeKind::kInet, "00000000000000000000000000000001"), "\"::1\"");
  EXPECT_EQ(Json(TypeKind::kInet, "20010db8000000000001000000000000"), "\"2001:db8:0:0:1::\"");
  EXPECT_EQ(Json(TypeKind::kInet, "20010db8000000000001000000000001"), "\"2001:db8::1:0:0:1\"");
  EXPECT_EQ(Json(TypeKind::kInet, "20010db8000000010001000100010001"), "\"2001:db8:0:1:1:1:1:1\"");
  EXPECT_EQ(Json(TypeKind::kInet, "fe80000000000000000000000000abcd"), "\"fe80::abcd\"");
  EXPECT_EQ(Json(TypeKind::kInet, "7f0000"), "{\"invalid\":\"fwAA\"}");
}

TEST(JsonValueTest, Collections) {
  const std::string_view two_ints =
      "00000002"
      "0000000400000001"
      "0000000400000002";
  EXPECT_EQ(Json(*ListOf(kInt, true), two_ints), "[1,2]");
  EXPECT_EQ(Json(*SetOf(kInt, false), two_ints), "[1,2]");
  EXPECT_EQ(Json(*ListOf(kInt, true), "00000000"), "[]");
  EXPECT_EQ(Json(*MapOf(kText, kInt, true),
                 "00000002"
                 "0000000161"
                 "0000000400000001"
                 "0000000162"
                 "00000000"),
            R"({"a":1,"b":null})");
  EXPECT_EQ(Json(*MapOf(kInt, kText, true),
                 "00000002"
                 "0000000400000001"
                 "0000000161"
                 "0000000400000002"
                 "00000000"),
            R"([{"key":1,"value":"a"},{"key":2,"value":""}])");
  EXPECT_EQ(Json(*MapOf(kInt, kText, true), "00000000"), "[]");
  EXPECT_EQ(Json(*VectorOf(SimpleType(TypeKind::kFloat), 2), "3f8000003dcccccd"), "[1.0,0.1]");
}

TEST(JsonValueTest, TuplesAndUserTypesHaveEveryField) {
  const TypePtr tuple = TupleOf({kInt, kText, kInt});
  EXPECT_EQ(Json(*tuple,
                 "0000000400000001"
                 "ffffffff"),
            "[1,null,null]");
  EXPECT_EQ(Json(*tuple,
                 "ffffffff"
                 "0000000161"
                 "0000000400000003"),
            "[null,\"a\",3]");
  const TypePtr udt = UdtOf("ks", "u", {"n", "Te\"xt"}, {kInt, kText}, true);
  EXPECT_EQ(Json(*udt, "0000000400000001"), R"({"n":1,"Te\"xt":null})");
  EXPECT_EQ(Json(*udt,
                 "ffffffff"
                 "0000000161"),
            R"({"n":null,"Te\"xt":"a"})");
  EXPECT_EQ(Json(*udt, "-"), "null");
}

TEST(JsonValueTest, BytesThatAreNoValueAreInvalid) {
  EXPECT_EQ(Json(TypeKind::kInt, "000001"), "{\"invalid\":\"AAAB\"}");
  EXPECT_EQ(Json(TypeKind::kDecimal, "00000001"), "{\"invalid\":\"AAAAAQ==\"}");
  EXPECT_EQ(Json(TypeKind::kDuration, "02"), "{\"invalid\":\"Ag==\"}");
  EXPECT_EQ(Json(*ListOf(kInt, true),
                 "00000002"
                 "0000000400000001"),
            "{\"invalid\":\"AAAAAgAAAAQAAAAB\"}");
  EXPECT_EQ(Json(*ListOf(kInt, true),
                 "00000001"
                 "0000000101"),
            "[{\"invalid\":\"AQ==\"}]");
  // One field more than the type has: it would be lost.
  EXPECT_EQ(Json(*TupleOf({kInt}),
                 "ffffffff"
                 "ffffffff"),
            "{\"invalid\":\"//////////8=\"}");
  EXPECT_EQ(Json(*UdtOf("ks", "u", {"n"}, {kInt}, true),
                 "ffffffff"
                 "ffffffff"),
            "{\"invalid\":\"//////////8=\"}");
}

TEST(JsonValueTest, EmptyBytesAreNullWhereTheyAreNoValue) {
  for (const TypeKind kind : {TypeKind::kInt, TypeKind::kUuid, TypeKind::kVarint, TypeKind::kDecimal, TypeKind::kInet,
                              TypeKind::kEmpty, TypeKind::kBoolean}) {
    EXPECT_EQ(Json(kind, "-"), "null");
  }
}

// Just enough of a JSON parser to know that the text is one value.
class JsonChecker {
 public:
  explicit JsonChecker(std::string_view text) : text_(text) {}
  bool IsOneValue() { return Value() && at_ == text_.size(); }

 private:
  bool Take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool Word(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }
  bool String() {
    if (!Take('"')) return false;
    while (at_ < text_.size() && text_[at_] != '"') {
      if (static_cast<uint8_t>(text_[at_]) < 0x20) return false;
      at_ += text_[at_] == '\\' ? 2 : 1;
    }
    return Take('"');
  }
  bool Number() {
    const size_t start = at_;
    while (at_ < text_.size() && std::string_view("+-.0123456789e").find(text_[at_]) != std::string_view::npos) ++at_;
    return at_ > start;
  }
  bool Sequence(char open, char close, bool named) {
    if (!Take(open)) return false;
    if (Take(close)) return true;
    do {
      if (named && !(String() && Take(':'))) return false;
      if (!Value()) return false;
    } while (Take(','));
    return Take(close);
  }
  bool Value() {
    return Word("null") || Word("true") || Word("false") || (at_ < text_.size() && text_[at_] == '"' && String()) ||
           (at_ < text_.size() && text_[at_] == '[' && Sequence('[', ']', false)) ||
           (at_ < text_.size() && text_[at_] == '{' && Sequence('{', '}', true)) || Number();
  }

  std::string_view text_;
  size_t at_ = 0;
};

RC_GTEST_PROP(JsonValueTest, IsJsonWhateverTheBytes, (uint64_t seed)) {
  ValueMaker maker(seed, 3);
  const TypePtr type = maker.MakeType(3);
  for (int i = 0; i < 10; ++i) {
    std::string json;
    AppendJsonValue(*type, maker.MakeValue(*type), &json);
    RC_ASSERT(JsonChecker(json).IsOneValue());
  }
}

}  // namespace
}  // namespace braid
