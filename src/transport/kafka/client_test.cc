// What the clients do without a broker, or with librdkafka's own imitation of some.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rdkafka.h>
#include <rdkafka_mock.h>

#include <string>
#include <vector>

#include "transport/kafka/admin.h"
#include "transport/kafka/consumer.h"
#include "transport/kafka/producer.h"

namespace braid {
namespace {

using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using Kind = KafkaTransactionResult::Kind;

// Nobody listens there.
constexpr const char* kNowhere = "127.0.0.1:1";
constexpr int kLongMs = 10'000;

// Brokers that live in this process and fail as they are told.
class MockBrokers {
 public:
  MockBrokers() {
    char words[256];
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, nullptr);
    handle_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, words, sizeof(words));
    cluster_ = rd_kafka_mock_cluster_new(handle_, 1);
  }
  ~MockBrokers() {
    rd_kafka_mock_cluster_destroy(cluster_);
    rd_kafka_destroy(handle_);
  }

  KafkaProperties properties() const { return {{"bootstrap.servers", rd_kafka_mock_cluster_bootstraps(cluster_)}}; }
  void MakeTopic(const char* name, int partitions) { rd_kafka_mock_topic_create(cluster_, name, partitions, 1); }

  // The next requests of this API are answered so.
  template <typename... Errors>
  void Fail(int16_t api, Errors... errors) {
    rd_kafka_mock_push_request_errors(cluster_, api, sizeof...(errors), errors...);
  }
  // How many requests of this API have come.
  size_t Requests(int16_t api) {
    size_t count = 0;
    size_t of_this = 0;
    rd_kafka_mock_request_t** requests = rd_kafka_mock_get_requests(cluster_, &count);
    for (size_t i = 0; i < count; ++i) of_this += rd_kafka_mock_request_api_key(requests[i]) == api ? 1 : 0;
    rd_kafka_mock_request_destroy_array(requests, count);
    return of_this;
  }
  void CountRequests() { rd_kafka_mock_start_request_tracking(cluster_); }
  void AnswerLate(int milliseconds) { rd_kafka_mock_broker_set_rtt(cluster_, 1, milliseconds); }

 private:
  rd_kafka_t* handle_;
  rd_kafka_mock_cluster_t* cluster_;
};

constexpr int16_t kProduceApi = 0;
constexpr int16_t kEndTxnApi = 26;

TEST(KafkaPropertiesTest, WhatCannotBeIsNamedAndNeverShown) {
  EXPECT_EQ(WhyNotKafkaProperties({{"bootstrap.servers", kNowhere}, {"sasl.password", "hunter2"}}), "");
  EXPECT_EQ(WhyNotKafkaProperties({{"metadata.broker.list", kNowhere}}), "");
  EXPECT_THAT(WhyNotKafkaProperties({{"linger.ms", "5"}}), HasSubstr("bootstrap.servers"));
  EXPECT_THAT(WhyNotKafkaProperties({{"bootstrap.servers", kNowhere}, {"sasl.pasword", "hunter2"}}),
              AllOf(HasSubstr("\"sasl.pasword\""), HasSubstr("2.12.1"), Not(HasSubstr("hunter2"))));
  EXPECT_THAT(WhyNotKafkaProperties({{"bootstrap.servers", kNowhere}, {"security.protocol", "hunter2"}}),
              AllOf(HasSubstr("\"security.protocol\""), Not(HasSubstr("hunter2"))));
  for (const char* decided : {"acks", "isolation.level", "transactional.id", "group.id", "enable.auto.commit"}) {
    EXPECT_THAT(WhyNotKafkaProperties({{"bootstrap.servers", kNowhere}, {decided, "all"}}),
                AllOf(HasSubstr(decided), HasSubstr("leave it out")));
  }
}

TEST(KafkaPropertiesTest, SecretsAreHiddenInAnyText) {
  const KafkaProperties properties = {{"bootstrap.servers", "b:1,c:2"},
                                      {"sasl.username", "agent"},
                                      {"sasl.password", "s3"},
                                      {"ssl.key.password", "s3cret"},
                                      {"sasl.oauthbearer.client.secret", ""}};
  EXPECT_EQ(properties.Redacted("agent/s3 said s3cret, s3"), "agent/[hidden] said [hidden]cret, [hidden]");
  EXPECT_EQ(properties.Redacted(""), "");
  EXPECT_EQ(properties.brokers(), "b:1,c:2");
  EXPECT_EQ(properties.Get("sasl.username"), "agent");
  EXPECT_EQ(properties.Get("nothing"), "");
}

