// The two framings in which a key's values travel: the raw partition key, and RowUpdate::clustering.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/cursor.h"
#include "base/result.h"
#include "model/schema.h"

namespace braid {

// Gives the values of a raw partition key one by one. A key of one column is that column's bytes; one of several is
// their composite: for each a u16 length, the bytes, and a 0 byte.
// Learned from org.apache.cassandra.db.marshal.CompositeType.
//
//   PartitionKeyReader reader(schema.partition_key.size(), mutation.partition_key);
//   while (std::optional<ByteView> value = reader.Next()) ...
//   TRY(reader.status());
//
// The values point into the key. Does not allocate while all is well.
class PartitionKeyReader {
 public:
  PartitionKeyReader(size_t columns, ByteView raw) : columns_(columns), cursor_(raw) {}

  // The next column's value; nullopt after the last, or where the bytes do not parse.
  std::optional<ByteView> Next();
  // Corrupt if the bytes did not parse, or held more than the columns. Ask after Next() gave nullopt.
  Status status() const;

 private:
  size_t columns_;
  size_t read_ = 0;
  Cursor cursor_;
};

// Appends one column's value to the composite of a partition key of several columns. CHECKs that it is no longer than
// 65535 bytes. (The key of one column is just its bytes.)
void AppendCompositeValue(ByteView value, std::string* raw);

// Gives the values of RowUpdate::clustering or Bound::values one by one: each is `vint length + 1` and the bytes, or 0
// for null. Used and living as PartitionKeyReader.
class ClusteringReader {
 public:
  struct Value {
    bool null = false;
    ByteView bytes;
  };

  explicit ClusteringReader(ByteView clustering) : cursor_(clustering) {}

  // The next value; nullopt after the last, or where the bytes do not parse.
  std::optional<Value> Next();
  // Corrupt if the bytes did not parse. Ask after Next() gave nullopt.
  Status status() const;

 private:
  Cursor cursor_;
};

// Appends one value to the form that ClusteringReader reads.
inline void AppendClusteringValue(ByteView value, std::string* clustering) {
  AppendVint(clustering, value.size() + 1);
  clustering->append(value);
}
inline void AppendClusteringNull(std::string* clustering) {
  clustering->push_back('\0');
}

}  // namespace braid
