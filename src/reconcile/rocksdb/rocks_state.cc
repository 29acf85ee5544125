#include "reconcile/rocksdb/rocks_state.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/write_batch_with_index.h>

#include <algorithm>
#include <unordered_map>

#include "base/cursor.h"
#include "base/vint.h"
#include "codec/row_state.h"
#include "reconcile/rocksdb/record_cache.h"
#include "reconcile/state_record.h"

namespace braid {
namespace {

// The first byte of a key in the store.
constexpr char kMark = 0;
constexpr char kRecords = 1;
constexpr char kTimers = 2;

constexpr size_t kDueBytes = 8;

// What the store keeps under a partition's key: its header, if there is one; when the first of its rows is due, so that
// the timers need not be searched each time; and its row with the empty key, so that a partition of a table without
// clustering columns is one record.
struct PartitionInfo {
  bool has_header = false;
  bool has_rows = false;  // with keys, or had once
  UnixSeconds first_due;
  PartitionHeader header;
  ByteView row;  // encoded; empty if there is none

  bool empty() const { return !has_header && !has_rows && first_due.never() && row.empty(); }
};
constexpr uint8_t kHasHeader = 1;
constexpr uint8_t kHasDue = 2;
constexpr uint8_t kHasRows = 4;

std::string InfoBytes(const PartitionInfo& info) {
  std::string bytes(1, static_cast<char>((info.has_header ? kHasHeader : 0) | (info.first_due.never() ? 0 : kHasDue) |
                                         (info.has_rows ? kHasRows : 0)));
  if (!info.first_due.never()) AppendSignedVint(&bytes, info.first_due.s);
  if (info.has_header) {
    std::string header;
    AppendPartitionHeader(&header, info.header);
    AppendVint(&bytes, header.size());
    bytes += header;
  }
  bytes += info.row;
  return bytes;
}

Result<PartitionInfo> ReadInfo(ByteView bytes, Arena* arena) {
  Cursor from(bytes);
  PartitionInfo info;
  const uint8_t flags = from.U8();
  if ((flags & kHasDue) != 0) info.first_due.s = from.SignedVint();
  info.has_rows = (flags & kHasRows) != 0;
  info.has_header = (flags & kHasHeader) != 0;
  const ByteView header = info.has_header ? from.VintBytes() : ByteView();
  info.row = from.Bytes(from.remaining());
  if (!from.ok()) return Corrupt("a partition's record ends too early");
  if (info.has_header) {
    ASSIGN_OR_RETURN(info.header, DecodePartitionHeader(header, arena));
  }
  return info;
}

rocksdb::Slice SliceOf(ByteView bytes) {
  return {bytes.data(), bytes.size()};
}
ByteView ViewOf(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

// The least key that is greater than all that begin with `prefix`.
std::string PrefixEnd(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(prefix.back() + 1);
  return prefix;
}

}  // namespace

struct RocksState::Impl {
  explicit Impl(const Options& from) : options(from), cache(from.memory_bytes / 32) {}

  Options options;
  RecordCache cache;
  std::unique_ptr<rocksdb::DB> db;
  // What is not committed yet of partitions' records; no value: the record is to go.
  std::unordered_map<std::string, std::optional<std::string>> dirty;
  size_t dirty_bytes = 0;
  // And of all others, which must be found in order too; a later write of a key takes an earlier one's place.
  rocksdb::WriteBatchWithIndex batch{rocksdb::BytewiseComparator(), 0, true};
  // No timer is due before this second.
  UnixSeconds least_due{std::numeric_limits<int64_t>::min()};
  std::string key;  // the one at hand

  // The partition asked for last: one write asks several times.
  struct Current {
    bool valid = false;
    TableId table;
    Token token;
    std::string key;
    std::string bytes;
    PartitionInfo info;             // points to `bytes` and into `arena`
    const RowState* row = nullptr;  // decoded when it is asked for
    Arena arena{4096};
  } current;

  Error Failed(const rocksdb::Status& status) const {
    const std::string message = "state in " + options.path + ": " + status.ToString();
    if (status.IsCorruption()) return Corrupt(message + "; rebuild it from its changelog or by a backfill");
    return IoError(message);
  }
  Status Check(const rocksdb::Status& status) const {
    if (!status.ok()) return Failed(status);
    return {};
  }

