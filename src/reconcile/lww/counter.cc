// Counter contexts: `i16 n`, n header entries of i16 (of each shard that is global or local, its index; a global one's
// plus -32768), then shards of id[16], clock i64, count i64, by id. A negative n asks the reader to clear local shards.
#include <algorithm>

#include "base/check.h"
#include "reconcile/lww/merge.h"

namespace braid {
namespace {

constexpr size_t kIdBytes = 16;
constexpr size_t kShardBytes = 32;
constexpr size_t kNoContext = SIZE_MAX;

// Where the shards begin, or kNoContext.
size_t ShardsAt(ByteView context) {
  if (context.size() < 2) return kNoContext;
  const int n = LoadBigEndian<int16_t>(context.data());
  const size_t at = 2 + 2 * static_cast<size_t>(n < 0 ? -n : n);
  if (at > context.size() || (context.size() - at) % kShardBytes != 0) return kNoContext;
  return at;
}

CounterShard ShardAt(const char* at) {
  return {ByteView(at, kIdBytes), LoadBigEndian<int64_t>(at + kIdBytes), LoadBigEndian<int64_t>(at + kIdBytes + 8)};
}

// Checks that each shard is global: a header entry names every one.
Status Check(ByteView context) {
  const size_t shards_at = ShardsAt(context);
  if (shards_at == kNoContext) return Corrupt("a counter's value is no counter context");
  const size_t entries = (shards_at - 2) / 2;
  const size_t shards = (context.size() - shards_at) / kShardBytes;
  bool all_global = LoadBigEndian<int16_t>(context.data()) >= 0 && entries == shards;
  for (size_t i = 0; all_global && i < entries; ++i) {
    all_global = LoadBigEndian<int16_t>(context.data() + 2 + 2 * i) == static_cast<int16_t>(i - 32768);
  }
  if (!all_global) {
    return Unsupported(
        "a counter has local or remote shards, as written before Cassandra 2.1; rewrite the table with "
        "`nodetool upgradesstables -a` and repair it, or leave it out");
  }
  return {};
}

int64_t SumOf(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}

}  // namespace

Result<ByteView> MergeCounterContexts(ByteView a, ByteView b, Arena* arena) {
  TRY(Check(a));
  TRY(Check(b));
  if (a == b) return a;
  const size_t a_at = ShardsAt(a);
  const size_t b_at = ShardsAt(b);
  // Shards first go where a context of all of them would have them; the header is known when their number is.
  const size_t most = (a.size() - a_at + b.size() - b_at) / kShardBytes;
  char* const memory = arena->Allocate(2 + most * (2 + kShardBytes), 1);
  char* const shards = memory + 2 + 2 * most;
  const char* from_a = a.data() + a_at;
  const char* from_b = b.data() + b_at;
  const char* const end_a = a.data() + a.size();
  const char* const end_b = b.data() + b.size();
  size_t n = 0;
  while (from_a != end_a || from_b != end_b) {
    const int order = from_a == end_a ? 1 : from_b == end_b ? -1 : std::memcmp(from_a, from_b, kIdBytes);
    const char* taken = order <= 0 ? from_a : from_b;
    if (order == 0) {
      const CounterShard in_a = ShardAt(from_a);
      const CounterShard in_b = ShardAt(from_b);
      if (std::pair(in_b.clock, in_b.count) > std::pair(in_a.clock, in_a.count)) taken = from_b;
    }
    std::memcpy(shards + kShardBytes * n++, taken, kShardBytes);
    if (order <= 0) from_a += kShardBytes;
    if (order >= 0) from_b += kShardBytes;
  }
  char* const begin = shards - 2 - 2 * n;
  StoreBigEndian(begin, static_cast<int16_t>(n));
  for (size_t i = 0; i < n; ++i) StoreBigEndian(begin + 2 + 2 * i, static_cast<int16_t>(i - 32768));
  return ByteView(begin, 2 + n * (2 + kShardBytes));
}

int64_t CounterTotal(ByteView context) {
  const size_t at = ShardsAt(context);
  if (at == kNoContext) return 0;
  int64_t total = 0;
  for (const char* shard = context.data() + at; shard != context.data() + context.size(); shard += kShardBytes) {
    total = SumOf(total, ShardAt(shard).count);
  }
  return total;
}

CounterShard LatestShard(ByteView context) {
  CounterShard latest;
  const size_t at = ShardsAt(context);
  if (at == kNoContext) return latest;
  for (const char* shard = context.data() + at; shard != context.data() + context.size(); shard += kShardBytes) {
    const CounterShard candidate = ShardAt(shard);
    if (latest.id.empty() || candidate.clock >= latest.clock) latest = candidate;
  }
  return latest;
}

ByteView WithoutLatestShard(ByteView context, Arena* arena) {
  const CounterShard latest = LatestShard(context);
  if (latest.id.empty() || !Check(context).has_value()) return context;
  const size_t at = ShardsAt(context);
  const size_t n = (context.size() - at) / kShardBytes - 1;
  if (n == 0) return {};
  char* const rest = arena->Allocate(2 + n * (2 + kShardBytes), 1);
  StoreBigEndian(rest, static_cast<int16_t>(n));
  for (size_t i = 0; i < n; ++i) StoreBigEndian(rest + 2 + 2 * i, static_cast<int16_t>(i - 32768));
  char* to = rest + 2 + 2 * n;
  for (const char* shard = context.data() + at; shard != context.data() + context.size(); shard += kShardBytes) {
    if (shard == latest.id.data()) continue;
    std::memcpy(to, shard, kShardBytes);
    to += kShardBytes;
  }
  return ByteView(rest, 2 + n * (2 + kShardBytes));
}

}  // namespace braid
