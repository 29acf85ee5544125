#include "cassandra/types/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

namespace braid {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const TypePtr kInt = SimpleType(TypeKind::kInt);
const TypePtr kText = SimpleType(TypeKind::kText);

TypePtr Address(bool frozen) {
  return UdtOf("vault", "Address", {"street"}, {kText}, frozen);
}
TypePtr Plain(bool frozen) {
  return UdtOf("vault", "plain", {"n"}, {kInt}, frozen);
}

Result<TypePtr> Cql(std::string_view text) {
  return ParseCqlType(text, "vault", [](const std::string& keyspace, const std::string& name) -> Result<TypePtr> {
    EXPECT_EQ(keyspace, "vault");
    // Frozen or not must make no difference.
    if (name == "Address") return Address(true);
    if (name == "plain") return Plain(false);
    return NotFound("no type " + name);
  });
}

#define EXPECT_CQL(text, wanted)                               \
  do {                                                         \
    const Result<TypePtr> parsed = Cql(text);                  \
    ASSERT_TRUE(parsed.has_value()) << parsed.error().message; \
    EXPECT_EQ(**parsed, *(wanted)) << ToCql(**parsed);         \
  } while (false)

TEST(ParseCqlTypeTest, Simple) {
  EXPECT_CQL("int", kInt);
  EXPECT_CQL("VarChar", kText);
  EXPECT_CQL(" timeuuid ", SimpleType(TypeKind::kTimeuuid));
  EXPECT_CQL("empty", SimpleType(TypeKind::kEmpty));
  EXPECT_CQL("duration", SimpleType(TypeKind::kDuration));
}

TEST(ParseCqlTypeTest, OnlyTheOutermostMayBeUnfrozen) {
  EXPECT_CQL("list<int>", ListOf(kInt, false));
  EXPECT_CQL("frozen<list<int>>", ListOf(kInt, true));
  EXPECT_CQL("map<text, frozen<list<int>>>", MapOf(kText, ListOf(kInt, true), false));
  EXPECT_CQL("map<text, list<int>>", MapOf(kText, ListOf(kInt, true), false));
  EXPECT_CQL("frozen<set<tuple<int,list<text>>>>", SetOf(TupleOf({kInt, ListOf(kText, true)}), true));
  EXPECT_CQL("frozen<tuple<int, text>>", TupleOf({kInt, kText}));
  EXPECT_CQL("vector<frozen<list<int>>, 3>", VectorOf(ListOf(kInt, true), 3));
}

TEST(ParseCqlTypeTest, TheTextSaysWhetherAUserTypeIsFrozen) {
  EXPECT_CQL("\"Address\"", Address(false));
  EXPECT_CQL("frozen<\"Address\">", Address(true));
  EXPECT_CQL("list<frozen<plain>>", ListOf(Plain(true), false));
  EXPECT_CQL("PLAIN", Plain(false));
}

TEST(ParseCqlTypeTest, QuotedClassesAreJavaTypes) {
  EXPECT_CQL("'org.apache.cassandra.db.marshal.Int32Type'", kInt);
  const Result<TypePtr> custom = Cql("'com.example.Shape(a=>b,c(d))'");
  ASSERT_TRUE(custom.has_value());
  EXPECT_EQ((*custom)->kind, TypeKind::kCustom);
  EXPECT_EQ((*custom)->class_name, "com.example.Shape(a=>b,c(d))");
}

TEST(ParseCqlTypeTest, AnErrorOfTheResolverIsGivenBack) {
  const Result<TypePtr> type = Cql("list<frozen<missing>>");
  ASSERT_FALSE(type.has_value());
  EXPECT_EQ(type.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(type.error().message, "no type missing");
}

TEST(ParseCqlTypeTest, WhatIsNoTypeIsCorrupt) {
  for (const char* text : {"", "list", "<int>", "list<int", "list<int>>", "list<>", "map<int>", "vector<int>", "\"open",
                           "vector<int, 0>", "vector<int, x>", "vector<int, 99999999999>", "'Open", "list<int,int>",
                           "int int", "text<int>", "frozen<int", "map<int;int>"}) {
    const Result<TypePtr> type = Cql(text);
    ASSERT_FALSE(type.has_value()) << text;
    EXPECT_TRUE(type.error().code == ErrorCode::kCorrupt || type.error().code == ErrorCode::kNotFound) << text;
  }
  EXPECT_THAT(Cql("map<int;int>").error().message, HasSubstr("type map<int;int>: ',' was expected at character 8"));
}

std::string Nested(const std::string& open, const std::string& core, const std::string& close, int depth) {
  std::string text;
  for (int i = 0; i < depth; ++i) text += open;
  text += core;
  for (int i = 0; i < depth; ++i) text += close;
  return text;
}

TEST(ParseTypeTest, DepthIsBounded) {
  EXPECT_TRUE(Cql(Nested("list<", "int", ">", kMaxTypeDepth)).has_value());
  EXPECT_EQ(Cql(Nested("list<", "int", ">", kMaxTypeDepth + 1)).error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(Cql(Nested("list<", "int", ">", 1000000)).error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(ParseJavaType(Nested("FrozenType(", "Int32Type", ")", 1000000)).error().code, ErrorCode::kUnsupported);
  EXPECT_TRUE(ParseJavaType(Nested("Custom(", "x", ")", 1000000)).has_value());
}

TEST(ParseTypeTest, ValuesLargerThanCanBeAreUnsupported) {
  EXPECT_TRUE(Cql("vector<vector<float, 8192>, 8192>").has_value());
  EXPECT_EQ(Cql("vector<vector<float, 8192>, 65536>").error().code, ErrorCode::kUnsupported);
}

#define EXPECT_JAVA(text, wanted)                                \
  do {                                                           \
    const Result<JavaType> parsed = ParseJavaType(text);         \
    ASSERT_TRUE(parsed.has_value()) << parsed.error().message;   \
    EXPECT_EQ(*parsed->type, *(wanted)) << ToCql(*parsed->type); \
  } while (false)

TEST(ParseJavaTypeTest, KnownClasses) {
  EXPECT_JAVA("org.apache.cassandra.db.marshal.Int32Type", kInt);
  EXPECT_JAVA("UTF8Type", kText);
  EXPECT_JAVA("org.apache.cassandra.db.marshal.DateType", SimpleType(TypeKind::kTimestamp));
  EXPECT_JAVA("ListType(Int32Type)", ListOf(kInt, false));
  EXPECT_JAVA("FrozenType(ListType(ListType(Int32Type)))", ListOf(ListOf(kInt, true), true));
  EXPECT_JAVA("MapType(UTF8Type,FrozenType(SetType(Int32Type)))", MapOf(kText, SetOf(kInt, true), false));
  EXPECT_JAVA("TupleType(Int32Type,UTF8Type)", TupleOf({kInt, kText}));
  EXPECT_JAVA("VectorType(Int32Type , 3)", VectorOf(kInt, 3));
  EXPECT_JAVA("UserType(vault,41646472657373,737472656574:UTF8Type)", Address(false));
  EXPECT_JAVA("FrozenType(UserType(vault,41646472657373,737472656574:UTF8Type))", Address(true));
}

TEST(ParseJavaTypeTest, ReversedIsSaidBesideTheType) {
  const Result<JavaType> type = ParseJavaType("ReversedType(FrozenType(ListType(Int32Type)))");
  ASSERT_TRUE(type.has_value());
  EXPECT_TRUE(type->reversed);
  EXPECT_EQ(*type->type, *ListOf(kInt, true));
  EXPECT_FALSE(ParseJavaType("Int32Type")->reversed);
}

TEST(ParseJavaTypeTest, OtherClassesAreCustom) {
  const Result<JavaType> type = ParseJavaType("DynamicCompositeType(a=>UTF8Type,b=>Int32Type)");
  ASSERT_TRUE(type.has_value());
  EXPECT_EQ(type->type->kind, TypeKind::kCustom);
  EXPECT_EQ(type->type->class_name, "org.apache.cassandra.db.marshal.DynamicCompositeType(a=>UTF8Type,b=>Int32Type)");
}

TEST(ParseJavaTypeTest, WhatIsNoTypeIsCorrupt) {
  for (const char* text : {"", "(", "ListType(", "ListType()", "ListType(Int32Type,Int32Type)", "MapType(Int32Type)",
                           "Int32Type)", "UserType(ks)", "UserType(ks,4)", "UserType(ks,zz)", "UserType(ks,41,42)",
                           "VectorType(Int32Type)", "VectorType(Int32Type,x)", "Custom((", "ReversedType()",
                           "FrozenType(Int32Type,Int32Type)", "ListType(Int32Type"}) {
    const Result<JavaType> type = ParseJavaType(text);
    ASSERT_FALSE(type.has_value()) << text;
    EXPECT_EQ(type.error().code, ErrorCode::kCorrupt) << text;
  }
}

TEST(ParseJavaKeyTypeTest, ACompositeIsSeveralColumns) {
  const auto columns = ParseJavaKeyType("org.apache.cassandra.db.marshal.CompositeType(UTF8Type,Int32Type)");
  ASSERT_TRUE(columns.has_value());
  ASSERT_EQ(columns->size(), 2u);
  EXPECT_EQ(*columns->at(0), *kText);
  EXPECT_EQ(*columns->at(1), *kInt);
  const auto one = ParseJavaKeyType("org.apache.cassandra.db.marshal.UTF8Type");
  ASSERT_TRUE(one.has_value());
  ASSERT_EQ(one->size(), 1u);
  EXPECT_FALSE(ParseJavaKeyType("CompositeType(UTF8Type,").has_value());
}

}  // namespace
}  // namespace braid
