#include "capture/schema_registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <unordered_map>
#include <utility>

#include "capture/schema_log.h"
#include "cassandra/schema/follower.h"

namespace braid {
namespace {

// So many Refreshes wait for files that keep changing or cannot be read, before the rest is believed without them; and
// for the second half of what looks like half of a change. A node flushes one schema table in some 30 ms.
constexpr int kPatience = 100;
// What a new registry gives files that are just being compacted.
constexpr int kLooksAtOpen = 8;
// A table that was altered so long after its creation may have been made without cdc.
constexpr int64_t kCreationSlackUs = 10'000'000;

// What is known of a table.
struct Table {
  const TableSchema* newest = nullptr;  // nullptr: it was never readable
  WriteTime changed_at;
  bool dropped = false;
  bool logged = true;  // false: its keyspace has durable_writes = false
  bool history_known = false;
  std::string unreadable;

  bool lives() const { return newest != nullptr && !dropped; }
  bool operator==(const Table&) const = default;
};

using TableMap = std::unordered_map<TableId, Table, TableIdHash>;

// What a look at the schema leads to, before anyone is told.
struct Plan {
  std::vector<SchemaRecord> records;
  std::vector<SchemaRegistry::Event> events;
  std::vector<std::pair<TableId, Table>> tables;
  std::vector<TableSchemaPtr> definitions;
  std::vector<std::pair<bool, std::string>> lines;  // for the log
  bool held = false;                                // something looks like half of a change: the next look decides
};

// The microsecond at which a time-based id was made; none for ids of other kinds.
WriteTime CreationTime(const TableId& id) {
  constexpr uint64_t kUuidEpoch = 0x01B21DD213814000;  // of 1970, in 100 ns from 1582
  const ByteView bytes = id.view();
  const uint64_t high = LoadBigEndian<uint64_t>(bytes.data());
  if (((high >> 12) & 0xF) != 1) return {};
  const uint64_t ticks = ((high & 0xFFF) << 48) | (((high >> 16) & 0xFFFF) << 32) | (high >> 32);
  return {static_cast<int64_t>((ticks - kUuidEpoch) / 10)};
}

// Whether nobody has altered the table since it was made, so that cdc is as old as the table.
bool IsAsCreated(const TableInfo& info) {
  const WriteTime created = CreationTime(info.id);
  return !created.none() && info.written_at.us >= created.us - kCreationSlackUs &&
         info.written_at.us <= created.us + kCreationSlackUs;
}

// Key columns of a table are for ever.
bool SameKeys(const TableSchema& a, const TableSchema& b) {
  const auto same = [&](const std::vector<ColumnId>& of_a, const std::vector<ColumnId>& of_b) {
    return std::equal(of_a.begin(), of_a.end(), of_b.begin(), of_b.end(), [&](ColumnId x, ColumnId y) {
      return *a.column(x).type == *b.column(y).type && a.column(x).descending == b.column(y).descending;
    });
  };
  return same(a.partition_key, b.partition_key) && same(a.clustering, b.clustering);
}

// A column that is gone without being among the dropped ones: Cassandra writes that it is gone and that it was dropped
// into two tables, which are flushed one after the other.
bool LacksColumns(const TableSchema& before, const TableSchema& fresh) {
  const auto lacks = [&](ColumnId id) { return fresh.FindColumn(before.column(id).name) == nullptr; };
  return std::any_of(before.statics.begin(), before.statics.end(), lacks) ||
         std::any_of(before.regulars.begin(), before.regulars.end(), lacks);
}

std::set<std::string> KeyspacesWithoutLog(const ClusterSchema& schema) {
  std::set<std::string> names;
  for (const KeyspaceInfo& keyspace : schema.keyspaces()) {
    if (!keyspace.durable_writes) names.insert(keyspace.name);
  }
  return names;
}

class Registry : public SchemaRegistry {
 public:
  Registry(FileSystem* files, const Options& options) : options_(options), follower_(files, options.data_directories) {}

  Status Start(FileSystem* files);

  Result<std::vector<Event>> Refresh() override;
  uint64_t version() const override { return version_.load(std::memory_order_acquire); }
  const TableSchema* FindTable(const TableId& id) const override;
  const TableSchema* Find(SchemaId id) const override;
  std::vector<const TableSchema*> CapturedTables() const override;
  std::string WhyUnreadable(const TableId& id) const override;
  bool HistoryKnown(const TableId& id) const override;
  Status MarkHistoryKnown(const TableId& id) override;

