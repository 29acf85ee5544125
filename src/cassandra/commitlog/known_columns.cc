#include "cassandra/commitlog/known_columns.h"

#include <algorithm>
#include <cstring>

namespace braid {

namespace {

// Which bits of the first 8 bytes count where there are `size` bytes.
uint64_t MaskOf(size_t size) {
  return size >= sizeof(uint64_t) ? ~uint64_t{0} : (uint64_t{1} << (8 * size)) - 1;
}

// The first 8 bytes, zeroes where there are fewer. `bytes` is the beginning of `readable` bytes.
uint64_t HeadOf(ByteView bytes, size_t readable) {
  uint64_t head = 0;
  if (readable >= sizeof(head)) [[likely]] {
    std::memcpy(&head, bytes.data(), sizeof(head));
    return head & MaskOf(bytes.size());
  }
  std::memcpy(&head, bytes.data(), bytes.size());
  return head;
}

}  // namespace

KnownColumns::KnownColumns(const TableSchema& schema, ColumnKind kind, std::span<const ColumnId> excluded) {
  for (const Column& column : schema.columns) {
    if (column.kind != kind) continue;
    columns_.push_back({.name = column.name,
                        .head = HeadOf(column.name, column.name.size()),
                        .column = MakeHeaderColumn(column, *column.type, excluded)});
  }
}

const ColumnList* KnownColumns::Read(Cursor* from, ByteView* unknown) {
  const ByteView rest(from->position(), from->remaining());
  // A list holds its own length, so equal bytes at its beginning mean an equal list.
  const uint64_t head = HeadOf(rest, rest.size());
  if (!remembered_[last_].StandsAt(rest, head)) {
    last_ = 0;
    while (last_ < remembered_.size() && !remembered_[last_].StandsAt(rest, head)) ++last_;
    if (last_ == remembered_.size()) {
      last_ = 0;
      return Resolve(from, rest, unknown);
    }
  }
  from->Skip(remembered_[last_].bytes.size());
  return &remembered_[last_].list;
}

const ColumnList* KnownColumns::Resolve(Cursor* from, ByteView rest, ByteView* unknown) {
  const uint64_t count = from->Vint();
  if (count > columns_.size()) {
    // A column that is not known is likelier than damage: look for it.
    if (count > from->remaining()) from->Fail("an update claims more columns than there are bytes");
  }
  resolved_.clear();
  size_t guess = 0;
  for (uint64_t i = 0; i < count && from->ok(); ++i) {
    const ByteView name = from->VintBytes();
    if (!from->ok()) break;
    const NamedColumn* const column = Find(name, HeadOf(name, name.size() + from->remaining()), &guess);
    if (column == nullptr) {
      *unknown = name;
      return nullptr;
    }
    if (resolved_.size() == columns_.size()) from->Fail("an update lists a column twice");
    resolved_.push_back(column->column);
  }
  if (!from->ok()) return nullptr;
  Remembered& place = remembered_[replace_next_];
  place.bytes.clear();
  if (!place.list.Assign(resolved_)) {
    from->Fail("an update lists a column twice");
    return nullptr;
  }
  last_ = replace_next_;
  replace_next_ = (replace_next_ + 1) % remembered_.size();
  place.bytes.assign(rest.data(), rest.size() - from->remaining());
  place.head = HeadOf(place.bytes, place.bytes.size());
  place.mask = MaskOf(place.bytes.size());
  return &place.list;
}

// `*guess` is where the name is looked for first: behind the last one found, as lists and ids mostly go in one order.
const KnownColumns::NamedColumn* KnownColumns::Find(std::string_view name, uint64_t head, size_t* guess) const {
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (*guess >= columns_.size()) *guess = 0;
    const NamedColumn& column = columns_[(*guess)++];
    if (column.head == head && column.name == name) return &column;
  }
  return nullptr;
}

}  // namespace braid
