#include <cstdint>
#include <optional>
#include <span>

#include "base/check.h"
#include "encode/event_text.h"
#include "encode/json.h"
#include "encode/json_text.h"
#include "model/key.h"

namespace braid {
namespace {

class EventWriter {
 public:
  EventWriter(const Change& change, const EventContext& context, std::string* out)
      : change_(change), schema_(*change.schema), context_(context), out_(out) {}

  void Write() {
    Raw("{\"key\":");
    WriteKey();
    Raw(",\"op\":\"");
    Raw(OpName(change_.op));
    Raw("\",\"before\":");
    WriteImage(change_.before);
    Raw(",\"after\":");
    WriteImage(change_.after);
    Raw(",\"source\":{");
    WriteSource();
    out_->push_back('}');
    AppendEventTail(change_.sequence, change_.ts, context_, out_);
  }

  // Leaves where the columns stand in key_start_ and key_size_: the images begin with the same text.
  void WriteKey() {
    if (change_.op == Op::kTruncate) return Raw("null");
    out_->push_back('{');
    key_start_ = out_->size();
    bool first = true;
    WritePartitionKey(&first);
    if (change_.row == RowKind::kRegular) WriteClustering(change_.clustering, schema_.clustering.size(), &first);
    key_size_ = out_->size() - key_start_;
    out_->push_back('}');
  }

 private:
  void Raw(std::string_view text) { out_->append(text); }

  // The name before a value within an object.
  void Name(const Column& column, bool* first) {
    if (!*first) out_->push_back(',');
    *first = false;
    AppendJsonString(column.name, out_);
    out_->push_back(':');
  }

  void WritePartitionKey(bool* first) {
    const size_t start = out_->size();
    const bool was_first = *first;
    PartitionKeyReader reader(schema_.partition_key.size(), change_.partition_key);
    for (const ColumnId id : schema_.partition_key) {
      const std::optional<ByteView> value = reader.Next();
      if (!value) break;
      Name(schema_.column(id), first);
      AppendJsonValue(*schema_.column(id).type, *value, out_);
    }
    if (reader.status().has_value()) return;
    out_->resize(start);
    *first = was_first;
    WriteInvalidColumns(schema_.partition_key, change_.partition_key, first);
  }

  // The first `count` clustering columns.
  void WriteClustering(ByteView values, size_t count, bool* first) {
    const std::span<const ColumnId> columns(schema_.clustering.data(), count);
    const size_t start = out_->size();
    const bool was_first = *first;
    ClusteringReader reader(values);
    bool whole = true;
    for (const ColumnId id : columns) {
      const std::optional<ClusteringReader::Value> value = reader.Next();
      whole = value.has_value();
      if (!whole) break;
      Name(schema_.column(id), first);
      if (value->null) {
        Raw("null");
      } else {
        AppendJsonValue(*schema_.column(id).type, value->bytes, out_);
      }
    }
    if (whole && !reader.Next() && reader.status().has_value()) return;
    out_->resize(start);
    *first = was_first;
    WriteInvalidColumns(columns, values, first);
  }

  // Of key columns whose bytes do not come apart.
  void WriteInvalidColumns(std::span<const ColumnId> columns, ByteView bytes, bool* first) {
    for (size_t i = 0; i < columns.size(); ++i) {
      Name(schema_.column(columns[i]), first);
      if (i == 0) {
        AppendInvalid(bytes, out_);
      } else {
        Raw("null");
      }
    }
  }

  void WriteImage(const Image* image) {
    if (image == nullptr) return Raw("null");
    out_->push_back('{');
    out_->append(*out_, key_start_, key_size_);
    bool first = key_size_ == 0;
    for (const ColumnValue& value : image->columns) {
      const Column& column = schema_.column(value.column);
      Name(column, &first);
      if (ReadsAsNull(*column.type, value)) {
        Raw("null");
      } else {
        AppendJsonValue(*column.type, value.value, out_);
      }
    }
    out_->push_back('}');
  }

  void WriteSource() {
    AppendSourceHead(context_, out_);
    Raw(",\"db\":");
    AppendJsonString(schema_.keyspace, out_);
    Raw(",\"keyspace\":");
    AppendJsonString(schema_.keyspace, out_);
    Raw(",\"table\":");
    AppendJsonString(schema_.table, out_);
    Raw(",\"row\":\"");
    Raw(RowName(change_.row));
    out_->push_back('"');
    if (change_.row == RowKind::kRange) WriteRange();
    Raw(",\"ts_us\":");
    AppendMicroseconds(change_.ts, out_);
    Raw(",\"ts_ms\":");
    AppendMilliseconds(change_.ts, out_);
    WriteOrigin();
    Raw(",\"revision\":");
    AppendInteger(change_.revision, out_);
    Raw(",\"written\":");
    WriteColumnNames(change_.written);
    Raw(",\"cause\":\"");
    Raw(CauseName(change_.cause));
    Raw(change_.complete ? "\",\"complete\":true" : "\",\"complete\":false");
    if (!change_.unknown.empty()) {
      Raw(",\"unknown\":");
      WriteColumnNames(change_.unknown);
    }
    Raw(change_.late ? ",\"late\":true" : ",\"late\":false");
    if (!change_.confirmed) Raw(",\"confirmed\":false");
    Raw(",\"snapshot\":\"");
    Raw(SnapshotName(change_.snapshot));
    out_->push_back('"');
  }

  void WriteOrigin() {
    if (change_.origin.none()) {
      Raw(",\"node\":null,\"segment\":null,\"position\":null");
      return;
    }
    CHECK(change_.origin.node.value < context_.nodes.size());
    Raw(",\"node\":");
    AppendJsonString(context_.nodes[change_.origin.node.value], out_);
    Raw(",\"segment\":");
    AppendInteger(change_.origin.segment.value, out_);
    Raw(",\"position\":");
    AppendInteger(change_.origin.offset, out_);
  }

  void WriteRange() {
    Raw(",\"range\":{\"start\":");
    WriteBound(change_.range_start);
    Raw(",\"end\":");
    WriteBound(change_.range_end);
    out_->push_back('}');
  }

  void WriteBound(const Bound& bound) {
    if (bound.size == 0) return Raw("null");
    CHECK(bound.size <= schema_.clustering.size());
    Raw("{\"values\":{");
    bool first = true;
    WriteClustering(bound.values, bound.size, &first);
    Raw(bound.inclusive ? "},\"inclusive\":true}" : "},\"inclusive\":false}");
  }

  void WriteColumnNames(std::span<const ColumnId> columns) {
    out_->push_back('[');
    for (size_t i = 0; i < columns.size(); ++i) {
      if (i > 0) out_->push_back(',');
      AppendJsonString(schema_.column(columns[i]).name, out_);
    }
    out_->push_back(']');
  }

  const Change& change_;
  const TableSchema& schema_;
  const EventContext& context_;
  std::string* out_;
  size_t key_start_ = 0;
  size_t key_size_ = 0;
};

}  // namespace

void AppendKeyJson(const Change& change, std::string* out) {
  CHECK(change.schema != nullptr);
  const EventContext no_context;
  EventWriter(change, no_context, out).WriteKey();
}

void AppendEventJson(const Change& change, const EventContext& context, std::string* out) {
  CHECK(change.schema != nullptr);
  EventWriter(change, context, out).Write();
}

}  // namespace braid
