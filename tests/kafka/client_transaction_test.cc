// What transactions promise, beside a real broker.
#include <gmock/gmock.h>

#include <ctime>

#include "broker_test_util.h"

namespace braid {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;
using Kind = KafkaTransactionResult::Kind;

#define ASSERT_OK(expression)                                    \
  do {                                                           \
    const KafkaTransactionResult its_result = (expression);      \
    ASSERT_EQ(its_result.kind, Kind::kOk) << its_result.message; \
  } while (false)

class TransactionTest : public BrokerTest {
 protected:
  // A member of a group of its own that has all partitions of `topic`.
  static std::unique_ptr<KafkaConsumer> MemberOf(const std::string& group, const std::string& topic,
                                                 std::vector<std::pair<std::string, std::string>> more = {}) {
    auto consumer = Consumer(group, std::move(more));
    EXPECT_TRUE(consumer->Subscribe({topic}).has_value());
    bool assigned = false;
    EXPECT_TRUE(PollUntil(
        consumer.get(),
        [&](const KafkaBatch& batch) {
          for (const KafkaEvent& event : batch.events) {
            if (event.kind != KafkaEvent::Kind::kAssigned) continue;
            std::vector<KafkaOffset> from;
            for (const KafkaPartition& each : event.partitions) from.push_back({each.topic, each.partition, 0});
            EXPECT_TRUE(consumer->Add(from).has_value());
            assigned = true;
          }
        },
        [&] { return assigned; }));
    return consumer;
  }

