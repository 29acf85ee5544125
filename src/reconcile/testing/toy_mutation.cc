#include "reconcile/testing/toy_mutation.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "base/check.h"
#include "reconcile/lww/merge.h"
#include "reconcile/testing/toy_table.h"

namespace braid::testing {
namespace {

int64_t Number(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  CHECK(error == std::errc() && end == text.data() + text.size());
  return value;
}

// "insert@100~160!5"
struct Action {
  std::string verb;
  WriteTime at;
  bool expires = false;
  UnixSeconds expiry;
  UnixSeconds deleted{1};
};

Action ParseAction(std::string_view text) {
  Action action;
  const size_t at = text.find('@');
  CHECK(at != std::string_view::npos);
  action.verb = text.substr(0, at);
  std::string_view rest = text.substr(at + 1);
  if (const size_t mark = rest.find('!'); mark != std::string_view::npos) {
    action.deleted = UnixSeconds{Number(rest.substr(mark + 1))};
    rest = rest.substr(0, mark);
  }
  if (const size_t tilde = rest.find('~'); tilde != std::string_view::npos) {
    action.expires = true;
    action.expiry = UnixSeconds{Number(rest.substr(tilde + 1))};
    rest = rest.substr(0, tilde);
  }
  action.at = WriteTime{Number(rest)};
  return action;
}

// Builds the update of one row.
class RowBuilder {
 public:
  RowBuilder(const TableSchema& schema, const Action& action, Arena* arena)
      : schema_(schema), action_(action), arena_(arena) {}

  void Assign(std::string_view text) {
    const size_t equals = text.find('=');
    CHECK(equals != std::string_view::npos && equals > 0);
    std::string_view name = text.substr(0, equals);
    char sign = 0;
    if (name.back() == '+' || name.back() == '-') {
      sign = name.back();
      name.remove_suffix(1);
    }
    const Column* column = schema_.FindColumn(name);
    CHECK(column != nullptr);
    const std::string_view value = text.substr(equals + 1);
    if (column->multi_cell()) {
      AssignElements(*column, sign, value);
    } else if (value == "null") {
      Add(*column, "", "", CellKind::kTombstone);
    } else if (column->type->kind == TypeKind::kCounter) {
      Add(*column, "", CounterContext(value), CellKind::kLive);
    } else {
      Add(*column, "", ValueBytes(*column->type, value), LiveKind());
    }
  }

  RowUpdate Build() {
    RowUpdate row;
    if (action_.verb == "insert") {
      row.liveness.at = action_.at;
      if (action_.expires) {
        row.liveness.ttl_s = kTtl;
        row.liveness.expires = action_.expiry;
      }
    } else if (action_.verb == "delete") {
      row.deletion = {action_.at, action_.deleted};
    } else {
      CHECK(action_.verb == "set");
    }
    std::ranges::sort(cells_, [&](const Cell& a, const Cell& b) { return ComparePlaces(schema_, a, b) < 0; });
    std::ranges::sort(complex_, {}, &ComplexDeletion::column);
    row.cells = arena_->CopyArray(cells_);
    row.complex_deletions = arena_->CopyArray(complex_);
    return row;
  }

 private:
  static constexpr int32_t kTtl = 60;

  CellKind LiveKind() const { return action_.expires ? CellKind::kExpiring : CellKind::kLive; }

  void AssignElements(const Column& column, char sign, std::string_view value) {
    if (sign == 0) {
      const WriteTime before{value == "null" ? action_.at.us : action_.at.us - 1};
      complex_.push_back({column.id, {before, action_.deleted}});
      if (value == "null") return;
    }
    CHECK(value.size() >= 2);
    for (const std::string& element : Split(value.substr(1, value.size() - 2), ',')) {
      const size_t colon = element.find(':');
      const std::string path = PathBytes(*column.type, element.substr(0, colon));
      if (sign == '-') {
        Add(column, path, "", CellKind::kTombstone);
        continue;
      }
      const Type* type = ElementType(*column.type, path);
      CHECK((type == nullptr) == (colon == std::string::npos));
      Add(column, path, type == nullptr ? "" : ValueBytes(*type, element.substr(colon + 1)), LiveKind());
    }
  }

  void Add(const Column& column, std::string_view path, std::string_view value, CellKind kind) {
    Cell cell;
    cell.column = column.id;
    cell.kind = kind;
    cell.at = action_.at;
    if (kind == CellKind::kTombstone) cell.local_deletion = action_.deleted;
    if (kind == CellKind::kExpiring) {
      cell.local_deletion = action_.expiry;
      cell.ttl_s = kTtl;
    }
    cell.path = arena_->Copy(path);
    cell.value = arena_->Copy(value);
    cells_.push_back(cell);
  }

