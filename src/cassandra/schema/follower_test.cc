#include "cassandra/schema/follower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cassandra/schema/schema_files_test_util.h"

namespace braid {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr int64_t kT = 1'700'000'000'000'000;

TableId IdOf(char c) {
  return TableId::FromBytes(std::string(16, c));
}

class FollowerTest : public testing::Test {
 protected:
  FollowerTest() : a_(Home("a")), b_(Home("b")) {
    for (SchemaFiles* node : {&a_, &b_}) {
      node->CreateKeyspace("k", kT);
      node->WriteTable("k", "t", IdOf('t'), true, kT);
      node->WriteColumn("k", "t", "p", "partition_key", "int", kT, 0);
      node->WriteColumn("k", "t", "v", "regular", "text", kT);
    }
  }

  static fs::path Home(const char* node) {
    return fs::path(testing::TempDir()) /
           (std::string("braid_follower_") + testing::UnitTest::GetInstance()->current_test_info()->name() + node);
  }
  static const TableSchema* Find(const ClusterSchema& schema) { return schema.Find("k", "t")->schema.get(); }

  SchemaFiles a_;
  SchemaFiles b_;
};

TEST_F(FollowerTest, ReadsWhatIsNewOnce) {
  SchemaFollower follower(PosixFileSystem(), {a_.path(), b_.path()});
  EXPECT_FALSE(follower.any());
  SchemaFollower::Look look = follower.LookAgain();
  EXPECT_TRUE(look.grown && look.settled && follower.complete() && look.troubles.empty());
  EXPECT_EQ(Find(*follower.Build(TestSchemaId))->columns.size(), 2u);
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(follower.LookAgain().grown);
  a_.WriteColumn("k", "t", "w", "regular", "text", kT + 5);
  look = follower.LookAgain();
  EXPECT_TRUE(look.grown && look.settled);
  const auto schema = follower.Build(TestSchemaId);
  EXPECT_EQ(Find(*schema)->columns.size(), 3u);
  EXPECT_EQ(schema->Find("k", "t")->written_at.us, kT);
  EXPECT_EQ(schema->Find("k", "t")->changed_at.us, kT + 5);
}

// A change may hide behind another within one tick of the file system's clock, in any order of looks.
TEST_F(FollowerTest, MissesNothingInQuickChanges) {
  SchemaFollower follower(PosixFileSystem(), {a_.path()});
  follower.LookAgain();
  for (size_t i = 0; i < 300; ++i) {
    a_.WriteColumn("k", "t", "w" + std::to_string(i), "regular", "text", kT + 5);
    follower.LookAgain();
    ASSERT_EQ(Find(*follower.Build(TestSchemaId))->columns.size(), 3 + i);
  }
}

TEST_F(FollowerTest, WhatWasSeenStays) {
  SchemaFollower follower(PosixFileSystem(), {a_.path(), b_.path()});
  a_.WriteColumn("k", "t", "w", "regular", "text", kT + 5);
  follower.LookAgain();
  fs::remove_all(a_.path());
  const SchemaFollower::Look look = follower.LookAgain();
  EXPECT_TRUE(look.settled);
  ASSERT_EQ(look.troubles.size(), 1u);
  EXPECT_EQ(look.troubles[0].code, ErrorCode::kNotFound);
  EXPECT_EQ(Find(*follower.Build(TestSchemaId))->columns.size(), 3u);
}

TEST_F(FollowerTest, TombstonesTellOfDrops) {
  SchemaFollower follower(PosixFileSystem(), {a_.path(), b_.path()});
  follower.LookAgain();
  EXPECT_TRUE(follower.DroppedAt("k", "t").none());
  a_.DeleteTable("k", "t", kT + 5);
  b_.DeleteTable("k", "t", kT + 3);
  b_.Delete("views", {"k", "v"}, kT + 4);
  follower.LookAgain();
  EXPECT_EQ(follower.DroppedAt("k", "t").us, kT + 5);
  EXPECT_EQ(follower.DroppedAt("k", "v").us, kT + 4);
  EXPECT_TRUE(follower.DroppedAt("k", "other").none());
  EXPECT_TRUE(follower.DroppedAt("other", "t").none());
}

TEST_F(FollowerTest, DirectoriesMayComeLate) {
  fs::rename(a_.path(), a_.path() + ".away");
  SchemaFollower follower(PosixFileSystem(), {a_.path(), b_.path()});
  follower.LookAgain();
  EXPECT_TRUE(follower.any());
  EXPECT_FALSE(follower.complete());
  fs::rename(a_.path() + ".away", a_.path());
  EXPECT_TRUE(follower.LookAgain().grown);
  EXPECT_TRUE(follower.complete());
}

TEST_F(FollowerTest, AnUnfinishedSstableWaits) {
  SchemaFollower follower(PosixFileSystem(), {a_.path()});
  follower.LookAgain();
  a_.WriteColumn("k", "t", "w", "regular", "text", kT + 5);
  const fs::path crc = a_.TablePath("columns") / ("nb-" + std::to_string(a_.generation()) + "-big-CRC.db");
  fs::rename(crc, crc.string() + "x");
  SchemaFollower::Look look = follower.LookAgain();
  EXPECT_FALSE(look.settled);
  ASSERT_FALSE(look.troubles.empty());
  EXPECT_THAT(look.troubles[0].message, HasSubstr("nb-" + std::to_string(a_.generation())));
  EXPECT_EQ(Find(*follower.Build(TestSchemaId))->columns.size(), 2u);
  fs::rename(crc.string() + "x", crc);
  look = follower.LookAgain();
  EXPECT_TRUE(look.grown && look.settled && look.troubles.empty());
  EXPECT_EQ(Find(*follower.Build(TestSchemaId))->columns.size(), 3u);
}

// A node that was set up anew numbers its SSTables from 1 again.
TEST_F(FollowerTest, ANewDirectoryIsReadAnew) {
  SchemaFollower follower(PosixFileSystem(), {a_.path()});
  follower.LookAgain();
  const SchemaFiles kept(Home("kept"));
  fs::rename(a_.TablePath("columns"), fs::path(kept.path()) / "columns");
  SchemaFiles again(Home("again"));
  for (int i = 0; i < 3; ++i) again.WriteColumn("k", "t", "w", "regular", "text", kT + 5);
  fs::rename(again.TablePath("columns"), a_.TablePath("columns"));
  follower.LookAgain();
  EXPECT_EQ(Find(*follower.Build(TestSchemaId))->columns.size(), 3u);
}

}  // namespace
}  // namespace braid
