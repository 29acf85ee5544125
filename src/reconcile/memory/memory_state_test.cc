#include "reconcile/memory/memory_state.h"

#include "reconcile/testing/state_conformance.h"

namespace braid::testing {
namespace {

class MemoryMaker {
 public:
  State* state() { return &state_; }

 private:
  MemoryState state_;
};
INSTANTIATE_TYPED_TEST_SUITE_P(Memory, StateConformance, MemoryMaker);

TEST(MemoryState, CountsWhatItHolds) {
  MemoryState state;
  const size_t empty = state.held_bytes();
  const std::string value(10000, 'v');
  Cell cell;
  cell.value = value;
  RowState row;
  row.cells = {&cell, 1};
  const RowDelta delta{{false, "r"}, &row, UnixSeconds::Never(), UnixSeconds::Never()};
  const PartitionRef partition{{}, {}, "p"};
  ASSERT_TRUE(state.Write({partition, nullptr, false, {&delta, 1}}).has_value());
  EXPECT_GE(state.held_bytes(), empty + 10000);
  ASSERT_TRUE(state.ForgetPartition(partition).has_value());
  EXPECT_EQ(state.held_bytes(), empty);
}

}  // namespace
}  // namespace braid::testing
