#include "reconcile/rocksdb/rocks_state.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/write_batch_with_index.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <unordered_map>

#include "base/check.h"
#include "codec/row_state.h"
#include "reconcile/rocksdb/partition_info.h"
#include "reconcile/rocksdb/record_cache.h"
#include "reconcile/state_record.h"

namespace braid {
namespace {

// The first byte of a key in the store.
constexpr char kMark = 0;
constexpr char kRecords = 1;
constexpr char kTimers = 2;

constexpr size_t kDueBytes = 8;

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

// Hears, in RocksDB's threads, that a file could not be written: until Resume the store no longer compacts, or refuses
// writes. When to try again is the host's to say, not a thread's that polls.
class ErrorListener : public rocksdb::EventListener {
 public:
  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status*) override { stopped = true; }
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status, bool* by_itself) override {
    *by_itself = false;
  }

  std::atomic<bool> stopped = false;
};

}  // namespace

struct RocksState::Impl {
  explicit Impl(const Options& from) : options(from), cache(from.memory_bytes / 32) {}

  Options options;
  RecordCache cache;
  std::unique_ptr<rocksdb::DB> db;
  // What is not committed yet of partitions' records; no value: the record is to go.
  std::unordered_map<std::string, std::optional<std::string>> dirty;
  size_t dirty_bytes = 0;
  // And of all others, which must be found in order too; a later write of a key takes an earlier one's place. Its
  // memory is the commit that is being made, so that a range deletion may stand in it.
  rocksdb::WriteBatchWithIndex batch{rocksdb::BytewiseComparator(), 0, true};
  // Tables that are forgotten in `batch`: what the store has of them does not count.
  std::set<TableId> forgotten;
  // The last Commit failed, and a part of it may stand in the store's log. RocksDB never writes to such a log again
  // (an assertion in Debian's library even ends the process), and if it went on with another, what is in the first
  // could come to life at the next opening. So the store is to be closed and opened, which decides.
  bool commit_failed = false;
  std::shared_ptr<ErrorListener> errors = std::make_shared<ErrorListener>();
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
    if (status.IsNoSpace()) return NoSpace(message + "; make room on its disk");
    return IoError(message);
  }
  Status Check(const rocksdb::Status& status) const {
    if (!status.ok()) return Failed(status);
    return {};
  }

  // Opens the store, which must be closed.
  Status Open();
  // Closes the store, without its pending writes, and opens it. On an error it stays closed.
  Status Reopen() {
    current.valid = false;
    db.reset();
    TRY(Open());
    commit_failed = false;
    return {};
  }
  // Makes a store that had to stop write again.
  Status Resume() {
    if (commit_failed) {
      if (db != nullptr) TRY(Probe());
      return Reopen();
    }
    TRY(Usable());
    if (!errors->stopped) return {};
    TRY(Check(db->Resume()));
    errors->stopped = false;
    return {};
  }
  // Whether there is room for what is pending: found out before the store is closed, for reads go on in it.
  Status Probe() {
    const std::string file = options.path + "/probe";
    const std::string content(pending_bytes() + (1 << 20), '\0');
    const rocksdb::Status written = rocksdb::WriteStringToFile(env(), content, file, /*should_sync=*/true);
    (void)env()->DeleteFile(file);
    return Check(written);
  }

  Status Usable() const {
    if (db == nullptr)
      return IoError("state in " + options.path +
                     " is closed since it could not be opened again: commit or roll back again");
    return {};
  }

  rocksdb::Env* env() const { return options.env != nullptr ? options.env : rocksdb::Env::Default(); }
  size_t pending_bytes() { return batch.GetWriteBatch()->GetDataSize() + dirty_bytes; }

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
  std::string RecordsPrefix() const {
    std::string prefix(1, kRecords);
    AppendBigEndian(&prefix, options.shard);
    return prefix;
  }
  std::string TablePrefix(const TableId& table) const { return RecordsPrefix().append(table.view()); }
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

  // The value of a row's record; no value if it is not there.
  Result<const std::optional<std::string>*> Get(const TableId& table, const std::string& record) {
    if (const auto* found = cache.Find(record)) return found;
    std::string value;
    const rocksdb::Status status = forgotten.contains(table) ? batch.GetFromBatch(rocksdb::DBOptions(), record, &value)
                                                             : batch.GetFromBatchAndDB(db.get(), {}, record, &value);
    if (status.IsNotFound()) return &cache.Put(record, std::nullopt);
    TRY(Check(status));
    return &cache.Put(record, std::move(value));
  }

  void ClearPending() {
    batch.Clear();
    dirty.clear();
    dirty_bytes = 0;
    forgotten.clear();
  }

  // Into memory without limit: this cannot fail.
  void AddToBatch(const rocksdb::Status& status) { CHECK(status.ok()); }

  void Put(const std::string& record, std::string value) {
    AddToBatch(batch.Put(record, value));
    cache.Put(record, std::move(value));
  }
  void Delete(const std::string& record) {
    AddToBatch(batch.Delete(record));
    cache.Put(record, std::nullopt);
  }

  std::unique_ptr<rocksdb::Iterator> NewIterator(const rocksdb::ReadOptions& read) {
    return std::unique_ptr<rocksdb::Iterator>(batch.NewIteratorWithBase(db->NewIterator(read)));
  }
  // Over records of one table.
  std::unique_ptr<rocksdb::Iterator> NewIterator(const TableId& table, const rocksdb::ReadOptions& read) {
    if (!forgotten.contains(table)) return NewIterator(read);
    return std::unique_ptr<rocksdb::Iterator>(batch.NewIteratorWithBase(rocksdb::NewEmptyIterator()));
  }

  // False if there is no such partition's record. That is not cached: most such partitions are about to be written.
  Result<bool> ReadInfoBytes(const TableId& table, const std::string& record, std::string* bytes) {
    if (const auto found = dirty.find(record); found != dirty.end()) {
      if (found->second.has_value()) *bytes = *found->second;
      return found->second.has_value();
    }
    if (const auto* cached = cache.Find(record)) {
      if (cached->has_value()) *bytes = **cached;
      return cached->has_value();
    }
    if (forgotten.contains(table)) return false;
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
    TRY(Usable());
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
    const auto [place, is_new] = dirty.try_emplace(HeaderKey(partition));
    std::optional<std::string>& value = place->second;
    if (is_new) {
      dirty_bytes += place->first.size();
    } else if (value.has_value()) {
      dirty_bytes -= value->size();
    }
    value = info.empty() ? std::nullopt : std::optional(PartitionInfoBytes(info));
    if (value.has_value()) dirty_bytes += value->size();
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
      } else if (row.state == nullptr) {
        Delete(RowKeyOf(delta.partition, row.ref));
      } else {
        std::string value;
        AppendRowState(&value, *row.state);
        Put(RowKeyOf(delta.partition, row.ref), std::move(value));
        changed = changed || !info.has_rows;
        info.has_rows = true;
      }
    }
    if (delta.header != nullptr) info.header = *delta.header;
    info.has_header = delta.header != nullptr || (info.has_header && !delta.erase_header);
    if (changed) PutInfo(delta.partition, info);
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

