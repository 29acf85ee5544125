// Random pipelines are clean; and whatever one event or row of theirs is changed, it is seen.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "pipeline/verify/testing/toy_pipeline.h"
#include "reconcile/lww/apply.h"
#include "reconcile/lww/image.h"
#include "reconcile/testing/toy_random.h"

namespace braid {
namespace {

enum class Spoil : uint8_t { kDrop, kTwice, kSwap, kAfter, kBefore, kRevision };
constexpr int kSpoils = 6;

// A timeline's events, taken apart for choosing one to spoil.
class Events {
 public:
  Events(const ToyPipeline& pipeline, const std::vector<StoredRecord>& records) {
    for (size_t i = 0; i < records.size(); ++i) {
      changes_.emplace_back();
      if (records[i].change.empty()) continue;
      changes_.back() = *pipeline.Decode(records[i].change, &arena_);
      const Change& change = *changes_.back();
      if (change.op == Op::kTruncate) {
        ++era_;
      } else if (change.row != RowKind::kRange) {
        rows_[RowOf(change)].push_back(i);
        of_era_.emplace(i, era_);
      }
    }
  }

  size_t size() const { return changes_.size(); }
  bool IsOfRow(size_t i) const { return of_era_.contains(i); }
  const Change& operator[](size_t i) const { return *changes_[i]; }
  // The row's event after this one, unless its table was truncated in between.
  std::optional<size_t> NextOfRow(size_t i) const {
    const std::vector<size_t>& row = rows_.at(RowOf(*changes_[i]));
    const auto next = std::ranges::upper_bound(row, i);
    if (next == row.end() || of_era_.at(*next) != of_era_.at(i)) return std::nullopt;
    return *next;
  }
  bool HasBefore(size_t i) const {
    const std::vector<size_t>& row = rows_.at(RowOf(*changes_[i]));
    const auto at = std::ranges::lower_bound(row, i);
    return at != row.begin() && of_era_.at(*std::prev(at)) == of_era_.at(i);
  }
  // What comes after is judged by what this event says.
  bool Matters(size_t i) const { return of_era_.at(i) == era_ || NextOfRow(i).has_value(); }

 private:
  static std::string RowOf(const Change& change) {
    return std::string(change.partition_key) + '/' + std::to_string(static_cast<int>(change.row)) + '/' +
           std::string(change.clustering);
  }

  Arena arena_;
  std::vector<std::optional<Change>> changes_;
  std::map<std::string, std::vector<size_t>> rows_;
  std::map<size_t, int> of_era_;
  int era_ = 0;
};

class VerifyLaw : public ::testing::Test {
 protected:
  static constexpr const char* kAltered =
      "t (id int key, n int clustering, s text static, ss set<int> static, a text, b int, gone text "
      "dropped@104000000, l list<text>, m map<text,int>, st set<text>, u udt<text,int>, more int)";

  // A few hundred writes with whatever else there is, by the seed.
  void Live(uint64_t seed) {
    testing::ToyRandom random(seed);
    Shard::Options options{.purge_slack_us = 0};
    if (seed % 3 == 1) options.hold.window_us = 500;
    pipeline_.emplace("law", options);
    pipeline_->registry.history_known = seed % 4 != 3;
    counters_ = seed % 5 == 4;
    pipeline_->UseTable(counters_ ? testing::ToyRandom::kCounterTable : testing::ToyRandom::kTable,
                        seed % 2 == 0 ? 0 : 864000);
    pipeline_->Open();
    int64_t watermark_s = 100;
    const uint64_t writes = 100 + random.Below(200);
    for (uint64_t i = 0; i < writes; ++i) {
      ++pipeline_->now_us;
      pipeline_->Write(counters_ ? random.CounterLine() : random.Line());
      if (random.Below(8) == 0) pipeline_->Pass(watermark_s += static_cast<int64_t>(random.Below(2)));
      if (random.Below(20) == 0) pipeline_->Commit();
      if (random.Below(90) == 0) pipeline_->Truncate();
      if (random.Below(90) == 0) Purge();
      if (random.Below(120) == 0 && !counters_) pipeline_->UseTable(kAltered);
      if (random.Below(40) == 0) {
        std::vector<std::string> lines(6);
        for (std::string& line : lines) line = counters_ ? random.CounterLine() : random.Line();
        pipeline_->Snapshot(lines, random.Below(2) == 0, random.Below(2) == 0);
      }
    }
    pipeline_->now_us += 1'000;
    pipeline_->Tick();
    pipeline_->Finish();
  }
  // The state is swept every ten minutes.
  void Purge() {
    pipeline_->now_us += int64_t{3600} * 1'000'000;
    pipeline_->Tick();
  }

  TimelineVerdict Verify() { return pipeline_->Verify({.purge_slack_us = 0}); }

