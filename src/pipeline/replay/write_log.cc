#include "pipeline/replay/write_log.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "codec/mutation.h"
#include "reconcile/lww/write.h"

namespace braid {
namespace {

// A record of the sorter. Its key puts writes in order; copies of one write have one key:
//   table u16, token, partition key, order time, target, order key, order tie, write time
// Its value: kind u8, the mutation at no position, the position. So copies of equal content are neighbours, and the
// first of them is at the least position.
enum class RecordKind : char {
  kWrite = 0,
  // Deletions that belong to the write of the same row 1 µs later. They say that a copy of them which some replica
  // logged alone is part of that write, and no write of its own.
  kAttached = 1,
};

constexpr size_t kPositionBytes = 18;
// A group of copies this large is packed together before more are joined: bounds the memory of one write's copies.
constexpr size_t kPackGroupBytes = 16 << 20;

void AppendOrdered(std::string* to, int64_t value) {
  AppendBigEndian<uint64_t>(to, static_cast<uint64_t>(value) ^ (uint64_t{1} << 63));
}

// Bytes in an order-preserving form that ends itself: 00 becomes 00 FF, the end is 00 00.
void AppendEscaped(std::string* to, ByteView bytes) {
  while (true) {
    const size_t zero = bytes.find('\0');
    if (zero == ByteView::npos) break;
    to->append(bytes.substr(0, zero));
    to->append("\0\xFF", 2);
    bytes.remove_prefix(zero + 1);
  }
  to->append(bytes);
  to->append("\0\0", 2);
}

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
  key_.clear();
  value_.clear();
  AppendRecordKey(&key_, table, write);
  AppendRecordValue(&value_, RecordKind::kWrite, write);
  TRY(sorter_.Add(key_, value_));

  const Target target = TargetOf(write);
  if (target != Target::kRow && target != Target::kStatic) return {};
  RowUpdate attached;
  if (!AttachedDeletions(RowOf(write), WriteTimeOf(write), &arena_, &attached)) return {};
  Mutation record = write;
  if (target == Target::kStatic) {
    record.static_row = &attached;
  } else {
    record.rows = {&attached, 1};
  }
  key_.clear();
  value_.clear();
  AppendRecordKey(&key_, table, record);
  // The marker stands for the rest of the write, which IsAbsorbedBy wants to know the time of.
  attached.liveness.at = WriteTimeOf(write);
  AppendRecordValue(&value_, RecordKind::kAttached, record);
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
  arena_.Reset();
  while (!at_end_ && sorted_->key() == group_key_) {
    TRY(TakeRecord(sorted_->value()));
    TRY(NextRecord());
  }
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
  if (!is_write && !has_joined_) return {};
  // Equal contents are neighbours, the least position first: the others say nothing new.
  if (content == last_content_) {
    if (is_write) ++copies_;
    return {};
  }
  last_content_.assign(content);

  ASSIGN_OR_RETURN(Mutation mutation, DecodeMutation(arena_.Copy(content.substr(1)), schemas_, &arena_));
  if (!is_write) {
    if (IsAbsorbedBy(joined_, mutation)) {
      absorbed_ = true;
      ++copies_;
    }
    return {};
  }
  mutation.position = DecodePosition(value.substr(value.size() - kPositionBytes));
  if (!has_joined_) {
    joined_ = mutation;
    has_joined_ = true;
    return {};
  }
  ++copies_;
  const Mutation both[] = {joined_, mutation};
  ASSIGN_OR_RETURN(joined_, JoinCopies(both, now_, &arena_));
  if (arena_.held_bytes() > kPackGroupBytes) TRY(PackGroup());
  return {};
}

// Moves the joined write to the beginning of an empty arena.
Status WriteLog::Reader::PackGroup() {
  std::string packed;
  AppendMutation(&packed, joined_);
  const Position position = joined_.position;
  arena_.Reset();
  ASSIGN_OR_RETURN(joined_, DecodeMutation(arena_.Copy(packed), schemas_, &arena_));
  joined_.position = position;
  return {};
}

}  // namespace braid
