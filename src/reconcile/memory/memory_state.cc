#include "reconcile/memory/memory_state.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>

#include "base/check.h"

namespace braid {
namespace {

// One block of memory into which a state's parts are copied, spans first because they need alignment.
class Block {
 public:
  Block() = default;
  explicit Block(size_t bytes) : memory_(new char[bytes]), bytes_(bytes), to_(memory_.get()) {}

  template <typename T>
  std::span<T> Copy(std::span<const T> items) {
    if (items.empty()) return {};
    T* const first = reinterpret_cast<T*>(to_);
    std::memcpy(static_cast<void*>(first), items.data(), items.size_bytes());
    to_ += items.size_bytes();
    return {first, items.size()};
  }
  ByteView Copy(ByteView bytes) {
    if (bytes.empty()) return {};
    char* const first = to_;
    std::memcpy(first, bytes.data(), bytes.size());
    to_ += bytes.size();
    return {first, bytes.size()};
  }

  size_t bytes() const { return bytes_; }

 private:
  std::unique_ptr<char[]> memory_;
  size_t bytes_ = 0;
  char* to_ = nullptr;
};

struct StoredRow {
  RowState state;
  Block block;
};

void Store(const RowState& row, StoredRow* to) {
  size_t bytes =
      row.cells.size_bytes() + row.complex_deletions.size_bytes() + row.unknown.size_bytes() + row.clustering.size();
  for (const Cell& cell : row.cells) bytes += cell.path.size() + cell.value.size();
  Block block(bytes);
  RowState state = row;
  const std::span<Cell> cells = block.Copy(row.cells);
  state.complex_deletions = block.Copy(row.complex_deletions);
  state.unknown = block.Copy(row.unknown);
  state.clustering = block.Copy(row.clustering);
  for (Cell& cell : cells) {
    cell.path = block.Copy(cell.path);
    cell.value = block.Copy(cell.value);
  }
  state.cells = cells;
  // Only now, because `row` may point into what is stored.
  to->state = state;
  to->block = std::move(block);
}

struct StoredHeader {
  PartitionHeader header;
  Block block;
};

void Store(const PartitionHeader& header, StoredHeader* to) {
  const bool same_ranges =
      header.ranges.data() == to->header.ranges.data() && header.ranges.size() == to->header.ranges.size();
  if (same_ranges || header.ranges.empty()) {
    to->header = header;
    return;
  }
  size_t bytes = header.ranges.size_bytes();
  for (const RangeDeletion& range : header.ranges) {
    bytes += range.start.cut.size() + range.start.values.size() + range.end.cut.size() + range.end.values.size();
  }
  Block block(bytes);
  PartitionHeader copy = header;
  const std::span<RangeDeletion> ranges = block.Copy(header.ranges);
  for (RangeDeletion& range : ranges) {
    range.start.cut = block.Copy(range.start.cut);
    range.start.values = block.Copy(range.start.values);
    range.end.cut = block.Copy(range.end.cut);
    range.end.values = block.Copy(range.end.values);
  }
  copy.ranges = ranges;
  to->header = copy;
  to->block = std::move(block);
}

struct PartitionName {
  TableId table;
  Token token;
  std::string key;
};

struct NameHash {
  using is_transparent = void;
  size_t operator()(const PartitionName& name) const { return Hash(name.table, name.token); }
  size_t operator()(const PartitionRef& ref) const { return Hash(ref.table, ref.token); }

 private:
  static size_t Hash(const TableId& table, Token token) {
    return TableIdHash()(table) * 0x9E3779B97F4A7C15ull ^ static_cast<size_t>(token.value);
  }
};

struct NameEqual {
  using is_transparent = void;
  template <typename A, typename B>
  bool operator()(const A& a, const B& b) const {
    return a.token == b.token && ByteView(a.key) == ByteView(b.key) && a.table == b.table;
  }
};

// A row's place among those that are due: by second, then the static row, then by key. `key` is the row map's.
using RowDue = std::tuple<UnixSeconds, bool, ByteView>;
RowDue DueOf(UnixSeconds due, const RowRef& ref) {
  return {due, !ref.is_static, ref.key};
}

}  // namespace

struct MemoryState::Partition {
  const PartitionName* name = nullptr;
  bool has_header = false;
  StoredHeader header;
  std::unique_ptr<StoredRow> static_row;
  std::map<std::string, StoredRow, std::less<>> rows;
  std::set<RowDue> due;

