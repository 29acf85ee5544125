// TLS and passwords, by properties alone, beside a broker that wants both (broker.py run --secure).
#include <gmock/gmock.h>

#include "broker_test_util.h"

namespace braid {
namespace {

using testing::AllOf;
using testing::Each;
using testing::HasSubstr;
using testing::Not;

class SecureTest : public testing::TestWithParam<const char*> {
 protected:
  static KafkaProperties Secured(const std::string& mechanism, const std::string& password) {
    const char* certificate = std::getenv("BRAID_KAFKA_CA");
    EXPECT_NE(certificate, nullptr) << "run this with tests/kafka/broker.py run --secure -- PROGRAM";
    KafkaProperties properties = Properties();
    properties.Set("security.protocol", "SASL_SSL");
    properties.Set("ssl.ca.location", certificate == nullptr ? "" : certificate);
    properties.Set("sasl.mechanisms", mechanism);
    properties.Set("sasl.username", "braid");
    properties.Set("sasl.password", password);
    return properties;
  }
};

TEST_P(SecureTest, RecordsGoAndComeBack) {
  const KafkaProperties properties = Secured(GetParam(), "braid-secret");
  const std::string topic = std::string("secure-") + GetParam();
  const auto admin = *KafkaAdmin::Open({.properties = properties, .log = {}});
  const Status made = admin->CreateTopics({{topic, 1, -1, {}}}, kLongMs);
  ASSERT_TRUE(made.has_value()) << made.error().message;
  const auto producer = *KafkaProducer::Open({.properties = properties, .transactional_id = topic, .log = {}});
  ASSERT_TRUE(producer->Init(kLongMs).ok());
  ASSERT_TRUE(producer->Begin().ok());
  ASSERT_TRUE(*producer->Produce(topic, 0, "key", "value"));
  ASSERT_TRUE(producer->Commit(kLongMs).ok());
  const auto consumer = *KafkaConsumer::Open({.properties = properties, .group = "reader", .log = {}});
  ASSERT_TRUE(consumer->Add({{topic, 0, 0}}).has_value());
  const KafkaBatch& batch = consumer->Poll(1, kLongMs);
  ASSERT_EQ(batch.records.size(), 1);
  EXPECT_EQ(batch.records[0].value, "value");
}

TEST_P(SecureTest, AWrongPasswordIsSaidSoAndNotShown) {
  std::vector<std::string> said;
  const auto log = [&](bool, const std::string& line) { said.push_back(line); };
  KafkaProperties properties = Secured(GetParam(), "not-the-password");
  properties.Set("debug", "security");
  const auto admin = *KafkaAdmin::Open({.properties = properties, .log = log});
  const Status reachable = admin->CheckReachable(3000);
  ASSERT_FALSE(reachable.has_value());
  said.push_back(reachable.error().message);
  EXPECT_THAT(reachable.error().message,
              AllOf(HasSubstr("uthentication failed"), HasSubstr("check security.protocol")));
  EXPECT_THAT(said, Each(Not(HasSubstr("not-the-password"))));
}

INSTANTIATE_TEST_SUITE_P(Mechanisms, SecureTest, testing::Values("PLAIN", "SCRAM-SHA-512"),
                         [](const auto& its) { return std::string(its.param).substr(0, 5); });

TEST(InsecureTest, ACertificateThatNobodyVouchesForIsRefused) {
  KafkaProperties properties = Properties();
  properties.Set("security.protocol", "SSL");
  const auto admin = *KafkaAdmin::Open({.properties = properties, .log = {}});
  const Status reachable = admin->CheckReachable(2000);
  ASSERT_FALSE(reachable.has_value());
  EXPECT_THAT(reachable.error().message, AllOf(HasSubstr("certificate verify failed"), HasSubstr("ssl. properties")));
}

}  // namespace
}  // namespace braid
