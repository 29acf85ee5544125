// A sketch, compiled and never run: a MySQL binlog's row events at the seam of capture (see README.md).
#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/arena.h"
#include "base/checksum.h"
#include "model/mutation.h"
#include "model/schema.h"

namespace braid::sketches {

// What a binlog reader (src/mysql) would give: a rows event after its table map, values in canonical bytes.
struct BinlogValue {
  bool null = true;
  ByteView bytes;
};

enum class RowEventKind : uint8_t { kInsert, kUpdate, kDelete };

struct RowEvent {
  RowEventKind kind = RowEventKind::kInsert;
  const TableSchema* schema = nullptr;
  // By column id. Insert has only `after`, delete only `before`. binlog_row_image=FULL.
  std::span<const BinlogValue> before;
  std::span<const BinlogValue> after;
};

struct BinlogTransaction {
  uint32_t file_number = 0;  // mysql-bin.000042
  uint64_t end_offset = 0;
  int64_t commit_us = 0;  // original_commit_timestamp; of old servers the event's second
  std::span<const RowEvent> events;
};

class MysqlSource {
 public:
  explicit MysqlSource(NodeIndex server) : server_(server) {}

  // Everything of `from` as one Transaction; lives as long as `arena`'s content and the events.
  Transaction ToTransaction(const BinlogTransaction& from, Arena* arena) {
    Transaction to;
    to.position = {server_, SegmentId{from.file_number}, from.end_offset};
    std::vector<Mutation> mutations;
    for (const RowEvent& event : from.events) {
      // An update of the key is the end of one row and the beginning of another.
      if (event.kind == RowEventKind::kUpdate &&
          KeyOf(event, event.before, arena) != KeyOf(event, event.after, arena)) {
        mutations.push_back(Whole(event, event.before, true, Tick(from.commit_us), to.position, arena));
        mutations.push_back(Whole(event, event.after, false, Tick(from.commit_us), to.position, arena));
        continue;
      }
      const WriteTime at = Tick(from.commit_us);
      mutations.push_back(event.kind == RowEventKind::kUpdate ? Update(event, at, to.position, arena)
                          : event.kind == RowEventKind::kInsert
                              ? Whole(event, event.after, false, at, to.position, arena)
                              : Whole(event, event.before, true, at, to.position, arena));
    }
    to.mutations = arena->CopyArray(mutations);
    return to;
  }

 private:
  // Later than everything before it, and near the commit's time: the binlog's order, as a time that decides merges.
  WriteTime Tick(int64_t commit_us) {
    clock_us_ = std::max(clock_us_ + 1, commit_us);
    return WriteTime{clock_us_};
  }

  // The primary key is the partition key: a table has rows of one each. Composite as Cassandra's would be.
  static ByteView KeyOf(const RowEvent& event, std::span<const BinlogValue> row, Arena* arena) {
    const std::vector<ColumnId>& key = event.schema->partition_key;
    if (key.size() == 1) return row[key[0].value].bytes;
    std::string composite;
    for (const ColumnId id : key) {
      AppendBigEndian(&composite, static_cast<uint16_t>(row[id.value].bytes.size()));
      composite.append(row[id.value].bytes);
      composite.push_back('\0');
    }
    return arena->Copy(composite);
  }

  static Mutation Begin(const RowEvent& event, std::span<const BinlogValue> row, const Position& position,
                        Arena* arena) {
    Mutation mutation;
    mutation.schema = event.schema;
    mutation.partition_key = KeyOf(event, row, arena);
    // Any hash of the key does: it picks the shard.
    mutation.token = Token{static_cast<int64_t>(Hash64(mutation.partition_key))};
    mutation.position = position;
    return mutation;
  }

  static Cell CellOf(ColumnId id, const BinlogValue& value, WriteTime at) {
    Cell cell;
    cell.column = id;
    cell.at = at;
    cell.kind = value.null ? CellKind::kTombstone : CellKind::kLive;
    if (value.null) cell.local_deletion = UnixSeconds{at.us / 1'000'000};
    cell.value = value.bytes;
    return cell;
  }

  static Mutation Whole(const RowEvent& event, std::span<const BinlogValue> row, bool deleted, WriteTime at,
                        const Position& position, Arena* arena) {
    Mutation mutation = Begin(event, row, position, arena);
    auto* update = arena->New<RowUpdate>();
    if (deleted) {
      update->deletion = {at, UnixSeconds{at.us / 1'000'000}};
    } else {
      update->liveness.at = at;
      std::vector<Cell> cells;
      for (const ColumnId id : event.schema->regulars) {
        if (!row[id.value].null) cells.push_back(CellOf(id, row[id.value], at));
      }
      std::ranges::sort(cells, {}, &Cell::column);
      update->cells = arena->CopyArray(cells);
    }
    mutation.rows = {update, 1};
    return mutation;
  }

  // The columns that differ. The before image has no other use here: state knows it.
  static Mutation Update(const RowEvent& event, WriteTime at, const Position& position, Arena* arena) {
    Mutation mutation = Begin(event, event.after, position, arena);
    std::vector<Cell> cells;
    for (const ColumnId id : event.schema->regulars) {
      const BinlogValue& old_value = event.before[id.value];
      const BinlogValue& new_value = event.after[id.value];
      if (old_value.null == new_value.null && old_value.bytes == new_value.bytes) continue;
      cells.push_back(CellOf(id, new_value, at));
    }
    std::ranges::sort(cells, {}, &Cell::column);
    auto* update = arena->New<RowUpdate>();
    update->cells = arena->CopyArray(cells);
    mutation.rows = {update, 1};
    return mutation;
  }

  NodeIndex server_;
  int64_t clock_us_ = 0;
};

// Keeps the whole of the sketch in the compiler's sight.
Transaction UseMysqlSource(MysqlSource& source, const BinlogTransaction& from, Arena* arena) {
  return source.ToTransaction(from, arena);
}

}  // namespace braid::sketches
