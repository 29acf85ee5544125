// Coordinates. Three kinds that must not be confused: a Position is in a source, an Offset in a transport's partition,
// a Sequence in a timeline.
#pragma once

#include <compare>
#include <cstdint>

namespace braid {

// A node of the source, by its place in the pipeline's node table (sorted by name in a replay).
struct NodeIndex {
  uint16_t value = 0;
  auto operator<=>(const NodeIndex&) const = default;
};

// A commit-log segment's id. Rises with time on one node; holes mean nothing.
struct SegmentId {
  int64_t value = 0;
  auto operator<=>(const SegmentId&) const = default;
};

// Where in a source: the end of a logged entry, as Cassandra counts it (a logical offset: compression does not
// change it). Orders by node, then by time on that node.
struct Position {
  NodeIndex node;
  SegmentId segment;
  uint64_t offset = 0;

  // True of no place at all: an entry's end is never at offset 0.
  bool none() const { return offset == 0; }
  auto operator<=>(const Position&) const = default;
};

// Where in a partition of the transport between capture and reconcile.
struct Offset {
  int64_t value = 0;
  auto operator<=>(const Offset&) const = default;
};

// Where in a timeline, and so the id of an event. `n` is dense and rising in one (epoch, partition); the epoch is new
// when a timeline is rebuilt or repartitioned.
struct Sequence {
  uint64_t epoch = 0;
  uint32_t partition = 0;
  uint64_t n = 0;
  auto operator<=>(const Sequence&) const = default;
};

// A partition key's place on the ring.
struct Token {
  int64_t value = 0;
  auto operator<=>(const Token&) const = default;
};

}  // namespace braid
