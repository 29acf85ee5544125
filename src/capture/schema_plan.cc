#include "capture/schema_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "capture/schema_registry.h"
#include "cassandra/commitlog/mutation_decoder.h"

namespace braid {
namespace {

using Kind = SchemaRecord::Kind;

// A table that was altered so long after its creation may have been made without cdc.
constexpr int64_t kCreationSlackUs = 10'000'000;

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

class Planner {
 public:
  Planner(const SchemaSight& sight, const SchemaFold& fold) : sight_(sight), fold_(fold) {
    for (const KeyspaceInfo& keyspace : sight.schema->keyspaces()) {
      if (!keyspace.durable_writes) without_log_.insert(keyspace.name);
    }
  }

  SchemaPlan Make() && {
    for (const TableInfo& info : sight_.schema->tables()) PlanTable(info);
    for (const auto& [id, table] : fold_.tables()) {
      if (!table.dropped && sight_.schema->Find(id) == nullptr) PlanDropped(id, table);
    }
    return std::move(plan_);
  }

 private:
  void PlanTable(const TableInfo& info);
  void PlanUnreadable(const TableInfo& info);
  // The definition that `info` makes of the table, or nullptr if it is to stay as it is: `info` says nothing new, or
  // is older, or half of a change.
  TableSchemaPtr Successor(const TableInfo& info, const SchemaFold::Table& known, bool shared);
  // The definition in `info`, with the columns that these very files had and have no more listed as dropped. (What of
  // the other columns they lack, they may not have heard of yet.)
  TableSchema WithoutLost(const TableInfo& info, const TableSchema& newest);
  void PlanHistory(const TableInfo& info, const SchemaFold::Table& known, const TableSchema& newest);
  void PlanDropped(const TableId& id, const SchemaFold::Table& known);
  bool IsDropped(const TableId& id, const SchemaFold::Table& known, WriteTime* at) const;

