// One shard that writes a timeline and one that writes topics, given the same messages and ticks, tell the same: record
// for record what a reader of the timeline would be given, and its key, its id, and a tombstone behind each delete.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/version.h"
#include "broker_test_util.h"
#include "deliver/kafka/topic_writer.h"
#include "encode/json.h"
#include "pipeline/shard/testing/shard_fixture.h"
#include "reconcile/testing/toy_random.h"
#include "timeline/reader.h"

namespace braid {
namespace {

using ::braid::testing::ParseTable;
using ::braid::testing::ToyRandom;
using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::Optional;

constexpr int64_t kMicros = 1'000'000;
constexpr uint16_t kNodes = 3;  // of which ToyRandom's lines are
constexpr const char* kPipeline = "toys";
constexpr const char* kAltered =
    "t (id int key, n int clustering, s text static, ss set<int> static, a text, b int dropped@106000000, "
    "gone text dropped@104000000, l list<text>, m map<text,int>, st set<text>, u udt<text,int>, added int)";

TableSchemaPtr Table(const char* text) {
  auto table = std::const_pointer_cast<TableSchema>(ParseTable(text));
  table->id = ComputeSchemaId(*table);
  return table;
}

// What a shard is told at a time, or is to do.
struct Step {
  enum class Kind { kTake, kTick, kCommit };
  Kind kind = Kind::kTake;
  int64_t now_us = 0;
  Message message;
  TableSchemaPtr schema;  // of a message that tells of it
};

class Script {
 public:
  explicit Script(uint64_t seed) : random_(seed) {
    for (now_us_ = 1'000 * kMicros; steps_.size() < 400; AddOne()) {
    }
    for (uint16_t node = 0; node < kNodes; ++node) AddProgress(node, ToyRandom::kLastExpiry + 1);
    for (int i = 0; i < 3; ++i) {  // in between what is held becomes due
      Add({.kind = Step::Kind::kTick});
      Commit();
      now_us_ += 60 * kMicros;
    }
  }

  const TableSchemaPtr& first_schema() const { return first_; }
  const std::vector<Step>& steps() const { return steps_; }

 private:
  void Add(Step step) {
    step.now_us = now_us_;
    // As a record's place in a transport that keeps it.
    step.message.next = {static_cast<int64_t>(steps_.size()) + 1};
    steps_.push_back(std::move(step));
  }

  // Of all that one commit publishes the time is the same, so that it does not matter when within it something is told.
  void Commit() {
    Add({.kind = Step::Kind::kCommit});
    now_us_ += kMicros;
  }

  void AddOne() {
    const uint64_t dice = random_.Below(100);
    if (!is_altered_ && steps_.size() >= 200) return AddSchema();
    if (dice < 70) return AddWrite();
    if (dice < 80) return Add({.kind = Step::Kind::kTick});
    if (dice < 88) return Commit();
    const auto node = static_cast<uint16_t>(random_.Below(kNodes));
    if (dice < 96) return AddProgress(node, ToyRandom::kFirstSecond + static_cast<int64_t>(random_.Below(20)));
    if (dice < 98) return AddGap(node);
    AddTruncation(node);
  }

  void AddWrite() {
    Step step;
    const Mutation mutation = reader_.Read(*first_, random_.Line(), &arena_);
    step.message.position = read_[mutation.position.node.value] = mutation.position;
    AppendTransaction(&step.message.bytes, {.position = mutation.position, .mutations = {&mutation, 1}});
    Add(std::move(step));
  }

  void AddProgress(uint16_t node, int64_t watermark_s) {
    Step step;
    step.message.kind = Message::Kind::kProgress;
    step.message.position = read_[node];
    step.message.position.node = {node};
    step.message.time = {watermark_s * kMicros};
    Add(std::move(step));
  }

  void AddGap(uint16_t node) {
    Step step;
    step.message.kind = Message::Kind::kGap;
    Gap& gap = step.message.gap;
    gap.open = open_gaps_.empty() || random_.Below(2) == 0;
    gap.id = gap.open ? ++gaps_ : open_gaps_.back();
    gap.node = {node};
    gap.detail = "it cannot be read";
    if (gap.open) {
      open_gaps_.push_back(gap.id);
    } else {
      open_gaps_.pop_back();
    }
    Add(std::move(step));
  }

  void AddTruncation(uint16_t node) {
    Step step;
    step.message.kind = Message::Kind::kTruncation;
    step.message.table = first_->table_id;
    step.message.position = step.message.cut = read_[node];
    step.message.position.node = step.message.cut.node = {node};
    step.message.time = {106 * kMicros};
    Add(std::move(step));
  }

