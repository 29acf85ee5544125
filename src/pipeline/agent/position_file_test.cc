#include "pipeline/agent/position_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

namespace braid {
namespace {

using ::testing::HasSubstr;

class PositionFileTest : public ::testing::Test {
 protected:
  PositionFileTest() {
    char path[] = "/tmp/braid_agent_XXXXXX";
    directory_ = mkdtemp(path);
    path_ = directory_ + "/position";
    host_.fill(0xab);
  }
  ~PositionFileTest() override { std::filesystem::remove_all(directory_); }

  Result<std::optional<Position>> Read() { return ReadAgentPosition(files_, path_, host_, NodeIndex{2}); }
  std::string Bytes() { return *ReadAll(**files_->OpenForRead(path_), 1000); }

  FileSystem* const files_ = PosixFileSystem();
  std::string directory_;
  std::string path_;
  HostId host_{};
};

TEST_F(PositionFileTest, WhatWasWrittenIsReadForWhateverIndexTheNodeHas) {
  ASSERT_TRUE(Read().has_value());
  EXPECT_FALSE(Read()->has_value());
  const Position position{NodeIndex{0}, SegmentId{1795260703482}, UINT64_MAX};
  ASSERT_TRUE(WriteAgentPosition(files_, path_, host_, position).has_value());
  const Position expected{NodeIndex{2}, SegmentId{1795260703482}, UINT64_MAX};
  EXPECT_EQ(**Read(), expected);
}

TEST_F(PositionFileTest, DamageIsFoundAndTheCureNamed) {
  ASSERT_TRUE(WriteAgentPosition(files_, path_, host_, {NodeIndex{0}, SegmentId{5}, 77}).has_value());
  const std::string good = Bytes();
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x20);
    ASSERT_TRUE(files_->ReplaceFile(path_, bad).has_value());
    const auto read = Read();
    ASSERT_FALSE(read.has_value()) << "byte " << i;
    EXPECT_THAT(read.error().message, HasSubstr(path_));
    if (read.error().code == ErrorCode::kCorrupt) {
      EXPECT_THAT(read.error().message, HasSubstr("remove the file"));
    }
    ASSERT_TRUE(files_->ReplaceFile(path_, good.substr(0, i)).has_value());
    EXPECT_FALSE(Read().has_value()) << "cut at " << i;
  }
}

TEST_F(PositionFileTest, AnotherNodesIsRefused) {
  ASSERT_TRUE(WriteAgentPosition(files_, path_, host_, {NodeIndex{0}, SegmentId{5}, 77}).has_value());
  host_[3] = 0;
  EXPECT_THAT(Read().error().message, HasSubstr("another node's"));
}

}  // namespace
}  // namespace braid
