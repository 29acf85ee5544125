#include "pipeline/spill/run_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace braid::spill {
namespace {

using ::testing::HasSubstr;

std::unique_ptr<RunFile> MakeFile() {
  return RunFile::Create(std::filesystem::temp_directory_path()).value();
}

// The bytes of a run of one block.
std::string OneRun() {
  const auto file = MakeFile();
  RunWriter writer(file.get(), 4096);
  const Record record{"key", "a value that packs, a value that packs"};
  std::string stored(record.size(), '\0');
  StoreRecord(stored.data(), record);
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(writer.Add(stored).has_value());
  const Run run = writer.Finish().value();
  std::string bytes(run.end - run.begin, '\0');
  EXPECT_TRUE(file->Read(run.begin, bytes.data(), bytes.size()).has_value());
  return bytes;
}

// The records that a run of these bytes gives before its end, or the error.
Result<int> Count(const std::string& bytes) {
  const auto file = MakeFile();
  TRY(file->Append(bytes));
  std::vector<char> packed;
  RunReader reader(file.get(), {0, bytes.size()}, &packed);
  for (int count = 0;; ++count) {
    ASSIGN_OR_RETURN(const bool more, reader.Next());
    if (!more) return count;
  }
}

TEST(RunFile, GivesBackWhatWasWritten) {
  EXPECT_EQ(Count(OneRun()).value(), 20);
}

TEST(RunFile, DamageAnywhereIsFound) {
  const std::string whole = OneRun();
  for (size_t i = 0; i < whole.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = whole;
      damaged[i] = static_cast<char>(damaged[i] ^ (1 << bit));
      const auto count = Count(damaged);
      ASSERT_FALSE(count.has_value()) << "byte " << i << " bit " << bit;
      EXPECT_EQ(count.error().code, ErrorCode::kCorrupt);
    }
  }
}

TEST(RunFile, ACutRunIsFound) {
  const std::string whole = OneRun();
  for (size_t size = 1; size < whole.size(); ++size) EXPECT_FALSE(Count(whole.substr(0, size)).has_value()) << size;
}

TEST(RunFile, AnErrorNamesTheDirectory) {
  const auto file = MakeFile();
  char byte = 0;
  const auto refused = file->Read(0, &byte, 1);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message, HasSubstr(std::filesystem::temp_directory_path().string()));
}

}  // namespace
}  // namespace braid::spill
