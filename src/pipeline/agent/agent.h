// `braid capture`: what nodes log, put into a pipeline's mutations topic.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "capture/node_capture.h"
#include "pipeline/agent/ack_barriers.h"
#include "pipeline/agent/connector.h"
#include "pipeline/agent/guard.h"
#include "pipeline/agent/record_queue.h"
#include "pipeline/agent/snapshot_server.h"
#include "pipeline/feed/alarms.h"
#include "pipeline/run/config.h"
#include "pipeline/run/stats.h"

namespace braid {

class Agent {
 public:
  // A line for people, and whether it is an alarm. Called from several threads.
  using Log = std::function<void(bool alarm, const std::string& message)>;

  // Which nodes of the configuration are meant: `names`, or if that is empty all whose cdc_raw is on this machine.
  // Errors: kInvalidArgument: there is no such node, or none at all.
  static Result<std::vector<std::string>> Choose(const Config& config, const std::vector<std::string>& names);

  // An agent of the nodes of these names (of Choose). Finds where each was left; asks no broker. Errors:
  // kInvalidArgument (a host id that is not known yet; a configuration that cannot be), kTransient (another agent has
  // the node), and those of the rooms, with file and cure.
  static Result<std::unique_ptr<Agent>> Open(const Config& config, const std::vector<std::string>& names, Log log);
  ~Agent();

  // Runs until `stop`, which is asked often, says so; then waits a while for acknowledgements, notes them and returns.
  // Kafka that does not answer is waited for, as long as it takes. Errors: what only a person can cure. Called once.
  Status Run(const std::function<bool()>& stop);

  // A moment's view. From any thread.
  RunStats Stats() const;

 private:
  struct Node;
  class Sink;
  enum class Phase : uint8_t {
    kConnecting,  // Kafka was never reached: the nodes are guarded
    kStreaming,
    kBroken,  // the producer is to be made anew: the nodes are guarded
  };

  Agent(const Config& config, Log log);

  Status OpenNode(const NodeFiles& files);
  Status OpenCapture(Node* node, SchemaRegistry* schemas);
  Status BeginGuard();
  Status BeginStreaming();
  Status OpenQueue();

  Status Round();
  Status RoundOfGuard();
  Status TryToConnect();
  void StartSnapshots();
  void EndSnapshots();
  Status StepNodes(bool* more);
  Status FollowSchema();
  Status MindQueue();
  void NoteAcked();
  Status StorePositions();
  void Finish();

  const Config config_;
  const Log log_;
  FileSystem* const files_;
  const int64_t started_us_;
  Alarms alarms_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::unique_ptr<Watcher> watcher_;
  std::unique_ptr<Connector> connector_;
  NoDefinitions no_definitions_;
  GuardSink guard_;

  Phase phase_ = Phase::kConnecting;
  std::unique_ptr<RecordQueue> queue_;
  AckBarriers barriers_;
  int64_t retry_us_ = 0;    // kBroken: when to go on
  int64_t backoff_us_ = 0;  // and how long to wait the next time
  int64_t schema_checked_us_ = 0;
  int64_t stored_us_ = 0;
  int64_t minded_us_ = 0;
  uint64_t acked_ = 0;    // by the queue that there is
  int64_t heard_us_ = 0;  // when that rose last, or nothing was waited for

  mutable std::mutex mutex_;  // of what follows
  bool streaming_ = false;
  OutletStats outlet_;
  std::unique_ptr<SnapshotServer> snapshots_;  // once Kafka was reached; the first to go, it reads the nodes' members
};

}  // namespace braid
