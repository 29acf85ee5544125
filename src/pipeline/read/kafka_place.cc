#include "pipeline/read/kafka_place.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "pipeline/read/kafka_records.h"

namespace braid {
namespace {

constexpr int kPollMs = 100;
constexpr int kAskTimeoutMs = 30'000;
constexpr size_t kMostRecords = 1'000;
constexpr std::chrono::seconds kSilence{60};

std::string NameOf(const KafkaPartition& partition) {
  return fmt::format("{} partition {}", partition.topic, partition.partition);
}

std::map<std::string, int32_t> Count(const std::vector<KafkaSpan>& spans) {
  std::map<std::string, int32_t> partitions;
  for (const KafkaSpan& span : spans) ++partitions[span.partition.topic];
  return partitions;
}

Status CheckTopics(const KafkaPosition& position, const std::vector<KafkaSpan>& spans) {
  const auto partitions = Count(spans);
  for (const auto& [topic, next] : position.next) {
    const auto found = partitions.find(topic);
    if (found == partitions.end()) {
      return InvalidArgument(
          fmt::format("that position is of a stream with the topic {}, which this one does not have "
                      "(any more); read from earliest, or from a time",
                      topic));
    }
    if (next.size() > static_cast<size_t>(found->second)) {
      return InvalidArgument(
          fmt::format("that position knows {} partitions of the topic {}, which has {}: it was made "
                      "anew since; read from earliest, or from a time",
                      next.size(), topic, found->second));
    }
  }
  return {};
}

Status SeekPosition(const KafkaPosition& position, std::vector<KafkaSpan>* spans) {
  TRY(CheckTopics(position, *spans));
  for (KafkaSpan& span : *spans) {
    const auto found = position.next.find(span.partition.topic);
    const auto number = static_cast<size_t>(span.partition.partition);
    if (found == position.next.end() || number >= found->second.size()) continue;
    const uint64_t next = found->second[number];
    if (next < static_cast<uint64_t>(span.low)) {
      return NotFound(
          fmt::format("{}: what was published from that position on is no longer kept: offsets {} to {} are "
                      "gone; read from earliest, and give the topic a longer retention",
                      NameOf(span.partition), next, span.low - 1));
    }
    if (next > static_cast<uint64_t>(span.high)) {
      return InvalidArgument(
          fmt::format("{}: that position is behind its end ({} > {}), so the topic was made anew since; "
                      "read from earliest, or from a time",
                      NameOf(span.partition), next, span.high));
    }
    span.start = static_cast<int64_t>(next);
  }
  return {};
}

Status SeekTime(KafkaConsumer* consumer, int64_t time_ms, std::vector<KafkaSpan>* spans) {
  std::vector<KafkaPartition> partitions;
  partitions.reserve(spans->size());
  for (const KafkaSpan& span : *spans) partitions.push_back(span.partition);
  ASSIGN_OR_RETURN(const auto offsets, consumer->OffsetsForTime(partitions, time_ms, kAskTimeoutMs));
  for (const KafkaOffset& at : offsets) {
    const auto span = std::ranges::find(*spans, KafkaPartition{at.topic, at.partition}, &KafkaSpan::partition);
    if (span == spans->end()) continue;
    span->start = at.offset == kKafkaEnd ? span->high : std::clamp(at.offset, span->low, span->high);
  }
  return {};
}

// Looks for a sequence in the partitions where its shard's events are.
class SequenceSearch {
 public:
  SequenceSearch(const Sequence& sequence, const std::vector<KafkaSpan>& spans) : sequence_(sequence) {
    const auto partitions = Count(spans);
    for (const KafkaSpan& span : spans) {
      const auto shard = static_cast<int64_t>(sequence.partition);
      if (shard % partitions.at(span.partition.topic) == span.partition.partition) spans_.push_back(span);
    }
  }

  const std::vector<KafkaSpan>& spans() const { return spans_; }

  Result<bool> Take(const KafkaRecord& record) {
    const auto header = record.Header("braid-sequence");
    const auto at = header.has_value() ? ReadSequence(*header) : std::nullopt;
    if (!at.has_value() || at->partition != sequence_.partition) return false;
    if (at->epoch != sequence_.epoch) {
      other_epoch_ = at->epoch;
      return false;
    }
    last_ = std::max(last_, at->n);
    const KafkaPartition partition{std::string(record.topic), record.partition};
    const auto [first, fresh] = first_.emplace(partition, at->n);
    if (at->n < sequence_.n) return false;
    const auto span = std::ranges::find(spans_, partition, &KafkaSpan::partition);
    if (fresh && at->n > sequence_.n && span != spans_.end() && span->low > 0) lost_ = NameOf(partition);
    found_[partition] = record.offset;
    if (!time_ms_.has_value() || record.timestamp_ms < *time_ms_) time_ms_ = record.timestamp_ms;
    exact_ = exact_ || at->n == sequence_.n;
    return true;
  }

  // When the event was published, or the next one of this stream.
  Result<int64_t> TimeMs() const {
    const std::string text = fmt::format("{}:{}:{}", sequence_.epoch, sequence_.partition, sequence_.n);
    if (!exact_ && !lost_.empty()) {
      return NotFound(fmt::format("{}: the event {} is no longer kept; read from earliest", lost_, text));
    }
    if (time_ms_.has_value()) return *time_ms_;
    if (last_ == 0 && other_epoch_.has_value()) {
      return InvalidArgument(
          fmt::format("the event {} is of another timeline: the shard's epoch is {}; read from "
                      "earliest, or from a time",
                      text, *other_epoch_));
    }
    return NotFound(fmt::format("no event {} or behind it is in this stream{}; read from latest, or from a time", text,
                                last_ == 0 ? "" : fmt::format(", whose last one of that shard is {}", last_)));
  }

