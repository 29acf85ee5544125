#include "reconcile/rocksdb/state_reader.h"

#include <fcntl.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <unistd.h>

#include <filesystem>

#include "codec/row_state.h"
#include "reconcile/rocksdb/layout.h"
#include "reconcile/rocksdb/no_log.h"
#include "reconcile/rocksdb/partition_info.h"
#include "reconcile/state_record.h"

namespace braid {
namespace {

// The process that has the store open, by the lock that RocksDB takes on its file LOCK; 0 if none has.
pid_t OwnerOf(const std::string& path) {
  const int file = ::open((path + "/LOCK").c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  const bool is_locked = ::fcntl(file, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
  ::close(file);
  return is_locked ? lock.l_pid : 0;
}

Status CheckThere(const std::string& path) {
  std::error_code error;
  if (std::filesystem::exists(path + "/CURRENT", error)) return {};
  return NotFound(path + ": there is no state in it; give the directory of one shard, STATE/shards/NNN");
}

Error FailedOn(const std::string& path, const rocksdb::Status& status) {
  const std::string message = "state in " + path + ": " + status.ToString();
  return status.IsCorruption() ? Corrupt(message) : IoError(message);
}

// Opens all files at once (which is what no limit on them means), so that none can be missed later.
Result<std::unique_ptr<rocksdb::DB>> OpenStore(const std::string& path) {
  rocksdb::Options options;
  options.max_open_files = -1;
  options.info_log = std::make_shared<NoLog>();
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status = rocksdb::DB::OpenForReadOnly(options, path, &opened);
  if (!status.ok()) return FailedOn(path, status);
  return std::unique_ptr<rocksdb::DB>(opened);
}

// Changes whenever the list of the store's files does, which is before a file goes; empty if it cannot be told just
// now.
std::string ContentsOf(const std::string& path) {
  std::string current;
  if (!rocksdb::ReadFileToString(rocksdb::Env::Default(), path + "/CURRENT", &current).ok()) return {};
  if (current.empty() || current.back() != '\n') return {};
  current.pop_back();
  std::error_code error;
  const auto size = std::filesystem::file_size(path + "/" + current, error);
  return error ? std::string() : current + ":" + std::to_string(size);
}

}  // namespace

struct StateReader::Impl {
  std::string path;
  std::unique_ptr<rocksdb::DB> db;

  // The partition that the last header was of.
  uint32_t shard = 0;

  Status ReadRecord(ByteView key, ByteView value, Visitor* visitor) {
    Arena arena(4096);
    if (key[0] == kMarkKey) {
      if (key.size() != 1 + sizeof(uint32_t)) return Corrupt("a mark's key is not of a shard");
      return visitor->OnMark(LoadBigEndian<uint32_t>(key.data() + 1), value);
    }
    // The timers of all partitions are those of each once more.
    if (key[0] == kTimerKey) return {};
    if (key[0] != kRecordKey) return Corrupt("an unknown kind of key");
    ASSIGN_OR_RETURN(const RecordKey record, ReadRecordKey(key.substr(1), &arena));
    const PartitionRef& partition = record.partition;
    if (record.kind == RecordKind::kDue) {
      if (record.rest.size() < kDueBytes) return Corrupt("a timer has no second");
      ASSIGN_OR_RETURN(const RowRef row, ReadRowPart(record.rest.substr(kDueBytes)));
      return visitor->OnTimer(partition, row, ReadDue(record.rest.substr(0, kDueBytes)));
    }
    RowRef ref{record.kind == RecordKind::kStaticRow, record.rest};
    if (record.kind == RecordKind::kHeader) {
      ASSIGN_OR_RETURN(const PartitionInfo info, ReadPartitionInfo(value, &arena));
      TRY(visitor->OnPartition(record.shard, partition, info.has_header ? &info.header : nullptr, info.first_due));
      if (info.row.empty()) return {};
      value = info.row;
      ref = {};
    }
    ASSIGN_OR_RETURN(const RowState row, DecodeRowState(value, kAnyColumn, &arena));
    return visitor->OnRow(partition, ref, row);
  }
};

StateReader::StateReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
StateReader::~StateReader() = default;

Result<std::unique_ptr<StateReader>> StateReader::Open(const std::string& path) {
  TRY(CheckThere(path));
  if (const pid_t owner = OwnerOf(path); owner != 0) {
    return Error{ErrorCode::kTransient,
                 path + ": process " + std::to_string(owner) +
                     " works with this state; stop it first, or look at a copy of the directory"};
  }
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  ASSIGN_OR_RETURN(impl->db, OpenStore(path));
  return std::unique_ptr<StateReader>(new StateReader(std::move(impl)));
}

// OwnerOf is not asked here: closing the lock's file would let go of a lock that this very process has.
Result<std::unique_ptr<StateReader>> StateReader::OpenBeside(const std::string& path) {
  constexpr int kAttempts = 20;
  TRY(CheckThere(path));
  for (int attempt = 0;; ++attempt) {
    const std::string before = ContentsOf(path);
    auto db = OpenStore(path);
    // Of what the lists of files and logs name nothing can be gone that was there all the time.
    if (!before.empty() && before == ContentsOf(path)) {
      if (!db.has_value()) return db.error();
      auto impl = std::make_unique<Impl>();
      impl->path = path;
      impl->db = std::move(*db);
      return std::unique_ptr<StateReader>(new StateReader(std::move(impl)));
    }
    if (attempt == kAttempts) {
      return Error{ErrorCode::kTransient, path + ": its files change faster than they can be opened; try again"};
    }
  }
}

Result<std::string> StateReader::ReadMark(uint32_t shard) {
  std::string key(1, kMarkKey);
  AppendBigEndian(&key, shard);
  std::string mark;
  const rocksdb::Status status = impl_->db->Get({}, key, &mark);
  if (!status.ok() && !status.IsNotFound()) return FailedOn(impl_->path, status);
  return mark;
}

Status StateReader::Read(Visitor* visitor) {
  rocksdb::ReadOptions read;
  read.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> it(impl_->db->NewIterator(read));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    const ByteView key(it->key().data(), it->key().size());
    const ByteView value(it->value().data(), it->value().size());
    if (key.empty()) return Corrupt("state in " + impl_->path + ": an empty key");
    const Status status = impl_->ReadRecord(key, value, visitor);
    if (!status.has_value()) return status.error().At("state in " + impl_->path);
  }
  if (!it->status().ok()) return FailedOn(impl_->path, it->status());
  return {};
}

}  // namespace braid
