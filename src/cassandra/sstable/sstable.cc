#include "cassandra/sstable/sstable.h"

#include <utility>

#include "cassandra/sstable/trie_index.h"

namespace braid {
namespace {

// Opens a component that may be missing: nullptr then.
Result<std::unique_ptr<ByteSource>> OpenIfThere(const std::string& path) {
  Result<std::unique_ptr<ByteSource>> source = OpenFile(path);
  if (source.has_value() || source.error().code != ErrorCode::kNotFound) return source;
  return std::unique_ptr<ByteSource>();
}

void AddColumns(TableSchema* schema, ColumnKind kind, const std::vector<SstableColumn>& columns) {
  for (const bool multi_cell : {false, true}) {
    for (const SstableColumn& column : columns) {
      if (column.type->multi_cell() != multi_cell) continue;
      schema->columns.push_back({.id = {static_cast<uint16_t>(schema->columns.size())},
                                 .name = column.name,
                                 .kind = kind,
                                 .type = column.type});
      if (column.type->kind == TypeKind::kCounter) schema->counter = true;
    }
  }
}

}  // namespace

Result<std::unique_ptr<Sstable>> Sstable::Open(const Descriptor& descriptor) {
  SstableSources sources;
  ASSIGN_OR_RETURN(sources.data, OpenFile(descriptor.ComponentPath("Data.db")));
  ASSIGN_OR_RETURN(sources.statistics, OpenFile(descriptor.ComponentPath("Statistics.db")));
  ASSIGN_OR_RETURN(sources.compression_info, OpenIfThere(descriptor.ComponentPath("CompressionInfo.db")));
  ASSIGN_OR_RETURN(sources.crc, OpenIfThere(descriptor.ComponentPath("CRC.db")));
  if (descriptor.format == SstableFormat::kBig) {
    ASSIGN_OR_RETURN(sources.index, OpenIfThere(descriptor.ComponentPath("Index.db")));
    ASSIGN_OR_RETURN(sources.summary, OpenIfThere(descriptor.ComponentPath("Summary.db")));
  } else {
    ASSIGN_OR_RETURN(sources.trie, OpenIfThere(descriptor.ComponentPath("Partitions.db")));
    ASSIGN_OR_RETURN(sources.rows, OpenIfThere(descriptor.ComponentPath("Rows.db")));
  }
  return Open(descriptor, std::move(sources));
}

Result<std::unique_ptr<Sstable>> Sstable::Open(const Descriptor& descriptor, SstableSources sources) {
  std::unique_ptr<Sstable> sstable(new Sstable(descriptor, std::move(sources)));
  SstableSources& opened = sstable->sources_;
  ASSIGN_OR_RETURN(const std::string statistics, ReadAll(*opened.statistics, kMaxStatisticsBytes));
  ASSIGN_OR_RETURN(sstable->statistics_, ParseStatistics(statistics, descriptor.version, opened.statistics->name()));
  if (opened.compression_info != nullptr) {
    ASSIGN_OR_RETURN(sstable->chunks_, ChunkReader::OpenCompressed(opened.data.get(), opened.compression_info.get()));
  } else if (opened.crc != nullptr) {
    ASSIGN_OR_RETURN(sstable->chunks_, ChunkReader::OpenPlain(opened.data.get(), opened.crc.get()));
  } else {
    return Corrupt(opened.data->name() + ": the SSTable has neither CompressionInfo.db nor CRC.db; restore the file");
  }
  if (opened.summary != nullptr) {
    sstable->summary_ = ReadIndexSummary(*opened.summary);
    sstable->tokens_ = sstable->summary_.tokens;
  }
  if (opened.trie != nullptr) sstable->tokens_ = PartitionTrie(opened.trie.get(), nullptr).Tokens();
  // What was read whole need not stay open, nor what has nothing to say.
  opened.statistics.reset();
  opened.summary.reset();
  if (opened.rows != nullptr) {
    ASSIGN_OR_RETURN(const uint64_t rows_bytes, opened.rows->Size());
    if (rows_bytes == 0) opened.rows.reset();
  }
  return sstable;
}

std::vector<PartitionPlace> Sstable::Floor(Token token) const {
  if (sources_.trie != nullptr) return PartitionTrie(sources_.trie.get(), sources_.rows.get()).Floor(token);
  std::vector<PartitionPlace> places;
  if (sources_.index == nullptr) return places;
  std::optional<PartitionPlace> place = FloorInIndex(*sources_.index, summary_, token);
  if (place.has_value()) places.push_back(*std::move(place));
  return places;
}

std::optional<PartitionPlace> Sstable::FirstInTrie(uint64_t offset, Token from) const {
  if (sources_.trie == nullptr) return std::nullopt;
  return PartitionTrie(sources_.trie.get(), sources_.rows.get()).FirstAfter(offset, from);
}

TableSchemaPtr SchemaOfHeader(const SstableHeader& header, const std::string& keyspace, const std::string& table,
                              const TableId& id, const std::vector<std::string>& key_names) {
  auto schema = std::make_shared<TableSchema>();
  schema->keyspace = keyspace;
  schema->table = table;
  schema->table_id = id;
  const auto add_key = [&](ColumnKind kind, size_t position, TypePtr type, bool descending) {
    const size_t index = schema->columns.size();
    const char* stem = kind == ColumnKind::kPartitionKey ? "#key" : "#ck";
    schema->columns.push_back(
        {.id = {static_cast<uint16_t>(index)},
         .name = index < key_names.size() ? key_names[index] : stem + std::to_string(position + 1),
         .kind = kind,
         .position = static_cast<uint16_t>(position),
         .type = std::move(type),
         .descending = descending});
  };
  for (size_t i = 0; i < header.partition_key.size(); ++i) {
    add_key(ColumnKind::kPartitionKey, i, header.partition_key[i], false);
  }
  for (size_t i = 0; i < header.clustering.size(); ++i) {
    add_key(ColumnKind::kClustering, i, header.clustering[i].type, header.clustering[i].reversed);
  }
  AddColumns(schema.get(), ColumnKind::kStatic, header.statics);
  AddColumns(schema.get(), ColumnKind::kRegular, header.regulars);
  schema->IndexColumns();
  return schema;
}

}  // namespace braid
