#include "capture/schema_fold.h"

#include <algorithm>
#include <mutex>
#include <tuple>

namespace braid {

using Kind = SchemaRecord::Kind;

void SchemaFold::Witnesses::Add(const SchemaWitness& witness) {
  hosts.insert(witness.host);
  of_nodes = std::max(of_nodes, witness.of_nodes);
}

SchemaFold::Outcome SchemaFold::Apply(const std::vector<SchemaRecord>& records) {
  Outcome outcome;
  if (records.empty()) return outcome;
  empty_ = false;
  {
    const std::unique_lock lock(mutex_);
    for (const SchemaRecord& record : records) {
      if (record.kind == Kind::kIntroduced) {
        introduced_.Add(*record.witness);
      } else if (record.kind != Kind::kBaseline) {
        ApplyToTable(record, &tables_[record.table], &outcome);
      } else if (record.witness.has_value()) {
        baselines_.Add(*record.witness);
      } else {
        baseline_ = true;
      }
    }
  }
  version_.fetch_add(1, std::memory_order_release);
  return outcome;
}

// Whether what the record rests on still holds. Of a journal with one writer it does.
bool SchemaFold::Counts(const SchemaRecord& record, const Table& table) const {
  const SchemaId newest = table.newest == nullptr ? SchemaId{} : table.newest->id;
  if (record.base.has_value() && *record.base != newest) return false;
  switch (record.kind) {
    case Kind::kDefinition:
      // A table may have been as it is now once before, so that the base alone does not tell old from new.
      return !record.base.has_value() || (record.changed_at >= table.changed_at &&
                                          (table.dropped_at.none() || record.written_at > table.dropped_at));
    case Kind::kDropped:
      return record.written_at.none() || record.written_at >= table.written_at;
    case Kind::kHistoryKnown:
      return !record.base.has_value() || (table.lives() && table.newest->cdc);
    case Kind::kHistoryLogged:
      return table.lives() && table.newest->cdc;
    default:
      return true;
  }
}

void SchemaFold::ApplyToTable(const SchemaRecord& record, Table* table, Outcome* outcome) {
  if (!Counts(record, *table)) return;
  switch (record.kind) {
    case Kind::kDefinition:
      Define(record, table, outcome);
      break;
    case Kind::kDropped:
      if (table->lives()) {
        outcome->events.push_back({.kind = Event::Kind::kDropped, .before = table->newest, .after = nullptr});
      }
      table->dropped = true;
      table->dropped_at = std::max(table->dropped_at, record.written_at);
      break;
    case Kind::kHistoryKnown:
      MakeHistoryKnown(record.table, table, outcome);
      break;
    case Kind::kHistoryLogged:
      table->logged.Add(*record.witness);
      if (table->logged.all()) MakeHistoryKnown(record.table, table, outcome);
      break;
    default:
      table->history_known = false;
      table->logged = {};
  }
}

void SchemaFold::Define(const SchemaRecord& record, Table* table, Outcome* outcome) {
  const TableSchema* const newest = definitions_.emplace(record.schema->id.value, record.schema).first->second.get();
  outcome->definitions.emplace_back(record.table, newest->id);
  if (!table->lives()) {
    outcome->events.push_back({.kind = Event::Kind::kNew, .before = nullptr, .after = newest});
  } else if (table->newest != newest) {
    outcome->events.push_back({.kind = Event::Kind::kChanged, .before = table->newest, .after = newest});
  }
  table->newest = newest;
  table->changed_at = record.changed_at;
  table->written_at = std::max(table->written_at, record.written_at);
  table->dropped = false;
}

void SchemaFold::MakeHistoryKnown(const TableId& id, Table* table, Outcome* outcome) {
  if (!table->history_known) outcome->histories.push_back(id);
  table->history_known = true;
}

// For the thread that applies; others lock mutex_ too.
const SchemaFold::Table* SchemaFold::FindKnown(const TableId& id) const {
  const auto found = tables_.find(id);
  return found == tables_.end() ? nullptr : &found->second;
}

const TableSchema* SchemaFold::FindTable(const TableId& id) const {
  const std::shared_lock lock(mutex_);
  const Table* const table = FindKnown(id);
  return table == nullptr ? nullptr : table->newest;
}

const TableSchema* SchemaFold::Find(SchemaId id) const {
  const std::shared_lock lock(mutex_);
  const auto found = definitions_.find(id.value);
  return found == definitions_.end() ? nullptr : found->second.get();
}

std::vector<const TableSchema*> SchemaFold::CapturedTables() const {
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

bool SchemaFold::HistoryKnown(const TableId& id) const {
  const std::shared_lock lock(mutex_);
  const Table* const table = FindKnown(id);
  return table != nullptr && table->history_known;
}

}  // namespace braid
