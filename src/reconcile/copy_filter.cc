#include "reconcile/copy_filter.h"

#include <algorithm>

namespace braid {
namespace {

// Appends values as they lie in memory: the bytes are hashed and forgotten.
class Writer {
 public:
  explicit Writer(std::string* to) : to_(*to) {}

  void Put(int64_t value) { to_.append(reinterpret_cast<const char*>(&value), sizeof(value)); }
  void Put(ByteView bytes) {
    Put(static_cast<int64_t>(bytes.size()));
    to_.append(bytes);
  }
  void Put(const Deletion& deletion) {
    Put(deletion.at.us);
    Put(deletion.local.s);
  }
  void Put(const RowUpdate& row) {
    Put(row.key);
    Put(row.liveness.at.us);
    Put(row.liveness.expires.s);
    Put(row.liveness.ttl_s);
    Put(row.deletion);
    Put(static_cast<int64_t>(row.complex_deletions.size()));
    for (const ComplexDeletion& complex : row.complex_deletions) {
      Put(complex.column.value);
      Put(complex.deletion);
    }
    Put(static_cast<int64_t>(row.cells.size()));
    for (const Cell& cell : row.cells) {
      Put((int64_t{cell.ttl_s} << 32) | (int64_t{cell.column.value} << 8) | static_cast<int64_t>(cell.kind));
      Put(cell.at.us);
      Put(cell.local_deletion.s);
      Put(cell.path);
      Put(cell.value);
    }
  }

 private:
  std::string& to_;
};

}  // namespace

CopyFilter::Hash CopyFilter::HashOf(const Mutation& mutation) {
  content_.clear();
  Writer writer(&content_);
  writer.Put(mutation.schema->table_id.view());
  writer.Put(static_cast<int64_t>(mutation.schema->id.value));
  writer.Put(mutation.partition_key);
  writer.Put(mutation.partition_deletion);
  writer.Put(mutation.static_row != nullptr ? 1 : 0);
  if (mutation.static_row != nullptr) writer.Put(*mutation.static_row);
  writer.Put(static_cast<int64_t>(mutation.rows.size()));
  for (const RowUpdate& row : mutation.rows) writer.Put(row);
  writer.Put(static_cast<int64_t>(mutation.ranges.size()));
  for (const RangeDeletion& range : mutation.ranges) {
    writer.Put(range.start.cut);
    writer.Put(range.end.cut);
    writer.Put(range.deletion);
  }
  const SecretHash::Value hash = hash_(content_);
  return {hash.high, static_cast<uint32_t>(hash.low)};
}

bool CopyFilter::Contains(const Hash& hash) const {
  if (!enabled()) return false;
  const Bucket& bucket = buckets_[BucketOf(hash)];
  for (size_t i = 0; i < kWays; ++i) {
    if (bucket.high[i] == hash.high && bucket.low[i] == hash.low) return true;
  }
  return false;
}

void CopyFilter::Add(const Hash& hash) {
  if (!enabled()) return;
  Bucket& bucket = buckets_[BucketOf(hash)];
  bucket.high[bucket.next] = hash.high;
  bucket.low[bucket.next] = hash.low;
  bucket.next = (bucket.next + 1) % kWays;
}

void CopyFilter::Clear() {
  std::ranges::fill(buckets_, Bucket{});
}

}  // namespace braid
