// `braid reconcile`: a member of the consumer group that makes streams of the mutations topic.
//
// It has a shard for each partition that the group gives it. One transaction at a time covers all of them: what they
// wrote to the streams' topics, what changed in their states (the changelog), and how far they have read. RocksDB
// follows when the transaction is committed, so that it never holds what Kafka does not. Whatever goes wrong in
// between, the shards go back to what the changelog says.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "capture/journal_book.h"
#include "capture/kafka/kafka_schema_journal.h"
#include "deliver/kafka/topics.h"
#include "deliver/registry/avro_registry.h"
#include "pipeline/feed/alarms.h"
#include "pipeline/run/config.h"
#include "pipeline/run/stats.h"
#include "pipeline/shard/past.h"
#include "pipeline/worker/hosted_shard.h"
#include "pipeline/worker/snapshot_feed.h"
#include "transport/kafka/admin.h"
#include "transport/kafka/consumer.h"
#include "transport/kafka/producer.h"

namespace braid {

class Worker {
 public:
  // A line for people, and whether it is an alarm.
  using Log = std::function<void(bool alarm, const std::string& message)>;

  // Opens its state directory, which belongs to one worker. Asks no broker. Errors: kTransient (another process has the
  // state), kInvalidArgument (of the configuration), kIoError.
  static Result<std::unique_ptr<Worker>> Open(const Config& config, Log log);
  ~Worker();

  // Runs until `stop`, which is asked often, says so; then commits, leaves the group and returns. Brokers that do not
  // answer are waited for. Errors: what only a person can cure. Called once.
  Status Run(std::function<bool()> stop);

  // A moment's view. From any thread.
  RunStats Stats() const;

 private:
  using Hosted = HostedShard;

  Worker(const Config& config, Log log);
  Status Prepare();
  Status OpenClients();
  Status Round();
  Status TakeRecords(const KafkaBatch& batch);
  Status TakeRecord(Hosted* hosted, const KafkaRecord& record);
  Status TakeReadable(Hosted* hosted, const KafkaRecord& record);
  Status TakeMessage(Hosted* hosted, const Message& message);
  Status Give(Hosted* hosted, const Message& message);
  Status TakeEvents(const KafkaBatch& batch);
  Status FollowSchema();
  Status TellSchemas(const std::vector<SchemaBook::Event>& events);
  Status TellSchema(Hosted* hosted, const TableId& table);

  // Of membership.cc.
  Status OpenConsumers();
  // Ends it; should that take too long, in a thread that nobody waits for.
  void LetGo(std::unique_ptr<KafkaConsumer> consumer);
  Result<std::string> NameSuffix() const;
  std::string NameSuffixPath() const;
  Status Join();
  Result<std::vector<uint32_t>> LeftLying();
  Status JoinAnew();
  Status TakeAssigned(const std::vector<KafkaPartition>& partitions);
  Status TakeAway(const std::vector<KafkaPartition>& partitions, bool lost);

  // Of restore.cc.
  Status StepRestore();
  Status AskForRestore();
  Status TakeRestored(const KafkaBatch& batch);
  Status FinishRestore(Hosted* hosted);
  Status ForgetAll();

  // Of backfills.cc.
  Status StepBackfills();
  Status LookForBackfill();
  Status TellHealed(Hosted* hosted, const std::vector<Gap>& gaps);
  Status BeginBackfill(Hosted* hosted, const PastNeed& need);
  Status AskForSnapshot(Hosted* hosted);
  Status ProduceRequest(uint32_t shard, std::optional<std::string_view> request);
  Status GiveSnapshot(Hosted* hosted);
  void WatchSilence(const SnapshotFeed::Progress& progress);
  Status EndBackfill(const std::string& problem, int64_t pause_us);
  std::string BackfillName() const;
  PastRules RulesOf(uint32_t shard) const;
  std::vector<BackfillStats> Backfills() const;

  // Of transaction.cc.
  Status Tick();
  Status CommitIfDue();
  Status Commit();
  Status CommitWithin();
  struct Prepared {
    Hosted* hosted;
    const ShardMark* mark;
  };
  Status CommitTransaction(const std::vector<Prepared>& prepared);
  Status CommitAtLeastOnce(const std::vector<Prepared>& prepared);
  Status WriteState(const Prepared& prepared);
  Status ProduceState(int32_t partition, std::string_view key, std::optional<std::string_view> value);
  Status ProduceWithin(const std::string& topic, int32_t partition, std::string_view key,
                       std::optional<std::string_view> value);
  Status FinishAll(const std::vector<Prepared>& prepared);
  Status Failed(const std::string& why);
  Status Begin();
  Status Renew();

  uint64_t CommitBytes() const;
  KafkaPartition Mutations(uint32_t shard) const;
  KafkaPartition Changelog(uint32_t shard) const;
  Hosted* Find(int32_t partition) const;
  // So many have to tell of themselves before anything is known of all.
  size_t LeastNodes() const;
  Shard::Options ShardOptions();
  HostedShard::Running RunningOptions();
  void Tell(bool alarm, const std::string& message) const;
  void TellStats();

  const Config config_;
  const KafkaConfig& kafka_;
  const Log log_;
  Alarms alarms_;
  FileSystem* const files_;
  const std::string directory_;
  std::unique_ptr<FileLock> lock_;
  std::string transactional_id_;
  int64_t started_us_ = 0;

  std::unique_ptr<KafkaAdmin> admin_;
  std::unique_ptr<KafkaConsumer> consumer_;
  std::unique_ptr<KafkaConsumer> restorer_;
  std::unique_ptr<KafkaProducer> producer_;
  std::unique_ptr<StreamTopics> topics_;
  std::unique_ptr<AvroRegistry> registry_;  // nullptr: no stream is in Avro
  std::unique_ptr<JournalBook> schemas_;
  std::map<int32_t, std::unique_ptr<Hosted>> shards_;  // by partition

  // The table whose past a shard reads; one at a time.
  struct Backfill {
    int32_t partition = -1;
    const TableSchema* table = nullptr;  // nullptr: none
    uint64_t attempt = 0;
    SnapshotNote note;
    Token from;
    std::vector<uint64_t> gaps;  // that were open when it began
    size_t nodes = 0;            // that have to answer
    bool asked = false;          // agents know of it
    std::string waiting;         // SnapshotFeed::Progress, and since when
    int64_t waiting_since_us = 0;
  };
  struct BackfillPause {
    int64_t until_us = 0;
    int64_t length_us = 0;  // the longer, the more often it has failed
    std::string name;       // of the alarm
    std::string problem;
  };
  SnapshotFeed feed_;
  Backfill backfill_;
  std::map<std::pair<int32_t, TableId>, BackfillPause> backfill_pauses_;
  int64_t backfills_looked_us_ = 0;

  // What is under way can not be committed, or nobody knows whether it is: everything goes back to what Kafka has.
  bool failed_ = false;
  int64_t committed_us_ = 0;
  int64_t schema_checked_us_ = 0;
  int64_t told_us_ = 0;
  std::function<bool()> stop_;

  mutable std::mutex mutex_;  // of what follows
  RunStats stats_;
};

}  // namespace braid
