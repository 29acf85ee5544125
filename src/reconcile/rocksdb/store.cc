#include "reconcile/rocksdb/store.h"

#include <rocksdb/cache.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>

#include <memory>
#include <utility>

#include "reconcile/rocksdb/no_log.h"

namespace braid {

Status Store::Open() {
  rocksdb::Options to;
  to.env = env();
  to.info_log = std::make_shared<NoLog>();
  errors_->stopped = false;
  to.listeners = {errors_};
  to.create_if_missing = true;
  // Two buffers take a bit more than half of the memory, the cache of blocks the rest.
  to.write_buffer_size = options_.memory_bytes / 15 * 4;
  to.max_write_buffer_number = 2;
  // Most reads are of rows that are not there yet.
  to.memtable_prefix_bloom_size_ratio = 0.05;
  to.memtable_whole_key_filtering = true;
  // What is soon merged into the next level is not worth compressing.
  to.compression_per_level = {rocksdb::kNoCompression, rocksdb::kNoCompression, rocksdb::kLZ4Compression};
  to.max_background_jobs = 2;
  // An eighth of what a process may usually open (1024): a few large states must not end in EMFILE.
  to.max_open_files = 128;
  rocksdb::BlockBasedTableOptions table;
  // Few shards: an index block of a large file is a fair part of this cache, and in one cut up for many threads two of
  // them push each other out at every read (updates of 500,000 rows in 64 MiB: 12 instead of 4 µs).
  constexpr int kShardBits = 2;
  table.block_cache = rocksdb::NewLRUCache(options_.memory_bytes / 15 * 7, kShardBits,
                                           /*strict_capacity_limit=*/false, /*high_pri_pool_ratio=*/0.5);
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.format_version = 5;
  to.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  rocksdb::DB* opened = nullptr;
  TRY(Check(rocksdb::DB::Open(to, options_.path, &opened)));
  db_.reset(opened);
  write_failed_ = false;
  return {};
}

Status Store::Reopen() {
  db_.reset();
  is_bulk_ = false;
  return Open();
}

Status Store::Usable() const {
  if (db_ != nullptr) return {};
  return IoError("state in " + options_.path + " is closed since it could not be opened again: commit or roll back");
}

Error Store::Failed(const rocksdb::Status& status) const {
  const std::string message = "state in " + options_.path + ": " + status.ToString();
  if (status.IsCorruption()) return Corrupt(message + "; rebuild it from its changelog or by a backfill");
  if (status.IsNoSpace()) return NoSpace(message + "; make room on its disk");
  return IoError(message);
}

Status Store::Write(rocksdb::WriteBatch* batch) {
  TRY(Resume(batch->GetDataSize()));
  rocksdb::WriteOptions write;
  write.sync = options_.sync && options_.write_ahead_log;
  write.disableWAL = !options_.write_ahead_log;
  const rocksdb::Status written = db_->Write(write, batch);
  write_failed_ = !written.ok() && options_.write_ahead_log;
  return Check(written);
}

// Makes a store that had to stop ready to write again.
Status Store::Resume(size_t bytes) {
  if (write_failed_ || db_ == nullptr) {
    if (db_ != nullptr) TRY(Probe(bytes));
    return Reopen();
  }
  if (!errors_->stopped) return {};
  TRY(Check(db_->Resume()));
  errors_->stopped = false;
  // A store that was resumed no longer waits for its flushes, nor makes them all when it is closed (7.8): what has no
  // log begins anew, if everything is flushed by now.
  return !options_.write_ahead_log && AllFlushed() ? Reopen() : Status();
}

// Random keys of 140 bytes into 64 MiB: 34 instead of 25 MB for a second of the processors.
Status Store::SetBulk(bool is_bulk) {
  if (is_bulk == is_bulk_) return {};
  TRY(Usable());
  const auto files = [&](const char* name, int bulk, int otherwise) {
    return std::pair<std::string, std::string>(name, std::to_string(is_bulk ? bulk : otherwise));
  };
  const rocksdb::Options defaults;
  TRY(Check(
      db_->SetOptions({files("level0_file_num_compaction_trigger", 16, defaults.level0_file_num_compaction_trigger),
                       files("level0_slowdown_writes_trigger", 40, defaults.level0_slowdown_writes_trigger),
                       files("level0_stop_writes_trigger", 64, defaults.level0_stop_writes_trigger)})));
  is_bulk_ = is_bulk;
  return {};
}

bool Store::AllFlushed() const {
  uint64_t active = 0;
  uint64_t immutable = 0;
  return db_->GetIntProperty(rocksdb::DB::Properties::kNumEntriesActiveMemTable, &active) && active == 0 &&
         db_->GetIntProperty(rocksdb::DB::Properties::kNumEntriesImmMemTables, &immutable) && immutable == 0;
}

// Whether there is room for so much: found out before the store is closed, for reads go on in it.
Status Store::Probe(size_t bytes) {
  const std::string file = options_.path + "/probe";
  const std::string content(bytes + (1 << 20), '\0');
  const rocksdb::Status written = rocksdb::WriteStringToFile(env(), content, file, /*should_sync=*/true);
  (void)env()->DeleteFile(file);
  return Check(written);
}

}  // namespace braid
