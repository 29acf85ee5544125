#include "reconcile/rocksdb/rocks_state.h"

#include <rocksdb/utilities/write_batch_with_index.h>

#include <algorithm>
#include <set>

#include "base/check.h"
#include "codec/row_state.h"
#include "reconcile/rocksdb/layout.h"
#include "reconcile/rocksdb/partition_info.h"
#include "reconcile/rocksdb/record_cache.h"
#include "reconcile/rocksdb/store.h"
#include "reconcile/state_record.h"

namespace braid {
namespace {

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
  explicit Impl(const Options& from)
      : options(from),
        cache(from.memory_bytes / 16),
        db({from.path, from.memory_bytes / 16 * 15, from.sync, from.write_ahead_log, from.env}) {}

  Options options;
  RecordCache cache;
  Stats stats;
  Store db;
  // What is not committed yet besides the dirty records of `cache`: what must be found in order, too. A later write of
  // a key takes an earlier one's place. Its memory is the commit that is being made, so a range deletion may stand in
  // it.
  rocksdb::WriteBatchWithIndex batch{rocksdb::BytewiseComparator(), 0, true};
  bool batch_has_rows = false;
  bool restored = false;  // in `cache` is what Restore was given, and nothing else
  // Tables that are forgotten in `batch`: what the store has of them does not count.
  std::set<TableId> forgotten;
  // No timer is due before this second.
  UnixSeconds least_due{std::numeric_limits<int64_t>::min()};
  std::string key;      // the one at hand
  std::string scratch;  // of its value

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

  Status Check(const rocksdb::Status& status) const { return db.Check(status); }
  size_t pending_bytes() { return batch.GetWriteBatch()->GetDataSize() + cache.dirty_bytes(); }

  const std::string& HeaderKey(const PartitionRef& partition) {
    key.assign(1, kRecordKey);
    AppendHeaderKey(&key, options.shard, partition);
    return key;
  }
  const std::string& RowKeyOf(const PartitionRef& partition, const RowRef& row) {
    key.assign(1, kRecordKey);
    AppendRowKey(&key, options.shard, partition, row);
    return key;
  }
  std::string PartitionPrefix(const PartitionRef& partition) const {
    std::string prefix(1, kRecordKey);
    AppendPartitionPrefix(&prefix, options.shard, partition);
    return prefix;
  }
  std::string RecordsPrefix() const {
    std::string prefix(1, kRecordKey);
    AppendBigEndian(&prefix, options.shard);
    return prefix;
  }
  std::string TablePrefix(const TableId& table) const { return RecordsPrefix().append(table.view()); }
  std::string DuePrefix(const PartitionRef& partition) const {
    std::string prefix = PartitionPrefix(partition);
    prefix.push_back(static_cast<char>(RecordKind::kDue));
    return prefix;
  }
  std::string TimersPrefix() const {
    std::string prefix(1, kTimerKey);
    AppendBigEndian(&prefix, options.shard);
    return prefix;
  }

  // A row's record.
  Result<const RecordCache::Record*> ReadRowRecord(const TableId& table, const std::string& record) {
    ++stats.reads;
    if (const RecordCache::Record* found = cache.Find(record)) {
      ++stats.cache_hits;
      return found;
    }
    rocksdb::PinnableSlice value;
    rocksdb::Status status = rocksdb::Status::NotFound();
    if (batch_has_rows) {
      status = forgotten.contains(table) ? batch.GetFromBatch(rocksdb::DBOptions(), record, value.GetSelf())
                                         : batch.GetFromBatchAndDB(db.get(), {}, record, value.GetSelf());
      value.PinSelf();
    } else if (!forgotten.contains(table)) {
      status = db->Get({}, db.family(), record, &value);
    }
    if (!status.IsNotFound()) TRY(Check(status));
    return cache.Read(record, status.ok(), status.ok() ? ViewOf(value) : ByteView());
  }

