// A column of a predicate, and its value in a row.
#pragma once

#include "base/bytes.h"
#include "model/change.h"
#include "shape/predicate.h"

namespace braid::shape {

struct OperandValue {
  bool known = true;
  bool null = true;
  ByteView bytes;  // a value of the column's type, unless null
};

// Whether CQL shows the bytes as null: none at all of a type that has no empty value, or a non-frozen collection
// without elements.
bool ReadsAsNull(const Type& type, ByteView bytes);

class Operand {
 public:
  // `column` must outlive the operand. `present` as in NamedColumn: a column that is not there is null.
  Operand(const TableSchema& schema, const NamedColumn& column);

  const Type& type() const { return *column_->type; }

  // Columns that are not of the row's kind are null: regular ones and those of the clustering in static rows, static
  // ones in regular rows. Bytes that are no value of the type are null. Of a range only the partition key is known.
  OperandValue Of(const RowView& row) const;

 private:
  OperandValue OfPartitionKey(const Change& change) const;
  OperandValue OfClustering(const Change& change) const;
  OperandValue OfImage(const RowView& row) const;

  const Column* column_;
  bool present_;
  // Of a key column: its place in the key. Of others: where it stands in whole images.
  size_t place_ = 0;
  size_t key_size_ = 0;  // columns of the partition key
};

}  // namespace braid::shape
