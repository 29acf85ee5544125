#include "cassandra/rows/clustering.h"

#include <cstring>

#include "base/check.h"
#include "cassandra/types/comparable.h"
#include "model/key.h"
#include "model/order_key.h"

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
  Measure();
}

ClusteringLayout::ClusteringLayout(const TableSchema& schema, const std::vector<TypePtr>& written)
    : ClusteringLayout(schema) {
  CHECK(written.size() == columns_.size());
  for (size_t i = 0; i < written.size(); ++i) {
    columns_[i].type = written[i];
    columns_[i].fixed_length = FixedLength(*written[i]);
  }
  Measure();
}

void ClusteringLayout::Measure() {
  fixed_bytes_ = 0;
  if (columns_.size() > kValuesPerHeader) return;
  size_t bytes = 0;
  for (const ClusteringColumn& column : columns_) {
    const size_t size = ExactSize(*column.type);
    if (size == 0 || column.fixed_length != static_cast<int32_t>(size)) return;
    bytes += size;
  }
  fixed_bytes_ = bytes;
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
  // A header of 0 says that every value is there.
  if (fixed_bytes_ != 0 && from->remaining() > fixed_bytes_ && *from->position() == 0) {
    ReadFixedRow(from, arena, row);
    return;
  }
  ReadValues(from, columns_.size());
  if (!from->ok()) return;
  row->clustering = arena->Copy(values_);
  row->key = arena->Copy(key_);
}

void ClusteringLayout::ReadFixedRow(Cursor* from, Arena* arena, RowUpdate* row) {
  from->Skip(1);
  const char* value = from->Bytes(fixed_bytes_).data();
  // Of both forms a value takes one byte more: its size, and its tag.
  const size_t bytes = fixed_bytes_ + columns_.size();
  char* const values = arena->Allocate(2 * bytes, 1);
  char* const key = values + bytes;
  size_t at = 0;
  for (const ClusteringColumn& column : columns_) {
    const auto size = static_cast<size_t>(column.fixed_length);
    values[at] = static_cast<char>(size + 1);
    std::memcpy(values + at + 1, value, size);
    StoreComparable(*column.type, column.descending, value, key + at);
    value += size;
    at += 1 + size;
  }
  row->clustering = {values, bytes};
  row->key = {key, bytes};
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
