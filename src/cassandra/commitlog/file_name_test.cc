#include "cassandra/commitlog/file_name.h"

#include <gtest/gtest.h>

namespace braid {
namespace {

TEST(SegmentFileName, TakesTheNameApart) {
  const SegmentFileName log{.version = 7, .id = {1795256257547}, .cdc_index = false};
  EXPECT_EQ(ParseSegmentFileName("CommitLog-7-1795256257547.log"), log);
  EXPECT_EQ(ParseSegmentFileName("/a/CommitLog-8-1.log/CommitLog-7-1795256257547.log"), log);
  const SegmentFileName index{.version = 7, .id = {1795256257547}, .cdc_index = true};
  EXPECT_EQ(ParseSegmentFileName("cdc_raw/CommitLog-7-1795256257547_cdc.idx"), index);
}

TEST(SegmentFileName, RefusesOtherNames) {
  for (const char* name :
       {"", "CommitLog-7-1795256257547.log.bak", "CommitLog-7-.log", "CommitLog--1.log", "CommitLog-7-1_cdc.log",
        "commitlog-7-1.log", "CommitLog-7-99999999999999999999.log", "CommitLog-7--1.log", "CommitLog-7-1"}) {
    EXPECT_EQ(ParseSegmentFileName(name), std::nullopt) << name;
  }
}

TEST(CdcIndex, KnowsTheOffsetAndWhetherItIsTheLast) {
  EXPECT_EQ(ParseCdcIndex("33554432"), (CdcIndex{.offset = 33554432, .completed = false}));
  EXPECT_EQ(ParseCdcIndex("33554432\nCOMPLETED"), (CdcIndex{.offset = 33554432, .completed = true}));
}

TEST(CdcIndex, BelievesNothingMoreOfAFileThatIsBeingWritten) {
  EXPECT_EQ(ParseCdcIndex(""), std::nullopt);
  EXPECT_EQ(ParseCdcIndex("\nCOMPLETED"), std::nullopt);
  EXPECT_EQ(ParseCdcIndex("335"), (CdcIndex{.offset = 335, .completed = false}));
  EXPECT_EQ(ParseCdcIndex("33554432\nCOMPL"), (CdcIndex{.offset = 33554432, .completed = false}));
  EXPECT_EQ(ParseCdcIndex("99999999999999999999999"), std::nullopt);
}

}  // namespace
}  // namespace braid
