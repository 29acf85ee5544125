#include "pipeline/verify/verify.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "pipeline/verify/testing/toy_pipeline.h"
#include "reconcile/lww/apply.h"

namespace braid {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kTitles = "titles (id int key, title text, year int)";

class VerifyTest : public ::testing::Test {
 protected:
  VerifyTest() : pipeline_(::testing::UnitTest::GetInstance()->current_test_info()->name(), {.purge_slack_us = 0}) {}

  void Start(const std::string& table = kTitles, int64_t gc_grace_s = 864000) {
    pipeline_.UseTable(table, gc_grace_s);
    pipeline_.Open();
  }
  void ExpectClean(const VerifyOptions& options = {}) {
    const TimelineVerdict verdict = pipeline_.Verify(options);
    EXPECT_TRUE(verdict.clean()) << VerdictText(verdict);
  }
  // Exactly one fault.
  Finding Only(const TimelineVerdict& verdict) {
    EXPECT_EQ(verdict.findings.size(), 1u) << VerdictText(verdict);
    return verdict.findings.empty() ? Finding() : verdict.findings[0];
  }
  // The events in which `change` has changed the event of record `n`.
  void Alter(size_t n, const std::function<void(Change*, Arena*)>& change) {
    auto records = pipeline_.ReadTimeline();
    Arena arena;
    Change altered = *pipeline_.Decode(records.at(n - 1).change, &arena);
    change(&altered, &arena);
    std::string bytes;
    AppendChange(&bytes, altered);
    records[n - 1].change = bytes;
    pipeline_.WriteTimeline(records);
  }
  // An image in which the column at `index` has another value.
  static const Image* WithValue(const Image& image, size_t index, ByteView value, Arena* arena) {
    const std::span<ColumnValue> columns = arena->CopyArray(image.columns);
    columns[index] = {columns[index].column, false, value};
    Image* other = arena->New<Image>();
    other->columns = columns;
    return other;
  }
  // Three revisions of one row, and another row.
  void WriteSome() {
    Start();
    pipeline_.Write("n1 7 insert@100 title=Fargo year=1996");
    pipeline_.Write("n1 8 insert@150 title=Heat");
    pipeline_.Write("n2 7 set@200 year=1997");
    pipeline_.Write("n1 7 set@300 title=Fargo2");
    pipeline_.Finish();
  }
  void SpoilRow(const std::string& row, const std::function<bool(RowState*)>& spoil) {
    pipeline_.SpoilState([&](RocksState* state) {
      Arena arena;
      const Mutation mutation = pipeline_.reader()->Read(pipeline_.table(), "n1 " + row + " delete@1", &arena);
      const PartitionRef partition{mutation.schema->table_id, mutation.token, mutation.partition_key};
      const auto before = state->ReadRow(partition, {}, &arena);
      ASSERT_TRUE(before.has_value());
      const UnixSeconds due = *before == nullptr ? UnixSeconds::Never() : NextExpiry(**before);
      RowState after = *before == nullptr ? RowState() : **before;
      RowDelta delta;
      delta.state = spoil(&after) ? &after : nullptr;
      delta.due_before = due;
      delta.due_after = delta.state == nullptr ? UnixSeconds::Never() : NextExpiry(after);
      ToyPipeline::Must(state->Write({partition, nullptr, false, {&delta, 1}}));
    });
  }

