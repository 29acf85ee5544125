// Transactions go on when the broker dies that coordinates their group, or them: nothing in librdkafka waits for ever.
#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>

#include "broker_test_util.h"

namespace braid {
namespace {

using Kind = KafkaTransactionResult::Kind;

constexpr int kStepMs = 5'000;
// On a busy machine, with the rejoining of the group and all; a wait without an end is longer.
constexpr int kPatienceSeconds = 90;

class CoordinatorTest : public BrokerTest {
 protected:
  // Commits one transaction after another, with offsets, as fast as it can, and does what each result asks for.
  void CommitUntilStopped() {
    const auto consumer = Consumer(in_);
    ASSERT_TRUE(consumer->Subscribe({in_}).has_value());
    std::unique_ptr<KafkaProducer> producer;
    for (int64_t offset = 0; !stop_; ++offset) {
      for (const KafkaEvent& event : consumer->Poll(10, 0).events) {
        if (event.kind != KafkaEvent::Kind::kAssigned) continue;
        ASSERT_TRUE(consumer->Add({{in_, 0, 0}}).has_value());
      }
      if (producer == nullptr) {
        producer = Producer(in_);
        if (!producer->Init(kStepMs).ok()) producer.reset();
        continue;
      }
      KafkaTransactionResult result = CommitOne(producer.get(), consumer.get(), offset);
      if (result.ok()) ++committed_;
      if (result.kind == Kind::kAbort) result = producer->Abort(kStepMs);
      if (result.kind == Kind::kRenew) producer.reset();
    }
  }

  KafkaTransactionResult CommitOne(KafkaProducer* producer, KafkaConsumer* consumer, int64_t offset) {
    KafkaTransactionResult result = producer->Begin();
    if (!result.ok()) return result;
    if (!producer->Produce(out_, 0, std::nullopt, std::string("x")).has_value()) return {Kind::kAbort, ""};
    result = producer->SendOffsets({{in_, 0, offset}}, consumer->GroupMetadata(), kStepMs);
    return result.ok() ? producer->Commit(kStepMs) : result;
  }

  // Whether some more transactions are committed in time.
  bool GoesOn() const {
    const int64_t wanted = committed_ + 5;
    for (int i = 0; i < kPatienceSeconds * 10 && committed_ < wanted; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    return committed_ >= wanted;
  }

  const std::string in_ = Topic(1);
  const std::string out_ = Topic(1);
  std::atomic<bool> stop_ = false;
  std::atomic<int64_t> committed_ = 0;
};

TEST_F(CoordinatorTest, TransactionsGoOnWhoeverDies) {
  std::thread committer([this] { CommitUntilStopped(); });
  bool goes_on = GoesOn();
  for (int i = 0; i < 6 && goes_on; ++i) {
    const std::string broker = std::to_string(i % 3 + 1);
    Hurt("kill " + broker);
    goes_on = GoesOn();
    EXPECT_TRUE(goes_on) << "nothing is committed since broker " << broker << " was killed";
    Hurt("start " + broker);
  }
  if (!goes_on) {
    // A thread that hangs cannot be waited for.
    std::fputs("[  FAILED  ] CoordinatorTest: a transaction hangs\n", stderr);
    std::_Exit(1);
  }
  stop_ = true;
  committer.join();
}

}  // namespace
}  // namespace braid