  void AddSchema() {
    is_altered_ = true;
    Step step;
    step.message.kind = Message::Kind::kSchema;
    step.message.table = first_->table_id;
    step.schema = Table(kAltered);
    // So that nothing that came before it is told again when it is known.
    Commit();
    Add(std::move(step));
    Commit();
  }

  const TableSchemaPtr first_ = Table(ToyRandom::kTable);
  Arena arena_;
  ToyRandom random_;
  testing::ToyReader reader_;
  std::map<uint16_t, Position> read_;
  uint64_t gaps_ = 0;
  std::vector<uint64_t> open_gaps_;
  int64_t now_us_ = 0;
  bool is_altered_ = false;
  std::vector<Step> steps_;
};

// How both shards are set.
struct Setting {
  Hold::Options hold;
  bool truncate_rows = false;
};

// A shard with its state, for either writer.
class Host {
 public:
  Host(const std::filesystem::path& path, const Script& script, const Setting& setting)
      : path_(path), setting_(setting) {
    std::filesystem::remove_all(path);
    std::filesystem::create_directories(path);
    book_.Set(script.first_schema());
  }
  virtual ~Host() { std::filesystem::remove_all(path_); }

  void Do(const Step& step) {
    switch (step.kind) {
      case Step::Kind::kTake: {
        if (step.schema != nullptr) book_.Set(step.schema);
        const Status taken = shard_->Take(step.message, step.now_us);
        ASSERT_TRUE(taken.has_value()) << taken.error().message;
        break;
      }
      case Step::Kind::kTick:
        while (*shard_->Tick(step.now_us)) {
        }
        break;
      case Step::Kind::kCommit:
        Commit(step.now_us);
        break;
    }
  }
  const FakeBook& book() const { return book_; }
  ShardStats stats() { return shard_->stats(); }

 protected:
  // As a process starts.
  virtual void Start() {
    shard_.reset();
    state_.reset();
    auto state = RocksState::Open({.path = (path_ / "state").string(), .memory_bytes = 16 << 20, .sync = false});
    ASSERT_TRUE(state.has_value()) << state.error().message;
    state_ = *std::move(state);
    mark_ = *DecodeMark(*state_->ReadMark());
  }
  void MakeShard(TimelineWriter* timeline) {
    Shard::Options options{.hold = setting_.hold, .truncate_rows = setting_.truncate_rows};
    for (uint16_t node = 0; node < kNodes; ++node) options.nodes.push_back({node});
    shard_ = std::make_unique<Shard>(options, Shard::Rooms{state_.get(), timeline, &book_}, mark_);
  }
  virtual void Commit(int64_t now_us) = 0;

  const std::filesystem::path path_;
  const Setting setting_;
  FakeBook book_;
  std::unique_ptr<RocksState> state_;
  ShardMark mark_;
  std::unique_ptr<Shard> shard_;
};

std::vector<std::string> Labels() {
  return {"n0", "n1", "n2"};
}

// What stands in a topic.
struct Record {
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::string sequence;

  bool operator==(const Record&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Record& record) {
  return out << record.sequence << ' ' << record.key.value_or("(none)") << ": " << record.value.value_or("(none)");
}

using Topics = std::map<std::string, std::vector<Record>>;

class EmbeddedHost : public Host {
 public:
  EmbeddedHost(const std::filesystem::path& path, const Script& script, const Setting& setting)
      : Host(path, script, setting) {
    Start();
    timeline_ = *TimelineWriter::Open(PosixFileSystem(), {.directory = Timeline()}, 1);
    MakeShard(timeline_.get());
  }

  // The records that topics would have, of what a reader of the timeline is given.
  void Read(const std::vector<TopicWriter::Stream>& streams, const std::string& gaps_topic, Topics* topics) const {
    const auto reader = *TimelineReader::Open(PosixFileSystem(), {.directory = Timeline(), .wanted = {}});
    EventContext context{.pipeline = kPipeline, .version = kVersion, .nodes = Labels(), .emitted_ms = {}};
    for (const TimelineRecord* record = *reader->Next(); record != nullptr; record = *reader->Next()) {
      context.emitted_ms = record->emitted_us / 1000;
      if (record->gap != nullptr) {
        Record told{.key = std::to_string(record->gap->id), .value = "", .sequence = Text(record->sequence)};
        AppendGapJson(*record->gap, record->sequence, context, &*told.value);
        (*topics)[gaps_topic].push_back(std::move(told));
        continue;
      }
      for (const TopicWriter::Stream& stream : streams) ReadChange(*record->change, stream, context, topics);
    }
  }