 private:
  void Load(const std::vector<SchemaRecord>& records);
  void ReportTroubles(const std::vector<Error>& troubles);
  // Takes in what the follower knows. `settled`: its last look was.
  Status Update(bool settled);
  // `sure`: nothing was new for a while, so that what looks like half of a change is all of it.
  Plan Compare(const ClusterSchema& schema, bool sure) const;
  void CompareTable(const TableInfo& info, bool logged, bool sure, Plan* plan) const;
  bool TakeDefinition(const TableInfo& info, bool sure, Table* table, Plan* plan) const;
  void TakeHistory(const TableInfo& info, const Table* known, bool logged, Table* table, Plan* plan) const;
  void FindDropped(const ClusterSchema& schema, Plan* plan) const;
  void Publish(Plan plan);
  const Table* FindKnown(const TableId& id) const;
  std::vector<Event> TakeEvents() { return std::exchange(untold_, {}); }
  void Log(bool alarm, const std::string& line) const {
    if (options_.log) options_.log(alarm, line);
  }

  const Options options_;
  // Held by whoever changes anything; what only they use is below it.
  std::mutex writing_;
  SchemaFollower follower_;
  std::unique_ptr<SchemaLog> log_;
  bool baseline_ = false;  // the file has it
  bool due_ = false;       // there is more to take in than the last Update did
  bool held_ = false;      // something waits for its other half
  bool was_complete_ = false;
  bool was_settled_ = false;
  int unsettled_ = 0;  // looks in a row
  int quiet_ = 0;      // looks in a row that found nothing new
  std::set<std::string> reported_;
  std::set<TableId> seen_;  // in the nodes' files, since Open
  std::vector<Event> untold_;

