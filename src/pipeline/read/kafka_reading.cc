#include "pipeline/read/kafka_reading.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "pipeline/kafka/clients.h"
#include "pipeline/read/gaps_told.h"
#include "pipeline/read/kafka_place.h"
#include "pipeline/read/kafka_records.h"
#include "pipeline/read/line_buffer.h"
#include "pipeline/read/patterns.h"
#include "pipeline/read/record_merge.h"
#include "transport/kafka/admin.h"

namespace braid {
namespace {

constexpr int kAskTimeoutMs = 30'000;
constexpr int kPollMs = 50;
constexpr size_t kMostRecords = 1'000;
// Of records that wait for other partitions to be read.
constexpr size_t kMostHeldBytes = size_t{64} << 20;
constexpr size_t kLeastHeldBytes = size_t{64} << 10;
// How often to look whether the stream has new topics.
constexpr std::chrono::seconds kTopicsEvery{1};

const KafkaStream& KafkaStreamOf(const Config& config, const StreamSpec& spec) {
  for (size_t i = 0; i < config.streams.size(); ++i) {
    if (config.streams[i].name == spec.name) return config.kafka->streams[i];
  }
  return config.kafka->streams.front();
}

// One stream over all partitions of its topics, and of that of the gaps.
class KafkaReading {
 public:
  KafkaReading(const Config& config, const ReadOptions& options, const StreamSpec& spec)
      : config_(config), options_(options), spec_(spec), stream_(KafkaStreamOf(config, spec)), lines_(options) {}

  Status Open() {
    TRY(CheckFormat());
    ASSIGN_OR_RETURN(admin_, KafkaAdmin::Open({.properties = ClientProperties(config_), .log = {}}));
    ASSIGN_OR_RETURN(
        consumer_, KafkaConsumer::Open(
                       {.properties = ClientProperties(config_), .group = config_.kafka->group + "-read", .log = {}}));
    ASSIGN_OR_RETURN(std::vector<KafkaSpan> spans, FirstSpans());
    TRY(FindPlace(consumer_.get(), options_.from, options_.stop, &spans));
    TRY(HearEarlierGaps(spans));
    return AddSources(spans);
  }

  Status Run() {
    KafkaSilence silence;
    while (!Stopped()) {
      TRY(GiveAll());
      if (merge_.is_done()) break;
      const KafkaBatch& batch = consumer_->Poll(kMostRecords, kPollMs);
      TRY(Take(batch));
      TRY(MindDone());
      TRY(MindHeld());
      if (options_.follow) {
        TRY(LookForTopics());
      } else {
        TRY(silence.Check(batch, *consumer_));
      }
    }
    return lines_.Flush();
  }

  // The text of the position at which a later read goes on.
  std::string Position() const {
    // The stream has nothing yet.
    if (sources_.empty()) return "earliest";
    KafkaPosition position;
    for (size_t i = 0; i < sources_.size(); ++i) {
      const KafkaPartition& partition = sources_[i].partition;
      std::vector<uint64_t>& next = position.next[partition.topic];
      next.resize(std::max(next.size(), static_cast<size_t>(partition.partition) + 1));
      next[static_cast<size_t>(partition.partition)] = static_cast<uint64_t>(merge_.position(i));
    }
    return position.ToString();
  }

 private:
  struct Source {
    KafkaPartition partition;
    bool gaps = false;
    bool paused = false;
    bool removed = false;
  };

  bool Stopped() const { return options_.stop && options_.stop(); }

  bool IsGaps(const KafkaPartition& partition) const { return partition.topic == config_.kafka->gaps_topic; }

  Status CheckFormat() const {
    if (stream_.format != KafkaStream::Format::kAvro) return {};
    return InvalidArgument(fmt::format(
        "the stream {} is in Avro, which braid read does not print; read it with a consumer that asks the schema "
        "registry, such as kafka-avro-console-consumer --topic {} --property schema.registry.url={}",
        spec_.name, TopicOf(stream_, stream_.topic_per_table ? "KEYSPACE.TABLE" : "", false),
        config_.kafka->registry.has_value() ? config_.kafka->registry->url : "URL"));
  }

