#include "pipeline/verify/timeline_events.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/check.h"
#include "base/file_system.h"
#include "cassandra/types/comparable.h"
#include "codec/change.h"
#include "model/key.h"
#include "reconcile/state_record.h"
#include "timeline/reader.h"

namespace braid {
namespace {

constexpr int kWaits = 50;
constexpr int kWaitMs = 100;
constexpr uint64_t kRecordsPerStep = 4096;
constexpr int kRestarts = 10;
constexpr uint8_t kLate = 1;
constexpr uint8_t kOrdered = 2;

// The byte-comparable key of a row with these clustering values.
void AppendRowKeyOf(const TableSchema& schema, ByteView clustering, std::string* key) {
  ClusteringReader values(clustering);
  for (const ColumnId id : schema.clustering) {
    const auto value = values.Next();
    if (!value.has_value()) return;
    const Column& column = schema.column(id);
    if (value->null) {
      AppendComparableNull(key);
    } else {
      AppendComparable(*column.type, column.descending, value->bytes, key);
    }
  }
}

class Reading {
 public:
  Reading(const ReadEventsOptions& options, Definitions* definitions)
      : options_(options),
        definitions_(definitions),
        // Seven eighths for the events themselves: what order is judged by is small.
        by_row_({.memory_bytes = options.memory_bytes / 8 * 7, .directory = options.scratch}),
        by_partition_({.memory_bytes = options.memory_bytes / 8, .directory = options.scratch}) {}

  Status Run(TimelineReader* reader, uint64_t first) {
    events_.first = first;
    if (first >= options_.end) return {};
    TRY(reader->Seek(first));
    for (uint64_t records = 0;; ++records) {
      if (records % kRecordsPerStep == 0) TRY(Step(reader->next()));
      ASSIGN_OR_RETURN(const TimelineRecord* record, reader->Next());
      if (record == nullptr || record->sequence.n >= options_.end) return {};
      if (record->change != nullptr) TRY(Add(*record));
    }
  }

  Result<TimelineEvents> Finish() {
    ASSIGN_OR_RETURN(events_.by_row, by_row_.Finish());
    ASSIGN_OR_RETURN(events_.by_partition, by_partition_.Finish());
    return std::move(events_);
  }

 private:
  Status Step(uint64_t next) {
    return options_.step(static_cast<double>(next - events_.first) / static_cast<double>(options_.end - events_.first));
  }

  Status Add(const TimelineRecord& record) {
    const Change& change = *record.change;
    definitions_->Note(*change.schema);
    ++events_.count;
    const TableId& table = change.schema->table_id;
    if (change.op == Op::kTruncate) {
      events_.truncations[table].push_back(record.sequence.n);
      return {};
    }
    const PartitionRef partition{table, change.token, change.partition_key};
    if (!change.schema->counter) TRY(AddOrder(partition, record));
    if (change.row == RowKind::kRange) return {};
    row_key_.clear();
    if (change.row == RowKind::kRegular) AppendRowKeyOf(*change.schema, change.clustering, &row_key_);
    key_.clear();
    AppendRowKey(&key_, 0, partition, {change.row == RowKind::kStatic, row_key_});
    AppendBigEndian(&key_, record.sequence.n);
    value_.clear();
    AppendChange(&value_, change);
    return by_row_.Add(key_, value_);
  }

  Status AddOrder(const PartitionRef& partition, const TimelineRecord& record) {
    const Change& change = *record.change;
    const bool ordered = change.cause != Cause::kBackfill && change.cause != Cause::kRepair;
    key_.clear();
    AppendHeaderKey(&key_, 0, partition);
    AppendBigEndian(&key_, record.sequence.n);
    value_.clear();
    AppendBigEndian(&value_, change.ts.us);
    AppendBigEndian(&value_, record.emitted_us);
    value_.push_back(static_cast<char>((change.late ? kLate : 0) | (ordered ? kOrdered : 0)));
    return by_partition_.Add(key_, value_);
  }

  const ReadEventsOptions& options_;
  Definitions* definitions_;
  Sorter by_row_;
  Sorter by_partition_;
  TimelineEvents events_;
  std::string row_key_;
  std::string key_;
  std::string value_;
};

// Waits until all that the state was told is published: a commit of the state comes a moment before that.
Result<TimelineReader::Bounds> AwaitPublished(const ReadEventsOptions& options, TimelineReader* reader) {
  for (int wait = 0;; ++wait) {
    ASSIGN_OR_RETURN(const TimelineReader::Bounds bounds, reader->Refresh());
    if (bounds.committed >= options.end) return bounds;
    if (wait == kWaits) {
      return Error{ErrorCode::kTransient,
                   fmt::format("{}: records {} to {} are in the state, but not published: the pipeline was killed just "
                               "then; start it, and verify again",
                               options.directory, bounds.committed, options.end - 1)};
    }
    TRY(options.step(0));
    TRY(reader->Seek(bounds.committed));
    TRY(reader->Wait(kWaitMs));
  }
}

}  // namespace

size_t TimelineEvents::TruncationsBefore(const TableId& table, uint64_t n) const {
  const auto found = truncations.find(table);
  if (found == truncations.end()) return 0;
  return static_cast<size_t>(std::ranges::lower_bound(found->second, n) - found->second.begin());
}

OrderNote ReadOrderNote(ByteView bytes) {
  CHECK(bytes.size() == 17);
  const auto flags = static_cast<uint8_t>(bytes[16]);
  return {LoadBigEndian<int64_t>(bytes.data()), LoadBigEndian<int64_t>(bytes.data() + 8), (flags & kLate) != 0,
          (flags & kOrdered) != 0};
}

Result<TimelineEvents> ReadEvents(const ReadEventsOptions& options, Definitions* definitions) {
  const TimelineReader::Options reading{.directory = options.directory,
                                        .wanted = [=](const TableSchema& table) { return definitions->Wants(table); }};
  ASSIGN_OR_RETURN(const auto reader, TimelineReader::Open(PosixFileSystem(), reading));
  for (int restart = 0;; ++restart) {
    ASSIGN_OR_RETURN(const TimelineReader::Bounds bounds, AwaitPublished(options, reader.get()));
    Reading events(options, definitions);
    const Status read = events.Run(reader.get(), bounds.first);
    if (read.has_value()) return events.Finish();
    // Retention has overtaken it: the rest is what is to be judged.
    if (read.error().code != ErrorCode::kNotFound || restart == kRestarts) return read.error();
  }
}

}  // namespace braid