Status RocksState::Impl::Open() {
  rocksdb::Options to;
  to.env = env();
  errors->stopped = false;
  to.listeners = {errors};
  to.create_if_missing = true;
  // Two buffers and the block cache share the memory; the cache of records, for what is touched again and again, is
  // small enough for the processor's own.
  to.write_buffer_size = options.memory_bytes / 4;
  to.max_write_buffer_number = 2;
  // Most reads are of rows that are not there yet.
  to.memtable_prefix_bloom_size_ratio = 0.05;
  to.memtable_whole_key_filtering = true;
  // What is soon merged into the next level is not worth compressing.
  to.compression_per_level = {rocksdb::kNoCompression, rocksdb::kNoCompression, rocksdb::kLZ4Compression};
  to.max_background_jobs = 2;
  // Half of what a process may usually open (1024), so that a large state does not end in EMFILE.
  to.max_open_files = 512;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(options.memory_bytes / 32 * 15);
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.format_version = 5;
  to.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  rocksdb::DB* opened = nullptr;
  TRY(Check(rocksdb::DB::Open(to, options.path, &opened)));
  db.reset(opened);
  return {};
}

Result<std::unique_ptr<RocksState>> RocksState::Open(const Options& options) {
  auto impl = std::make_unique<Impl>(options);
  TRY(impl->Open());
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
  ASSIGN_OR_RETURN(const std::optional<std::string>* value,
                   impl_->Get(partition.table, impl_->RowKeyOf(partition, row)));
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
  TRY(impl_->Usable());
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
  TRY(impl_->Usable());
  const std::string prefix = impl_->PartitionPrefix(partition);
  const std::string due_prefix = impl_->DuePrefix(partition);
  std::vector<std::string> keys;
  const auto it = impl_->NewIterator(partition.table, {});
  for (it->Seek(prefix); it->Valid() && it->key().starts_with(prefix); it->Next()) keys.push_back(it->key().ToString());
  TRY(impl_->Check(it->status()));
  for (const std::string& key : keys) {
    if (key.starts_with(due_prefix) && key.size() >= due_prefix.size() + kDueBytes) {
      // Its twin among all timers: the second, then the record's key without its shard.
      std::string among_all = impl_->TimersPrefix();
      among_all.append(key, due_prefix.size(), kDueBytes);
      among_all.append(prefix, 1 + sizeof(uint32_t), std::string::npos);
      among_all.append(key, due_prefix.size() + kDueBytes, std::string::npos);
      impl_->AddToBatch(impl_->batch.Delete(among_all));
    }
    impl_->Delete(key);
  }
  impl_->PutInfo(partition, {});
  return {};
}

