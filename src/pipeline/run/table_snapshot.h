// Within pipeline/run: what all nodes have of one table, opened at one moment and read in the order of its ring.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "capture/node_capture.h"
#include "cassandra/sstable/open_set.h"
#include "pipeline/merge/merge.h"

namespace braid {

// The SSTables in force on each node, and what stands only in their commit logs. Whatever was in a node's log before
// Open is in it, also if it is in no SSTable yet: logs are opened first. It holds open files, so that the nodes may go
// on to compact and to delete. Not thread-safe.
class TableSnapshot {
 public:
  struct Options {
    std::vector<NodeFiles> nodes;
    std::vector<SegmentId> captured;  // of each node: it was captured into this segment, so that older files are a copy
    const TableLookup* tables = nullptr;  // all that stand in the logs; must outlive it
    const TableSchema* schema = nullptr;  // must outlive it
    std::vector<std::string> exclude;     // as NodeCapture::Options::exclude
    TokenRange tokens;
    // What is in a log and not synced yet, too.
    bool unsynced = true;
    // Half of it for pieces, half for what the logs hold; more of that goes to `directory`, which is made.
    uint64_t memory_bytes = uint64_t{64} << 20;
    std::string directory;
    // Asked often whether to end early: the answer is then kTransient. May be empty.
    std::function<bool()> stop;
  };

  // Errors: those of SstableSet::Open and ReadLogSource, with the node's name; kNotFound (a node has no commitlog
  // directory, none of the table, or only segments older than what was captured; a data directory is not there, or is
  // empty).
  static Result<std::unique_ptr<TableSnapshot>> Open(const Options& options);

  // The next piece, or nullptr at the end. Lives until the next call.
  Result<const SstablePiece*> Next() { return merge_->Next(); }

  // Why what comes is not all that the nodes have, a line for people; empty as long as it is.
  std::string missing() const;
  // Bytes of SSTables that were read, of about how many.
  uint64_t read_bytes() const { return merge_->position(); }
  uint64_t total_bytes() const { return total_bytes_; }

 private:
  TableSnapshot() = default;

  // What is open of one node.
  struct Node {
    std::vector<std::unique_ptr<ByteSource>> segments;
    SstableSet sstables;
  };
  static Result<Node> OpenNode(const Options& options, size_t number);
  Status AddSstables(const Node& node, const ScanOptions& scan, const Options& options);
  Status AddLogs(const NodeFiles& files, const Node& node, const Options& options);
  void NoteMissing(const std::string& node, const std::string& what);

  std::vector<Node> nodes_;
  std::vector<std::unique_ptr<PieceSource>> sources_;  // until they are merged
  std::unique_ptr<TableMerge> merge_;
  uint64_t total_bytes_ = 0;
  std::string missing_;
};

}  // namespace braid
