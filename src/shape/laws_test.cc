// What holds of streams whatever is written: what their readers fold together is what they are meant to see.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>

#include "model/key.h"
#include "reconcile/memory/memory_state.h"
#include "reconcile/reconciler.h"
#include "reconcile/testing/toy_mutation.h"
#include "reconcile/testing/toy_random.h"
#include "reconcile/testing/toy_table.h"
#include "shape/shape.h"

namespace braid {
namespace {

using testing::ToyRandom;

constexpr const char* kStale = "as it was before the stream began";

// A row as a test sees it: the texts of its key and columns; null without.
struct Row {
  std::string id;
  std::optional<std::string> n;  // nullopt: the static row
  std::map<std::string, std::optional<std::string>> columns;

  // The column's text; nullopt also of one that the row's kind does not have.
  std::optional<std::string> Get(const std::string& column) const {
    const auto found = columns.find(column);
    return found == columns.end() ? std::nullopt : found->second;
  }
};

// A predicate and what it means: true, false or nullopt (null), asked only of rows whose columns are all known.
struct Case {
  const char* where;
  std::function<std::optional<bool>(const Row&)> meaning;
};

std::optional<bool> Both(std::optional<bool> a, std::optional<bool> b) {
  if (a == false || b == false) return false;
  return a && b ? std::optional(true) : std::nullopt;
}
std::optional<bool> Negated(std::optional<bool> a) {
  return a ? std::optional(!*a) : std::nullopt;
}
std::optional<bool> Is(const std::optional<std::string>& value, const std::string& wanted) {
  return value ? std::optional(*value == wanted) : std::nullopt;
}

const std::vector<Case>& Cases() {
  static const std::vector<Case> all = {
      {"", [](const Row&) { return true; }},
      {"a = 'x'", [](const Row& row) { return Is(row.Get("a"), "x"); }},
      {"NOT a = 'x'", [](const Row& row) { return Negated(Is(row.Get("a"), "x")); }},
      {"a IS NULL OR a IN ('y', 'z')", [](const Row& row) { return row.Get("a") != "x"; }},
      {"b >= 1 AND a != 'y'",
       [](const Row& row) {
         const auto b = row.Get("b");
         return Both(b ? std::optional(std::stoi(*b) >= 1) : std::nullopt, Negated(Is(row.Get("a"), "y")));
       }},
      {"n > 1", [](const Row& row) { return row.n ? std::optional(std::stoi(*row.n) > 1) : std::nullopt; }},
      {"id = 0 AND st IS NULL", [](const Row& row) { return row.id == "0" && !row.Get("st"); }},
      {"s = 'x' OR b = 0",
       [](const Row& row) { return Negated(Both(Negated(Is(row.Get("s"), "x")), Negated(Is(row.Get("b"), "0")))); }},
      {"ss IS NOT NULL OR m IS NOT NULL", [](const Row& row) { return row.Get("ss") || row.Get("m"); }},
  };
  return all;
}

// Rows by "id/n" or "id/static", as one reader has put them together.
class Reader {
 public:
  using Rows = std::map<std::string, std::string>;

  // `text` is what the row is to be, or nullopt if it is gone.
  void Set(const std::string& key, const std::optional<std::string>& text) {
    if (text) {
      rows_[key] = *text;
    } else {
      rows_.erase(key);
    }
  }
  // A range event is of rows that were not known: those that are get events of their own.
  void EraseRange(const Change& change) {
    const std::string id = testing::KeyText(*change.schema, change.partition_key, {});
    std::erase_if(rows_, [&](const auto& entry) {
      if (entry.second != kStale) return false;
      const size_t slash = entry.first.find('/');
      if (entry.first.substr(0, slash) != id) return false;
      if (entry.first.ends_with("/static")) return change.cause == Cause::kPartitionDelete;
      const int n = std::stoi(entry.first.substr(slash + 1));
      return IsPast(change.range_start, n, 1) && IsPast(change.range_end, n, -1);
    });
  }
  const Rows& rows() const { return rows_; }

 private:
  static bool IsPast(const Bound& bound, int n, int direction) {
    if (bound.size == 0) return true;
    ClusteringReader reader(bound.values);
    const int at = LoadBigEndian<int32_t>(reader.Next()->bytes.data());
    return n == at ? bound.inclusive : (n - at) * direction > 0;
  }

