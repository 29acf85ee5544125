#include "cassandra/rows/header.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"

namespace braid {

namespace {

// 2015-09-22, from which stats count (EncodingStats.TIMESTAMP_EPOCH, DELETION_TIME_EPOCH).
constexpr uint64_t kTimestampEpochUs = 1442880000000000;
constexpr uint32_t kDeletionEpochS = 1442880000;

constexpr int64_t kSignedNone = 0x7FFFFFFF;
constexpr int64_t kUnsignedNone = 0xFFFFFFFF;

}  // namespace

UnixSeconds EncodingStats::LocalDeletion(uint64_t delta, DeletionTimes times) const {
  const int64_t seconds = min_local_deletion_s + static_cast<int32_t>(static_cast<uint32_t>(delta));
  if (times == DeletionTimes::kSigned) {
    if (seconds == kSignedNone) return UnixSeconds::Never();
    return seconds < 0 || seconds > kSignedNone ? kInvalidDeletionTime : UnixSeconds{seconds};
  }
  const int64_t as_unsigned = seconds & kUnsignedNone;
  return as_unsigned == kUnsignedNone ? UnixSeconds::Never() : UnixSeconds{as_unsigned};
}

EncodingStats ReadEncodingStats(Cursor* from) {
  EncodingStats stats;
  stats.min_timestamp_us = static_cast<int64_t>(from->Vint() + kTimestampEpochUs);
  stats.min_local_deletion_s = static_cast<int32_t>(static_cast<uint32_t>(from->Vint()) + kDeletionEpochS);
  stats.min_ttl_s = static_cast<int32_t>(static_cast<uint32_t>(from->Vint()));
  return stats;
}

Deletion ReadDeletion(Cursor* from, const EncodingStats& stats, DeletionTimes times) {
  const WriteTime at = stats.Timestamp(from->Vint());
  const uint64_t local = from->Vint();
  if (!from->ok() || at.none()) return {};
  return {at, stats.LocalDeletion(local, times)};
}

HeaderColumn MakeHeaderColumn(const Column& column, const Type& type, std::span<const ColumnId> excluded) {
  return {.id = column.id,
          .fixed_length = FixedLength(type),
          .multi_cell = type.multi_cell(),
          .wanted = std::find(excluded.begin(), excluded.end(), column.id) == excluded.end(),
          .dropped_at = column.dropped_at};
}

ColumnList::ColumnList(std::span<const HeaderColumn> columns) {
  CHECK(Assign(columns));
}

bool ColumnList::Assign(std::span<const HeaderColumn> columns) {
  columns_.assign(columns.begin(), columns.end());
  by_id_.clear();
  ascending_ = true;
  any_multi_cell_ = false;
  for (size_t i = 0; i < columns_.size(); ++i) {
    any_multi_cell_ = any_multi_cell_ || columns_[i].multi_cell;
    ascending_ = ascending_ && (i == 0 || columns_[i - 1].id < columns_[i].id);
  }
  if (ascending_) return true;
  by_id_.resize(columns_.size());
  std::iota(by_id_.begin(), by_id_.end(), uint16_t{0});
  std::sort(by_id_.begin(), by_id_.end(), [this](uint16_t a, uint16_t b) { return columns_[a].id < columns_[b].id; });
  const bool twice = std::adjacent_find(by_id_.begin(), by_id_.end(), [this](uint16_t a, uint16_t b) {
                       return columns_[a].id == columns_[b].id;
                     }) != by_id_.end();
  if (twice) *this = ColumnList();
  return !twice;
}

}  // namespace braid
