#include "cassandra/commitlog/dump.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <numeric>
#include <optional>

#include "model/key.h"

namespace braid {

namespace {

void AppendNumber(std::string* to, int64_t number) {
  fmt::format_to(std::back_inserter(*to), "{}", number);
}

void AppendHex(std::string* to, ByteView bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  to->push_back('"');
  for (const char c : bytes) {
    to->push_back(kDigits[static_cast<uint8_t>(c) >> 4]);
    to->push_back(kDigits[static_cast<uint8_t>(c) & 15]);
  }
  to->push_back('"');
}

void AppendString(std::string* to, std::string_view text) {
  to->push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') to->push_back('\\');
    if (static_cast<uint8_t>(c) < 0x20) {
      fmt::format_to(std::back_inserter(*to), "\\u{:04x}", static_cast<unsigned>(c));
    } else {
      to->push_back(c);
    }
  }
  to->push_back('"');
}

void AppendLocal(std::string* to, UnixSeconds local) {
  if (local.never()) {
    to->append("null");
  } else {
    AppendNumber(to, local.s);
  }
}

void AppendDeletion(std::string* to, const Deletion& deletion) {
  if (deletion.live()) {
    to->append("null");
    return;
  }
  to->push_back('[');
  AppendNumber(to, deletion.at.us);
  to->push_back(',');
  AppendLocal(to, deletion.local);
  to->push_back(']');
}

void AppendLiveness(std::string* to, const Liveness& liveness) {
  if (liveness.none()) {
    to->append("null");
    return;
  }
  fmt::format_to(std::back_inserter(*to), "[{},{},", liveness.at.us, liveness.ttl_s);
  AppendLocal(to, liveness.expires);
  to->push_back(']');
}

const char* CellKindName(CellKind kind) {
  switch (kind) {
    case CellKind::kLive:
      return "live";
    case CellKind::kExpiring:
      return "expiring";
    case CellKind::kTombstone:
      return "deleted";
  }
  return "?";
}

uint64_t CountCells(const Mutation& part) {
  uint64_t cells = part.static_row == nullptr ? 0 : part.static_row->cells.size();
  for (const RowUpdate& row : part.rows) cells += row.cells.size();
  return cells;
}

// The first six bytes of a column's name, as Cassandra packs them into a number for sorting: with the highest bit
// turned over, so that names that begin with a non-ASCII letter come first (ColumnMetadata.comparisonOrder).
uint64_t NamePrefix(const std::string& name) {
  char bytes[8] = {};
  std::memcpy(bytes, name.data(), std::min<size_t>(name.size(), 6));
  return LoadBigEndian<uint64_t>(bytes) ^ (uint64_t{1} << 63);
}

// Whether any part is to be told of, of a mutation that is of one keyspace.
bool Shown(const DecodedMutation& mutation, const DumpOptions& options) {
  const auto parts = mutation.transaction.mutations;
  return !mutation.unread && !parts.empty() && (options.all || !IsSystemKeyspace(parts[0].schema->keyspace));
}

bool Matches(const TableSchema& schema, std::string_view full_name) {
  return full_name.empty() || (full_name.size() == schema.keyspace.size() + 1 + schema.table.size() &&
                               full_name.starts_with(schema.keyspace) && full_name.ends_with(schema.table) &&
                               full_name[schema.keyspace.size()] == '.');
}

bool GoOn(const DumpOptions& options, const LogProblem& problem) {
  if (problem.kind == LogProblem::Kind::kUnread && IsSystemTableId(problem.unread->table)) return true;
  if (options.on_problem) return options.on_problem(problem);
  return problem.kind != LogProblem::Kind::kCorrupt;
}

}  // namespace

bool IsSystemKeyspace(std::string_view keyspace) {
  return keyspace == "system" || keyspace.starts_with("system_");
}

// Where each column stands when Cassandra iterates a row: simple columns before complex ones, then by name.
const std::vector<uint16_t>& MutationPrinter::RanksOf(const TableSchema& schema) {
  std::vector<uint16_t>& ranks = ranks_[&schema];
  if (ranks.size() == schema.columns.size()) return ranks;
  std::vector<uint16_t> order(schema.columns.size());
  std::iota(order.begin(), order.end(), uint16_t{0});
  std::sort(order.begin(), order.end(), [&](uint16_t a, uint16_t b) {
    const Column& left = schema.columns[a];
    const Column& right = schema.columns[b];
    if (left.multi_cell() != right.multi_cell()) return right.multi_cell();
    const uint64_t left_prefix = NamePrefix(left.name);
    const uint64_t right_prefix = NamePrefix(right.name);
    return left_prefix != right_prefix ? left_prefix < right_prefix : left.name < right.name;
  });
  ranks.resize(order.size());
  for (size_t i = 0; i < order.size(); ++i) ranks[order[i]] = static_cast<uint16_t>(i);
  return ranks;
}

