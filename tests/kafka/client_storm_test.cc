// Two workers that read, write and commit in transactions, while they and the broker come and go: each record of the
// input is in the output once, in order. It is how src/transport/kafka is meant to be used.
#include <gmock/gmock.h>

#include <random>
#include <set>

#include "broker_test_util.h"

namespace braid {
namespace {

using Kind = KafkaTransactionResult::Kind;

constexpr int32_t kPartitions = 4;
constexpr int kRecords = 6'000;
constexpr int kPatienceMs = 1'500;

KafkaProperties Impatient() {
  KafkaProperties properties = Properties();
  properties.Set("socket.timeout.ms", "1500");
  return properties;
}

class Worker {
 public:
  Worker(std::string id, std::string in, std::string out)
      : id_(std::move(id)), in_(std::move(in)), out_(std::move(out)) {
    KafkaProperties quick = Impatient();
    quick.Set("heartbeat.interval.ms", "300");
    quick.Set("session.timeout.ms", "2000");
    consumer_ = *KafkaConsumer::Open({.properties = quick, .group = in_, .log = {}});
    EXPECT_TRUE(consumer_->Subscribe({in_}).has_value());
  }

  // It dies within its next transaction, which stays open.
  void Doom() { doomed_ = true; }
  bool dead() const { return dead_; }

  void Step() {
    if (dead_) return;
    const KafkaBatch& batch = consumer_->Poll(200, 20);
    if (!batch.records.empty()) Pass(batch.records);
    for (const KafkaEvent& event : batch.events) {
      if (event.kind == KafkaEvent::Kind::kAssigned) {
        std::vector<KafkaOffset> from;
        for (const KafkaPartition& each : event.partitions) from.push_back({each.topic, each.partition, 0});
        EXPECT_TRUE(consumer_->Add(from, true).has_value());
        for (const KafkaPartition& each : event.partitions) unplaced_.insert(each.partition);
      } else if (event.kind == KafkaEvent::Kind::kRevoked || event.kind == KafkaEvent::Kind::kLost) {
        EXPECT_TRUE(consumer_->Remove(event.partitions).has_value());
        for (const KafkaPartition& each : event.partitions) {
          unplaced_.erase(each.partition);
          placed_.erase(each.partition);
        }
      } else {
        EXPECT_FALSE(event.fatal) << event.message;
      }
    }
    if (!unplaced_.empty()) Place();
  }

 private:
  // One transaction: what was read, changed into something else, and how far that is.
  void Pass(const std::vector<KafkaRecord>& records) {
    if (!Ready()) return Back();
    std::vector<KafkaOffset> next(kPartitions);
    for (const KafkaRecord& record : records) {
      const Result<bool> produced = producer_->Produce(out_, record.partition, std::nullopt, *record.value);
      if (!produced.has_value()) return Undo(Kind::kAbort);
      EXPECT_TRUE(*produced);
      next[record.partition] = {in_, record.partition, record.offset + 1};
    }
    if (doomed_ && producer_->Flush(kPatienceMs).has_value()) {
      dead_ = true;
      return;
    }
    std::erase_if(next, [](const KafkaOffset& offset) { return offset.topic.empty(); });
    KafkaTransactionResult result = producer_->SendOffsets(next, consumer_->GroupMetadata(), kPatienceMs);
    if (result.ok()) result = producer_->Commit(kPatienceMs);
    if (!result.ok()) Undo(result.kind);
  }

  bool Ready() {
    if (producer_ == nullptr) {
      producer_ = *KafkaProducer::Open({.properties = Impatient(), .transactional_id = id_, .log = {}});
      if (!producer_->Init(kPatienceMs).ok()) producer_.reset();
    }
    if (producer_ != nullptr && !producer_->Begin().ok()) producer_.reset();
    return producer_ != nullptr;
  }

  void Undo(Kind kind) {
    if (kind != Kind::kAbort || !producer_->Abort(kPatienceMs).ok()) producer_.reset();
    Back();
  }

