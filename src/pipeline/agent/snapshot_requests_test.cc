#include "pipeline/agent/snapshot_requests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/kafka/clients.h"

namespace braid {
namespace {

using ::testing::HasSubstr;

SnapshotRequest Request(uint32_t shard, uint64_t attempt) {
  SnapshotRequest request;
  request.shard = shard;
  request.attempt = attempt;
  request.through = Token{INT64_MAX};
  return request;
}

class SnapshotRequestsTest : public ::testing::Test {
 protected:
  Status Ask(const SnapshotRequest& request) {
    return requests_.Take(SnapshotRequestKey(request.shard), EncodeSnapshotRequest(request));
  }
  void MustAsk(const SnapshotRequest& request) { ASSERT_TRUE(Ask(request).has_value()); }

  SnapshotRequests requests_{4};
};

TEST_F(SnapshotRequestsTest, OneAfterAnotherInTheOrderOfArrival) {
  EXPECT_EQ(requests_.Next(), std::nullopt);
  MustAsk(Request(3, 1));
  MustAsk(Request(0, 1));
  EXPECT_EQ(requests_.Next(), Request(3, 1));
  MustAsk(Request(1, 8));
  EXPECT_EQ(requests_.Next(), Request(0, 1));
  EXPECT_EQ(requests_.Next(), Request(1, 8));
  EXPECT_EQ(requests_.Next(), std::nullopt);
  EXPECT_TRUE(requests_.Wants(Request(3, 1))) << "who serves it asks again and again";
}

TEST_F(SnapshotRequestsTest, ALaterOneTakesThePlaceOfAnEarlierOne) {
  MustAsk(Request(1, 1));
  MustAsk(Request(2, 1));
  EXPECT_EQ(requests_.Next(), Request(1, 1));
  MustAsk(Request(1, 2));
  MustAsk(Request(1, 3));
  EXPECT_FALSE(requests_.Wants(Request(1, 1)));
  EXPECT_FALSE(requests_.Wants(Request(1, 2)));
  EXPECT_TRUE(requests_.Wants(Request(2, 1)));
  EXPECT_EQ(requests_.Next(), Request(2, 1));
  EXPECT_EQ(requests_.Next(), Request(1, 3));
  EXPECT_EQ(requests_.Next(), std::nullopt);
}

TEST_F(SnapshotRequestsTest, WhatIsWithdrawnIsNotWanted) {
  MustAsk(Request(1, 1));
  MustAsk(Request(2, 1));
  ASSERT_TRUE(requests_.Take("1", std::nullopt).has_value());
  ASSERT_TRUE(requests_.Take("3", std::nullopt).has_value());
  EXPECT_FALSE(requests_.Wants(Request(1, 1)));
  EXPECT_EQ(requests_.Next(), Request(2, 1));
  EXPECT_EQ(requests_.Next(), std::nullopt);
  // It may be wanted after all.
  MustAsk(Request(1, 1));
  EXPECT_EQ(requests_.Next(), Request(1, 1));
}

TEST_F(SnapshotRequestsTest, ARecordThatComesTwiceIsOneRequest) {
  MustAsk(Request(1, 5));
  MustAsk(Request(1, 5));
  EXPECT_EQ(requests_.Next(), Request(1, 5));
  MustAsk(Request(1, 5));
  EXPECT_TRUE(requests_.Wants(Request(1, 5)));
  EXPECT_EQ(requests_.Next(), std::nullopt) << "its pieces would come twice";
}

TEST_F(SnapshotRequestsTest, WhatNobodyCanAnswerIsRefusedAndReplacesWhatWasWanted) {
  MustAsk(Request(1, 1));
  MustAsk(Request(0, 1));
  EXPECT_EQ(Ask(Request(4, 1)).error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(Ask(Request(4, 1)).error().message, HasSubstr("there are 4 shards"));
  EXPECT_EQ(requests_.Take("0", EncodeSnapshotRequest(Request(2, 1))).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(requests_.Take("1", "\x7f and so on").error().code, ErrorCode::kUnsupported);
  EXPECT_FALSE(requests_.Wants(Request(0, 1)));
  EXPECT_FALSE(requests_.Wants(Request(1, 1)));
  EXPECT_EQ(requests_.Next(), std::nullopt);
}

}  // namespace
}  // namespace braid
