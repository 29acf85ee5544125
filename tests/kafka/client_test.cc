// What producer, consumer and admin promise, beside a real broker.
#include <gmock/gmock.h>

#include <random>
#include <set>

#include "broker_test_util.h"

namespace braid {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;
using Kind = KafkaEvent::Kind;

class ClientTest : public BrokerTest {};

TEST_F(ClientTest, TopicsAreMadeOnceAndKeepTheirPartitions) {
  const auto admin = Admin();
  const Status reachable = admin->CheckReachable(kLongMs);
  ASSERT_TRUE(reachable.has_value()) << reachable.error().message;
  const std::string topic = Topic(3, {{"cleanup.policy", "compact"}});
  EXPECT_EQ(*admin->Partitions(topic, kLongMs), 3);
  EXPECT_EQ(admin->TopicConfigs(topic, kLongMs)->at("cleanup.policy"), "compact");

  EXPECT_TRUE(admin->CreateTopics({{topic, 3, -1, {}}}, kLongMs).has_value());
  const Status other = admin->CreateTopics({{topic, 4, -1, {}}}, kLongMs);
  ASSERT_FALSE(other.has_value());
  EXPECT_EQ(other.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(other.error().message, AllOf(HasSubstr(topic), HasSubstr("has 3 partitions, and 4 are wanted")));

  const Status unknown = admin->CreateTopics({{topic + "-x", 1, -1, {{"cleanup.polici", "x"}}}}, kLongMs);
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(unknown.error().message, HasSubstr("cleanup.polici"));

  EXPECT_TRUE(admin->DeleteTopics({topic, topic + "-never"}, kLongMs).has_value());
  EXPECT_EQ(admin->Partitions(topic + "-never", kLongMs).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(admin->TopicConfigs(topic + "-never", kLongMs).error().code, ErrorCode::kNotFound);
}

TEST_F(ClientTest, RecordsComeBackAsTheyWere) {
  const std::string topic = Topic(2);
  const auto producer = Producer();
  const std::vector<KafkaHeader> headers = {{"a", "1"}, {"empty", ""}, {"a", std::string_view("2\0x", 3)}};
  ASSERT_TRUE(*producer->Produce(topic, 1, "key", "value", headers, 1'700'000'000'123));
  ASSERT_TRUE(*producer->Produce(topic, 1, "gone", std::nullopt));
  ASSERT_TRUE(*producer->Produce(topic, 1, std::nullopt, ""));
  EXPECT_EQ(producer->Acked(topic, 1), 0);
  EXPECT_EQ(producer->LastAckedOffset(topic, 1), kKafkaNone);
  const Status flushed = producer->Flush(kLongMs);
  ASSERT_TRUE(flushed.has_value()) << flushed.error().message;
  EXPECT_EQ(producer->Produced(topic, 1), 3);
  EXPECT_EQ(producer->Acked(topic, 1), 3);
  EXPECT_EQ(producer->Acked(topic, 0), 0);
  EXPECT_EQ(producer->LastAckedOffset(topic, 1), 2);

  const auto consumer = Consumer();
  ASSERT_TRUE(consumer->Add({{topic, 1, 0}}).has_value());
  std::vector<KafkaRecord> seen;
  const KafkaBatch* batch = &consumer->Poll(10, kLongMs);
  ASSERT_THAT(batch->records, SizeIs(3)) << "one batch on the broker comes at once";
  const KafkaRecord& first = batch->records[0];
  EXPECT_EQ(first.topic, topic);
  EXPECT_EQ(first.partition, 1);
  EXPECT_EQ(first.offset, 0);
  EXPECT_EQ(first.timestamp_ms, 1'700'000'000'123);
  EXPECT_EQ(first.key, "key");
  EXPECT_EQ(first.value, "value");
  EXPECT_EQ(first.Header("a"), std::string_view("2\0x", 3));
  EXPECT_EQ(first.Header("empty"), "");
  EXPECT_EQ(first.Header("b"), std::nullopt);
  ASSERT_THAT(first.Headers(), SizeIs(3));
  EXPECT_EQ(first.Headers()[0].value, "1");
  EXPECT_EQ(batch->records[1].value, std::nullopt);
  EXPECT_EQ(batch->records[2].key, std::nullopt);
  EXPECT_EQ(batch->records[2].value, "");
  EXPECT_GT(batch->records[2].timestamp_ms, 1'700'000'000'123);
  EXPECT_THAT(batch->records[2].Headers(), SizeIs(0));
  EXPECT_EQ(consumer->Position({topic, 1}), 3);

  int64_t end = kKafkaNone;
  EXPECT_TRUE(PollUntil(
      consumer.get(),
      [&](const KafkaBatch& more) {
        for (const KafkaEvent& event : more.events) end = event.kind == Kind::kEnd ? event.offset : end;
      },
      [&] { return end != kKafkaNone; }));
  EXPECT_EQ(end, 3);
  EXPECT_EQ(consumer->QueryWatermarks({topic, 1}, kLongMs)->high, 3);
  EXPECT_EQ((*consumer->OffsetsForTime({{topic, 1}}, 1'700'000'000'124, kLongMs))[0].offset, 1);
  EXPECT_EQ((*consumer->OffsetsForTime({{topic, 0}}, 0, kLongMs))[0].offset, kKafkaEnd);
  EXPECT_EQ(consumer->QueryWatermarks({topic + "-never", 1}, 2000).error().code, ErrorCode::kNotFound);
}

TEST_F(ClientTest, WhatComesBehindAnEndIsNotSkippedByAPause) {
  const std::string topic = Topic(1);
  const auto producer = Producer();
  const auto consumer = Consumer();
  ASSERT_TRUE(consumer->Add({{topic, 0, kKafkaBeginning}}).has_value());
  std::vector<int64_t> seen;
  for (int64_t round = 0; round < 5; ++round) {
    ASSERT_TRUE(*producer->Produce(topic, 0, std::nullopt, "x"));
    ASSERT_TRUE(producer->Flush(kLongMs).has_value());
    // So that the record and the end wait together.
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    int64_t end = kKafkaNone;
    EXPECT_TRUE(PollUntil(
        consumer.get(),
        [&](const KafkaBatch& batch) {
          for (const KafkaRecord& record : batch.records) seen.push_back(record.offset);
          for (const KafkaEvent& event : batch.events) end = event.kind == Kind::kEnd ? event.offset : end;
        },
        [&] { return end == round + 1; }));
    ASSERT_TRUE(consumer->Pause({{topic, 0}}).has_value());
    ASSERT_TRUE(consumer->Resume({{topic, 0}}).has_value());
  }
  EXPECT_THAT(seen, ElementsAre(0, 1, 2, 3, 4));
}

TEST_F(ClientTest, ManyRecordsArriveOnceAndInOrderThroughASmallQueue) {
  const std::string topic = Topic(4);
  const auto producer = Producer("", 64 << 10);
  uint64_t full = 0;
  for (int i = 0; i < 20'000; ++i) {
    for (;;) {
      const Result<bool> produced = producer->Produce(topic, i % 4, std::nullopt, std::to_string(i));
      ASSERT_TRUE(produced.has_value());
      ASSERT_LE(producer->stats().queued * 208, 64 << 10);
      if (*produced) break;
      ++full;
      ASSERT_TRUE(producer->Poll(10).has_value());
    }
  }
  EXPECT_GT(full, 0);
  ASSERT_TRUE(producer->Flush(kLongMs).has_value());
  for (int32_t partition = 0; partition < 4; ++partition) {
    EXPECT_EQ(producer->Acked(topic, partition), 5'000);
    const auto [values, end] = ReadAll(topic, partition);
    ASSERT_THAT(values, SizeIs(5'000));
    EXPECT_EQ(end, 5'000);
    for (int i = 0; i < 5'000; ++i) ASSERT_EQ(values[i], std::to_string(4 * i + partition));
  }
}

TEST_F(ClientTest, ARecordThatIsTooLargeIsSaidSo) {
  const std::string topic = Topic(1, {{"max.message.bytes", "6000000"}});
  const auto producer = Producer("", 1 << 20);
  // Larger than the queue: one at a time goes through.
  std::string large(5'000'000, 'x');
  std::mt19937 random(1);
  for (char& byte : large) byte = static_cast<char>(random());
  ASSERT_TRUE(*producer->Produce(topic, 0, std::nullopt, large));
  const Status flushed = producer->Flush(kLongMs);
  ASSERT_TRUE(flushed.has_value()) << flushed.error().message;
  EXPECT_THAT(ReadAll(topic, 0).first, ElementsAre(large));

  // More than the client sends at all: this record only.
  const Result<bool> never = producer->Produce(topic, 0, std::nullopt, std::string(70 << 20, 'x'));
  EXPECT_EQ(never.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(never.error().message, HasSubstr("message.max.bytes"));
  EXPECT_FALSE(producer->failed());
  // More than the broker takes: what comes behind must not get past the gap.
  ASSERT_TRUE(*producer->Produce(topic, 0, std::nullopt, large + large));
  EXPECT_FALSE(producer->Flush(kLongMs).has_value());
  EXPECT_TRUE(producer->failed());
  EXPECT_EQ(producer->Acked(topic, 0), 1);
  const Result<bool> after = producer->Produce(topic, 0, std::nullopt, "after");
  EXPECT_EQ(after.error().code, ErrorCode::kTransient);
  EXPECT_THAT(after.error().message, AllOf(HasSubstr(topic), HasSubstr("max.message.bytes")));
  EXPECT_THAT(after.error().message, SizeIs(testing::Lt(400))) << "the record itself is in nobody's log";
}

TEST_F(ClientTest, ABrokerThatIsKilledAndComesBackLosesAndDoublesNothing) {
  const std::string topic = Topic(2);
  const auto producer = Producer("", 256 << 10);
  const auto consumer = Consumer("killed");
  ASSERT_TRUE(consumer->Add({{topic, 0, 0}, {topic, 1, 0}}).has_value());
  std::map<int32_t, std::vector<std::string>> seen;
  const auto take = [&](const KafkaBatch& batch) {
    for (const KafkaRecord& record : batch.records) seen[record.partition].emplace_back(*record.value);
    for (const KafkaEvent& event : batch.events) EXPECT_FALSE(event.fatal) << event.message;
  };
  int next = 0;
  const auto produce = [&](int until) {
    for (; next < until; ++next) MustProduce(producer.get(), topic, next % 2, std::to_string(next));
  };
  produce(20'000);
  take(consumer->Poll(1000, 100));
  Hurt("kill 1");
  // It fills its queue, and says why nothing moves.
  bool full = false;
  for (int i = 0; i < 10'000 && !full; ++i, ++next) {
    const Result<bool> produced = producer->Produce(topic, next % 2, std::nullopt, std::to_string(next));
    ASSERT_TRUE(produced.has_value());
    if ((full = !*produced)) break;
  }
  EXPECT_TRUE(full);
  for (int i = 0; i < 50 && producer->stats().last_error.empty(); ++i) ASSERT_TRUE(producer->Poll(20).has_value());
  EXPECT_THAT(producer->stats().last_error, HasSubstr("is Kafka running"));
  EXPECT_EQ(producer->Flush(100).error().code, ErrorCode::kTransient);
  take(consumer->Poll(1000, 100));
  EXPECT_EQ(consumer->QueryWatermarks({topic, 0}, 100).error().code, ErrorCode::kTransient);

  Hurt("start 1");
  produce(next + 20'000);
  const Status flushed = producer->Flush(kLongMs);
  ASSERT_TRUE(flushed.has_value()) << flushed.error().message;
  EXPECT_EQ(producer->stats().last_error, "");
  EXPECT_TRUE(
      PollUntil(consumer.get(), take, [&] { return seen[0].size() + seen[1].size() >= static_cast<size_t>(next); }));
  take(consumer->Poll(1000, 300));
  for (int32_t partition = 0; partition < 2; ++partition) {
    ASSERT_THAT(seen[partition], SizeIs((next + 1 - partition) / 2));
    for (size_t i = 0; i < seen[partition].size(); ++i)
      ASSERT_EQ(seen[partition][i], std::to_string(2 * i + partition));
  }
}

TEST_F(ClientTest, ReadingGoesWhereItIsSent) {
  const std::string topic = Topic(2);
  const auto producer = Producer();
  for (int i = 0; i < 100; ++i) MustProduce(producer.get(), topic, i % 2, std::to_string(i));
  ASSERT_TRUE(producer->Flush(kLongMs).has_value());
  const auto consumer = Consumer();
  std::vector<std::string> seen;
  std::vector<KafkaEvent> events;
  const auto take = [&](const KafkaBatch& batch) {
    for (const KafkaRecord& record : batch.records) {
      seen.push_back(std::to_string(record.partition) + ":" + std::to_string(record.offset));
    }
    for (const KafkaEvent& event : batch.events) events.push_back(event);
  };
  // Paused: nothing comes, although one of them could not even be read from there.
  ASSERT_TRUE(consumer->Add({{topic, 0, 0}, {topic, 1, 1000}}, true).has_value());
  for (int i = 0; i < 10; ++i) take(consumer->Poll(10, 20));
  EXPECT_THAT(seen, ElementsAre());
  EXPECT_THAT(events, SizeIs(0));

  const Status went = consumer->Seek({topic, 0, 48});
  ASSERT_TRUE(went.has_value()) << went.error().message;
  ASSERT_TRUE(consumer->Resume({{topic, 0}}).has_value());
  EXPECT_TRUE(PollUntil(consumer.get(), take, [&] { return !events.empty(); }));
  EXPECT_THAT(seen, ElementsAre("0:48", "0:49"));
  EXPECT_EQ(events[0].kind, Kind::kEnd);
  EXPECT_EQ(events[0].offset, 50);

  seen.clear();
  events.clear();
  ASSERT_TRUE(consumer->Resume({{topic, 1}}).has_value());
  EXPECT_TRUE(PollUntil(consumer.get(), take, [&] { return !events.empty(); }));
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0].kind, Kind::kOutOfRange);
  EXPECT_THAT(events[0].partitions, ElementsAre(KafkaPartition{topic, 1}));
  EXPECT_THAT(events[0].message, HasSubstr(topic));
  ASSERT_TRUE(consumer->Seek({topic, 1, 49}).has_value());
  EXPECT_TRUE(PollUntil(consumer.get(), take, [&] { return seen.size() == 1; }));
  EXPECT_THAT(seen, ElementsAre("1:49"));

  ASSERT_TRUE(consumer->Remove({{topic, 0}}).has_value());
  for (int i = 0; i < 10; ++i) MustProduce(producer.get(), topic, i % 2, "more");
  ASSERT_TRUE(producer->Flush(kLongMs).has_value());
  EXPECT_TRUE(PollUntil(consumer.get(), take, [&] { return seen.size() >= 6; }));
  take(consumer->Poll(10, 100));
  EXPECT_THAT(seen, ElementsAre("1:49", "1:50", "1:51", "1:52", "1:53", "1:54"));
}

// A member of a group that answers at once, and remembers what it has.
struct Member {
  std::unique_ptr<KafkaConsumer> consumer;
  std::set<int32_t> has;
  std::vector<Kind> told;

  void Step() {
    for (const KafkaEvent& event : consumer->Poll(1000, 20).events) {
      if (event.kind != Kind::kAssigned && event.kind != Kind::kRevoked && event.kind != Kind::kLost) continue;
      told.push_back(event.kind);
      std::vector<KafkaOffset> from;
      for (const KafkaPartition& partition : event.partitions)
        from.push_back({partition.topic, partition.partition, 0});
      const bool assigned = event.kind == Kind::kAssigned;
      const Status answered = assigned ? consumer->Add(from, true) : consumer->Remove(event.partitions);
      EXPECT_TRUE(answered.has_value()) << answered.error().message;
      for (const KafkaPartition& partition : event.partitions) {
        assigned ? static_cast<void>(has.insert(partition.partition))
                 : static_cast<void>(has.erase(partition.partition));
      }
    }
  }
};

bool StepUntil(std::vector<Member*> members, const std::function<bool()>& done) {
  for (int i = 0; i < 3000 && !done(); ++i) {
    for (Member* member : members) member->Step();
  }
  return done();
}

class GroupTest : public BrokerTest {};

TEST_F(GroupTest, PartitionsGoFromMemberToMember) {
  const std::string topic = Topic(4);
  const std::vector<std::pair<std::string, std::string>> quick = {{"heartbeat.interval.ms", "200"}};
  Member first{Consumer(topic, quick), {}, {}};
  ASSERT_TRUE(first.consumer->Subscribe({topic}).has_value());
  ASSERT_TRUE(StepUntil({&first}, [&] { return first.has.size() == 4; }));

  Member second{Consumer(topic, quick), {}, {}};
  ASSERT_TRUE(second.consumer->Subscribe({topic}).has_value());
  ASSERT_TRUE(StepUntil({&first, &second}, [&] { return first.has.size() == 2 && second.has.size() == 2; }));
  for (const int32_t partition : first.has) EXPECT_FALSE(second.has.contains(partition));
  EXPECT_EQ(std::count(first.told.begin(), first.told.end(), Kind::kRevoked), 1);

  const auto admin = Admin();
  KafkaGroup group;
  ASSERT_TRUE(StepUntil({&first, &second}, [&] {
    const auto asked = admin->Group(topic, kLongMs);
    if (asked.has_value()) group = *asked;
    return group.state == KafkaGroup::State::kStable;
  }));
  EXPECT_THAT(group.given, SizeIs(4));
  EXPECT_TRUE(group.given.contains({topic, 3}));
  EXPECT_EQ(admin->Group(topic + "-never", kLongMs)->state, KafkaGroup::State::kNobody);

  // One that takes minutes to be ready stays a member, for it polls.
  second.consumer->Close(kLongMs);
  ASSERT_TRUE(StepUntil({&first}, [&] { return first.has.size() == 4; }));
  EXPECT_EQ(std::count(first.told.begin(), first.told.end(), Kind::kLost), 0);
}

}  // namespace
}  // namespace braid
