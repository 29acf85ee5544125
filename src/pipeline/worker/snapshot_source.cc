#include "pipeline/worker/snapshot_source.h"

#include <fmt/format.h>

#include <chrono>
#include <thread>
#include <utility>

#include "codec/mutation.h"
#include "transport/message/snapshot_record.h"

namespace braid {
namespace {

constexpr size_t kMostRecords = 500;
constexpr int kPollMs = 50;
constexpr auto kSchemaPause = std::chrono::milliseconds(20);

Error Stopped() {
  return {ErrorCode::kTransient, "it was stopped"};
}

}  // namespace

Result<std::unique_ptr<SnapshotSource>> SnapshotSource::Open(Options options) {
  std::unique_ptr<SnapshotSource> source(new SnapshotSource(std::move(options)));
  ASSIGN_OR_RETURN(source->consumer_, KafkaConsumer::Open(source->options_.consumer));
  TRY(source->consumer_->Add({source->options_.from}));
  return source;
}

Result<const KafkaRecord*> SnapshotSource::NextRecord() {
  bool waits = false;
  while (batch_ == nullptr || next_ == batch_->records.size()) {
    if (options_.stop()) return Stopped();
    batch_ = &consumer_->Poll(kMostRecords, kPollMs);
    next_ = 0;
    for (const KafkaEvent& event : batch_->events) {
      const bool lost = event.kind == KafkaEvent::Kind::kOutOfRange;
      if (!lost && !(event.kind == KafkaEvent::Kind::kError && event.fatal)) continue;
      return Error{ErrorCode::kTransient, event.message};
    }
    if (batch_->records.empty() && !std::exchange(waits, true)) options_.waiting(options_.node);
  }
  if (waits) options_.waiting("");
  return &batch_->records[next_++];
}

// The definition that it names was in the journal before it was sent.
Status SnapshotSource::TakePiece(ByteView bytes) {
  while (true) {
    arena_.Reset();
    const auto transaction = DecodeTransaction(bytes, *options_.schemas, &arena_);
    if (!transaction.has_value()) {
      if (transaction.error().code != ErrorCode::kNotFound) return transaction.error();
      if (options_.stop()) return Stopped();
      std::this_thread::sleep_for(kSchemaPause);
      continue;
    }
    if (transaction->mutations.size() != 1) return Corrupt("a snapshot's piece that is not one mutation");
    piece_.mutation = transaction->mutations.front();
    // Columns keep their ids: whichever definition the agent read by, this one knows them.
    piece_.mutation.schema = options_.schema;
    return {};
  }
}

Result<const SstablePiece*> SnapshotSource::Next() {
  while (!ended_) {
    ASSIGN_OR_RETURN(const KafkaRecord* kafka, NextRecord());
    const auto record = DecodeSnapshotRecord(kafka->value.value_or(""));
    if (!record.has_value()) {
      return record.error().At(fmt::format("{} partition {} offset {}", kafka->topic, kafka->partition, kafka->offset));
    }
    if (record->attempt != options_.attempt) continue;
    if (record->kind == SnapshotRecord::Kind::kEnd) {
      ended_ = true;
      if (record->missing.empty()) return nullptr;
      return Error{ErrorCode::kTransient, record->missing};
    }
    TRY(TakePiece(record->bytes));
    piece_.first = record->first;
    piece_.last = record->last;
    if (!record->whole) options_.lacks();
    bytes_ += record->bytes.size();
    return &piece_;
  }
  return nullptr;
}

}  // namespace braid
