// A node's schema files and the agent beside them. Only tests include it.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "capture/memory_schema_journal.h"
#include "capture/schema_registry.h"
#include "cassandra/schema/schema_files_test_util.h"

namespace braid {

namespace fs = std::filesystem;

inline constexpr int64_t kT = 1'700'000'000'000'000;
inline constexpr int64_t kSecond = 1'000'000;

// A time-based id.
inline TableId IdMadeAt(int64_t us) {
  const uint64_t ticks = static_cast<uint64_t>(us) * 10 + 0x01B21DD213814000;
  RowBytes bytes;
  bytes.I32(static_cast<int32_t>(ticks)).U16(static_cast<uint16_t>(ticks >> 32));
  bytes.U16(static_cast<uint16_t>(0x1000 | ticks >> 48)).I64(1);
  return TableId::FromBytes(bytes.bytes());
}

inline fs::path AgentsHome() {
  const fs::path home = fs::path(testing::TempDir()) / ("braid_agents_" + std::to_string(::getpid()));
  fs::remove_all(home);
  return home;
}

// A node's files and the agent beside them.
class Agent {
 public:
  Agent(const fs::path& home, uint8_t number, uint32_t of_nodes, std::vector<SchemaRecord>* journal)
      : files(home / std::string(1, static_cast<char>('a' + number))), journal_(journal) {
    node_.host.fill(number);
    node_.of_nodes = of_nodes;
  }

  Status Start() {
    registry_.reset();
    auto journal =
        std::make_unique<MemorySchemaJournal>(journal_, [this] { return before_append ? before_append() : Status(); });
    auto opened = SchemaRegistry::Open(PosixFileSystem(), std::move(journal),
                                       {.data_directories = {files.path()}, .node = node_});
    if (!opened.has_value()) return opened.error();
    registry_ = *std::move(opened);
    return {};
  }
  void Refresh(int times = 1) {
    for (int i = 0; i < times; ++i) {
      const auto events = registry_->Refresh();
      ASSERT_TRUE(events.has_value()) << events.error().message;
    }
  }
  // Unless it is doing so already, or the journal is away.
  void RefreshIfFree() {
    if (busy_ || registry_ == nullptr) return;
    busy_ = true;
    const auto events = registry_->Refresh();
    if (!events.has_value()) {
      EXPECT_EQ(events.error().code, ErrorCode::kTransient);
    }
    busy_ = false;
  }
  void StartIfFree() {
    if (busy_) return;
    busy_ = true;
    const Status started = Start();
    if (!started.has_value()) {
      EXPECT_EQ(started.error().code, ErrorCode::kTransient);
    }
    busy_ = false;
  }
  bool runs() const { return registry_ != nullptr; }
  SchemaRegistry& registry() { return *registry_; }

  SchemaFiles files;
  std::function<Status()> before_append;

 private:
  std::vector<SchemaRecord>* journal_;
  SchemaWitness node_;
  std::unique_ptr<SchemaRegistry> registry_;
  bool busy_ = false;
};

}  // namespace braid
