#include "pipeline/read/read_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "base/arena.h"
#include "base/file_system.h"
#include "base/version.h"
#include "capture/node_capture.h"
#include "capture/schema_log.h"
#include "encode/json.h"
#include "pipeline/read/gaps_told.h"
#include "pipeline/read/kafka_reading.h"
#include "pipeline/read/line_buffer.h"
#include "pipeline/read/patterns.h"
#include "pipeline/run/node_table.h"
#include "timeline/reader.h"

namespace braid {
namespace {

constexpr int kWaitMs = 100;

// One stream over all partitions of a timeline.
class StreamReading {
 public:
  StreamReading(const Config& config, const ReadOptions& options, StreamSpec spec, const PipelineIdentity& identity)
      : config_(config), options_(options), spec_(std::move(spec)), lines_(options) {
    context_.pipeline = config.name;
    context_.version = kVersion;
    for (const KnownNode& node : identity.nodes) context_.nodes.push_back(node.name);
    position_.epoch = identity.epoch;
    position_.next.resize(identity.shards);
  }

  Status Open() {
    for (uint32_t partition = 0; partition < position_.next.size(); ++partition) {
      TimelineReader::Options options{
          .directory = TimelinePath(config_.state, partition),
          .wanted = [this](const TableSchema& table) { return FitsAny(spec_.tables, table.FullName()); }};
      ASSIGN_OR_RETURN(auto reader, TimelineReader::Open(PosixFileSystem(), options));
      readers_.push_back({std::move(reader), nullptr});
    }
    return SeekAll();
  }

  Status Run() {
    std::unique_ptr<Watcher> watcher;
    if (options_.follow) {
      ASSIGN_OR_RETURN(watcher, Watcher::Make());
      for (uint32_t i = 0; i < readers_.size(); ++i) TRY(watcher->Add(TimelinePath(config_.state, i)));
    }
    while (!Stopped()) {
      ASSIGN_OR_RETURN(const bool any, TakeOne());
      if (any) continue;
      // At the end everything was seen, also what is not this stream's.
      for (size_t i = 0; i < readers_.size(); ++i) position_.next[i] = readers_[i].reader->next();
      TRY(lines_.Flush());
      if (!options_.follow) return {};
      watcher->Wait(kWaitMs);
    }
    return lines_.Flush();
  }

  const StreamPosition& position() const { return position_; }

 private:
  struct Partition {
    std::unique_ptr<TimelineReader> reader;
    const TimelineRecord* record;  // the next one, if it was read already
  };

  bool Stopped() const { return options_.stop && options_.stop(); }

  Status SeekAll() {
    int64_t time_us = options_.from.time_us;
    if (options_.from.kind == ReadFrom::Kind::kPosition || options_.from.kind == ReadFrom::Kind::kSequence) {
      TRY(CheckEpoch());
    }
    if (options_.from.kind == ReadFrom::Kind::kSequence) {
      TimelineReader& reader = *readers_[options_.from.sequence.partition].reader;
      TRY(reader.Seek(options_.from.sequence.n));
      ASSIGN_OR_RETURN(time_us, reader.EmittedAt());
    }
    for (uint32_t i = 0; i < readers_.size(); ++i) {
      TimelineReader& reader = *readers_[i].reader;
      ASSIGN_OR_RETURN(const TimelineReader::Bounds bounds, reader.Refresh());
      switch (options_.from.kind) {
        case ReadFrom::Kind::kEarliest:
          TRY(reader.Seek(bounds.first));
          break;
        case ReadFrom::Kind::kLatest:
          TRY(reader.Seek(bounds.committed));
          break;
        case ReadFrom::Kind::kPosition:
          TRY(reader.Seek(options_.from.position.next[i]));
          break;
        case ReadFrom::Kind::kKafkaPosition:
          break;  // ReadTimeline refuses it
        case ReadFrom::Kind::kSequence:
          if (i != options_.from.sequence.partition) TRY(reader.SeekTime(time_us));
          break;
        case ReadFrom::Kind::kTime:
          TRY(reader.SeekTime(time_us));
          break;
      }
      position_.next[i] = reader.next();
    }
    return {};
  }

  Status CheckEpoch() const {
    const bool by_position = options_.from.kind == ReadFrom::Kind::kPosition;
    const uint64_t epoch = by_position ? options_.from.position.epoch : options_.from.sequence.epoch;
    const bool fits = by_position ? options_.from.position.next.size() == readers_.size()
                                  : options_.from.sequence.partition < readers_.size();
    if (epoch == position_.epoch && fits) return {};
    return InvalidArgument(
        fmt::format("that place is in another timeline than {}, which was made anew since (its epoch is {}); read from "
                    "earliest, or from a time",
                    config_.state, position_.epoch));
  }

  // Writes the next record of all partitions, by the time at which it was published; false if there is none now.
  Result<bool> TakeOne() {
    Partition* first = nullptr;
    for (Partition& each : readers_) {
      if (each.record == nullptr) {
        ASSIGN_OR_RETURN(each.record, each.reader->Next());
      }
      if (each.record == nullptr) continue;
      if (first == nullptr || each.record->emitted_us < first->record->emitted_us) first = &each;
    }
    if (first == nullptr) return false;
    const TimelineRecord& record = *std::exchange(first->record, nullptr);
    TRY(Write(record));
    position_.next[record.sequence.partition] = record.sequence.n + 1;
    return true;
  }

