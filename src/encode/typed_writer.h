// Writes a Change by a TypedSchema. Internal to the room: its doors are the encoders'.
//
// What is written in which order is said once, here; how, by a Sink:
//
//   size_t Mark() / void Rollback(size_t) / void Repeat(size_t from, size_t size)   its output so far, cut, repeated
//   void Null() / void Some()              an optional value: none, or the value follows
//   void Boolean(bool) / void Integer(int64_t) / bool Float(float) / bool Double(double)
//   void Text(string_view) / void Bytes(ByteView)
//   bool TextOf(const Type&, ByteView)     as AppendJsonValue writes it, without quotes; false if that is no string
//   void JsonOf(const Type&, ByteView)     all of what AppendJsonValue writes, as a text
//   void BeginStruct() / void Field(const TypedField&) / void EndStruct()
//   void BeginArray(int64_t count) / void Item() / void EndArray(int64_t count)
//   void BeginMap(int64_t count) / void MapKey(string_view) / void EndMap(int64_t count)
//
// Float and Double give false if the form has no such number.
#pragma once

#include <algorithm>
#include <bit>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/cursor.h"
#include "encode/event_text.h"
#include "encode/interval.h"
#include "encode/json.h"
#include "encode/json_text.h"
#include "encode/typed.h"
#include "model/change.h"
#include "model/key.h"
#include "model/order_key.h"
#include "model/parts.h"

namespace braid {

// What became of a value's bytes. Of one that has no place nothing is left in the sink.
enum class Written : uint8_t {
  kYes,
  kNull,   // they are none
  kUnfit,  // they are no value of their type, or one that the form does not have
};

// Writes values. Remembers whether any part of one, however deep, was unfit; such parts are null.
template <typename Sink>
class TypedValueWriter {
 public:
  explicit TypedValueWriter(Sink* sink) : sink_(*sink) {}

  bool unfit() const { return unfit_; }
  void ClearUnfit() { unfit_ = false; }

  // A value that may be null.
  void Optional(const TypedNode& node, const Type& type, ByteView bytes) {
    const size_t mark = sink_.Mark();
    sink_.Some();
    const Written written = Required(node, type, bytes);
    if (written == Written::kYes) return;
    sink_.Rollback(mark);
    sink_.Null();
    unfit_ |= written == Written::kUnfit;
  }

  // A value that may not: the caller takes back what was written if it is not kYes.
  Written Required(const TypedNode& node, const Type& type, ByteView bytes) {
    switch (type.kind) {
      case TypeKind::kText:
      case TypeKind::kAscii:
        sink_.Text(bytes);
        return Written::kYes;
      case TypeKind::kBlob:
      case TypeKind::kCustom:
        sink_.Bytes(bytes);
        return Written::kYes;
      default:
        break;
    }
    if (bytes.empty()) return Written::kNull;
    const size_t size = ExactSize(type);
    if (size > 0 && bytes.size() != size) return Written::kUnfit;
    return (size > 0 ? Fixed(type, bytes) : Varying(node, type, bytes)) ? Written::kYes : Written::kUnfit;
  }

 private:
  bool Whole(int64_t value) {
    sink_.Integer(value);
    return true;
  }

  bool Fixed(const Type& type, ByteView value) {
    const char* bytes = value.data();
    switch (type.kind) {
      case TypeKind::kBoolean:
        sink_.Boolean(*bytes != 0);
        return true;
      case TypeKind::kTinyint:
        return Whole(static_cast<int8_t>(*bytes));
      case TypeKind::kSmallint:
        return Whole(LoadBigEndian<int16_t>(bytes));
      case TypeKind::kInt:
        return Whole(LoadBigEndian<int32_t>(bytes));
      case TypeKind::kBigint:
      case TypeKind::kCounter:
        return Whole(LoadBigEndian<int64_t>(bytes));
      case TypeKind::kDate:
        return Whole(static_cast<int64_t>(LoadBigEndian<uint32_t>(bytes)) - (int64_t{1} << 31));
      case TypeKind::kTime:
        return LoadBigEndian<uint64_t>(bytes) < kNanosecondsOfDay && Whole(LoadBigEndian<int64_t>(bytes));
      case TypeKind::kFloat:
        return sink_.Float(std::bit_cast<float>(LoadBigEndian<uint32_t>(bytes)));
      case TypeKind::kDouble:
        return sink_.Double(std::bit_cast<double>(LoadBigEndian<uint64_t>(bytes)));
      default:
        return sink_.TextOf(type, value);
    }
  }

  bool Varying(const TypedNode& node, const Type& type, ByteView value) {
    switch (type.kind) {
      case TypeKind::kVarint:
      case TypeKind::kDecimal:
      case TypeKind::kInet:
        return sink_.TextOf(type, value);
      case TypeKind::kDuration:
        return Duration(value);
      case TypeKind::kList:
      case TypeKind::kSet:
      case TypeKind::kVector:
      case TypeKind::kMap:
      case TypeKind::kTuple:
      case TypeKind::kUdt:
        if (node.kind == TypedKind::kString) {
          sink_.JsonOf(type, value);
          return true;
        }
        return node.kind == TypedKind::kStruct ? Fields(node, type, value) : Elements(node, type, value);
      default:
        return false;
    }
  }

