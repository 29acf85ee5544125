#include "capture/entry_giver.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/cursor.h"
#include "capture/truncation.h"

namespace braid {

namespace {

constexpr size_t kTableIdBytes = 16;
// Of things given up, so that a log full of nonsense cannot fill the memory.
constexpr size_t kMaxGivenUp = 10'000;

// What stands in front of every mutation.
struct MutationHead {
  uint64_t parts = 0;
  TableId table;  // of the first part; all are of one keyspace
};

std::optional<MutationHead> ReadHead(ByteView payload) {
  Cursor from(payload);
  MutationHead head;
  head.parts = from.Vint();
  const ByteView id = from.Bytes(kTableIdBytes);
  if (!from.ok()) return std::nullopt;
  head.table = TableId::FromBytes(id);
  return head;
}

WriteTime LatestWrite(const Mutation& mutation) {
  WriteTime latest = mutation.partition_deletion.at;
  const auto take = [&](const RowUpdate& row) {
    latest = std::max({latest, row.liveness.at, row.deletion.at});
    for (const ComplexDeletion& deletion : row.complex_deletions) latest = std::max(latest, deletion.deletion.at);
    for (const Cell& cell : row.cells) latest = std::max(latest, cell.at);
  };
  if (mutation.static_row != nullptr) take(*mutation.static_row);
  for (const RowUpdate& row : mutation.rows) take(row);
  for (const RangeDeletion& range : mutation.ranges) latest = std::max(latest, range.deletion.at);
  return latest;
}

}  // namespace

Result<std::vector<ExcludedColumn>> ParseExcluded(const std::vector<std::string>& names) {
  std::vector<ExcludedColumn> excluded;
  for (const std::string& name : names) {
    // Names of keyspaces and tables have no dots; those of columns can.
    const size_t first = name.find('.');
    const size_t second = first == std::string::npos ? first : name.find('.', first + 1);
    if (second == std::string::npos || first == 0 || second == first + 1 || second + 1 == name.size()) {
      return InvalidArgument(fmt::format("exclude: '{}' is not of the form keyspace.table.column", name));
    }
    excluded.push_back({name.substr(0, second), name.substr(second + 1)});
  }
  return excluded;
}

EntryGiver::EntryGiver(SchemaRegistry* schemas, const NodeCapture::Options* options,
                       std::vector<ExcludedColumn> excluded, NodeCapture::Stats* stats)
    : schemas_(schemas),
      options_(options),
      excluded_(std::move(excluded)),
      stats_(stats),
      decoder_(schemas,
               {.wanted = [](const TableSchema& schema) { return schema.cdc || schema.table_id == SystemLocalId(); },
                .excluded = [this](const TableSchema& schema) { return Excluded(schema); }}),
      version_(schemas->version()) {}

std::vector<ColumnId> EntryGiver::Excluded(const TableSchema& schema) const {
  std::vector<ColumnId> ids;
  const std::string table = schema.FullName();
  for (const ExcludedColumn& excluded : excluded_) {
    if (excluded.table != table) continue;
    const Column* const column = schema.FindColumn(excluded.column);
    if (column != nullptr) ids.push_back(column->id);
  }
  return ids;
}

void EntryGiver::Refresh() {
  const uint64_t version = schemas_->version();
  if (version == version_) return;
  version_ = version;
  decoder_.ForgetTables();
  captured_.clear();
}

bool EntryGiver::MayMatter(ByteView payload) {
  Refresh();
  const std::optional<MutationHead> head = ReadHead(payload);
  if (!head) return true;
  if (IsSystemTableId(head->table)) return false;
  if (head->parts != 1) return true;
  const auto found = captured_.find(head->table);
  if (found != captured_.end()) return found->second;
  const TableSchema* const schema = schemas_->FindTable(head->table);
  const bool matters = schema == nullptr || schema->cdc;
  captured_.emplace(head->table, matters);
  return matters;
}

void EntryGiver::Forget() {
  gave_transaction_ = gave_ = waiting_ = stats_->waiting_for_schema = false;
  gave_truncations_ = 0;
}

Result<EntryGiver::Given> EntryGiver::Give(ByteView payload, DeletionTimes times, const Position& before,
                                           const Position& position, int64_t now_us, CaptureSink* sink,
                                           bool* sink_failed) {
  *sink_failed = false;
  const std::optional<MutationHead> head = ReadHead(payload);
  const bool system = head && IsSystemTableId(head->table);
  if (system && head->table != SystemLocalId()) return Given::kNothing;
  Refresh();
  if (system) return GiveTruncations(payload, times, position, sink, sink_failed);
  ASSIGN_OR_RETURN(const DecodedMutation* const decoded, decoder_.Decode(payload, times, position));
  if (decoded->unread && Waits(*decoded->unread, now_us)) return Given::kWaits;
  *sink_failed = true;
  if (!decoded->transaction.mutations.empty() && !gave_transaction_) {
    TRY(sink->OnTransaction(decoded->transaction));
    gave_transaction_ = gave_ = true;
    Count(decoded->transaction);
  }
  if (decoded->unread) TRY(TellUnread(*decoded->unread, before, position, now_us, sink));
  *sink_failed = false;
  const Given given = gave_ ? Given::kSome : Given::kNothing;
  Forget();
  return given;
}

Result<EntryGiver::Given> EntryGiver::GiveTruncations(ByteView payload, DeletionTimes times, const Position& position,
                                                      CaptureSink* sink, bool* sink_failed) {
  ASSIGN_OR_RETURN(const DecodedMutation* const decoded, decoder_.Decode(payload, times, position));
  if (decoded->unread && !told_of_system_local_) {
    told_of_system_local_ = true;
    Log(true, fmt::format("{}: a TRUNCATE cannot be seen: {}", options_->files.name, decoded->unread->Describe()));
  }
  std::vector<Truncation> truncations;
  for (const Mutation& mutation : decoded->transaction.mutations) {
    ASSIGN_OR_RETURN(const std::vector<Truncation> read, ReadTruncations(mutation, position));
    truncations.insert(truncations.end(), read.begin(), read.end());
  }
  *sink_failed = true;
  for (; gave_truncations_ < truncations.size(); ++gave_truncations_) {
    TRY(sink->OnTruncation(truncations[gave_truncations_]));
  }
  *sink_failed = false;
  Forget();
  return truncations.empty() ? Given::kNothing : Given::kSome;
}

bool EntryGiver::Waits(const UnreadPart& unread, int64_t now_us) {
  // Once a part was given, the rest of the entry follows at once.
  if (gave_transaction_) return false;
  const auto what = std::make_pair(unread.table, std::string(unread.column));
  if (given_up_.contains(what)) return false;
  if (!waiting_) {
    waiting_ = stats_->waiting_for_schema = true;
    waiting_since_us_ = now_us;
    Log(false, fmt::format("{}: waits for its schema files: {}", options_->files.name, unread.Describe()));
  }
  if (now_us < waiting_since_us_ + options_->schema_wait_us) return true;
  waiting_ = stats_->waiting_for_schema = false;
  if (given_up_.size() >= kMaxGivenUp) given_up_.clear();
  given_up_.insert(what);
  const std::string why = unread.schema == nullptr ? schemas_->WhyUnreadable(unread.table) : std::string();
  Log(true, fmt::format("{}: {} waited in vain: {}{}{}", options_->files.name,
                        unread.parts == 1 && unread.schema == nullptr ? "passed over, for it" : "a gap, for it",
                        unread.Describe(), why.empty() ? "" : "; ", why));
  return false;
}

Status EntryGiver::TellUnread(const UnreadPart& unread, const Position& before, const Position& position,
                              int64_t now_us, CaptureSink* sink) {
  // Alone in its mutation and of a table that nobody defines, it is most likely one that was dropped. Anything else may
  // be of a table that is captured.
  if (unread.parts == 1 && unread.schema == nullptr) {
    ++stats_->passed_over;
    return {};
  }
  Gap gap;
  gap.reason = GapReason::kUnknownSchema;
  gap.node = options_->node;
  gap.from = before;
  gap.to = position;
  if (unread.schema != nullptr) gap.table = unread.schema->FullName();
  gap.detail = fmt::format("node {}, segment {}, the entry that ends at offset {}: {}", options_->files.name,
                           position.segment.value, position.offset, unread.Describe());
  gap.seen_at = {now_us};
  TRY(sink->OnGap(gap));
  gave_ = true;
  ++stats_->gaps;
  ++stats_->passed_over;
  return {};
}

void EntryGiver::Count(const Transaction& transaction) {
  stats_->mutations += transaction.mutations.size();
  for (const Mutation& mutation : transaction.mutations) {
    stats_->last_write = std::max(stats_->last_write, LatestWrite(mutation));
  }
}

void EntryGiver::Log(bool alarm, const std::string& message) const {
  if (options_->log) options_->log(alarm, message);
}

}  // namespace braid