  const std::map<KafkaPartition, int64_t>& found() const { return found_; }

 private:
  const Sequence sequence_;
  std::vector<KafkaSpan> spans_;
  std::map<KafkaPartition, uint64_t> first_;  // the shard's first number in each partition
  std::map<KafkaPartition, int64_t> found_;   // the offset of the first that is not before the sequence
  std::optional<int64_t> time_ms_;
  std::optional<uint64_t> other_epoch_;
  std::string lost_;
  uint64_t last_ = 0;
  bool exact_ = false;
};

Status SeekSequence(KafkaConsumer* consumer, const Sequence& sequence, const std::function<bool()>& stop,
                    std::vector<KafkaSpan>* spans) {
  SequenceSearch search(sequence, *spans);
  TRY(ScanKafka(consumer, search.spans(), stop, [&](const KafkaRecord& record) { return search.Take(record); }));
  ASSIGN_OR_RETURN(const int64_t time_ms, search.TimeMs());
  TRY(SeekTime(consumer, time_ms, spans));
  for (KafkaSpan& span : *spans) {
    const bool is_searched = std::ranges::count(search.spans(), span.partition, &KafkaSpan::partition) > 0;
    const auto found = search.found().find(span.partition);
    if (is_searched) span.start = found == search.found().end() ? span.high : found->second;
  }
  return {};
}

}  // namespace

Status ScanKafka(KafkaConsumer* consumer, const std::vector<KafkaSpan>& spans, const std::function<bool()>& stop,
                 const std::function<Result<bool>(const KafkaRecord& record)>& take) {
  std::map<KafkaPartition, int64_t> left;  // and where each ends
  std::vector<KafkaOffset> from;
  for (const KafkaSpan& span : spans) {
    if (span.low >= span.high) continue;
    left[span.partition] = span.high;
    from.push_back({span.partition.topic, span.partition.partition, span.low});
  }
  if (!from.empty()) TRY(consumer->Add(from));
  KafkaSilence silence;
  while (!left.empty()) {
    if (stop && stop()) return Error{ErrorCode::kTransient, "stopped before the place to read from was found"};
    std::vector<KafkaPartition> done;
    const KafkaBatch& batch = consumer->Poll(kMostRecords, kPollMs);
    for (const KafkaRecord& record : batch.records) {
      const auto its = left.find({std::string(record.topic), record.partition});
      if (its == left.end()) continue;
      bool enough = record.offset >= its->second;
      if (!enough) {
        ASSIGN_OR_RETURN(enough, take(record));
      }
      if (!enough && record.offset + 1 < its->second) continue;
      done.push_back(its->first);
      left.erase(its);
    }
    for (const KafkaEvent& event : batch.events) {
      TRY(CheckEvent(event));
      if (event.kind != KafkaEvent::Kind::kEnd) continue;
      const auto its = left.find(event.partitions[0]);
      if (its == left.end() || event.offset < its->second) continue;
      done.push_back(its->first);
      left.erase(its);
    }
    if (!done.empty()) TRY(consumer->Remove(done));
    TRY(silence.Check(batch, *consumer));
  }
  return {};
}

Status FindPlace(KafkaConsumer* consumer, const ReadFrom& from, const std::function<bool()>& stop,
                 std::vector<KafkaSpan>* spans) {
  for (KafkaSpan& span : *spans) {
    span.start = from.kind == ReadFrom::Kind::kLatest ? span.high : span.low;
  }
  switch (from.kind) {
    case ReadFrom::Kind::kEarliest:
    case ReadFrom::Kind::kLatest:
      return {};
    case ReadFrom::Kind::kPosition:
      return InvalidArgument(
          "that position is not one of a stream in Kafka; read from earliest, from a time, or from a position that was "
          "printed for this configuration");
    case ReadFrom::Kind::kKafkaPosition:
      return SeekPosition(from.kafka, spans);
    case ReadFrom::Kind::kSequence:
      return SeekSequence(consumer, from.sequence, stop, spans);
    case ReadFrom::Kind::kTime:
      return SeekTime(consumer, from.time_us / 1000, spans);
  }
  return {};
}

Status CheckEvent(const KafkaEvent& event) {
  if (event.kind == KafkaEvent::Kind::kOutOfRange) {
    return NotFound(fmt::format(
        "{}; it was removed while it was to be read (the topic's retention); read from earliest", event.message));
  }
  if (event.kind == KafkaEvent::Kind::kError && event.fatal) return Error{ErrorCode::kTransient, event.message};
  return {};
}

Status KafkaSilence::Check(const KafkaBatch& batch, const KafkaConsumer& consumer) {
  const auto now = std::chrono::steady_clock::now();
  const auto is_end = [](const KafkaEvent& event) { return event.kind == KafkaEvent::Kind::kEnd; };
  if (!batch.records.empty() || std::ranges::any_of(batch.events, is_end)) heard_ = now;
  if (now - heard_ < kSilence) return {};
  return Error{ErrorCode::kTransient, fmt::format("no broker has sent anything for {} s: {}; read again later",
                                                  kSilence.count(), consumer.stats().last_error)};
}

}  // namespace braid
