#include "reconcile/testing/memory_durable_state.h"

#include <gtest/gtest.h>

#include "reconcile/testing/state_conformance.h"

namespace braid::testing {
namespace {

class MemoryDurableMaker {
 public:
  State* state() { return state_.get(); }

 private:
  MemoryDurableState::Disk disk_;
  std::unique_ptr<MemoryDurableState> state_ = *MemoryDurableState::Open(&disk_, 3);
};
INSTANTIATE_TYPED_TEST_SUITE_P(MemoryDurable, StateConformance, MemoryDurableMaker);

class MemoryDurableStateTest : public ::testing::Test {
 protected:
  MemoryDurableStateTest() { Start(); }
  void Start() { state_ = *MemoryDurableState::Open(&disk_, 3); }
  void PutHeader(int64_t clock) {
    PartitionHeader header;
    header.clock = WriteTime{clock};
    ASSERT_TRUE(state_->Write({partition_, &header, false, {}}).has_value());
  }
  int64_t Clock() {
    Arena arena;
    const PartitionHeader* header = *state_->ReadHeader(partition_, &arena);
    return header == nullptr ? 0 : header->clock.us;
  }

  const PartitionRef partition_{{}, {7}, "p"};
  MemoryDurableState::Disk disk_;
  std::unique_ptr<MemoryDurableState> state_;
};

TEST_F(MemoryDurableStateTest, OnlyWhatWasCommittedLasts) {
  PutHeader(1);
  ASSERT_TRUE(state_->Commit("one").has_value());
  PutHeader(2);
  EXPECT_EQ(Clock(), 2);
  EXPECT_GT(state_->pending_bytes(), 0u);
  Start();
  EXPECT_EQ(Clock(), 1);
  EXPECT_EQ(*state_->ReadMark(), "one");
  PutHeader(3);
  ASSERT_TRUE(state_->Rollback().has_value());
  EXPECT_EQ(Clock(), 1);
}

TEST_F(MemoryDurableStateTest, WhatIsForgottenIsGone) {
  PutHeader(1);
  ASSERT_TRUE(state_->Commit("one").has_value());
  ASSERT_TRUE(state_->ForgetTable(partition_.table).has_value());
  Start();
  EXPECT_EQ(Clock(), 1);
  ASSERT_TRUE(state_->ForgetTable(partition_.table).has_value());
  ASSERT_TRUE(state_->Commit("two").has_value());
  Start();
  EXPECT_EQ(Clock(), 0);
}

TEST_F(MemoryDurableStateTest, ACommitThatFailsMayBeDurable) {
  for (const bool durable : {false, true}) {
    PutHeader(durable ? 5 : 4);
    state_->FailNextCommit(ErrorCode::kIoError, durable);
    EXPECT_FALSE(state_->Commit("x").has_value());
    Start();
    EXPECT_EQ(Clock(), durable ? 5 : 0);
  }
}

}  // namespace
}  // namespace braid::testing
