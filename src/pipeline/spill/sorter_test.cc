#include "pipeline/spill/sorter.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace braid {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::Le;
using ::testing::Pair;

using Records = std::vector<std::pair<std::string, std::string>>;

Result<Records> Drain(Sorter* sorter) {
  ASSIGN_OR_RETURN(const auto sorted, sorter->Finish());
  Records records;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, sorted->Next());
    if (!more) return records;
    records.emplace_back(sorted->key(), sorted->value());
  }
}

class SorterTest : public ::testing::Test {
 protected:
  SorterTest() {
    directory_ = std::filesystem::temp_directory_path() / "braid-sorter-test-XXXXXX";
    std::string path = directory_.string();
    EXPECT_NE(::mkdtemp(path.data()), nullptr);
    directory_ = path;
  }
  ~SorterTest() override { std::filesystem::remove_all(directory_); }

  // Keys with shared prefixes, of lengths about that of the prefix; some records twice.
  static Records MakeRecords(uint64_t seed, size_t count, size_t value_limit) {
    std::mt19937_64 random(seed);
    Records records;
    for (size_t i = 0; i < count; ++i) {
      if (!records.empty() && random() % 10 == 0) {
        records.push_back(records[random() % records.size()]);
        continue;
      }
      std::string key;
      for (size_t k = random() % 14; k > 0; --k) key += static_cast<char>(random() % 3 == 0 ? 0 : random() % 256);
      if (random() % 2 == 0) key = "eightbyt" + key;
      std::string value(random() % (value_limit + 1), '\0');
      for (char& byte : value) byte = static_cast<char>(random() % 7);
      records.emplace_back(std::move(key), std::move(value));
    }
    return records;
  }

  void ExpectSorted(Records records, size_t memory_bytes, Sorter::Stats* stats) {
    Sorter sorter({.memory_bytes = memory_bytes, .directory = directory_});
    for (const auto& [key, value] : records) ASSERT_TRUE(sorter.Add(key, value).has_value());
    const auto sorted = Drain(&sorter);
    ASSERT_TRUE(sorted.has_value()) << sorted.error().message;
    // The same order: std::string compares as unsigned bytes too.
    std::sort(records.begin(), records.end());
    EXPECT_TRUE(*sorted == records);
    *stats = sorter.stats();
    EXPECT_EQ(stats->records, records.size());
  }

  std::filesystem::path directory_;
};

TEST_F(SorterTest, NothingComesOfNothing) {
  Sorter sorter({.memory_bytes = 1 << 20, .directory = directory_});
  EXPECT_THAT(Drain(&sorter).value(), ElementsAre());
}

TEST_F(SorterTest, EmptyViewsAreRecordsToo) {
  Sorter sorter({.memory_bytes = 1 << 20, .directory = directory_});
  ASSERT_TRUE(sorter.Add(ByteView{}, ByteView{}).has_value());
  ASSERT_TRUE(sorter.Add("", "").has_value());
  EXPECT_THAT(Drain(&sorter).value(), ElementsAre(Pair("", ""), Pair("", "")));
}

TEST_F(SorterTest, KeysThenValuesInUnsignedOrder) {
  Sorter sorter({.memory_bytes = 1 << 20, .directory = directory_});
  const Records records = {
      {"b", "1"}, {"a\xFF", ""}, {"a", "\xFF"}, {"a", "\x01"}, {"", "x"}, {std::string("a\0", 2), ""}, {"b", "1"}};
  for (const auto& [key, value] : records) ASSERT_TRUE(sorter.Add(key, value).has_value());
  EXPECT_THAT(Drain(&sorter).value(),
              ElementsAre(Pair("", "x"), Pair("a", "\x01"), Pair("a", "\xFF"), Pair(std::string("a\0", 2), ""),
                          Pair("a\xFF", ""), Pair("b", "1"), Pair("b", "1")));
}