  const std::string& HeaderKey(const PartitionRef& partition) {
    key.assign(1, kRecords);
    AppendHeaderKey(&key, options.shard, partition);
    return key;
  }
  const std::string& RowKeyOf(const PartitionRef& partition, const RowRef& row) {
    key.assign(1, kRecords);
    AppendRowKey(&key, options.shard, partition, row);
    return key;
  }
  std::string PartitionPrefix(const PartitionRef& partition) const {
    std::string prefix(1, kRecords);
    AppendPartitionPrefix(&prefix, options.shard, partition);
    return prefix;
  }
  std::string DuePrefix(const PartitionRef& partition) const {
    std::string prefix = PartitionPrefix(partition);
    prefix.push_back(static_cast<char>(RecordKind::kDue));
    return prefix;
  }
  std::string MarkKey() const {
    std::string mark(1, kMark);
    AppendBigEndian(&mark, options.shard);
    return mark;
  }
  std::string TimersPrefix() const {
    std::string prefix(1, kTimers);
    AppendBigEndian(&prefix, options.shard);
    return prefix;
  }

  // The record's value; no value if it is not there.
  Result<const std::optional<std::string>*> Get(const std::string& record) {
    if (const auto* found = cache.Find(record)) return found;
    std::string value;
    const rocksdb::Status status = batch.GetFromBatchAndDB(db.get(), {}, record, &value);
    if (status.IsNotFound()) return &cache.Put(record, std::nullopt);
    TRY(Check(status));
    return &cache.Put(record, std::move(value));
  }

  Status Put(const std::string& record, std::string value) {
    TRY(Check(batch.Put(record, value)));
    cache.Put(record, std::move(value));
    return {};
  }
  Status Delete(const std::string& record) {
    TRY(Check(batch.Delete(record)));
    cache.Put(record, std::nullopt);
    return {};
  }

  std::unique_ptr<rocksdb::Iterator> NewIterator(const rocksdb::ReadOptions& read) {
    return std::unique_ptr<rocksdb::Iterator>(batch.NewIteratorWithBase(db->NewIterator(read)));
  }

  // False if there is no such partition's record. That is not cached: most such partitions are about to be written.
  Result<bool> ReadInfoBytes(const std::string& record, std::string* bytes) {
    if (const auto found = dirty.find(record); found != dirty.end()) {
      if (found->second.has_value()) *bytes = *found->second;
      return found->second.has_value();
    }
    if (const auto* cached = cache.Find(record)) {
      if (cached->has_value()) *bytes = **cached;
      return cached->has_value();
    }
    rocksdb::PinnableSlice value;
    const rocksdb::Status status = db->Get({}, db->DefaultColumnFamily(), record, &value);
    if (status.IsNotFound()) return false;
    TRY(Check(status));
    bytes->assign(value.data(), value.size());
    cache.Put(record, *bytes);
    return true;
  }

  // Makes the partition the current one.
  Status Load(const PartitionRef& partition) {
    if (current.valid && current.token == partition.token && current.key == partition.key &&
        current.table == partition.table) {
      return {};
    }
    current.valid = false;
    current.row = nullptr;
    current.arena.Reset();
    ASSIGN_OR_RETURN(const bool found, ReadInfoBytes(HeaderKey(partition), &current.bytes));
    current.info = {};
    if (found) {
      ASSIGN_OR_RETURN(current.info, ReadInfo(current.bytes, &current.arena));
    }
    current.table = partition.table;
    current.token = partition.token;
    current.key = partition.key;
    current.valid = true;
    return {};
  }

  // The current partition's row with the empty key.
  Result<const RowState*> OnlyRow() {
    if (current.row == nullptr && !current.info.row.empty()) {
      RowState* row = current.arena.New<RowState>();
      ASSIGN_OR_RETURN(*row, DecodeRowState(current.info.row, kAnyColumn, &current.arena));
      current.row = row;
    }
    return current.row;
  }

  void PutInfo(const PartitionRef& partition, const PartitionInfo& info) {
    std::optional<std::string> value;
    if (!info.empty()) value = InfoBytes(info);
    const std::string& record = HeaderKey(partition);
    dirty_bytes += record.size() + (value.has_value() ? value->size() : 0);
    dirty[record] = std::move(value);
    current.valid = false;
  }

