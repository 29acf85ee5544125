#include "pipeline/replay/write_log.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "codec/mutation.h"
#include "pipeline/spill/ordered_key.h"
#include "reconcile/lww/merge.h"
#include "reconcile/lww/write.h"

namespace braid {
namespace {

// A record of the sorter. Its key puts writes in order; copies of one write have one key:
//   table u16, token, partition key, order time, target, order key, order tie, write time
// Its value: kind u8, the mutation at no position, the position. So copies of equal content are neighbours, and the
// first of them is at the least position.
enum class RecordKind : char {
  kWrite = 0,
  // A part of a write that stands elsewhere: the deletions of a write 1 µs later, or the cells of a counter's write
  // that have lesser clocks. It says that a copy of it which some replica logged alone is no write of its own.
  kMarker = 1,
};

constexpr size_t kPositionBytes = 18;
// A group of copies this large is joined to one before more are taken: bounds the memory of one write's copies.
constexpr size_t kPackGroupBytes = 16 << 20;

void AppendRecordKey(std::string* to, uint32_t table, const Mutation& write) {
  const WriteOrder order = OrderOf(write);
  AppendBigEndian<uint16_t>(to, static_cast<uint16_t>(table));
  AppendOrdered(to, write.token.value);
  AppendEscaped(to, write.partition_key);
  AppendOrdered(to, order.time.us);
  to->push_back(static_cast<char>(order.target));
  AppendEscaped(to, order.key);
  AppendEscaped(to, order.tie);
  AppendOrdered(to, WriteTimeOf(write).us);
}

void AppendRecordValue(std::string* to, RecordKind kind, Mutation write) {
  const Position position = write.position;
  write.position = {};
  to->push_back(static_cast<char>(kind));
  AppendMutation(to, write);
  AppendBigEndian<uint16_t>(to, position.node.value);
  AppendOrdered(to, position.segment.value);
  AppendBigEndian<uint64_t>(to, position.offset);
}

Position DecodePosition(ByteView bytes) {
  CHECK(bytes.size() == kPositionBytes);
  Position position;
  position.node.value = LoadBigEndian<uint16_t>(bytes.data());
  position.segment.value = static_cast<int64_t>(LoadBigEndian<uint64_t>(bytes.data() + 2) ^ (uint64_t{1} << 63));
  position.offset = LoadBigEndian<uint64_t>(bytes.data() + 10);
  return position;
}

// The deletions of `row` that are older than the write's time: those that it holds for what it overwrites.
// False if there are none.
bool AttachedDeletions(const RowUpdate& row, WriteTime time, Arena* arena, RowUpdate* attached) {
  const auto older = [time](WriteTime at) { return !at.none() && at < time; };
  bool any = false;
  *attached = RowUpdate{.key = row.key, .clustering = row.clustering};
  if (older(row.deletion.at)) {
    attached->deletion = row.deletion;
    any = true;
  }
  std::vector<ComplexDeletion> complex;
  for (const ComplexDeletion& each : row.complex_deletions) {
    if (older(each.deletion.at)) complex.push_back(each);
  }
  std::vector<Cell> tombstones;
  for (const Cell& cell : row.cells) {
    if (cell.kind == CellKind::kTombstone && older(cell.at)) tombstones.push_back(cell);
  }
  attached->complex_deletions = arena->CopyArray(complex);
  attached->cells = arena->CopyArray(tombstones);
  return any || !complex.empty() || !tombstones.empty();
}

// `write` with another row in the place of its own.
Mutation WithRow(Mutation write, const RowUpdate* row) {
  if (write.static_row != nullptr) {
    write.static_row = row;
  } else {
    write.rows = {row, 1};
  }
  return write;
}

// What of a counter's write would stand before it, if a replica logged it alone: a write stands at its greatest clock,
// and each of its cells has a clock of its own. One for each lesser clock.
std::vector<RowUpdate> EarlierFragments(const RowUpdate& row, Arena* arena) {
  std::vector<int64_t> clocks;
  for (const Cell& cell : row.cells) {
    if (cell.kind == CellKind::kLive) clocks.push_back(LatestShard(cell.value).clock);
  }
  std::sort(clocks.begin(), clocks.end());
  clocks.erase(std::unique(clocks.begin(), clocks.end()), clocks.end());
  std::vector<RowUpdate> fragments;
  for (size_t i = 0; i + 1 < clocks.size(); ++i) {
    std::vector<Cell> cells;
    for (const Cell& cell : row.cells) {
      if (cell.kind == CellKind::kLive && LatestShard(cell.value).clock <= clocks[i]) cells.push_back(cell);
    }
    fragments.push_back({.key = row.key, .clustering = row.clustering, .cells = arena->CopyArray(cells)});
  }
  return fragments;
}

bool SameShard(const CounterShard& a, const CounterShard& b) {
  return a.id == b.id && a.clock == b.clock && a.count == b.count;
}

// What of a counter's `cells` the cells of `whole` do not tell: a repair's copy holds older shards beside the latest.
std::span<const Cell> CellsBeyond(std::span<const Cell> cells, std::span<const Cell> whole, Arena* arena) {
  std::vector<Cell> rest;
  for (Cell cell : cells) {
    const auto twin = std::find_if(whole.begin(), whole.end(), [&](const Cell& other) {
      return other.column == cell.column && other.kind == cell.kind && other.at == cell.at;
    });
    if (twin != whole.end() && SameShard(LatestShard(cell.value), LatestShard(twin->value))) {
      cell.value = WithoutLatestShard(cell.value, arena);
      if (cell.value.empty()) continue;
    }
    rest.push_back(cell);
  }
  return arena->CopyArray(rest);
}

}  // namespace

WriteLog::WriteLog(std::vector<const TableSchema*> tables, const Sorter::Options& options)
    : tables_(std::move(tables)), sorter_(options) {}

Status WriteLog::Add(uint32_t table, const Mutation& mutation) {
  CHECK(table < tables_.size());
  arena_.Reset();
  cut_.clear();
  CutIntoWrites(mutation, &arena_, &cut_);
  for (const Mutation& write : cut_) TRY(AddWrite(table, write));
  writes_ += cut_.size();
  return {};
}

Status WriteLog::AddWrite(uint32_t table, const Mutation& write) {
  TRY(AddRecord(table, write, /*is_marker=*/false, write));
  const Target target = TargetOf(write);
  return target == Target::kRow || target == Target::kStatic ? AddMarkers(table, write) : Status();
}

Status WriteLog::AddMarkers(uint32_t table, const Mutation& write) {
  const RowUpdate& row = RowOf(write);
  if (write.schema->counter) {
    const std::vector<RowUpdate> fragments = EarlierFragments(row, &arena_);
    for (const RowUpdate& fragment : fragments) {
      const Mutation marker = WithRow(write, &fragment);
      TRY(AddRecord(table, marker, /*is_marker=*/true, marker));
    }
  }
  RowUpdate attached;
  if (!AttachedDeletions(row, WriteTimeOf(write), &arena_, &attached)) return {};
  const Mutation placed = WithRow(write, &attached);
  // The marker stands for the rest of the write, which IsAbsorbedBy wants to know the time of.
  RowUpdate timed = attached;
  timed.liveness.at = WriteTimeOf(write);
  return AddRecord(table, placed, /*is_marker=*/true, WithRow(write, &timed));
}

Status WriteLog::AddRecord(uint32_t table, const Mutation& placed, bool is_marker, const Mutation& record) {
  key_.clear();
  value_.clear();
  AppendRecordKey(&key_, table, placed);
  AppendRecordValue(&value_, is_marker ? RecordKind::kMarker : RecordKind::kWrite, record);
  return sorter_.Add(key_, value_);
}

Result<std::unique_ptr<WriteLog::Reader>> WriteLog::Finish(const SchemaLookup& schemas, UnixSeconds now) {
  ASSIGN_OR_RETURN(auto sorted, sorter_.Finish());
  return std::make_unique<Reader>(std::move(sorted), schemas, now);
}

Result<const Mutation*> WriteLog::Reader::Next() {
  if (!started_) {
    started_ = true;
    TRY(NextRecord());
  }
  while (!at_end_) {
    TRY(JoinGroup());
    if (!has_joined_ || absorbed_) continue;
    std::string partition(group_key_, 0, sizeof(uint16_t));
    partition.append(joined_.partition_key);
    new_partition_ = partition != partition_;
    partition_ = std::move(partition);
    return &joined_;
  }
  return nullptr;
}

// Takes in all records of the next key.
Status WriteLog::Reader::JoinGroup() {
  group_key_.assign(sorted_->key());
  table_ = LoadBigEndian<uint16_t>(group_key_.data());
  last_content_.clear();
  has_joined_ = false;
  absorbed_ = false;
  group_.clear();
  arena_.Reset();
  while (!at_end_ && sorted_->key() == group_key_) {
    TRY(TakeRecord(sorted_->value()));
    TRY(NextRecord());
  }
  return JoinTaken();
}

Status WriteLog::Reader::JoinTaken() {
  if (has_joined_ || group_.empty()) return {};
  ASSIGN_OR_RETURN(joined_, JoinCopies(group_, now_, &arena_));
  has_joined_ = true;
  return {};
}

Status WriteLog::Reader::NextRecord() {
  ASSIGN_OR_RETURN(const bool more, sorted_->Next());
  at_end_ = !more;
  return {};
}

Status WriteLog::Reader::TakeRecord(ByteView value) {
  const ByteView content = value.substr(0, value.size() - kPositionBytes);
  const bool is_write = content[0] == static_cast<char>(RecordKind::kWrite);
  if (!is_write && group_.empty()) return {};
  // Equal contents are neighbours, the least position first: the others say nothing new.
  if (content == last_content_) {
    if (is_write) ++copies_;
    return {};
  }
  last_content_.assign(content);

  ASSIGN_OR_RETURN(Mutation mutation, DecodeMutation(arena_.Copy(content.substr(1)), schemas_, &arena_));
  if (!is_write) {
    // Markers sort behind all copies.
    TRY(JoinTaken());
    Absorb(mutation);
    return {};
  }
  mutation.position = DecodePosition(value.substr(value.size() - kPositionBytes));
  if (!group_.empty()) ++copies_;
  group_.push_back(mutation);
  if (arena_.held_bytes() > kPackGroupBytes) TRY(PackGroup());
  return {};
}

void WriteLog::Reader::Absorb(const Mutation& marker) {
  if (absorbed_) return;
  if (joined_.schema->counter && RowOf(joined_).deletion.live()) {
    RowUpdate* rest = arena_.New<RowUpdate>();
    *rest = RowOf(joined_);
    rest->cells = CellsBeyond(rest->cells, RowOf(marker).cells, &arena_);
    absorbed_ = rest->cells.empty() && rest->liveness.none();
    joined_ = WithRow(joined_, rest);
  } else {
    absorbed_ = IsAbsorbedBy(joined_, marker);
  }
  if (absorbed_) ++copies_;
}

// Joins the copies taken so far and moves what they make to the beginning of an empty arena.
Status WriteLog::Reader::PackGroup() {
  ASSIGN_OR_RETURN(const Mutation joined, JoinCopies(group_, now_, &arena_));
  std::string packed;
  AppendMutation(&packed, joined);
  const Position position = joined.position;
  arena_.Reset();
  ASSIGN_OR_RETURN(Mutation moved, DecodeMutation(arena_.Copy(packed), schemas_, &arena_));
  moved.position = position;
  group_.assign(1, moved);
  return {};
}

}  // namespace braid