 private:
  std::string Timeline() const { return (path_ / "timeline").string(); }
  static std::string Text(const Sequence& sequence) {
    return fmt::format("{}:{}:{}", sequence.epoch, sequence.partition, sequence.n);
  }
  void ReadChange(const Change& change, const TopicWriter::Stream& stream, const EventContext& context,
                  Topics* topics) const {
    // How a topic tells of a truncation; every timeline has it once, and row by row where any topic wants that.
    if (change.op == Op::kTruncate && stream.kafka.truncate != KafkaStream::Truncate::kEvent) return;
    const bool is_its_row = change.op == Op::kDelete && change.cause == Cause::kTruncate;
    if (is_its_row && stream.kafka.truncate != KafkaStream::Truncate::kRows) return;
    const TableSchema& newest = *book().FindTable(change.schema->table_id);
    const auto shape = *StreamShape::Make(stream.spec, *change.schema, &newest);
    Arena arena;
    const Change* seen = shape->Apply(change, &arena);
    if (seen == nullptr) return;
    Record told{.key = "", .value = "", .sequence = Text(change.sequence)};
    AppendEventJson(*seen, context, &*told.value);
    AppendKeyJson(*seen, &*told.key);
    if (seen->op == Op::kTruncate) told.key.reset();
    const bool is_static = seen->row == RowKind::kStatic;
    std::vector<Record>& topic = (*topics)[TopicOf(stream.kafka, change.schema->FullName(), is_static)];
    topic.push_back(told);
    if (seen->op != Op::kDelete || seen->row == RowKind::kRange) return;
    told.value.reset();
    topic.push_back(told);
  }

  void Commit(int64_t now_us) override { ASSERT_TRUE(shard_->Commit(now_us).has_value()); }

  std::unique_ptr<TimelineWriter> timeline_;
};

class KafkaHost : public Host {
 public:
  KafkaHost(const std::filesystem::path& path, const Script& script, const Setting& setting,
            TopicWriter::Options options, KafkaProducer* producer, StreamTopics* topics)
      : Host(path, script, setting), options_(std::move(options)), producer_(producer), topics_(topics) {
    options_.newest = [this](const TableId& table) { return book_.FindTable(table); };
    Start();
  }

  void Do(const Step& step) {
    writer_->SetNow(step.now_us);
    Host::Do(step);
  }

  // As a worker does whose transaction failed: what was begun is aborted, and the shard goes on from its last commit.
  // Gives the place of the first message that it is to be told again.
  size_t Fail() {
    EXPECT_TRUE(producer_->Abort(kLongMs).ok());
    Start();
    return mark_.input.value;
  }

 private:
  void Start() override {
    Host::Start();
    options_.end = mark_.timeline_end;
    writer_ = std::make_unique<TopicWriter>(options_, producer_, topics_);
    writer_->SetNodes(Labels());
    MakeShard(writer_.get());
    ASSERT_TRUE(producer_->Begin().ok());
  }
  void Commit(int64_t now_us) override {
    const auto mark = shard_->Prepare(now_us);
    ASSERT_TRUE(mark.has_value()) << mark.error().message;
    if (*mark == nullptr) return;
    const auto committed = producer_->Commit(kLongMs);
    ASSERT_TRUE(committed.ok()) << committed.message;
    ASSERT_TRUE(shard_->Finish(now_us).has_value());
    ASSERT_TRUE(producer_->Begin().ok());
  }

  TopicWriter::Options options_;
  KafkaProducer* const producer_;
  StreamTopics* const topics_;
  std::unique_ptr<TopicWriter> writer_;
};

class WritersTest : public BrokerTest {
 protected:
  void SetUp() override {
    const std::string test = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    name_ = fmt::format("{}-{}", test, getpid());
    path_ = std::filesystem::temp_directory_path() / ("braid_writers_" + name_);
  }

  TopicWriter::Stream Stream(const std::string& name, StreamSpec spec) const {
    TopicWriter::Stream stream{.spec = std::move(spec), .kafka = {}};
    stream.spec.name = name;
    stream.spec.tables = {"toys.*"};
    stream.kafka.topic = name_ + "." + name;
    stream.kafka.partitions = 1;
    stream.kafka.truncate = KafkaStream::Truncate::kEvent;
    return stream;
  }