  static int64_t CommittedOf(KafkaConsumer* consumer, const std::string& topic) {
    const auto committed = consumer->Committed({{topic, 0}}, kLongMs);
    EXPECT_TRUE(committed.has_value()) << committed.error().message;
    return committed.has_value() ? (*committed)[0].offset : -7;
  }
};

TEST_F(TransactionTest, CommittedRecordsAndOffsetsAreSeenAndAbortedOnesAreNot) {
  const std::string in = Topic(1);
  const std::string out = Topic(1);
  const auto consumer = MemberOf(in, in);
  const auto producer = Producer(in);
  EXPECT_EQ(CommittedOf(consumer.get(), in), kKafkaNone);
  ASSERT_OK(producer->Init(kLongMs));
  ASSERT_OK(producer->Begin());
  MustProduce(producer.get(), out, 0, "one");
  MustProduce(producer.get(), out, 0, "two");
  ASSERT_OK(producer->SendOffsets({{in, 0, 12}}, consumer->GroupMetadata(), kLongMs));
  ASSERT_OK(producer->Commit(kLongMs));
  // The mark that ends the transaction is behind the last record, and counted.
  EXPECT_EQ(ReadAll(out, 0), std::make_pair(std::vector<std::string>{"one", "two"}, int64_t{3}));
  EXPECT_EQ(CommittedOf(consumer.get(), in), 12);

  ASSERT_OK(producer->Begin());
  MustProduce(producer.get(), out, 0, "never");
  ASSERT_OK(producer->SendOffsets({{in, 0, 13}}, consumer->GroupMetadata(), kLongMs));
  ASSERT_TRUE(producer->Flush(kLongMs).has_value());
  // Open: its record is on the broker and hidden, and so is where the group stands.
  EXPECT_EQ(ReadAll(out, 0).second, 3);
  EXPECT_EQ(consumer->QueryWatermarks({out, 0}, kLongMs)->high, 3);
  EXPECT_EQ(consumer->Committed({{in, 0}}, 300).error().code, ErrorCode::kTransient);
  ASSERT_OK(producer->Abort(kLongMs));
  EXPECT_EQ(ReadAll(out, 0), std::make_pair(std::vector<std::string>{"one", "two"}, int64_t{5}));
  EXPECT_EQ(CommittedOf(consumer.get(), in), 12);

  ASSERT_OK(producer->Begin());
  ASSERT_OK(producer->Commit(kLongMs));
  ASSERT_OK(producer->Begin());
  MustProduce(producer.get(), out, 0, "three");
  ASSERT_OK(producer->Commit(kLongMs));
  EXPECT_THAT(ReadAll(out, 0).first, ElementsAre("one", "two", "three"));
}

TEST_F(TransactionTest, AZombieIsFenced) {
  const std::string topic = Topic(1);
  auto zombie = Producer(topic);
  ASSERT_OK(zombie->Init(kLongMs));
  ASSERT_OK(zombie->Begin());
  MustProduce(zombie.get(), topic, 0, "zombie");
  ASSERT_TRUE(zombie->Flush(kLongMs).has_value());

  const auto heir = Producer(topic);
  ASSERT_OK(heir->Init(kLongMs));
  ASSERT_OK(heir->Begin());
  MustProduce(heir.get(), topic, 0, "heir");
  ASSERT_OK(heir->Commit(kLongMs));

  const KafkaTransactionResult late = zombie->Commit(kLongMs);
  EXPECT_EQ(late.kind, Kind::kRenew);
  EXPECT_THAT(late.message, HasSubstr("another producer with the same transactional id"));
  EXPECT_TRUE(zombie->failed());
  EXPECT_FALSE(zombie->Poll(0).has_value());
  EXPECT_EQ(zombie->Begin().kind, Kind::kRenew);
  EXPECT_EQ(zombie->Produce(topic, 0, std::nullopt, "x").error().code, ErrorCode::kTransient);
  zombie.reset();
  EXPECT_THAT(ReadAll(topic, 0).first, ElementsAre("heir"));
}

TEST_F(TransactionTest, WhoLostItsPlaceInTheGroupCannotCommit) {
  const std::string in = Topic(1);
  const std::string out = Topic(1);
  auto lost = MemberOf(in, in);
  const auto producer = Producer(in + "-a");
  ASSERT_OK(producer->Init(kLongMs));
  ASSERT_OK(producer->Begin());
  MustProduce(producer.get(), out, 0, "lost");
  const KafkaGroupMetadata stale = lost->GroupMetadata();
  lost->Close(kLongMs);

  const auto now = MemberOf(in, in);
  const KafkaTransactionResult refused = producer->SendOffsets({{in, 0, 5}}, stale, kLongMs);
  EXPECT_EQ(refused.kind, Kind::kAbort) << refused.message;
  EXPECT_EQ(producer->Commit(1000).kind, Kind::kAbort);
  ASSERT_OK(producer->Abort(kLongMs));
  EXPECT_THAT(ReadAll(out, 0).first, SizeIs(0));
  EXPECT_EQ(CommittedOf(now.get(), in), kKafkaNone);
  // The producer itself goes on.
  ASSERT_OK(producer->Begin());
  MustProduce(producer.get(), out, 0, "found");
  ASSERT_OK(producer->SendOffsets({{in, 0, 6}}, now->GroupMetadata(), kLongMs));
  ASSERT_OK(producer->Commit(kLongMs));
  EXPECT_THAT(ReadAll(out, 0).first, ElementsAre("found"));
}

TEST_F(TransactionTest, WhatADeadProducerLeftOpenEndsWithItsHeirsInit) {
  const std::string topic = Topic(1);
  {
    const auto dead = Producer(topic);
    ASSERT_OK(dead->Init(kLongMs));
    ASSERT_OK(dead->Begin());
    MustProduce(dead.get(), topic, 0, "open");
    ASSERT_TRUE(dead->Flush(kLongMs).has_value());
  }
  EXPECT_EQ(ReadAll(topic, 0).second, 0);
  const auto heir = Producer(topic);
  ASSERT_OK(heir->Init(kLongMs));
  ASSERT_OK(heir->Begin());
  MustProduce(heir.get(), topic, 0, "heir");
  ASSERT_OK(heir->Commit(kLongMs));
  EXPECT_THAT(ReadAll(topic, 0).first, ElementsAre("heir"));
}

TEST_F(TransactionTest, ARecordThatIsRefusedEndsItsTransactionAndProducer) {
  const std::string topic = Topic(1, {{"max.message.bytes", "10000"}});
  KafkaProperties properties = Properties();
  properties.Set("compression.type", "none");
  const auto open = [&] {
    return *KafkaProducer::Open({.properties = properties, .transactional_id = topic, .log = {}});
  };
  auto producer = open();
  ASSERT_OK(producer->Init(kLongMs));
  ASSERT_OK(producer->Begin());
  MustProduce(producer.get(), topic, 0, "fits");
  ASSERT_TRUE(producer->Flush(kLongMs).has_value());
  MustProduce(producer.get(), topic, 0, std::string(20'000, 'x'));
  const KafkaTransactionResult refused = producer->Commit(kLongMs);
  EXPECT_EQ(refused.kind, Kind::kRenew);
  EXPECT_THAT(refused.message, AllOf(HasSubstr(topic), HasSubstr("max.message.bytes"), Not(HasSubstr("xxx"))));
  // Also where it is aborted nevertheless.
  ASSERT_OK(producer->Abort(kLongMs));
  EXPECT_EQ(producer->Begin().kind, Kind::kRenew);
  producer = open();
  ASSERT_OK(producer->Init(kLongMs));
  ASSERT_OK(producer->Begin());
  MustProduce(producer.get(), topic, 0, "fits too");
  ASSERT_OK(producer->Commit(kLongMs));
  EXPECT_THAT(ReadAll(topic, 0).first, ElementsAre("fits too"));
}

// However the commit ended that nobody heard of: what readers see and where the group stands agree.
TEST_F(TransactionTest, ACommitWithoutAnAnswerIsFoundOutByAnotherProducer) {
  const std::string in = Topic(1);
  const std::string out = Topic(1);
  // While the broker sleeps it must not lose its member.
  const auto consumer = MemberOf(in, in);
  auto producer = Producer(in);
  ASSERT_OK(producer->Init(kLongMs));
  ASSERT_OK(producer->Begin());
  MustProduce(producer.get(), out, 0, "perhaps");
  ASSERT_OK(producer->SendOffsets({{in, 0, 5}}, consumer->GroupMetadata(), kLongMs));
  ASSERT_TRUE(producer->Flush(kLongMs).has_value());
  Hurt("pause 1");
  const KafkaTransactionResult unheard = producer->Commit(1000);
  Hurt("resume 1");
  EXPECT_EQ(unheard.kind, Kind::kRenew) << unheard.message;
  EXPECT_THAT(unheard.message, HasSubstr("127.0.0.1"));
  producer = Producer(in);
  ASSERT_OK(producer->Init(kLongMs));

  const int64_t stands = CommittedOf(consumer.get(), in);
  const std::vector<std::string> seen = ReadAll(out, 0).first;
  EXPECT_THAT(stands, AnyOf(kKafkaNone, 5));
  EXPECT_EQ(seen.size(), stands == 5 ? 1 : 0);
}

TEST_F(TransactionTest, OffsetsThatNobodyTakesAreGivenUp) {
  const std::string topic = Topic(1);
  const auto consumer = MemberOf(topic, topic);
  KafkaProperties properties = Properties();
  properties.Set("socket.timeout.ms", "1000");
  const auto producer = *KafkaProducer::Open({.properties = properties, .transactional_id = topic, .log = {}});
  ASSERT_OK(producer->Init(kLongMs));
  ASSERT_OK(producer->Begin());
  Hurt("pause 1");
  const time_t before = time(nullptr);
  const KafkaTransactionResult unanswered = producer->SendOffsets({{topic, 0, 5}}, consumer->GroupMetadata(), 500);
  EXPECT_LE(time(nullptr) - before, 5);
  Hurt("resume 1");
  EXPECT_EQ(unanswered.kind, Kind::kAbort) << unanswered.message;
  ASSERT_OK(producer->Abort(kLongMs));
  EXPECT_EQ(CommittedOf(consumer.get(), topic), kKafkaNone);
}

TEST_F(TransactionTest, WithoutAnAnswerToItsRecordsATransactionIsNotCommitted) {
  const std::string topic = Topic(1);
  auto producer = Producer(topic);
  ASSERT_OK(producer->Init(kLongMs));
  ASSERT_OK(producer->Begin());
  MustProduce(producer.get(), topic, 0, "never");
  Hurt("pause 1");
  const KafkaTransactionResult unanswered = producer->Commit(1000);
  Hurt("resume 1");
  EXPECT_EQ(unanswered.kind, Kind::kAbort) << unanswered.message;
  const KafkaTransactionResult aborted = producer->Abort(kLongMs);
  ASSERT_OK(aborted);
  EXPECT_THAT(ReadAll(topic, 0).first, SizeIs(0));
  ASSERT_OK(producer->Begin());
  MustProduce(producer.get(), topic, 0, "then");
  ASSERT_OK(producer->Commit(kLongMs));
  EXPECT_THAT(ReadAll(topic, 0).first, ElementsAre("then"));
}

TEST_F(TransactionTest, TheBrokerIsKilledInATransactionAndItGoesOn) {
  const std::string topic = Topic(2);
  auto producer = Producer(topic);
  ASSERT_OK(producer->Init(kLongMs));
  ASSERT_OK(producer->Begin());
  MustProduce(producer.get(), topic, 0, "before");
  ASSERT_TRUE(producer->Flush(kLongMs).has_value());
  Hurt("kill 1");
  MustProduce(producer.get(), topic, 1, "between");
  Hurt("start 1");
  MustProduce(producer.get(), topic, 0, "after");
  KafkaTransactionResult result = producer->Commit(2 * kLongMs);
  const bool committed = result.ok();
  // Whatever it says is true, and what has to be done then works.
  if (result.kind == Kind::kAbort) result = producer->Abort(kLongMs);
  if (result.kind == Kind::kRenew) {
    producer = Producer(topic);
    ASSERT_OK(producer->Init(kLongMs));
  }
  const size_t seen = ReadAll(topic, 0).first.size() + ReadAll(topic, 1).first.size();
  EXPECT_THAT(seen, AnyOf(0, 3));
  EXPECT_TRUE(!committed || seen == 3);
  if (producer->Begin().kind == Kind::kRenew) {
    producer = Producer(topic);
    ASSERT_OK(producer->Init(kLongMs));
    ASSERT_OK(producer->Begin());
  }
  MustProduce(producer.get(), topic, 0, "next");
  ASSERT_OK(producer->Commit(kLongMs));
  EXPECT_EQ(ReadAll(topic, 0).first.size() + ReadAll(topic, 1).first.size(), seen + 1);
}

}  // namespace
}  // namespace braid
