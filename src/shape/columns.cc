#include "shape/columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>

#include "base/vint.h"
#include "cassandra/murmur3/murmur3.h"
#include "cassandra/types/comparable.h"
#include "codec/schema.h"
#include "model/key.h"
#include "shape/operand.h"

namespace braid::shape {
namespace {

Error In(const char* list, const Error& error) {
  return InvalidArgument(fmt::format("{}: {}", list, error.message));
}

}  // namespace

Result<std::unique_ptr<const Columns>> Columns::Make(const StreamSpec& spec, const Table& table) {
  std::unique_ptr<Columns> columns(new Columns());
  columns->seen_.resize(table.schema.columns.size());
  if (!spec.hmac_key.empty()) columns->hmac_ = std::make_unique<HmacSha256>(spec.hmac_key);
  TRY(columns->Choose(spec, table));
  TRY(columns->ChooseMasks(spec, table));
  columns->selects_ = !spec.include.empty() || !spec.exclude.empty() || !spec.masks.empty();
  columns->BuildVisible(table.schema);
  return columns;
}

Status Columns::Choose(const StreamSpec& spec, const Table& table) {
  if (!spec.include.empty() && !spec.exclude.empty()) {
    return InvalidArgument("columns are given by include or by exclude, not by both");
  }
  for (const Column& column : table.schema.columns) {
    seen_[column.id.value].visible = !column.dropped && (spec.include.empty() || IsKey(column));
  }
  for (const std::string& name : spec.include) {
    const auto found = FindColumnAsCql(table, name);
    if (!found.has_value()) return In("include", found.error());
    if (found->present) seen_[found->column->id.value].visible = true;
  }
  for (const std::string& name : spec.exclude) {
    const auto found = FindColumnAsCql(table, name);
    if (!found.has_value()) return In("exclude", found.error());
    if (IsKey(*found->column)) {
      return In("exclude", InvalidArgument(fmt::format("column {} is of the key, and rows need their key; mask it with "
                                                       "hmac instead",
                                                       found->column->name)));
    }
    if (found->present) seen_[found->column->id.value].visible = false;
  }
  return {};
}

Status Columns::ChooseMasks(const StreamSpec& spec, const Table& table) {
  for (const auto& [name, text] : spec.masks) {
    const auto found = FindColumnAsCql(table, name);
    if (!found.has_value()) return In("mask", found.error());
    const Column& column = *found->column;
    auto mask = Mask::Make(text, column, hmac_.get());
    if (!mask.has_value()) return In("mask", mask.error());
    if (!found->present) continue;
    Seen& seen = seen_[column.id.value];
    if (!seen.visible) {
      return In("mask",
                InvalidArgument(fmt::format("column {} is not in the stream: take the mask away, or let include or "
                                            "exclude have the column",
                                            column.name)));
    }
    if (seen.mask.kind() != Mask::Kind::kNone) {
      return In("mask", InvalidArgument(fmt::format("column {} has two masks; give it one", column.name)));
    }
    seen.mask = *mask;
  }
  return {};
}

void Columns::BuildVisible(const TableSchema& schema) {
  visible_ = schema;
  if (!selects_) return;
  visible_.columns.clear();
  for (const Column& column : schema.columns) {
    Seen& seen = seen_[column.id.value];
    if (!seen.visible) continue;
    seen.type = column.type.get();
    seen.id = ColumnId{static_cast<uint16_t>(visible_.columns.size())};
    Column& shown = visible_.columns.emplace_back(column);
    shown.id = seen.id;
    shown.type = seen.mask.VisibleType(column.type);
    // Hashes do not sort as what they hide.
    if (seen.mask.kind() == Mask::Kind::kHmac) shown.descending = false;
  }
  visible_.IndexColumns();
  visible_.id = ComputeSchemaId(visible_);
  const auto is_masked = [](const Seen* seen) { return seen->mask.kind() != Mask::Kind::kNone; };
  for (const ColumnId id : schema.partition_key) partition_key_.push_back(&seen_[id.value]);
  for (const ColumnId id : schema.clustering) clustering_.push_back(&seen_[id.value]);
  const auto key = std::ranges::find_if(partition_key_, is_masked);
  if (key != partition_key_.end()) all_of_key_ = &(*key)->mask;
  const auto clustering = std::ranges::find_if(clustering_, is_masked);
  if (clustering != clustering_.end()) all_of_clustering_ = &(*clustering)->mask;
  first_masked_clustering_ = static_cast<size_t>(clustering - clustering_.begin());
}

const Columns::Seen* Columns::Find(ColumnId id) const {
  return id.value < seen_.size() && seen_[id.value].visible ? &seen_[id.value] : nullptr;
}

Change* Columns::Show(const Change& change, Arena* arena) const {
  if (change.row == RowKind::kStatic && visible_.statics.empty()) return nullptr;
  Change* shown = arena->New<Change>();
  *shown = change;
  shown->schema = &visible_;
  shown->written = ShowIds(change.written, arena);
  shown->unknown = ShowIds(change.unknown, arena);
  shown->before = ShowImage(change.before, arena);
  shown->after = ShowImage(change.after, arena);
  if (change.op == Op::kTruncate) return shown;
  if (all_of_key_ != nullptr) ShowPartitionKey(shown, arena);
  if (all_of_clustering_ == nullptr) return shown;
  if (change.row == RowKind::kRange) {
    ShowRange(shown, arena);
  } else if (change.row == RowKind::kRegular) {
    shown->clustering = ShowClustering(change.clustering, arena);
  }
  return shown;
}

std::span<const ColumnId> Columns::ShowIds(std::span<const ColumnId> ids, Arena* arena) const {
  const std::span<ColumnId> shown = arena->NewArray<ColumnId>(ids.size());
  size_t n = 0;
  for (const ColumnId id : ids) {
    if (const Seen* seen = Find(id)) shown[n++] = seen->id;
  }
  return shown.first(n);
}

const Image* Columns::ShowImage(const Image* image, Arena* arena) const {
  if (image == nullptr) return nullptr;
  const std::span<ColumnValue> values = arena->NewArray<ColumnValue>(image->columns.size());
  size_t n = 0;
  for (const ColumnValue& value : image->columns) {
    const Seen* seen = Find(value.column);
    if (seen == nullptr) continue;
    ColumnValue& shown = values[n++];
    shown = value;
    shown.column = seen->id;
    if (value.null || seen->mask.kind() == Mask::Kind::kNone) continue;
    shown.null = seen->mask.kind() == Mask::Kind::kRedact || ReadsAsNull(*seen->type, value.value);
    shown.value = shown.null ? ByteView() : seen->mask.Apply(value.value, arena);
  }
  Image* shown = arena->New<Image>();
  shown->columns = values.first(n);
  return shown;
}

void Columns::ShowPartitionKey(Change* change, Arena* arena) const {
  const ByteView key = change->partition_key;
  // Each column grows to a hash at most, with the three bytes of its frame.
  const std::span<char> bytes = arena->NewArray<char>(key.size() + partition_key_.size() * (kHmacTextSize + 3));
  char* to = bytes.data();
  PartitionKeyReader reader(partition_key_.size(), key);
  for (const Seen* seen : partition_key_) {
    const std::optional<ByteView> value = reader.Next();
    if (!value) break;
    const ByteView shown = seen->mask.Apply(*value, arena);
    if (partition_key_.size() > 1) {
      StoreBigEndian(to, static_cast<uint16_t>(shown.size()));
      to += 2;
    }
    to = std::ranges::copy(shown, to).out;
    if (partition_key_.size() > 1) *to++ = '\0';
  }
  const bool whole = !reader.Next() && reader.status().has_value();
  change->partition_key =
      whole ? ByteView(bytes.data(), static_cast<size_t>(to - bytes.data())) : all_of_key_->Apply(key, arena);
  change->token = Murmur3Token(change->partition_key);
}

ByteView Columns::ShowClustering(ByteView clustering, Arena* arena) const {
  const std::span<char> bytes =
      arena->NewArray<char>(clustering.size() + clustering_.size() * (kHmacTextSize + kMaxVintBytes) + kMaxVintBytes);
  char* to = bytes.data();
  ClusteringReader reader(clustering);
  for (const Seen* seen : clustering_) {
    const std::optional<ClusteringReader::Value> value = reader.Next();
    if (!value) break;
    const ByteView shown = value->null ? ByteView() : seen->mask.Apply(value->bytes, arena);
    to += StoreVint(to, value->null ? 0 : shown.size() + 1);
    to = std::ranges::copy(shown, to).out;
  }
  const bool whole = !reader.Next() && reader.status().has_value();
  return whole ? ByteView(bytes.data(), static_cast<size_t>(to - bytes.data()))
               : all_of_clustering_->Apply(clustering, arena);
}

// Hashes have no order, so that of a range over a masked column only the columns before it can be told: the range is
// then told wider than it is. A deletion that stops short would leave readers what is gone.
void Columns::ShowRange(Change* change, Arena* arena) const {
  Bound& start = change->range_start;
  Bound& end = change->range_end;
  const size_t masked = first_masked_clustering_;
  const bool is_prefix = start.size == end.size && start.values == end.values && start.inclusive && end.inclusive;
  if (start.size > masked) ShowBound(is_prefix ? start.size : masked, false, &start, arena);
  if (end.size > masked) ShowBound(is_prefix ? end.size : masked, true, &end, arena);
}

// The bound's first columns, as readers see them, and the rows with just these.
void Columns::ShowBound(size_t columns, bool is_end, Bound* bound, Arena* arena) const {
  std::string values;
  std::string cut;
  ClusteringReader reader(bound->values);
  for (size_t i = 0; i < columns; ++i) {
    const Column& column = visible_.column(visible_.clustering[i]);
    const std::optional<ClusteringReader::Value> value = reader.Next();
    if (!value || value->null) {
      AppendClusteringNull(&values);
      AppendComparableNull(&cut);
      continue;
    }
    const ByteView shown = clustering_[i]->mask.Apply(value->bytes, arena);
    AppendClusteringValue(shown, &values);
    AppendComparable(*column.type, column.descending, shown, &cut);
  }
  if (is_end) AppendCutAfter(&cut);
  bound->cut = arena->Copy(cut);
  bound->values = arena->Copy(values);
  bound->size = static_cast<uint16_t>(columns);
  bound->inclusive = true;
}

}  // namespace braid::shape
