// All SSTables of one table on one node, opened together.
// Learned from org.apache.cassandra.db.lifecycle.{LogAwareFileLister,LogTransaction,LogReplicaSet} and
// io.sstable.format.SSTableReader (what is deleted when, and what is replaced).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "cassandra/sstable/descriptor.h"
#include "cassandra/sstable/sstable.h"
#include "cassandra/sstable/token_range.h"

namespace braid {

// An SSTable in force whose partitions cannot be read at all.
struct UnreadableSstable {
  Descriptor descriptor;
  // kCorrupt, kUnsupported (a custom compressor) or kIoError: with the file and what to do.
  Error error;
  // Where its partitions are: from its index, which has no checksum; the whole ring if that does not say either.
  TokenRange tokens;
};

struct SstableSetOptions {
  // How often the directories are looked at before it is given up.
  int tries = 20;
  // Called between two of them to sleep for so many milliseconds: from 2 to 500, six seconds in all. A room does not
  // wait by itself; without this one try follows the other at once.
  std::function<void(int64_t ms)> pause;
  // Called when the SSTables have been listed, and not yet opened: for tests.
  std::function<void()> listed;
};

// What was in force in a table's directories at one moment. The files stay open, so that all of it stays readable
// whatever the node does next: compactions may delete it, a truncation too. Nothing is written to the directories.
// Movable. sstables() may be scanned by any number of threads.
class SstableSet {
 public:
  // Opens what is in force in `table_directories`, those of one table in all data directories of one node; a snapshot's
  // directory is one too. Beside a live node: of each of its transactions (a compaction, a flush, a stream) the set has
  // either all that it removes or all that it adds.
  //
  // Raises the process's limit of open files, as far as the system lets it, if the set needs more.
  //
  // Errors: kNotFound (no such directory), kUnsupported (an SSTable of a version that Braid does not read: the message
  // names the cure), kCorrupt (a transaction log contradicts itself or the files: of a node that runs, or of a whole
  // copy, that cannot be), kTransient (the directories changed at every try), kIoError (also: more files than the
  // system's limit of open ones).
  static Result<SstableSet> Open(const std::vector<std::string>& table_directories,
                                 const SstableSetOptions& options = {});

  // By directory, then by version and generation.
  const std::vector<std::unique_ptr<Sstable>>& sstables() const { return sstables_; }
  // Those that are in force and damaged. What is found to be damaged only when it is scanned is not among them.
  const std::vector<UnreadableSstable>& unreadable() const { return unreadable_; }
  // Uncompressed bytes of all data that can be read.
  uint64_t data_bytes() const { return data_bytes_; }

 private:
  std::vector<std::unique_ptr<Sstable>> sstables_;
  std::vector<UnreadableSstable> unreadable_;
  uint64_t data_bytes_ = 0;
};

}  // namespace braid
