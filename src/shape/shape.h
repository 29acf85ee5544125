// What a stream's reader may see: tables, columns, masks, rows. Change -> Change, pure: no I/O, no clock.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/arena.h"
#include "base/result.h"
#include "model/change.h"
#include "model/schema.h"

namespace braid {

// A stream as the configuration says it.
struct StreamSpec {
  std::string name;                  // as readers ask for it; "keyspace.table" of a table's default stream
  std::vector<std::string> tables;   // patterns of "keyspace.table"; * stands for any characters
  std::string where;                 // a predicate over columns; empty: every row
  std::vector<std::string> include;  // columns; empty: all
  std::vector<std::string> exclude;
  std::map<std::string, std::string> masks;  // column -> "hmac", "redact" or "truncate:N"
  std::string hmac_key;                      // the key itself; needed where a mask is hmac
};

// Whether `pattern` fits the table's full name.
bool FitsPattern(const std::string& pattern, const std::string& table);

// A stream, made ready for one definition of one table. Immutable and thread-safe, but each caller has an arena.
class StreamShape {
 public:
  // Checks `spec` against `schema`: every mistake is a kInvalidArgument that names the stream, the table, the column
  // and the place in the predicate, and what would be right. The shape keeps what it needs of both; `schema` must
  // outlive it. `newest` (nullptr: the same) is the table's newest definition, for a shape of an older one: a column
  // that only the newest has is no mistake, but null in predicates and nothing to leave out or mask.
  static Result<std::shared_ptr<const StreamShape>> Make(const StreamSpec& spec, const TableSchema& schema,
                                                         const TableSchema* newest = nullptr);
  virtual ~StreamShape() = default;

  // The definition as the reader sees it: without the columns that are left out; masked columns as text where the mask
  // makes text of them. Lives as long as the shape.
  virtual const TableSchema& visible() const = 0;

  // The Change as the reader sees it, its schema being visible(); nullptr if there is nothing to see. The predicate
  // looks at unmasked images: what enters the stream becomes a create, what leaves it a delete (a full before, no
  // after). The result points into `change` and `arena`, and is `change` itself where the reader sees it as it is.
  // `change.schema` must be the definition that the shape was made for, or an older or newer one of the same table with
  // the same columns (CHECKed by table id). Allocates nothing outside `arena`, but for comparisons of decimals whose
  // digits do not fit in 64 bits.
  virtual const Change* Apply(const Change& change, Arena* arena) const = 0;
};

}  // namespace braid
