#include "shape/shape.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "shape/columns.h"
#include "shape/predicate.h"

namespace braid {
namespace {

using shape::Columns;
using shape::Condition;
using shape::TruthRange;

// Whether a row, at one time, is in the stream.
enum class Presence { kNo, kPerhaps, kYes };

// How much of an image the reader sees.
enum class Extent { kNothing, kKeyAlone, kWhole };

struct Sight {
  Op op = Op::kUpdate;
  Extent before = Extent::kNothing;
  Extent after = Extent::kNothing;
};

const Image kKeyAlone;

// Of a row whose past is not known `before` says only that the row may have been there.
bool IsFirstSight(const Change& change) {
  return !change.complete && change.before != nullptr && change.before->columns.empty();
}

bool SameColumns(const Image& a, const Image& b) {
  return std::ranges::equal(a.columns, b.columns, [](const ColumnValue& x, const ColumnValue& y) {
    return x.column == y.column && x.null == y.null && (x.null || x.value == y.value);
  });
}

class Shape : public StreamShape {
 public:
  Shape(const TableSchema& schema, std::unique_ptr<const Columns> columns, std::unique_ptr<const Condition> predicate)
      : table_id_(schema.table_id),
        visible_(columns->selects() ? &columns->visible() : &schema),
        columns_(columns->selects() ? std::move(columns) : nullptr),
        predicate_(std::move(predicate)) {}

  const TableSchema& visible() const override { return *visible_; }

  const Change* Apply(const Change& change, Arena* arena) const override {
    CHECK(change.schema != nullptr && change.schema->table_id == table_id_);
    const Change* seen = &change;
    if (predicate_ != nullptr) seen = Filter(change, arena);
    return seen != nullptr && columns_ != nullptr ? Select(*seen, arena) : seen;
  }

 private:
  const Change* Filter(const Change& change, Arena* arena) const {
    if (change.op == Op::kTruncate) return &change;
    // The rows of a range are not known: it may hold some that the reader has.
    if (change.row == RowKind::kRange) return predicate_->Of({change}).surely_not() ? nullptr : &change;
    const Presence before = PresenceBefore(change);
    const Presence after = change.after == nullptr ? Presence::kNo : PresenceOf(change, change.after);
    if (before == Presence::kNo && after != Presence::kYes) return nullptr;
    return WithSight(change, SightOf(change, before, after), arena);
  }

  Presence PresenceOf(const Change& change, const Image* image) const {
    const TruthRange truth = predicate_->Of({change, image});
    return truth.surely_true() ? Presence::kYes : truth.surely_not() ? Presence::kNo : Presence::kPerhaps;
  }

  Presence PresenceBefore(const Change& change) const {
    // A deletion without an image is of a row of which nothing is known.
    if (change.before == nullptr && change.op != Op::kDelete) return Presence::kNo;
    return PresenceOf(change, change.before);
  }

  // After each event of a row its reader has the row just if it is known to fit: what may be in his hands and cannot be
  // shown any more is taken back.
  static Sight SightOf(const Change& change, Presence before, Presence after) {
    Sight sight;
    sight.before = before == Presence::kYes       ? Extent::kWhole
                   : before == Presence::kPerhaps ? Extent::kKeyAlone
                                                  : Extent::kNothing;
    if (after != Presence::kYes) {
      sight.op = Op::kDelete;
      return sight;
    }
    sight.after = Extent::kWhole;
    if (before == Presence::kNo) sight.op = Op::kCreate;
    if (change.op == Op::kRead) sight.op = Op::kRead;
    return sight;
  }

  static const Image* Cut(const Image* image, Extent extent) {
    if (image == nullptr || extent == Extent::kNothing) return nullptr;
    return extent == Extent::kWhole || image->columns.empty() ? image : &kKeyAlone;
  }

  static const Change* WithSight(const Change& change, const Sight& sight, Arena* arena) {
    const Image* before = Cut(change.before, sight.before);
    const Image* after = Cut(change.after, sight.after);
    if (sight.op == change.op && before == change.before && after == change.after) return &change;
    Change* seen = arena->New<Change>();
    *seen = change;
    seen->op = sight.op;
    seen->before = before;
    seen->after = after;
    return seen;
  }

  const Change* Select(const Change& change, Arena* arena) const {
    const Change* seen = columns_->Show(change, arena);
    return seen != nullptr && TellsNothing(change, *seen) ? nullptr : seen;
  }

  // Of an update that wrote only columns that readers do not see.
  static bool TellsNothing(const Change& change, const Change& seen) {
    if (change.op != Op::kUpdate || change.before == nullptr || change.after == nullptr) return false;
    if (change.written.empty() || !seen.written.empty() || IsFirstSight(change)) return false;
    return SameColumns(*seen.before, *seen.after);
  }

  const TableId table_id_;
  const TableSchema* const visible_;
  const std::unique_ptr<const Columns> columns_;  // nullptr: all, as they are
  const std::unique_ptr<const Condition> predicate_;
};

bool IsBlank(const std::string& text) {
  return text.find_first_not_of(" \t\r\n") == std::string::npos;
}

}  // namespace

bool FitsPattern(const std::string& pattern, const std::string& table) {
  size_t p = 0;
  size_t t = 0;
  // The last star, and how much of the table's name it stands for.
  size_t star = std::string::npos;
  size_t starred = 0;
  while (t < table.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      starred = t;
    } else if (p < pattern.size() && pattern[p] == table[t]) {
      ++p;
      ++t;
    } else if (star != std::string::npos) {
      p = star + 1;
      t = ++starred;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string::npos;
}

Result<std::shared_ptr<const StreamShape>> StreamShape::Make(const StreamSpec& spec, const TableSchema& schema,
                                                             const TableSchema* newest) {
  const shape::Table table{schema, newest == nullptr ? schema : *newest};
  const std::string where = fmt::format("stream {}, table {}", spec.name, schema.FullName());
  auto columns = Columns::Make(spec, table);
  if (!columns.has_value()) return columns.error().At(where);
  std::unique_ptr<const Condition> predicate;
  if (!IsBlank(spec.where)) {
    auto parsed = shape::ParsePredicate(spec.where, table);
    if (!parsed.has_value()) return parsed.error().At(where + ", where");
    predicate = *std::move(parsed);
  }
  return std::make_shared<const Shape>(schema, *std::move(columns), std::move(predicate));
}

}  // namespace braid
