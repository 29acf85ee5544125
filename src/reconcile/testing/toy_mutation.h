// Mutations as a person writes them in a test, one a line:
//
//   n1 7/1 insert@100 title=Fargo year=1996      a marker and cells, written at 100 µs
//   n2 7/1 set@100 title=Fargo                   cells only
//   n1 7/1 set@100~160 title=Fargo               cells (and marker) that expire at second 160
//   n1 7/1 delete@100                            the row
//   n1 7/[1,3) delete@100                        a range: ( ) exclusive, [ ] inclusive, nothing is open
//   n1 7 delete@100                              the partition
//   n1 7/static set@100 name=x                   the static row
//   n1 7/1 insert@100 a=1 & 7/2 insert@100 a=2   several parts in one mutation; parts of one row are merged
//
// n1 is the node; each line has the next position on its node. `!5` after the time sets the second of a deletion
// (1 if it is not said). Cells: a=1, a=null; tags={x,y} (all anew: deleted 1 µs before), tags+={x}, tags-={x},
// tags=null; lists with the places of their elements: l+=[1:x,2:y], l-=[1]; maps m+={k:v}, m-={k}; UDT fields
// u+={0:x}, u-={0}, u={0:x}; counters hits=A:5:17 (leader A, clock 5, count 17), several as A:5:17+B:3:1, hits=local
// for a context from before Cassandra 2.1.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "model/mutation.h"

namespace braid::testing {

// Reads lines; counts each node's positions.
class ToyReader {
 public:
  // The result lives in `arena`; `schema` must outlive it. A mistake in the text ends the program.
  Mutation Read(const TableSchema& schema, std::string_view line, Arena* arena);

 private:
  std::map<uint16_t, uint64_t> positions_;
};

// A context of shards, given as "A:5:17+B:3:1".
std::string CounterContext(std::string_view text);

// The bytes of the path of a cell of a multi-cell column.
std::string PathBytes(const Type& type, std::string_view text);

}  // namespace braid::testing
