// A table with one Change, for the tests of typed formats. Only tests include it.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "encode/json.h"
#include "encode/typed.h"
#include "model/change.h"
#include "model/key.h"
#include "model/schema.h"

namespace braid {

class TypedRow {
 public:
  using Columns = std::vector<std::pair<std::string, TypePtr>>;
  using Values = std::vector<std::optional<std::string>>;

  // The first of `keys` is the partition key, the others are clustering columns. Names in the order of their bytes.
  TypedRow(const Columns& keys, const Columns& regulars, const Columns& statics = {},
           const std::string& topic = "p.ks.t", const TypedOptions& options = {}) {
    schema_.id = SchemaId{7};
    schema_.keyspace = "ks";
    schema_.table = "t";
    for (size_t i = 0; i < keys.size(); ++i) {
      Add(keys[i], i == 0 ? ColumnKind::kPartitionKey : ColumnKind::kClustering, i == 0 ? 0 : i - 1);
    }
    for (const auto& column : regulars) Add(column, ColumnKind::kRegular, 0);
    for (const auto& column : statics) Add(column, ColumnKind::kStatic, 0);
    schema_.IndexColumns();
    typed_ = TypedSchema::Make(schema_, RowKind::kRegular, topic, options);
    change_.schema = &schema_;
    change_.sequence = {.epoch = 1, .partition = 2, .n = 3};
    change_.ts = WriteTime{1700000000123456};
    change_.origin = {.node = NodeIndex{1}, .segment = SegmentId{1699}, .offset = 77};
    change_.revision = 17;
    if (!schema_.regulars.empty()) written_ = {schema_.regulars[0]};
    change_.written = written_;
    context_ = {.pipeline = "pipe", .version = "0.1.0", .nodes = {"n1", "n2"}, .emitted_ms = 42};
  }
  TypedRow(const TypedRow&) = delete;
  TypedRow& operator=(const TypedRow&) = delete;

  const TableSchema& schema() const { return schema_; }
  const TypedSchemaPtr& typed() const { return typed_; }
  const EventContext& context() const { return context_; }
  Change& change() { return change_; }
  const Change& change() const { return change_; }

  void SetKey(const std::vector<std::string>& values) {
    partition_key_ = values[0];
    clustering_.clear();
    for (size_t i = 1; i < values.size(); ++i) AppendClusteringValue(values[i], &clustering_);
    change_.partition_key = partition_key_;
    change_.clustering = clustering_;
  }

  // The values of all regular columns, in the order of TableSchema::regulars.
  void SetBefore(const Values& values) { change_.before = before_.Set(schema_.regulars, values); }
  void SetAfter(const Values& values) { change_.after = after_.Set(schema_.regulars, values); }
  // Of some alone.
  void SetAfterOf(const std::vector<std::pair<std::string, std::string>>& some) {
    std::vector<ColumnId> ids;
    Values values;
    for (const auto& [name, value] : some) {
      ids.push_back(schema_.FindColumn(name)->id);
      values.emplace_back(value);
    }
    change_.after = after_.Set(ids, values);
  }

 private:
  struct OwnedImage {
    Values values;
    std::vector<ColumnValue> columns;
    Image image;

    const Image* Set(const std::vector<ColumnId>& ids, const Values& new_values) {
      CHECK(ids.size() == new_values.size());
      values = new_values;
      columns.clear();
      for (size_t i = 0; i < ids.size(); ++i) {
        columns.push_back({ids[i], !values[i].has_value(), values[i] ? ByteView(*values[i]) : ByteView()});
      }
      image.columns = columns;
      return &image;
    }
  };

  void Add(const std::pair<std::string, TypePtr>& named, ColumnKind kind, size_t position) {
    Column column;
    column.id = ColumnId{static_cast<uint16_t>(schema_.columns.size())};
    column.name = named.first;
    column.type = named.second;
    column.kind = kind;
    column.position = static_cast<uint16_t>(position);
    schema_.columns.push_back(column);
  }

  TableSchema schema_;
  TypedSchemaPtr typed_;
  Change change_;
  EventContext context_;
  std::vector<ColumnId> written_;
  std::string partition_key_;
  std::string clustering_;
  OwnedImage before_;
  OwnedImage after_;
};

}  // namespace braid
