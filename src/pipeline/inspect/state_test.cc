#include "pipeline/inspect/state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <vector>

#include "base/file_system.h"
#include "capture/schema_log.h"
#include "pipeline/shard/mark.h"
#include "reconcile/reconciler.h"
#include "reconcile/rocksdb/rocks_state.h"
#include "reconcile/testing/toy_change.h"
#include "reconcile/testing/toy_mutation.h"
#include "reconcile/testing/toy_table.h"

namespace braid {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class InspectStateTest : public ::testing::Test {
 protected:
  InspectStateTest()
      : directory_(std::filesystem::temp_directory_path() / ("braid_inspect_state_test." + std::to_string(getpid()))) {
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
    RocksState::Options options;
    options.path = State();
    options.shard = 3;
    state_ = std::move(*RocksState::Open(options));
    schema_ =
        testing::ParseTable("titles (id int key, n int clustering, name text static, title text, tags set<text>)");
  }
  ~InspectStateTest() override { std::filesystem::remove_all(directory_); }

  std::string State() const { return (directory_ / "000").string(); }
  std::string Schemas() const { return (directory_ / "schemas").string(); }

  void Apply(const std::string& line) {
    Reconciler reconciler({}, state_.get());
    const Status status = reconciler.Apply(reader_.Read(*schema_, line, &arena_), UnixSeconds{10}, sink_);
    ASSERT_TRUE(status.has_value()) << status.error().message;
  }

  std::vector<std::string> Inspect(const InspectStateOptions& options) {
    std::vector<std::string> lines;
    const Status status =
        InspectState(options, [&](std::string_view line) { lines.emplace_back(line.substr(0, line.size() - 1)); });
    if (!status.has_value()) lines.push_back(status.error().message);
    return lines;
  }

  const std::filesystem::path directory_;
  std::unique_ptr<RocksState> state_;
  TableSchemaPtr schema_;
  Arena arena_;
  testing::ToyReader reader_;
  testing::TextSink sink_;
};

TEST_F(InspectStateTest, ShowsEverythingThatAShardRemembers) {
  Apply("n1 7/1 insert@100 title=a tags={x}");
  Apply("n1 7/static set@100~50 name=s");
  Apply("n1 7/[2,4) delete@300!5");
  Apply("n1 8/1 delete@200!5");
  ShardMark mark;
  mark.commit = 9;
  mark.timeline_end = 4;
  mark.nodes.push_back({NodeIndex{1}, {NodeIndex{1}, SegmentId{77}, 5}, WriteTime{1234}, false});
  ASSERT_TRUE(state_->Commit(EncodeMark(mark)).has_value());
  state_.reset();
  {
    auto log = SchemaLog::Open(PosixFileSystem(), Schemas());
    ASSERT_TRUE(log.has_value());
    SchemaRecord record;
    record.kind = SchemaRecord::Kind::kDefinition;
    record.table = schema_->table_id;
    record.schema = schema_;
    ASSERT_TRUE(log->first->Append({record}).has_value());
  }
  EXPECT_THAT(
      Inspect({State(), Schemas()}),
      ElementsAre(
          R"({"kind":"mark","shard":3,"commit":9,"timeline_end":4,"nodes":[{"node":1,"segment":77,"offset":5,)"
          R"("watermark_us":1234,"retired":false}],"truncated":[],"open_gaps":0})",
          R"({"kind":"partition","shard":3,"table":"toys.titles","token":7,"key":[7],"complete":true,"clock_us":300,)"
          R"("last_emitted_us":100,"ranges":[{"start":[2],"start_inclusive":true,"end":[4],"end_inclusive":false,)"
          R"("at_us":300,"local_s":5}],"first_due":50})",
          R"({"kind":"row","key":[7],"row":"static","revision":1,"last_emitted_us":100,"complete":true,)"
          R"("cells":[{"column":"name","at_us":100,"ttl_s":60,"expires":50,"value":"s"}]})",
          R"({"kind":"row","key":[7],"row":"regular","clustering":[1],"revision":1,"last_emitted_us":100,)"
          R"("complete":true,"liveness":{"at_us":100},"deleted":[{"column":"tags","at_us":99,"local_s":1}],)"
          R"("cells":[{"column":"title","at_us":100,"value":"a"},{"column":"tags","path":"x","at_us":100,"value":""}]})",
          HasSubstr(R"({"kind":"timer","key":[7],"row":"static","due":50})"),
          R"({"kind":"partition","shard":3,"table":"toys.titles","token":8,"key":[8],"complete":true,"clock_us":200})",
          R"({"kind":"row","key":[8],"row":"regular","clustering":[1],"revision":0,"complete":true,)"
          R"("deletion":{"at_us":200,"local_s":5},"cells":[]})"));
}

TEST_F(InspectStateTest, WithoutDefinitionsItShowsBytes) {
  Apply("n1 7/1 set@100 title=a");
  ASSERT_TRUE(state_->Commit("not a mark").has_value());
  state_.reset();
  const std::vector<std::string> lines = Inspect({State(), ""});
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0], R"({"kind":"mark","shard":3,"mark":"6e6f742061206d61726b"})");
  EXPECT_THAT(lines[1], HasSubstr(R"("table":")" + schema_->table_id.ToString() + R"(","token":7,"key":"00000007")"));
  EXPECT_THAT(lines[2], HasSubstr(R"("clustering":["00000001"])"));
  EXPECT_THAT(lines[2], HasSubstr(R"("cells":[{"column":3,"at_us":100,"value":"61"}])"));
}

TEST_F(InspectStateTest, AStateInUseIsRefusedByItsUser) {
  ASSERT_TRUE(state_->Commit("").has_value());
  // A lock is no obstacle to the process that has it.
  const std::string user = std::to_string(getpid());
  const pid_t child = fork();
  if (child == 0) {
    const Status status = InspectState({State(), ""}, [](std::string_view) {});
    _exit(!status.has_value() && status.error().code == ErrorCode::kTransient &&
                  status.error().message.find("process " + user) != std::string::npos
              ? 0
              : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(InspectStateTest, WhatIsNoStateIsLeftAsItIs) {
  const std::string other = (directory_ / "other").string();
  std::filesystem::create_directories(other);
  EXPECT_THAT(Inspect({other, ""}), ElementsAre(HasSubstr(other + ": there is no state in it")));
  EXPECT_TRUE(std::filesystem::is_empty(other));
  state_.reset();
  EXPECT_THAT(Inspect({State(), Schemas()}), ElementsAre(HasSubstr(Schemas())));
  EXPECT_FALSE(std::filesystem::exists(Schemas()));
}

}  // namespace
}  // namespace braid
