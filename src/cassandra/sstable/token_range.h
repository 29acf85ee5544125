// A part of the ring.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "cassandra/murmur3/murmur3.h"
#include "model/position.h"

namespace braid {

// The tokens behind `after` up to and with `through`; by default all. No key that Cassandra takes has the least token:
// `after` that leaves none out. A range does not wrap round the ring's end: where a node's does, it is two.
struct TokenRange {
  Token after{INT64_MIN};
  Token through{INT64_MAX};

  // Whether the range begins behind `token`.
  bool StartsAfter(Token token) const { return after.value != INT64_MIN && token <= after; }
  bool Contains(Token token) const { return !StartsAfter(token) && token <= through; }
  // True of the range that holds every key.
  bool all() const { return after.value == INT64_MIN && through.value == INT64_MAX; }
  bool operator==(const TokenRange&) const = default;
};

// The tokens from that of the raw partition key `first` to that of `last`; nothing if they are the other way round.
inline std::optional<TokenRange> RangeOfKeys(ByteView first, ByteView last) {
  const Token begin = Murmur3Token(first);
  const Token end = Murmur3Token(last);
  if (end < begin) return std::nullopt;
  return TokenRange{.after = {begin.value == INT64_MIN ? begin.value : begin.value - 1}, .through = end};
}

}  // namespace braid