TEST_F(SorterTest, InMemoryAsStdSortDoes) {
  Sorter::Stats stats;
  ExpectSorted(MakeRecords(1, 20'000, 60), 16 << 20, &stats);
  EXPECT_EQ(stats.runs, 0u);
}

TEST_F(SorterTest, OnDiskAsStdSortDoes) {
  for (uint64_t seed = 0; seed < 5; ++seed) {
    Sorter::Stats stats;
    ExpectSorted(MakeRecords(seed, 20'000, 60), 512 << 10, &stats);
    EXPECT_THAT(stats.runs, Gt(1u));
    EXPECT_EQ(stats.passes, 0u);
  }
}

TEST_F(SorterTest, InSeveralPassesAsStdSortDoes) {
  Sorter::Stats stats;
  ExpectSorted(MakeRecords(1, 60'000, 200), Sorter::kLeastMemory, &stats);
  EXPECT_THAT(stats.passes, Gt(0u));
}

TEST_F(SorterTest, RecordsLargerThanABlockAreKept) {
  Sorter::Stats stats;
  ExpectSorted(MakeRecords(1, 300, 30'000), Sorter::kLeastMemory, &stats);
  EXPECT_THAT(stats.runs, Gt(1u));
}

TEST_F(SorterTest, TheOrderOfAddDoesNotMatter) {
  Records records = MakeRecords(7, 5'000, 50);
  Records first;
  for (int round = 0; round < 3; ++round) {
    Sorter sorter({.memory_bytes = 128 << 10, .directory = directory_});
    for (const auto& [key, value] : records) ASSERT_TRUE(sorter.Add(key, value).has_value());
    Records sorted = Drain(&sorter).value();
    if (round == 0) first = sorted;
    EXPECT_TRUE(sorted == first);
    std::shuffle(records.begin(), records.end(), std::mt19937_64(static_cast<uint64_t>(round)));
  }
}

TEST_F(SorterTest, ARecordLargerThanTheMemoryIsRefused) {
  Sorter sorter({.memory_bytes = Sorter::kLeastMemory, .directory = directory_});
  const auto refused = sorter.Add("key", std::string(Sorter::kLeastMemory, 'v'));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
}

TEST_F(SorterTest, LeavesNoNameInTheDirectory) {
  Sorter sorter({.memory_bytes = Sorter::kLeastMemory, .directory = directory_});
  for (const auto& [key, value] : MakeRecords(1, 2'000, 200)) ASSERT_TRUE(sorter.Add(key, value).has_value());
  EXPECT_THAT(sorter.stats().runs, Gt(0u));
  EXPECT_TRUE(std::filesystem::is_empty(directory_));
}

TEST_F(SorterTest, AMissingDirectoryIsNamed) {
  Sorter sorter({.memory_bytes = Sorter::kLeastMemory, .directory = directory_ / "none"});
  Status status;
  for (int i = 0; i < 1000 && status.has_value(); ++i) status = sorter.Add("key", std::string(200, 'v'));
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code, ErrorCode::kIoError);
  EXPECT_THAT(status.error().message, AllOf(HasSubstr((directory_ / "none").string()), HasSubstr("No such file")));
}

// A disk that is full, by a limit on the size of files in a process of its own.
TEST_F(SorterTest, AFullDiskIsOneClearError) {
  int answer[2];
  ASSERT_EQ(::pipe(answer), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const rlimit limit{100'000, 100'000};
    ::signal(SIGXFSZ, SIG_IGN);
    ::setrlimit(RLIMIT_FSIZE, &limit);
    Sorter sorter({.memory_bytes = Sorter::kLeastMemory, .directory = directory_});
    std::mt19937_64 random(1);
    Status status;
    for (int i = 0; i < 100'000 && status.has_value(); ++i) {
      std::string value(100, '\0');
      for (char& byte : value) byte = static_cast<char>(random());
      status = sorter.Add("key", value);
    }
    const std::string message = status.has_value() ? "no error" : status.error().message;
    const bool wrote = ::write(answer[1], message.data(), message.size()) > 0;
    ::_exit(wrote ? 0 : 1);
  }
  ::close(answer[1]);
  std::string message(1000, '\0');
  const ssize_t size = ::read(answer[0], message.data(), message.size());
  ::close(answer[0]);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  ASSERT_THAT(size, Gt(0));
  message.resize(static_cast<size_t>(size));
  EXPECT_THAT(message, AllOf(HasSubstr(directory_.string()), HasSubstr("File too large"), HasSubstr("free space")));
}

}  // namespace
}  // namespace braid