Status RocksState::ForgetTable(const TableId& table) {
  TRY(impl_->Usable());
  const std::string prefix = impl_->TablePrefix(table);
  const std::string end = PrefixEnd(prefix);
  std::erase_if(impl_->dirty, [&](const auto& record) {
    if (!record.first.starts_with(prefix)) return false;
    impl_->dirty_bytes -= record.first.size() + (record.second.has_value() ? record.second->size() : 0);
    return true;
  });
  std::vector<std::string> keys;
  const std::unique_ptr<rocksdb::WBWIIterator> it(impl_->batch.NewIterator());
  for (it->Seek(prefix); it->Valid() && it->Entry().key.starts_with(prefix); it->Next()) {
    keys.push_back(it->Entry().key.ToString());
  }
  for (const std::string& key : keys) impl_->AddToBatch(impl_->batch.Delete(key));
  // Past the batch's index, which knows no ranges: `forgotten` stands for it.
  rocksdb::WriteBatch& commit = *impl_->batch.GetWriteBatch();
  impl_->AddToBatch(commit.DeleteRange(impl_->db->DefaultColumnFamily(), prefix, end));
  impl_->forgotten.insert(table);
  impl_->cache.Clear();
  impl_->current.valid = false;
  return {};
}

Status RocksState::ListPartitions(const PartitionRef& from, size_t max, Arena* arena,
                                  std::vector<PartitionRef>* partitions) {
  TRY(impl_->Usable());
  const std::string first = impl_->PartitionPrefix(from);
  const std::string end = PrefixEnd(impl_->RecordsPrefix());
  // Those whose records are not in the batch: the keys of their records, in order.
  std::set<std::string_view> found;
  for (const auto& [record, value] : impl_->dirty) {
    if (!value.has_value() || record < first) continue;
    found.insert(record);
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
    if (is_dirty || !impl_->forgotten.contains(record.partition.table)) partitions->push_back(record.partition);
    while (!found.empty() && *found.begin() < next) found.erase(found.begin());
    // Mostly the partition's only record: a step is cheaper than a search.
    if (stored && ViewOf(it->key()) < next) it->Next();
    if (it->Valid() && ViewOf(it->key()) < next) it->Seek(next);
  }
  return impl_->Check(it->status());
}

Status RocksState::Commit(ByteView mark) {
  TRY(impl_->Resume());
  rocksdb::WriteBatch& batch = *impl_->batch.GetWriteBatch();
  // Taken out again if the write fails: what comes until the next attempt may change them.
  batch.SetSavePoint();
  for (const auto& [key, value] : impl_->dirty)
    impl_->AddToBatch(value.has_value() ? batch.Put(key, *value) : batch.Delete(key));
  impl_->AddToBatch(batch.Put(impl_->MarkKey(), SliceOf(mark)));
  rocksdb::WriteOptions write;
  write.sync = impl_->options.sync && impl_->options.write_ahead_log;
  write.disableWAL = !impl_->options.write_ahead_log;
  const rocksdb::Status written = impl_->db->Write(write, &batch);
  impl_->commit_failed = !written.ok();
  if (!written.ok()) {
    impl_->AddToBatch(batch.RollbackToSavePoint());
    return impl_->Failed(written);
  }
  for (auto& [key, value] : impl_->dirty) impl_->cache.Put(key, std::move(value));
  impl_->ClearPending();
  return {};
}

Result<std::string> RocksState::ReadMark() {
  TRY(impl_->Usable());
  std::string mark;
  const rocksdb::Status status = impl_->db->Get({}, impl_->MarkKey(), &mark);
  if (!status.IsNotFound()) TRY(impl_->Check(status));
  return mark;
}

Status RocksState::Rollback() {
  impl_->ClearPending();
  impl_->cache.Clear();
  impl_->current.valid = false;
  impl_->least_due = UnixSeconds{std::numeric_limits<int64_t>::min()};
  if (impl_->db != nullptr && !impl_->commit_failed) return {};
  return impl_->Reopen();
}

size_t RocksState::pending_bytes() const {
  return impl_->pending_bytes();
}

}  // namespace braid