  // The partitions of the stream's topics, and of the gaps' if there are any of the stream's.
  Result<std::vector<KafkaPartition>> ListPartitions() {
    ASSIGN_OR_RETURN(const auto topics, admin_->AllTopics(kAskTimeoutMs));
    std::vector<KafkaPartition> partitions;
    const auto add = [&](const std::string& topic, int32_t count) {
      for (int32_t i = 0; i < count; ++i) partitions.push_back({topic, i});
    };
    for (const auto& [topic, count] : topics) {
      if (IsTopicOf(topic, stream_, spec_)) add(topic, count);
    }
    const auto gaps = topics.find(config_.kafka->gaps_topic);
    if (!partitions.empty() && gaps != topics.end()) add(gaps->first, gaps->second);
    return partitions;
  }

  Result<std::vector<KafkaSpan>> SpansOf(const std::vector<KafkaPartition>& partitions) {
    std::vector<KafkaSpan> spans;
    for (const KafkaPartition& partition : partitions) {
      ASSIGN_OR_RETURN(const auto marks, consumer_->QueryWatermarks(partition, kAskTimeoutMs));
      spans.push_back({.partition = partition, .low = marks.low, .high = marks.high, .start = marks.low});
    }
    return spans;
  }

  // Waits for topics if it is to follow them, and in any case for leaders of those that are just being made.
  Result<std::vector<KafkaSpan>> FirstSpans() {
    auto since = std::chrono::steady_clock::now();
    while (true) {
      ASSIGN_OR_RETURN(const auto partitions, ListPartitions());
      if (partitions.empty()) since = std::chrono::steady_clock::now();
      if (partitions.empty() && !options_.follow) {
        return NotFound(fmt::format(
            "Kafka at {} has no topic of the stream {} ({}): it is made with the stream's first event; wait for that "
            "with --follow, and see braid status for whether a worker runs",
            fmt::join(config_.kafka->brokers, ","), spec_.name,
            TopicOf(stream_, stream_.topic_per_table ? spec_.tables.front() : "", false)));
      }
      auto spans = SpansOf(partitions);
      if (Stopped() || (spans.has_value() && !partitions.empty())) return spans;
      if (!spans.has_value()) {
        const ErrorCode code = spans.error().code;
        const bool passes = code == ErrorCode::kTransient || code == ErrorCode::kNotFound;
        const bool patient = std::chrono::steady_clock::now() - since < std::chrono::milliseconds(kAskTimeoutMs);
        if (!passes || !patient) return spans;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(kPollMs) * 2);
    }
  }

  // What shards told of gaps before the place where reading begins is no news behind it.
  Status HearEarlierGaps(const std::vector<KafkaSpan>& spans) {
    std::vector<KafkaSpan> earlier;
    for (const KafkaSpan& span : spans) {
      if (!IsGaps(span.partition)) continue;
      earlier.push_back(span);
      earlier.back().high = span.start;
    }
    return ScanKafka(consumer_.get(), earlier, options_.stop, [this](const KafkaRecord& record) -> Result<bool> {
      const auto gap = record.value.has_value() ? ReadGapRecord(*record.value) : std::nullopt;
      if (gap.has_value()) gaps_.IsNews(gap->id, static_cast<uint32_t>(record.partition), gap->open);
      return false;
    });
  }

  Status AddSources(const std::vector<KafkaSpan>& spans) {
    std::vector<KafkaOffset> from;
    for (const KafkaSpan& span : spans) {
      const size_t number = merge_.AddSource(span.start, options_.follow ? RecordMerge::kNoEnd : span.high);
      sources_.push_back(
          {.partition = span.partition, .gaps = IsGaps(span.partition), .removed = merge_.is_done(number)});
      numbers_[span.partition] = number;
      if (!merge_.is_done(number)) from.push_back({span.partition.topic, span.partition.partition, span.start});
    }
    return from.empty() ? Status() : consumer_->Add(from);
  }

  // Topics that came since, and partitions of those that grew, from their beginning.
  Status LookForTopics() {
    const auto now = std::chrono::steady_clock::now();
    if (now - looked_ < kTopicsEvery) return {};
    looked_ = now;
    auto partitions = ListPartitions();
    if (partitions.has_value()) {
      std::erase_if(*partitions, [this](const KafkaPartition& each) { return numbers_.contains(each); });
      const auto spans = SpansOf(*partitions);
      // A topic that is being made may have no leader yet: the next look finds it.
      if (spans.has_value()) return AddSources(*spans);
    }
    return {};
  }