std::string_view MutationPrinter::Print(const Mutation& part, uint32_t part_index) {
  const TableSchema& schema = *part.schema;
  line_.clear();
  fmt::format_to(std::back_inserter(line_), R"({{"segment":{},"position":{},"part":{},"table":"{}","keyspace":)",
                 part.position.segment.value, part.position.offset, part_index, schema.table_id.ToString());
  AppendString(&line_, schema.keyspace);
  line_.append(R"(,"name":)");
  AppendString(&line_, schema.table);
  line_.append(R"(,"key":)");
  AppendHex(&line_, part.partition_key);
  line_.append(R"(,"deletion":)");
  AppendDeletion(&line_, part.partition_deletion);
  line_.append(R"(,"static":)");
  if (part.static_row == nullptr) {
    line_.append("null");
  } else {
    PrintRow(schema, *part.static_row);
  }
  line_.append(R"(,"rows":[)");
  PrintRowsAndMarkers(part);
  line_.append("]}\n");
  return line_;
}

// Rows and markers in clustering order: a marker stands before the rows behind its cut.
void MutationPrinter::PrintRowsAndMarkers(const Mutation& part) {
  bool first = true;
  const auto separate = [&] {
    if (!first) line_.push_back(',');
    first = false;
  };
  auto row = part.rows.begin();
  const auto rows_before = [&](ByteView cut) {
    for (; row != part.rows.end() && row->key < cut; ++row) {
      separate();
      PrintRow(*part.schema, *row);
    }
  };
  const RangeDeletion* closed = nullptr;
  for (size_t i = 0; i < part.ranges.size(); ++i) {
    const RangeDeletion& range = part.ranges[i];
    rows_before(range.start.cut);
    separate();
    PrintMarker(closed, &range);
    closed = nullptr;
    rows_before(range.end.cut);
    // One marker both ends a range and begins the next where they touch.
    if (i + 1 < part.ranges.size() && part.ranges[i + 1].start.cut == range.end.cut) {
      closed = &range;
      continue;
    }
    separate();
    PrintMarker(&range, nullptr);
  }
  for (; row != part.rows.end(); ++row) {
    separate();
    PrintRow(*part.schema, *row);
  }
}

void MutationPrinter::PrintMarker(const RangeDeletion* closed, const RangeDeletion* opened) {
  const Bound& bound = opened != nullptr ? opened->start : closed->end;
  BoundKind kind;
  if (closed == nullptr) {
    kind = bound.inclusive ? BoundKind::kInclStart : BoundKind::kExclStart;
  } else if (opened == nullptr) {
    kind = bound.inclusive ? BoundKind::kInclEnd : BoundKind::kExclEnd;
  } else {
    kind = bound.inclusive ? BoundKind::kExclEndInclStart : BoundKind::kInclEndExclStart;
  }
  fmt::format_to(std::back_inserter(line_), R"({{"marker":"{}","clustering":)", BoundKindName(kind));
  PrintClustering(bound.values);
  if (closed != nullptr && opened != nullptr) {
    line_.append(R"(,"end":)");
    AppendDeletion(&line_, closed->deletion);
    line_.append(R"(,"start":)");
    AppendDeletion(&line_, opened->deletion);
  } else {
    line_.append(R"(,"deletion":)");
    AppendDeletion(&line_, (opened != nullptr ? opened : closed)->deletion);
  }
  line_.push_back('}');
}

void MutationPrinter::PrintClustering(ByteView values) {
  line_.push_back('[');
  ClusteringReader reader(values);
  for (bool first = true; const std::optional<ClusteringReader::Value> value = reader.Next(); first = false) {
    if (!first) line_.push_back(',');
    if (value->null) {
      line_.append("null");
    } else {
      AppendHex(&line_, value->bytes);
    }
  }
  line_.push_back(']');
}