  const TableSchema& schema_;
  const Action& action_;
  Arena* const arena_;
  std::vector<Cell> cells_;
  std::vector<ComplexDeletion> complex_;
};

Bound ParseBound(const TableSchema& schema, std::string_view values, bool is_start, bool inclusive, Arena* arena) {
  Bound bound;
  const std::vector<std::string> parts = Split(values, '/');
  bound.size = static_cast<uint16_t>(parts.size());
  bound.inclusive = parts.empty() || inclusive;
  const bool before = is_start == bound.inclusive;
  bound.cut = arena->Copy(before ? CutBefore(schema, parts) : CutAfter(schema, parts));
  bound.values = arena->Copy(Clustering(schema, parts));
  return bound;
}

RangeDeletion ParseRange(const TableSchema& schema, std::string_view text, const Action& action, Arena* arena) {
  RangeDeletion range;
  const size_t comma = text.find(',');
  CHECK(comma != std::string_view::npos && action.verb == "delete");
  const std::string_view start = text.substr(1, comma - 1);
  const std::string_view end = text.substr(comma + 1, text.size() - comma - 2);
  range.start = ParseBound(schema, start, true, text.front() == '[', arena);
  range.end = ParseBound(schema, end, false, text.back() == ']', arena);
  range.deletion = {action.at, action.deleted};
  return range;
}

}  // namespace

std::string CounterContext(std::string_view text) {
  std::string context;
  if (text == "local") {
    AppendBigEndian(&context, int16_t{1});
    AppendBigEndian(&context, int16_t{0});
    return context + std::string(32, '\0');
  }
  std::vector<std::string> shards = Split(text, '+');
  AppendBigEndian(&context, static_cast<int16_t>(shards.size()));
  for (size_t i = 0; i < shards.size(); ++i) AppendBigEndian(&context, static_cast<int16_t>(i - 32768));
  std::ranges::sort(shards);
  for (const std::string& shard : shards) {
    const std::vector<std::string> parts = Split(shard, ':');
    CHECK(parts.size() == 3);
    std::string id = parts[0];
    id.resize(16, '.');
    context += id;
    AppendBigEndian(&context, Number(parts[1]));
    AppendBigEndian(&context, Number(parts[2]));
  }
  return context;
}

std::string PathBytes(const Type& type, std::string_view text) {
  std::string path;
  if (type.kind == TypeKind::kUdt) {
    AppendBigEndian(&path, static_cast<int16_t>(Number(text)));
  } else if (type.kind == TypeKind::kList) {
    // A timeuuid whose time is the number: its low 32 bits come first.
    AppendBigEndian(&path, static_cast<uint32_t>(Number(text)));
    path += std::string("\0\0\x10\0", 4) + std::string(8, '\x80');
  } else {
    path = ValueBytes(PathType(type), text);
  }
  return path;
}

Mutation ToyReader::Read(const TableSchema& schema, std::string_view line, Arena* arena) {
  Mutation mutation;
  mutation.schema = &schema;
  CHECK(line.size() > 2 && line[0] == 'n');
  const auto node = static_cast<uint16_t>(line[1] - '0');
  mutation.position = {NodeIndex{node}, SegmentId{1}, ++positions_[node]};
  std::vector<RowUpdate> rows;
  std::vector<RangeDeletion> ranges;
  for (const std::string& part : Split(line.substr(2), '&')) {
    const std::vector<std::string> words = Split(part, ' ');
    CHECK(words.size() >= 2);
    const size_t slash = words[0].find('/');
    mutation.partition_key =
        arena->Copy(ValueBytes(*schema.column(schema.partition_key[0]).type, words[0].substr(0, slash)));
    mutation.token.value = static_cast<unsigned char>(mutation.partition_key.back());
    const std::string row_key = slash == std::string::npos ? "" : words[0].substr(slash + 1);
    const Action action = ParseAction(words[1]);
    if (row_key.empty() && action.verb == "delete" && words.size() == 2) {
      mutation.partition_deletion = {action.at, action.deleted};
      continue;
    }
    if (row_key.starts_with('[') || row_key.starts_with('(')) {
      ranges.push_back(ParseRange(schema, row_key, action, arena));
      continue;
    }
    RowBuilder builder(schema, action, arena);
    for (size_t i = 2; i < words.size(); ++i) builder.Assign(words[i]);
    RowUpdate row = builder.Build();
    if (row_key == "static") {
      CHECK(mutation.static_row == nullptr);
      RowUpdate* static_row = arena->New<RowUpdate>();
      *static_row = row;
      mutation.static_row = static_row;
      continue;
    }
    const std::vector<std::string> values = Split(row_key, '/');
    row.key = arena->Copy(RowKey(schema, values));
    row.clustering = arena->Copy(Clustering(schema, values));
    const auto same = std::ranges::find(rows, row.key, &RowUpdate::key);
    if (same == rows.end()) {
      rows.push_back(row);
      continue;
    }
    const RowContent merged = *MergeContents(schema, Deletion{}, ContentOf(*same), ContentOf(row), arena);
    same->liveness = merged.liveness;
    same->deletion = merged.deletion;
    same->complex_deletions = merged.complex_deletions;
    same->cells = merged.cells;
  }
  std::ranges::sort(rows, {}, &RowUpdate::key);
  std::ranges::sort(ranges, {}, [](const RangeDeletion& range) { return range.start.cut; });
  mutation.rows = arena->CopyArray(rows);
  mutation.ranges = arena->CopyArray(ranges);
  return mutation;
}

}  // namespace braid::testing