TEST(KafkaPropertiesTest, TheClientIsBuiltWithWhatIsPromised) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  char features[512];
  size_t size = sizeof(features);
  ASSERT_EQ(rd_kafka_conf_get(conf, "builtin.features", features, &size), RD_KAFKA_CONF_OK);
  rd_kafka_conf_destroy(conf);
  EXPECT_STREQ(rd_kafka_version_str(), "2.12.1");
  for (const char* feature : {"ssl", "sasl_plain", "sasl_scram", "lz4", "zstd", "gzip", "snappy"}) {
    EXPECT_THAT(std::string(features), HasSubstr(feature));
  }
}

TEST(KafkaClientTest, NoBrokerIsSaidSoByEveryClient) {
  const KafkaProperties nowhere = {{"bootstrap.servers", kNowhere}, {"sasl.password", "127.0.0"}};
  std::vector<std::string> lines;
  const auto log = [&](bool, const std::string& line) { lines.push_back(line); };

  const auto admin = *KafkaAdmin::Open({.properties = nowhere, .log = log});
  const Status reachable = admin->CheckReachable(300);
  ASSERT_FALSE(reachable.has_value());
  EXPECT_EQ(reachable.error().code, ErrorCode::kTransient);
  EXPECT_THAT(reachable.error().message, AllOf(HasSubstr("is Kafka running"), HasSubstr("refused")));
  EXPECT_EQ(admin->CreateTopics({{"t", 1, -1, {}}}, 300).error().code, ErrorCode::kTransient);
  EXPECT_EQ(admin->Partitions("t", 300).error().code, ErrorCode::kTransient);

  const auto producer =
      *KafkaProducer::Open({.properties = nowhere, .transactional_id = "t", .queue_bytes = 1000, .log = log});
  const KafkaTransactionResult init = producer->Init(300);
  EXPECT_EQ(init.kind, Kind::kAgain);
  EXPECT_THAT(init.message, HasSubstr("is Kafka running"));
  EXPECT_EQ(producer->Init(100).kind, Kind::kAgain);
  EXPECT_FALSE(producer->failed());

  const auto consumer = *KafkaConsumer::Open({.properties = nowhere, .group = "g", .log = log});
  EXPECT_EQ(consumer->Committed({{"t", 0}}, 300).error().code, ErrorCode::kTransient);
  EXPECT_TRUE(consumer->Add({{"t", 0, 0}}).has_value());
  for (int i = 0; i < 20 && consumer->stats().last_error.empty(); ++i) consumer->Poll(10, 50);
  EXPECT_THAT(consumer->stats().last_error, HasSubstr("is Kafka running"));
  EXPECT_THAT(consumer->Poll(10, 0).records, IsEmpty());

  EXPECT_THAT(lines, Not(IsEmpty()));
  EXPECT_THAT(lines, Each(Not(HasSubstr("127.0.0"))));
  EXPECT_THAT(lines, Each(HasSubstr("librdkafka")));
}

