// Within pipeline/worker: what all nodes have of a table, for one shard, merged in a thread of its own from what their
// agents put into topics.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "codec/schema.h"
#include "pipeline/merge/merge.h"
#include "pipeline/run/config.h"
#include "pipeline/worker/snapshot_source.h"
#include "transport/kafka/admin.h"
#include "transport/message/message.h"
#include "transport/message/record.h"

namespace braid {

// One job at a time: Start; once ready(), the request may be seen by agents; then Take until it has ended. Everything
// but Start's work is for one thread.
class SnapshotFeed {
 public:
  struct Node {
    HostId host{};
    std::string label;
  };
  struct Job {
    uint32_t shard = 0;
    const TableSchema* schema = nullptr;    // must outlive it
    const SchemaLookup* schemas = nullptr;  // too
    SnapshotNote note;                      // of every message: task, attempt, repair
    Token through;                          // the shard's last
    std::vector<Node> nodes;
  };
  struct Progress {
    bool ready = false;   // from here on nothing that agents send is missed
    bool ended = false;   // all of it was put in line, or there is a problem
    std::string problem;  // why it came to no end
    std::string waiting;  // the node whose agent says nothing at the moment, "" if none
    uint64_t read_bytes = 0;
    int64_t since_us = 0;  // since 1970
  };

  // `config` must outlive it.
  explicit SnapshotFeed(const Config* config) : config_(config) {}
  ~SnapshotFeed() { Stop(); }

  void Start(Job job);
  // Ends it, within a second or two.
  void Stop();
  Progress progress() const;
  // The next message for the shard, in order. False: none is there now.
  bool Take(Message* message);
  // Whether Take would give one.
  bool has_any() const;

 private:
  void Run();
  Status Feed();
  KafkaPartition PartitionOf(const Node& node) const;
  Result<std::vector<KafkaOffset>> FindEnds(KafkaAdmin* admin);
  SnapshotSource::Options SourceOptions(const Node& node, const KafkaOffset& from);
  Status GivePieces(TableMerge* merge);
  void DeleteWhatWasRead(KafkaAdmin* admin);
  Status Push(Message message);
  Message MakeMessage(Message::Kind kind) const;

  const Config* const config_;
  Job job_;
  std::thread thread_;
  std::atomic<bool> stop_ = false;
  bool whole_ = true;  // of the thread

  mutable std::mutex mutex_;  // of what follows
  std::condition_variable room_;
  Progress progress_;
  std::deque<Message> queue_;
  uint64_t queue_bytes_ = 0;
};

}  // namespace braid