  void ClearPending() {
    batch.Clear();
    batch_has_rows = false;
    restored = false;
    forgotten.clear();
  }

  // Into memory without limit: this cannot fail.
  void AddToBatch(const rocksdb::Status& status) { CHECK(status.ok()); }

  // Puts the rows that were written where they are found in order.
  void IndexRows() {
    if (!cache.has_dirty_rows()) return;
    cache.TakeRows([&](const RecordCache::Record& row) {
      const rocksdb::Slice record = SliceOf(row.key());
      AddToBatch(row.exists ? batch.Put(record, row.value) : batch.Delete(record));
    });
    batch_has_rows = true;
  }

  std::unique_ptr<rocksdb::Iterator> NewIterator(const rocksdb::ReadOptions& read) {
    return std::unique_ptr<rocksdb::Iterator>(batch.NewIteratorWithBase(db->NewIterator(read)));
  }
  // Over rows and timers of one table.
  std::unique_ptr<rocksdb::Iterator> NewIterator(const TableId& table, const rocksdb::ReadOptions& read) {
    IndexRows();
    if (!forgotten.contains(table)) return NewIterator(read);
    return std::unique_ptr<rocksdb::Iterator>(batch.NewIteratorWithBase(rocksdb::NewEmptyIterator()));
  }

  // False if there is no such partition's record. That is not cached: most such partitions are about to be written.
  Result<bool> ReadInfoBytes(const TableId& table, const std::string& record, std::string* bytes) {
    ++stats.reads;
    if (const RecordCache::Record* found = cache.Find(record)) {
      ++stats.cache_hits;
      bytes->assign(found->value);
      return found->exists;
    }
    if (forgotten.contains(table)) return false;
    rocksdb::PinnableSlice value;
    const rocksdb::Status status = db->Get({}, db.family(), record, &value);
    if (status.IsNotFound()) return false;
    TRY(Check(status));
    bytes->assign(value.data(), value.size());
    cache.Read(record, true, *bytes);
    return true;
  }

