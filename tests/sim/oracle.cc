#include "oracle.h"

#include <algorithm>
#include <tuple>
#include <vector>

#include "reconcile/testing/toy_table.h"

namespace braid::sim {
namespace {

// All that was written to one row.
struct History {
  bool is_static = false;
  std::string key;
  std::vector<const RowUpdate*> updates;
};

bool Wins(const Cell& a, const Cell& b) {
  const auto rank = [](const Cell& cell) {
    const bool ends = cell.kind != CellKind::kLive;
    return std::tuple(cell.at, ends, cell.kind == CellKind::kTombstone, ends ? cell.local_deletion.s : 0,
                      std::string(cell.value));
  };
  return rank(a) > rank(b);
}

bool LivesAt(const Cell& cell, UnixSeconds now) {
  return cell.kind == CellKind::kLive || (cell.kind == CellKind::kExpiring && cell.local_deletion > now);
}

// The sum of each leader's count at its greatest clock.
std::string Total(const std::vector<const Cell*>& cells) {
  std::map<std::string, std::pair<int64_t, int64_t>> shards;
  for (const Cell* cell : cells) {
    const auto n = static_cast<size_t>(LoadBigEndian<int16_t>(cell->value.data()));
    for (size_t i = 0; i < n; ++i) {
      const char* shard = cell->value.data() + 2 + 2 * n + 32 * i;
      auto& known = shards[std::string(shard, 16)];
      known = std::max(known, std::pair(LoadBigEndian<int64_t>(shard + 16), LoadBigEndian<int64_t>(shard + 24)));
    }
  }
  int64_t total = 0;
  for (const auto& [id, shard] : shards) total += shard.second;
  return std::to_string(total);
}

// The text of a column of which the cells in `live`, by path, are alive.
std::string ColumnText(const Type& type, const std::map<std::string, const Cell*>& live) {
  using testing::ValueText;
  if (live.empty()) return "null";
  if (!type.multi_cell()) return ValueText(type, live.begin()->second->value);
  std::vector<std::string> items;
  if (type.kind == TypeKind::kUdt) {
    for (size_t i = 0; i < type.args.size(); ++i) {
      std::string path;
      AppendBigEndian(&path, static_cast<int16_t>(i));
      const auto field = live.find(path);
      items.push_back(field == live.end() ? "null" : ValueText(*type.args[i], field->second->value));
    }
  } else {
    for (const auto& [path, cell] : live) {
      std::string item = type.kind == TypeKind::kList ? "" : ValueText(*type.args[0], path);
      if (type.kind == TypeKind::kMap) item += ": ";
      if (type.kind != TypeKind::kSet) item += ValueText(*type.args.back(), cell->value);
      items.push_back(item);
    }
  }
  std::string text;
  for (const std::string& item : items) text += (text.empty() ? "" : ", ") + item;
  return type.kind == TypeKind::kUdt    ? "(" + text + ")"
         : type.kind == TypeKind::kList ? "[" + text + "]"
                                        : "{" + text + "}";
}

class Reader {
 public:
  Reader(const TableSchema& schema, const History& history, WriteTime outer, UnixSeconds now)
      : schema_(schema), history_(history), now_(now), deleted_(outer) {
    for (const RowUpdate* update : history.updates) deleted_ = std::max(deleted_, update->deletion.at);
  }

  // The image's text; empty if the row does not exist.
  std::string Read() {
    bool exists = MarkerLives();
    std::string text;
    for (const ColumnId id : history_.is_static ? schema_.statics : schema_.regulars) {
      const std::string column = Column(id);
      if (column != "null") exists = true;
      text += (text.empty() ? "" : ", ") + schema_.column(id).name + ": " + column;
    }
    return exists ? "{" + text + "}" : "";
  }

 private:
  bool MarkerLives() const {
    std::tuple<WriteTime, bool, int64_t> best{deleted_, false, 0};
    bool found = false;
    for (const RowUpdate* update : history_.updates) {
      if (update->liveness.at <= deleted_) continue;
      found = true;
      best = std::max(best, std::tuple(update->liveness.at, update->liveness.ttl_s != 0, update->liveness.expires.s));
    }
    return found && (!std::get<1>(best) || std::get<2>(best) > now_.s);
  }

  std::string Column(ColumnId id) const {
    const braid::Column& column = schema_.column(id);
    WriteTime deleted = std::max(deleted_, column.dropped_at);
    for (const RowUpdate* update : history_.updates) {
      for (const ComplexDeletion& complex : update->complex_deletions) {
        if (complex.column == id) deleted = std::max(deleted, complex.deletion.at);
      }
    }
    std::map<std::string, const Cell*> winners;
    std::vector<const Cell*> all;
    for (const RowUpdate* update : history_.updates) {
      for (const Cell& cell : update->cells) {
        if (cell.column != id || cell.at <= deleted) continue;
        all.push_back(&cell);
        const Cell*& winner = winners[std::string(cell.path)];
        if (winner == nullptr || Wins(cell, *winner)) winner = &cell;
      }
    }
    if (column.type->kind == TypeKind::kCounter) return all.empty() ? "null" : Total(all);
    std::erase_if(winners, [&](const auto& entry) { return !LivesAt(*entry.second, now_); });
    return ColumnText(*column.type, winners);
  }

  const TableSchema& schema_;
  const History& history_;
  const UnixSeconds now_;
  WriteTime deleted_;
};

WriteTime OuterDeletion(std::span<const Mutation> mutations, ByteView partition, const History& row) {
  WriteTime deleted;
  for (const Mutation& mutation : mutations) {
    if (mutation.partition_key != partition) continue;
    deleted = std::max(deleted, mutation.partition_deletion.at);
    for (const RangeDeletion& range : mutation.ranges) {
      const bool within = !row.is_static && range.start.cut <= row.key && row.key < range.end.cut;
      if (within) deleted = std::max(deleted, range.deletion.at);
    }
  }
  return deleted;
}

}  // namespace

std::map<std::string, std::string> RowsAfter(const TableSchema& schema, std::span<const Mutation> mutations,
                                             UnixSeconds now) {
  std::map<std::string, std::string> rows;
  // By partition and the row's name.
  std::map<std::pair<std::string, std::string>, History> histories;
  const auto add = [&](const Mutation& mutation, const RowUpdate& update, bool is_static) {
    const std::string name =
        testing::KeyText(schema, mutation.partition_key, update.clustering) + (is_static ? "/static" : "");
    History& history = histories[{std::string(mutation.partition_key), name}];
    history.is_static = is_static;
    history.key = update.key;
    history.updates.push_back(&update);
  };
  for (const Mutation& mutation : mutations) {
    if (mutation.static_row != nullptr) add(mutation, *mutation.static_row, true);
    for (const RowUpdate& row : mutation.rows) add(mutation, row, false);
  }
  for (const auto& [name, history] : histories) {
    const std::string image = Reader(schema, history, OuterDeletion(mutations, name.first, history), now).Read();
    if (!image.empty()) rows[name.second] = image;
  }
  return rows;
}

}  // namespace braid::sim
