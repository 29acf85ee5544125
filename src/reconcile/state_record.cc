#include "reconcile/state_record.h"

#include "base/cursor.h"
#include "codec/row_state.h"
#include "reconcile/lww/apply.h"

namespace braid {
namespace {

constexpr uint64_t kSignBit = uint64_t{1} << 63;

void AppendSortable(std::string* to, int64_t value) {
  AppendBigEndian(to, static_cast<uint64_t>(value) ^ kSignBit);
}
int64_t Sortable(uint64_t bits) {
  return static_cast<int64_t>(bits ^ kSignBit);
}

// Ends with 00 01; a zero byte within is 00 FF: so keys sort as their bytes do, and none begins another.
void AppendEscaped(std::string* to, ByteView bytes) {
  for (const char byte : bytes) {
    to->push_back(byte);
    if (byte == '\0') to->push_back('\xff');
  }
  to->append("\0\1", 2);
}

ByteView ReadEscaped(Cursor* from, Arena* arena) {
  const std::string_view left(from->position(), from->remaining());
  char* const begin = arena->Allocate(left.size(), 1);
  char* to = begin;
  for (size_t i = 0; i + 1 < left.size(); ++i) {
    if (left[i] != '\0') {
      *to++ = left[i];
    } else if (left[i + 1] == '\xff') {
      *to++ = '\0';
      ++i;
    } else if (left[i + 1] == '\1') {
      from->Skip(i + 2);
      return {begin, static_cast<size_t>(to - begin)};
    } else {
      break;
    }
  }
  from->Fail("the partition key does not end");
  return {};
}

}  // namespace

void AppendPartitionPrefix(std::string* to, uint32_t shard, const PartitionRef& partition) {
  AppendBigEndian(to, shard);
  to->append(partition.table.view());
  AppendSortable(to, partition.token.value);
  AppendEscaped(to, partition.key);
}

void AppendHeaderKey(std::string* to, uint32_t shard, const PartitionRef& partition) {
  AppendPartitionPrefix(to, shard, partition);
  to->push_back(static_cast<char>(RecordKind::kHeader));
}

void AppendRowPart(std::string* to, const RowRef& row) {
  to->push_back(static_cast<char>(row.is_static ? RecordKind::kStaticRow : RecordKind::kRow));
  to->append(row.key);
}

void AppendRowKey(std::string* to, uint32_t shard, const PartitionRef& partition, const RowRef& row) {
  AppendPartitionPrefix(to, shard, partition);
  AppendRowPart(to, row);
}

Result<RowRef> ReadRowPart(ByteView part) {
  if (!part.empty() && part[0] == static_cast<char>(RecordKind::kRow)) return RowRef{false, part.substr(1)};
  if (part.size() == 1 && part[0] == static_cast<char>(RecordKind::kStaticRow)) return RowRef{true, {}};
  return Corrupt("a state record's key names no row");
}

Result<RecordKey> ReadRecordKey(ByteView key, Arena* arena) {
  Cursor from(key);
  RecordKey record;
  record.shard = from.U32();
  const ByteView table = from.Bytes(16);
  record.partition.token.value = Sortable(from.U64());
  record.partition.key = ReadEscaped(&from, arena);
  const uint8_t kind = from.U8();
  if (kind > static_cast<uint8_t>(RecordKind::kDue)) from.Fail("unknown kind of record");
  record.kind = static_cast<RecordKind>(kind);
  record.rest = from.Bytes(from.remaining());
  if (!from.ok()) return Corrupt(std::string("a state record's key: ") + from.reason());
  record.partition.table = TableId::FromBytes(table);
  return record;
}

void AppendDue(std::string* to, UnixSeconds due) {
  AppendSortable(to, due.s);
}
UnixSeconds ReadDue(ByteView bytes) {
  return UnixSeconds{Sortable(LoadBigEndian<uint64_t>(bytes.data()))};
}

void AppendDelta(const StateDelta& delta, Commit* commit) {
  if (delta.header != nullptr || delta.erase_header) {
    StateWrite& write = commit->state.emplace_back();
    AppendHeaderKey(&write.key, commit->shard, delta.partition);
    write.erased = delta.header == nullptr;
    if (!write.erased) AppendPartitionHeader(&write.value, *delta.header);
  }
  for (const RowDelta& row : delta.rows) {
    StateWrite write;
    AppendRowKey(&write.key, commit->shard, delta.partition, row.ref);
    write.erased = row.state == nullptr;
    if (!write.erased) AppendRowState(&write.value, *row.state);
    if (row.due_before != row.due_after) {
      if (!row.due_before.never()) commit->timers.push_back({row.due_before, write.key, true});
      if (!row.due_after.never()) commit->timers.push_back({row.due_after, write.key, false});
    }
    commit->state.push_back(std::move(write));
  }
}

Status RestoreRecord(ByteView key, ByteView value, State* state) {
  Arena arena(4096);
  ASSIGN_OR_RETURN(const RecordKey record, ReadRecordKey(key, &arena));
  if (record.kind == RecordKind::kHeader) {
    ASSIGN_OR_RETURN(const PartitionHeader header, DecodePartitionHeader(value, &arena));
    return state->Write({record.partition, &header, false, {}});
  }
  if (record.kind == RecordKind::kDue) return Corrupt("a timer is no record of a row");
  ASSIGN_OR_RETURN(const RowState row, DecodeRowState(value, kAnyColumn, &arena));
  RowDelta delta;
  delta.ref = {record.kind == RecordKind::kStaticRow, record.rest};
  delta.state = &row;
  delta.due_after = NextExpiry(row);
  return state->Write({record.partition, nullptr, false, {&delta, 1}});
}

}  // namespace braid
