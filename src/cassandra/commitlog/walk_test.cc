#include "cassandra/commitlog/walk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cassandra/commitlog/mutation_test_util.h"
#include "cassandra/commitlog/segment_test_util.h"

namespace braid {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Film(int32_t at) {
  return RowBytes()
      .Vint(1)
      .Raw(FilmPart(0x10).Columns({}).Vint(1).U8(0x24).Raw(FilmClustering(at, "joel")).Vint(1).U8(1))
      .bytes();
}

struct Walked {
  Status status;
  std::vector<uint64_t> offsets;
  std::vector<std::string> problems;
};

Walked Walk(const std::string& bytes, bool go_on) {
  const MemorySource source("the.log", bytes);
  const TablesForTest tables;
  MutationDecoder decoder(&tables);
  Walked walked;
  walked.status = WalkSegment(source, NodeIndex{3}, {}, &decoder,
                              {.on_mutation =
                                   [&](const DecodedMutation& mutation, ByteView payload) {
                                     EXPECT_FALSE(payload.empty());
                                     EXPECT_EQ(mutation.transaction.position.node, NodeIndex{3});
                                     EXPECT_EQ(mutation.transaction.position.segment, SegmentId{5});
                                     walked.offsets.push_back(mutation.transaction.position.offset);
                                   },
                               .on_problem =
                                   [&](const LogProblem& problem) {
                                     walked.problems.push_back(problem.message);
                                     return go_on;
                                   }});
  return walked;
}

TEST(WalkSegment, GivesEveryMutationWithItsPosition) {
  const Walked walked = Walk(SegmentBuilder(7, 5).Section({Film(1), Film(2)}).Section({Film(3)}).Bytes(99), false);
  EXPECT_TRUE(walked.status.has_value());
  const uint64_t entry = Film(1).size() + 12;
  EXPECT_THAT(walked.offsets, ElementsAre(28 + entry, 28 + 2 * entry, 36 + 3 * entry));
}

TEST(WalkSegment, StopsOrGoesOnAtDamageAsItIsTold) {
  std::string bytes = SegmentBuilder(7, 5).Section({Film(1), Film(2)}).Bytes();
  bytes[28 + 8 + 5] ^= 1;
  const Walked stopped = Walk(bytes, false);
  ASSERT_FALSE(stopped.status.has_value());
  EXPECT_EQ(stopped.status.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(stopped.status.error().message,
              AllOf(HasSubstr("the.log"), HasSubstr("offset 28"), HasSubstr("checksum")));
  EXPECT_TRUE(stopped.offsets.empty());
  const Walked skipped = Walk(bytes, true);
  EXPECT_TRUE(skipped.status.has_value());
  EXPECT_EQ(skipped.offsets.size(), 1u);
}

TEST(WalkSegment, TellsOfMutationsThatDoNotParseThoughTheirChecksumIsRight) {
  const Walked walked =
      Walk(SegmentBuilder(7, 5).Section({Film(1).substr(0, Film(1).size() - 1), Film(2)}).Bytes(), true);
  EXPECT_EQ(walked.offsets.size(), 1u);
  EXPECT_THAT(walked.problems,
              ElementsAre(AllOf(HasSubstr("the.log"), HasSubstr("ks.films"), HasSubstr("logical offset"))));
}

TEST(WalkSegment, TellsOfUnknownTablesAndTornTails) {
  const std::string unknown = RowBytes().Vint(1).Raw("nobody-knows-it!").Text(Int(1)).U8(1).bytes();
  const std::string bytes = SegmentBuilder(7, 5).Section({unknown, Film(1)}).Section({Film(2)}).Bytes();
  const Walked walked = Walk(bytes.substr(0, bytes.size() - 5), true);
  EXPECT_TRUE(walked.status.has_value());
  EXPECT_EQ(walked.offsets.size(), 2u) << "the unknown one too, with nothing in it";
  EXPECT_THAT(walked.problems, ElementsAre(HasSubstr("is unknown"), HasSubstr("ends within")));
}

}  // namespace
}  // namespace braid