  StoredRow* Find(const RowRef& ref) {
    if (ref.is_static) return static_row.get();
    const auto found = rows.find(ref.key);
    return found == rows.end() ? nullptr : &found->second;
  }
  UnixSeconds first_due() const { return due.empty() ? UnixSeconds::Never() : std::get<0>(*due.begin()); }
};

struct MemoryState::Impl {
  struct EarlierPartition {
    bool operator()(const std::pair<UnixSeconds, const Partition*>& a,
                    const std::pair<UnixSeconds, const Partition*>& b) const {
      const auto rank = [](const auto& entry) {
        const PartitionName& name = *entry.second->name;
        return std::tie(entry.first, name.table, name.token, name.key);
      };
      return rank(a) < rank(b);
    }
  };

  std::unordered_map<PartitionName, std::unique_ptr<Partition>, NameHash, NameEqual> partitions;
  // Each partition that has anything due, by its first.
  std::set<std::pair<UnixSeconds, const Partition*>, EarlierPartition> due;
  // The one found last: most calls ask for the same again.
  Partition* last = nullptr;
  size_t held_bytes = 0;

  Partition* Find(const PartitionRef& ref) {
    if (last != nullptr && NameEqual()(*last->name, ref)) return last;
    const auto found = partitions.find(ref);
    if (found == partitions.end()) return nullptr;
    last = found->second.get();
    return last;
  }

  Partition* FindOrAdd(const PartitionRef& ref) {
    if (Partition* found = Find(ref)) return found;
    const auto [added, is_new] = partitions.try_emplace({ref.table, ref.token, std::string(ref.key)}, nullptr);
    CHECK(is_new);
    added->second = std::make_unique<Partition>();
    added->second->name = &added->first;
    last = added->second.get();
    return last;
  }

  void Forget(const Partition& partition) {
    if (!partition.due.empty()) due.erase({partition.first_due(), &partition});
    for (const auto& [key, row] : partition.rows) held_bytes -= row.block.bytes();
    if (partition.static_row != nullptr) held_bytes -= partition.static_row->block.bytes();
    last = nullptr;
    partitions.erase(partitions.find(PartitionRef{partition.name->table, partition.name->token, partition.name->key}));
  }

