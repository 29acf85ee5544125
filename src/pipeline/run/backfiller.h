// Within pipeline/run: takes one table from the nodes' files, in a thread of its own, and puts it on the shards'
// channels as fast as they take it and the rate allows.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "model/position.h"
#include "pipeline/run/backfill_tasks.h"
#include "pipeline/run/table_snapshot.h"
#include "transport/direct/channel.h"

namespace braid {

class Backfiller {
 public:
  // Where one shard stands with the task.
  struct ShardPlace {
    Channel* channel = nullptr;
    bool done = false;
    // From here on it needs pieces.
    Token from;
  };
  struct Job {
    BackfillTask task;
    uint64_t attempt = 0;
    bool repair = false;
    std::vector<ShardPlace> shards;  // all
    TableSnapshot::Options files;    // `tokens` and `stop` are set here
    uint64_t rate_bytes = 0;         // a second; 0: as fast as it goes
    // Whether the shards' state has everything that the nodes had logged by a time (microseconds since 1970): a
    // comparison waits for it.
    std::function<bool(int64_t since_us)> caught_up;
    // Whether the shards still have a use for this attempt.
    std::function<bool()> wanted;
  };
  struct Progress {
    bool running = false;
    bool ended = false;   // everything was given, and all of it was whole
    std::string problem;  // why not
    uint64_t read_bytes = 0;
    uint64_t total_bytes = 0;
    int64_t since_us = 0;  // since 1970
  };

  ~Backfiller() { Stop(); }

  // One job at a time.
  void Start(Job job);
  // Ends it, soon.
  void Stop();
  Progress progress() const;

 private:
  void Run();
  Status Give(std::string* missing);
  Status GivePieces(TableSnapshot* snapshot);
  Status Push(uint32_t shard, Message message);
  bool Ends() const;
  Message MakeMessage(Message::Kind kind) const;

  Job job_;
  std::thread thread_;
  std::atomic<bool> stop_ = false;

  mutable std::mutex mutex_;
  Progress progress_;
};

}  // namespace braid
