// The RocksDB instance under a RocksState: how it is tuned, opened and, after a failed write, made to write again.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/listener.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"

namespace braid {

// Not thread-safe.
class Store {
 public:
  struct Options {
    std::string path;
    uint64_t memory_bytes = 0;  // for block cache and write buffers
    bool sync = true;
    bool write_ahead_log = true;
    rocksdb::Env* env = nullptr;  // nullptr: the operating system's
  };

  // Closed at first.
  explicit Store(const Options& options) : options_(options) {}

  // Opens or makes the store, which must be closed.
  Status Open();
  // Closes and opens it: what of a failed write stands in its log is then wholly in or wholly out. On an error it is
  // closed, and Usable says so.
  Status Reopen();
  // An error if the store is closed.
  Status Usable() const;

  // Writes the batch, all or nothing. After an error (kNoSpace if the disk is full) the same batch, or one that writes
  // at least all of its keys, may be written again; or the store is to be reopened, if must_reopen says so.
  Status Write(rocksdb::WriteBatch* batch);
  // While much is written that nobody reads yet: lets more files lie side by side before they are merged, so that each
  // byte is merged less often. Reads of what lies there take longer until it is off again.
  Status SetBulk(bool is_bulk);
  bool must_reopen() const { return db_ == nullptr || write_failed_; }

  // Only while it is open.
  rocksdb::DB* operator->() const { return db_.get(); }
  rocksdb::DB* get() const { return db_.get(); }
  rocksdb::ColumnFamilyHandle* family() const { return db_->DefaultColumnFamily(); }

  Error Failed(const rocksdb::Status& status) const;
  Status Check(const rocksdb::Status& status) const {
    if (!status.ok()) return Failed(status);
    return {};
  }

 private:
  // Hears, in RocksDB's threads, that a file could not be written: until Resume the store no longer compacts, or
  // refuses writes. When to try again is the host's to say, not a thread's that polls.
  class ErrorListener : public rocksdb::EventListener {
   public:
    void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status*) override { stopped = true; }
    void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status, bool* by_itself) override {
      *by_itself = false;
    }
    std::atomic<bool> stopped = false;
  };

  Status Resume(size_t bytes);
  bool AllFlushed() const;
  Status Probe(size_t bytes);
  rocksdb::Env* env() const { return options_.env != nullptr ? options_.env : rocksdb::Env::Default(); }

  const Options options_;
  std::unique_ptr<rocksdb::DB> db_;
  bool is_bulk_ = false;
  // The last write failed, and a part of it may stand in the store's log. RocksDB never writes to such a log again (an
  // assertion in Debian's library even ends the process), and if it went on with another, what is in the first could
  // come to life at the next opening. So the store is to be closed and opened, which decides. Without a log it must
  // not be: nothing stands anywhere, and closing would lose what cannot be flushed.
  bool write_failed_ = false;
  std::shared_ptr<ErrorListener> errors_ = std::make_shared<ErrorListener>();
};

}  // namespace braid
