#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "capture/capture_test_util.h"
#include "capture/node_capture.h"

namespace braid {
namespace {

TEST(Watcher, TellsOfFilesThatComeChangeAndGo) {
  const NodeForTest node;
  const std::unique_ptr<Watcher> watcher = Watcher::Make().value();
  ASSERT_TRUE(watcher->Add(node.cdc_raw()).has_value());
  ASSERT_TRUE(watcher->Add(node.cdc_raw()).has_value());
  EXPECT_FALSE(watcher->Wait(0));
  std::ofstream(node.cdc_raw() / "a") << "1";
  EXPECT_TRUE(watcher->Wait(1000));
  EXPECT_FALSE(watcher->Wait(0)) << "it was told of";
  std::ofstream(node.cdc_raw() / "a", std::ios::trunc) << "2";
  EXPECT_TRUE(watcher->Wait(1000));
  fs::create_hard_link(node.cdc_raw() / "a", node.cdc_raw() / "b");
  EXPECT_TRUE(watcher->Wait(1000));
  fs::remove(node.cdc_raw() / "a");
  EXPECT_TRUE(watcher->Wait(1000));
}

TEST(Watcher, WakesAtOnceAndSleepsNoLongerThanItIsTold) {
  const NodeForTest node;
  const std::unique_ptr<Watcher> watcher = Watcher::Make().value();
  ASSERT_TRUE(watcher->Add(node.cdc_raw()).has_value());
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_FALSE(watcher->Wait(30));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(29));
  std::thread writer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    std::ofstream(node.cdc_raw() / "a") << "1";
  });
  EXPECT_TRUE(watcher->Wait(30'000));
  writer.join();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

TEST(Watcher, RefusesADirectoryThatIsNotThere) {
  const NodeForTest node;
  const std::unique_ptr<Watcher> watcher = Watcher::Make().value();
  const Status status = watcher->Add(node.cdc_raw().string() + "/nowhere");
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code, ErrorCode::kNotFound);
  std::ofstream(node.cdc_raw() / "a") << "1";
  EXPECT_FALSE(watcher->Add((node.cdc_raw() / "a").string()).has_value());
}

}  // namespace
}  // namespace braid
