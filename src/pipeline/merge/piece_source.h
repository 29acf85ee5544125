// Where the merge takes a table's partitions from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "base/result.h"
#include "cassandra/sstable/scan.h"

namespace braid {

inline constexpr Token kLeastToken{std::numeric_limits<int64_t>::min()};
inline constexpr Token kGreatestToken{std::numeric_limits<int64_t>::max()};

// Gives pieces of one table's partitions as SstableScanner does: partitions by (token, key), the pieces of one after
// one another, rows by key. Not thread-safe.
class PieceSource {
 public:
  virtual ~PieceSource() = default;

  // The next piece, or nullptr at the end. It lives until the next call. Errors: kCorrupt, after which SkipDamage may
  // find a way on; all others end it.
  virtual Result<const SstablePiece*> Next() = 0;

  // After kCorrupt: goes on behind what is damaged, with a partition's first piece. Gives how many bytes were passed
  // over, or nothing if there is no way on.
  virtual Result<std::optional<uint64_t>> SkipDamage() = 0;

  // What messages call it: a file's path. Lives as long as the source.
  virtual const std::string& name() const = 0;

  // Nothing of a lower token comes from it. The merge does not ask for pieces before it has come there, so that of
  // thousands of sources only those need memory that cover the place where it is.
  virtual Token first_token() const { return kLeastToken; }

  // How far it is in its bytes, for progress.
  virtual uint64_t position() const { return 0; }
};

}  // namespace braid