  bool Duration(ByteView value) {
    std::string text;
    if (!AppendInterval(value, &text)) return false;
    sink_.Text(text);
    return true;
  }

  // A list, set, vector or map. What is written before it is found broken the caller takes back.
  bool Elements(const TypedNode& node, const Type& type, ByteView value) {
    if (type.kind != TypeKind::kVector && value.size() < 4) return false;
    const int64_t count =
        type.kind == TypeKind::kVector ? static_cast<int64_t>(type.dimension) : LoadBigEndian<int32_t>(value.data());
    PartReader parts(type, value);
    int64_t written = 0;
    if (node.kind == TypedKind::kMap) {
      sink_.BeginMap(count);
      for (; const std::optional<Part> key = parts.Next(); ++written) {
        const std::optional<Part> item = parts.Next();
        if (!item) return false;
        sink_.MapKey(key->bytes);
        Optional(*node.item, *item->type, item->bytes);
      }
      sink_.EndMap(count);
    } else {
      sink_.BeginArray(count);
      for (; const std::optional<Part> part = parts.Next(); ++written) {
        sink_.Item();
        if (type.kind != TypeKind::kMap) {
          Optional(*node.item, *part->type, part->bytes);
        } else if (!Entry(*node.item, *part, parts.Next())) {
          return false;
        }
      }
      sink_.EndArray(count);
    }
    return parts.ok() && written == count;
  }

  bool Entry(const TypedNode& node, const Part& key, const std::optional<Part>& value) {
    if (!value) return false;
    sink_.Some();
    sink_.BeginStruct();
    sink_.Field(node.fields[0]);
    Optional(*node.fields[0].node, *key.type, key.bytes);
    sink_.Field(node.fields[1]);
    Optional(*node.fields[1].node, *value->type, value->bytes);
    sink_.EndStruct();
    return true;
  }

  // A tuple or user type: every field, null beyond those that the value has.
  bool Fields(const TypedNode& node, const Type& type, ByteView value) {
    PartReader parts(type, value);
    sink_.BeginStruct();
    for (size_t i = 0; i < node.fields.size(); ++i) {
      sink_.Field(node.fields[i]);
      const std::optional<Part> part = parts.Next();
      if (part && !part->null) {
        Optional(*node.fields[i].node, *type.args[i], part->bytes);
      } else {
        sink_.Null();
      }
    }
    sink_.EndStruct();
    return !parts.Next() && parts.ok();
  }

  Sink& sink_;
  bool unfit_ = false;
};

// Writes the key or the envelope of one Change.
template <typename Sink>
class TypedWriter {
 public:
  TypedWriter(const TypedSchema& schema, const Change& change, Sink* sink)
      : schema_(schema), change_(change), sink_(*sink), values_(sink) {
    CHECK(change.schema != nullptr);
    CHECK(change.schema->id == schema.id());
  }

  // False, and the sink's output to be cut by the caller, if there is no key of this form: of a truncation or a range,
  // or if a key column has no value.
  bool WriteKey() {
    if (!HasKey()) return false;
    sink_.BeginStruct();
    if (!WriteKeyFields()) return false;
    sink_.EndStruct();
    return true;
  }

  // False as WriteKey, but a truncation has an envelope.
  bool WriteEnvelope(const EventContext& context) {
    if (change_.op != Op::kTruncate && !HasKey()) return false;
    const std::vector<TypedField>& fields = schema_.envelope().fields;
    const TypedField* field = fields.data();
    sink_.BeginStruct();
    sink_.Field(*field++);
    if (!WriteImage(change_.before)) return false;
    sink_.Field(*field++);
    if (!WriteImage(change_.after)) return false;
    sink_.Field(*field++);
    WriteSource(context);
    sink_.Field(*field++);
    sink_.Null();
    sink_.Field(*field++);
    sink_.Text(OpName(change_.op));
    sink_.Field(*field++);
    WriteEmitted(context);
    sink_.Field(*field++);
    std::string sequence;
    AppendSequence(change_.sequence, &sequence);
    sink_.Text(sequence);
    sink_.EndStruct();
    CHECK(field == fields.data() + fields.size());
    return true;
  }

 private:
  using ColumnField = TypedSchema::ColumnField;

  bool HasKey() const { return change_.op != Op::kTruncate && change_.row == schema_.row_kind(); }

  bool WriteKeyColumn(const ColumnField& column, ByteView bytes) {
    sink_.Field(*column.field);
    return values_.Required(*column.field->node, *column.type, bytes) == Written::kYes;
  }

  bool WriteKeyFields() {
    PartitionKeyReader key(schema_.partition_key().size(), change_.partition_key);
    for (const ColumnField& column : schema_.partition_key()) {
      const std::optional<ByteView> value = key.Next();
      if (!value || !WriteKeyColumn(column, *value)) return false;
    }
    if (key.Next() || !key.status().has_value()) return false;
    if (schema_.row_kind() == RowKind::kStatic) return true;
    ClusteringReader clustering(change_.clustering);
    for (const ColumnField& column : schema_.clustering()) {
      const std::optional<ClusteringReader::Value> value = clustering.Next();
      if (!value || value->null || !WriteKeyColumn(column, value->bytes)) return false;
    }
    return !clustering.Next() && clustering.status().has_value();
  }

