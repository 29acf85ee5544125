// What an agent answers beside a real broker when workers ask what its node has of a table, of a recorded node.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "agent_test_util.h"
#include "broker_test_util.h"
#include "capture/schema_registry.h"
#include "cassandra/schema/schema.h"
#include "codec/mutation.h"
#include "pipeline/kafka/clients.h"
#include "pipeline/run/table_snapshot.h"
#include "transport/message/record.h"
#include "transport/message/snapshot_record.h"

namespace braid {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr uint32_t kShards = 3;
constexpr const char* kRecording = "cassandra-5.0.6-plain";

struct Answer {
  struct Piece {
    bool first = true;
    bool last = true;
    bool whole = true;
    std::string bytes;
    bool operator==(const Piece&) const = default;
  };
  std::vector<Piece> pieces;
  std::vector<std::string> ends;
};

class AgentSnapshotTest : public BrokerTest {
 protected:
  AgentSnapshotTest() {
    char path[] = "/tmp/braid_agent_snapshot_XXXXXX";
    home_ = mkdtemp(path);
    config_ = ConfigIn(home_, kShards);
  }
  ~AgentSnapshotTest() override { fs::remove_all(home_); }

  void SetUp() override {
    const fs::path archive = fs::path(__FILE__).parent_path() / "../corpus" / (std::string(kRecording) + ".tar.zst");
    const std::string unpack = fmt::format("zstd -q -d --long=27 -c '{0}' | tar -x -C '{1}' {2}/nodes/n1 {2}/nodes/n2",
                                           archive.string(), home_.string(), kRecording);
    ASSERT_EQ(std::system(unpack.c_str()), 0) << unpack;
    node_ = home_ / kRecording / "nodes/n1";
    config_.nodes = {Files()};
    schemas_ = *SchemaRegistry::Open(PosixFileSystem(),
                                     {.path = home_ / "schemas", .data_directories = {(node_ / "data").string()}});
    producer_ = Producer();
  }

  // Of the node that is asked.
  NodeFiles Files() const {
    return {.name = node_.filename(),
            .cdc_raw = node_ / "cdc_raw",
            .commitlog = node_ / "commitlog",
            .data = {(node_ / "data").string()}};
  }
  const TableSchema* Table(const std::string& name) const {
    for (const TableSchema* table : schemas_->CapturedTables()) {
      if (table->FullName() == "rec." + name) return table;
    }
    ADD_FAILURE() << "no table rec." << name;
    return nullptr;
  }
  fs::path DirectoryOf(const std::string& table) const {
    for (const auto& entry : fs::directory_iterator(node_ / "data/rec")) {
      if (entry.path().filename().string().starts_with(table + "-")) return entry.path();
    }
    ADD_FAILURE() << "no directory of " << table;
    return {};
  }

  SnapshotRequest Request(uint32_t shard, const TableId& table, TokenRange tokens = {}) {
    SnapshotRequest request;
    request.shard = shard;
    request.attempt = ++attempt_;
    request.table = table;
    request.after = tokens.after;
    request.through = tokens.through;
    return request;
  }
  void Produce(const std::string& key, std::optional<std::string> value) {
    const auto produced = producer_->Produce(config_.kafka->snapshots_topic, 0, key, value);
    ASSERT_TRUE(produced.has_value() && *produced);
    ASSERT_TRUE(producer_->Flush(kLongMs).has_value());
  }
  void Ask(const SnapshotRequest& request) {
    Produce(SnapshotRequestKey(request.shard), EncodeSnapshotRequest(request));
  }
  void Withdraw(uint32_t shard) { Produce(SnapshotRequestKey(shard), std::nullopt); }

