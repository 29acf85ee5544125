#include "pipeline/feed/feeder.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/checksum.h"
#include "capture/truncation.h"
#include "cassandra/commitlog/file_name.h"
#include "codec/gap.h"
#include "codec/mutation.h"
#include "pipeline/feed/reread.h"
#include "pipeline/feed/wall_clock.h"

namespace braid {
namespace {

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

Status Feeder::OnTransaction(const Transaction& transaction) {
  return Push(transaction, false);
}

Status Feeder::Push(const Transaction& transaction, bool again) {
  Message message;
  message.again = again;
  message.position = transaction.position;
  message.taken_in_us = WallClockUs();
  AppendTransaction(&message.bytes, transaction);
  // All of a transaction is of one partition key.
  const Mutation& first = transaction.mutations.front();
  return outlet_->Push(ShardOf(first.token, outlet_->shards()), first.partition_key, std::move(message));
}

// Cassandra truncates some tables of its own at every start.
bool Feeder::IsCaptured(const TableId& id) const {
  const TableSchema* table = schemas_->FindTable(id);
  return table != nullptr && table->cdc;
}

Status Feeder::PushTruncation(const Truncation& truncation) {
  Message message;
  message.kind = Message::Kind::kTruncation;
  message.position = truncation.seen_at;
  message.table = truncation.table;
  message.cut = truncation.cut;
  message.time = truncation.at;
  return outlet_->PushToAll(message);
}

void Feeder::TellUnreadable(const char* where, const Error& error) const {
  if (!options_.tell) return;
  options_.tell(fmt::format("node {}: whether tables were truncated{} cannot be read: {}", options_.files.name, where,
                            error.message));
}

Status Feeder::TellMissedTruncations(FileSystem* files, const Position& resume) {
  const auto truncations = ReadTruncationsOnDisk(options_.files.data, resume.node);
  if (!truncations.has_value()) {
    TellUnreadable("", truncations.error());
    return {};
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> names, files->List(options_.files.cdc_raw));
  for (const Truncation& truncation : *truncations) {
    const bool logged = std::ranges::any_of(names, [&](const std::string& name) {
      const auto file = ParseSegmentFileName(name);
      return file.has_value() && file->id == truncation.cut.segment;
    });
    if (truncation.cut <= resume || logged) continue;
    Truncation missed = truncation;
    missed.seen_at = resume;
    TRY(OnTruncation(missed));
  }
  return {};
}

// The word of a truncation may be in what was lost: the node's own tables still tell of it.
Status Feeder::PushTruncationsWithin(const Gap& gap) {
  const auto truncations = ReadTruncationsOnDisk(options_.files.data, gap.node);
  if (!truncations.has_value()) {
    TellUnreadable(" in what was lost", truncations.error());
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

Status Feeder::OnTruncation(const Truncation& truncation) {
  if (!IsCaptured(truncation.table)) return {};
  TRY(PushTruncation(truncation));
  if (truncation.seen_at <= truncation.cut) return {};
  // What the node logged after its cut, but before it told of it, was not cut away.
  const Reread between{options_.files, options_.exclude, truncation.table, truncation.cut, truncation.seen_at};
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

Status Feeder::OnGap(const Gap& gap) {
  Message message;
  message.kind = Message::Kind::kGap;
  message.gap = gap;
  message.gap.id = IdOf(gap);
  message.gap.seen_at = WriteTime{WallClockUs()};
  TRY(outlet_->PushToAll(message));
  return PushTruncationsWithin(gap);
}

Status Feeder::OnProgress(const CaptureProgress& progress) {
  const bool moved = progress.position != told_;
  if (!moved && progress.watermark == told_watermark_) return {};
  const int64_t now_us = WallClockUs();
  if (now_us - told_us_ < (moved ? options_.progress_every_us : options_.watermark_every_us)) return {};
  told_us_ = now_us;
  told_ = progress.position;
  told_watermark_ = progress.watermark;
  Message message;
  message.kind = Message::Kind::kProgress;
  message.position = progress.position;
  message.time = progress.watermark;
  return outlet_->PushToAll(message);
}

}  // namespace braid