  Status Write(const TimelineRecord& record) {
    context_.emitted_ms = record.emitted_us / 1000;
    if (record.gap != nullptr) {
      const Gap& gap = *record.gap;
      if (!gap.table.empty() && !FitsAny(spec_.tables, gap.table)) return {};
      if (!gaps_.IsNews(gap.id, record.sequence.partition, gap.open)) return {};
      AppendGapJson(gap, record.sequence, context_, lines_.line());
    } else {
      ASSIGN_OR_RETURN(const StreamShape* shape, ShapeOf(*record.change->schema));
      arena_.Reset();
      const Change* seen = shape->Apply(*record.change, &arena_);
      if (seen == nullptr) return {};
      AppendEventJson(*seen, context_, lines_.line());
    }
    return lines_.EndLine();
  }

  Result<const StreamShape*> ShapeOf(const TableSchema& schema) {
    auto& shape = shapes_[schema.id.value];
    if (shape == nullptr) {
      // The reader may let go of the definition when its segment is done.
      auto own = std::make_shared<const TableSchema>(schema);
      ASSIGN_OR_RETURN(const TableSchemaPtr newest, Newest(schema.table_id));
      ASSIGN_OR_RETURN(shape, StreamShape::Make(spec_, *own, newest.get()));
      schemas_.push_back(std::move(own));
    }
    return shape.get();
  }

  // The table's definition as it is now, by which the stream's words are judged; nullptr if there is none.
  Result<TableSchemaPtr> Newest(const TableId& table) const {
    ASSIGN_OR_RETURN(const auto records, SchemaLog::Read(PosixFileSystem(), SchemaLogPath(config_.state)));
    TableSchemaPtr newest;
    for (const SchemaRecord& record : records) {
      if (record.kind == SchemaRecord::Kind::kDefinition && record.table == table) newest = record.schema;
    }
    return newest;
  }

  const Config& config_;
  const ReadOptions& options_;
  const StreamSpec spec_;
  EventContext context_;
  StreamPosition position_;
  std::vector<Partition> readers_;
  std::map<uint64_t, std::shared_ptr<const StreamShape>> shapes_;
  std::vector<TableSchemaPtr> schemas_;
  GapsTold gaps_;
  Arena arena_;
  LineBuffer lines_;
};

// A stream whose tables do not exist ends quietly, which would look like one without changes: so that is an error.
Status CheckTables(const Config& config, const StreamSpec& spec) {
  ASSIGN_OR_RETURN(const auto records, SchemaLog::Read(PosixFileSystem(), SchemaLogPath(config.state)));
  std::set<std::string> captured;
  for (const SchemaRecord& record : records) {
    if (record.kind == SchemaRecord::Kind::kDefinition && record.schema->cdc)
      captured.insert(record.schema->FullName());
  }
  for (const std::string& table : captured) {
    if (FitsAny(spec.tables, table)) return {};
  }
  return NotFound(fmt::format("no captured table fits {}; this pipeline has {}", fmt::join(spec.tables, ", "),
                              captured.empty() ? "none" : fmt::format("{}", fmt::join(captured, ", "))));
}

Result<std::string> ReadTimeline(const Config& config, const ReadOptions& options, StreamSpec spec) {
  if (options.from.kind == ReadFrom::Kind::kKafkaPosition) {
    return InvalidArgument(
        fmt::format("that position is one of a stream in Kafka, but {} has no group kafka; give the "
                    "configuration that it was printed for",
                    config.path));
  }
  auto identity = ReadIdentity(PosixFileSystem(), config.state);
  if (!identity.has_value()) {
    if (identity.error().code != ErrorCode::kNotFound) return identity.error();
    return NotFound(
        fmt::format("{} holds no pipeline yet; start it with braid run --config {}", config.state, config.path));
  }
  if (config.streams.empty()) TRY(CheckTables(config, spec));
  StreamReading reading(config, options, std::move(spec), *identity);
  TRY(reading.Open());
  TRY(reading.Run());
  return reading.position().ToString();
}

}  // namespace

Result<StreamSpec> FindStream(const Config& config, const std::string& name) {
  std::string known;
  for (const StreamSpec& stream : config.streams) {
    if (stream.name == name) return stream;
    known += (known.empty() ? "" : ", ") + stream.name;
  }
  if (!config.streams.empty()) {
    return NotFound(fmt::format("{} has no stream named {}; it has {}", config.path, name, known));
  }
  if (name.find('.') == std::string::npos) {
    return NotFound(fmt::format("{} names no streams, so each captured table is one: ask for KEYSPACE.TABLE, not {}",
                                config.path, name));
  }
  StreamSpec whole;
  whole.name = name;
  whole.tables = {name};
  return whole;
}

Result<std::string> ReadStream(const Config& config, const ReadOptions& options) {
  ASSIGN_OR_RETURN(StreamSpec spec, FindStream(config, options.stream));
  if (!config.kafka.has_value()) return ReadTimeline(config, options, std::move(spec));
  return ReadKafkaStream(config, options, spec);
}

}  // namespace braid