  std::string NodeTopic() const { return SnapshotTopic(config_, **ReadHostId({(node_ / "data").string()})).name; }
  // As a worker does before it asks.
  void AwaitTopics() {
    for (int i = 0; i < 200; ++i) {
      if (Admin()->Partitions(NodeTopic(), kLongMs).has_value()) return;
      usleep(100'000);
    }
    FAIL() << "the agent makes no topic";
  }

  Answer Read(const SnapshotRequest& request) {
    Answer answer;
    for (const std::string& bytes : ReadAll(NodeTopic(), static_cast<int32_t>(request.shard)).first) {
      const auto record = DecodeSnapshotRecord(bytes);
      EXPECT_TRUE(record.has_value()) << record.error().message;
      if (record->attempt != request.attempt) continue;
      if (record->kind == SnapshotRecord::Kind::kEnd) {
        answer.ends.push_back(record->missing);
      } else {
        EXPECT_THAT(answer.ends, IsEmpty()) << "a piece behind the end";
        answer.pieces.push_back({record->first, record->last, record->whole, std::string(record->bytes)});
      }
    }
    return answer;
  }
  // Until there is an end.
  Answer Await(const SnapshotRequest& request, int seconds = 30) {
    for (int i = 0; i < seconds * 5; ++i) {
      Answer answer = Read(request);
      if (!answer.ends.empty()) return answer;
      usleep(200'000);
    }
    ADD_FAILURE() << "no end of attempt " << request.attempt;
    return {};
  }
  std::string EndOf(const SnapshotRequest& request, int seconds = 30) {
    const Answer answer = Await(request, seconds);
    return answer.ends.empty() ? "(no end)" : answer.ends.front();
  }

  // What the node's own files say, read here.
  std::vector<Answer::Piece> Truth(const SnapshotRequest& request) {
    TableSnapshot::Options options;
    options.nodes = {Files()};
    options.captured = {SegmentId{}};
    options.tables = schemas_.get();
    options.schema = schemas_->FindTable(request.table);
    options.tokens = {.after = request.after, .through = request.through};
    options.memory_bytes = config_.memory_bytes / 8;
    options.directory = home_;
    const auto snapshot = TableSnapshot::Open(options);
    EXPECT_TRUE(snapshot.has_value()) << snapshot.error().message;
    std::vector<Answer::Piece> pieces;
    while (true) {
      const auto piece = (*snapshot)->Next();
      EXPECT_TRUE(piece.has_value()) << piece.error().message;
      if (*piece == nullptr) break;
      Answer::Piece& given = pieces.emplace_back();
      given.first = (*piece)->first;
      given.last = (*piece)->last;
      AppendTransaction(&given.bytes, {.position = {}, .mutations = {&(*piece)->mutation, 1}});
    }
    EXPECT_EQ((*snapshot)->missing(), "");
    return pieces;
  }

  fs::path home_;
  fs::path node_;
  Config config_;
  std::unique_ptr<SchemaRegistry> schemas_;
  std::unique_ptr<KafkaProducer> producer_;
  uint64_t attempt_ = 100;
};

TEST_F(AgentSnapshotTest, ARequestIsAnsweredWithAllThatTheNodeHas) {
  RunningAgent agent(config_, {"n1"});
  AwaitTopics();
  uint32_t shard = 0;
  for (const char* table : {"collections", "wide", "counters"}) {
    SCOPED_TRACE(table);
    const SnapshotRequest request = Request(shard++ % kShards, Table(table)->table_id);
    Ask(request);
    const Answer answer = Await(request);
    const std::vector<Answer::Piece> truth = Truth(request);
    EXPECT_THAT(answer.ends, ::testing::ElementsAre("")) << agent.lines();
    EXPECT_FALSE(truth.empty());
    EXPECT_TRUE(answer.pieces == truth) << answer.pieces.size() << " pieces of " << truth.size();
  }
  EXPECT_THAT(agent.stats().alarms, IsEmpty());
  EXPECT_THAT(agent.stats().backfills, IsEmpty());
}

TEST_F(AgentSnapshotTest, EveryNodeOfAnAgentAnswersForItself) {
  node_ = node_.parent_path() / "n2";
  config_.nodes.push_back(Files());
  RunningAgent agent(config_, {"n1", "n2"});
  AwaitTopics();
  const SnapshotRequest request = Request(1, Table("collections")->table_id);
  Ask(request);
  for (const char* name : {"n2", "n1"}) {
    SCOPED_TRACE(name);
    node_ = node_.parent_path() / name;
    const Answer answer = Await(request);
    EXPECT_THAT(answer.ends, ::testing::ElementsAre("")) << agent.lines();
    EXPECT_FALSE(answer.pieces.empty());
    EXPECT_TRUE(answer.pieces == Truth(request));
  }
}

TEST_F(AgentSnapshotTest, APartOfTheRingIsThatPart) {
  RunningAgent agent(config_, {"n1"});
  AwaitTopics();
  const TableId table = Table("collections")->table_id;
  const std::vector<Answer::Piece> all = Truth(Request(0, table));
  std::vector<Answer::Piece> joined;
  for (const TokenRange& tokens : {TokenRange{.through = Token{0}}, TokenRange{.after = Token{0}}}) {
    const SnapshotRequest request = Request(1, table, tokens);
    Ask(request);
    const Answer answer = Await(request);
    EXPECT_FALSE(answer.pieces.empty());
    EXPECT_LT(answer.pieces.size(), all.size());
    joined.insert(joined.end(), answer.pieces.begin(), answer.pieces.end());
  }
  EXPECT_TRUE(joined == all);
}

TEST_F(AgentSnapshotTest, WhatWasAskedOfAnotherProcessIsNotServed) {
  ASSERT_TRUE(Admin()->CreateTopics(PipelineTopics(config_), kLongMs).has_value());
  const TableId table = Table("wide")->table_id;
  const SnapshotRequest withdrawn = Request(0, table);
  const SnapshotRequest replaced = Request(1, table);
  const SnapshotRequest old = Request(1, table);
  const SnapshotRequest answered = Request(1, table);
  std::vector<std::string> ends;
  Ask(withdrawn);
  Ask(replaced);
  Ask(old);
  Withdraw(0);
  {
    RunningAgent agent(config_, {"n1"});
    const Answer answer = Await(old);
    EXPECT_THAT(answer.ends, ::testing::ElementsAre(AllOf(HasSubstr("node n1"), HasSubstr("began anew"))));
    EXPECT_THAT(answer.pieces, IsEmpty());
    EXPECT_THAT(Read(replaced).ends, IsEmpty());
    EXPECT_THAT(Read(withdrawn).ends, IsEmpty());
    EXPECT_THAT(agent.stats().alarms, IsEmpty());
    // A new one is.
    Ask(answered);
    EXPECT_EQ(EndOf(answered), "");
  }
  // The next process does not know that it was, and says so behind the end.
  RunningAgent agent(config_, {"n1"});
  for (int i = 0; i < 50 && ends.size() < 2; ++i, usleep(200'000)) ends = Read(answered).ends;
  EXPECT_THAT(ends, ::testing::ElementsAre("", HasSubstr("began anew")));
  const SnapshotRequest request = Request(2, table);
  Ask(request);
  EXPECT_EQ(EndOf(request), "");
}

TEST_F(AgentSnapshotTest, WhatIsWithdrawnOrReplacedIsAbandonedSoon) {
  // So slow that only those end that are abandoned.
  config_.backfill.rate_bytes = 10;
  RunningAgent agent(config_, {"n1"});
  AwaitTopics();
  const TableId table = Table("collections")->table_id;
  const auto reads = [](const std::string& part) {
    return [part](const RunStats& stats) { return stats.backfills.size() == 1 && stats.backfills[0].part == part; };
  };
  const SnapshotRequest withdrawn = Request(0, table);
  Ask(withdrawn);
  ASSERT_TRUE(agent.Waits(reads("shard 0 of n1"), 20)) << agent.lines();
  ASSERT_TRUE(agent.Waits([](const RunStats& stats) { return stats.backfills[0].total_bytes > 0; }, 20));
  EXPECT_EQ(agent.stats().backfills[0].table, "rec.collections");
  EXPECT_TRUE(agent.stats().backfills[0].running);
  Withdraw(0);
  ASSERT_TRUE(agent.Waits([](const RunStats& stats) { return stats.backfills.empty(); }, 20));
  const SnapshotRequest replaced = Request(1, table);
  const SnapshotRequest waiting = Request(2, table);
  Ask(replaced);
  Ask(waiting);
  ASSERT_TRUE(agent.Waits(reads("shard 1 of n1"), 20));
  Ask(Request(1, table));
  ASSERT_TRUE(agent.Waits(reads("shard 2 of n1"), 20)) << "the others wait, too";
  Withdraw(2);
  ASSERT_TRUE(agent.Waits(reads("shard 1 of n1"), 20));
  EXPECT_THAT(Read(withdrawn).ends, IsEmpty());
  EXPECT_THAT(Read(replaced).ends, IsEmpty());
  EXPECT_THAT(Read(waiting).ends, IsEmpty());
  const auto before = std::chrono::steady_clock::now();
  agent.Stop();
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(8))
      << "the end waits for what nobody wants";
}

TEST_F(AgentSnapshotTest, WhatCannotBeReadIsSaidWithTheFileAndTheNode) {
  RunningAgent agent(config_, {"n1"});
  AwaitTopics();
  const fs::path directory = DirectoryOf("collections");
  fs::copy(directory, home_ / "good");
  fs::resize_file(directory / "nb-1-big-Data.db", fs::file_size(directory / "nb-1-big-Data.db") / 2);
  const SnapshotRequest damaged = Request(1, Table("collections")->table_id);
  Ask(damaged);
  const auto names_it = AllOf(HasSubstr("node n1"), HasSubstr("nb-1-big-Data.db"));
  EXPECT_THAT(EndOf(damaged), names_it);
  EXPECT_THAT(agent.stats().alarms, ::testing::ElementsAre(AllOf(names_it, HasSubstr("rec.collections"))));
  // Another table is none the worse.
  const SnapshotRequest other = Request(2, Table("wide")->table_id);
  Ask(other);
  EXPECT_EQ(EndOf(other), "");
  EXPECT_EQ(agent.stats().alarms.size(), 1u);
  fs::copy(home_ / "good", directory, fs::copy_options::overwrite_existing | fs::copy_options::recursive);
  const SnapshotRequest mended = Request(1, Table("collections")->table_id);
  Ask(mended);
  EXPECT_EQ(EndOf(mended), "");
  EXPECT_TRUE(agent.Waits([](const RunStats& stats) { return stats.alarms.empty(); }, 30)) << agent.lines();
}

TEST_F(AgentSnapshotTest, WithoutACommitlogDirectoryNothingIsRead) {
  config_.nodes[0].commitlog = "";
  RunningAgent agent(config_, {"n1"});
  AwaitTopics();
  const SnapshotRequest request = Request(0, Table("wide")->table_id);
  Ask(request);
  const Answer answer = Await(request);
  EXPECT_THAT(answer.pieces, IsEmpty());
  EXPECT_THAT(answer.ends.at(0),
              AllOf(HasSubstr("node n1"), HasSubstr("commitlog directory"), HasSubstr(config_.path)));
  EXPECT_EQ(agent.stats().alarms.size(), 1u);
}

TEST_F(AgentSnapshotTest, ATableThatIsNotKnownIsSaidToBeSo) {
  RunningAgent agent(config_, {"n1"});
  AwaitTopics();
  TableId nothing;
  nothing.bytes.fill(7);
  const SnapshotRequest request = Request(0, nothing);
  Ask(request);
  EXPECT_THAT(EndOf(request), AllOf(HasSubstr("node n1"), HasSubstr(nothing.ToString())));
  EXPECT_THAT(agent.stats().alarms, IsEmpty());
}

TEST_F(AgentSnapshotTest, WhatNobodyCanReadIsPassedOver) {
  RunningAgent agent(config_, {"n1"});
  AwaitTopics();
  Produce("1", "\x7f a later form");
  Produce("7", EncodeSnapshotRequest(Request(7, Table("wide")->table_id)));
  const SnapshotRequest request = Request(0, Table("wide")->table_id);
  Ask(request);
  EXPECT_EQ(EndOf(request), "");
  EXPECT_THAT(agent.lines(), AllOf(HasSubstr("snapshot request"), HasSubstr("shard 7")));
}

TEST_F(AgentSnapshotTest, ABrokerThatGoesIsWaitedFor) {
  config_.backfill.rate_bytes = 3000;
  RunningAgent agent(config_, {"n1"});
  AwaitTopics();
  const SnapshotRequest request = Request(2, Table("collections")->table_id);
  Ask(request);
  ASSERT_TRUE(agent.Waits([](const RunStats& stats) { return !stats.backfills.empty(); }, 20)) << agent.lines();
  Hurt("kill 1");
  usleep(3'000'000);
  Hurt("start 1");
  const Answer answer = Await(request);
  EXPECT_THAT(answer.ends, ::testing::ElementsAre("")) << agent.lines();
  EXPECT_TRUE(answer.pieces == Truth(request));
}

TEST_F(AgentSnapshotTest, RequestsThatBeginAnewAreRead) {
  config_.kafka->properties["topic.metadata.refresh.interval.ms"] = Secret("500");
  RunningAgent agent(config_, {"n1"});
  AwaitTopics();
  for (int i = 0; i < 3; ++i) Withdraw(0);
  const auto admin = Admin();
  ASSERT_TRUE(admin->DeleteTopics({config_.kafka->snapshots_topic}, kLongMs).has_value());
  usleep(2'000'000);
  ASSERT_TRUE(admin->CreateTopics(PipelineTopics(config_), kLongMs).has_value());
  producer_ = Producer();
  // Until it has found out that the topic is another one.
  std::string end = "began anew";
  for (int i = 0; i < 10 && end.find("began anew") != std::string::npos; ++i, usleep(1'000'000)) {
    const SnapshotRequest request = Request(1, Table("wide")->table_id);
    Ask(request);
    end = EndOf(request);
  }
  EXPECT_EQ(end, "") << agent.lines();
}

// The node's topic goes while it is being written: the producer is useless for good.
TEST_F(AgentSnapshotTest, AnAnswerThatDidNotArriveIsNotCalledWhole) {
  config_.kafka->properties["topic.metadata.propagation.max.ms"] = Secret("1000");
  config_.kafka->properties["topic.metadata.refresh.interval.ms"] = Secret("500");
  config_.backfill.rate_bytes = 1000;
  RunningAgent agent(config_, {"n1"});
  AwaitTopics();
  const SnapshotRequest request = Request(0, Table("collections")->table_id);
  Ask(request);
  ASSERT_TRUE(agent.Waits([](const RunStats& stats) { return !stats.backfills.empty(); }, 20)) << agent.lines();
  ASSERT_TRUE(Admin()->DeleteTopics({NodeTopic()}, kLongMs).has_value());
  ASSERT_TRUE(
      agent.Waits([this](const RunStats&) { return Admin()->Partitions(NodeTopic(), kLongMs).has_value(); }, 60))
      << agent.lines();
  EXPECT_THAT(EndOf(request, 60), HasSubstr("node n1")) << agent.lines();
  const SnapshotRequest again = Request(0, Table("latecomer")->table_id);
  Ask(again);
  EXPECT_EQ(EndOf(again, 60), "") << agent.lines();
}

}  // namespace
}  // namespace braid