TEST(KafkaClientTest, WithoutABrokerTheQueueFillsAndIsBounded) {
  const auto producer =
      *KafkaProducer::Open({.properties = {{"bootstrap.servers", kNowhere}}, .queue_bytes = 10'000, .log = {}});
  int taken = 0;
  while (*producer->Produce("t", 0, std::nullopt, std::string(792, 'x'))) ++taken;
  EXPECT_EQ(taken, 10);
  EXPECT_EQ(producer->stats().queued, 10);
  EXPECT_EQ(producer->Produced("t", 0), 10);
  EXPECT_EQ(producer->Acked("t", 0), 0);
  const Status flushed = producer->Flush(100);
  ASSERT_FALSE(flushed.has_value());
  EXPECT_THAT(flushed.error().message, HasSubstr("10 records are not acknowledged"));
}

TEST(KafkaClientTest, ABrokerThatStumblesIsAskedAgain) {
  MockBrokers brokers;
  brokers.MakeTopic("t", 2);
  const auto producer = *KafkaProducer::Open({.properties = brokers.properties(), .log = {}});
  brokers.Fail(kProduceApi, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
               RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(*producer->Produce("t", i % 2, std::nullopt, std::to_string(i)));
  const Status flushed = producer->Flush(kLongMs);
  ASSERT_TRUE(flushed.has_value()) << flushed.error().message;
  EXPECT_EQ(producer->Acked("t", 0), 500);

  const auto consumer =
      *KafkaConsumer::Open({.properties = brokers.properties(), .group = "g", .queue_bytes = 1 << 20, .log = {}});
  ASSERT_TRUE(consumer->Add({{"t", 1, 0}}).has_value());
  std::vector<std::string> seen;
  for (int i = 0; i < 100 && seen.size() < 500; ++i) {
    const KafkaBatch& batch = consumer->Poll(7, 100);
    EXPECT_LE(batch.records.size(), 7);
    for (const KafkaRecord& record : batch.records) seen.emplace_back(*record.value);
  }
  ASSERT_THAT(seen, SizeIs(500));
  for (int i = 0; i < 500; ++i) ASSERT_EQ(seen[i], std::to_string(2 * i + 1));
  EXPECT_EQ(consumer->stats().records, 500);
}

// A test of a transactional producer that has written one record.
class MockTransactionTest : public testing::Test {
 protected:
  void SetUp() override {
    brokers.MakeTopic("t", 1);
    brokers.CountRequests();
    KafkaProperties properties = brokers.properties();
    properties.Set("socket.timeout.ms", "500");
    producer = *KafkaProducer::Open({.properties = properties, .transactional_id = "id", .log = {}});
    ASSERT_EQ(producer->Init(kLongMs).kind, Kind::kOk);
    ASSERT_EQ(producer->Begin().kind, Kind::kOk);
    ASSERT_TRUE(*producer->Produce("t", 0, "key", "value"));
  }

  MockBrokers brokers;
  std::unique_ptr<KafkaProducer> producer;
};

TEST_F(MockTransactionTest, AnAnswerThatSaysAgainIsNoRiddle) {
  brokers.Fail(kEndTxnApi, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS);
  const KafkaTransactionResult committed = producer->Commit(kLongMs);
  EXPECT_EQ(committed.kind, Kind::kOk) << committed.message;
  EXPECT_EQ(brokers.Requests(kEndTxnApi), 3);
  EXPECT_EQ(producer->Begin().kind, Kind::kOk);
}

// The request that was not answered may come to a real broker later and end the next transaction.
TEST_F(MockTransactionTest, AfterACommitThatWasAskedTwiceComesAnotherProducer) {
  ASSERT_TRUE(producer->Flush(kLongMs).has_value());
  brokers.Fail(kEndTxnApi, RD_KAFKA_RESP_ERR__TRANSPORT);  // the connection is cut instead of an answer
  const KafkaTransactionResult committed = producer->Commit(kLongMs);
  EXPECT_EQ(committed.kind, Kind::kOk) << committed.message;
  EXPECT_EQ(brokers.Requests(kEndTxnApi), 2);
  const KafkaTransactionResult next = producer->Begin();
  EXPECT_EQ(next.kind, Kind::kRenew);
  EXPECT_THAT(next.message, HasSubstr("may still arrive"));
}

TEST_F(MockTransactionTest, ACommitThatNobodyAnswersIsInDoubt) {
  ASSERT_TRUE(producer->Flush(kLongMs).has_value());
  brokers.AnswerLate(3000);
  const KafkaTransactionResult unheard = producer->Commit(600);
  EXPECT_EQ(unheard.kind, Kind::kRenew) << unheard.message;
}

TEST_F(MockTransactionTest, RecordsThatAreNotAcknowledgedAreNeverCommitted) {
  brokers.AnswerLate(3000);
  const KafkaTransactionResult unanswered = producer->Commit(400);
  EXPECT_EQ(unanswered.kind, Kind::kAbort) << unanswered.message;
  EXPECT_EQ(brokers.Requests(kEndTxnApi), 0);
  EXPECT_THAT(unanswered.message, HasSubstr("1 records are not acknowledged"));
}

TEST_F(MockTransactionTest, AFencedProducerIsDone) {
  brokers.Fail(kEndTxnApi, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH);
  const KafkaTransactionResult fenced = producer->Commit(kLongMs);
  EXPECT_EQ(fenced.kind, Kind::kRenew);
  EXPECT_TRUE(producer->failed());
  EXPECT_EQ(producer->Begin().kind, Kind::kRenew);
  EXPECT_EQ(producer->Poll(0).error().code, ErrorCode::kTransient);
}

}  // namespace
}  // namespace braid
