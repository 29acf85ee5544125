// A node's data directory with schema files, for tests that follow its changes.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "cassandra/schema/schema_test_util.h"
#include "cassandra/sstable/sstable_test_util.h"

namespace braid {

// Times are microseconds.
class SchemaFiles {
 public:
  explicit SchemaFiles(std::filesystem::path data) : data_(std::move(data)) {
    std::filesystem::remove_all(data_);
    std::filesystem::create_directories(data_ / "system_schema");
  }

  std::string path() const { return data_.string(); }

  // What a node writes for these statements, an SSTable for each row.
  void CreateKeyspace(const std::string& keyspace, int64_t at, bool durable = true) {
    Write("keyspaces", {.key = {keyspace}, .values = {{"durable_writes", std::string(1, durable ? '\1' : '\0')}}}, at);
  }
  // Its row in the table of tables, which each ALTER writes too.
  void WriteTable(const std::string& keyspace, const std::string& table, const TableId& id, bool cdc, int64_t at) {
    SystemRow row = TableRow(keyspace, table, 'x');
    row.values["id"] = id.view();
    row.values["cdc"] = std::string(1, cdc ? '\1' : '\0');
    Write("tables", row, at);
  }
  void WriteColumn(const std::string& keyspace, const std::string& table, const std::string& name,
                   const std::string& kind, const std::string& type, int64_t at, int32_t position = -1) {
    Write("columns", ColumnRow(keyspace, table, name, kind, type, position), at);
  }
  void WriteType(const std::string& keyspace, const std::string& name, const std::vector<std::string>& fields,
                 const std::vector<std::string>& types, int64_t at) {
    Write("types", TypeRow(keyspace, name, fields, types), at);
  }
  void DeleteColumn(const std::string& keyspace, const std::string& table, const std::string& name, int64_t at) {
    Delete("columns", {keyspace, table, name}, at);
  }
  void WriteDropped(const std::string& keyspace, const std::string& table, const std::string& name,
                    const std::string& type, int64_t at) {
    Write("dropped_columns", DroppedRow(keyspace, table, name, type, at / 1000), at);
  }
  void DeleteTable(const std::string& keyspace, const std::string& table, int64_t at) {
    Delete("tables", {keyspace, table}, at);
  }

  void Write(const std::string& table, const SystemRow& row, int64_t at) {
    StatisticsSpec spec = Spec(row.key);
    spec.regulars.clear();
    RowBytes body;
    body.Vint(0).Vint(Delta(at));
    for (const auto& [name, value] : row.values) {
      spec.regulars.emplace_back(name, "org.apache.cassandra.db.marshal.BytesType");
      body.U8(0x08).Text(value);
    }
    Add(table, row.key, 0x20 | 0x04, body, spec);
  }
  void Delete(const std::string& table, const std::vector<std::string>& key, int64_t at) {
    StatisticsSpec spec = Spec(key);
    spec.regulars.clear();
    Add(table, key, 0x20 | 0x10, RowBytes().Vint(0).Vint(Delta(at)).Vint(1), spec);
  }

  std::filesystem::path TablePath(const std::string& table) const {
    return data_ / "system_schema" / (table + "-" + std::string(32, 'a'));
  }
  int generation() const { return generation_; }

 private:
  static uint64_t Delta(int64_t at) { return static_cast<uint64_t>(at - kStatsEpochUs); }
  static StatisticsSpec Spec(const std::vector<std::string>& key) {
    StatisticsSpec spec;
    spec.key_type = kTextClass;
    spec.clustering.assign(key.size() - 1, kTextClass);
    return spec;
  }

  void Add(const std::string& table, const std::vector<std::string>& key, uint8_t flags, const RowBytes& body,
           const StatisticsSpec& spec) {
    RowBytes row;
    row.U8(flags);
    if (key.size() > 1) row.Vint(0);
    for (size_t i = 1; i < key.size(); ++i) row.Text(key[i]);
    row.Vint(body.bytes().size()).Raw(body.bytes());
    const SstableBytes bytes = MakeSstable({PartitionStart(key[0]) + row.bytes() + kPartitionEnd}, spec);
    std::filesystem::create_directories(TablePath(table));
    const std::string base = TablePath(table) / ("nb-" + std::to_string(++generation_) + "-big-");
    for (const auto& [component, content] :
         {std::pair("Statistics.db", bytes.statistics), {"CRC.db", bytes.crc}, {"Data.db", bytes.data}}) {
      std::ofstream(base + component, std::ios::binary) << content;
    }
  }

  std::filesystem::path data_;
  int generation_ = 0;
};

}  // namespace braid
