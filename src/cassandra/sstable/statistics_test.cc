#include "cassandra/sstable/statistics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cassandra/sstable/sstable_test_util.h"

namespace braid {
namespace {

using testing::HasSubstr;

TEST(StatisticsTest, ReadsAllVersions) {
  for (const SstableVersion version :
       {SstableVersion::kNa, SstableVersion::kNb, SstableVersion::kOa, SstableVersion::kDa}) {
    StatisticsSpec spec;
    spec.key_type =
        "org.apache.cassandra.db.marshal.CompositeType(" + std::string(kInt32Class) + "," + kTextClass + ")";
    spec.clustering = {"org.apache.cassandra.db.marshal.ReversedType(" + std::string(kTextClass) + ")"};
    spec.statics = {{"s", kTextClass}};
    const auto statistics = ParseStatistics(MakeStatistics(spec, version), version, "f");
    ASSERT_TRUE(statistics.has_value()) << statistics.error().message;
    EXPECT_EQ(statistics->partitioner, spec.partitioner);
    EXPECT_EQ(statistics->header.partition_key.size(), 2u);
    ASSERT_EQ(statistics->header.clustering.size(), 1u);
    EXPECT_TRUE(statistics->header.clustering[0].reversed);
    EXPECT_EQ(statistics->header.statics[0].name, "s");
    EXPECT_EQ(statistics->header.regulars[0].name, "v");
    const SstableStats& stats = statistics->stats;
    EXPECT_EQ(stats.min_timestamp.us, 1000);
    EXPECT_EQ(stats.max_timestamp.us, 2000);
    EXPECT_EQ(stats.min_local_deletion.s, 7);
    EXPECT_EQ(stats.max_ttl_s, 60);
    EXPECT_EQ(stats.level, 3);
    EXPECT_EQ(stats.repaired_at_ms, 123456);
    EXPECT_EQ(stats.cells, 11);
    EXPECT_EQ(stats.rows, 12);
    ASSERT_EQ(stats.log_intervals.size(), 1u);
    EXPECT_EQ(stats.log_intervals[0].from.segment, 5);
    EXPECT_EQ(stats.log_intervals[0].to.position, 8);
    EXPECT_EQ(stats.originating_host.has_value(), version != SstableVersion::kNa);
  }
}

TEST(StatisticsTest, ReadsRealFiles) {
  for (const char* folder : {"wide-nb", "wide-oa", "collections-da", "counters-nb", "statics-oa", "written-plain"}) {
    const SstableBytes real = RealSstable(folder);
    const auto statistics = ParseStatistics(real.statistics, real.descriptor.version, folder);
    ASSERT_TRUE(statistics.has_value()) << statistics.error().message;
    EXPECT_EQ(statistics->partitioner, "org.apache.cassandra.dht.Murmur3Partitioner");
    EXPECT_LE(statistics->stats.min_timestamp, statistics->stats.max_timestamp) << folder;
    EXPECT_GT(statistics->stats.rows, 0) << folder;
    EXPECT_LT(statistics->stats.rows, 1000) << folder;
    const bool of_a_node = !std::string(folder).starts_with("written");
    EXPECT_EQ(statistics->stats.originating_host.has_value(), of_a_node) << folder;
    EXPECT_EQ(statistics->stats.log_intervals.size(), of_a_node ? 1u : 0u) << folder;
  }
}

TEST(StatisticsTest, EveryFlippedByteIsNoticed) {
  for (const char* folder : {"counters-nb", "statics-oa", "collections-da"}) {
    const SstableBytes real = RealSstable(folder);
    for (size_t i = 0; i < real.statistics.size(); ++i) {
      std::string bad = real.statistics;
      bad[i] = static_cast<char>(bad[i] ^ 0x04);
      const auto statistics = ParseStatistics(bad, real.descriptor.version, folder);
      ASSERT_FALSE(statistics.has_value()) << folder << " " << i;
      EXPECT_EQ(statistics.error().code, ErrorCode::kCorrupt) << folder << " " << i;
      EXPECT_THAT(statistics.error().message, HasSubstr("offset"));
    }
  }
}

TEST(StatisticsTest, EveryCutIsNoticed) {
  const SstableBytes real = RealSstable("counters-nb");
  for (size_t size = 0; size < real.statistics.size(); ++size) {
    const auto statistics = ParseStatistics(real.statistics.substr(0, size), real.descriptor.version, "f");
    ASSERT_FALSE(statistics.has_value()) << size;
    EXPECT_EQ(statistics.error().code, ErrorCode::kCorrupt) << size;
  }
}

// Under good checksums: what a careless or hostile writer could make.
TEST(StatisticsTest, HeadersAreChecked) {
  const std::string validation = RowBytes().U16(1).Raw("p").I64(0).bytes();
  const std::string stats = StatsPart(SstableVersion::kNb);
  const std::string header = HeaderPart({});
  const auto parse = [&](const std::string& header_part) {
    return ParseStatistics(StatisticsOfParts({{0, validation}, {2, stats}, {3, header_part}}), SstableVersion::kNb,
                           "f");
  };
  ASSERT_TRUE(parse(header).has_value());
  for (size_t size = 0; size < header.size(); ++size) {
    EXPECT_EQ(parse(header.substr(0, size)).error().code, ErrorCode::kCorrupt) << size;
  }
  StatisticsSpec twice;
  twice.regulars = {{"v", kTextClass}, {"v", kTextClass}};
  EXPECT_THAT(parse(HeaderPart(twice)).error().message, HasSubstr("named twice"));
  EXPECT_FALSE(parse(RowBytes().Stats(kStatsEpochUs).Text(kInt32Class).Vint(uint64_t{1} << 60).bytes()).has_value());
  EXPECT_FALSE(
      ParseStatistics(StatisticsOfParts({{0, validation}, {3, header}}), SstableVersion::kNb, "f").has_value());
  EXPECT_FALSE(ParseStatistics(RowBytes().I32(-1).I32(static_cast<int32_t>(Crc32OfInt(0, 0xFFFFFFFF))).bytes(),
                               SstableVersion::kNb, "f")
                   .has_value());
}

TEST(StatisticsTest, PartsOfLaterVersionsArePassedOver) {
  const std::string validation = RowBytes().U16(1).Raw("p").I64(0).bytes();
  const auto statistics = ParseStatistics(
      StatisticsOfParts(
          {{0, validation}, {9, "what is this"}, {2, StatsPart(SstableVersion::kNb)}, {3, HeaderPart({})}}),
      SstableVersion::kNb, "f");
  EXPECT_TRUE(statistics.has_value());
}

}  // namespace
}  // namespace braid
