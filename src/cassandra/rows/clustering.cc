#include "cassandra/rows/clustering.h"

#include "base/check.h"
#include "cassandra/types/comparable.h"
#include "model/key.h"

namespace braid {

namespace {

// Values share a header of two bits each.
constexpr size_t kValuesPerHeader = 32;

}  // namespace

ClusteringLayout::ClusteringLayout(const TableSchema& schema) {
  for (const ColumnId id : schema.clustering) {
    const Column& column = schema.column(id);
    columns_.push_back({column.type, FixedLength(*column.type), column.descending});
  }
}

ClusteringLayout::ClusteringLayout(const TableSchema& schema, const std::vector<TypePtr>& written)
    : ClusteringLayout(schema) {
  CHECK(written.size() == columns_.size());
  for (size_t i = 0; i < written.size(); ++i) {
    columns_[i].type = written[i];
    columns_[i].fixed_length = FixedLength(*written[i]);
  }
}

void ClusteringLayout::ReadValues(Cursor* from, size_t count) {
  values_.clear();
  key_.clear();
  uint64_t header = 0;
  for (size_t i = 0; i < count && from->ok(); ++i) {
    if (i % kValuesPerHeader == 0) header = from->Vint();
    const bool empty = (header & 1) != 0;
    const bool null = (header & 2) != 0;
    header >>= 2;
    if (null) {
      AppendClusteringNull(&values_);
      AppendComparableNull(&key_);
      continue;
    }
    const ClusteringColumn& column = columns_[i];
    ByteView value;
    if (!empty) {
      value = column.fixed_length >= 0 ? from->Bytes(static_cast<uint64_t>(column.fixed_length)) : from->VintBytes();
    }
    AppendClusteringValue(value, &values_);
    AppendComparable(*column.type, column.descending, value, &key_);
  }
}

void ClusteringLayout::ReadRow(Cursor* from, Arena* arena, RowUpdate* row) {
  if (columns_.empty()) return;
  ReadValues(from, columns_.size());
  if (!from->ok()) return;
  row->clustering = arena->Copy(values_);
  row->key = arena->Copy(key_);
}

void ClusteringLayout::ReadBound(Cursor* from, size_t size, bool after, Arena* arena, Bound* bound) {
  if (size > columns_.size()) {
    from->Fail("a bound has more values than there are clustering columns");
    return;
  }
  ReadValues(from, size);
  if (!from->ok()) return;
  if (after) AppendCutAfter(&key_);
  bound->cut = arena->Copy(key_);
  bound->values = arena->Copy(values_);
  bound->size = static_cast<uint16_t>(size);
}

}  // namespace braid
