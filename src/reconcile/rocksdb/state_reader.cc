#include "reconcile/rocksdb/state_reader.h"

#include <fcntl.h>
#include <rocksdb/db.h>
#include <unistd.h>

#include <filesystem>

#include "codec/row_state.h"
#include "reconcile/rocksdb/layout.h"
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
  std::error_code error;
  if (!std::filesystem::exists(path + "/CURRENT", error)) {
    return NotFound(path + ": there is no state in it; give the directory of one shard, STATE/shards/NNN");
  }
  if (const pid_t owner = OwnerOf(path); owner != 0) {
    return Error{ErrorCode::kTransient,
                 path + ": process " + std::to_string(owner) +
                     " works with this state; stop it first, or look at a copy of the directory"};
  }
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status = rocksdb::DB::OpenForReadOnly({}, path, &opened);
  if (!status.ok()) {
    const std::string message = "state in " + path + ": " + status.ToString();
    return status.IsCorruption() ? Corrupt(message) : IoError(message);
  }
  impl->db.reset(opened);
  return std::unique_ptr<StateReader>(new StateReader(std::move(impl)));
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
  if (!it->status().ok()) return IoError("state in " + impl_->path + ": " + it->status().ToString());
  return {};
}

}  // namespace braid