  Rows rows_;
};

Row RowOf(const Change& change, const Image& image) {
  const TableSchema& schema = *change.schema;
  Row row;
  row.id = testing::KeyText(schema, change.partition_key, {});
  const bool is_static = change.row == RowKind::kStatic;
  if (!is_static) {
    row.n = testing::KeyText(schema, change.partition_key, change.clustering).substr(row.id.size() + 1);
  }
  for (const ColumnValue& value : image.columns) {
    row.columns[schema.column(value.column).name] =
        value.null ? std::nullopt : std::optional(testing::ValueText(*schema.column(value.column).type, value.value));
  }
  return row;
}

std::string KeyOf(const Row& row) {
  return row.id + "/" + row.n.value_or("static");
}

// Gives `row` with each of the columns `missing` at every value that it might have.
void ForEachFilled(Row row, const std::vector<std::string>& missing, const std::function<void(const Row&)>& give,
                   size_t i = 0) {
  if (i == missing.size()) return give(row);
  for (const char* value : {"", "x", "y", "z", "0", "1", "2"}) {
    const bool is_number = std::string_view(value) < "x";
    if (*value != '\0' && is_number != (missing[i] == "b")) continue;
    row.columns[missing[i]] = *value == '\0' ? std::nullopt : std::optional<std::string>(value);
    ForEachFilled(row, missing, give, i + 1);
  }
}

// Those of the columns of the row's kind that it does not have and the predicate may ask for.
std::vector<std::string> Missing(const Case& the_case, const TableSchema& schema, const Row& row) {
  std::vector<std::string> missing;
  for (const ColumnId id : row.n ? schema.regulars : schema.statics) {
    const std::string& name = schema.column(id).name;
    const bool is_asked_for = std::string_view(the_case.where).find(name) != std::string_view::npos;
    if (is_asked_for && !row.columns.contains(name)) missing.push_back(name);
  }
  return missing;
}

bool SurelyFits(const Case& the_case, const TableSchema& schema, const Row& row) {
  bool fits = true;
  ForEachFilled(row, Missing(the_case, schema, row),
                [&](const Row& filled) { fits &= the_case.meaning(filled) == true; });
  return fits;
}

bool MayFit(const Case& the_case, const TableSchema& schema, const Row& row) {
  bool fits = false;
  ForEachFilled(row, Missing(the_case, schema, row),
                [&](const Row& filled) { fits |= the_case.meaning(filled) == true; });
  return fits;
}

// What a reader sees of columns: their names in a random order of include or exclude, and masks.
struct Selection {
  StreamSpec spec;
  std::function<bool(const std::string&)> visible;
  std::map<std::string, std::string> masks;
};

Selection RandomSelection(ToyRandom* random) {
  static const std::vector<std::string> kColumns = {"s", "ss", "a", "b", "l", "m", "st", "u"};
  Selection selection;
  std::vector<std::string> some;
  for (const std::string& column : kColumns) {
    if (random->Below(2) == 0) some.push_back(column);
  }
  const uint64_t how = random->Below(3);
  if (how == 1) selection.spec.include = some;
  if (how == 2) selection.spec.exclude = some;
  const bool all = some.empty() || how == 0;
  selection.visible = [=](const std::string& column) {
    return all || (how == 1) == (std::ranges::find(some, column) != some.end());
  };
  for (const std::string& column : kColumns) {
    if (!selection.visible(column) || random->Below(4) != 0) continue;
    selection.masks[column] = column == "a" ? "truncate:1" : random->Below(2) == 0 ? "redact" : "hmac";
  }
  selection.spec.masks = selection.masks;
  selection.spec.hmac_key = "key";
  return selection;
}

// The visible columns of an image as text. Hashes are left out: other tests know them.
std::string Text(const TableSchema& schema, const Image& image, const Selection& selection) {
  std::string text;
  for (const ColumnValue& value : image.columns) {
    const Column& column = schema.column(value.column);
    if (!selection.visible(column.name)) continue;
    const auto mask = selection.masks.find(column.name);
    const bool is_masked = mask != selection.masks.end();
    text += column.name + "=";
    if (value.null || (is_masked && mask->second == "redact")) {
      text += "null ";
    } else if (is_masked && mask->second == "hmac") {
      text += "a hash ";
    } else {
      text += testing::ValueText(*column.type, value.value) + " ";
    }
  }
  return text;
}

// Folds the whole stream and the shaped one side by side. Both readers begin with what was there before, of every row
// that may be in the stream.
class SideBySide : public ChangeSink {
 public:
  SideBySide(const TableSchema& schema, const Case& the_case, const Selection& selection, bool mask_key)
      : case_(the_case), selection_(selection), schema_(schema) {
    StreamSpec spec = selection.spec;
    spec.name = "law";
    spec.where = the_case.where;
    if (mask_key) spec.masks["id"] = "hmac";
    auto shape = StreamShape::Make(spec, schema);
    RC_ASSERT(shape.has_value());
    shape_ = *shape;
    for (int id = 0; id < ToyRandom::kPartitions; ++id) {
      for (int n = -1; n < ToyRandom::kRows; ++n) {
        const Row row{std::to_string(id), n < 0 ? std::nullopt : std::optional(std::to_string(n)), {}};
        if (!MayFit(the_case, schema, row)) continue;
        wanted_.Set(KeyOf(row), kStale);
        read_.Set(KeyOf(row), kStale);
      }
    }
  }

