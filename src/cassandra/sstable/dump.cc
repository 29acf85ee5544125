#include "cassandra/sstable/dump.h"

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "cassandra/commitlog/dump.h"

namespace braid {
namespace {

using Json = nlohmann::ordered_json;

// Names need not be UTF-8: what is not is replaced, rather than thrown at us.
std::string ToText(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json ColumnsToJson(const std::vector<SstableColumn>& columns) {
  Json list = Json::array();
  for (const SstableColumn& column : columns) list.push_back({{"name", column.name}, {"type", ToCql(*column.type)}});
  return list;
}

Json SecondsToJson(UnixSeconds seconds) {
  return seconds.never() ? Json() : Json(seconds.s);
}

Json StatsToJson(const SstableStats& stats) {
  Json intervals = Json::array();
  for (const LogInterval& interval : stats.log_intervals) {
    intervals.push_back({{interval.from.segment, interval.from.position}, {interval.to.segment, interval.to.position}});
  }
  Json host;
  if (stats.originating_host.has_value()) host = TableId{*stats.originating_host}.ToString();
  return {{"min_timestamp", stats.min_timestamp.us},
          {"max_timestamp", stats.max_timestamp.us},
          {"min_local_deletion", SecondsToJson(stats.min_local_deletion)},
          {"max_local_deletion", SecondsToJson(stats.max_local_deletion)},
          {"min_ttl", stats.min_ttl_s},
          {"max_ttl", stats.max_ttl_s},
          {"level", stats.level},
          {"repaired_at_ms", stats.repaired_at_ms},
          {"rows", stats.rows},
          {"cells", stats.cells},
          {"commit_log", intervals},
          {"host", host}};
}

std::string HeaderLine(const Sstable& sstable) {
  const ChunkReader& chunks = sstable.chunks();
  const SstableHeader& header = sstable.header();
  Json key = Json::array();
  for (const TypePtr& type : header.partition_key) key.push_back(ToCql(*type));
  Json clustering = Json::array();
  for (const JavaType& type : header.clustering) {
    clustering.push_back({{"type", ToCql(*type.type)}, {"order", type.reversed ? "desc" : "asc"}});
  }
  const char* compressor = chunks.compressor();
  const Json line = {
      {"sstable", sstable.descriptor().Base()},
      {"version", VersionName(sstable.descriptor().version)},
      {"format", sstable.descriptor().format == SstableFormat::kBig ? "big" : "bti"},
      {"partitioner", sstable.statistics().partitioner},
      {"compression", compressor == nullptr ? Json() : Json(compressor)},
      {"data_bytes", chunks.length()},
      {"partition_key", key},
      {"clustering", clustering},
      {"statics", ColumnsToJson(header.statics)},
      {"regulars", ColumnsToJson(header.regulars)},
      {"stats", StatsToJson(sstable.statistics().stats)},
  };
  return ToText(line);
}

// A line of MutationPrinter begins with where in a log the mutation was, and the table's names: a place in the data
// stands here instead.
std::string PieceLine(const SstablePiece& piece, MutationPrinter* printer) {
  static constexpr std::string_view kRest = R"(,"key":")";
  std::string_view line = printer->Print(piece.mutation, 0);
  line.remove_suffix(1);  // its line end
  return fmt::format(R"({{"offset":{},"token":{},"first":{},"last":{}{})", piece.partition_offset,
                     piece.mutation.token.value, piece.first, piece.last, line.substr(line.find(kRest)));
}

}  // namespace

Status DumpSstable(const Sstable* sstable, const SstableDumpOptions& options,
                   const std::function<void(std::string_view)>& print) {
  print(HeaderLine(*sstable));
  TableSchemaPtr schema = options.schema;
  if (schema == nullptr) schema = SchemaOfHeader(sstable->header(), "", "", TableId{}, {});
  ASSIGN_OR_RETURN(const std::unique_ptr<SstableScanner> scanner, SstableScanner::Open(sstable, schema, options.scan));
  MutationPrinter printer;
  for (;;) {
    const Result<const SstablePiece*> piece = scanner->Next();
    if (piece.has_value()) {
      if (*piece == nullptr) return {};
      print(PieceLine(**piece, &printer));
      continue;
    }
    if (!options.skip_damage) return piece.error();
    ASSIGN_OR_RETURN(const std::optional<uint64_t> lost, scanner->SkipDamage());
    print(ToText({{"damage", piece.error().message}, {"bytes_passed_over", lost.has_value() ? Json(*lost) : Json()}}));
    if (!lost.has_value()) return piece.error();
  }
}

Status DumpSstable(const std::string& path, const SstableDumpOptions& options,
                   const std::function<void(std::string_view)>& print) {
  ASSIGN_OR_RETURN(const ComponentName name, ParseComponentPath(path));
  ASSIGN_OR_RETURN(const std::unique_ptr<Sstable> sstable, Sstable::Open(name.descriptor));
  return DumpSstable(sstable.get(), options, print);
}

}  // namespace braid
