#include "timeline/batch_records.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/cursor.h"

namespace braid::timeline {

void BatchRecords::Start(const Batch& batch, const std::vector<size_t>& wanted) {
  parts_.clear();
  heap_.clear();
  finished_ = nullptr;
  first_ = batch.first;
  end_ = batch.end();
  parts_.reserve(wanted.size());
  for (const size_t i : wanted) {
    const Block& block = batch.blocks[i];
    heap_.push_back({batch.first + block.first_record, parts_.size()});
    parts_.push_back({.block = block, .left = block.records});
  }
  std::make_heap(heap_.begin(), heap_.end());
}

Status BatchRecords::ReadNumber(Part* part, uint64_t* n) {
  Cursor from(ByteView(part->raw).substr(part->at));
  const uint64_t skipped = from.Vint();
  if (!from.ok() || skipped > part->raw.size() + uint64_t{UINT32_MAX}) return Corrupt("a block's records are damaged");
  *n += skipped;
  part->at += from.offset();
  return {};
}

Result<RawRecord> BatchRecords::Next(Segment* segment) {
  CHECK(!heap_.empty());
  if (finished_ != nullptr) {
    std::string().swap(finished_->raw);
    finished_ = nullptr;
  }
  std::pop_heap(heap_.begin(), heap_.end());
  Due due = heap_.back();
  heap_.pop_back();
  Part& part = parts_[due.part];
  const auto damaged = [&] {
    return Corrupt("a block's records are damaged")
        .At(segment->name() + ": at offset " + std::to_string(part.block.offset));
  };
  if (part.left == part.block.records) {
    TRY(segment->ReadBlock(part.block, &part.raw));
    if (!ReadNumber(&part, &due.n).has_value()) return damaged();
    if (due.n != first_ + part.block.first_record) return damaged();
  }
  RawRecord record{due.n, part.block.kind, {}, part.block.offset};
  Cursor from(ByteView(part.raw).substr(part.at));
  record.bytes = from.VintBytes();
  if (!from.ok()) return damaged();
  part.at += from.offset();
  if (--part.left == 0) {
    if (part.at != part.raw.size()) return damaged();
    finished_ = &part;
    return record;
  }
  ++due.n;
  if (!ReadNumber(&part, &due.n).has_value() || due.n >= end_) return damaged();
  heap_.push_back(due);
  std::push_heap(heap_.begin(), heap_.end());
  return record;
}

}  // namespace braid::timeline