  Status Emit(const Change& change) override {
    arena_.Reset();
    const Change* seen = shape_->Apply(change, &arena_);
    if (change.row == RowKind::kRange) {
      wanted_.EraseRange(change);
      if (seen != nullptr) read_.EraseRange(*seen);
      return {};
    }
    Row row = RowOf(change, change.after != nullptr ? *change.after : *change.before);
    Want(change, row);
    if (seen != nullptr) Read(*seen, KeyOf(row));
    return {};
  }

  const Reader::Rows& wanted() const { return wanted_.rows(); }
  const Reader::Rows& read() const { return read_.rows(); }

 private:
  void Want(const Change& change, const Row& row) {
    const bool has_columns = change.row == RowKind::kRegular || AnyStaticVisible();
    if (change.row == RowKind::kStatic && !has_columns) return;
    std::optional<std::string> text;
    if (change.after != nullptr && SurelyFits(case_, schema_, row)) text = Text(schema_, *change.after, selection_);
    wanted_.Set(KeyOf(row), text);
  }

  void Read(const Change& seen, const std::string& key) {
    RC_ASSERT((seen.op == Op::kDelete) == (seen.after == nullptr));
    RC_ASSERT(seen.op != Op::kCreate || seen.before == nullptr);
    RC_ASSERT(seen.op != Op::kUpdate || seen.before != nullptr);
    const TableSchema& visible = shape_->visible();
    for (const ColumnId id : seen.written) RC_ASSERT(selection_.visible(visible.column(id).name));
    for (const ColumnId id : seen.unknown) RC_ASSERT(selection_.visible(visible.column(id).name));
    for (const Image* image : {seen.before, seen.after}) {
      if (image == nullptr) continue;
      for (const ColumnValue& value : image->columns) RC_ASSERT(selection_.visible(visible.column(value.column).name));
    }
    // `before` is what the reader has, unless he cannot know.
    if (seen.before != nullptr && (seen.complete || !seen.before->columns.empty())) {
      RC_ASSERT(read_.rows().contains(key));
      const std::string& had = read_.rows().at(key);
      RC_ASSERT(had == Text(visible, *seen.before, selection_));
    }
    if (seen.before == nullptr && seen.complete) {
      const auto had = read_.rows().find(key);
      if (had != read_.rows().end()) RC_ASSERT(had->second == kStale);
    }
    read_.Set(key, seen.after == nullptr ? std::nullopt : std::optional(Text(visible, *seen.after, selection_)));
  }

  bool AnyStaticVisible() const {
    return std::ranges::any_of(schema_.statics,
                               [&](ColumnId id) { return selection_.visible(schema_.column(id).name); });
  }

  const Case& case_;
  const Selection& selection_;
  const TableSchema& schema_;
  std::shared_ptr<const StreamShape> shape_;
  Reader wanted_;
  Reader read_;
  Arena arena_;
};

// Runs random mutations. Gives both folds.
void FoldBoth(bool history_known, bool mask_key) {
  ToyRandom random(*rc::gen::arbitrary<uint64_t>());
  const TableSchemaPtr schema = testing::ParseTable(ToyRandom::kTable);
  const Case& the_case = Cases()[random.Below(Cases().size())];
  const Selection selection = RandomSelection(&random);
  RC_LOG() << "where: " << the_case.where << "\n";
  SideBySide sink(*schema, the_case, selection, mask_key);
  MemoryState state;
  Reconciler reconciler({.history_known = history_known}, &state);
  testing::ToyReader reader;
  const size_t count = 1 + random.Below(60);
  for (size_t i = 0; i < count; ++i) {
    Arena arena;
    const std::string line = random.Line();
    RC_LOG() << line << "\n";
    const UnixSeconds now{ToyRandom::kFirstSecond + static_cast<int64_t>(random.Below(2) * 10)};
    RC_ASSERT(reconciler.Apply(reader.Read(*schema, line, &arena), UnixSeconds{now}, sink).has_value());
  }
  for (const auto& [key, text] : sink.wanted()) {
    if (text == kStale) continue;
    RC_ASSERT(sink.read().contains(key));
    RC_ASSERT(sink.read().at(key) == text);
  }
  for (const auto& [key, text] : sink.read()) {
    if (text != kStale) RC_ASSERT(sink.wanted().contains(key));
    // With the past known, who never saw a row of it has none from before.
    if (text == kStale && !history_known) RC_ASSERT(sink.wanted().contains(key));
  }
}

RC_GTEST_PROP(ShapeLaw, TheFoldOfAStreamIsWhatItsReadersMaySee, ()) {
  FoldBoth(true, false);
}

RC_GTEST_PROP(ShapeLaw, WhatIsNotKnownIsTakenBack, ()) {
  FoldBoth(false, false);
}

RC_GTEST_PROP(ShapeLaw, MaskedKeysChangeNothingElse, ()) {
  FoldBoth(true, true);
}

}  // namespace
}  // namespace braid
