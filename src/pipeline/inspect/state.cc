#include "pipeline/inspect/state.h"

#include <fmt/format.h>

#include <map>
#include <optional>
#include <vector>

#include "base/file_system.h"
#include "capture/schema_log.h"
#include "encode/json.h"
#include "model/key.h"
#include "pipeline/shard/mark.h"
#include "reconcile/rocksdb/state_reader.h"

namespace braid {
namespace {

using Definitions = std::map<TableId, TableSchemaPtr>;

// The newest definition of each table.
Result<Definitions> ReadDefinitions(const std::string& path) {
  Definitions definitions;
  if (path.empty()) return definitions;
  FileSystem* const files = PosixFileSystem();
  // Opening makes what is not there.
  TRY(files->Info(path));
  ASSIGN_OR_RETURN(const auto log, SchemaLog::Open(files, path));
  for (const SchemaRecord& record : log.second) {
    if (record.schema != nullptr) definitions[record.table] = record.schema;
  }
  return definitions;
}

class Printer : public StateReader::Visitor {
 public:
  Printer(Definitions definitions, const std::function<void(std::string_view)>& print)
      : definitions_(std::move(definitions)), print_(print) {}

  Status OnMark(uint32_t shard, ByteView bytes) override {
    Begin("mark");
    Field("shard", shard);
    const Result<ShardMark> mark = DecodeMark(bytes);
    if (mark.has_value()) {
      AppendMark(*mark);
    } else {
      // Of another host than `braid run`.
      Name("mark");
      Hex(bytes);
    }
    return End();
  }

  Status OnPartition(uint32_t shard, const PartitionRef& partition, const PartitionHeader* header,
                     UnixSeconds first_due) override {
    Begin("partition");
    Field("shard", shard);
    Name("table");
    AppendJsonString(TableName(partition.table), &line_);
    Field("token", partition.token.value);
    Key(partition);
    if (header != nullptr) {
      Field("complete", header->complete);
      Time("clock_us", header->clock);
      Time("last_emitted_us", header->last_emitted);
      if (!header->deletion.live()) DeletionField(header->deletion);
      if (!header->ranges.empty()) Ranges(*header, Find(partition.table));
    }
    if (!first_due.never()) Field("first_due", first_due.s);
    return End();
  }

  Status OnRow(const PartitionRef& partition, const RowRef& ref, const RowState& row) override {
    const TableSchema* schema = Find(partition.table);
    Begin("row");
    Key(partition);
    Name("row");
    line_ += ref.is_static ? "\"static\"" : "\"regular\"";
    if (!ref.is_static) Clustering("clustering", row.clustering, schema);
    Field("revision", row.revision);
    Time("last_emitted_us", row.last_emitted);
    if (row.expired_through != RowState{}.expired_through) Field("expired_through", row.expired_through.s);
    Field("complete", row.complete);
    if (!row.unknown.empty()) {
      Name("unknown");
      List(row.unknown, [&](ColumnId id) { Column(id, schema); });
    }
    if (!row.liveness.none()) {
      Name("liveness");
      Object([&] {
        Time("at_us", row.liveness.at);
        if (row.liveness.ttl_s != 0) Expiry(row.liveness.ttl_s, row.liveness.expires);
      });
    }
    if (!row.deletion.live()) DeletionField(row.deletion);
    if (!row.complex_deletions.empty()) {
      Name("deleted");
      List(row.complex_deletions, [&](const ComplexDeletion& complex) {
        Object([&] {
          Name("column");
          Column(complex.column, schema);
          Time("at_us", complex.deletion.at);
          Field("local_s", complex.deletion.local.s);
        });
      });
    }
    Name("cells");
    List(row.cells, [&](const Cell& cell) { CellObject(cell, schema); });
    return End();
  }

  Status OnTimer(const PartitionRef& partition, const RowRef& ref, UnixSeconds due) override {
    Begin("timer");
    Key(partition);
    Name("row");
    line_ += ref.is_static ? "\"static\"" : "\"regular\"";
    if (!ref.is_static) {
      // Its place among the rows; the values are in the row's line.
      Name("place");
      Hex(ref.key);
    }
    Field("due", due.s);
    return End();
  }

 private:
  const TableSchema* Find(const TableId& table) const {
    const auto found = definitions_.find(table);
    return found == definitions_.end() ? nullptr : found->second.get();
  }
  std::string TableName(const TableId& table) const {
    const TableSchema* schema = Find(table);
    return schema == nullptr ? table.ToString() : schema->FullName();
  }

