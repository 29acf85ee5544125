// The tests that every State must pass, whatever keeps it. An implementation's test instantiates them:
//
//   INSTANTIATE_TYPED_TEST_SUITE_P(Memory, StateConformance, MakerOfMemoryState);
//
// A maker has `State* state()`: the same, empty at first, for its life.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "reconcile/lww/apply.h"
#include "reconcile/state.h"

namespace braid::testing {

template <typename Maker>
class StateConformance : public ::testing::Test {
 protected:
  static PartitionRef Partition(std::string_view key, int64_t token = 1, char table = 'a') {
    PartitionRef partition;
    partition.table.bytes.fill(static_cast<uint8_t>(table));
    partition.token = Token{token};
    partition.key = key;
    return partition;
  }
  static RowRef Row(std::string_view key) { return {false, key}; }
  static RowRef Static() { return {true, {}}; }

  // Writes a row whose only cell holds `value` and expires at `due`, if that is a second.
  void Put(const PartitionRef& partition, const RowRef& row, std::string_view value,
           UnixSeconds due = UnixSeconds::Never(), UnixSeconds due_before = UnixSeconds::Never()) {
    Cell cell;
    cell.column = ColumnId{2};
    cell.at = WriteTime{10};
    cell.value = value;
    if (!due.never()) {
      cell.kind = CellKind::kExpiring;
      cell.ttl_s = 5;
      cell.local_deletion = due;
    }
    RowState state;
    state.clustering = row.key;
    state.cells = {&cell, 1};
    state.revision = 3;
    const RowDelta delta{row, &state, due_before, due};
    ASSERT_TRUE(state_().Write({partition, nullptr, false, {&delta, 1}}).has_value());
  }

  std::string Value(const PartitionRef& partition, const RowRef& row) {
    arena_.Reset();
    const Result<const RowState*> state = state_().ReadRow(partition, row, &arena_);
    if (!state.has_value()) return "error: " + state.error().message;
    return *state == nullptr ? "none" : std::string((*state)->cells[0].value);
  }

  std::vector<std::string> Keys(const PartitionRef& partition, const KeyRange& range, size_t max_rows = 100) {
    arena_.Reset();
    std::vector<RowEntry> rows;
    EXPECT_TRUE(state_().ReadRows(partition, range, max_rows, &arena_, &rows).has_value());
    std::vector<std::string> keys;
    for (const RowEntry& row : rows) keys.emplace_back(row.ref.key);
    return keys;
  }

  // "second table partition row"
  static std::string Text(const Result<std::optional<DueRow>>& due) {
    if (!due.has_value()) return "error: " + due.error().message;
    if (!due->has_value()) return "none";
    const DueRow& row = **due;
    return std::to_string(row.due.s) + " " + static_cast<char>(row.partition.table.bytes[0]) + " " +
           std::string(row.partition.key) + " " + (row.ref.is_static ? "static" : std::string(row.ref.key));
  }
  std::string Due(const PartitionRef& partition, int64_t now) {
    arena_.Reset();
    return Text(state_().NextDue(partition, UnixSeconds{now}, &arena_));
  }
  std::string DueOfAll(int64_t now) {
    arena_.Reset();
    return Text(state_().NextDueOfAll(UnixSeconds{now}, &arena_));
  }

  // "table token key" of each, in the order given.
  std::vector<std::string> Partitions(const PartitionRef& from, size_t max = 100) {
    arena_.Reset();
    std::vector<PartitionRef> found;
    EXPECT_TRUE(state_().ListPartitions(from, max, &arena_, &found).has_value());
    std::vector<std::string> texts;
    for (const PartitionRef& partition : found) {
      texts.push_back(std::string(1, static_cast<char>(partition.table.bytes[0])) + " " +
                      std::to_string(partition.token.value) + " " + std::string(partition.key));
    }
    return texts;
  }

  State& state_() { return *maker_.state(); }