  // Whole; some of the rows, with masks; without the static rows.
  std::vector<TopicWriter::Stream> Streams(uint64_t seed, bool truncate_rows) const {
    const std::string key = "a key of sixteen bytes or more";
    const std::string number = std::to_string(seed);
    std::vector<TopicWriter::Stream> streams = {
        Stream("all" + number, {}),
        Stream("some" + number, {.where = "a >= 'b' OR s IS NOT NULL OR n = 1",
                                 .exclude = {"m"},
                                 .masks = {{"id", "hmac"}, {"a", "truncate:1"}, {"st", "redact"}},
                                 .hmac_key = key}),
        Stream("few" + number, {.where = "n != 2", .include = {"a", "l"}, .masks = {{"l", "hmac"}}, .hmac_key = key}),
    };
    if (truncate_rows) {
      streams[0].kafka.truncate = KafkaStream::Truncate::kRows;
      streams[2].kafka.truncate = KafkaStream::Truncate::kSkip;
    }
    return streams;
  }

  // What these topics hold.
  static Topics ReadTopics(const Topics& like) {
    Topics topics;
    std::vector<KafkaOffset> from;
    for (const auto& [topic, records] : like) from.push_back({topic, 0, kKafkaBeginning});
    const auto reader = Consumer();
    EXPECT_TRUE(reader->Add(from).has_value());
    size_t ended = 0;
    const auto take = [&](const KafkaBatch& batch) {
      for (const KafkaRecord& record : batch.records) {
        const std::string sequence(record.Header("braid-sequence").value_or("(none)"));
        topics[std::string(record.topic)].push_back({Copy(record.key), Copy(record.value), sequence});
      }
      for (const KafkaEvent& event : batch.events) ended += event.kind == KafkaEvent::Kind::kEnd ? 1 : 0;
    };
    EXPECT_TRUE(PollUntil(reader.get(), take, [&] { return ended >= from.size(); }));
    return topics;
  }
  static std::optional<std::string> Copy(std::optional<std::string_view> bytes) {
    return bytes.has_value() ? std::optional<std::string>(*bytes) : std::nullopt;
  }

  // Fails now and then, if `fails`.
  void Compare(uint64_t seed, const Setting& setting, bool fails) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    const Script script(seed);
    const auto streams = Streams(seed, setting.truncate_rows);
    const std::string gaps = Topic(1);
    const auto admin = Admin();
    StreamTopics topics(admin.get(), -1);
    const auto producer = Producer(fmt::format("{}-{}", name_, seed));
    ASSERT_TRUE(producer->Init(kLongMs).ok());
    EmbeddedHost embedded(path_ / "embedded", script, setting);
    KafkaHost kafka(path_ / "kafka", script, setting, {.pipeline = kPipeline, .streams = streams, .gaps_topic = gaps},
                    producer.get(), &topics);
    for (const Step& step : script.steps()) embedded.Do(step);
    size_t fails_at = fails ? 70 : script.steps().size();
    for (size_t i = 0; i < script.steps().size() && !HasFatalFailure(); ++i) {
      if (i == fails_at) {
        fails_at += 70;
        i = kafka.Fail();
      }
      kafka.Do(script.steps()[i]);
    }
    ASSERT_FALSE(HasFatalFailure());
    Topics expected;
    embedded.Read(streams, gaps, &expected);
    // Seeds are such that all there is comes to pass.
    EXPECT_GT(expected[streams[0].kafka.topic].size(), 40u);
    EXPECT_GT(embedded.stats().reconcile.expired, 0u);
    EXPECT_THAT(expected[streams[1].kafka.topic], Contains(Field(&Record::value, Optional(HasSubstr(R"("op":"t")")))));
    Topics found = ReadTopics(expected);
    for (const auto& [topic, records] : expected) {
      const std::vector<Record>& others = found[topic];
      for (size_t i = 0; i < std::min(records.size(), others.size()); ++i) {
        EXPECT_EQ(records[i], others[i]) << topic << " record " << i;
        if (records[i] != others[i]) break;
      }
      EXPECT_EQ(records.size(), others.size()) << topic;
    }
    std::filesystem::remove_all(path_);
  }

  std::string name_;
  std::filesystem::path path_;
};

TEST_F(WritersTest, AsTheyCome) {
  for (const uint64_t seed : {1, 2}) Compare(seed, {}, false);
}

TEST_F(WritersTest, AsTheyComeThoughTransactionsFail) {
  for (const uint64_t seed : {8, 9}) Compare(seed, {.truncate_rows = true}, true);
}

TEST_F(WritersTest, WithinAWindow) {
  Compare(5, {.hold = {.window_us = 5 * kMicros}}, false);
}

TEST_F(WritersTest, WhenAMajorityHasThem) {
  Compare(6, {.hold = {.quorum = true}}, false);
}

}  // namespace
}  // namespace braid
