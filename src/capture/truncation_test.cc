#include "capture/truncation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "base/check.h"
#include "base/testing.h"
#include "cassandra/commitlog/mutation_decoder.h"
#include "cassandra/schema/schema.h"
#include "codec/schema.h"

namespace braid {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

// What 5.0.6 logged at TRUNCATE of a table that was being written to. 4.0.17 and 4.1.10 log the same.
constexpr char kLogged[] =
    "017ad54392bcdd35a684174e047860b377056c6f63616c10fd4080083773900000010c7472756e63617465645f61740120010000"
    "10276f9600e5bd11f19d661d0495460f9914000001a1fea4453c00030e72000001a1fea564d101";

std::filesystem::path Here() {
  return std::filesystem::path(__FILE__).parent_path();
}

class Schema : public TableLookup {
 public:
  Schema() {
    auto schema = ReadSchema({(Here() / "../cassandra/schema/testdata/cassandra-5.0.6").string()}, ComputeSchemaId);
    CHECK(schema.has_value());
    schema_ = *std::move(schema);
  }
  const TableSchema* FindTable(const TableId& id) const override { return schema_.FindTable(id); }

 private:
  ClusterSchema schema_;
};

class TruncationTest : public testing::Test {
 protected:
  Result<std::vector<Truncation>> Read(const std::string& bytes) {
    const auto decoded = decoder_.Decode(bytes, DeletionTimes::kSigned, seen_at_);
    CHECK(decoded.has_value() && (*decoded)->transaction.mutations.size() == 1);
    return ReadTruncations((*decoded)->transaction.mutations[0], seen_at_);
  }

  const Position seen_at_{.node = {2}, .segment = {1795273540924}, .offset = 200712};
  Schema schema_;
  MutationDecoder decoder_{&schema_};
};

TEST_F(TruncationTest, ReadsWhatANodeLogged) {
  const auto read = Read(FromHex(kLogged));
  ASSERT_TRUE(read.has_value()) << read.error().message;
  ASSERT_EQ(read->size(), 1u);
  const Truncation& truncation = read->front();
  EXPECT_EQ(truncation.table.ToString(), "276f9600-e5bd-11f1-9d66-1d0495460f99");
  EXPECT_EQ(truncation.node, NodeIndex{2});
  EXPECT_EQ(truncation.cut, (Position{.node = {2}, .segment = {1795273540924}, .offset = 200306}));
  EXPECT_EQ(truncation.seen_at, seen_at_);
  EXPECT_EQ(truncation.at.us, 1795273614545000);
}

// At DROP the record goes: a tombstone in its place.
// At DROP the record goes: the same with a tombstone in its place.
TEST_F(TruncationTest, ForgettingIsNone) {
  const std::string bytes = FromHex(kLogged);
  const size_t cell = bytes.size() - 1 - 20 - 1 - 16 - 1 - 2;  // flags and time, path, value, the partition's end
  const std::string tombstone = FromHex("05") + bytes.substr(cell + 1, 1) + FromHex("00") + bytes.substr(cell + 2, 17);
  const auto read = Read(bytes.substr(0, cell) + tombstone + FromHex("01"));
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_THAT(*read, IsEmpty());
}

TEST_F(TruncationTest, OtherTablesAreNone) {
  const std::string bytes = FromHex(kLogged);
  const auto decoded = decoder_.Decode(bytes, DeletionTimes::kSigned, seen_at_);
  Mutation mutation = (*decoded)->transaction.mutations[0];
  TableSchema other = *mutation.schema;
  other.table_id.bytes[0] ^= 1;
  mutation.schema = &other;
  EXPECT_THAT(*ReadTruncations(mutation, seen_at_), IsEmpty());
}

TEST_F(TruncationTest, NonsenseIsCorrupt) {
  std::string bytes = FromHex(kLogged);
  bytes[bytes.size() - 13] = '\x80';  // the offset is negative
  const auto read = Read(bytes);
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(read.error().message, HasSubstr("276f9600-e5bd-11f1-9d66-1d0495460f99"));
}

// The files of the same node: it truncated three tables, of which one was dropped then, and at its start some of its
// own.
TEST(TruncationsOnDiskTest, AreThoseOfTablesThatExist) {
  const auto read = ReadTruncationsOnDisk({(Here() / "testdata/truncated").string()}, NodeIndex{1});
  ASSERT_TRUE(read.has_value()) << read.error().message;
  std::vector<std::string> users;
  for (const Truncation& truncation : *read) {
    EXPECT_TRUE(truncation.seen_at.none());
    EXPECT_EQ(truncation.cut.node, NodeIndex{1});
    if (IsSystemTableId(truncation.table)) continue;
    users.push_back(truncation.table.ToString() + "@" + std::to_string(truncation.cut.offset));
  }
  EXPECT_THAT(users, testing::UnorderedElementsAre("276f9600-e5bd-11f1-9d66-1d0495460f99@200306",
                                                   "283de280-e5bd-11f1-a8a2-8dda251ef85c@219224"));
  EXPECT_THAT(*ReadTruncationsOnDisk({testing::TempDir()}, NodeIndex{1}), IsEmpty());
}

}  // namespace
}  // namespace braid