  void WriteRow(Partition* partition, const RowDelta& delta) {
    if (StoredRow* old = partition->Find(delta.ref)) {
      held_bytes -= old->block.bytes();
      if (!delta.due_before.never()) partition->due.erase(DueOf(delta.due_before, delta.ref));
    }
    if (delta.state == nullptr) {
      if (delta.ref.is_static) {
        partition->static_row.reset();
      } else if (const auto found = partition->rows.find(delta.ref.key); found != partition->rows.end()) {
        partition->rows.erase(found);
      }
      return;
    }
    StoredRow* row;
    ByteView key;
    if (delta.ref.is_static) {
      if (partition->static_row == nullptr) partition->static_row = std::make_unique<StoredRow>();
      row = partition->static_row.get();
    } else {
      auto found = partition->rows.lower_bound(delta.ref.key);
      if (found == partition->rows.end() || found->first != delta.ref.key) {
        found = partition->rows.emplace_hint(found, std::string(delta.ref.key), StoredRow{});
      }
      row = &found->second;
      key = found->first;
    }
    Store(*delta.state, row);
    held_bytes += row->block.bytes();
    if (!delta.due_after.never()) partition->due.insert(DueOf(delta.due_after, {delta.ref.is_static, key}));
  }
};

MemoryState::MemoryState() : impl_(std::make_unique<Impl>()) {}
MemoryState::~MemoryState() = default;

Result<const PartitionHeader*> MemoryState::ReadHeader(const PartitionRef& partition, Arena*) {
  const Partition* found = impl_->Find(partition);
  return found == nullptr || !found->has_header ? nullptr : &found->header.header;
}

Result<const RowState*> MemoryState::ReadRow(const PartitionRef& partition, const RowRef& row, Arena*) {
  Partition* found = impl_->Find(partition);
  const StoredRow* stored = found == nullptr ? nullptr : found->Find(row);
  return stored == nullptr ? nullptr : &stored->state;
}

Status MemoryState::ReadRows(const PartitionRef& partition, const KeyRange& range, size_t max_rows, Arena*,
                             std::vector<RowEntry>* rows) {
  const Partition* found = impl_->Find(partition);
  if (found == nullptr) return {};
  auto row = found->rows.lower_bound(range.from);
  for (size_t n = 0; n < max_rows && row != found->rows.end(); ++n, ++row) {
    if (!range.unbounded && ByteView(row->first) >= range.to) break;
    rows->push_back({{false, row->first}, row->second.state});
  }
  return {};
}

Status MemoryState::Write(const StateDelta& delta) {
  Partition* partition = impl_->FindOrAdd(delta.partition);
  const UnixSeconds first_due = partition->first_due();
  // First the rows: a change of theirs may be told by views of the old header.
  for (const RowDelta& row : delta.rows) impl_->WriteRow(partition, row);
  if (delta.header != nullptr) {
    Store(*delta.header, &partition->header);
    partition->has_header = true;
  } else if (delta.erase_header) {
    partition->header = {};
    partition->has_header = false;
  }
  if (partition->first_due() != first_due) {
    if (!first_due.never()) impl_->due.erase({first_due, partition});
    if (!partition->first_due().never()) impl_->due.insert({partition->first_due(), partition});
  }
  return {};
}

Result<std::optional<DueRow>> MemoryState::NextDue(const PartitionRef& partition, UnixSeconds now, Arena*) {
  const Partition* found = impl_->Find(partition);
  if (found == nullptr || found->due.empty()) return std::nullopt;
  const auto& [due, is_regular, key] = *found->due.begin();
  if (due > now) return std::nullopt;
  return DueRow{{found->name->table, found->name->token, found->name->key}, {!is_regular, key}, due};
}

Result<std::optional<DueRow>> MemoryState::NextDueOfAll(UnixSeconds now, Arena* arena) {
  if (impl_->due.empty() || impl_->due.begin()->first > now) return std::nullopt;
  const PartitionName& name = *impl_->due.begin()->second->name;
  return NextDue({name.table, name.token, name.key}, now, arena);
}

Status MemoryState::ForgetPartition(const PartitionRef& partition) {
  if (Partition* found = impl_->Find(partition)) impl_->Forget(*found);
  return {};
}

Status MemoryState::ForgetTable(const TableId& table) {
  std::vector<Partition*> of_table;
  for (const auto& [name, partition] : impl_->partitions) {
    if (name.table == table) of_table.push_back(partition.get());
  }
  for (Partition* partition : of_table) impl_->Forget(*partition);
  return {};
}

Status MemoryState::ListPartitions(const PartitionRef& from, size_t max, Arena* arena,
                                   std::vector<PartitionRef>* partitions) {
  std::vector<PartitionRef> all;
  const auto place = [](const PartitionRef& ref) { return std::tie(ref.table, ref.token, ref.key); };
  for (const auto& [name, partition] : impl_->partitions) {
    const PartitionRef ref{name.table, name.token, name.key};
    if (place(ref) >= place(from)) all.push_back(ref);
  }
  const size_t n = std::min(max, all.size());
  std::ranges::partial_sort(all, all.begin() + static_cast<ptrdiff_t>(n),
                            [&](const PartitionRef& a, const PartitionRef& b) { return place(a) < place(b); });
  for (size_t i = 0; i < n; ++i) partitions->push_back({all[i].table, all[i].token, arena->Copy(all[i].key)});
  return {};
}

void MemoryState::Clear() {
  impl_ = std::make_unique<Impl>();
}

size_t MemoryState::held_bytes() const {
  return impl_->held_bytes + impl_->partitions.size() * sizeof(Partition);
}

}  // namespace braid
