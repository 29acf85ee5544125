#include "codec/commit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <string>

#include "base/arena.h"
#include "base/checksum.h"
#include "codec/schema.h"
#include "codec/testing/maker.h"
#include "codec/testing/same.h"

namespace braid {
namespace {

using ::testing::HasSubstr;

std::string Encoded(const Commit& commit) {
  std::string bytes;
  AppendCommit(&bytes, commit);
  return bytes;
}

RC_GTEST_PROP(CommitCodec, EveryCommitComesBack, (uint64_t seed)) {
  Arena arena;
  testing::Maker maker(seed, &arena);
  Commit commit = maker.MakeCommit();
  for (TableSchemaPtr& schema : commit.schemas) {
    auto named = std::make_shared<TableSchema>(*schema);
    named->id = ComputeSchemaId(*named);
    schema = named;
  }
  const std::string bytes = Encoded(commit);
  const auto decoded = DecodeCommit(bytes);
  RC_ASSERT(decoded.has_value());
  RC_ASSERT(testing::Same(commit, *decoded));
  RC_ASSERT(Encoded(*decoded) == bytes);
}

TEST(CommitCodec, AnEmptyCommitHasTheDocumentedBytes) {
  std::string expected("BRCM\x01\x03\x07\x00\x00\x00\x00\x00\x00\x00\x00", 15);
  AppendBigEndian<uint64_t>(&expected, Hash64(expected));
  Commit commit;
  commit.shard = 3;
  commit.number = 7;
  EXPECT_EQ(Encoded(commit), expected);
}

TEST(CommitCodec, AppendsToWhatIsThere) {
  Commit commit;
  commit.number = 1;
  std::string bytes = "before";
  AppendCommit(&bytes, commit);
  EXPECT_EQ(bytes, "before" + Encoded(commit));
}

TEST(CommitCodec, AnythingElseIsRefusedByName) {
  EXPECT_THAT(DecodeCommit("PNG.....").error().message, HasSubstr("does not begin with \"BRCM\""));
  std::string newer = Encoded(Commit{});
  newer[4] = 2;
  // A newer form is no damage, whatever its checksum.
  EXPECT_EQ(DecodeCommit(newer).error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(DecodeCommit(newer).error().message, HasSubstr("commit: has version 2"));
}

TEST(CommitCodec, DamageIsFoundByTheChecksum) {
  Commit commit;
  commit.state.push_back({"key", "value", false});
  std::string bytes = Encoded(commit);
  bytes[bytes.find("value")] = 'V';
  const auto refused = DecodeCommit(bytes);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(refused.error().message, HasSubstr("checksum"));
}

TEST(CommitCodec, AWrongDefinitionWithinIsRefused) {
  std::string bytes("BRCM\x01\x00\x00\x00\x01\x01\x07", 11);  // one definition of one byte: version 7
  AppendBigEndian<uint64_t>(&bytes, Hash64(bytes));
  const auto refused = DecodeCommit(bytes);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(refused.error().message, HasSubstr("commit: table schema: has version 7"));
}

}  // namespace
}  // namespace braid