  // Makes the partition the current one.
  Status Load(const PartitionRef& partition) {
    TRY(db.Usable());
    if (current.valid && current.token == partition.token && current.key == partition.key &&
        current.table == partition.table) {
      return {};
    }
    current.valid = false;
    current.row = nullptr;
    current.arena.Reset();
    ASSIGN_OR_RETURN(const bool found, ReadInfoBytes(partition.table, HeaderKey(partition), &current.bytes));
    current.info = {};
    if (found) {
      ASSIGN_OR_RETURN(current.info, ReadPartitionInfo(current.bytes, &current.arena));
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
    scratch.clear();
    if (!info.empty()) AppendPartitionInfo(&scratch, info);
    cache.Write(HeaderKey(partition), /*is_row=*/false, !info.empty(), scratch);
    current.valid = false;
  }

  // The key of a row's timer in its partition, and among all.
  std::string TimerInPartition(const PartitionRef& partition, const RowRef& row, UnixSeconds due) const {
    std::string timer = DuePrefix(partition);
    AppendDue(&timer, due);
    AppendRowPart(&timer, row);
    return timer;
  }
  std::string TimerAmongAll(const PartitionRef& partition, const RowRef& row, UnixSeconds due) {
    std::string timer = TimersPrefix();
    AppendDue(&timer, due);
    // The record's key, less the shard, which is said already.
    timer.append(RowKeyOf(partition, row), 1 + sizeof(uint32_t), std::string::npos);
    return timer;
  }

  void MoveTimer(const PartitionRef& partition, const RowDelta& row) {
    if (row.due_before == row.due_after) return;
    if (!row.due_before.never()) {
      AddToBatch(batch.Delete(TimerInPartition(partition, row.ref, row.due_before)));
      AddToBatch(batch.Delete(TimerAmongAll(partition, row.ref, row.due_before)));
    }
    if (!row.due_after.never()) {
      AddToBatch(batch.Put(TimerInPartition(partition, row.ref, row.due_after), {}));
      AddToBatch(batch.Put(TimerAmongAll(partition, row.ref, row.due_after), {}));
    }
    least_due = std::min(least_due, row.due_after);
  }

  // When the partition's first timer will be due once those of `rows` have moved, of which the first is `first_due`.
  Result<UnixSeconds> FirstDueAfter(const PartitionRef& partition, std::span<const RowDelta> rows,
                                    UnixSeconds first_due) {
    std::set<std::string> gone;
    UnixSeconds first = UnixSeconds::Never();
    bool first_goes = false;
    for (const RowDelta& row : rows) {
      first = std::min(first, row.due_after);
      if (row.due_before == row.due_after || row.due_before.never()) continue;
      gone.insert(TimerInPartition(partition, row.ref, row.due_before));
      first_goes = first_goes || row.due_before <= first_due;
    }
    if (!first_goes) return std::min(first, first_due);
    const std::string prefix = DuePrefix(partition);
    const std::string end = PrefixEnd(prefix);
    const rocksdb::Slice upper(end);
    rocksdb::ReadOptions read;
    read.iterate_upper_bound = &upper;
    const auto it = NewIterator(partition.table, read);
    for (it->Seek(prefix); it->Valid() && it->key().starts_with(prefix); it->Next()) {
      if (gone.contains(it->key().ToString())) continue;
      const ByteView rest = ViewOf(it->key()).substr(prefix.size());
      if (rest.size() < kDueBytes) return Corrupt("a timer in the state of " + options.path + " has no second");
      return std::min(first, ReadDue(rest.substr(0, kDueBytes)));
    }
    TRY(Check(it->status()));
    return first;
  }

  // The first key that begins with `prefix`, from `from` on; empty if there is none.
  Result<std::string> FirstKey(std::unique_ptr<rocksdb::Iterator> it, const std::string& prefix,
                               const std::string& from) {
    it->Seek(from);
    TRY(Check(it->status()));
    if (!it->Valid() || !it->key().starts_with(prefix)) return std::string();
    return it->key().ToString();
  }

  // First everything that may fail, then what cannot: so that it is all or nothing.
  Status WriteDelta(const StateDelta& delta) {
    TRY(Load(delta.partition));
    PartitionInfo info = current.info;
    ASSIGN_OR_RETURN(info.first_due, FirstDueAfter(delta.partition, delta.rows, info.first_due));
    bool changed = delta.header != nullptr || delta.erase_header || info.first_due != current.info.first_due;
    std::string only_row;
    for (const RowDelta& row : delta.rows) {
      MoveTimer(delta.partition, row);
      if (!row.ref.is_static && row.ref.key.empty()) {
        if (row.state != nullptr) AppendRowState(&only_row, *row.state);
        info.row = only_row;
        changed = true;
        continue;
      }
      scratch.clear();
      if (row.state != nullptr) AppendRowState(&scratch, *row.state);
      cache.Write(RowKeyOf(delta.partition, row.ref), /*is_row=*/true, row.state != nullptr, scratch);
      changed = changed || (row.state != nullptr && !info.has_rows);
      info.has_rows = info.has_rows || row.state != nullptr;
    }
    if (delta.header != nullptr) info.header = *delta.header;
    info.has_header = delta.header != nullptr || (info.has_header && !delta.erase_header);
    if (changed) PutInfo(delta.partition, info);
    return {};
  }

  // What of a forgotten table is in the store, and not written anew.
  Status VisitForgotten(const TableId& table, PendingVisitor* visitor) {
    const std::string prefix = TablePrefix(table);
    rocksdb::ReadOptions read;
    read.fill_cache = false;
    const std::unique_ptr<rocksdb::Iterator> it(db->NewIterator(read));
    const std::unique_ptr<rocksdb::WBWIIterator> written(batch.NewIterator());
    written->Seek(prefix);
    for (it->Seek(prefix); it->Valid() && it->key().starts_with(prefix); it->Next()) {
      while (written->Valid() && written->Entry().key.compare(it->key()) < 0) written->Next();
      if ((written->Valid() && written->Entry().key == it->key()) || cache.IsDirty(ViewOf(it->key()))) continue;
      TRY(visitor->OnPending(ViewOf(it->key()), std::nullopt));
    }
    return Check(it->status());
  }

  // A deletion of what the store surely does not have is nothing to tell of: many timers come and go in one commit.
  Status VisitWrite(const rocksdb::Slice& record, std::optional<ByteView> value, PendingVisitor* visitor) {
    if (!value.has_value() && !db->KeyMayExist({}, record, &scratch)) return {};
    return visitor->OnPending(ViewOf(record), value);
  }

  // Appends the rows that have keys of their own to `rows`.
  Status ReadKeyedRows(const PartitionRef& partition, const KeyRange& range, size_t max_rows, Arena* arena,
                       std::vector<RowEntry>* rows) {
    const std::string prefix = RowKeyOf(partition, {});
    const std::string end = range.unbounded ? PrefixEnd(prefix) : prefix + std::string(range.to);
    const rocksdb::Slice upper(end);
    rocksdb::ReadOptions read;
    read.iterate_upper_bound = &upper;
    const auto it = NewIterator(partition.table, read);
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
  TRY(impl->db.Open());
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
  ASSIGN_OR_RETURN(const RecordCache::Record* record,
                   impl_->ReadRowRecord(partition.table, impl_->RowKeyOf(partition, row)));
  if (!record->exists) return nullptr;
  RowState* state = arena->New<RowState>();
  // Copied, because the cache may let go of it while the row is in use.
  ASSIGN_OR_RETURN(*state, DecodeRowState(arena->Copy(record->value), kAnyColumn, arena));
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
  return impl_->WriteDelta(delta);
}

Result<std::optional<DueRow>> RocksState::NextDue(const PartitionRef& partition, UnixSeconds now, Arena* arena) {
  TRY(impl_->Load(partition));
  const UnixSeconds first_due = impl_->current.info.first_due;
  if (first_due > now || first_due.never()) return std::nullopt;
  const std::string prefix = impl_->DuePrefix(partition);
  ASSIGN_OR_RETURN(const std::string first, impl_->FirstKey(impl_->NewIterator(partition.table, {}), prefix, prefix));
  if (first.size() < prefix.size() + kDueBytes) return std::nullopt;
  const ByteView key = arena->Copy(first);
  DueRow due;
  due.partition = partition;
  due.due = ReadDue(key.substr(prefix.size(), kDueBytes));
  ASSIGN_OR_RETURN(due.ref, ReadRowPart(key.substr(prefix.size() + kDueBytes)));
  return due;
}

Result<std::optional<DueRow>> RocksState::NextDueOfAll(UnixSeconds now, Arena* arena) {
  TRY(impl_->db.Usable());
  if (impl_->least_due > now) return std::nullopt;
  const std::string prefix = impl_->TimersPrefix();
  std::string from = prefix;
  AppendDue(&from, impl_->least_due);
  ASSIGN_OR_RETURN(const std::string first, impl_->FirstKey(impl_->NewIterator({}), prefix, from));
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
  TRY(impl_->db.Usable());
  const std::string prefix = impl_->PartitionPrefix(partition);
  const std::string due_prefix = impl_->DuePrefix(partition);
  std::vector<std::string> keys;
  const auto it = impl_->NewIterator(partition.table, {});
  for (it->Seek(prefix); it->Valid() && it->key().starts_with(prefix); it->Next()) keys.push_back(it->key().ToString());
  TRY(impl_->Check(it->status()));
  for (const std::string& key : keys) {
    if (!key.starts_with(due_prefix)) {
      impl_->cache.Write(key, /*is_row=*/true, /*exists=*/false, {});
      continue;
    }
    // Its twin among all timers: the second, then the record's key without its shard.
    const size_t row_part = std::min(key.size(), due_prefix.size() + kDueBytes);
    std::string among_all = impl_->TimersPrefix();
    among_all.append(key, due_prefix.size(), kDueBytes);
    among_all.append(prefix, 1 + sizeof(uint32_t), std::string::npos);
    among_all.append(key, row_part, std::string::npos);
    impl_->AddToBatch(impl_->batch.Delete(among_all));
    impl_->AddToBatch(impl_->batch.Delete(key));
  }
  impl_->PutInfo(partition, {});
  return {};
}

Status RocksState::ForgetTable(const TableId& table) {
  TRY(impl_->db.Usable());
  const std::string prefix = impl_->TablePrefix(table);
  std::vector<std::string> keys;
  const std::unique_ptr<rocksdb::WBWIIterator> it(impl_->batch.NewIterator());
  for (it->Seek(prefix); it->Valid() && it->Entry().key.starts_with(prefix); it->Next()) {
    keys.push_back(it->Entry().key.ToString());
  }
  for (const std::string& key : keys) impl_->AddToBatch(impl_->batch.Delete(key));
  // Past the batch's index, which knows no ranges: `forgotten` stands for it.
  rocksdb::WriteBatch& commit = *impl_->batch.GetWriteBatch();
  impl_->AddToBatch(commit.DeleteRange(impl_->db.family(), prefix, PrefixEnd(prefix)));
  impl_->forgotten.insert(table);
  impl_->cache.Forget(prefix);
  impl_->current.valid = false;
  return {};
}

Status RocksState::ListPartitions(const PartitionRef& from, size_t max, Arena* arena,
                                  std::vector<PartitionRef>* partitions) {
  TRY(impl_->db.Usable());
  const std::string first = impl_->PartitionPrefix(from);
  const std::string end = PrefixEnd(impl_->RecordsPrefix());
  // Those whose records are not in the batch: the keys of their records, in order.
  std::set<ByteView> found;
  for (const RecordCache::Record* record : impl_->cache.dirty()) {
    if (record->is_row || !record->exists || record->key() < ByteView(first)) continue;
    found.insert(record->key());
    if (found.size() > max) found.erase(std::prev(found.end()));
  }
  const rocksdb::Slice upper(end);
  rocksdb::ReadOptions read;
  read.iterate_upper_bound = &upper;
  read.fill_cache = false;
  const auto it = impl_->NewIterator(read);
  const size_t before = partitions->size();
  it->Seek(first);
  while (partitions->size() - before < max) {
    const bool stored = it->Valid() && it->key().compare(end) < 0;
    if (!stored && found.empty()) break;
    const bool is_dirty = !found.empty() && (!stored || *found.begin() < ViewOf(it->key()));
    const ByteView key = arena->Copy(is_dirty ? *found.begin() : ViewOf(it->key()));
    ASSIGN_OR_RETURN(const RecordKey record, ReadRecordKey(key.substr(1), arena));
    const std::string next = PrefixEnd(impl_->PartitionPrefix(record.partition));
    const RecordCache::Record* info = impl_->cache.Find(impl_->HeaderKey(record.partition));
    const bool is_forgotten = info == nullptr ? impl_->forgotten.contains(record.partition.table) : !info->exists;
    if (!is_forgotten) partitions->push_back(record.partition);
    while (!found.empty() && *found.begin() < next) found.erase(found.begin());
    // Mostly the partition's only record: a step is cheaper than a search.
    if (stored && ViewOf(it->key()) < next) it->Next();
    if (it->Valid() && ViewOf(it->key()) < next) it->Seek(next);
  }
  return impl_->Check(it->status());
}

Status RocksState::Commit(ByteView mark) {
  rocksdb::WriteBatch& batch = *impl_->batch.GetWriteBatch();
  // Taken out again if the write fails: what comes until the next attempt may change them.
  batch.SetSavePoint();
  // In order, in which RocksDB finds the place of each near the last one's.
  impl_->cache.SortDirty();
  for (const RecordCache::Record* record : impl_->cache.dirty()) {
    const rocksdb::Slice key = SliceOf(record->key());
    impl_->AddToBatch(record->exists ? batch.Put(key, record->value) : batch.Delete(key));
  }
  impl_->AddToBatch(batch.Put(ChangelogMarkKey(impl_->options.shard), SliceOf(mark)));
  Status written = impl_->restored ? Status() : impl_->db.SetBulk(false);
  if (written.has_value()) written = impl_->db.Write(&batch);
  if (!written.has_value()) {
    impl_->AddToBatch(batch.RollbackToSavePoint());
    return written;
  }
  impl_->cache.SetCommitted();
  if (impl_->restored) impl_->cache.Clear();  // some of it is read in other ways
  impl_->ClearPending();
  return {};
}

Result<std::string> RocksState::ReadMark() {
  TRY(impl_->db.Usable());
  std::string mark;
  const rocksdb::Status status = impl_->db->Get({}, ChangelogMarkKey(impl_->options.shard), &mark);
  if (!status.IsNotFound()) TRY(impl_->Check(status));
  return mark;
}

Status RocksState::Rollback() {
  impl_->ClearPending();
  impl_->cache.Clear();
  impl_->current.valid = false;
  impl_->least_due = UnixSeconds{std::numeric_limits<int64_t>::min()};
  return impl_->db.must_reopen() ? impl_->db.Reopen() : Status();
}

Status RocksState::VisitPending(PendingVisitor* visitor) {
  TRY(impl_->db.Usable());
  for (const TableId& table : impl_->forgotten) TRY(impl_->VisitForgotten(table, visitor));
  const std::unique_ptr<rocksdb::WBWIIterator> it(impl_->batch.NewIterator());
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    const rocksdb::WriteEntry entry = it->Entry();
    if (impl_->cache.IsDirty(ViewOf(entry.key))) continue;
    const bool is_put = entry.type == rocksdb::kPutRecord;
    TRY(impl_->VisitWrite(entry.key, is_put ? std::optional(ViewOf(entry.value)) : std::nullopt, visitor));
  }
  for (const RecordCache::Record* record : impl_->cache.dirty()) {
    const std::optional<ByteView> value = record->exists ? std::optional<ByteView>(record->value) : std::nullopt;
    TRY(impl_->VisitWrite(SliceOf(record->key()), value, visitor));
  }
  return {};
}

Status RocksState::Restore(ByteView key, std::optional<ByteView> value) {
  if (!key.starts_with(impl_->RecordsPrefix()) && !key.starts_with(impl_->TimersPrefix())) {
    return Corrupt("state in " + impl_->options.path + ": what is to be restored is no record of shard " +
                   std::to_string(impl_->options.shard));
  }
  if (!impl_->restored) {
    CHECK(impl_->cache.dirty().empty());
    TRY(Rollback());  // forgets what was read
    TRY(impl_->db.SetBulk(true));
    impl_->restored = true;
  }
  // A commit writes what is dirty in order, and of a key the last value only: half of the work for RocksDB.
  impl_->cache.Write(key, /*is_row=*/false, value.has_value(), value.value_or(ByteView()));
  return {};
}

RocksState::Stats RocksState::stats() const {
  Stats stats = impl_->stats;
  if (!impl_->db.Usable().has_value()) return stats;
  (void)impl_->db->GetIntProperty(rocksdb::DB::Properties::kLiveSstFilesSize, &stats.disk_bytes);
  uint64_t memory = 0;
  (void)impl_->db->GetIntProperty(rocksdb::DB::Properties::kCurSizeAllMemTables, &memory);
  stats.disk_bytes += memory;
  return stats;
}

size_t RocksState::pending_bytes() const {
  return impl_->pending_bytes();
}

}  // namespace braid
