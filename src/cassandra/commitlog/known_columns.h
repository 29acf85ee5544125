// The lists of columns that stand in front of every mutation's rows, resolved.
//
// Mutations say what they hold by names. As statements come back again and again, so do lists, byte for byte: the last
// few are remembered, and only others are resolved name by name.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/cursor.h"
#include "cassandra/rows/header.h"
#include "model/schema.h"

namespace braid {

// Of one table, for its static or its regular columns. Not thread-safe; allocates nothing once warm.
class KnownColumns {
 public:
  // `schema` must outlive it. Columns in `excluded` are read and not wanted.
  KnownColumns(const TableSchema& schema, ColumnKind kind, std::span<const ColumnId> excluded);

  // Reads a list. nullptr if the cursor failed, or if a name is none of these columns: then `*unknown` is that name, in
  // the bytes read. What is given is valid until the next call.
  const ColumnList* Read(Cursor* from, ByteView* unknown);

 private:
  struct NamedColumn {
    std::string_view name;
    uint64_t head = 0;  // the name's first 8 bytes
    HeaderColumn column;
  };
  struct Remembered {
    // The first 8 bytes of `bytes`, to tell most others apart at once, and which bits of them count.
    uint64_t head = 0;
    uint64_t mask = 0;
    std::string bytes;
    ColumnList list;

    bool StandsAt(ByteView rest, uint64_t rest_head) const {
      return ((rest_head ^ head) & mask) == 0 && !bytes.empty() && rest.starts_with(bytes);
    }
  };

  const ColumnList* Resolve(Cursor* from, ByteView rest, ByteView* unknown);
  const NamedColumn* Find(std::string_view name, uint64_t head, size_t* guess) const;

  std::vector<NamedColumn> columns_;
  std::array<Remembered, 8> remembered_;
  size_t last_ = 0;
  size_t replace_next_ = 0;
  std::vector<HeaderColumn> resolved_;
};

}  // namespace braid
