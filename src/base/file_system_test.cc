#include "base/file_system.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

#include "base/testing/memory_file_system.h"

namespace braid {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Each law holds for the system's files and for those in memory.
class FileSystemTest : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (GetParam()) {
      char path[] = "/tmp/braid_files_XXXXXX";
      ASSERT_NE(mkdtemp(path), nullptr);
      root_ = path;
      files_ = PosixFileSystem();
    } else {
      root_ = "/root";
      files_ = &memory_;
      ASSERT_TRUE(files_->MakeDirectory(root_).has_value());
    }
  }
  void TearDown() override {
    if (GetParam()) std::filesystem::remove_all(root_);
  }

  std::string Content(const std::string& path) {
    const auto source = files_->OpenForRead(path);
    return source.has_value() ? ReadAll(**source, 1 << 20).value_or("unreadable") : "none";
  }

  MemoryFileSystem memory_;
  FileSystem* files_ = nullptr;
  std::string root_;
};

TEST_P(FileSystemTest, AppendsAndCuts) {
  const std::string path = root_ + "/a";
  {
    auto file = *files_->OpenForAppend(path);
    ASSERT_TRUE(file->Append("hello ").has_value());
    ASSERT_TRUE(file->Append("world").has_value());
    EXPECT_EQ(file->size(), 11u);
    ASSERT_TRUE(file->Truncate(4).has_value());
    ASSERT_TRUE(file->Append("!").has_value());
    ASSERT_TRUE(file->Sync().has_value());
    EXPECT_EQ(file->size(), 5u);
  }
  auto again = *files_->OpenForAppend(path);
  EXPECT_EQ(again->size(), 5u);
  ASSERT_TRUE(again->Append("?").has_value());
  EXPECT_EQ(Content(path), "hell!?");
}

TEST_P(FileSystemTest, ReplacesAndOverwrites) {
  const std::string path = root_ + "/a";
  ASSERT_TRUE(files_->Overwrite(path, "one two").has_value());
  ASSERT_TRUE(files_->Overwrite(path, "ONE").has_value());
  EXPECT_EQ(Content(path), "ONE two");
  ASSERT_TRUE(files_->ReplaceFile(path, "3").has_value());
  EXPECT_EQ(Content(path), "3");
  EXPECT_THAT(*files_->List(root_), ElementsAre("a"));
}

TEST_P(FileSystemTest, ListsAndRemoves) {
  ASSERT_TRUE(files_->MakeDirectory(root_ + "/d/e/f").has_value());
  ASSERT_TRUE(files_->MakeDirectory(root_ + "/d/e/f").has_value());
  ASSERT_TRUE(files_->Overwrite(root_ + "/b", "b").has_value());
  ASSERT_TRUE(files_->Overwrite(root_ + "/a", "aa").has_value());
  ASSERT_TRUE(files_->SyncDirectory(root_).has_value());
  EXPECT_THAT(*files_->List(root_), ElementsAre("a", "b", "d"));
  EXPECT_THAT(*files_->List(root_ + "/d/e"), ElementsAre("f"));
  EXPECT_EQ(files_->Info(root_ + "/a")->size_bytes, 2u);
  EXPECT_NE(files_->Info(root_ + "/a")->inode, files_->Info(root_ + "/b")->inode);
  EXPECT_FALSE(files_->Info(root_ + "/a")->directory);
  EXPECT_TRUE(files_->Info(root_ + "/d")->directory);
  ASSERT_TRUE(files_->Remove(root_ + "/a").has_value());
  EXPECT_THAT(*files_->List(root_), ElementsAre("b", "d"));
  EXPECT_GT(*files_->FreeBytes(root_), 0u);
}

TEST_P(FileSystemTest, ErrorsNameThePath) {
  const std::string none = root_ + "/none";
  for (const auto& error : {files_->List(none).error(), files_->Info(none).error(), files_->OpenForRead(none).error(),
                            files_->Remove(none).error(), files_->Watch(none).error()}) {
    EXPECT_EQ(error.code, ErrorCode::kNotFound);
    EXPECT_THAT(error.message, HasSubstr(none));
  }
  ASSERT_TRUE(files_->Overwrite(root_ + "/file", "x").has_value());
  const Status status = files_->MakeDirectory(root_ + "/file/d");
  ASSERT_FALSE(status.has_value());
  EXPECT_THAT(status.error().message, HasSubstr(root_ + "/file/d"));
  EXPECT_FALSE(files_->MakeDirectory(root_ + "/file").has_value());
}

TEST_P(FileSystemTest, LocksOnce) {
  auto lock = files_->Lock(root_ + "/lock");
  ASSERT_TRUE(lock.has_value());
  const auto second = files_->Lock(root_ + "/lock");
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::kTransient);
  lock->reset();
  EXPECT_TRUE(files_->Lock(root_ + "/lock").has_value());
}

TEST_P(FileSystemTest, WakesWhoWatches) {
  const std::string path = root_ + "/a";
  ASSERT_TRUE(files_->Overwrite(path, "1").has_value());
  auto watch = *files_->Watch(path);
  // Written before the wait begins: it returns at once.
  ASSERT_TRUE(files_->Overwrite(path, "2").has_value());
  const auto start = std::chrono::steady_clock::now();
  ASSERT_TRUE(watch->Wait(10'000).has_value());
  std::thread writer([&] { ASSERT_TRUE(files_->Overwrite(path, "3").has_value()); });
  ASSERT_TRUE(watch->Wait(10'000).has_value());
  writer.join();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

INSTANTIATE_TEST_SUITE_P(Both, FileSystemTest, ::testing::Bool(),
                         [](const auto& param) { return param.param ? "Posix" : "Memory"; });

TEST(PosixFileSystemTest, KeepsFilesPrivate) {
  char root[] = "/tmp/braid_files_XXXXXX";
  ASSERT_NE(mkdtemp(root), nullptr);
  FileSystem* files = PosixFileSystem();
  const std::string directory = std::string(root) + "/state/deep";
  ASSERT_TRUE(files->MakeDirectory(directory).has_value());
  ASSERT_TRUE(files->Overwrite(directory + "/a", "a").has_value());
  ASSERT_TRUE(files->ReplaceFile(directory + "/b", "b").has_value());
  ASSERT_TRUE(files->OpenForAppend(directory + "/c").has_value());
  const auto mode = [](const std::string& path) {
    struct stat info {};
    return stat(path.c_str(), &info) == 0 ? info.st_mode & 0777 : 0;
  };
  EXPECT_EQ(mode(std::string(root) + "/state"), 0700u);
  EXPECT_EQ(mode(directory), 0700u);
  for (const char* name : {"/a", "/b", "/c"}) EXPECT_EQ(mode(directory + name), 0600u);
  std::filesystem::remove_all(root);
}

TEST(PosixFileSystemTest, SaysWhenTheDiskIsFull) {
  ASSERT_TRUE(std::filesystem::exists("/dev/full"));
  const Status status = PosixFileSystem()->Overwrite("/dev/full", "x");
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code, ErrorCode::kNoSpace);
  EXPECT_THAT(status.error().message, HasSubstr("/dev/full"));
}

}  // namespace
}  // namespace braid