  Maker maker_;
  Arena arena_;
};
TYPED_TEST_SUITE_P(StateConformance);

TYPED_TEST_P(StateConformance, WhatIsWrittenIsRead) {
  const PartitionRef p = this->Partition("p");
  EXPECT_EQ(this->Value(p, this->Row("r")), "none");
  this->Put(p, this->Row("r"), "one");
  this->Put(p, this->Static(), "static");
  this->Put(p, this->Row(""), "empty key");
  EXPECT_EQ(this->Value(p, this->Row("r")), "one");
  EXPECT_EQ(this->Value(p, this->Static()), "static");
  EXPECT_EQ(this->Value(p, this->Row("")), "empty key");
  this->Put(p, this->Row("r"), "two");
  EXPECT_EQ(this->Value(p, this->Row("r")), "two");
  const RowDelta gone{this->Row("r"), nullptr, UnixSeconds::Never(), UnixSeconds::Never()};
  ASSERT_TRUE(this->state_().Write({p, nullptr, false, {&gone, 1}}).has_value());
  EXPECT_EQ(this->Value(p, this->Row("r")), "none");
}

TYPED_TEST_P(StateConformance, ARowsHistoryIsKept) {
  const PartitionRef p = this->Partition("p");
  ComplexDeletion complex{ColumnId{4}, {WriteTime{7}, UnixSeconds{8}}};
  const ColumnId unknown{9};
  RowState row;
  row.clustering = "clustering";
  row.liveness = {WriteTime{5}, 60, UnixSeconds{70}};
  row.deletion = {WriteTime{3}, UnixSeconds{4}};
  row.complex_deletions = {&complex, 1};
  row.revision = 12;
  row.last_emitted = WriteTime{5};
  row.expired_through = UnixSeconds{66};
  row.complete = false;
  row.unknown = {&unknown, 1};
  const RowDelta delta{this->Row("r"), &row, UnixSeconds::Never(), UnixSeconds{70}};
  ASSERT_TRUE(this->state_().Write({p, nullptr, false, {&delta, 1}}).has_value());
  const RowState read = **this->state_().ReadRow(p, this->Row("r"), &this->arena_);
  EXPECT_EQ(read.clustering, "clustering");
  EXPECT_EQ(read.liveness, row.liveness);
  EXPECT_EQ(read.deletion, row.deletion);
  ASSERT_EQ(read.complex_deletions.size(), 1u);
  EXPECT_EQ(read.complex_deletions[0], complex);
  EXPECT_EQ(read.revision, 12u);
  EXPECT_EQ(read.last_emitted, row.last_emitted);
  EXPECT_EQ(read.expired_through, row.expired_through);
  EXPECT_FALSE(read.complete);
  ASSERT_EQ(read.unknown.size(), 1u);
  EXPECT_EQ(read.unknown[0], unknown);
}

TYPED_TEST_P(StateConformance, PartitionsTablesAndTokensAreApart) {
  this->Put(this->Partition("p"), this->Row("r"), "1");
  this->Put(this->Partition("p", 2), this->Row("r"), "2");
  this->Put(this->Partition("p", 1, 'b'), this->Row("r"), "3");
  this->Put(this->Partition(std::string_view("p\0", 2)), this->Row("r"), "4");
  this->Put(this->Partition(""), this->Row("r"), "5");
  EXPECT_EQ(this->Value(this->Partition("p"), this->Row("r")), "1");
  EXPECT_EQ(this->Value(this->Partition("p", 2), this->Row("r")), "2");
  EXPECT_EQ(this->Value(this->Partition("p", 1, 'b'), this->Row("r")), "3");
  EXPECT_EQ(this->Value(this->Partition(std::string_view("p\0", 2)), this->Row("r")), "4");
  EXPECT_EQ(this->Value(this->Partition(""), this->Row("r")), "5");
  EXPECT_THAT(this->Keys(this->Partition("p"), {{}, {}, true}), ::testing::ElementsAre("r"));
}

TYPED_TEST_P(StateConformance, HeadersAreKept) {
  const PartitionRef p = this->Partition("p");
  EXPECT_EQ(*this->state_().ReadHeader(p, &this->arena_), nullptr);
  RangeDeletion range;
  range.start.cut = "b";
  range.end.cut = "d";
  range.deletion = {WriteTime{4}, UnixSeconds{5}};
  PartitionHeader header;
  header.deletion = {WriteTime{2}, UnixSeconds{3}};
  header.ranges = {&range, 1};
  header.clock = WriteTime{6};
  header.complete = false;
  ASSERT_TRUE(this->state_().Write({p, &header, false, {}}).has_value());
  // A row's write leaves it as it is.
  this->Put(p, this->Row("r"), "1");
  const PartitionHeader* read = *this->state_().ReadHeader(p, &this->arena_);
  ASSERT_NE(read, nullptr);
  EXPECT_EQ(read->deletion, header.deletion);
  EXPECT_EQ(read->clock, header.clock);
  EXPECT_FALSE(read->complete);
  ASSERT_EQ(read->ranges.size(), 1u);
  EXPECT_EQ(read->ranges[0].end.cut, "d");
  // What was read may be written back, changed.
  PartitionHeader next = *read;
  next.clock = WriteTime{9};
  ASSERT_TRUE(this->state_().Write({p, &next, false, {}}).has_value());
  read = *this->state_().ReadHeader(p, &this->arena_);
  EXPECT_EQ(read->clock, WriteTime{9});
  ASSERT_EQ(read->ranges.size(), 1u);
  EXPECT_EQ(read->ranges[0].start.cut, "b");
  ASSERT_TRUE(this->state_().Write({p, nullptr, true, {}}).has_value());
  EXPECT_EQ(*this->state_().ReadHeader(p, &this->arena_), nullptr);
}

TYPED_TEST_P(StateConformance, RowsComeByKeyInChunks) {
  const PartitionRef p = this->Partition("p");
  for (const char* key : {"c", "a", "e", "b", "d", "\xff\xff"}) this->Put(p, this->Row(key), key);
  this->Put(p, this->Static(), "static");
  this->Put(this->Partition("q"), this->Row("b"), "other");
  EXPECT_THAT(this->Keys(p, {{}, {}, true}), ::testing::ElementsAre("a", "b", "c", "d", "e", "\xff\xff"));
  EXPECT_THAT(this->Keys(p, {"b", "d", false}), ::testing::ElementsAre("b", "c"));
  EXPECT_THAT(this->Keys(p, {"bb", "dd", false}, 1), ::testing::ElementsAre("c"));
  EXPECT_THAT(this->Keys(p, {"c", {}, false}), ::testing::IsEmpty());
  EXPECT_THAT(this->Keys(p, {"d", {}, true}, 2), ::testing::ElementsAre("d", "e"));
}

TYPED_TEST_P(StateConformance, TimersComeInOrder) {
  const PartitionRef p = this->Partition("p");
  const PartitionRef q = this->Partition("q", -5);
  const PartitionRef r = this->Partition("r", 1, 'b');
  EXPECT_EQ(this->Due(p, 1000), "none");
  this->Put(p, this->Row("2"), "x", UnixSeconds{100});
  this->Put(p, this->Row("1"), "x", UnixSeconds{100});
  this->Put(p, this->Static(), "x", UnixSeconds{100});
  this->Put(p, this->Row("0"), "x", UnixSeconds{90});
  this->Put(q, this->Row("9"), "x", UnixSeconds{100});
  this->Put(r, this->Row("8"), "x", UnixSeconds{80});
  EXPECT_EQ(this->Due(p, 89), "none");
  EXPECT_EQ(this->Due(p, 90), "90 a p 0");
  EXPECT_EQ(this->DueOfAll(79), "none");
  EXPECT_EQ(this->DueOfAll(500), "80 b r 8");
  this->Put(r, this->Row("8"), "y", UnixSeconds::Never(), UnixSeconds{80});
  EXPECT_EQ(this->DueOfAll(500), "90 a p 0");
  this->Put(p, this->Row("0"), "y", UnixSeconds{300}, UnixSeconds{90});
  EXPECT_EQ(this->DueOfAll(500), "100 a q 9");
  EXPECT_EQ(this->Due(p, 500), "100 a p static");
  this->Put(q, this->Row("9"), "y", UnixSeconds::Never(), UnixSeconds{100});
  this->Put(p, this->Static(), "y", UnixSeconds::Never(), UnixSeconds{100});
  EXPECT_EQ(this->DueOfAll(500), "100 a p 1");
  this->Put(p, this->Row("1"), "y", UnixSeconds{400}, UnixSeconds{100});
  this->Put(p, this->Row("2"), "y", UnixSeconds::Never(), UnixSeconds{100});
  EXPECT_EQ(this->Due(p, 500), "300 a p 0");
  // An earlier one than all that were seen.
  this->Put(q, this->Row("9"), "z", UnixSeconds{-7});
  EXPECT_EQ(this->DueOfAll(500), "-7 a q 9");
}

TYPED_TEST_P(StateConformance, AForgottenPartitionLeavesNothing) {
  const PartitionRef p = this->Partition("p");
  const PartitionRef q = this->Partition("q");
  PartitionHeader header;
  header.clock = WriteTime{6};
  for (const PartitionRef& partition : {p, q}) {
    ASSERT_TRUE(this->state_().Write({partition, &header, false, {}}).has_value());
    this->Put(partition, this->Static(), "x", UnixSeconds{100});
    this->Put(partition, this->Row("1"), "x", UnixSeconds{90});
  }
  ASSERT_TRUE(this->state_().ForgetPartition(p).has_value());
  EXPECT_EQ(*this->state_().ReadHeader(p, &this->arena_), nullptr);
  EXPECT_EQ(this->Value(p, this->Static()), "none");
  EXPECT_THAT(this->Keys(p, {{}, {}, true}), ::testing::IsEmpty());
  EXPECT_EQ(this->Due(p, 1000), "none");
  EXPECT_EQ(this->DueOfAll(1000), "90 a q 1");
  EXPECT_EQ(this->Value(q, this->Row("1")), "x");
  this->Put(p, this->Row("1"), "again");
  EXPECT_EQ(this->Value(p, this->Row("1")), "again");
}

TYPED_TEST_P(StateConformance, PartitionsAreListedInOrder) {
  PartitionHeader header;
  for (const PartitionRef& partition :
       {this->Partition("q", 3), this->Partition("p", -3), this->Partition("p", 3), this->Partition("z", -9, 'b')}) {
    ASSERT_TRUE(this->state_().Write({partition, &header, false, {}}).has_value());
  }
  for (const char* row : {"1", "2", "3"}) this->Put(this->Partition("wide", 7), this->Row(row), "x", UnixSeconds{50});
  this->Put(this->Partition("narrow", 8), this->Row(""), "x");
  this->Put(this->Partition("static", 9), this->Static(), "x");
  const PartitionRef begin{};
  EXPECT_THAT(this->Partitions(begin),
              ::testing::ElementsAre("a -3 p", "a 3 p", "a 3 q", "a 7 wide", "a 8 narrow", "a 9 static", "b -9 z"));
  EXPECT_THAT(this->Partitions(begin, 2), ::testing::ElementsAre("a -3 p", "a 3 p"));
  EXPECT_THAT(this->Partitions(this->Partition("p", 3), 2), ::testing::ElementsAre("a 3 p", "a 3 q"));
  const std::string after("p\0", 2);
  EXPECT_THAT(this->Partitions(this->Partition(after, 3), 2), ::testing::ElementsAre("a 3 q", "a 7 wide"));
  EXPECT_THAT(this->Partitions(this->Partition("zz", -9, 'b')), ::testing::IsEmpty());
  ASSERT_TRUE(this->state_().ForgetPartition(this->Partition("wide", 7)).has_value());
  EXPECT_THAT(this->Partitions(this->Partition("r", 3), 2), ::testing::ElementsAre("a 8 narrow", "a 9 static"));
}

TYPED_TEST_P(StateConformance, AForgottenTableLeavesNothingOfItself) {
  const PartitionRef p = this->Partition("p");
  const PartitionRef of_other = this->Partition("p", 1, 'b');
  PartitionHeader header;
  header.clock = WriteTime{6};
  for (const PartitionRef& partition : {p, of_other}) {
    ASSERT_TRUE(this->state_().Write({partition, &header, false, {}}).has_value());
    this->Put(partition, this->Static(), "x", UnixSeconds{100});
    this->Put(partition, this->Row("1"), "x", UnixSeconds{90});
    this->Put(partition, this->Row(""), "x");
  }
  ASSERT_TRUE(this->state_().ForgetTable(p.table).has_value());
  const auto expect_empty = [&] {
    EXPECT_EQ(*this->state_().ReadHeader(p, &this->arena_), nullptr);
    EXPECT_EQ(this->Value(p, this->Static()), "none");
    EXPECT_EQ(this->Value(p, this->Row("")), "none");
    EXPECT_THAT(this->Keys(p, {{}, {}, true}), ::testing::IsEmpty());
    EXPECT_EQ(this->Due(p, 1000), "none");
    EXPECT_THAT(this->Partitions({}), ::testing::ElementsAre("b 1 p"));
    EXPECT_EQ(this->Value(of_other, this->Row("1")), "x");
    EXPECT_EQ(this->Due(of_other, 1000), "90 b p 1");
  };
  expect_empty();
  // What comes after it is there, and what was before does not come back with it.
  this->Put(p, this->Row("2"), "new", UnixSeconds{95});
  EXPECT_EQ(this->Value(p, this->Row("2")), "new");
  EXPECT_EQ(this->Value(p, this->Row("1")), "none");
  EXPECT_EQ(this->Value(p, this->Static()), "none");
  EXPECT_THAT(this->Keys(p, {{}, {}, true}), ::testing::ElementsAre("2"));
  EXPECT_EQ(this->Due(p, 1000), "95 a p 2");
  EXPECT_THAT(this->Partitions({}), ::testing::ElementsAre("a 1 p", "b 1 p"));
  ASSERT_TRUE(this->state_().ForgetTable(p.table).has_value());
  expect_empty();
}

REGISTER_TYPED_TEST_SUITE_P(StateConformance, WhatIsWrittenIsRead, ARowsHistoryIsKept,
                            PartitionsTablesAndTokensAreApart, HeadersAreKept, RowsComeByKeyInChunks, TimersComeInOrder,
                            AForgottenPartitionLeavesNothing, PartitionsAreListedInOrder,
                            AForgottenTableLeavesNothingOfItself);

}  // namespace braid::testing
