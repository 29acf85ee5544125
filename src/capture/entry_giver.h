// Turns a log's entries into what a CaptureSink takes: decodes them, waits for definitions, gives every thing once also
// when the sink refuses. Internal to the room. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "capture/node_capture.h"
#include "cassandra/commitlog/mutation_decoder.h"

namespace braid {

// "keyspace.table.column", taken apart.
struct ExcludedColumn {
  std::string table;  // "keyspace.table"
  std::string column;
};

// Errors: kInvalidArgument.
Result<std::vector<ExcludedColumn>> ParseExcluded(const std::vector<std::string>& names);

class EntryGiver {
 public:
  // All must outlive it. `stats` is counted up.
  EntryGiver(SchemaRegistry* schemas, const NodeCapture::Options* options, std::vector<ExcludedColumn> excluded,
             NodeCapture::Stats* stats);

  enum class Given : uint8_t {
    kNothing,  // the entry is of no interest
    kSome,     // something of it went to the sink
    kWaits,    // for its table's definition: give it again later
  };

  // Gives one entry. After kWaits, or an error of the sink, the same entry must be given again, with the same payload;
  // what the sink took of it is not repeated. `before` is the position before the entry. Errors: the sink's, as
  // `*sink_failed` says; else kCorrupt, of an entry that does not parse.
  Result<Given> Give(ByteView payload, DeletionTimes times, const Position& before, const Position& position,
                     int64_t now_us, CaptureSink* sink, bool* sink_failed);
  // The entry that was refused or waits will not be given again.
  void Forget();

  // Whether a mutation may be one of a captured table, without decoding it.
  bool MayMatter(ByteView payload);

 private:
  // Takes notice of new definitions.
  void Refresh();
  std::vector<ColumnId> Excluded(const TableSchema& schema) const;
  // What a mutation of system.local tells.
  Result<Given> GiveTruncations(ByteView payload, DeletionTimes times, const Position& position, CaptureSink* sink,
                                bool* sink_failed);
  // Whether to wait for the definition of what could not be read.
  bool Waits(const UnreadPart& unread, int64_t now_us);
  Status TellUnread(const UnreadPart& unread, const Position& before, const Position& position, int64_t now_us,
                    CaptureSink* sink);
  void Count(const Transaction& transaction);
  void Log(bool alarm, const std::string& message) const;

  SchemaRegistry* schemas_;
  const NodeCapture::Options* options_;
  std::vector<ExcludedColumn> excluded_;
  NodeCapture::Stats* stats_;
  MutationDecoder decoder_;
  uint64_t version_;
  std::unordered_map<TableId, bool, TableIdHash> captured_;

  // What is unknown and was waited for long enough: a table's id and, if the table is known, a column's name.
  std::set<std::pair<TableId, std::string>> given_up_;
  bool waiting_ = false;
  int64_t waiting_since_us_ = 0;
  // Of the entry that is being given: what the sink has taken.
  bool gave_transaction_ = false;
  size_t gave_truncations_ = 0;
  bool gave_ = false;
  bool told_of_system_local_ = false;
};

}  // namespace braid
