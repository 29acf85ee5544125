// The agent beside a real broker, which the tests hurt: all that a recorded node logged arrives, whatever happens.
#include "pipeline/agent/agent.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <thread>

#include "agent_test_util.h"
#include "base/checksum.h"
#include "base/testing/run_again.h"
#include "broker_test_util.h"
#include "cassandra/commitlog/file_name.h"
#include "cassandra/schema/schema.h"
#include "codec/mutation.h"
#include "pipeline/kafka/clients.h"
#include "transport/message/record.h"

namespace braid {
namespace {

namespace fs = std::filesystem;
using Running = RunningAgent;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kFirstSegment = 1'800'000'000'000;
constexpr uint32_t kShards = 3;

fs::path Tiny(const std::string& name) {
  return fs::path(__FILE__).parent_path() / "../corpus/tiny" / name;
}

std::string Slurp(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

uint32_t CrcOfInts(std::initializer_list<uint64_t> ints) {
  uint32_t crc = 0;
  for (const uint64_t each : ints) crc = Crc32OfInt(crc, static_cast<uint32_t>(each));
  return crc;
}

// A node's directory: the schema of a recorded one, and its log as often as is asked for, under other segment ids.
class RecordedNode {
 public:
  RecordedNode(const fs::path& home, const std::string& name) : home_(home), tiny_(Tiny(name)) {
    fs::create_directories(home_ / "cdc_raw");
    fs::create_directories(home_ / "commitlog");
    fs::copy(tiny_ / "data", home_ / "data", fs::copy_options::recursive);
    for (const auto& entry : fs::directory_iterator(tiny_)) {
      if (entry.path().extension() == ".log") Load(entry.path());
    }
  }

  NodeFiles files(const std::string& name) const {
    return {.name = name,
            .cdc_raw = home_ / "cdc_raw",
            .commitlog = home_ / "commitlog",
            .data = {(home_ / "data").string()}};
  }

  // Logs `count` more segments.
  void Log(int count) {
    for (int i = 0; i < count; ++i, ++segments_) {
      const int64_t id = kFirstSegment + segments_;
      const std::string name = "CommitLog-" + std::to_string(version_) + "-" + std::to_string(id);
      // In this order nobody takes it for one that is still being written.
      std::ofstream(home_ / "cdc_raw" / (name + ".log.part"), std::ios::binary) << WithId(id);
      fs::rename(home_ / "cdc_raw" / (name + ".log.part"), home_ / "cdc_raw" / (name + ".log"));
      std::ofstream(home_ / "cdc_raw" / (name + "_cdc.idx")) << bytes_.size() << "\nCOMPLETED\n";
    }
  }
  size_t left() const {
    size_t count = 0;
    for (const auto& entry : fs::directory_iterator(home_ / "cdc_raw")) count += entry.path().extension() == ".log";
    return count;
  }
  const fs::path& home() const { return home_; }

 private:
  void Load(const fs::path& path) {
    bytes_ = Slurp(path);
    version_ = LoadBigEndian<uint32_t>(bytes_.data());
    const uint16_t parameters = LoadBigEndian<uint16_t>(bytes_.data() + 12);
    header_ = 14u + parameters;
    for (size_t at = header_ + 4; at + 8 <= bytes_.size();) {
      const auto next = LoadBigEndian<uint32_t>(bytes_.data() + at);
      if (next == 0) break;
      markers_.push_back(at);
      at = end_ = next;
    }
    bytes_.resize(end_);
  }
  std::string WithId(int64_t id) const {
    std::string bytes = bytes_;
    const auto unsigned_id = static_cast<uint64_t>(id);
    StoreBigEndian<int64_t>(bytes.data() + 4, id);
    uint32_t crc = CrcOfInts({version_, unsigned_id, unsigned_id >> 32, header_ - 14});
    crc = Crc32(crc, ByteView(bytes).substr(14, header_ - 14));
    StoreBigEndian(bytes.data() + header_, crc);
    for (const size_t at : markers_) {
      StoreBigEndian(bytes.data() + at + 4, CrcOfInts({unsigned_id, unsigned_id >> 32, at}));
    }
    return bytes;
  }

  const fs::path home_;
  const fs::path tiny_;
  std::string bytes_;
  uint32_t version_ = 0;
  size_t header_ = 0;
  size_t end_ = 0;
  std::vector<size_t> markers_;
  int segments_ = 0;
};

// Of a node: where each transaction stands in its log, the shard that it goes to, and its bytes.
using Logged = std::map<Position, std::pair<uint32_t, std::string>>;

class LoggedSink : public CaptureSink {
 public:
  explicit LoggedSink(Logged* to) : to_(to) {}
  Status OnTransaction(const Transaction& transaction) override {
    std::string bytes;
    AppendTransaction(&bytes, transaction);
    (*to_)[transaction.position] = {ShardOf(transaction.mutations.front().token, kShards), bytes};
    return {};
  }
  Status OnTruncation(const Truncation&) override { return {}; }
  Status OnGap(const Gap& gap) override {
    ADD_FAILURE() << gap.detail;
    return {};
  }
  Status OnProgress(const CaptureProgress&) override { return {}; }

 private:
  Logged* const to_;
};

struct Arrived {
  Logged transactions;
  std::vector<Gap> gaps;  // of shard 0
  size_t records = 0;     // of transactions, repeated ones too
  std::map<int32_t, Position> progress;
};

class AgentTest : public BrokerTest {
 protected:
  AgentTest() {
    char path[] = "/tmp/braid_agent_XXXXXX";
    home_ = mkdtemp(path);
    config_ = ConfigIn(home_, kShards);
  }
  ~AgentTest() override { fs::remove_all(home_); }

  // What capture gives of the node's log, as it is now.
  Logged TruthOf(const RecordedNode& node) {
    const fs::path copy = home_ / "truth";
    fs::remove_all(copy);
    fs::copy(node.home(), copy, fs::copy_options::recursive);
    NodeCapture::Options options;
    options.files = {.name = "n1", .cdc_raw = copy / "cdc_raw", .commitlog = copy / "commitlog", .data = {}};
    const auto schemas = *SchemaRegistry::Open(
        PosixFileSystem(), {.path = copy / "schemas", .data_directories = {(copy / "data").string()}});
    const auto capture = *NodeCapture::Open(PosixFileSystem(), schemas.get(), options);
    Logged logged;
    LoggedSink sink(&logged);
    for (int64_t now_us = 1; *capture->Step(now_us * 1'000'000, 1 << 20, &sink); ++now_us) {
    }
    EXPECT_FALSE(logged.empty());
    return logged;
  }

  Arrived ReadAll(const std::string& topic, const HostId& host) {
    Arrived all;
    for (int32_t shard = 0; shard < static_cast<int32_t>(kShards); ++shard) {
      const auto [records, end] = BrokerTest::ReadAll(topic, shard);
      Position newest;
      for (const std::string& bytes : records) {
        const auto record = DecodeRecord(bytes);
        EXPECT_TRUE(record.has_value()) << record.error().message;
        if (record->host != host) continue;
        const Message& message = record->message;
        if (message.kind == Message::Kind::kGap && shard == 0) all.gaps.push_back(message.gap);
        if (message.kind == Message::Kind::kProgress) all.progress[shard] = message.position;
        if (message.kind != Message::Kind::kTransaction) continue;
        ++all.records;
        const auto [at, is_new] =
            all.transactions.emplace(message.position, std::pair<uint32_t, std::string>(shard, message.bytes));
        EXPECT_EQ(at->second.second, message.bytes) << "said again otherwise";
        if (!is_new) continue;
        EXPECT_LT(newest, message.position) << "first seen out of order";
        newest = message.position;
      }
    }
    return all;
  }

  // Until cdc_raw holds no segment of the node any more: all is acknowledged, noted and released.
  static bool WaitsForAll(const Running& agent, const RecordedNode& node) {
    return agent.Waits([&](const RunStats&) { return node.left() == 0; });
  }

  static HostId HostOf(const RecordedNode& node) { return **ReadHostId({(node.home() / "data").string()}); }

  void ExpectAll(const Logged& truth, const Arrived& arrived) {
    EXPECT_EQ(arrived.transactions.size(), truth.size());
    EXPECT_TRUE(arrived.transactions == truth);
  }

  fs::path home_;
  Config config_;
};

TEST_F(AgentTest, AllThatIsLoggedArrivesAsCaptureGivesIt) {
  for (const std::string tiny : {"v7-plain", "v8-plain"}) {
    SCOPED_TRACE(tiny);
    RecordedNode node(home_ / tiny, tiny);
    node.Log(30);
    const Logged truth = TruthOf(node);
    config_.nodes = {node.files(tiny)};
    {
      Running agent(config_, {tiny});
      EXPECT_TRUE(WaitsForAll(agent, node)) << agent.lines() << agent.error();
      const RunStats stats = agent.stats();
      EXPECT_TRUE(stats.alarms.empty());
      EXPECT_EQ(stats.outlet->queued, 0u);
      EXPECT_EQ(stats.nodes.at(0).acked.segment.value, kFirstSegment + 29);
    }
    const Arrived arrived = ReadAll(config_.kafka->mutations_topic, HostOf(node));
    ExpectAll(truth, arrived);
    EXPECT_EQ(arrived.records, truth.size()) << "said more than once, for no reason";
    EXPECT_TRUE(arrived.gaps.empty());
    EXPECT_EQ(arrived.progress.size(), kShards);
  }
}

TEST_F(AgentTest, ARestartGoesOnWhereItStopped) {
  RecordedNode node(home_ / "n1", "v7-plain");
  config_.nodes = {node.files("n1")};
  Logged truth;
  for (int run = 0; run < 3; ++run) {
    node.Log(3);
    truth.merge(TruthOf(node));
    Running agent(config_, {"n1"});
    EXPECT_TRUE(WaitsForAll(agent, node)) << agent.lines() << agent.error();
  }
  const Arrived arrived = ReadAll(config_.kafka->mutations_topic, HostOf(node));
  ExpectAll(truth, arrived);
  EXPECT_EQ(arrived.records, truth.size());
}

// A process that is killed again and again.
TEST_F(AgentTest, DISABLED_Live) {
  const fs::path home = std::getenv("BRAID_AGENT_TEST");
  Config config = ConfigIn(home, kShards);
  RecordedNode node(home / "scratch", "v7-plain");
  config.nodes = {node.files("n1")};
  config.nodes[0].cdc_raw = home / "n1/cdc_raw";
  config.nodes[0].commitlog = home / "n1/commitlog";
  Running agent(config, {"n1"});
  ASSERT_TRUE(agent.Waits([&](const RunStats&) {
    for (const auto& entry : fs::directory_iterator(home / "n1/cdc_raw")) {
      if (entry.path().extension() == ".log") return false;
    }
    return true;
  })) << agent.lines()
      << agent.error();
}

TEST_F(AgentTest, KilledAtAnyPointItLosesNothing) {
  RecordedNode node(home_ / "n1", "v7-plain");
  Logged truth;
  int killed = 0;
  for (const std::string point : {"agent.pushed:1", "agent.pushed:2", "agent.pushed:7", "agent.acked:1",
                                  "agent.acked:2", "agent.stored:1", "agent.released:1"}) {
    SCOPED_TRACE(point);
    node.Log(40);
    truth.merge(TruthOf(node));
    const int status =
        RunThisProgramAgain("AgentTest.DISABLED_Live", {{"BRAID_AGENT_TEST", home_}, {"BRAID_FAILPOINT", point}});
    killed += status == 128 + SIGKILL ? 1 : 0;
    fs::remove_all(home_ / "scratch");
  }
  EXPECT_GE(killed, 5) << "hardly anything was killed: this tests nothing";
  EXPECT_EQ(RunThisProgramAgain("AgentTest.DISABLED_Live", {{"BRAID_AGENT_TEST", home_}}), 0);
  EXPECT_EQ(node.left(), 0u);
  ExpectAll(truth, ReadAll(config_.kafka->mutations_topic, HostOf(node)));
}

TEST_F(AgentTest, ItWaitsForABrokerAndGuardsTheNodeMeanwhile) {
  RecordedNode node(home_ / "n1", "v7-plain");
  node.Log(10);
  const Logged truth = TruthOf(node);
  config_.nodes = {node.files("n1")};
  Hurt("kill 1");
  Running agent(config_, {"n1"});
  EXPECT_TRUE(agent.Waits([](const RunStats& stats) { return !stats.alarms.empty(); })) << agent.lines();
  EXPECT_FALSE(agent.stats().ready);
  EXPECT_THAT(agent.stats().not_ready, HasSubstr("cdc_raw is guarded"));
  EXPECT_EQ(node.left(), 10u);
  Hurt("start 1");
  EXPECT_TRUE(WaitsForAll(agent, node)) << agent.lines() << agent.error();
  EXPECT_TRUE(agent.Waits([](const RunStats& stats) { return stats.ready || stats.not_ready == "it is catching up"; }));
  ExpectAll(truth, ReadAll(config_.kafka->mutations_topic, HostOf(node)));

  // And now in the middle.
  node.Log(1);
  ASSERT_TRUE(WaitsForAll(agent, node));
  Hurt("kill 1");
  node.Log(5);
  Logged all = truth;
  all.merge(TruthOf(node));
  EXPECT_TRUE(agent.Waits([](const RunStats& stats) { return !stats.alarms.empty(); }, 30)) << agent.lines();
  EXPECT_FALSE(agent.stats().ready);
  EXPECT_EQ(node.left(), 5u) << "nothing may go that no broker has";
  Hurt("start 1");
  EXPECT_TRUE(WaitsForAll(agent, node)) << agent.lines() << agent.error();
  EXPECT_TRUE(agent.Waits([](const RunStats& stats) { return stats.alarms.empty(); })) << agent.lines();
  agent.Stop();
  const Arrived arrived = ReadAll(config_.kafka->mutations_topic, HostOf(node));
  for (const auto& [position, transaction] : all) EXPECT_TRUE(arrived.transactions.contains(position));
  EXPECT_TRUE(arrived.gaps.empty());
}

TEST_F(AgentTest, WhatMustBeLetGoWhileNoBrokerAnswersIsAGapAfterwards) {
  RecordedNode node(home_ / "n1", "v7-plain");
  node.Log(10);
  config_.nodes = {node.files("n1")};
  // Ten segments are more than nine tenths of this.
  config_.cdc_space_bytes = 36279 * 8;
  Hurt("kill 1");
  {
    Running agent(config_, {"n1"});
    EXPECT_TRUE(agent.Waits([&](const RunStats&) { return node.left() < 10; })) << agent.lines();
  }
  EXPECT_GT(node.left(), 0u);
  const Logged kept = TruthOf(node);
  Hurt("start 1");
  Running agent(config_, {"n1"});
  EXPECT_TRUE(WaitsForAll(agent, node)) << agent.lines() << agent.error();
  agent.Stop();
  const Arrived arrived = ReadAll(config_.kafka->mutations_topic, HostOf(node));
  for (const auto& [position, transaction] : kept) EXPECT_TRUE(arrived.transactions.contains(position));
  ASSERT_FALSE(arrived.gaps.empty());
  EXPECT_EQ(arrived.gaps.front().from.segment.value, kFirstSegment);
}

TEST_F(AgentTest, OneAgentMayHaveSeveralNodes) {
  RecordedNode first(home_ / "n1", "v7-plain");
  RecordedNode second(home_ / "n2", "v8-plain");
  first.Log(5);
  second.Log(9);
  const Logged truth_of_first = TruthOf(first);
  const Logged truth_of_second = TruthOf(second);
  config_.nodes = {first.files("n1"), second.files("n2")};
  Running agent(config_, *Agent::Choose(config_, {}));
  EXPECT_TRUE(WaitsForAll(agent, first)) << agent.lines() << agent.error();
  EXPECT_TRUE(WaitsForAll(agent, second)) << agent.lines() << agent.error();
  agent.Stop();
  ExpectAll(truth_of_first, ReadAll(config_.kafka->mutations_topic, HostOf(first)));
  ExpectAll(truth_of_second, ReadAll(config_.kafka->mutations_topic, HostOf(second)));
}

// What makes a producer useless for good: its topic goes, and comes back.
TEST_F(AgentTest, AProducerThatIsDoneIsMadeAnewAndNothingIsMissing) {
  RecordedNode node(home_ / "n1", "v7-plain");
  node.Log(2);
  config_.nodes = {node.files("n1")};
  config_.kafka->properties["topic.metadata.propagation.max.ms"] = Secret("1000");
  config_.kafka->properties["topic.metadata.refresh.interval.ms"] = Secret("500");
  Running agent(config_, {"n1"});
  ASSERT_TRUE(WaitsForAll(agent, node)) << agent.lines() << agent.error();
  const auto admin = Admin();
  ASSERT_TRUE(admin->DeleteTopics({config_.kafka->mutations_topic}, kLongMs).has_value());
  node.Log(20);
  const Logged truth = TruthOf(node);
  EXPECT_TRUE(agent.Waits([](const RunStats& stats) { return stats.outlet->renewed > 0; })) << agent.lines();
  EXPECT_FALSE(agent.stats().alarms.empty());
  EXPECT_FALSE(agent.stats().ready);
  EXPECT_EQ(node.left(), 20u);
  ASSERT_TRUE(admin->CreateTopics(PipelineTopics(config_), kLongMs).has_value());
  EXPECT_TRUE(WaitsForAll(agent, node)) << agent.lines() << agent.error();
  EXPECT_TRUE(agent.Waits([](const RunStats& stats) { return stats.alarms.empty(); })) << agent.lines();
  agent.Stop();
  ExpectAll(truth, ReadAll(config_.kafka->mutations_topic, HostOf(node)));
}

TEST_F(AgentTest, ATopicWithOtherPartitionsIsRefusedByName) {
  RecordedNode node(home_ / "n1", "v7-plain");
  node.Log(1);
  config_.nodes = {node.files("n1")};
  ASSERT_TRUE(Admin()->CreateTopics({{config_.kafka->mutations_topic, 2, -1, {}}}, kLongMs).has_value());
  Running agent(config_, {"n1"});
  EXPECT_TRUE(agent.Waits([&](const RunStats&) { return !agent.error().empty(); }, 30)) << agent.lines();
  EXPECT_THAT(agent.error(), HasSubstr(config_.kafka->mutations_topic));
  EXPECT_EQ(node.left(), 1u);
}

TEST_F(AgentTest, OnlyOneAgentFollowsANode) {
  RecordedNode node(home_ / "n1", "v7-plain");
  config_.nodes = {node.files("n1")};
  Running agent(config_, {"n1"});
  const auto second = Agent::Open(config_, {"n1"}, {});
  ASSERT_FALSE(second.has_value());
  EXPECT_THAT(second.error().message, HasSubstr("another agent follows node n1"));
}

TEST_F(AgentTest, NodesAreChosenByNameOrByTheirDirectories) {
  RecordedNode node(home_ / "n1", "v7-plain");
  config_.nodes = {node.files("n1"), node.files("n2")};
  config_.nodes[1].cdc_raw = home_ / "elsewhere";
  EXPECT_THAT(*Agent::Choose(config_, {}), ::testing::ElementsAre("n1"));
  EXPECT_THAT(*Agent::Choose(config_, {"n2"}), ::testing::ElementsAre("n2"));
  EXPECT_THAT(Agent::Choose(config_, {"n3"}).error().message, HasSubstr("there are n1, n2"));
  config_.nodes[0].cdc_raw = home_ / "nowhere";
  EXPECT_THAT(Agent::Choose(config_, {}).error().message, HasSubstr("on this machine"));
}

TEST_F(AgentTest, AMutationAsLargeAsCassandraTakesGetsThrough) {
  const std::vector<KafkaTopic> topics = PipelineTopics(config_);
  ASSERT_TRUE(Admin()->CreateTopics(topics, kLongMs).has_value());
  auto queue = *RecordQueue::Open({.producer = {.properties = Properties(), .queue_bytes = 1 << 20, .log = {}},
                                   .topic = config_.kafka->mutations_topic,
                                   .partitions = kShards});
  std::string large(16 << 20, 'x');
  for (size_t i = 0; i < large.size(); i += 3) large[i] = static_cast<char>(i * 2654435761u >> 13);
  ASSERT_TRUE(queue->Push(1, "key", large).has_value());
  ASSERT_TRUE(queue->Push(1, "key", "after it").has_value());
  for (int i = 0; i < 200 && !queue->all_acked() && queue->problem().empty(); ++i) queue->Step(100);
  EXPECT_EQ(queue->problem(), "");
  const auto values = BrokerTest::ReadAll(config_.kafka->mutations_topic, 1).first;
  ASSERT_EQ(values.size(), 2u);
  EXPECT_TRUE(values[0] == large);
}

// A queue whose broker is asleep.
TEST_F(AgentTest, AFullQueueHoldsEverythingBackAndLosesNothing) {
  const std::string topic = Topic(1);
  auto queue = *RecordQueue::Open(
      {.producer = {.properties = Properties(), .queue_bytes = 1 << 16, .log = {}}, .topic = topic, .partitions = 1});
  Hurt("pause 1");
  int pushed = 0;
  for (; queue->has_room() && pushed < 10'000; ++pushed) {
    ASSERT_TRUE(queue->Push(0, "key", std::to_string(pushed)).has_value());
  }
  EXPECT_LT(pushed, 1000) << "a queue without a bound";
  // What is under way all the same waits.
  for (int i = 0; i < 100; ++i, ++pushed) ASSERT_TRUE(queue->Push(0, "key", std::to_string(pushed)).has_value());
  queue->Step(100);
  EXPECT_FALSE(queue->has_room());
  EXPECT_FALSE(queue->all_acked());
  Hurt("resume 1");
  for (int i = 0; i < 600 && !queue->all_acked(); ++i) queue->Step(100);
  EXPECT_TRUE(queue->all_acked()) << queue->problem();
  EXPECT_TRUE(queue->has_room());
  EXPECT_EQ(queue->stats().queue_bytes, 0u);
  const auto values = BrokerTest::ReadAll(topic, 0).first;
  ASSERT_EQ(values.size(), static_cast<size_t>(pushed));
  for (int i = 0; i < pushed; ++i) EXPECT_EQ(values[i], std::to_string(i));
}

}  // namespace
}  // namespace braid
