// What the records of a schema journal come to. Everyone who folds the same records knows the same: definitions, column
// ids, histories.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <set>
#include <shared_mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "capture/schema_book.h"
#include "capture/schema_record.h"

namespace braid {

// One thread at a time applies, and asks what is not in SchemaBook; any may ask that.
class SchemaFold : public SchemaBook {
 public:
  // Those who have given their word, and of how many it takes: the most that anyone named.
  struct Witnesses {
    std::set<std::array<uint8_t, 16>> hosts;
    uint32_t of_nodes = 0;

    void Add(const SchemaWitness& witness);
    bool all() const { return of_nodes > 0 && hosts.size() >= of_nodes; }
  };
  // What is known of a table.
  struct Table {
    const TableSchema* newest = nullptr;
    WriteTime changed_at;
    WriteTime written_at;  // none: not said
    WriteTime dropped_at;  // the newest of which anyone knew when; none: not said
    bool dropped = false;
    bool history_known = false;
    Witnesses logged;  // since the history was last unknown

    bool lives() const { return newest != nullptr && !dropped; }
  };
  using TableMap = std::unordered_map<TableId, Table, TableIdHash>;

  // What records led to.
  struct Outcome {
    std::vector<Event> events;
    // The definitions that count, also where they changed nothing.
    std::vector<std::pair<TableId, SchemaId>> definitions;
    std::vector<TableId> histories;  // that became known
  };

  // Takes in the next records of the journal.
  Outcome Apply(const std::vector<SchemaRecord>& records);

  // Every table that there was when the pipeline was made is known: one that comes is new.
  bool has_baseline() const { return baseline_ || baselines_.all(); }
  // Whether that node has said so of itself; or everyone at once.
  bool HasBaselineOf(const std::array<uint8_t, 16>& host) const { return baseline_ || baselines_.hosts.contains(host); }
  // Whether every node has said what it has to say about the histories of the tables that it found.
  bool all_introduced() const { return introduced_.all(); }
  // Of how many nodes agents have spoken; 0 before the first has.
  uint32_t nodes_in_all() const { return std::max(introduced_.of_nodes, baselines_.of_nodes); }
  bool IsIntroduced(const std::array<uint8_t, 16>& host) const { return introduced_.hosts.contains(host); }
  // Nullptr if no record ever named it.
  const Table* FindKnown(const TableId& id) const;
  const TableMap& tables() const { return tables_; }
  // Nothing was applied yet.
  bool empty() const { return empty_; }

  uint64_t version() const override { return version_.load(std::memory_order_acquire); }
  const TableSchema* FindTable(const TableId& id) const override;
  const TableSchema* Find(SchemaId id) const override;
  std::vector<const TableSchema*> CapturedTables() const override;
  bool HistoryKnown(const TableId& id) const override;

 private:
  bool Counts(const SchemaRecord& record, const Table& table) const;
  void ApplyToTable(const SchemaRecord& record, Table* table, Outcome* outcome);
  void Define(const SchemaRecord& record, Table* table, Outcome* outcome);
  static void MakeHistoryKnown(const TableId& id, Table* table, Outcome* outcome);

  bool baseline_ = false;
  Witnesses baselines_;
  Witnesses introduced_;
  bool empty_ = true;

  mutable std::shared_mutex mutex_;  // of what follows; who applies locks only to write
  TableMap tables_;
  std::unordered_map<uint64_t, TableSchemaPtr> definitions_;
  std::atomic<uint64_t> version_ = 0;
};

}  // namespace braid
