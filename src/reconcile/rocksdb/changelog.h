// What a RocksState is in a compacted topic, so that another machine can make it again. Layout:
// docs/formats/changelog.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace braid {

// Hears what a commit changes in the store.
class PendingVisitor {
 public:
  virtual ~PendingVisitor() = default;
  // The key's new value; none: it is gone. Both live during the call. An error ends the visit and comes out of it.
  virtual Status OnPending(ByteView key, std::optional<ByteView> value) = 0;
};

// The key of the record that holds the mark of a shard; it is the mark's in the store, too.
std::string ChangelogMarkKey(uint32_t shard);

// That record's value: the version of the changelog, and the host's mark. What is given back points into `value`.
// Errors: kCorrupt (empty), kUnsupported (the changelog is of a newer version).
std::string EncodeChangelogMark(ByteView mark);
Result<ByteView> DecodeChangelogMark(ByteView value);

}  // namespace braid