  ToyPipeline pipeline_;
};

TEST_F(VerifyTest, AGoodPipelineIsClean) {
  WriteSome();
  const TimelineVerdict verdict = pipeline_.Verify();
  EXPECT_TRUE(verdict.clean()) << VerdictText(verdict);
  EXPECT_EQ(verdict.events, 4u);
  EXPECT_EQ(verdict.rows, 2u);
  EXPECT_EQ(verdict.Position(), "7:6");
  EXPECT_THAT(VerdictText(verdict), HasSubstr("it says what the state says"));
}

TEST_F(VerifyTest, ALostEventBreaksTheChain) {
  WriteSome();
  auto records = pipeline_.ReadTimeline();
  records[2].change.clear();
  pipeline_.WriteTimeline(records);
  const Finding found = Only(pipeline_.Verify());
  EXPECT_EQ(found.fault, Fault::kBroken);
  EXPECT_EQ(found.key, R"({"id":7})");
  EXPECT_EQ(found.sequence, (Sequence{7, 0, 4}));
  EXPECT_THAT(found.detail, HasSubstr("revision 3 follows revision 1"));
}

TEST_F(VerifyTest, ALostLastEventIsStale) {
  WriteSome();
  auto records = pipeline_.ReadTimeline();
  records[3].change.clear();
  pipeline_.WriteTimeline(records);
  EXPECT_EQ(Only(pipeline_.Verify()).fault, Fault::kStale);
}

TEST_F(VerifyTest, ALostOnlyEventIsMissing) {
  WriteSome();
  auto records = pipeline_.ReadTimeline();
  records[1].change.clear();
  pipeline_.WriteTimeline(records);
  const Finding found = Only(pipeline_.Verify());
  EXPECT_EQ(found.fault, Fault::kMissing);
  EXPECT_EQ(found.key, R"({"id":8})");
  EXPECT_EQ(found.sequence.n, 0u);
}

TEST_F(VerifyTest, ALostDeletionLeavesAnExtraRow) {
  Start();
  pipeline_.Write("n1 7 insert@100 title=Fargo");
  pipeline_.Write("n1 7 delete@200");
  pipeline_.Finish();
  ExpectClean();
  auto records = pipeline_.ReadTimeline();
  records[1].change.clear();
  pipeline_.WriteTimeline(records);
  EXPECT_EQ(Only(pipeline_.Verify()).fault, Fault::kExtra);
}

TEST_F(VerifyTest, AnEventTwice) {
  WriteSome();
  auto records = pipeline_.ReadTimeline();
  records.insert(records.begin() + 2, records[2]);
  pipeline_.WriteTimeline(records);
  const Finding found = Only(pipeline_.Verify());
  EXPECT_EQ(found.fault, Fault::kBroken);
  EXPECT_THAT(found.detail, HasSubstr("revision 2 follows revision 2"));
}

TEST_F(VerifyTest, AnotherLastImageIsDifferent) {
  WriteSome();
  Alter(4, [](Change* change, Arena* arena) { change->after = WithValue(*change->after, 0, "Heat", arena); });
  const Finding found = Only(pipeline_.Verify());
  EXPECT_EQ(found.fault, Fault::kDifferent);
  EXPECT_THAT(found.columns, ElementsAre("title"));
  EXPECT_THAT(VerdictText(pipeline_.Verify()), HasSubstr("IT DOES NOT SAY WHAT THE STATE SAYS: 1 different"));
}

TEST_F(VerifyTest, AnotherImageInBetweenIsBroken) {
  WriteSome();
  Alter(3, [](Change* change, Arena* arena) { change->after = WithValue(*change->after, 0, "Heat", arena); });
  const Finding found = Only(pipeline_.Verify());
  EXPECT_EQ(found.fault, Fault::kBroken);
  EXPECT_EQ(found.sequence.n, 4u);
  EXPECT_THAT(found.columns, ElementsAre("title"));
}

TEST_F(VerifyTest, AnotherBeforeIsBroken) {
  WriteSome();
  Alter(3, [](Change* change, Arena* arena) { change->before = WithValue(*change->before, 1, "1234", arena); });
  const Finding found = Only(pipeline_.Verify());
  EXPECT_EQ(found.fault, Fault::kBroken);
  EXPECT_EQ(found.sequence.n, 3u);
  EXPECT_THAT(found.columns, ElementsAre("year"));
}

TEST_F(VerifyTest, AnOpThatDoesNotFit) {
  WriteSome();
  Alter(3, [](Change* change, Arena*) { change->op = Op::kCreate; });
  EXPECT_THAT(Only(pipeline_.Verify()).detail, HasSubstr("op"));
}

TEST_F(VerifyTest, TheOrderWithinAPartition) {
  Start("titles (id int key, n int clustering, title text)");
  pipeline_.Write("n1 7/1 insert@100 title=a");
  pipeline_.Write("n1 7/2 insert@200 title=b");
  pipeline_.Write("n1 8/2 insert@50 title=c");
  pipeline_.Write("n1 7/3 insert@150 title=late");
  pipeline_.Finish();
  ExpectClean();
  auto records = pipeline_.ReadTimeline();
  std::swap(records[0], records[1]);
  pipeline_.WriteTimeline(records);
  const Finding found = Only(pipeline_.Verify());
  EXPECT_EQ(found.fault, Fault::kBroken);
  EXPECT_EQ(found.key, R"({"id":7})");
  EXPECT_EQ(found.sequence.n, 2u);
  EXPECT_THAT(found.detail, HasSubstr("not marked late"));
}

TEST_F(VerifyTest, AStateThatWasSpoiled) {
  WriteSome();
  SpoilRow("8", [](RowState*) { return false; });
  EXPECT_EQ(Only(pipeline_.Verify()).fault, Fault::kExtra);
}

TEST_F(VerifyTest, AStateWithAnotherRevision) {
  WriteSome();
  SpoilRow("7", [](RowState* row) { return ++row->revision > 0; });
  EXPECT_EQ(Only(pipeline_.Verify()).fault, Fault::kStale);
  SpoilRow("7", [](RowState* row) { return (row->revision -= 2) > 0; });
  EXPECT_EQ(Only(pipeline_.Verify()).fault, Fault::kExtra);
}

TEST_F(VerifyTest, AStateWithAnotherValue) {
  WriteSome();
  SpoilRow("7", [](RowState* row) {
    row->cells = row->cells.first(1);  // title
    return true;
  });
  const Finding found = Only(pipeline_.Verify());
  EXPECT_EQ(found.fault, Fault::kDifferent);
  EXPECT_THAT(found.columns, ElementsAre("year"));
}

TEST_F(VerifyTest, AStateWithARowMore) {
  WriteSome();
  SpoilRow("9", [](RowState* row) {
    row->liveness.at = {5};
    row->revision = 1;
    return true;
  });
  const Finding found = Only(pipeline_.Verify());
  EXPECT_EQ(found.fault, Fault::kMissing);
  EXPECT_EQ(found.key, R"({"id":9})");
}

TEST_F(VerifyTest, ATableAskedFor) {
  WriteSome();
  SpoilRow("8", [](RowState*) { return false; });
  EXPECT_FALSE(pipeline_.Verify({.tables = {"toys.titles"}}).clean());
  const auto none = pipeline_.TryVerify({.tables = {"toys.nosuch"}});
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(none.error().message, HasSubstr("toys.titles"));
}

TEST_F(VerifyTest, ManyFindingsAreCountedAndSomeKept) {
  Start();
  for (int i = 0; i < 50; ++i) pipeline_.Write(fmt::format("n1 {} insert@100 title=a", i));
  pipeline_.Finish();
  auto records = pipeline_.ReadTimeline();
  for (StoredRecord& record : records) record.change.clear();
  pipeline_.WriteTimeline(records);
  const TimelineVerdict verdict = pipeline_.Verify({.findings = 3});
  EXPECT_EQ(verdict.count(Fault::kMissing), 50u);
  EXPECT_EQ(verdict.findings.size(), 3u);
  EXPECT_THAT(VerdictText(verdict), HasSubstr("and 47 more"));
  std::istringstream lines(VerdictJson(verdict));
  std::vector<nlohmann::json> objects;
  for (std::string line; std::getline(lines, line);) objects.push_back(nlohmann::json::parse(line));
  ASSERT_EQ(objects.size(), 4u);
  EXPECT_EQ(objects[0]["class"], "missing");
  EXPECT_TRUE(objects[0]["key"]["id"].is_number());
  EXPECT_EQ(objects[3]["missing"], 50);
  EXPECT_EQ(objects[3]["clean"], false);
}

TEST_F(VerifyTest, WhatRanOutAndWhatDidSoUntold) {
  Start();
  pipeline_.Write("n1 7 insert@100000000~160 title=Fargo");
  pipeline_.Write("n1 8 insert@100000000~170 title=Heat");
  pipeline_.Write("n1 8 set@100000000 year=1995");
  pipeline_.Write("n1 9 insert@100000000~300 title=Ran");
  pipeline_.Pass(200);
  pipeline_.Commit();
  EXPECT_EQ(pipeline_.ReadTimeline().size(), 6u);  // 8 has lost its title, 7 is gone
  ExpectClean();
}

TEST_F(VerifyTest, WhatIsIncomplete) {
  pipeline_.registry.history_known = false;
  Start("titles (id int key, n int clustering, title text, year int, s text static)");
  pipeline_.Write("n1 7/1 set@100 title=a");
  pipeline_.Write("n1 7/1 set@200 year=5");
  pipeline_.Write("n1 7/2 delete@200");
  pipeline_.Write("n1 7/2 set@300 title=b");
  pipeline_.Write("n1 8/[1,3) delete@200");
  pipeline_.Write("n1 9/1 set@300 year=1");
  pipeline_.Write("n1 9 delete@400");
  pipeline_.Write("n1 9/static set@500 s=x");
  pipeline_.Finish();
  ExpectClean();
}

TEST_F(VerifyTest, BackfilledTables) {
  pipeline_.registry.history_known = false;
  Start();
  pipeline_.Write("n1 7 set@100 title=Fargo");
  pipeline_.Write("n1 8 set@100 title=Heat");
  pipeline_.Snapshot({"n1 7 insert@100 title=Fargo year=1996", "n1 9 insert@50 title=Ran"}, true, false);
  pipeline_.Write("n1 9 set@200 year=1985");
  pipeline_.Finish();
  const TimelineVerdict verdict = pipeline_.Verify();
  EXPECT_TRUE(verdict.clean()) << VerdictText(verdict);
  EXPECT_EQ(verdict.events, 6u);
}

TEST_F(VerifyTest, TruncatedTables) {
  Start();
  pipeline_.Write("n1 7 insert@100 title=Fargo");
  pipeline_.Write("n1 8 insert@100 title=Heat");
  pipeline_.Truncate();
  pipeline_.Write("n1 7 insert@600 title=Fargo");
  pipeline_.Finish();
  ExpectClean();
  // The word of it lost.
  auto records = pipeline_.ReadTimeline();
  records[2].change.clear();
  pipeline_.WriteTimeline(records);
  const TimelineVerdict verdict = pipeline_.Verify();
  EXPECT_EQ(verdict.count(Fault::kBroken), 1u) << VerdictText(verdict);
  EXPECT_EQ(verdict.count(Fault::kExtra), 1u) << VerdictText(verdict);
}

TEST_F(VerifyTest, ColumnsThatComeAndGo) {
  Start();
  pipeline_.Write("n1 7 insert@100 title=Fargo year=1996");
  pipeline_.Write("n1 8 set@100 title=Heat");
  pipeline_.UseTable("titles (id int key, title text, year int, tags set<text>)");
  pipeline_.Write("n1 7 set@120 year=1997");
  pipeline_.UseTable("titles (id int key, title text dropped@150, year int, tags set<text>)");
  pipeline_.Commit();
  ExpectClean();
  pipeline_.Write("n1 7 set@200 tags+={x}");
  pipeline_.UseTable("titles (id int key, title text since@150, year int, tags set<text>)");
  pipeline_.Commit();
  ExpectClean();
  pipeline_.Write("n1 7 set@300 title=again");
  pipeline_.Finish();
  const TimelineVerdict verdict = pipeline_.Verify();
  EXPECT_TRUE(verdict.clean()) << VerdictText(verdict);
  EXPECT_EQ(verdict.events, 6u);  // with the d of 8
}

TEST_F(VerifyTest, WhatWasPurgedAndCameBack) {
  Start(kTitles, /*gc_grace_s=*/0);
  pipeline_.Write("n1 7 insert@100000000 title=Fargo");
  pipeline_.Write("n1 7 delete@101000000!101");
  pipeline_.Write("n1 8 insert@100000000 title=Heat");
  pipeline_.Commit();
  pipeline_.now_us = int64_t{200'000} * 1'000'000;
  pipeline_.Pass(200'000);
  pipeline_.Commit();
  ExpectClean();
  pipeline_.Write("n1 7 insert@150000000 title=Fargo");
  pipeline_.Finish();
  const TimelineVerdict verdict = pipeline_.Verify({.purge_slack_us = 0});
  EXPECT_TRUE(verdict.clean()) << VerdictText(verdict);
  const auto records = pipeline_.ReadTimeline();
  Arena arena;
  ASSERT_EQ(records.size(), 5u);
  EXPECT_EQ(pipeline_.Decode(records[3].change, &arena)->revision, 1u);  // it was forgotten
}

TEST_F(VerifyTest, WhatRetentionLetGo) {
  pipeline_.segment_bytes = 1;
  Start();
  pipeline_.Write("n1 7 insert@100 title=Fargo");
  pipeline_.Write("n1 8 insert@100 title=Heat");
  pipeline_.Commit();
  pipeline_.Write("n1 7 set@200 year=1996");
  pipeline_.Commit();
  ToyPipeline::Must(pipeline_.timeline()->Retain(INT64_MAX, 0, UINT64_MAX));
  pipeline_.Finish();
  const TimelineVerdict verdict = pipeline_.Verify();
  EXPECT_TRUE(verdict.clean()) << VerdictText(verdict);
  EXPECT_EQ(verdict.shards.at(0).first, 3u);
  EXPECT_EQ(verdict.events, 1u);
  EXPECT_EQ(verdict.rows, 1u);
  EXPECT_EQ(verdict.unjudged, 1u);
  SpoilRow("7", [](RowState* row) { return ++row->revision > 0; });
  EXPECT_EQ(Only(pipeline_.Verify()).fault, Fault::kStale);
}

TEST_F(VerifyTest, ATimelineThatIsCutShort) {
  WriteSome();
  auto records = pipeline_.ReadTimeline();
  records.resize(3);
  pipeline_.WriteTimeline(records);
  int asked = 0;
  const auto verdict = pipeline_.TryVerify({.stop = [&] { return ++asked > 5; }});
  ASSERT_FALSE(verdict.has_value());
  EXPECT_EQ(verdict.error().code, ErrorCode::kTransient);
}

TEST_F(VerifyTest, BesideAShardThatGoesOn) {
  Start("titles (id int key, n int clustering, title text)");
  for (int i = 0; i < 10; ++i) pipeline_.Write(fmt::format("n1 {} delete@1", i));
  pipeline_.Commit();
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    const std::string text(2'000, 'x');
    for (int i = 0; !stop; ++i) {
      pipeline_.Write(fmt::format("n1 {}/{} insert@{} title={}{}", i % 10, i % 500, 100 + i, text, i));
      if (i % 20 == 0) pipeline_.Commit();
    }
    pipeline_.Commit();
  });
  uint64_t events = 0;
  for (int i = 0; i < 20; ++i) {
    const TimelineVerdict verdict = pipeline_.Verify();
    EXPECT_TRUE(verdict.clean()) << VerdictText(verdict);
    EXPECT_GE(verdict.events, events);
    events = verdict.events;
  }
  stop = true;
  writer.join();
  EXPECT_GT(pipeline_.Verify().events, 0u);
}

}  // namespace
}  // namespace braid
