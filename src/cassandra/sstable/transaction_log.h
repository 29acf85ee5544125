// The logs in which Cassandra notes which SSTables a compaction or flush adds and removes, until it is done:
// `nb_txn_compaction_<uuid>.log`, `bti-da_txn_flush_<uuid>.log`. Learned from
// org.apache.cassandra.db.lifecycle.{LogFile,LogRecord}.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace braid {

// An SSTable that a transaction adds or removes.
struct LoggedSstable {
  std::string base;   // "nb-12-big", of its path's last part: the directories may have been copied elsewhere
  int64_t files = 0;  // how many it had
};

struct TransactionLog {
  bool committed = false;
  bool aborted = false;
  std::vector<LoggedSstable> added;
  std::vector<LoggedSstable> removed;
};

// True for the file name of a transaction log.
bool IsTransactionLogName(std::string_view name);

// Reads the whole text of a log. A damaged last line is what a crash leaves: it does not count. Error: kCorrupt for a
// damaged line before it, with its number.
Result<TransactionLog> ParseTransactionLog(ByteView text);

}  // namespace braid
