#include "pipeline/run/node_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/memory_file_system.h"

namespace braid {
namespace {

TEST(PipelineIdentityTest, ANodeIsKnownByItsHostId) {
  PipelineIdentity identity;
  EXPECT_EQ(identity.Register("n1", "aaa").value, 0);
  EXPECT_EQ(identity.Register("n2", "bbb").value, 1);
  EXPECT_EQ(identity.Register("renamed", "aaa").value, 0);
  EXPECT_EQ(identity.nodes[0].name, "renamed");
}

TEST(PipelineIdentityTest, AReplacedNodeIsAnother) {
  PipelineIdentity identity;
  EXPECT_EQ(identity.Register("n1", "aaa").value, 0);
  EXPECT_EQ(identity.Register("n1", "ccc").value, 1);
  EXPECT_EQ(identity.nodes[0].host_id, "aaa");
}

TEST(PipelineIdentityTest, AHostIdMayBeLearnedLater) {
  PipelineIdentity identity;
  EXPECT_EQ(identity.Register("n1", "").value, 0);
  EXPECT_EQ(identity.Register("n1", "aaa").value, 0);
  EXPECT_EQ(identity.Register("n1", "").value, 0);
}

TEST(PipelineIdentityTest, ARetiredNodeStaysRetired) {
  PipelineIdentity identity;
  identity.Register("n1", "aaa");
  identity.nodes[0].retired = true;
  EXPECT_EQ(identity.Register("n1", "aaa").value, 0);
  EXPECT_TRUE(identity.nodes[0].retired);
}

TEST(PipelineIdentityTest, IsKeptInItsFile) {
  MemoryFileSystem files;
  ASSERT_TRUE(files.MakeDirectory("/state").has_value());
  EXPECT_EQ(ReadIdentity(&files, "/state").error().code, ErrorCode::kNotFound);
  PipelineIdentity identity;
  identity.epoch = 1732176000456789;
  identity.shards = 4;
  identity.Register("n1", "aaa");
  identity.Register("n2", "");
  identity.nodes[1].retired = true;
  ASSERT_TRUE(WriteIdentity(&files, "/state", identity).has_value());
  const auto read = ReadIdentity(&files, "/state");
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(*read, identity);
}

TEST(PipelineIdentityTest, ADamagedFileIsRefusedByName) {
  MemoryFileSystem files;
  ASSERT_TRUE(files.MakeDirectory("/state").has_value());
  PipelineIdentity identity;
  identity.Register("n1", "aaa");
  ASSERT_TRUE(WriteIdentity(&files, "/state", identity).has_value());
  const auto source = files.OpenForRead(IdentityPath("/state"));
  const std::string bytes = *ReadAll(**source, 1000);
  for (size_t i = 5; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    ASSERT_TRUE(files.ReplaceFile(IdentityPath("/state"), damaged).has_value());
    const auto read = ReadIdentity(&files, "/state");
    ASSERT_FALSE(read.has_value()) << i;
    EXPECT_THAT(read.error().message, testing::HasSubstr("/state/pipeline"));
  }
}

}  // namespace
}  // namespace braid
