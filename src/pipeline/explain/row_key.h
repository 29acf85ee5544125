// A row's key as users write it.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "model/schema.h"

namespace braid {

// Which rows a user means: all of a partition, or those whose clustering columns begin with given values. Values are
// compared as events show them.
class RowKeyPattern {
 public:
  // Reads `text`: a JSON object with key columns as in the events' "key", a JSON array of their values in order, or the
  // values with commas between. kInvalidArgument, with an example, if it does not name at least the partition key.
  static Result<RowKeyPattern> Parse(const TableSchema& schema, const std::string& text);

  bool MatchesPartition(ByteView partition_key) const;
  // `clustering` as RowUpdate has it.
  bool MatchesRow(ByteView clustering) const;
  // True if the pattern leaves clustering columns open.
  bool whole_partition() const { return clustering_.empty(); }

 private:
  RowKeyPattern(const TableSchema& schema, std::vector<std::string> values);

  bool Matches(ColumnId column, ByteView value, const std::string& wanted) const;

  const TableSchema& schema_;
  std::vector<std::string> partition_;  // as JSON, or as a bare word
  std::vector<std::string> clustering_;
};

}  // namespace braid
