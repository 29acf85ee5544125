// Decodes the content of a commit-log entry: a mutation of one partition key in one or several tables.
//
// docs/formats/mutation-cassandra.md has the layout. Learned from org.apache.cassandra.db.Mutation,
// db.partitions.PartitionUpdate and db.rows.UnfilteredRowIteratorSerializer.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/result.h"
#include "cassandra/commitlog/known_columns.h"
#include "cassandra/rows/header.h"
#include "cassandra/rows/row_reader.h"
#include "model/mutation.h"
#include "model/schema.h"

namespace braid {

// Where a decoder gets its definitions from.
class TableLookup {
 public:
  virtual ~TableLookup() = default;

  // The table with this id, or nullptr. What it points to must outlive the decoder and all that it gives.
  virtual const TableSchema* FindTable(const TableId& id) const = 0;
};

// True for the ids that Cassandra computes from the names of its own tables (keyspaces system, system_schema,
// system_auth and so on; UUIDs of version 3). Tables of users have ids of other versions. Learned from schema.TableId.
bool IsSystemTableId(const TableId& id);

struct MutationOptions {
  // Tables whose parts are given; others are stepped over. Empty: all. Asked once for each table.
  std::function<bool(const TableSchema&)> wanted;
  // Columns that are left out as if they were never written (source.exclude). Empty: none. Asked once for each table.
  std::function<std::vector<ColumnId>(const TableSchema&)> excluded;
};

// A part that cannot be read for want of a definition. As parts have no length, those behind it cannot be read either.
struct UnreadPart {
  TableId table;
  const TableSchema* schema = nullptr;  // nullptr: the table is unknown
  ByteView column;                      // the unknown column's name, if the table is known
  uint32_t part = 0;                    // its index in the mutation
  uint32_t parts = 0;                   // how many the mutation has
  ByteView bytes;                       // from the part's beginning to the mutation's end: the gap

  // One line: what is unknown, how much is unread, and what to do about it.
  std::string Describe() const;
};

struct DecodedMutation {
  // The wanted parts that could be read, in order. `part_indexes[i]` is the index in the mutation of mutations[i].
  Transaction transaction;
  std::span<const uint32_t> part_indexes;
  uint32_t parts = 0;  // in the mutation, wanted or not
  // Set if not everything could be read. Never kept silent by a caller: report it, keep it as a gap, or try again with
  // newer definitions.
  std::optional<UnreadPart> unread;
};

// Allocates nothing in its steady state. Not thread-safe.
class MutationDecoder {
 public:
  // `tables` must outlive the decoder.
  explicit MutationDecoder(const TableLookup* tables, MutationOptions options = {});
  MutationDecoder(const MutationDecoder&) = delete;
  MutationDecoder& operator=(const MutationDecoder&) = delete;

  // Decodes one entry's `payload`, whose log writes times as `times` says; `position` is put on everything. What is
  // given points into `payload` and into the decoder: valid until its next call, as long as the payload lives. Error:
  // kCorrupt with the table and the offset in the payload; the caller adds file and position.
  Result<const DecodedMutation*> Decode(ByteView payload, DeletionTimes times, const Position& position);

  // Forgets what it has learned of tables: to be called when TableLookup has newer definitions.
  void ForgetTables();

 private:
  struct Table {
    Table(const TableSchema* of, bool is_wanted, std::span<const ColumnId> excluded);

    const TableSchema* schema;
    bool wanted;
    ClusteringLayout clustering;
    RowReader rows;
    KnownColumns statics;
    KnownColumns regulars;
  };

  Table* FindTable(ByteView id);
  bool DecodePart(Cursor* from, Table* table, bool last, Mutation* part, ByteView* unknown_column);
  bool DecodeRows(Cursor* from, Table* table, bool last, Mutation* part);
  bool OrderRows();
  Error CorruptPart(const Cursor& at, const Table& table, uint32_t part) const;

  const TableLookup* tables_;
  MutationOptions options_;
  std::unordered_map<TableId, std::unique_ptr<Table>, TableIdHash> known_;
  // The table last asked for, for each value of some bits of the id.
  std::array<Table*, 64> recent_{};
  DeletionTimes times_ = DeletionTimes::kSigned;

  DecodedMutation decoded_;
  Arena arena_;
  RangePairer pairer_;
  std::vector<RowUpdate> rows_;
  std::vector<RangeDeletion> ranges_;
};

}  // namespace braid
