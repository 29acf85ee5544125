// For tests beside a real broker (broker.py run): who it is, and what is read back from it.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "transport/kafka/admin.h"
#include "transport/kafka/consumer.h"
#include "transport/kafka/producer.h"

namespace braid {

constexpr int kLongMs = 60'000;

inline KafkaProperties Properties() {
  const char* brokers = std::getenv("BRAID_KAFKA");
  EXPECT_NE(brokers, nullptr) << "run this with tests/kafka/broker.py run -- PROGRAM";
  return {{"bootstrap.servers", brokers == nullptr ? "127.0.0.1:1" : brokers}};
}

// Has broker.py do something to the broker: "kill 1", "start 1", "pause 1", "resume 1".
inline void Hurt(const std::string& wish) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  const char* path = std::getenv("BRAID_KAFKA_CONTROL");
  ASSERT_NE(path, nullptr);
  std::strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
  const int door = socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(connect(door, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(write(door, wish.data(), wish.size()), static_cast<ssize_t>(wish.size()));
  char answer[4096];
  const ssize_t size = read(door, answer, sizeof(answer));
  close(door);
  ASSERT_EQ(std::string(answer, static_cast<size_t>(std::max<ssize_t>(size, 0))), "ok\n");
}

class BrokerTest : public testing::Test {
 protected:
  static std::unique_ptr<KafkaAdmin> Admin() { return *KafkaAdmin::Open({.properties = Properties(), .log = {}}); }

  // A topic of this test's own.
  static std::string Topic(int32_t partitions, const std::vector<std::pair<std::string, std::string>>& configs = {}) {
    static int number = 0;
    std::string name = testing::UnitTest::GetInstance()->current_test_info()->name();
    std::replace(name.begin(), name.end(), '/', '.');
    name += "-" + std::to_string(getpid()) + "-" + std::to_string(++number);
    Status made = Admin()->CreateTopics({{name, partitions, -1, configs}}, kLongMs);
    // What a client first knows of several brokers changes as it learns of the others.
    for (int i = 0; i < 10 && !made.has_value() && made.error().code == ErrorCode::kTransient; ++i) {
      made = Admin()->CreateTopics({{name, partitions, -1, configs}}, kLongMs);
    }
    EXPECT_TRUE(made.has_value()) << made.error().message;
    return name;
  }

  static std::unique_ptr<KafkaProducer> Producer(std::string transactional_id = "", uint64_t queue_bytes = 16 << 20) {
    return *KafkaProducer::Open({.properties = Properties(),
                                 .transactional_id = std::move(transactional_id),
                                 .queue_bytes = queue_bytes,
                                 .log = {}});
  }

  static std::unique_ptr<KafkaConsumer> Consumer(const std::string& group = "reader",
                                                 std::vector<std::pair<std::string, std::string>> more = {}) {
    KafkaProperties properties = Properties();
    for (auto& [name, value] : more) properties.Set(name, value);
    return *KafkaConsumer::Open({.properties = properties, .group = group, .log = {}});
  }

  static void MustProduce(KafkaProducer* producer, const std::string& topic, int32_t partition,
                          const std::string& value) {
    for (;;) {
      const Result<bool> produced = producer->Produce(topic, partition, "key", value);
      ASSERT_TRUE(produced.has_value()) << produced.error().message;
      if (*produced) return;
      const Status polled = producer->Poll(10);
      ASSERT_TRUE(polled.has_value()) << polled.error().message;
    }
  }

  // The values of a partition, from the beginning up to where it ends now; and what that offset is.
  static std::pair<std::vector<std::string>, int64_t> ReadAll(const std::string& topic, int32_t partition) {
    std::pair<std::vector<std::string>, int64_t> all{{}, kKafkaNone};
    const auto reader = Consumer();
    const Status added = reader->Add({{topic, partition, kKafkaBeginning}});
    EXPECT_TRUE(added.has_value()) << added.error().message;
    for (int i = 0; i < 200; ++i) {
      const KafkaBatch& batch = reader->Poll(1000, 100);
      for (const KafkaRecord& record : batch.records) all.first.emplace_back(record.value.value_or("(none)"));
      for (const KafkaEvent& event : batch.events) {
        EXPECT_EQ(event.kind, KafkaEvent::Kind::kEnd) << event.message;
        all.second = event.offset;
        return all;
      }
    }
    ADD_FAILURE() << "no end of " << topic << " [" << partition << "]";
    return all;
  }

  // Polls until `done`, handing each batch on; false after about `timeout_ms`.
  static bool PollUntil(KafkaConsumer* consumer, const std::function<void(const KafkaBatch&)>& take,
                        const std::function<bool()>& done, int timeout_ms = kLongMs) {
    for (int waited_ms = 0; !done() && waited_ms < timeout_ms; waited_ms += 20) take(consumer->Poll(1000, 20));
    return done();
  }
};

}  // namespace braid
