// `braid run`: everything put together in one process. The only place that has threads: one reads the nodes' logs, one
// for each shard merges and commits.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "capture/node_capture.h"
#include "capture/schema_registry.h"
#include "pipeline/feed/alarms.h"
#include "pipeline/run/backfill_requests.h"
#include "pipeline/run/backfill_tasks.h"
#include "pipeline/run/backfiller.h"
#include "pipeline/run/config.h"
#include "pipeline/run/node_table.h"
#include "pipeline/run/stats.h"

namespace braid {

class Pipeline {
 public:
  // A line for people, and whether it is an alarm.
  using Log = std::function<void(bool alarm, const std::string& message)>;

  // Opens or makes everything under config.state and finds where it stopped; nothing is read of the logs yet. Errors:
  // kTransient (another process runs on this state), kInvalidArgument (the configuration does not fit the state or the
  // schema), and those of every room, with file and cure.
  static Result<std::unique_ptr<Pipeline>> Open(const Config& config, Log log);
  ~Pipeline();

  // Runs until `stop`, which is asked often from this and other threads, says so; then drains, commits and returns. Or
  // until something fails that only a person can cure. Called once.
  Status Run(std::function<bool()> stop);

  // A moment's view. From any thread.
  RunStats Stats() const;

 private:
  struct ShardHost;
  struct NodeHost;
  class Channels;

  Pipeline(const Config& config, Log log);

  Status OpenNodes();
  Status OpenShards();
  Status OpenCaptures();
  Status FindHistory();
  Status CheckStreams();

  void RunShard(ShardHost* shard);
  // False once the channel is closed and empty.
  Result<bool> StepShard(ShardHost* shard);
  int64_t SleepOf(const ShardHost& shard) const;
  // What may be pending before a shard commits.
  uint64_t CommitBytes() const;
  uint64_t TimelineSegmentBytes() const;
  void TellStats(ShardHost* shard);
  Status CommitShard(ShardHost* shard);
  void RetainTimeline(ShardHost* shard);
  Status RunCapture();
  Status FollowSchema();
  void TellSchema(const TableId& table);
  Status StepNodes(bool* more);
  Status ReleaseSegments();
  Status TakeRequests();
  Status Retire(NodeIndex node);
  Status TellUnread(NodeHost* node);

  // Of backfills.cc.
  Status StepBackfills();
  Status TakeBackfillRequest(const BackfillRequest& request);
  bool CaughtUp(int64_t since_us, bool surely) const;
  void AddForHistory(const std::vector<const TableSchema*>& tables);
  void DropGoneTables();
  bool HasBegun(const BackfillTask& task) const;
  void EndBackfill(BackfillTask* task, BackfillTask::State state);
  void StopBackfill();
  bool BackfillIsUseless() const;
  Status FinishBackfill();
  ComparisonStats Verdict() const;
  void TellHealed(const Gap& gap);
  void BeginBackfill();
  std::string WhyNoBackfill() const;
  std::vector<Backfiller::ShardPlace> ShardPlaces(const BackfillTask& task) const;
  void TellBackfills();
  std::vector<Gap> OpenGaps() const;

  // The least position of the node that the shards have committed; none if one of them has none.
  std::optional<Position> CommittedEverywhere(NodeIndex node) const;

  std::vector<StreamStats> Streams() const;
  void Tell(bool alarm, const std::string& message) const;
  void Fail(const Error& error);

  const Config config_;
  const Log log_;
  FileSystem* const files_;
  std::unique_ptr<FileLock> lock_;
  PipelineIdentity identity_;
  std::unique_ptr<SchemaRegistry> schemas_;
  std::vector<std::unique_ptr<NodeHost>> nodes_;
  std::vector<std::unique_ptr<ShardHost>> shards_;
  std::unique_ptr<Channels> channels_;
  std::unique_ptr<Watcher> watcher_;
  int64_t started_us_ = 0;
  int64_t schema_checked_us_ = 0;
  int64_t released_us_ = 0;
  int64_t backfills_looked_us_ = 0;

  // What is to be backfilled, and the attempt that is under way. Of the thread that captures.
  struct Backfill {
    uint64_t task = 0;  // 0: none is under way
    TableId table;
    uint64_t attempt = 0;
    uint64_t surely = 0;       // the comparison of which a first look found something
    int64_t next_us = 0;       // when another may begin
    BackfillTurns turns;       // and which
    std::set<uint64_t> begun;  // tasks of which something may have been read since the start
  };
  BackfillTasks backfills_;
  bool backfills_dirty_ = false;
  Backfill backfill_;
  Backfiller backfiller_;
  std::map<uint64_t, ComparisonStats> verdicts_;  // of tasks that compare and are done
  std::map<uint64_t, std::string> problems_;      // of tasks that stand still, or ended without a verdict

  Alarms alarms_;

  std::function<bool()> stop_;
  std::atomic<bool> failed_ = false;
  mutable std::mutex mutex_;  // of what follows
  Status failure_;
  std::vector<BackfillStats> told_backfills_;
};

// What all files in a directory and below take. What cannot be listed counts nothing.
uint64_t DirectoryBytes(FileSystem* files, const std::string& directory);

}  // namespace braid