  Status Take(const KafkaBatch& batch) {
    for (const KafkaRecord& record : batch.records) {
      const auto number = numbers_.find({std::string(record.topic), record.partition});
      if (number == numbers_.end()) continue;
      ASSIGN_OR_RETURN(const std::string_view line, LineOf(record, sources_[number->second].gaps));
      merge_.Take(number->second, {record.offset, record.timestamp_ms, std::string(line)});
    }
    for (const KafkaEvent& event : batch.events) {
      TRY(CheckEvent(event));
      if (event.kind != KafkaEvent::Kind::kEnd) continue;
      const auto number = numbers_.find(event.partitions[0]);
      if (number != numbers_.end()) merge_.TakeEnd(number->second, event.offset);
    }
    return {};
  }

  // The event that a record is, as a line; empty if it is a tombstone.
  Result<std::string_view> LineOf(const KafkaRecord& record, bool gaps) const {
    if (!record.value.has_value()) return std::string_view();
    if (gaps || stream_.format == KafkaStream::Format::kJson) return *record.value;
    const auto payload = PayloadOf(*record.value);
    if (payload.has_value()) return *payload;
    return Corrupt(
        fmt::format("{} partition {} offset {}: no event with a JSON schema, which the stream {} should "
                    "have; was its format another one before? A topic keeps one format: give the stream a "
                    "new topic",
                    record.topic, record.partition, record.offset, spec_.name));
  }

  // Writes everything whose turn it is.
  Status GiveAll() {
    while (const auto next = merge_.Next()) {
      const std::string& value = next->second.value;
      if (value.empty()) continue;
      if (sources_[next->first].gaps) {
        const auto gap = ReadGapRecord(value);
        const auto shard = static_cast<uint32_t>(sources_[next->first].partition.partition);
        if (!gap.has_value() || !gaps_.IsNews(gap->id, shard, gap->open)) continue;
        if (!gap->table.empty() && !FitsAny(spec_.tables, gap->table)) continue;
      }
      lines_.line()->append(value);
      TRY(lines_.EndLine());
    }
    return options_.follow ? lines_.Flush() : Status();
  }

  // Partitions that were read to their end need not be fetched.
  Status MindDone() {
    std::vector<KafkaPartition> done;
    for (size_t i = 0; i < sources_.size(); ++i) {
      if (sources_[i].removed || !merge_.is_done(i)) continue;
      sources_[i].removed = true;
      done.push_back(sources_[i].partition);
    }
    return done.empty() ? Status() : consumer_->Remove(done);
  }

  // Those that are far ahead of others wait.
  Status MindHeld() {
    const size_t most = std::max(kMostHeldBytes / sources_.size(), kLeastHeldBytes);
    for (size_t i = 0; i < sources_.size(); ++i) {
      Source& source = sources_[i];
      if (source.removed) continue;
      const size_t held = merge_.held_bytes(i);
      if (!source.paused && held > most) {
        TRY(consumer_->Pause({source.partition}));
        source.paused = true;
      } else if (source.paused && held <= most / 2) {
        TRY(consumer_->Resume({source.partition}));
        source.paused = false;
      }
    }
    return {};
  }

  const Config& config_;
  const ReadOptions& options_;
  const StreamSpec& spec_;
  const KafkaStream& stream_;
  std::unique_ptr<KafkaAdmin> admin_;
  std::unique_ptr<KafkaConsumer> consumer_;
  RecordMerge merge_;
  std::vector<Source> sources_;  // by their numbers in merge_
  std::map<KafkaPartition, size_t> numbers_;
  GapsTold gaps_;
  LineBuffer lines_;
  std::chrono::steady_clock::time_point looked_ = std::chrono::steady_clock::now();
};

}  // namespace

Result<std::string> ReadKafkaStream(const Config& config, const ReadOptions& options, const StreamSpec& spec) {
  KafkaReading reading(config, options, spec);
  TRY(reading.Open());
  TRY(reading.Run());
  return reading.Position();
}

}  // namespace braid