  const SchemaSight& sight_;
  const SchemaFold& fold_;
  std::set<std::string> without_log_;
  SchemaPlan plan_;
};

void Planner::PlanTable(const TableInfo& info) {
  if (info.schema == nullptr) return PlanUnreadable(info);
  const SchemaFold::Table* const found = fold_.FindKnown(info.id);
  const SchemaFold::Table known = found == nullptr ? SchemaFold::Table() : *found;
  const bool is_own = IsSystemTableId(info.id);
  const bool shared = sight_.shared && !is_own;
  const SchemaWord word{.definition = info.schema->id, .changed_at = info.changed_at, .written_at = info.written_at};
  plan_.words.emplace(info.id, word);
  TableSchemaPtr definition;
  const auto said = sight_.said->find(info.id);
  // An agent speaks only when its own files say something new: two that see different halves of a change would
  // otherwise correct one another for ever.
  if (!shared || said == sight_.said->end() || said->second != word) definition = Successor(info, known, shared);
  if (definition != nullptr && known.lives() && definition->id == known.newest->id) definition = nullptr;
  if (definition != nullptr) {
    SchemaRecord record{.kind = Kind::kDefinition, .table = info.id, .schema = definition};
    record.changed_at = std::max(info.changed_at, known.changed_at);
    if (shared) {
      record.base = known.newest == nullptr ? SchemaId{} : known.newest->id;
      record.written_at = info.written_at;
    }
    (is_own ? plan_.own : plan_.records).push_back(std::move(record));
  }
  const TableSchema* const newest = definition != nullptr ? definition.get() : known.newest;
  if (!is_own && newest != nullptr) PlanHistory(info, known, *newest);
}

void Planner::PlanUnreadable(const TableInfo& info) {
  const auto before = sight_.unreadable->find(info.id);
  const bool same = before != sight_.unreadable->end() && before->second == info.unreadable;
  if (!same && !sight_.sure) {
    plan_.held = true;
    if (before != sight_.unreadable->end()) plan_.unreadable.insert(*before);
    return;
  }
  plan_.unreadable.emplace(info.id, info.unreadable);
  if (!same && info.cdc) plan_.lines.emplace_back(true, "schema: " + info.unreadable);
}

TableSchemaPtr Planner::Successor(const TableInfo& info, const SchemaFold::Table& known, bool shared) {
  if (known.newest == nullptr) return info.schema;
  const bool newer = info.changed_at >= known.changed_at;
  // The files that had the newer one are away.
  if (!shared && !newer) return nullptr;
  // The files are of a node that has not heard of it yet.
  if (shared && known.dropped && info.written_at <= known.dropped_at) return nullptr;
  if (!SameKeys(*known.newest, *info.schema)) {
    plan_.words.erase(info.id);  // to be said again
    plan_.unreadable.emplace(
        info.id,
        fmt::format("the key of {} has changed, which Cassandra never does to a table: the data directories are of "
                    "another cluster than those that this state was made of; name the right ones, or a new state "
                    "directory",
                    info.FullName()));
    return nullptr;
  }
  if (shared && !known.dropped) return JoinDefinitions(*known.newest, WithoutLost(info, *known.newest), newer);
  if (!shared && LacksColumns(*known.newest, *info.schema) && !(sight_.sure && sight_.complete)) {
    plan_.held = true;
    return nullptr;
  }
  return WithPermanentIds(*known.newest, *info.schema);
}

TableSchema Planner::WithoutLost(const TableInfo& info, const TableSchema& newest) {
  TableSchema fresh = *info.schema;
  const auto had = sight_.had->find(info.id);
  if (had == sight_.had->end()) return fresh;
  for (const Column& column : newest.columns) {
    if (column.dropped || !had->second.contains(column.name) || info.schema->FindColumn(column.name) != nullptr)
      continue;
    if (sight_.sure && sight_.complete) {
      fresh.columns.push_back(column);
      fresh.columns.back().dropped = true;
    } else {
      plan_.held = true;
      plan_.words.erase(info.id);  // to be looked at again
    }
  }
  return fresh;
}

void Planner::PlanHistory(const TableInfo& info, const SchemaFold::Table& known, const TableSchema& newest) {
  const bool logged = !without_log_.contains(info.keyspace);
  const bool is_new = known.newest == nullptr;
  if (!logged) plan_.unlogged.insert(info.id);
  if (newest.cdc && !logged && (is_new || known.history_known)) {
    plan_.lines.emplace_back(true, fmt::format("schema: keyspace {} has durable_writes = false: what is written to {} "
                                               "is in no log; run ALTER KEYSPACE {} WITH durable_writes = true",
                                               info.keyspace, info.FullName(), info.keyspace));
  }
  const bool is_known =
      newest.cdc && logged && (is_new ? fold_.has_baseline() && IsAsCreated(info) : known.history_known);
  if (is_known == known.history_known) return;
  SchemaRecord record{.kind = is_known ? Kind::kHistoryKnown : Kind::kHistoryUnknown, .table = info.id};
  if (is_known && sight_.shared) record.base = newest.id;
  plan_.records.push_back(std::move(record));
}

void Planner::PlanDropped(const TableId& id, const SchemaFold::Table& known) {
  WriteTime at;
  if (known.newest == nullptr || !IsDropped(id, known, &at)) return;
  const bool is_own = IsSystemTableId(id);
  (is_own ? plan_.own : plan_.records).push_back({.kind = Kind::kDropped, .table = id, .written_at = at});
  if (known.history_known) plan_.records.push_back({.kind = Kind::kHistoryUnknown, .table = id});
}

// Whether a table that is in no file was dropped. If all files of the cluster are followed, one that was seen has been:
// what says so was read; one that only the journal knows may be in files that are away. If they are of some nodes only,
// such a table may be on its way to them: then only what says that it was dropped counts, or that another has its name.
bool Planner::IsDropped(const TableId& id, const SchemaFold::Table& known, WriteTime* at) const {
  if (!sight_.shared || IsSystemTableId(id)) return sight_.seen->contains(id) || sight_.complete;
  *at = sight_.dropped_at(known.newest->keyspace, known.newest->table);
  const TableInfo* const successor = sight_.schema->Find(known.newest->keyspace, known.newest->table);
  if (successor != nullptr) *at = std::max(*at, WriteTime{successor->written_at.us - 1});
  return !at->none() && *at >= known.written_at;
}

}  // namespace

SchemaPlan PlanSchema(const SchemaSight& sight, const SchemaFold& fold) {
  return Planner(sight, fold).Make();
}

}  // namespace braid