void MutationPrinter::PrintRow(const TableSchema& schema, const RowUpdate& row) {
  const std::vector<uint16_t>& ranks = RanksOf(schema);
  line_.append(R"({"clustering":)");
  PrintClustering(row.clustering);
  line_.append(R"(,"liveness":)");
  AppendLiveness(&line_, row.liveness);
  line_.append(R"(,"deletion":)");
  AppendDeletion(&line_, row.deletion);

  line_.append(R"(,"complex":[)");
  complex_.clear();
  for (const ComplexDeletion& deletion : row.complex_deletions) complex_.push_back(&deletion);
  std::sort(complex_.begin(), complex_.end(), [&](const ComplexDeletion* a, const ComplexDeletion* b) {
    return ranks[a->column.value] < ranks[b->column.value];
  });
  for (const ComplexDeletion* deletion : complex_) {
    line_.append(deletion == complex_.front() ? "[" : ",[");
    AppendString(&line_, schema.column(deletion->column).name);
    fmt::format_to(std::back_inserter(line_), ",{},", deletion->deletion.at.us);
    AppendLocal(&line_, deletion->deletion.local);
    line_.push_back(']');
  }

  line_.append(R"(],"cells":[)");
  cells_.clear();
  for (const Cell& cell : row.cells) cells_.push_back(&cell);
  std::stable_sort(cells_.begin(), cells_.end(),
                   [&](const Cell* a, const Cell* b) { return ranks[a->column.value] < ranks[b->column.value]; });
  for (const Cell* cell : cells_) {
    if (cell != cells_.front()) line_.push_back(',');
    PrintCell(schema, *cell);
  }
  line_.append("]}");
}

void MutationPrinter::PrintCell(const TableSchema& schema, const Cell& cell) {
  const Column& column = schema.column(cell.column);
  line_.push_back('[');
  AppendString(&line_, column.name);
  line_.push_back(',');
  if (column.multi_cell()) {
    AppendHex(&line_, cell.path);
  } else {
    line_.append("null");
  }
  fmt::format_to(std::back_inserter(line_), R"(,"{}",{},{},)", CellKindName(cell.kind), cell.at.us, cell.ttl_s);
  AppendLocal(&line_, cell.local_deletion);
  line_.push_back(',');
  if (cell.kind == CellKind::kTombstone) {
    line_.append("null");
  } else {
    AppendHex(&line_, cell.value);
  }
  line_.push_back(']');
}

Result<DumpCounts> DumpCommitLogs(const std::vector<const ByteSource*>& segments, const TableLookup& tables,
                                  const DumpOptions& options, const std::function<void(std::string_view)>& print) {
  MutationDecoder decoder(&tables);
  MutationPrinter printer;
  DumpCounts counts;
  const LogVisitor visitor{
      .on_mutation =
          [&](const DecodedMutation& mutation, ByteView payload) {
            if (!Shown(mutation, options)) return;
            ++counts.mutations;
            counts.bytes += payload.size();
            for (size_t i = 0; i < mutation.part_indexes.size(); ++i) {
              const Mutation& part = mutation.transaction.mutations[i];
              if (!Matches(*part.schema, options.table)) continue;
              counts.cells += CountCells(part);
              print(printer.Print(part, mutation.part_indexes[i]));
            }
          },
      .on_problem = [&](const LogProblem& problem) { return GoOn(options, problem); },
  };
  SegmentBuffers buffers;
  SegmentOptions segment_options = options.segment;
  segment_options.buffers = &buffers;
  for (const ByteSource* segment : segments) {
    TRY(WalkSegment(*segment, NodeIndex{}, segment_options, &decoder, visitor));
  }
  return counts;
}

Result<DumpCounts> CountCommitLogs(const std::vector<const ByteSource*>& segments, const DumpOptions& options,
                                   MutationDecoder* decoder) {
  DumpCounts counts;
  const LogVisitor visitor{
      .on_mutation =
          [&](const DecodedMutation& mutation, ByteView payload) {
            if (!Shown(mutation, options)) return;
            bool any = options.table.empty();
            for (const Mutation& part : mutation.transaction.mutations) {
              if (!Matches(*part.schema, options.table)) continue;
              any = true;
              counts.cells += CountCells(part);
            }
            counts.mutations += any ? 1 : 0;
            counts.bytes += any ? payload.size() : 0;
          },
      .on_problem = [&](const LogProblem& problem) { return GoOn(options, problem); },
  };
  SegmentBuffers buffers;
  SegmentOptions segment_options = options.segment;
  segment_options.buffers = &buffers;
  for (const ByteSource* segment : segments) {
    TRY(WalkSegment(*segment, NodeIndex{}, segment_options, decoder, visitor));
  }
  return counts;
}

}  // namespace braid
