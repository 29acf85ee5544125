#include "timeline/batch_builder.h"

#include <lz4.h>

#include <algorithm>
#include <utility>

#include "base/checksum.h"
#include "codec/change.h"
#include "codec/gap.h"

namespace braid::timeline {
namespace {

// A table's records go to a new block once its last has grown past this, which bounds what a reader unpacks at a time.
constexpr size_t kBlockBytes = 256 * 1024;
// Less than this does not repay its unpacking.
constexpr size_t kLeastCompressed = 128;

// Fills in what Block says of the stored bytes, and appends them.
void Store(ByteView raw, Block* block, std::string* to) {
  const size_t start = to->size();
  block->raw_bytes = static_cast<uint32_t>(raw.size());
  if (raw.size() >= kLeastCompressed && raw.size() <= LZ4_MAX_INPUT_SIZE) {
    // Kept only where it saves an eighth.
    const size_t worth = raw.size() - raw.size() / 8;
    to->resize(start + worth);
    const int size =
        LZ4_compress_default(raw.data(), to->data() + start, static_cast<int>(raw.size()), static_cast<int>(worth));
    block->compressed = size > 0;
    to->resize(start + static_cast<size_t>(size));
  }
  if (!block->compressed) to->append(raw);
  block->stored_bytes = static_cast<uint32_t>(to->size() - start);
  block->crc = Crc32c(0, ByteView(*to).substr(start));
}

}  // namespace

void BatchBuilder::Add(const Change& change) {
  record_.clear();
  AppendChange(&record_, change);
  if (std::ranges::find(definitions_, change.schema->id) == definitions_.end()) {
    definitions_.push_back(change.schema->id);
  }
  const TableId& table = change.schema->table_id;
  AddRecord(&open_[table], Block{.kind = BlockKind::kChanges, .table = table});
}

void BatchBuilder::Add(const Gap& gap) {
  record_.clear();
  AppendGap(&record_, gap);
  AddRecord(&open_gaps_, Block{.kind = BlockKind::kGaps});
}

void BatchBuilder::AddRecord(Slot* slot, const Block& block) {
  if (!slot->has_value() || blocks_[**slot].raw.size() > kBlockBytes) {
    *slot = blocks_.size();
    OpenBlock& opened = blocks_.emplace_back();
    opened.block = block;
    opened.block.first_record = records_;
    opened.next = records_;
  }
  OpenBlock& open = blocks_[**slot];
  AppendRecord(&open.raw, records_ - open.next, record_);
  ++open.block.records;
  open.next = ++records_;
  bytes_ += record_.size();
}

std::string BatchBuilder::Encode(const BatchPlace& place, int64_t emitted_us,
                                 const std::vector<Definition>& definitions) const {
  Batch batch;
  batch.first = first_;
  batch.records = records_;
  batch.emitted_us = emitted_us;
  batch.definitions_at = place.definitions_at;
  std::string stored;
  for (const Definition& definition : definitions) {
    Block& block = batch.blocks.emplace_back(Block{.kind = BlockKind::kDefinition, .table = definition.table});
    Store(definition.bytes, &block, &stored);
  }
  for (const OpenBlock& open : blocks_) {
    Block& block = batch.blocks.emplace_back(open.block);
    Store(open.raw, &block, &stored);
  }
  return EncodeBatchHead(batch) + stored;
}

void BatchBuilder::Reset(uint64_t first) {
  first_ = first;
  records_ = 0;
  bytes_ = 0;
  blocks_.clear();
  open_.clear();
  open_gaps_.reset();
  definitions_.clear();
}

}  // namespace braid::timeline