  // Nobody knows any more how far each partition is, but the broker.
  void Back() {
    std::vector<KafkaPartition> all;
    for (const int32_t partition : placed_) all.push_back({in_, partition});
    EXPECT_TRUE(consumer_->Pause(all).has_value());
    unplaced_.merge(placed_);
  }

  void Place() {
    if (producer_ == nullptr) {
      // What the last one left open must end before the broker says where the group stands.
      producer_ = *KafkaProducer::Open({.properties = Impatient(), .transactional_id = id_, .log = {}});
      if (!producer_->Init(kPatienceMs).ok()) return producer_.reset();
    }
    std::vector<KafkaPartition> all;
    for (const int32_t partition : unplaced_) all.push_back({in_, partition});
    const auto committed = consumer_->Committed(all, 200);
    if (!committed.has_value()) return;
    for (const KafkaOffset& at : *committed) {
      if (!consumer_->Seek({in_, at.partition, std::max<int64_t>(at.offset, 0)}).has_value()) continue;
      EXPECT_TRUE(consumer_->Resume({{in_, at.partition}}).has_value());
      unplaced_.erase(at.partition);
      placed_.insert(at.partition);
    }
  }

  const std::string id_;
  const std::string in_;
  const std::string out_;
  std::unique_ptr<KafkaConsumer> consumer_;
  std::unique_ptr<KafkaProducer> producer_;
  std::set<int32_t> placed_;
  std::set<int32_t> unplaced_;  // added and paused: where to begin is not known
  bool doomed_ = false;
  bool dead_ = false;
};

class StormTest : public BrokerTest {};

TEST_F(StormTest, EveryRecordPassesOnceAndInOrder) {
  const std::string in = Topic(kPartitions);
  const std::string out = Topic(kPartitions);
  const auto source = Producer();
  const auto reader = Consumer();
  std::vector<KafkaOffset> from;
  for (int32_t partition = 0; partition < kPartitions; ++partition) from.push_back({out, partition, 0});
  ASSERT_TRUE(reader->Add(from).has_value());
  std::vector<std::vector<std::string>> seen(kPartitions);
  size_t count = 0;

  std::vector<std::unique_ptr<Worker>> workers;
  for (const char* id : {"a", "b"}) workers.push_back(std::make_unique<Worker>(in + id, in, out));
  std::mt19937 random(7);
  int produced = 0;
  int deaths = 0;
  for (int round = 0, next_doom = 500; count < kRecords && round < 3'000; ++round) {
    for (int i = 0; i < 40 && produced < kRecords; ++i, ++produced) {
      MustProduce(source.get(), in, produced % kPartitions, std::to_string(produced));
    }
    for (const auto& worker : workers) worker->Step();
    if (round == 30) Hurt("pause 1");
    if (round == 32) Hurt("resume 1");
    if (round == 80) {
      Hurt("kill 1");
      Hurt("start 1");
    }
    if (count >= static_cast<size_t>(next_doom)) {
      workers[random() % 2]->Doom();
      next_doom += 1'000;
    }
    for (size_t which = 0; which < workers.size(); ++which) {
      if (!workers[which]->dead()) continue;
      ++deaths;
      workers[which] = nullptr;
      workers[which] = std::make_unique<Worker>(in + (which == 0 ? "a" : "b"), in, out);
    }
    for (const KafkaRecord& record : reader->Poll(1000, 5).records) {
      seen[record.partition].emplace_back(*record.value);
      ++count;
    }
  }
  for (const KafkaRecord& record : reader->Poll(1000, 300).records) seen[record.partition].emplace_back(*record.value);

  for (int32_t partition = 0; partition < kPartitions; ++partition) {
    ASSERT_EQ(seen[partition].size(), kRecords / kPartitions) << "of partition " << partition;
    for (size_t i = 0; i < seen[partition].size(); ++i) {
      ASSERT_EQ(seen[partition][i], std::to_string(i * kPartitions + partition));
    }
  }
  EXPECT_GT(deaths, 0);
}

}  // namespace
}  // namespace braid