  // The first key that begins with `prefix`, from `from` on; empty if there is none.
  Result<std::string> FirstKey(const std::string& prefix, const std::string& from) {
    const std::string end = PrefixEnd(prefix);
    const rocksdb::Slice upper(end);
    rocksdb::ReadOptions read;
    read.iterate_upper_bound = &upper;
    const auto it = NewIterator(read);
    it->Seek(from);
    TRY(Check(it->status()));
    // The batch's part of the iterator does not know the upper bound.
    if (!it->Valid() || !it->key().starts_with(prefix)) return std::string();
    return it->key().ToString();
  }

  Status MoveTimer(const PartitionRef& partition, const RowDelta& row, PartitionInfo* info) {
    if (row.due_before == row.due_after) return {};
    const auto write = [&](UnixSeconds due, bool add) -> Status {
      std::string in_partition = DuePrefix(partition);
      AppendDue(&in_partition, due);
      AppendRowPart(&in_partition, row.ref);
      std::string among_all(1, kTimers);
      AppendBigEndian(&among_all, options.shard);
      AppendDue(&among_all, due);
      // The record's key, less the shard, which is said already.
      among_all.append(RowKeyOf(partition, row.ref), 1 + sizeof(uint32_t), std::string::npos);
      if (add) {
        TRY(Check(batch.Put(in_partition, {})));
        return Check(batch.Put(among_all, {}));
      }
      TRY(Check(batch.Delete(in_partition)));
      return Check(batch.Delete(among_all));
    };
    if (!row.due_before.never()) TRY(write(row.due_before, false));
    if (!row.due_after.never()) TRY(write(row.due_after, true));
    info->first_due = std::min(info->first_due, row.due_after);
    least_due = std::min(least_due, row.due_after);
    return {};
  }

  // Finds the partition's first timer again if the one that was first has gone.
  Status FindFirstDue(const PartitionRef& partition, std::span<const RowDelta> rows, PartitionInfo* info) {
    const bool gone = std::ranges::any_of(rows, [&](const RowDelta& row) {
      return row.due_before == info->first_due && row.due_after != row.due_before && !row.due_before.never();
    });
    if (!gone) return {};
    const std::string prefix = DuePrefix(partition);
    ASSIGN_OR_RETURN(const std::string first, FirstKey(prefix, prefix));
    info->first_due = first.size() < prefix.size() + kDueBytes
                          ? UnixSeconds::Never()
                          : ReadDue(ByteView(first).substr(prefix.size(), kDueBytes));
    return {};
  }

  Status WriteDelta(const StateDelta& delta) {
    TRY(Load(delta.partition));
    PartitionInfo info = current.info;
    bool changed = delta.header != nullptr || delta.erase_header;
    std::string only_row;
    for (const RowDelta& row : delta.rows) {
      if (!row.ref.is_static && row.ref.key.empty()) {
        if (row.state != nullptr) AppendRowState(&only_row, *row.state);
        info.row = only_row;
        changed = true;
      } else if (row.state == nullptr) {
        TRY(Delete(RowKeyOf(delta.partition, row.ref)));
      } else {
        std::string value;
        AppendRowState(&value, *row.state);
        TRY(Put(RowKeyOf(delta.partition, row.ref), std::move(value)));
        changed = changed || !info.has_rows;
        info.has_rows = true;
      }
      TRY(MoveTimer(delta.partition, row, &info));
    }
    TRY(FindFirstDue(delta.partition, delta.rows, &info));
    if (delta.header != nullptr) info.header = *delta.header;
    info.has_header = delta.header != nullptr || (info.has_header && !delta.erase_header);
    if (changed || info.first_due != current.info.first_due) PutInfo(delta.partition, info);
    return {};
  }

