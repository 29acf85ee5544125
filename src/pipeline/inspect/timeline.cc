#include "pipeline/inspect/timeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <vector>

#include "base/arena.h"
#include "base/byte_source.h"
#include "base/file_system.h"
#include "base/version.h"
#include "codec/change.h"
#include "codec/gap.h"
#include "encode/json.h"
#include "timeline/batch_records.h"
#include "timeline/format.h"
#include "timeline/segment.h"

namespace braid {
namespace {

using timeline::Batch;
using timeline::Block;
using timeline::BlockKind;
using timeline::Segment;

using Print = std::function<void(std::string_view)>;

constexpr size_t kAheadBytes = 1024 * 1024;

const char* KindName(BlockKind kind) {
  switch (kind) {
    case BlockKind::kDefinition:
      return "definition";
    case BlockKind::kChanges:
      return "changes";
    case BlockKind::kGaps:
      return "gaps";
  }
  return "?";
}

// Prints one segment after another. The lines' context is kept for the records.
class SegmentPrinter {
 public:
  explicit SegmentPrinter(const Print& print) : print_(print) {
    context_.pipeline = "inspect";
    context_.version = kVersion;
  }

  // Up to the end, or to what cannot be read.
  Status PrintSegment(Segment* segment) {
    schemas_ = SchemaSet();
    ASSIGN_OR_RETURN(const uint64_t size, segment->Size());
    std::string line = "{\"kind\":\"segment\",\"file\":";
    AppendJsonString(segment->name(), &line);
    const timeline::SegmentHeader& header = segment->header();
    fmt::format_to(std::back_inserter(line), ",\"partition\":{},\"epoch\":{},\"first\":{},\"bytes\":{}}}\n",
                   header.partition, header.epoch, header.first, size);
    print_(line);
    for (uint64_t offset = timeline::kSegmentHeaderBytes; offset < size;) {
      ASSIGN_OR_RETURN(const Batch batch, segment->ReadBatch(offset));
      PrintBatch(batch);
      TRY(PrintRecords(segment, batch));
      offset = batch.end_offset();
    }
    return {};
  }

 private:
  void PrintBatch(const Batch& batch) {
    std::string line = fmt::format(
        "{{\"kind\":\"batch\",\"offset\":{},\"bytes\":{},\"first\":{},\"records\":{},\"emitted_us\":{},\"blocks\":[",
        batch.offset, batch.bytes, batch.first, batch.records, batch.emitted_us);
    for (const Block& block : batch.blocks) {
      if (line.back() != '[') line.push_back(',');
      fmt::format_to(std::back_inserter(line), "{{\"kind\":\"{}\"", KindName(block.kind));
      if (block.kind != BlockKind::kGaps) {
        fmt::format_to(std::back_inserter(line), ",\"table_id\":\"{}\"", block.table.ToString());
      }
      fmt::format_to(std::back_inserter(line), ",\"records\":{},\"stored_bytes\":{},\"raw_bytes\":{}}}", block.records,
                     block.stored_bytes, block.raw_bytes);
    }
    print_(line + "]}\n");
  }

  Status PrintRecords(Segment* segment, const Batch& batch) {
    std::vector<size_t> with_records;
    for (size_t i = 0; i < batch.blocks.size(); ++i) {
      if (batch.blocks[i].kind != BlockKind::kDefinition) {
        with_records.push_back(i);
        continue;
      }
      ASSIGN_OR_RETURN(TableSchemaPtr schema, segment->ReadDefinition(batch.blocks[i]));
      PrintDefinition(*schema);
      schemas_.Add(std::move(schema));
    }
    timeline::BatchRecords records;
    records.Start(batch, with_records);
    while (records.next() < batch.end()) {
      ASSIGN_OR_RETURN(const timeline::RawRecord raw, records.Next(segment));
      const Sequence sequence{segment->header().epoch, segment->header().partition, raw.n};
      context_.emitted_ms = batch.emitted_us / 1000;
      const Status printed =
          raw.kind == BlockKind::kGaps ? PrintGap(raw.bytes, sequence) : PrintChange(raw.bytes, sequence);
      if (!printed.has_value()) {
        return printed.error().At(fmt::format("{}: at offset {}: record {}", segment->name(), raw.block_offset, raw.n));
      }
    }
    return {};
  }

  void PrintDefinition(const TableSchema& schema) {
    std::string line =
        fmt::format("{{\"kind\":\"definition\",\"id\":\"{:016x}\",\"table_id\":\"{}\",\"table\":", schema.id.value,
                    schema.table_id.ToString());
    AppendJsonString(schema.FullName(), &line);
    line += ",\"columns\":{";
    for (const Column& column : schema.columns) {
      if (line.back() != '{') line.push_back(',');
      AppendJsonString(column.name, &line);
      line.push_back(':');
      AppendJsonString(ToCql(*column.type), &line);
    }
    print_(line + "}}\n");
  }

  Status PrintChange(ByteView bytes, const Sequence& sequence) {
    arena_.Reset();
    ASSIGN_OR_RETURN(const Change change, DecodeChange(bytes, sequence, schemas_, &arena_));
    NameNode(change.origin.node);
    std::string line = "{\"kind\":\"record\",\"event\":";
    AppendEventJson(change, context_, &line);
    print_(line + "}\n");
    return {};
  }

  Status PrintGap(ByteView bytes, const Sequence& sequence) {
    ASSIGN_OR_RETURN(const Gap gap, DecodeGap(bytes));
    NameNode(gap.node);
    std::string line = "{\"kind\":\"record\",\"event\":";
    AppendGapJson(gap, sequence, context_, &line);
    print_(line + "}\n");
    return {};
  }

  void NameNode(NodeIndex node) {
    while (context_.nodes.size() <= node.value) context_.nodes.push_back(fmt::format("node{}", context_.nodes.size()));
  }

  const Print& print_;
  EventContext context_;
  SchemaSet schemas_;
  Arena arena_;
};

// What ends a file, but not the command.
bool IsDamage(const Error& error) {
  return error.code == ErrorCode::kCorrupt || error.code == ErrorCode::kUnsupported;
}

}  // namespace

Status InspectTimeline(const std::string& path, const Print& print, const Print& warn) {
  FileSystem* files = PosixFileSystem();
  std::vector<std::string> paths = {path};
  ASSIGN_OR_RETURN(const FileInfo info, files->Info(path));
  if (info.directory) {
    ASSIGN_OR_RETURN(const std::vector<uint64_t> firsts, timeline::ListSegments(files, path));
    if (firsts.empty()) return NotFound(path + ": there is no segment (*.tl) in it");
    paths.clear();
    for (const uint64_t first : firsts) paths.push_back(path + "/" + timeline::SegmentName(first));
    const auto committed = timeline::ReadCommitted(files, path);
    if (committed.has_value()) {
      print(fmt::format("{{\"kind\":\"timeline\",\"partition\":{},\"epoch\":{},\"first\":{},\"committed\":{}}}\n",
                        committed->partition, committed->epoch, committed->first, committed->end));
    } else {
      warn(committed.error().message);
    }
  }
  SegmentPrinter printer(print);
  for (const std::string& each : paths) {
    ASSIGN_OR_RETURN(auto source, files->OpenForRead(each));
    const auto segment = Segment::Open(std::move(source), kAheadBytes);
    Status printed = segment.has_value() ? printer.PrintSegment(segment->get()) : Status(segment.error());
    if (printed.has_value()) continue;
    if (!IsDamage(printed.error())) return printed;
    warn(printed.error().message);
  }
  return {};
}

}  // namespace braid
