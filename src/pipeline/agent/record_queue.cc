#include "pipeline/agent/record_queue.h"

#include <optional>
#include <utility>

namespace braid {

Result<std::unique_ptr<RecordQueue>> RecordQueue::Open(Options options) {
  ASSIGN_OR_RETURN(auto producer, KafkaProducer::Open(options.producer));
  return std::unique_ptr<RecordQueue>(new RecordQueue(std::move(options), std::move(producer)));
}

Result<bool> RecordQueue::Produce(uint32_t partition, ByteView key, ByteView record) {
  const std::optional<ByteView> key_or_none = key.empty() ? std::nullopt : std::optional(key);
  auto produced = producer_->Produce(options_.topic, static_cast<int32_t>(partition), key_or_none, record);
  if (!produced.has_value()) problem_ = produced.error().message;
  return produced;
}

Status RecordQueue::Push(uint32_t partition, ByteView key, ByteView record) {
  bool sent = false;
  if (waiting_.empty()) {
    ASSIGN_OR_RETURN(sent, Produce(partition, key, record));
  }
  if (!sent) {
    waiting_.push_back({partition, std::string(key), std::string(record)});
    waiting_bytes_ += key.size() + record.size();
  }
  ++pushed_[partition];
  ++records_;
  bytes_ += key.size() + record.size();
  return {};
}

void RecordQueue::Step(int timeout_ms) {
  const Status polled = producer_->Poll(timeout_ms);
  if (!polled.has_value()) problem_ = polled.error().message;
  while (!waiting_.empty() && problem_.empty()) {
    const Waiting& first = waiting_.front();
    const auto sent = Produce(first.partition, first.key, first.record);
    if (!sent.has_value() || !*sent) return;
    waiting_bytes_ -= first.key.size() + first.record.size();
    waiting_.pop_front();
  }
}

bool RecordQueue::Acked(const std::vector<uint64_t>& counts) const {
  for (size_t partition = 0; partition < counts.size(); ++partition) {
    if (producer_->Acked(options_.topic, static_cast<int32_t>(partition)) < counts[partition]) return false;
  }
  return true;
}

OutletStats RecordQueue::stats() const {
  const KafkaProducer::Stats producer = producer_->stats();
  OutletStats stats;
  stats.records = records_;
  stats.acked = producer.acked;
  stats.bytes = bytes_;
  stats.queued = producer.queued + waiting_.size();
  stats.queue_bytes = producer.queued_bytes + waiting_bytes_;
  stats.last_error = producer.last_error;
  return stats;
}

}  // namespace braid