  // Appends the rows that have keys of their own to `rows`.
  Status ReadKeyedRows(const PartitionRef& partition, const KeyRange& range, size_t max_rows, Arena* arena,
                       std::vector<RowEntry>* rows) {
    const std::string prefix = RowKeyOf(partition, {});
    const std::string end = range.unbounded ? PrefixEnd(prefix) : prefix + std::string(range.to);
    const rocksdb::Slice upper(end);
    rocksdb::ReadOptions read;
    read.iterate_upper_bound = &upper;
    const auto it = NewIterator(read);
    it->Seek(prefix + std::string(range.from));
    for (size_t n = 0; n < max_rows && it->Valid(); ++n, it->Next()) {
      const ByteView found = ViewOf(it->key());
      if (found >= ByteView(end) || !found.starts_with(prefix)) break;
      RowEntry entry;
      entry.ref.key = arena->Copy(found.substr(prefix.size()));
      ASSIGN_OR_RETURN(entry.state, DecodeRowState(arena->Copy(ViewOf(it->value())), kAnyColumn, arena));
      rows->push_back(entry);
    }
    return Check(it->status());
  }
};

RocksState::RocksState(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RocksState::~RocksState() = default;

Result<std::unique_ptr<RocksState>> RocksState::Open(const Options& options) {
  auto impl = std::make_unique<Impl>(options);
  rocksdb::Options db;
  db.create_if_missing = true;
  // Two buffers and the block cache share the memory; the cache of records, for what is touched again and again, is
  // small enough for the processor's own.
  db.write_buffer_size = options.memory_bytes / 4;
  db.max_write_buffer_number = 2;
  // Most reads are of rows that are not there yet.
  db.memtable_prefix_bloom_size_ratio = 0.05;
  db.memtable_whole_key_filtering = true;
  // What is soon merged into the next level is not worth compressing.
  db.compression_per_level = {rocksdb::kNoCompression, rocksdb::kNoCompression, rocksdb::kLZ4Compression};
  db.max_background_jobs = 2;
  // Half of what a process may usually open (1024), so that a large state does not end in EMFILE.
  db.max_open_files = 512;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(options.memory_bytes / 32 * 15);
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.format_version = 5;
  db.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  rocksdb::DB* opened = nullptr;
  TRY(impl->Check(rocksdb::DB::Open(db, options.path, &opened)));
  impl->db.reset(opened);
  return std::unique_ptr<RocksState>(new RocksState(std::move(impl)));
}

Result<const PartitionHeader*> RocksState::ReadHeader(const PartitionRef& partition, Arena*) {
  TRY(impl_->Load(partition));
  return impl_->current.info.has_header ? &impl_->current.info.header : nullptr;
}

Result<const RowState*> RocksState::ReadRow(const PartitionRef& partition, const RowRef& row, Arena* arena) {
  TRY(impl_->Load(partition));
  if (!row.is_static && row.key.empty()) return impl_->OnlyRow();
  if (!impl_->current.info.has_rows) return nullptr;
  ASSIGN_OR_RETURN(const std::optional<std::string>* value, impl_->Get(impl_->RowKeyOf(partition, row)));
  if (!value->has_value()) return nullptr;
  RowState* state = arena->New<RowState>();
  // Copied, because the cache may let go of it while the row is in use.
  ASSIGN_OR_RETURN(*state, DecodeRowState(arena->Copy(**value), kAnyColumn, arena));
  return state;
}

Status RocksState::ReadRows(const PartitionRef& partition, const KeyRange& range, size_t max_rows, Arena* arena,
                            std::vector<RowEntry>* rows) {
  TRY(impl_->Load(partition));
  if (range.from.empty() && (range.unbounded || !range.to.empty()) && max_rows > 0) {
    ASSIGN_OR_RETURN(const RowState* row, impl_->OnlyRow());
    if (row != nullptr) {
      rows->push_back({{}, *row});
      --max_rows;
    }
  }
  if (!impl_->current.info.has_rows) return {};
  return impl_->ReadKeyedRows(partition, range, max_rows, arena, rows);
}

Status RocksState::Write(const StateDelta& delta) {
  impl_->batch.SetSavePoint();
  const UnixSeconds least_due = impl_->least_due;
  const Status status = impl_->WriteDelta(delta);
  if (status.has_value()) return impl_->Check(impl_->batch.PopSavePoint());
  // All or nothing: what the cache has taken on may be wrong now.
  impl_->cache.Clear();
  impl_->current.valid = false;
  impl_->least_due = least_due;
  TRY(impl_->Check(impl_->batch.RollbackToSavePoint()));
  return status;
}

Result<std::optional<DueRow>> RocksState::NextDue(const PartitionRef& partition, UnixSeconds now, Arena* arena) {
  TRY(impl_->Load(partition));
  const UnixSeconds first_due = impl_->current.info.first_due;
  if (first_due > now || first_due.never()) return std::nullopt;
  const std::string prefix = impl_->DuePrefix(partition);
  ASSIGN_OR_RETURN(const std::string first, impl_->FirstKey(prefix, prefix));
  if (first.size() < prefix.size() + kDueBytes) return std::nullopt;
  const ByteView key = arena->Copy(first);
  DueRow due;
  due.partition = partition;
  due.due = ReadDue(key.substr(prefix.size(), kDueBytes));
  ASSIGN_OR_RETURN(due.ref, ReadRowPart(key.substr(prefix.size() + kDueBytes)));
  return due;
}

Result<std::optional<DueRow>> RocksState::NextDueOfAll(UnixSeconds now, Arena* arena) {
  if (impl_->least_due > now) return std::nullopt;
  const std::string prefix = impl_->TimersPrefix();
  std::string from = prefix;
  AppendDue(&from, impl_->least_due);
  ASSIGN_OR_RETURN(const std::string first, impl_->FirstKey(prefix, from));
  if (first.size() < prefix.size() + kDueBytes) {
    impl_->least_due = UnixSeconds::Never();
    return std::nullopt;
  }
  DueRow due;
  due.due = impl_->least_due = ReadDue(ByteView(first).substr(prefix.size(), kDueBytes));
  if (due.due > now) return std::nullopt;
  // The rest is the record's key without its shard.
  std::string record;
  AppendBigEndian(&record, impl_->options.shard);
  record.append(first, prefix.size() + kDueBytes, std::string::npos);
  ASSIGN_OR_RETURN(const RecordKey row, ReadRecordKey(arena->Copy(record), arena));
  due.partition = row.partition;
  due.ref = {row.kind == RecordKind::kStaticRow, row.rest};
  return due;
}

Status RocksState::ForgetPartition(const PartitionRef& partition) {
  const std::string prefix = impl_->PartitionPrefix(partition);
  const std::string due_prefix = impl_->DuePrefix(partition);
  std::vector<std::string> keys;
  const auto it = impl_->NewIterator({});
  for (it->Seek(prefix); it->Valid() && it->key().starts_with(prefix); it->Next()) keys.push_back(it->key().ToString());
  TRY(impl_->Check(it->status()));
  for (const std::string& key : keys) {
    if (key.starts_with(due_prefix) && key.size() >= due_prefix.size() + kDueBytes) {
      // Its twin among all timers: the second, then the record's key without its shard.
      std::string among_all = impl_->TimersPrefix();
      among_all.append(key, due_prefix.size(), kDueBytes);
      among_all.append(prefix, 1 + sizeof(uint32_t), std::string::npos);
      among_all.append(key, due_prefix.size() + kDueBytes, std::string::npos);
      TRY(impl_->Check(impl_->batch.Delete(among_all)));
    }
    TRY(impl_->Delete(key));
  }
  impl_->PutInfo(partition, {});
  return {};
}

Status RocksState::Commit(ByteView mark) {
  rocksdb::WriteBatch& batch = *impl_->batch.GetWriteBatch();
  for (const auto& [key, value] : impl_->dirty) {
    TRY(impl_->Check(value.has_value() ? batch.Put(key, *value) : batch.Delete(key)));
  }
  TRY(impl_->Check(batch.Put(impl_->MarkKey(), SliceOf(mark))));
  rocksdb::WriteOptions write;
  write.sync = impl_->options.sync && impl_->options.write_ahead_log;
  write.disableWAL = !impl_->options.write_ahead_log;
  TRY(impl_->Check(impl_->db->Write(write, &batch)));
  for (auto& [key, value] : impl_->dirty) impl_->cache.Put(key, std::move(value));
  impl_->dirty.clear();
  impl_->dirty_bytes = 0;
  impl_->batch.Clear();
  return {};
}

Result<std::string> RocksState::ReadMark() {
  std::string mark;
  const rocksdb::Status status = impl_->db->Get({}, impl_->MarkKey(), &mark);
  if (!status.IsNotFound()) TRY(impl_->Check(status));
  return mark;
}

Status RocksState::Rollback() {
  impl_->batch.Clear();
  impl_->dirty.clear();
  impl_->dirty_bytes = 0;
  impl_->cache.Clear();
  impl_->current.valid = false;
  impl_->least_due = UnixSeconds{std::numeric_limits<int64_t>::min()};
  return {};
}

size_t RocksState::pending_bytes() const {
  return impl_->batch.GetWriteBatch()->GetDataSize();
}

}  // namespace braid
