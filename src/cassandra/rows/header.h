// What goes before rows and says how to read them: the encoding stats and the lists of columns, in a mutation before
// each update, in an SSTable once in Statistics.db.
//
// Learned from org.apache.cassandra.db.SerializationHeader, db.Columns and db.rows.EncodingStats.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/cursor.h"
#include "model/mutation.h"
#include "model/schema.h"

namespace braid {

// How local deletion times are written.
enum class DeletionTimes : uint8_t {
  kSigned,    // 31 bits: messaging 12, SSTables up to "nb"
  kUnsigned,  // 32 bits: messaging 13, SSTables "oa" and "da"
};

// Local deletion time of what Cassandra itself holds to be invalid: a bit pattern that its writers never make.
inline constexpr UnixSeconds kInvalidDeletionTime{4294967294};

// The bases of delta-coded times.
struct EncodingStats {
  int64_t min_timestamp_us = 0;
  int64_t min_local_deletion_s = 0;
  int32_t min_ttl_s = 0;

  // The write time that `delta` stands for. Wraps, as Java does.
  WriteTime Timestamp(uint64_t delta) const {
    return {static_cast<int64_t>(static_cast<uint64_t>(min_timestamp_us) + delta)};
  }
  int32_t Ttl(uint64_t delta) const {
    return static_cast<int32_t>(static_cast<uint32_t>(min_ttl_s) + static_cast<uint32_t>(delta));
  }
  // The local deletion time that `delta` stands for: Never for the format's mark of "none", kInvalidDeletionTime for
  // what Cassandra refuses.
  UnixSeconds LocalDeletion(uint64_t delta, DeletionTimes times) const;
};

// Reads stats as mutations and Statistics.db hold them: three vints.
EncodingStats ReadEncodingStats(Cursor* from);

// Reads a delta-coded deletion. One whose write time is INT64_MIN is live, whatever its local time: Cassandra 5.0
// writes -1 there for the live deletion of a complex column.
Deletion ReadDeletion(Cursor* from, const EncodingStats& stats, DeletionTimes times);

// One column of a list.
struct HeaderColumn {
  ColumnId id;
  // Bytes of a simple column's value, or -1 if its length is written. Cells of multi-cell columns always have one.
  int32_t fixed_length = -1;
  bool multi_cell = false;
  // False: its cells are stepped over.
  bool wanted = true;
  // Cells written at or before this are left out. None if the column was never dropped.
  WriteTime dropped_at;
};

// How `column` is read where its type is written as `type`: the schema's own, or the one that an SSTable's header
// names. A column in `excluded` is not wanted.
HeaderColumn MakeHeaderColumn(const Column& column, const Type& type, std::span<const ColumnId> excluded);

// The columns of a header, all static or all regular.
class ColumnList {
 public:
  ColumnList() = default;
  // `columns` in the order in which they are written; no id may be in it twice (CHECKed).
  explicit ColumnList(std::span<const HeaderColumn> columns);

  // Becomes another list, in the memory that it has. False, and it is empty, if an id is in it twice.
  bool Assign(std::span<const HeaderColumn> columns);

  // In written order, which column subsets index.
  std::span<const HeaderColumn> columns() const { return columns_; }
  size_t size() const { return columns_.size(); }
  // True if written order is that of the ids.
  bool ascending() const { return ascending_; }
  // Indexes into columns(), by rising column id; nothing where ascending().
  std::span<const uint16_t> by_id() const { return by_id_; }
  bool any_multi_cell() const { return any_multi_cell_; }

 private:
  std::vector<HeaderColumn> columns_;
  std::vector<uint16_t> by_id_;
  bool ascending_ = true;
  bool any_multi_cell_ = false;
};

}  // namespace braid