  mutable std::shared_mutex mutex_;  // of what follows, for those who hold writing_ only to write
  TableMap tables_;
  std::unordered_map<uint64_t, TableSchemaPtr> definitions_;
  std::atomic<uint64_t> version_ = 0;
};

Status Registry::Start(FileSystem* files) {
  const std::lock_guard writing(writing_);
  ASSIGN_OR_RETURN(auto opened, SchemaLog::Open(files, options_.path));
  log_ = std::move(opened.first);
  Load(opened.second);
  SchemaFollower::Look look;
  for (int i = 0; i < kLooksAtOpen; ++i) {
    look = follower_.LookAgain();
    if (look.settled) break;
  }
  if (opened.second.empty()) {
    if (!look.troubles.empty()) return look.troubles.front();
    if (!follower_.any()) {
      // Says which directories and what to do.
      TRY(ReadSchema(options_.data_directories, ComputeSchemaId));
    }
  }
  ReportTroubles(look.troubles);
  quiet_ = kPatience;  // a schema that is just being changed is the exception
  return Update(look.settled);
}

void Registry::Load(const std::vector<SchemaRecord>& records) {
  for (const SchemaRecord& record : records) {
    if (record.kind == SchemaRecord::Kind::kBaseline) {
      baseline_ = true;
      continue;
    }
    Table& table = tables_[record.table];
    switch (record.kind) {
      case SchemaRecord::Kind::kDefinition:
        table.newest = definitions_.emplace(record.schema->id.value, record.schema).first->second.get();
        table.changed_at = record.changed_at;
        table.dropped = false;
        break;
      case SchemaRecord::Kind::kDropped:
        table.dropped = true;
        break;
      default:
        table.history_known = record.kind == SchemaRecord::Kind::kHistoryKnown;
    }
  }
}

// Each line once, until nothing is wrong.
void Registry::ReportTroubles(const std::vector<Error>& troubles) {
  if (troubles.empty()) reported_.clear();
  for (const Error& trouble : troubles) {
    if (reported_.size() > 1000 || !reported_.insert(trouble.message).second) continue;
    Log(true, fmt::format("schema: {}; what is known of the schema stands, and it is tried again", trouble.message));
  }
}

Result<std::vector<SchemaRegistry::Event>> Registry::Refresh() {
  const std::lock_guard writing(writing_);
  const SchemaFollower::Look look = follower_.LookAgain();
  unsettled_ = look.settled ? 0 : unsettled_ + 1;
  quiet_ = look.grown ? 0 : std::min(quiet_ + 1, kPatience + 1);
  // Files that are compacted away while they are listed are everyday life.
  if (look.settled || unsettled_ == kPatience) ReportTroubles(look.troubles);
  due_ = due_ || look.grown || (held_ && quiet_ == kPatience) || follower_.complete() != was_complete_ ||
         (look.settled && !was_settled_);
  if (due_ && (look.settled || unsettled_ >= kPatience)) TRY(Update(look.settled));
  return TakeEvents();
}

Status Registry::Update(bool settled) {
  due_ = true;
  if (!follower_.any()) return {};
  const Result<ClusterSchema> schema = follower_.Build(ComputeSchemaId);
  if (!schema.has_value()) {
    ReportTroubles({schema.error()});
    return {};
  }
  Plan plan = Compare(*schema, quiet_ >= kPatience);
  const bool whole = settled && follower_.complete();
  if (!baseline_ && whole) plan.records.push_back({.kind = SchemaRecord::Kind::kBaseline});
  if (!plan.records.empty()) TRY(log_->Append(plan.records));
  baseline_ = baseline_ || whole;
  was_complete_ = follower_.complete();
  was_settled_ = settled;
  due_ = false;
  held_ = plan.held;
  for (const TableInfo& info : schema->tables()) seen_.insert(info.id);
  Publish(std::move(plan));
  return {};
}

Plan Registry::Compare(const ClusterSchema& schema, bool sure) const {
  Plan plan;
  const std::set<std::string> without_log = KeyspacesWithoutLog(schema);
  for (const TableInfo& info : schema.tables()) CompareTable(info, !without_log.contains(info.keyspace), sure, &plan);
  FindDropped(schema, &plan);
  return plan;
}

void Registry::CompareTable(const TableInfo& info, bool logged, bool sure, Plan* plan) const {
  const Table* const known = FindKnown(info.id);
  Table table = known == nullptr ? Table() : *known;
  const bool is_own = IsSystemTableId(info.id);
  if (info.schema == nullptr) {
    if (table.unreadable == info.unreadable) return;
    if (!sure) {
      plan->held = true;
      return;
    }
    table.unreadable = info.unreadable;
    if (info.cdc) plan->lines.emplace_back(true, "schema: " + info.unreadable);
    plan->tables.emplace_back(info.id, std::move(table));
    return;
  }
  table.unreadable.clear();
  const bool changed = TakeDefinition(info, sure, &table, plan);
  if (!is_own && table.newest != nullptr) {
    if (changed) {
      plan->records.push_back({.kind = SchemaRecord::Kind::kDefinition,
                               .table = info.id,
                               .schema = TableSchemaPtr(TableSchemaPtr(), table.newest),
                               .changed_at = table.changed_at});
      const bool is_new = known == nullptr || !known->lives();
      plan->events.push_back({.kind = is_new ? Event::Kind::kNew : Event::Kind::kChanged,
                              .before = is_new ? nullptr : known->newest,
                              .after = table.newest});
      plan->lines.emplace_back(false, fmt::format("schema: {} {}{}", info.FullName(), is_new ? "is new" : "has changed",
                                                  table.newest->cdc ? "" : " (cdc is off)"));
    }
    TakeHistory(info, known, logged, &table, plan);
  }
  if (known == nullptr || table != *known) plan->tables.emplace_back(info.id, std::move(table));
}

// Makes the definition in `info` the newest of `table`; false if it was, or is older, or half of a change.
bool Registry::TakeDefinition(const TableInfo& info, bool sure, Table* table, Plan* plan) const {
  TableSchemaPtr definition = info.schema;
  if (table->newest != nullptr) {
    // The files that had the newer one are away.
    if (info.changed_at < table->changed_at) return false;
    if (!SameKeys(*table->newest, *info.schema)) {
      table->unreadable = fmt::format(
          "the key of {} has changed, which Cassandra never does to a table: the data directories are of another "
          "cluster than those that this state was made of; name the right ones, or a new state directory",
          info.FullName());
      return false;
    }
    if (LacksColumns(*table->newest, *info.schema) && !(sure && follower_.complete())) {
      plan->held = true;
      return false;
    }
    definition = WithPermanentIds(*table->newest, *info.schema);
  }
  table->changed_at = info.changed_at;
  const bool changed = !table->lives() || definition->id != table->newest->id;
  if (!changed) return false;
  const auto old = definitions_.find(definition->id.value);
  table->newest = old == definitions_.end() ? definition.get() : old->second.get();
  table->dropped = false;
  if (old == definitions_.end()) plan->definitions.push_back(std::move(definition));
  return true;
}

void Registry::TakeHistory(const TableInfo& info, const Table* known, bool logged, Table* table, Plan* plan) const {
  const bool captured = table->newest->cdc;
  const bool is_new = known == nullptr || known->newest == nullptr;
  if (captured && !logged && (is_new || known->history_known)) {
    plan->lines.emplace_back(true, fmt::format("schema: keyspace {} has durable_writes = false: what is written to {} "
                                               "is in no log; run ALTER KEYSPACE {} WITH durable_writes = true",
                                               info.keyspace, info.FullName(), info.keyspace));
  }
  table->logged = logged;
  table->history_known = captured && logged && (is_new ? baseline_ && IsAsCreated(info) : table->history_known);
  if (table->history_known == (known != nullptr && known->history_known)) return;
  plan->records.push_back(
      {.kind = table->history_known ? SchemaRecord::Kind::kHistoryKnown : SchemaRecord::Kind::kHistoryUnknown,
       .table = info.id});
}

// A table that was seen and is no longer there has been dropped: what says so was read. One that only our file knows
// may be in files that are away.
void Registry::FindDropped(const ClusterSchema& schema, Plan* plan) const {
  for (const auto& [id, known] : tables_) {
    if (known.dropped || schema.Find(id) != nullptr) continue;
    if (!seen_.contains(id) && !follower_.complete()) continue;
    Table table = known;
    table.dropped = true;
    table.unreadable.clear();
    table.history_known = false;
    if (known.newest != nullptr && !IsSystemTableId(id)) {
      plan->records.push_back({.kind = SchemaRecord::Kind::kDropped, .table = id});
      if (known.history_known) plan->records.push_back({.kind = SchemaRecord::Kind::kHistoryUnknown, .table = id});
      plan->events.push_back({.kind = Event::Kind::kDropped, .before = known.newest, .after = nullptr});
      plan->lines.emplace_back(false, fmt::format("schema: {} was dropped", known.newest->FullName()));
    }
    plan->tables.emplace_back(id, std::move(table));
  }
}

void Registry::Publish(Plan plan) {
  if (!plan.tables.empty()) {
    const std::unique_lock lock(mutex_);
    for (TableSchemaPtr& definition : plan.definitions) {
      const uint64_t id = definition->id.value;
      definitions_.emplace(id, std::move(definition));
    }
    for (auto& [id, table] : plan.tables) tables_[id] = std::move(table);
    version_.fetch_add(1, std::memory_order_release);
  }
  untold_.insert(untold_.end(), plan.events.begin(), plan.events.end());
  for (const auto& [alarm, line] : plan.lines) Log(alarm, line);
}

// For those who hold writing_; others lock mutex_ too.
const Table* Registry::FindKnown(const TableId& id) const {
  const auto found = tables_.find(id);
  return found == tables_.end() ? nullptr : &found->second;
}

const TableSchema* Registry::FindTable(const TableId& id) const {
  const std::shared_lock lock(mutex_);
  const Table* const table = FindKnown(id);
  return table == nullptr ? nullptr : table->newest;
}

const TableSchema* Registry::Find(SchemaId id) const {
  const std::shared_lock lock(mutex_);
  const auto found = definitions_.find(id.value);
  return found == definitions_.end() ? nullptr : found->second.get();
}

std::vector<const TableSchema*> Registry::CapturedTables() const {
  std::vector<const TableSchema*> captured;
  {
    const std::shared_lock lock(mutex_);
    for (const auto& [id, table] : tables_) {
      if (table.lives() && table.newest->cdc) captured.push_back(table.newest);
    }
  }
  std::sort(captured.begin(), captured.end(), [](const TableSchema* a, const TableSchema* b) {
    return std::tie(a->keyspace, a->table) < std::tie(b->keyspace, b->table);
  });
  return captured;
}

std::string Registry::WhyUnreadable(const TableId& id) const {
  const std::shared_lock lock(mutex_);
  const Table* const table = FindKnown(id);
  return table == nullptr ? "" : table->unreadable;
}

bool Registry::HistoryKnown(const TableId& id) const {
  const std::shared_lock lock(mutex_);
  const Table* const table = FindKnown(id);
  return table != nullptr && table->history_known;
}

Status Registry::MarkHistoryKnown(const TableId& id) {
  const std::lock_guard writing(writing_);
  const Table* const table = FindKnown(id);
  if (table == nullptr || !table->lives()) {
    return NotFound(fmt::format("no table with the id {} exists: its history cannot be known", id.ToString()));
  }
  if (table->history_known || !table->newest->cdc || !table->logged) return {};
  TRY(log_->Append({{.kind = SchemaRecord::Kind::kHistoryKnown, .table = id}}));
  const std::unique_lock lock(mutex_);
  tables_[id].history_known = true;
  return {};
}

}  // namespace

Result<std::unique_ptr<SchemaRegistry>> SchemaRegistry::Open(FileSystem* files, const Options& options) {
  auto registry = std::make_unique<Registry>(files, options);
  TRY(registry->Start(files));
  return std::unique_ptr<SchemaRegistry>(std::move(registry));
}

}  // namespace braid
