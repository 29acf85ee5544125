// A sketch, compiled and never run: a worker of the Kafka pipeline, whose Commit is one Kafka transaction (see
// README.md).
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/arena.h"
#include "base/result.h"
#include "base/vint.h"
#include "codec/change.h"
#include "codec/commit.h"
#include "codec/mutation.h"
#include "codec/row_state.h"
#include "codec/schema.h"
#include "model/commit.h"
#include "reconcile/change_sink.h"
#include "reconcile/reconciler.h"
#include "reconcile/state.h"

namespace braid::sketches {

// A record of the mutations topic, which has one partition for each shard: a Transaction in codec form.
struct TransportRecord {
  Offset offset;
  std::string value;
};

// What src/transport/kafka would offer; the only one who knows librdkafka.
class TransactionalProducer {
 public:
  virtual ~TransactionalProducer() = default;
  virtual Status Begin() = 0;
  virtual Status Produce(const std::string& topic, uint32_t partition, ByteView key, ByteView value) = 0;
  // Of the mutations topic: what this transaction has taken in.
  virtual Status SendOffsets(uint32_t partition, Offset next) = 0;
  virtual Status CommitTransaction() = 0;
};

// Reads through to the shard's RocksDB, which follows the topic; what is written stays here until the Commit.
class CommitState : public State {
 public:
  CommitState(State* below, Commit* commit) : below_(below), commit_(commit) {}

  Result<const PartitionHeader*> ReadHeader(const PartitionRef& partition, Arena* arena) override {
    return below_->ReadHeader(partition, arena);
  }
  Result<const RowState*> ReadRow(const PartitionRef& partition, const RowRef& row, Arena* arena) override {
    return below_->ReadRow(partition, row, arena);
  }
  Status ReadRows(const PartitionRef& partition, const KeyRange& range, size_t max_rows, Arena* arena,
                  std::vector<RowEntry>* rows) override {
    return below_->ReadRows(partition, range, max_rows, arena, rows);
  }
  Result<std::optional<DueRow>> NextDue(const PartitionRef& partition, UnixSeconds now, Arena* arena) override {
    return below_->NextDue(partition, now, arena);
  }
  Result<std::optional<DueRow>> NextDueOfAll(UnixSeconds now, Arena* arena) override {
    return below_->NextDueOfAll(now, arena);
  }
  Status ForgetPartition(const PartitionRef& partition) override { return below_->ForgetPartition(partition); }
  Status ForgetTable(const TableId& table) override { return below_->ForgetTable(table); }
  Status ListPartitions(const PartitionRef& from, size_t max, Arena* arena,
                        std::vector<PartitionRef>* partitions) override {
    return below_->ListPartitions(from, max, arena, partitions);
  }

  // `below` takes it at once, so that the next read sees it (an uncommitted batch, cut off if the transaction fails).
  Status Write(const StateDelta& delta) override {
    if (delta.header != nullptr || delta.erase_header) {
      StateWrite& write = commit_->state.emplace_back();
      write.key = Key(delta.partition, 'h', {});
      write.erased = delta.erase_header;
      if (!delta.erase_header) AppendPartitionHeader(&write.value, *delta.header);
    }
    for (const RowDelta& row : delta.rows) {
      const std::string key = Key(delta.partition, row.ref.is_static ? 's' : 'r', row.ref.key);
      StateWrite& write = commit_->state.emplace_back();
      write.key = key;
      write.erased = row.state == nullptr;
      if (row.state != nullptr) AppendRowState(&write.value, *row.state);
      if (row.due_before == row.due_after) continue;
      if (!row.due_before.never()) commit_->timers.push_back({row.due_before, key, true});
      if (!row.due_after.never()) commit_->timers.push_back({row.due_after, key, false});
    }
    return below_->Write(delta);
  }

 private:
  // Stands for the one layout of state keys that RocksDB and the changelog must share.
  static std::string Key(const PartitionRef& partition, char kind, ByteView row_key) {
    std::string key(partition.table.view());
    AppendBigEndian(&key, partition.token.value);
    AppendVint(&key, partition.key.size());
    key.append(partition.key);
    key.push_back(kind);
    key.append(row_key);
    return key;
  }

  State* below_;
  Commit* commit_;
};

class CommitSink : public ChangeSink {
 public:
  explicit CommitSink(Commit* commit) : commit_(commit) {}
  Status Emit(const Change& change) override {
    AppendChange(&commit_->changes.emplace_back(), change);
    return {};
  }

 private:
  Commit* commit_;
};

class KafkaWorker {
 public:
  KafkaWorker(uint32_t shard, State* state, const SchemaLookup* schemas, TransactionalProducer* producer)
      : shard_(shard), state_(state), schemas_(schemas), producer_(producer) {}

  // Takes in a batch of records and makes it one Commit. On an error the transaction is aborted, `state` cut back to
  // its last Commit, and the batch read again.
  Status ProcessBatch(std::span<const TransportRecord> records, UnixSeconds watermark) {
    if (records.empty()) return {};
    Commit commit;
    commit.shard = shard_;
    commit.number = next_commit_++;
    commit.first_sequence = {.epoch = 1, .partition = shard_, .n = next_n_};
    CommitState state(state_, &commit);
    CommitSink sink(&commit);
    Reconciler reconciler(Reconciler::Options{}, &state);
    for (const TransportRecord& record : records) {
      arena_.Reset();
      ASSIGN_OR_RETURN(const Transaction transaction, DecodeTransaction(record.value, *schemas_, &arena_));
      for (const Mutation& mutation : transaction.mutations) TRY(reconciler.Apply(mutation, watermark, sink));
      NotePosition(transaction.position, &commit);
    }
    next_n_ += commit.changes.size();
    return Publish(commit, Offset{records.back().offset.value + 1});
  }

 private:
  static void NotePosition(const Position& position, Commit* commit) {
    for (SourcePosition& source : commit->positions) {
      if (source.position.node != position.node) continue;
      source.position = std::max(source.position, position);
      return;
    }
    commit->positions.push_back({position});
  }

  Status Publish(const Commit& commit, Offset next) {
    TRY(producer_->Begin());
    for (const std::string& change : commit.changes) TRY(producer_->Produce("changes", shard_, {}, change));
    for (const StateWrite& write : commit.state) {
      TRY(producer_->Produce("changelog", shard_, write.key, write.erased ? ByteView{} : ByteView(write.value)));
    }
    // What is not state by key: positions, timers, the sequence.
    Commit rest = commit;
    rest.state.clear();
    rest.changes.clear();
    std::string bytes;
    AppendCommit(&bytes, rest);
    TRY(producer_->Produce("changelog", shard_, "commit", bytes));
    TRY(producer_->SendOffsets(shard_, next));
    return producer_->CommitTransaction();
  }

  uint32_t shard_;
  State* state_;
  const SchemaLookup* schemas_;
  TransactionalProducer* producer_;
  Arena arena_;
  uint64_t next_commit_ = 0;
  uint64_t next_n_ = 0;
};

// Keeps the whole of the sketch in the compiler's sight.
Status UseKafkaWorker(KafkaWorker& worker, std::span<const TransportRecord> records, UnixSeconds watermark) {
  return worker.ProcessBatch(records, watermark);
}

}  // namespace braid::sketches
