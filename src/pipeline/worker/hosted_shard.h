// Within pipeline/worker: one partition that the group gave to this worker, from its state being fetched to its shard
// running.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "deliver/kafka/topic_writer.h"
#include "pipeline/shard/mark.h"
#include "pipeline/shard/shard.h"
#include "reconcile/rocksdb/changelog.h"
#include "reconcile/rocksdb/rocks_state.h"
#include "transport/kafka/consumer.h"

namespace braid {

class HostedShard {
 public:
  struct Options {
    uint32_t number = 0;  // of the shard, and of its partition in every topic
    std::string path;     // of the state
    uint64_t memory_bytes = 0;
    // A state that was left behind for longer than this is made anew: the topic no longer says what was taken from it.
    int64_t forget_after_us = int64_t{12} * 3600 * 1'000'000;
  };
  // What a running shard needs besides; the pointers must outlive it.
  struct Running {
    Shard::Options shard;
    TopicWriter::Options topics;
    KafkaProducer* producer = nullptr;
    StreamTopics* stream_topics = nullptr;
    SchemaBook* schemas = nullptr;
  };
  enum class Phase : uint8_t {
    kAsking,     // where the group stands, and where the changelog ends, is not known yet
    kRestoring,  // the changelog is being read
    kRestored,
    kRunning,
  };

  // Opens or makes the state. Errors: those of RocksState, FileSystem and DecodeMark.
  static Result<std::unique_ptr<HostedShard>> Open(FileSystem* files, const Options& options, int64_t now_us);

  uint32_t number() const { return options_.number; }
  Phase phase() const { return phase_; }
  // Where the changelog is to be read from: kKafkaBeginning of a state that is empty.
  int64_t changelog_from() const;

  // The group has committed `input` (kKafkaNone: nothing yet), and what the changelog held then ends at `end`.
  void BeginRestore(int64_t input, int64_t end, int64_t now_us);
  // A record of the changelog. Errors: those of RocksState; kCorrupt, kUnsupported of a mark.
  Status Restore(const KafkaRecord& record);
  // The changelog was read up to `at`: if that is all, it is restored. Errors: kCorrupt, where the changelog lacks what
  // the group has committed.
  Status RestoredTo(int64_t at);
  // Of one that is restored: nothing was ever committed.
  bool is_new() const { return mark_.commit == 0; }
  // Throws away what was restored: the changelog is to be read from its beginning.
  Status StartOver(FileSystem* files);
  uint64_t restored_bytes() const { return restored_bytes_; }

  // Makes the shard of what was restored. Errors: those of RocksState.
  Status Run(const Running& running, int64_t now_us);
  // Takes the shard back to its last commit, and the phase to kAsking: whether that commit was the last is not known.
  Status Forget();

  // Of kRunning alone.
  Shard* shard() const { return shard_.get(); }
  TopicWriter* topics() const { return topics_.get(); }
  RocksState* state() const { return state_.get(); }
  // The index of the node, which the shard and its topics know from now on.
  NodeIndex IndexOf(const HostId& host, std::string_view label);

 private:
  HostedShard(const Options& options, std::unique_ptr<RocksState> state, ShardMark mark)
      : options_(options),
        mark_key_(ChangelogMarkKey(options.number)),
        state_(std::move(state)),
        mark_(std::move(mark)) {}
  Status CommitRestored();
  void TellNodes();

  const Options options_;
  const std::string mark_key_;  // in the changelog
  std::unique_ptr<RocksState> state_;
  ShardMark mark_;  // of the state; while it is being restored, the changelog's last
  Phase phase_ = Phase::kAsking;
  int64_t group_input_ = kKafkaNone;
  int64_t changelog_end_ = 0;
  int64_t changelog_at_ = 0;
  int64_t restoring_since_us_ = 0;
  uint64_t restored_bytes_ = 0;
  std::unique_ptr<TopicWriter> topics_;
  std::unique_ptr<Shard> shard_;
  size_t told_hosts_ = 0;
};

}  // namespace braid