  // Both images begin with the same key columns.
  bool WriteKeyOnce() {
    if (key_size_ > 0) {
      sink_.Repeat(key_start_, key_size_);
      return true;
    }
    key_start_ = sink_.Mark();
    if (!WriteKeyFields()) return false;
    key_size_ = sink_.Mark() - key_start_;
    return true;
  }

  bool WriteImage(const Image* image) {
    if (image == nullptr) {
      sink_.Null();
      return true;
    }
    sink_.Some();
    sink_.BeginStruct();
    if (!WriteKeyOnce()) return false;
    // The image has the columns in the same order, but for those that are not known.
    auto at = image->columns.begin();
    for (const ColumnField& column : schema_.columns()) {
      sink_.Field(*column.field);
      if (at == image->columns.end() || at->column != column.id) {
        sink_.Null();
        continue;
      }
      WriteColumn(column, *at++);
    }
    CHECK(at == image->columns.end());
    sink_.EndStruct();
    return true;
  }

  void WriteColumn(const ColumnField& column, const ColumnValue& value) {
    if (ReadsAsNull(*column.type, value)) return sink_.Null();
    values_.ClearUnfit();
    values_.Optional(*column.field->node, *column.type, value.value);
    if (values_.unfit() && std::ranges::find(unfit_, column.id) == unfit_.end()) unfit_.push_back(column.id);
  }

  void WriteSource(const EventContext& context) {
    const std::vector<TypedField>& fields = schema_.source().fields;
    const TypedField* field = fields.data();
    const TableSchema& table = *change_.schema;
    const auto text = [&](std::string_view value) {
      sink_.Field(*field++);
      sink_.Text(value);
    };
    const auto boolean = [&](bool value) {
      sink_.Field(*field++);
      sink_.Boolean(value);
    };
    sink_.BeginStruct();
    text(context.version);
    text("cassandra");
    text(context.pipeline);
    sink_.Field(*field++);
    OptionalInteger(!change_.ts.none(), change_.ts.none() ? 0 : FloorMilliseconds(change_.ts));
    text(SnapshotName(change_.snapshot));
    text(table.keyspace);
    text(table.keyspace);
    text(table.table);
    text(RowName(change_.row));
    sink_.Field(*field++);
    OptionalInteger(!change_.ts.none(), change_.ts.us);
    WriteOrigin(context, &field);
    sink_.Field(*field++);
    sink_.Integer(static_cast<int64_t>(change_.revision));
    sink_.Field(*field++);
    WriteNames(change_.written);
    text(CauseName(change_.cause));
    boolean(change_.complete);
    sink_.Field(*field++);
    OptionalNames(change_.unknown);
    sink_.Field(*field++);
    OptionalNames(unfit_);
    boolean(change_.late);
    boolean(change_.confirmed);
    sink_.EndStruct();
    CHECK(field == fields.data() + fields.size());
  }

  void WriteOrigin(const EventContext& context, const TypedField** field) {
    const bool known = !change_.origin.none();
    sink_.Field(*(*field)++);
    if (known) {
      CHECK(change_.origin.node.value < context.nodes.size());
      sink_.Some();
      sink_.Text(context.nodes[change_.origin.node.value]);
    } else {
      sink_.Null();
    }
    sink_.Field(*(*field)++);
    OptionalInteger(known, change_.origin.segment.value);
    sink_.Field(*(*field)++);
    OptionalInteger(known, static_cast<int64_t>(change_.origin.offset));
  }

  void WriteEmitted(const EventContext& context) {
    if (context.emitted_ms) return OptionalInteger(true, *context.emitted_ms);
    OptionalInteger(!change_.ts.none(), change_.ts.none() ? 0 : FloorMilliseconds(change_.ts));
  }

  void OptionalInteger(bool known, int64_t value) {
    if (!known) return sink_.Null();
    sink_.Some();
    sink_.Integer(value);
  }

  void WriteNames(std::span<const ColumnId> columns) {
    const auto count = static_cast<int64_t>(columns.size());
    sink_.BeginArray(count);
    for (const ColumnId id : columns) {
      sink_.Item();
      sink_.Text(change_.schema->column(id).name);
    }
    sink_.EndArray(count);
  }

  void OptionalNames(std::span<const ColumnId> columns) {
    if (columns.empty()) return sink_.Null();
    sink_.Some();
    WriteNames(columns);
  }

  const TypedSchema& schema_;
  const Change& change_;
  Sink& sink_;
  TypedValueWriter<Sink> values_;
  std::vector<ColumnId> unfit_;  // columns with a value, or a part of one, that is not of their type
  size_t key_start_ = 0;
  size_t key_size_ = 0;  // 0: not yet written
};

}  // namespace braid
