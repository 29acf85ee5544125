// Clustering values: as written, as RowUpdate::clustering has them, and as byte-comparable keys.
//
// Learned from org.apache.cassandra.db.ClusteringPrefix.Serializer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/arena.h"
#include "base/cursor.h"
#include "model/mutation.h"
#include "model/schema.h"

namespace braid {

// How a table's clustering columns are read. Immutable but for a buffer: not thread-safe. Keeps the types alive.
class ClusteringLayout {
 public:
  // Columns and types of `schema`.
  explicit ClusteringLayout(const TableSchema& schema);
  // The same, with the types as an SSTable's header names them, one for each clustering column (CHECKed).
  ClusteringLayout(const TableSchema& schema, const std::vector<TypePtr>& written);

  size_t size() const { return columns_.size(); }

  // Reads the values of one row: fills `row->clustering` and `row->key`. Both live in `arena`.
  void ReadRow(Cursor* from, Arena* arena, RowUpdate* row);

  // Reads a bound of `size` values (at most size(), else the cursor fails). `after` says on which side of the rows with
  // that prefix it cuts. `inclusive` is left to the caller.
  void ReadBound(Cursor* from, size_t size, bool after, Arena* arena, Bound* bound);

 private:
  struct ClusteringColumn {
    TypePtr type;
    int32_t fixed_length;
    bool descending;
  };

  // Reads `count` values into values_ and key_.
  void ReadValues(Cursor* from, size_t count);
  // Sets what is known of columns whose values all have one size.
  void Measure();
  // Reads a row of such values, none of which is null or empty, straight to its place.
  void ReadFixedRow(Cursor* from, Arena* arena, RowUpdate* row);

  std::vector<ClusteringColumn> columns_;
  // Bytes of all values of a row; 0 if they vary, or are too many for one header.
  size_t fixed_bytes_ = 0;
  std::string values_;
  std::string key_;
};

}  // namespace braid
