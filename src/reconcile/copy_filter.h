// Mutations taken in lately, by hash: most copies are known before the state is asked.
//
// A set of 96-bit hashes in a fixed piece of memory, in which the newest push out the oldest of their bucket. A
// mutation that is found was applied before, and applying it again changes nothing; one that is not found may have
// been, too. A false find needs two different mutations with equal hashes: with 2^24 in the set, one in 2^72 lookups.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/checksum.h"
#include "model/mutation.h"

namespace braid {

class CopyFilter {
 public:
  struct Hash {
    uint64_t high = 0;
    uint32_t low = 0;
  };

  // `bytes` of memory, rounded down to whole buckets; 0: nothing is ever found. `seed`: secret bytes, so that nobody
  // can write two mutations of one hash, the second of which would be lost.
  CopyFilter(size_t bytes, ByteView seed) : hash_(seed), buckets_(bytes / sizeof(Bucket)) {}

  bool enabled() const { return !buckets_.empty(); }

  // Of what the mutation says, not of where it was read.
  Hash HashOf(const Mutation& mutation);

  bool Contains(const Hash& hash) const;
  void Add(const Hash& hash);
  void Clear();

 private:
  static constexpr size_t kWays = 5;
  struct alignas(64) Bucket {
    std::array<uint64_t, kWays> high{};
    std::array<uint32_t, kWays> low{};
    uint32_t next = 0;
  };
  static_assert(sizeof(Bucket) == 64);

  // Takes the hash's upper half evenly to the number of buckets, which is less than 2^32.
  size_t BucketOf(const Hash& hash) const { return static_cast<size_t>(((hash.high >> 32) * buckets_.size()) >> 32); }

  const SecretHash hash_;
  std::vector<Bucket> buckets_;
  std::string content_;  // of the mutation at hand
};

}  // namespace braid
