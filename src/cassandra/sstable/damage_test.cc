// Damage to any component of any real SSTable: an error that says where, or exactly the right rows; never a wrong one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "cassandra/sstable/dump.h"
#include "cassandra/sstable/sstable_test_util.h"

namespace braid {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

struct Component {
  const char* name;
  std::string SstableBytes::*bytes;
};

constexpr Component kComponents[] = {
    {"Data.db", &SstableBytes::data},       {"Statistics.db", &SstableBytes::statistics},
    {"CRC.db", &SstableBytes::crc},         {"CompressionInfo.db", &SstableBytes::compression_info},
    {"Index.db", &SstableBytes::index},     {"Summary.db", &SstableBytes::summary},
    {"Partitions.db", &SstableBytes::trie}, {"Rows.db", &SstableBytes::rows},
};

struct Scanned {
  std::vector<std::string> lines;
  Status status;
};

// All partitions, or those of the upper half of the ring; what came before an error too.
Scanned Scan(const SstableBytes& bytes, bool half) {
  Scanned scanned;
  const auto sstable = OpenBytes(bytes);
  if (!sstable.has_value()) {
    scanned.status = sstable.error();
    return scanned;
  }
  SstableDumpOptions options;
  options.scan.piece_rows = 1 << 20;
  if (half) options.scan.tokens.after = {0};
  scanned.status =
      DumpSstable(sstable->get(), options, [&](std::string_view line) { scanned.lines.emplace_back(line); });
  if (!scanned.lines.empty()) scanned.lines.erase(scanned.lines.begin());
  return scanned;
}

class DamageTest : public testing::TestWithParam<const char*> {};

TEST_P(DamageTest, IsToldOrHarmless) {
  const SstableBytes good = RealSstable(GetParam());
  const Scanned expected[] = {Scan(good, false), Scan(good, true)};
  ASSERT_TRUE(expected[0].status.has_value());
  std::mt19937_64 random(842);
  for (const Component& component : kComponents) {
    const size_t size = (good.*component.bytes).size();
    for (int i = 0; i < 90 && size > 0; ++i) {
      SstableBytes bad = good;
      std::string& bytes = bad.*component.bytes;
      const size_t at = random() % size;
      if (i % 3 == 0) {
        bytes.resize(at + 1);  // one that is empty would not be there
      } else {
        bytes[at] = static_cast<char>(bytes[at] ^ 1 << (random() % 8));
      }
      const Scanned scanned = Scan(bad, i % 2 == 1);
      const std::vector<std::string>& right = expected[i % 2].lines;
      const std::string where = std::string(component.name) + (i % 3 == 0 ? " cut at " : " flipped at ") +
                                std::to_string(at) + (i % 2 == 1 ? " in a range" : "");
      if (scanned.status.has_value()) {
        ASSERT_EQ(scanned.lines, right) << where;
        continue;
      }
      // What was given before the error is right.
      ASSERT_LE(scanned.lines.size(), right.size()) << where;
      ASSERT_TRUE(std::equal(scanned.lines.begin(), scanned.lines.end(), right.begin())) << where;
      EXPECT_THAT(scanned.status.error().message, HasSubstr(".db")) << where;
      EXPECT_THAT(scanned.status.error().code, AnyOf(ErrorCode::kCorrupt, ErrorCode::kUnsupported)) << where;
    }
  }
}

// What is behind damage is reached by the index of either format: the partitions that lie outside the chunk, all of
// them.
TEST(DamageSkipTest, WhatIsBehindDamageIsReached) {
  for (const char* folder : {"many-oa", "many-da"}) {
    const SstableBytes good = RealSstable(folder);
    const Scanned whole = Scan(good, false);
    SstableBytes bad = good;
    bad.data[bad.data.size() / 2] ^= 0x10;
    const auto sstable = OpenBytes(bad);
    SstableDumpOptions options;
    options.skip_damage = true;
    options.scan.piece_rows = 1 << 20;
    std::vector<std::string> lines;
    std::vector<std::string> damage;
    const Status status = DumpSstable(sstable->get(), options, [&](std::string_view line) {
      (line.starts_with("{\"damage\"") ? damage : lines).emplace_back(line);
    });
    ASSERT_TRUE(status.has_value()) << status.error().message;
    ASSERT_FALSE(damage.empty());
    for (const std::string& line : damage) EXPECT_THAT(line, HasSubstr("Data.db: offset"));
    const auto offset = [](const std::string& line) { return std::stoull(line.substr(line.find(':') + 1)); };
    // Every partition is given but those that touch the bytes which the message says are lost.
    const std::string& told = damage.front();
    const uint64_t lost_from = std::stoull(told.substr(told.find("uncompressed bytes ") + 19));
    const uint64_t lost_to = std::stoull(told.substr(told.find(" to ", told.find("uncompressed bytes ")) + 4));
    size_t given = 0;
    for (size_t i = 0; i < whole.lines.size(); ++i) {
      const uint64_t begin = offset(whole.lines[i]);
      const uint64_t end = i + 1 < whole.lines.size() ? offset(whole.lines[i + 1]) : (*sstable)->chunks().length();
      if (begin < lost_to && lost_from < end) continue;
      EXPECT_EQ(std::count(lines.begin(), lines.end(), whole.lines[i]), 1) << folder << " partition at " << begin;
      ++given;
    }
    EXPECT_GT(given, 150u) << folder;
    EXPECT_EQ(offset(lines.back()), offset(whole.lines.back()));
  }
}

INSTANTIATE_TEST_SUITE_P(Recorded, DamageTest,
                         testing::Values("wide-nb", "wide-oa", "collections-da", "counters-nb", "statics-oa", "many-oa",
                                         "many-da", "written-plain", "written-snappy", "written-deflate",
                                         "written-zstd", "written-ratio"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace braid
