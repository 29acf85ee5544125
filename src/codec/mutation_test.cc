#include "codec/mutation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "codec/testing/maker.h"
#include "codec/testing/same.h"

namespace braid {
namespace {

using ::testing::HasSubstr;

std::string Encoded(const Mutation& mutation) {
  std::string bytes;
  AppendMutation(&bytes, mutation);
  return bytes;
}

std::string Encoded(const Transaction& transaction) {
  std::string bytes;
  AppendTransaction(&bytes, transaction);
  return bytes;
}

RC_GTEST_PROP(MutationCodec, EveryMutationComesBack, (uint64_t seed)) {
  Arena arena;
  testing::Maker maker(seed, &arena);
  const TableSchemaPtr schema = maker.MakeSchema();
  SchemaSet schemas;
  schemas.Add(schema);
  const Mutation mutation = maker.MakeMutation(*schema);
  const std::string bytes = Encoded(mutation);
  const auto decoded = DecodeMutation(bytes, schemas, &arena);
  RC_ASSERT(decoded.has_value());
  RC_ASSERT(testing::Same(mutation, *decoded));
  RC_ASSERT(Encoded(*decoded) == bytes);
  RC_ASSERT(MutationSchemaId(bytes).value() == schema->id);
}

RC_GTEST_PROP(MutationCodec, EveryTransactionComesBack, (uint64_t seed)) {
  Arena arena;
  testing::Maker maker(seed, &arena);
  const std::vector<TableSchemaPtr> tables = {maker.MakeSchema(), maker.MakeSchema()};
  SchemaSet schemas;
  for (const TableSchemaPtr& schema : tables) schemas.Add(schema);
  const Transaction transaction = maker.MakeTransaction(tables);
  const std::string bytes = Encoded(transaction);
  const auto decoded = DecodeTransaction(bytes, schemas, &arena);
  RC_ASSERT(decoded.has_value());
  RC_ASSERT(testing::Same(transaction, *decoded));
  RC_ASSERT(Encoded(*decoded) == bytes);
}

class OneMutation : public ::testing::Test {
 protected:
  OneMutation() {
    auto schema = std::make_shared<TableSchema>();
    schema->keyspace = "vault";
    schema->table = "titles";
    Column id;
    id.name = "id";
    id.kind = ColumnKind::kPartitionKey;
    id.type = SimpleType(TypeKind::kInt);
    schema->columns = {id};
    schema->IndexColumns();
    schema->id = ComputeSchemaId(*schema);
    schema_ = schema;
    mutation_.schema = schema_.get();
    mutation_.partition_key = "key";
    mutation_.position = {NodeIndex{1}, SegmentId{1'763'700'000'000}, 4711};
  }

  TableSchemaPtr schema_;
  Mutation mutation_;
  Arena arena_;
};

TEST_F(OneMutation, OfAnUnknownDefinitionIsNotFound) {
  const SchemaSet empty;
  const auto refused = DecodeMutation(Encoded(mutation_), empty, &arena_);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kNotFound);
  Transaction transaction;
  transaction.mutations = {&mutation_, 1};
  EXPECT_EQ(DecodeTransaction(Encoded(transaction), empty, &arena_).error().code, ErrorCode::kNotFound);
}

TEST_F(OneMutation, InATransactionSharesItsPosition) {
  Transaction transaction;
  transaction.mutations = {&mutation_, 1};
  transaction.position = mutation_.position;
  const size_t shared = Encoded(transaction).size();
  transaction.position.offset += 1;
  EXPECT_LT(shared, Encoded(transaction).size());
}

TEST_F(OneMutation, OnItsOwnMustSayItsPosition) {
  SchemaSet schemas;
  schemas.Add(schema_);
  std::string bytes = Encoded(mutation_);
  bytes[9] = 0;  // flags
  const auto refused = DecodeMutation(bytes, schemas, &arena_);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message, HasSubstr("no position"));
}

TEST_F(OneMutation, OfANewerVersionIsRefusedByName) {
  std::string bytes = Encoded(mutation_);
  bytes[0] = 9;
  EXPECT_EQ(MutationSchemaId(bytes).error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(MutationSchemaId(bytes).error().message, HasSubstr("mutation: has version 9"));
}

}  // namespace
}  // namespace braid
