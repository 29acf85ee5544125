#include "pipeline/run/feeder.h"

#include <fmt/format.h>

#include <utility>

#include "base/checksum.h"
#include "capture/truncation.h"
#include "codec/gap.h"
#include "codec/mutation.h"
#include "pipeline/run/reread.h"

namespace braid {
namespace {

// How often the shards are told how far a node was read: each word wakes them all.
constexpr int64_t kProgressEveryUs = 20'000;
constexpr int64_t kWatermarkEveryUs = 100'000;

Error Closed() {
  return {ErrorCode::kTransient, "the pipeline is stopping"};
}

// The same gap found again, after a restart, has the same id.
uint64_t IdOf(const Gap& gap) {
  Gap named = gap;
  named.id = 0;
  named.seen_at = {};
  named.detail.clear();
  std::string bytes;
  AppendGap(&bytes, named);
  return Hash64(bytes) | 1;
}

}  // namespace

Status Pipeline::Feeder::PushToAll(const Message& message) {
  for (const auto& shard : *shards_) {
    if (!shard->channel.Push(message)) return Closed();
  }
  return {};
}

Status Pipeline::Feeder::OnTransaction(const Transaction& transaction) {
  return Push(transaction, false);
}

Status Pipeline::Feeder::Push(const Transaction& transaction, bool again) {
  Message message;
  message.again = again;
  message.position = transaction.position;
  message.taken_in_us = WallClockUs();
  AppendTransaction(&message.bytes, transaction);
  // All of a transaction is of one partition key.
  const uint32_t shard = ShardOf(transaction.mutations.front().token, identity_->shards);
  return (*shards_)[shard]->channel.Push(std::move(message)) ? Status() : Status(Closed());
}

// Cassandra truncates some tables of its own at every start.
bool Pipeline::Feeder::IsCaptured(const TableId& id) const {
  const TableSchema* table = schemas_->FindTable(id);
  return table != nullptr && table->cdc;
}

Status Pipeline::Feeder::PushTruncation(const Truncation& truncation) {
  Message message;
  message.kind = Message::Kind::kTruncation;
  message.position = truncation.seen_at;
  message.table = truncation.table;
  message.cut = truncation.cut;
  message.time = truncation.at;
  return PushToAll(message);
}

// The word of a truncation may be in what was lost: the node's own tables still tell of it.
Status Pipeline::Feeder::PushTruncationsWithin(const Gap& gap) {
  const auto truncations = ReadTruncationsOnDisk(node_->files.data, node_->index);
  if (!truncations.has_value()) {
    tell_(fmt::format("node {}: whether tables were truncated in what was lost cannot be read: {}", node_->files.name,
                      truncations.error().message));
    return {};
  }
  for (Truncation truncation : *truncations) {
    const bool within = truncation.cut.segment >= gap.from.segment && truncation.cut <= gap.to;
    if (!within || !IsCaptured(truncation.table)) continue;
    truncation.seen_at = gap.from;
    TRY(PushTruncation(truncation));
  }
  return {};
}

Status Pipeline::Feeder::OnTruncation(const Truncation& truncation) {
  if (!IsCaptured(truncation.table)) return {};
  TRY(PushTruncation(truncation));
  if (truncation.seen_at <= truncation.cut) return {};
  // What the node logged after its cut, but before it told of it, was not cut away.
  const Reread between{node_->files, *exclude_, truncation.table, truncation.cut, truncation.seen_at};
  const auto give = [this](const Transaction& transaction) { return Push(transaction, true); };
  ASSIGN_OR_RETURN(const bool whole, ReadAgain(PosixFileSystem(), *schemas_, between, give));
  if (whole) return {};
  Gap gap;
  gap.reason = GapReason::kLostSegment;
  gap.node = truncation.node;
  gap.from = truncation.cut;
  gap.to = truncation.seen_at;
  gap.detail = "segments are gone in which writes may stand that came while a table was truncated";
  return OnGap(gap);
}

Status Pipeline::Feeder::OnGap(const Gap& gap) {
  Message message;
  message.kind = Message::Kind::kGap;
  message.gap = gap;
  message.gap.id = IdOf(gap);
  message.gap.seen_at = WriteTime{WallClockUs()};
  TRY(PushToAll(message));
  return PushTruncationsWithin(gap);
}

Status Pipeline::Feeder::OnProgress(const CaptureProgress& progress) {
  const bool moved = progress.position != node_->told;
  if (!moved && progress.watermark == node_->told_watermark) return {};
  const int64_t now_us = WallClockUs();
  if (now_us - node_->told_us < (moved ? kProgressEveryUs : kWatermarkEveryUs)) return {};
  node_->told_us = now_us;
  node_->told = progress.position;
  node_->told_watermark = progress.watermark;
  Message message;
  message.kind = Message::Kind::kProgress;
  message.position = progress.position;
  message.time = progress.watermark;
  return PushToAll(message);
}

}  // namespace braid
