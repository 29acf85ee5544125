// Within pipeline/agent: says what the agent's nodes have of a table when a worker asks, in a thread of its own.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/result.h"
#include "capture/node_capture.h"
#include "capture/schema_registry.h"
#include "pipeline/agent/snapshot_requests.h"
#include "pipeline/feed/alarms.h"
#include "pipeline/run/config.h"
#include "pipeline/run/stats.h"
#include "pipeline/run/table_snapshot.h"
#include "transport/kafka/consumer.h"
#include "transport/kafka/producer.h"
#include "transport/message/record.h"

namespace braid {

// Answers one request after another, each for one node after another: pieces, then an end (snapshot_record.h). Files
// are opened only after the request was seen. What was asked before the server was there gets an end that says so:
// nobody knows what another process has answered already. Whatever goes wrong with one request is that request's end.
class SnapshotServer {
 public:
  struct Node {
    NodeFiles files;
    HostId host{};
    const SchemaRegistry* schemas = nullptr;  // must outlive the server; somebody else refreshes it
    std::string directory;                    // for what does not fit into memory; made
    // Up to which segment the brokers have the node's log. Called from the server's thread.
    std::function<SegmentId()> captured;
  };

  // `config` and `alarms` must outlive it. `log` is called from its thread.
  SnapshotServer(const Config* config, std::vector<Node> nodes, Alarms* alarms, KafkaLog log)
      : config_(config), nodes_(std::move(nodes)), alarms_(alarms), log_(std::move(log)), requests_(config->shards) {}
  // Waits for what is under way, some seconds at most.
  ~SnapshotServer();

  void Start();

  // What is being read at the moment, if anything is. From any thread.
  std::optional<BackfillStats> reading() const;

 private:
  // What one node has to say to a request.
  struct Part {
    SnapshotRequest request;
    size_t node = 0;
  };
  struct End {
    Part part;
    std::string missing;
  };

  void Run();
  Status Round();
  Status OpenProducer();
  Status OpenConsumer();
  void Look(int timeout_ms);
  void TakeRecord(const KafkaRecord& record);
  void AnswerWhatIsOld();
  bool Ends(const Part& part);

  void Answer(const Part& part);
  Result<std::string> GivePart(const Part& part);
  Result<const TableSchema*> AwaitTable(const Part& part);
  TableSnapshot::Options SnapshotOptions(const Part& part, const TableSchema* schema);
  Status GivePieces(const Part& part, TableSnapshot* snapshot);
  Status Send(const Part& part, ByteView record);
  Status AwaitAcks(const Part& part);
  Status SendEnds();

  void BeginReading(const Part& part);
  void Judge(const Part& part, const std::string& problem);
  void ForgetGoneTables();

  const Config* const config_;
  const std::vector<Node> nodes_;
  Alarms* const alarms_;
  const KafkaLog log_;
  std::thread thread_;
  std::atomic<bool> stop_ = false;

  // Of the thread.
  std::unique_ptr<KafkaConsumer> consumer_;  // of the requests, all of them
  std::unique_ptr<KafkaProducer> producer_;
  std::vector<std::string> topics_;  // of the nodes
  SnapshotRequests requests_;
  bool has_read_old_ = false;  // what was there when the consumer was opened has been read
  int64_t looked_us_ = 0;
  std::deque<Part> parts_;  // of the request under way
  std::deque<End> ends_;    // that are to be sent
  // What cannot be read whole, by table and node: of which shards.
  std::map<std::pair<TableId, size_t>, std::set<uint32_t>> lacking_;

  mutable std::mutex mutex_;  // of what follows
  std::optional<BackfillStats> reading_;
};

}  // namespace braid