  // Spoils one event in `records`. False if nothing in what is told afterwards could show it.
  bool Apply(Spoil spoil, size_t i, const Events& events, std::vector<StoredRecord>* records) {
    if (!events.IsOfRow(i) || !events.Matters(i)) return false;
    Arena arena;
    Change change = events[i];
    switch (spoil) {
      case Spoil::kDrop:
        // The whole life of a row of which nothing was known: the state may have forgotten it, too.
        if (change.op == Op::kDelete && change.revision == 1) return false;
        (*records)[i].change.clear();
        return true;
      case Spoil::kTwice:
        records->insert(records->begin() + static_cast<std::ptrdiff_t>(i), (*records)[i]);
        return true;
      case Spoil::kSwap: {
        const auto next = events.NextOfRow(i);
        if (!next.has_value()) return false;
        std::swap((*records)[i].change, (*records)[*next].change);
        return true;
      }
      case Spoil::kAfter:
        if (change.after == nullptr) return false;
        change.after = Altered(*change.schema, *change.after, &arena);
        break;
      case Spoil::kBefore:
        if (change.before == nullptr || !events.HasBefore(i)) return false;
        change.before = Altered(*change.schema, *change.before, &arena);
        break;
      case Spoil::kRevision:
        change.revision += 1;
        break;
    }
    if (spoil == Spoil::kAfter && change.after == nullptr) return false;
    if (spoil == Spoil::kBefore && change.before == nullptr) return false;
    (*records)[i].change.clear();
    AppendChange(&(*records)[i].change, change);
    return true;
  }

  // With another value of a column that is never dropped; nullptr if there is none.
  static const Image* Altered(const TableSchema& schema, const Image& image, Arena* arena) {
    const std::span<ColumnValue> columns = arena->CopyArray(image.columns);
    for (ColumnValue& value : columns) {
      const std::string& name = schema.column(value.column).name;
      if (name != "a" && name != "s" && name != "x" && name != "y") continue;
      value.null = false;
      value.value = name == "a" || name == "s" ? ByteView("other") : ByteView("eightbyt");
      Image* altered = arena->New<Image>();
      altered->columns = columns;
      return altered;
    }
    return nullptr;
  }

  // Takes a row that lives out of the state, or gives it another revision. False: there is no such row.
  bool SpoilState(bool forget, uint64_t random) {
    bool spoiled = false;
    pipeline_->SpoilState([&](RocksState* state) {
      Arena arena;
      std::vector<PartitionRef> partitions;
      ToyPipeline::Must(state->ListPartitions({}, 100, &arena, &partitions));
      if (partitions.empty()) return;
      const PartitionRef& partition = partitions[random % partitions.size()];
      std::vector<RowEntry> rows;
      ToyPipeline::Must(state->ReadRows(partition, {.from = {}, .to = {}, .unbounded = true}, 100, &arena, &rows));
      std::erase_if(rows, [&](const RowEntry& row) {
        return row.state.revision == 0 || !ExistsAt(pipeline_->table(), row.state, row.state.expired_through);
      });
      if (rows.empty()) return;
      RowState row = rows[random % rows.size()].state;
      const UnixSeconds due = NextExpiry(row);
      ++row.revision;
      const RowDelta delta{rows[random % rows.size()].ref, forget ? nullptr : &row, due,
                           forget ? UnixSeconds::Never() : due};
      ToyPipeline::Must(state->Write({partition, nullptr, false, {&delta, 1}}));
      spoiled = true;
    });
    return spoiled;
  }

  std::optional<ToyPipeline> pipeline_;
  bool counters_ = false;
};

TEST_F(VerifyLaw, WhatIsGoodIsCleanAndWhatIsSpoiledIsSeen) {
  std::map<Spoil, int> seen;
  std::map<Fault, int> faults;
  for (uint64_t seed = 0; seed < 24; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Live(seed);
    const TimelineVerdict good = Verify();
    ASSERT_TRUE(good.clean()) << VerdictText(good);
    ASSERT_EQ(good.unjudged, 0u);
    const std::vector<StoredRecord> records = pipeline_->ReadTimeline();
    const Events events(*pipeline_, records);
    std::mt19937_64 random(seed);
    for (int attempt = 0; attempt < 24; ++attempt) {
      const auto spoil = static_cast<Spoil>(attempt % kSpoils);
      const size_t i = random() % events.size();
      std::vector<StoredRecord> spoiled = records;
      if (!Apply(spoil, i, events, &spoiled)) continue;
      pipeline_->WriteTimeline(spoiled);
      const TimelineVerdict verdict = Verify();
      ASSERT_FALSE(verdict.clean()) << "spoiled by " << attempt % kSpoils << " at record " << i + 1;
      ++seen[spoil];
      for (const Finding& finding : verdict.findings) ++faults[finding.fault];
    }
  }
  // Each way was tried often, and gave every sort of fault.
  for (int i = 0; i < kSpoils; ++i) EXPECT_GT(seen[static_cast<Spoil>(i)], 20) << i;
  for (size_t i = 0; i < kFaults; ++i) EXPECT_GT(faults[static_cast<Fault>(i)], 0) << FaultName(static_cast<Fault>(i));
}

TEST_F(VerifyLaw, ASpoiledStateIsSeen) {
  std::map<Fault, int> faults;
  for (uint64_t seed = 0; seed < 16; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Live(seed);
    if (!SpoilState(seed % 2 == 0, seed / 2)) continue;
    const TimelineVerdict verdict = Verify();
    ASSERT_EQ(verdict.findings.size(), 1u) << VerdictText(verdict);
    EXPECT_EQ(verdict.findings[0].fault, seed % 2 == 0 ? Fault::kExtra : Fault::kStale);
    ++faults[verdict.findings[0].fault];
  }
  EXPECT_GT(faults[Fault::kExtra], 3);
  EXPECT_GT(faults[Fault::kStale], 3);
}

}  // namespace
}  // namespace braid
