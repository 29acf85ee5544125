#include "pipeline/worker/hosted_shard.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "reconcile/rocksdb/changelog.h"

namespace braid {
namespace {

constexpr int64_t kHour = int64_t{3600} * 1'000'000;
constexpr int64_t kNow = int64_t{1'800'000'000} * 1'000'000;

// Keeps what it visits: records of a changelog.
class Records : public PendingVisitor {
 public:
  Status OnPending(ByteView key, std::optional<ByteView> value) override {
    records.emplace_back(std::string(key), std::string(value.value_or("")));
    return {};
  }
  std::vector<std::pair<std::string, std::string>> records;
};

class HostedShardTest : public ::testing::Test {
 protected:
  HostedShardTest() {
    const std::string name = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    directory_ = std::filesystem::temp_directory_path() / ("braid_hosted_shard_" + name);
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
  }
  ~HostedShardTest() override {
    shard_.reset();
    std::filesystem::remove_all(directory_);
  }

  // So little memory that every record is written at once.
  void Open(int64_t now_us) {
    shard_.reset();
    auto shard = HostedShard::Open(PosixFileSystem(), {.path = directory_ / "hosted", .memory_bytes = 8}, now_us);
    ASSERT_TRUE(shard.has_value()) << shard.error().message;
    shard_ = *std::move(shard);
  }

  // What another worker's state put into the changelog: one partition's header.
  void RestoreSome(int64_t offset) {
    auto other = RocksState::Open({.path = directory_ / "other", .memory_bytes = 1 << 20, .sync = false});
    ASSERT_TRUE(other.has_value());
    PartitionHeader header;
    header.complete = true;
    StateDelta delta;
    delta.partition = {TableId(), Token{7}, "key"};
    delta.header = &header;
    ASSERT_TRUE((*other)->Write(delta).has_value());
    Records visited;
    ASSERT_TRUE((*other)->VisitPending(&visited).has_value());
    ASSERT_FALSE(visited.records.empty());
    for (const auto& [key, value] : visited.records) {
      KafkaRecord record{.topic = "changelog", .offset = offset++, .key = key, .value = value};
      const Status restored = shard_->Restore(record);
      ASSERT_TRUE(restored.has_value()) << restored.error().message;
    }
  }

  std::filesystem::path directory_;
  std::unique_ptr<HostedShard> shard_;
};

TEST_F(HostedShardTest, WhatIsHalfRestoredIsGoneOnFrom) {
  Open(kNow);
  EXPECT_EQ(shard_->changelog_from(), kKafkaBeginning);
  shard_->BeginRestore(kKafkaNone, 1000, kNow);
  RestoreSome(41);
  Open(kNow + kHour);
  EXPECT_GT(shard_->changelog_from(), 41);
}

TEST_F(HostedShardTest, WhatWasHalfRestoredLongAgoIsMadeAnew) {
  Open(kNow);
  shard_->BeginRestore(kKafkaNone, 1000, kNow);
  RestoreSome(41);
  Open(kNow + 13 * kHour);
  EXPECT_EQ(shard_->changelog_from(), kKafkaBeginning) << "the topic no longer says what was taken from it";
}

}  // namespace
}  // namespace braid