  void Begin(std::string_view kind) {
    line_ = "{\"kind\":\"";
    line_ += kind;
    line_ += '"';
  }
  Status End() {
    line_ += "}\n";
    print_(line_);
    return {};
  }
  void Name(std::string_view name) {
    if (line_.back() != '{') line_ += ',';
    fmt::format_to(std::back_inserter(line_), "\"{}\":", name);
  }
  template <typename Value>
  void Field(std::string_view name, const Value& value) {
    Name(name);
    fmt::format_to(std::back_inserter(line_), "{}", value);
  }
  void Time(std::string_view name, WriteTime time) {
    if (!time.none()) Field(name, time.us);
  }
  void Expiry(int32_t ttl_s, UnixSeconds expires) {
    Field("ttl_s", ttl_s);
    Field("expires", expires.s);
  }
  template <typename Fill>
  void Object(Fill fill) {
    line_ += '{';
    fill();
    line_ += '}';
  }
  template <typename Items, typename Append>
  void List(const Items& items, Append append) {
    line_ += '[';
    for (const auto& item : items) {
      if (line_.back() != '[') line_ += ',';
      append(item);
    }
    line_ += ']';
  }
  void Hex(ByteView bytes) {
    line_ += '"';
    for (const char byte : bytes) fmt::format_to(std::back_inserter(line_), "{:02x}", static_cast<uint8_t>(byte));
    line_ += '"';
  }
  void Value(const Type* type, ByteView bytes) {
    if (type == nullptr) {
      Hex(bytes);
    } else {
      AppendJsonValue(*type, bytes, &line_);
    }
  }

  void Key(const PartitionRef& partition) {
    Name("key");
    const TableSchema* schema = Find(partition.table);
    if (schema == nullptr) return Hex(partition.key);
    PartitionKeyReader reader(schema->partition_key.size(), partition.key);
    List(schema->partition_key,
         [&](ColumnId id) { Value(schema->column(id).type.get(), reader.Next().value_or(ByteView())); });
  }

  // The values of a row, or of the prefix of a bound.
  void Clustering(std::string_view name, ByteView values, const TableSchema* schema) {
    Name(name);
    line_ += '[';
    ClusteringReader reader(values);
    for (size_t i = 0; const std::optional<ClusteringReader::Value> value = reader.Next(); ++i) {
      if (line_.back() != '[') line_ += ',';
      const bool is_known = schema != nullptr && i < schema->clustering.size();
      if (value->null) {
        line_ += "null";
      } else {
        Value(is_known ? schema->column(schema->clustering[i]).type.get() : nullptr, value->bytes);
      }
    }
    line_ += ']';
  }

  void Column(ColumnId id, const TableSchema* schema) {
    if (schema == nullptr || id.value >= schema->columns.size()) {
      fmt::format_to(std::back_inserter(line_), "{}", id.value);
    } else {
      AppendJsonString(schema->column(id).name, &line_);
    }
  }

  void DeletionField(const Deletion& deletion) {
    Name("deletion");
    Object([&] {
      Time("at_us", deletion.at);
      Field("local_s", deletion.local.s);
    });
  }

  void Ranges(const PartitionHeader& header, const TableSchema* schema) {
    Name("ranges");
    List(header.ranges, [&](const RangeDeletion& range) {
      Object([&] {
        Clustering("start", range.start.values, schema);
        Field("start_inclusive", range.start.inclusive);
        Clustering("end", range.end.values, schema);
        Field("end_inclusive", range.end.inclusive);
        Time("at_us", range.deletion.at);
        Field("local_s", range.deletion.local.s);
      });
    });
  }

  void CellObject(const Cell& cell, const TableSchema* schema) {
    const Type* type = schema == nullptr || cell.column.value >= schema->columns.size()
                           ? nullptr
                           : schema->column(cell.column).type.get();
    const bool is_part = type != nullptr && type->multi_cell();
    const Type* of_value = is_part ? ElementType(*type, cell.path) : type;
    // A counter's value here is its shards.
    if (of_value != nullptr && of_value->kind == TypeKind::kCounter) of_value = nullptr;
    Object([&] {
      Name("column");
      Column(cell.column, schema);
      if (!cell.path.empty()) {
        Name("path");
        Value(is_part ? &PathType(*type) : nullptr, cell.path);
      }
      Time("at_us", cell.at);
      if (cell.kind == CellKind::kTombstone) {
        Field("deleted_s", cell.local_deletion.s);
        return;
      }
      if (cell.kind == CellKind::kExpiring) Expiry(cell.ttl_s, cell.local_deletion);
      Name("value");
      Value(of_value, cell.value);
    });
  }

  void AppendMark(const ShardMark& mark) {
    Field("commit", mark.commit);
    Field("timeline_end", mark.timeline_end);
    Name("nodes");
    List(mark.nodes, [&](const ShardMark::Node& node) {
      Object([&] {
        Field("node", node.node.value);
        Field("segment", node.position.segment.value);
        Field("offset", node.position.offset);
        Time("watermark_us", node.watermark);
        Field("retired", node.retired);
      });
    });
    Name("truncated");
    List(mark.truncated, [&](const auto& table) { AppendJsonString(TableName(table.first), &line_); });
    Field("open_gaps", mark.gaps.size());
  }

  const Definitions definitions_;
  const std::function<void(std::string_view)>& print_;
  std::string line_;
};

}  // namespace

Status InspectState(const InspectStateOptions& options, const std::function<void(std::string_view)>& print) {
  ASSIGN_OR_RETURN(const auto reader, StateReader::Open(options.path));
  ASSIGN_OR_RETURN(Definitions definitions, ReadDefinitions(options.schemas));
  Printer printer(std::move(definitions), print);
  return reader->Read(&printer);
}

}  // namespace braid
