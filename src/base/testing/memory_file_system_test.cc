#include "base/testing/memory_file_system.h"

#include <gtest/gtest.h>

#include <set>

namespace braid {
namespace {

std::string Content(MemoryFileSystem* disk, const std::string& path) {
  const auto source = disk->OpenForRead(path);
  return source.has_value() ? *ReadAll(**source, 1 << 20) : "none";
}

TEST(MemoryFileSystemTest, ACrashKeepsWhatWasSynced) {
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    MemoryFileSystem disk;
    ASSERT_TRUE(disk.MakeDirectory("/d").has_value());
    auto file = *disk.OpenForAppend("/d/a");
    ASSERT_TRUE(file->Append("synced").has_value());
    ASSERT_TRUE(file->Sync().has_value());
    ASSERT_TRUE(disk.SyncDirectory("/d").has_value());
    ASSERT_TRUE(file->Append("XY").has_value());
    disk.Crash(seed);
    seen.insert(Content(&disk, "/d/a"));
    EXPECT_FALSE(file->Append("late").has_value());
  }
  using namespace std::string_literals;
  EXPECT_EQ(seen,
            (std::set<std::string>{"synced"s, "syncedX"s, "syncedXY"s, "synced\0"s, "synced\0\0"s, "syncedX\0"s}));
}

TEST(MemoryFileSystemTest, ACrashMayLoseNamesThatWereNotSynced) {
  std::set<bool> made;
  std::set<bool> removed;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    MemoryFileSystem disk;
    ASSERT_TRUE(disk.MakeDirectory("/d").has_value());
    ASSERT_TRUE(disk.ReplaceFile("/d/old", "old").has_value());
    auto file = *disk.OpenForAppend("/d/new");
    ASSERT_TRUE(file->Append("x").has_value());
    ASSERT_TRUE(file->Sync().has_value());
    ASSERT_TRUE(disk.Remove("/d/old").has_value());
    disk.Crash(seed);
    made.insert(Content(&disk, "/d/new") == "x");
    removed.insert(Content(&disk, "/d/old") == "none");
    EXPECT_NE(Content(&disk, "/d/new"), "");
  }
  EXPECT_EQ(made.size(), 2u);
  EXPECT_EQ(removed.size(), 2u);
}

TEST(MemoryFileSystemTest, FailsTheCallThatItIsToldTo) {
  MemoryFileSystem disk;
  auto file = *disk.OpenForAppend("/a");
  disk.FailAt(2, ErrorCode::kIoError, 7);
  EXPECT_TRUE(file->Append("one").has_value());
  EXPECT_EQ(file->Append("two").error().code, ErrorCode::kIoError);
  EXPECT_GE(file->size(), 3u);
  EXPECT_TRUE(file->Truncate(3).has_value());
  EXPECT_TRUE(file->Append("two").has_value());
  EXPECT_EQ(Content(&disk, "/a"), "onetwo");

  disk.FailAt(1, ErrorCode::kNoSpace);
  EXPECT_TRUE(disk.List("/").has_value());
  EXPECT_EQ(file->Sync().error().code, ErrorCode::kNoSpace);
  EXPECT_TRUE(file->Sync().has_value());
}

TEST(MemoryFileSystemTest, WithoutPowerNothingWorks) {
  MemoryFileSystem disk;
  auto file = *disk.OpenForAppend("/a");
  ASSERT_TRUE(disk.SyncDirectory("/").has_value());
  disk.CutPowerAt(1);
  EXPECT_FALSE(file->Sync().has_value());
  EXPECT_FALSE(file->Sync().has_value());
  EXPECT_FALSE(disk.List("/").has_value());
  disk.Crash(1);
  EXPECT_TRUE(disk.List("/").has_value());
  EXPECT_EQ(Content(&disk, "/a"), "");
}

TEST(MemoryFileSystemTest, IsAsLargeAsItIsSaidToBe) {
  MemoryFileSystem disk;
  disk.SetCapacity(5);
  auto file = *disk.OpenForAppend("/a");
  EXPECT_TRUE(file->Append("abc").has_value());
  EXPECT_EQ(*disk.FreeBytes("/"), 2u);
  EXPECT_EQ(file->Append("def").error().code, ErrorCode::kNoSpace);
  EXPECT_TRUE(disk.Overwrite("/a", "xyz").has_value());
  EXPECT_EQ(disk.ReplaceFile("/b", "1").error().code, ErrorCode::kNoSpace);
  EXPECT_TRUE(disk.Remove("/a").has_value());
  EXPECT_TRUE(disk.ReplaceFile("/b", "1").has_value());
}

}  // namespace
}  // namespace braid
