#include "base/byte_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace braid {
namespace {

using ::testing::HasSubstr;

class ByteSourceTest : public ::testing::Test {
 protected:
  ByteSourceTest() {
    std::string path = (std::filesystem::temp_directory_path() / "braid-byte-source-XXXXXX").string();
    EXPECT_NE(::mkdtemp(path.data()), nullptr);
    directory_ = path;
  }
  ~ByteSourceTest() override { std::filesystem::remove_all(directory_); }

  std::string Write(const std::string& name, const std::string& bytes) {
    const std::string path = directory_ / name;
    std::ofstream(path, std::ios::binary | std::ios::app) << bytes;
    return path;
  }

  std::filesystem::path directory_;
};

std::string Read(const ByteSource& source, uint64_t offset, size_t size) {
  std::string bytes(size, '?');
  bytes.resize(source.ReadAt(offset, bytes.data(), size).value());
  return bytes;
}

void ExpectReads(const ByteSource& source) {
  EXPECT_EQ(source.Size().value(), 10u);
  EXPECT_EQ(Read(source, 0, 10), "0123456789");
  EXPECT_EQ(Read(source, 3, 4), "3456");
  EXPECT_EQ(Read(source, 8, 10), "89");
  EXPECT_EQ(Read(source, 10, 1), "");
  EXPECT_EQ(Read(source, 1'000'000, 1), "");
  EXPECT_EQ(Read(source, 5, 0), "");
}

TEST_F(ByteSourceTest, MemoryAndFileReadAlike) {
  const std::string path = Write("file", "0123456789");
  const MemorySource memory("memory", "0123456789");
  EXPECT_EQ(memory.name(), "memory");
  ExpectReads(memory);
  const auto file = OpenFile(path).value();
  EXPECT_EQ(file->name(), path);
  ExpectReads(*file);
}

TEST_F(ByteSourceTest, AFileMayGrow) {
  const std::string path = Write("file", "01234");
  const auto file = OpenFile(path).value();
  EXPECT_EQ(Read(*file, 0, 100), "01234");
  Write("file", "56789");
  EXPECT_EQ(file->Size().value(), 10u);
  EXPECT_EQ(Read(*file, 4, 100), "456789");
}

TEST_F(ByteSourceTest, AMissingFileIsNotFoundByName) {
  const auto missing = OpenFile(directory_ / "none");
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(missing.error().message, HasSubstr((directory_ / "none").string()));
}

TEST_F(ByteSourceTest, ADirectoryIsNoFile) {
  const auto refused = OpenFile(directory_);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kIoError);
  EXPECT_THAT(refused.error().message, HasSubstr("not a regular file"));
}

TEST_F(ByteSourceTest, ReadFileTakesAllOrRefuses) {
  const std::string path = Write("file", std::string("a\0b", 3));
  EXPECT_EQ(ReadFile(path, 3).value(), std::string("a\0b", 3));
  const auto refused = ReadFile(path, 2);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(refused.error().message, HasSubstr(path));
  EXPECT_EQ(ReadFile(Write("empty", ""), 0).value(), "");
  EXPECT_EQ(ReadFile(directory_ / "none", 9).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace braid
