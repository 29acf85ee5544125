// For tests of the agent beside a real broker.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "broker_test_util.h"
#include "pipeline/agent/agent.h"

namespace braid {

// Of a pipeline whose name, and so whose topics, are those of the directory.
inline Config ConfigIn(const std::filesystem::path& home, uint32_t shards) {
  Config config;
  config.path = "agent_test.yaml";
  config.name = home.filename();
  config.state = home / "state";
  config.shards = shards;
  config.schema_wait_us = 1'000'000;
  KafkaConfig kafka;
  kafka.brokers = {std::string(Properties().brokers())};
  kafka.mutations_topic = config.name + ".mutations";
  kafka.changelog_topic = config.name + ".changelog";
  kafka.schemas_topic = config.name + ".schemas";
  kafka.gaps_topic = config.name + ".gaps";
  kafka.snapshots_topic = config.name + ".snapshots";
  kafka.group = config.name;
  config.kafka = kafka;
  return config;
}

// The agent in a thread, as long as this lives.
class RunningAgent {
 public:
  RunningAgent(const Config& config, const std::vector<std::string>& names) {
    auto agent = Agent::Open(config, names, [this](bool, const std::string& line) {
      const std::lock_guard lock(mutex_);
      lines_ += line + "\n";
    });
    EXPECT_TRUE(agent.has_value()) << agent.error().message;
    agent_ = std::move(*agent);
    thread_ = std::thread([this] {
      const Status ran = agent_->Run([this] { return stop_.load(); });
      const std::lock_guard lock(mutex_);
      if (!ran.has_value()) error_ = ran.error().message;
    });
  }
  ~RunningAgent() { Stop(); }
  void Stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  RunStats stats() const { return agent_->Stats(); }
  std::string error() const {
    const std::lock_guard lock(mutex_);
    return error_;
  }
  std::string lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

  bool Waits(const std::function<bool(const RunStats&)>& done, int seconds = 60) const {
    for (int i = 0; i < seconds * 20; ++i) {
      if (done(stats())) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return false;
  }

 private:
  std::atomic<bool> stop_ = false;
  mutable std::mutex mutex_;
  std::string error_;
  std::string lines_;
  std::thread thread_;
  std::unique_ptr<Agent> agent_;  // the first to go: it has its last words as it does
};

}  // namespace braid
