#include "deliver/kafka/topic_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/version.h"
#include "encode/json.h"

namespace braid {
namespace {

constexpr int kRoomPollMs = 20;

// Static rows have a topic of their own. What is no row goes where the rows do.
RowKind KindOf(const Change& change) {
  return change.row == RowKind::kStatic ? RowKind::kStatic : RowKind::kRegular;
}

bool IsOf(const StreamSpec& spec, const std::string& table) {
  return std::ranges::any_of(spec.tables, [&](const std::string& pattern) { return FitsPattern(pattern, table); });
}

// Of a Change that is not complete: whether it says nothing yet to readers who want whole rows.
bool WaitsForMore(const Change& change) {
  if (change.row == RowKind::kRange) return true;
  if (change.after != nullptr) return !IsWhole(change, *change.after);
  // What they were never told of has no end either.
  return change.revision == 1 || !change.unknown.empty();
}

}  // namespace

TopicWriter::TopicWriter(const Options& options, KafkaProducer* producer, StreamTopics* topics)
    : options_(options), producer_(producer), topics_(topics), end_(options.end) {
  context_.pipeline = options_.pipeline;
  context_.version = kVersion;
}

uint64_t TopicWriter::Append(const Change& change) {
  Change numbered = change;
  numbered.sequence = {options_.epoch, options_.shard, end_};
  if (failure_.has_value()) Latch(Write(numbered));
  ++appended_;
  return end_++;
}

uint64_t TopicWriter::Append(const Gap& gap) {
  if (failure_.has_value()) Latch(WriteGap(gap, {options_.epoch, options_.shard, end_}));
  ++appended_;
  return end_++;
}

void TopicWriter::Latch(Status status) {
  if (failure_.has_value()) failure_ = std::move(status);
}

Status TopicWriter::Write(const Change& change) {
  ASSIGN_OR_RETURN(std::vector<Outlet> * outlets, OutletsOf(*change.schema));
  for (Outlet& outlet : *outlets) TRY(WriteTo(&outlet, change));
  return {};
}

Status TopicWriter::WriteTo(Outlet* outlet, const Change& change) {
  const KafkaStream& stream = *outlet->stream;
  // A truncation comes as a Change for each row, then one for the table.
  if (change.op == Op::kTruncate && stream.truncate != KafkaStream::Truncate::kEvent) return {};
  const bool is_its_row = change.cause == Cause::kTruncate && change.op == Op::kDelete;
  if (is_its_row && stream.truncate != KafkaStream::Truncate::kRows) return {};
  arena_.Reset();
  const Change* seen = outlet->shape->Apply(change, &arena_);
  if (seen == nullptr) return {};
  Change first;
  if (stream.hold_incomplete && !seen->complete) {
    if (WaitsForMore(*seen)) {
      ++stats_.held_back;
      return {};
    }
    // Of the first sight of a row `before` is an image without columns, and so it is where there are none.
    const bool is_first = seen->revision == 1;
    if (seen->op == Op::kUpdate && (is_first || seen->before->columns.size() < seen->after->columns.size())) {
      first = *seen;
      first.op = Op::kRead;
      first.before = nullptr;
      seen = &first;
    }
  }
  ASSIGN_OR_RETURN(Outlet::Topic * topic, TopicFor(outlet, *seen));
  if (!topic->encoder->Fits(*seen)) {
    ++stats_.held_back;
    return {};
  }
  key_.clear();
  value_.clear();
  const bool has_key = topic->encoder->Encode(*seen, context_, &key_, &value_);
  TRY(Produce(topic->name, topic->partition, change.sequence, has_key, true));
  if (seen->op != Op::kDelete || seen->row == RowKind::kRange || !stream.tombstones) return {};
  return Produce(topic->name, topic->partition, change.sequence, has_key, false);
}

Result<TopicWriter::Outlet::Topic*> TopicWriter::TopicFor(Outlet* outlet, const Change& seen) {
  const RowKind kind = KindOf(seen);
  const auto [found, fresh] = outlet->topics.try_emplace(kind);
  Outlet::Topic& topic = found->second;
  if (topic.encoder != nullptr) return &topic;
  topic.name = TopicOf(*outlet->stream, seen.schema->FullName(), kind == RowKind::kStatic);
  ASSIGN_OR_RETURN(const int32_t partitions, topics_->Ensure(topic.name, *outlet->stream));
  topic.partition = static_cast<int32_t>(options_.shard) % partitions;
  ASSIGN_OR_RETURN(topic.encoder,
                   EventEncoder::Make(*outlet->stream, outlet->shape->visible(), kind, topic.name, options_.schema_id));
  return &topic;
}

Result<std::vector<TopicWriter::Outlet>*> TopicWriter::OutletsOf(const TableSchema& schema) {
  const auto known = outlets_.find(schema.id);
  if (known != outlets_.end()) return &known->second;
  std::vector<Outlet> outlets;
  const TableSchema* newest = options_.newest ? options_.newest(schema.table_id) : nullptr;
  for (const Stream& stream : options_.streams) {
    if (!IsOf(stream.spec, schema.FullName())) continue;
    Outlet outlet;
    outlet.stream = &stream.kafka;
    ASSIGN_OR_RETURN(outlet.shape, StreamShape::Make(stream.spec, schema, newest));
    outlets.push_back(std::move(outlet));
  }
  return &outlets_.emplace(schema.id, std::move(outlets)).first->second;
}

// Told by every shard, as a timeline does, in the shard's partition.
Status TopicWriter::WriteGap(const Gap& gap, const Sequence& sequence) {
  key_ = fmt::format("{}", gap.id);
  value_.clear();
  AppendGapJson(gap, sequence, context_, &value_);
  return Produce(options_.gaps_topic, static_cast<int32_t>(options_.shard), sequence, true, true);
}

// What is in key_ and value_.
Status TopicWriter::Produce(const std::string& topic, int32_t partition, const Sequence& sequence, bool has_key,
                            bool has_value) {
  std::array<char, 64> text;
  const auto end =
      fmt::format_to_n(text.data(), text.size(), "{}:{}:{}", sequence.epoch, sequence.partition, sequence.n);
  const std::array headers = {KafkaHeader{"braid-sequence", {text.data(), end.size}}};
  const auto key = has_key ? std::optional<std::string_view>(key_) : std::nullopt;
  const auto value = has_value ? std::optional<std::string_view>(value_) : std::nullopt;
  for (int64_t waited_ms = 0;; waited_ms += kRoomPollMs) {
    ASSIGN_OR_RETURN(const bool taken, producer_->Produce(topic, partition, key, value, headers));
    if (taken) break;
    if (waited_ms >= options_.patience_ms) {
      return Error{ErrorCode::kTransient, fmt::format("{}: the brokers have taken nothing for {} s: {}", topic,
                                                      options_.patience_ms / 1000, producer_->stats().last_error)};
    }
    TRY(producer_->Poll(kRoomPollMs));
  }
  ++stats_.records;
  pending_bytes_ += key_.size() + (has_value ? value_.size() : 0);
  return {};
}

Status TopicWriter::Sync(int64_t) {
  return failure_;
}

Status TopicWriter::Publish() {
  pending_bytes_ = 0;
  return {};
}

// The transaction is aborted by whoever began it; the shard is made anew, and this with it.
Status TopicWriter::Rollback() {
  return failure_;
}

Status TopicWriter::Retain(int64_t, uint64_t, uint64_t) {
  return {};
}

TimelineWriter::Stats TopicWriter::stats() const {
  TimelineWriter::Stats stats;
  stats.appended = appended_;
  return stats;
}

}  // namespace braid
