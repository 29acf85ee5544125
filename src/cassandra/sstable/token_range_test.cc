#include "cassandra/sstable/token_range.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <thread>

#include "base/testing.h"
#include "cassandra/sstable/dump.h"
#include "cassandra/sstable/sstable_test_util.h"
#include "cassandra/sstable/trie_index.h"

namespace braid {
namespace {

// The partitions of a range as JSON lines.
Result<std::vector<std::string>> Scan(const Sstable& sstable, const TokenRange& tokens) {
  SstableDumpOptions options;
  options.scan.tokens = tokens;
  options.scan.piece_rows = 1 << 20;
  std::vector<std::string> lines;
  TRY(DumpSstable(&sstable, options, [&](std::string_view line) { lines.emplace_back(line); }));
  lines.erase(lines.begin());  // the header
  return lines;
}

int64_t TokenOf(const std::string& line) {
  return std::stoll(line.substr(line.find("\"token\":") + 8));
}

// Places at which to cut the ring: some at the tokens of partitions, some just beside them, some anywhere.
std::vector<int64_t> RandomCuts(const std::vector<std::string>& lines, std::mt19937_64* random) {
  std::vector<int64_t> cuts;
  for (int i = 0; i < 5; ++i) {
    const int64_t token = TokenOf(lines[(*random)() % lines.size()]);
    switch ((*random)() % 4) {
      case 0:
        cuts.push_back(static_cast<int64_t>((*random)()));
        break;
      case 1:
        cuts.push_back(token - 1);
        break;
      default:
        cuts.push_back(token);
    }
  }
  std::sort(cuts.begin(), cuts.end());
  return cuts;
}

// The scans of the parts into which `cuts` divide the ring, one after another.
Result<std::vector<std::string>> ScanInParts(const Sstable& sstable, const std::vector<int64_t>& cuts) {
  std::vector<std::string> all;
  TokenRange range;
  for (size_t i = 0; i <= cuts.size(); ++i) {
    range.through = {i < cuts.size() ? cuts[i] : INT64_MAX};
    ASSIGN_OR_RETURN(const std::vector<std::string> part, Scan(sstable, range));
    for (const std::string& line : part) {
      EXPECT_TRUE(range.Contains({TokenOf(line)})) << line.substr(0, 100);
      all.push_back(line);
    }
    range.after = range.through;
  }
  return all;
}

class TokenRangeTest : public testing::TestWithParam<const char*> {};

TEST_P(TokenRangeTest, PartsOfTheRingGiveTheWhole) {
  const auto sstable = OpenBytes(RealSstable(GetParam()));
  ASSERT_TRUE(sstable.has_value()) << sstable.error().message;
  const auto whole = Scan(**sstable, {});
  ASSERT_TRUE(whole.has_value()) << whole.error().message;
  std::mt19937_64 random(842);
  for (int round = 0; round < 30; ++round) {
    const auto parts = ScanInParts(**sstable, RandomCuts(*whole, &random));
    ASSERT_TRUE(parts.has_value()) << parts.error().message;
    ASSERT_EQ(*parts, *whole);
  }
}

TEST_P(TokenRangeTest, TheIndexKnowsTheTokens) {
  const auto sstable = OpenBytes(RealSstable(GetParam()));
  const auto whole = Scan(**sstable, {});
  ASSERT_TRUE((*sstable)->tokens().has_value());
  EXPECT_EQ((*sstable)->tokens()->after.value, TokenOf(whole->front()) - 1);
  EXPECT_EQ((*sstable)->tokens()->through.value, TokenOf(whole->back()));
}

// The last partition at or before each token, and each place beside one, is found at its offset.
TEST_P(TokenRangeTest, TheIndexFindsEveryPartition) {
  const auto sstable = OpenBytes(RealSstable(GetParam()));
  const auto whole = Scan(**sstable, {});
  for (size_t i = 0; i < whole->size(); ++i) {
    const std::string& line = (*whole)[i];
    const uint64_t offset = std::stoull(line.substr(line.find(':') + 1));
    const auto at = (*sstable)->Floor({TokenOf(line)});
    ASSERT_FALSE(at.empty());
    EXPECT_EQ(at.front().offset, offset);
    const auto before = (*sstable)->Floor({TokenOf(line) - 1});
    // A trie that ends early guesses the partition itself; then the one before it is the second guess.
    if (i > 0) {
      ASSERT_FALSE(before.empty());
      const std::string& previous = (*whole)[i - 1];
      EXPECT_EQ(before.back().offset, std::stoull(previous.substr(previous.find(':') + 1)));
    }
  }
}

// No flip or cut of what helps to find the way makes a scan wrong: it only takes longer.
TEST_P(TokenRangeTest, DamagedIndexesDoNoHarm) {
  const SstableBytes good = RealSstable(GetParam());
  const auto sstable = OpenBytes(good);
  const auto whole = Scan(**sstable, {});
  std::mt19937_64 random(7);
  for (std::string SstableBytes::*component :
       {&SstableBytes::index, &SstableBytes::summary, &SstableBytes::trie, &SstableBytes::rows}) {
    const size_t size = (good.*component).size();
    for (int i = 0; i < 100 && size > 0; ++i) {
      SstableBytes bad = good;
      std::string& bytes = bad.*component;
      if (i % 8 == 0) {
        bytes.resize(random() % size);
      } else {
        char& byte = bytes[random() % size];
        byte = static_cast<char>(byte ^ 1 << (random() % 8));
      }
      const auto damaged = OpenBytes(bad);
      ASSERT_TRUE(damaged.has_value());
      const auto cuts = RandomCuts(*whole, &random);
      const auto parts = ScanInParts(**damaged, {cuts[1], cuts[3]});
      ASSERT_TRUE(parts.has_value()) << parts.error().message;
      ASSERT_EQ(*parts, *whole) << i;
    }
  }
}

// The same where it matters most: at the very entries that a scan goes by.
TEST(TokenRangeScanTest, NoFlipOnTheWayDoesHarm) {
  for (const char* folder : {"many-oa", "many-da"}) {
    const SstableBytes good = RealSstable(folder);
    const auto sstable = OpenBytes(good);
    const auto whole = Scan(**sstable, {});
    for (const size_t before : {199, 270}) {
      const TokenRange range = {.after = {TokenOf((*whole)[before])}, .through = {TokenOf((*whole)[before + 3])}};
      const std::vector<std::string> expected(whole->begin() + static_cast<ptrdiff_t>(before) + 1,
                                              whole->begin() + static_cast<ptrdiff_t>(before) + 4);
      ASSERT_EQ(*Scan(**sstable, range), expected);
      // In Index.db the entry itself and its neighbours, bit by bit; in the trie a bit of every third byte.
      const bool big = !good.index.empty();
      const std::string& key_line = (*whole)[before];
      const size_t hex = key_line.find("\"key\":\"") + 7;
      const std::string key = FromHex(key_line.substr(hex, key_line.find('"', hex) - hex));
      const size_t at = big ? good.index.find(key) : 0;
      ASSERT_NE(at, std::string::npos);
      const size_t from = big ? at - 26 : 0;
      const size_t to = big ? at + 50 : good.trie.size();
      for (size_t i = from; i < to; i += big ? 1 : 3) {
        for (int bit = big ? 0 : static_cast<int>(i % 8); bit < 8; bit += big ? 1 : 8) {
          SstableBytes bad = good;
          char& byte = (big ? bad.index : bad.trie)[i];
          byte = static_cast<char>(byte ^ 1 << bit);
          const auto damaged = OpenBytes(bad);
          const auto scanned = Scan(**damaged, range);
          ASSERT_TRUE(scanned.has_value()) << folder << i << scanned.error().message;
          ASSERT_EQ(*scanned, expected) << folder << i << " bit " << bit;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Recorded, TokenRangeTest,
                         testing::Values("wide-nb", "wide-oa", "collections-da", "counters-nb", "statics-oa", "many-oa",
                                         "many-da"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// A source that counts what is read of it.
class CountingSource : public ByteSource {
 public:
  CountingSource(std::string bytes, uint64_t* read) : source_("Data.db", std::move(bytes)), read_(read) {}
  Result<size_t> ReadAt(uint64_t offset, char* to, size_t size) const override {
    const Result<size_t> got = source_.ReadAt(offset, to, size);
    *read_ += *got;
    return got;
  }
  Result<uint64_t> Size() const override { return source_.Size(); }
  const std::string& name() const override { return source_.name(); }

 private:
  MemorySource source_;
  uint64_t* read_;
};

// A range at the end reads the end: its chunks, not those before it.
TEST(TokenRangeScanTest, BeginsAtTheRightPlace) {
  for (const char* folder : {"many-oa", "many-da"}) {
    const SstableBytes bytes = RealSstable(folder);
    uint64_t read = 0;
    const auto source = [](const std::string& content) {
      return content.empty() ? nullptr : std::make_unique<MemorySource>("component", content);
    };
    SstableSources sources;
    sources.data = std::make_unique<CountingSource>(bytes.data, &read);
    sources.statistics = source(bytes.statistics);
    sources.compression_info = source(bytes.compression_info);
    sources.index = source(bytes.index);
    sources.summary = source(bytes.summary);
    sources.trie = source(bytes.trie);
    sources.rows = source(bytes.rows);
    const auto sstable = Sstable::Open(bytes.descriptor, std::move(sources));
    const auto whole = Scan(**sstable, {});
    EXPECT_GE(read, bytes.data.size()) << folder;
    read = 0;
    const auto end = Scan(**sstable, {.after = {TokenOf((*whole)[whole->size() - 4])}, .through = {INT64_MAX}});
    EXPECT_EQ(end->size(), 3u);
    EXPECT_LT(read, bytes.data.size() / 3) << folder;
    read = 0;
    EXPECT_TRUE(Scan(**sstable, {.after = {TokenOf(whole->back())}, .through = {INT64_MAX}})->empty());
    EXPECT_LT(read, bytes.data.size() / 3) << folder;
  }
}

TEST(TokenRangeScanTest, ProgressIsThatOfTheRange) {
  const auto sstable = OpenBytes(RealSstable("many-da"));
  const auto whole = Scan(**sstable, {});
  ScanOptions options;
  options.tokens = {.after = {TokenOf((*whole)[200])}, .through = {TokenOf((*whole)[250])}};
  const TableSchemaPtr schema = SchemaOfHeader((*sstable)->header(), "k", "t", TableId{}, {});
  const auto scanner = SstableScanner::Open(sstable->get(), schema, options);
  size_t partitions = 0;
  while (*(*scanner)->Next() != nullptr) {
    ++partitions;
    EXPECT_LE((*scanner)->position(), (*scanner)->length());
  }
  EXPECT_EQ(partitions, 50u);
  EXPECT_EQ((*scanner)->position(), (*scanner)->length());
  EXPECT_LT((*scanner)->length(), (*sstable)->chunks().length() / 2);
}

// One SSTable may be scanned by several threads at once.
TEST(TokenRangeScanTest, PartsAreScannedSideBySide) {
  const auto sstable = OpenBytes(RealSstable("many-oa"));
  const auto whole = Scan(**sstable, {});
  constexpr int kParts = 4;
  std::vector<std::vector<std::string>> parts(kParts);
  std::vector<std::thread> threads;
  for (int i = 0; i < kParts; ++i) {
    threads.emplace_back([&, i] {
      constexpr int64_t kStep = INT64_MAX / (kParts / 2);
      const TokenRange range = {.after = {i == 0 ? INT64_MIN : (i - kParts / 2) * kStep},
                                .through = {i == kParts - 1 ? INT64_MAX : (i + 1 - kParts / 2) * kStep}};
      for (int round = 0; round < 20; ++round) parts[static_cast<size_t>(i)] = *Scan(**sstable, range);
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<std::string> all;
  for (const auto& part : parts) {
    EXPECT_FALSE(part.empty());
    all.insert(all.end(), part.begin(), part.end());
  }
  EXPECT_EQ(all, *whole);
}

TEST(TokenRangeScanTest, AnEmptyRangeGivesNothing) {
  const auto sstable = OpenBytes(RealSstable("many-oa"));
  EXPECT_TRUE(Scan(**sstable, {.after = {5}, .through = {5}})->empty());
  EXPECT_TRUE(Scan(**sstable, {.after = {INT64_MIN}, .through = {INT64_MIN}})->empty());
  EXPECT_TRUE(Scan(**sstable, {.after = {INT64_MAX}, .through = {INT64_MAX}})->empty());
}

TEST(TokenRangeScanTest, OrderedTokensSort) {
  EXPECT_LT(OrderedToken({INT64_MIN}), OrderedToken({-1}));
  EXPECT_LT(OrderedToken({-1}), OrderedToken({0}));
  EXPECT_LT(OrderedToken({0}), OrderedToken({INT64_MAX}));
}

}  // namespace
}  // namespace braid
