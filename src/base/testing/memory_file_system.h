// A disk in memory that can lose what was not synced: for tests and for the simulator.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "base/file_system.h"

namespace braid {

// Starts with an empty root "/"; every path is absolute. It keeps apart what is there and what would be there after a
// crash of the machine:
//
// - Bytes appended, overwritten or cut off last once the file is synced. (Overwrite cannot be synced but by a
//   WritableFile of the same file.)
// - A name made or removed lasts once its directory is synced.
// - ReplaceFile and MakeDirectory last when they return.
//
// Thread-safe. Files outlive what is opened of them.
class MemoryFileSystem : public FileSystem {
 public:
  MemoryFileSystem();

  // The machine crashes and starts again. Of what was not synced some is lost and some is not, as `seed` picks: of each
  // file the first of its changes last, the first that does not is torn, and bytes that were appended may be zeros;
  // each name not synced is as before or as after. Files and locks that were open then fail every call. Ends
  // CutPowerAt.
  void Crash(uint64_t seed);

  // Calls so far of this and of its WritableFiles, ByteSources and locks, but for those of SetCapacity and the like.
  uint64_t calls() const;
  // The n-th call from now (1: the next) fails with `code`. A writing one may have done a part of its work, as `seed`
  // picks; kNoSpace lets calls pass that need no space and fails the next that does.
  void FailAt(uint64_t n, ErrorCode code, uint64_t seed = 0);
  // The n-th call from now and all after it fail, until Crash().
  void CutPowerAt(uint64_t n, uint64_t seed = 0);
  // Ends what FailAt and CutPowerAt began.
  void StopFailing();
  // Bytes that all files together may hold; what goes past it is kNoSpace, and written in part.
  void SetCapacity(uint64_t bytes);

  // The files' times are this, in microseconds since 1970: there is no clock. 0 at first.
  void SetTime(int64_t now_us);

  // Bytes read through ByteSources so far.
  uint64_t read_bytes() const;
  // Syncs of files and directories so far.
  uint64_t syncs() const;

  Result<std::vector<std::string>> List(const std::string& directory) override;
  Result<FileInfo> Info(const std::string& path) override;
  Result<std::unique_ptr<ByteSource>> OpenForRead(const std::string& path) override;
  Result<std::unique_ptr<WritableFile>> OpenForAppend(const std::string& path) override;
  Status ReplaceFile(const std::string& path, ByteView content) override;
  Status Overwrite(const std::string& path, ByteView content) override;
  Status Remove(const std::string& path) override;
  Status MakeDirectory(const std::string& path) override;
  Status SyncDirectory(const std::string& path) override;
  Result<uint64_t> FreeBytes(const std::string& path) override;
  Result<uint64_t> VolumeBytes(const std::string& path) override;
  Result<std::unique_ptr<FileLock>> Lock(const std::string& path) override;
  Result<std::unique_ptr<FileWatch>> Watch(const std::string& path) override;

 private:
  struct Node;
  using NodePtr = std::shared_ptr<Node>;
  class Source;
  class Writer;
  class Held;
  class Watcher;

  // What a call needs, to be failed or not.
  enum class Need { kNothing, kSpace };

  // All below with mutex_ held.

  // Counts a call; the error that it must give. *part is set, for a call that writes, to the share of its bytes that
  // are written before the error.
  Status Enter(const std::string& path, Need need, double* part = nullptr);
  Result<NodePtr> Find(const std::string& path) const;
  // The directory that `path` stands in and the last name of the path.
  Result<NodePtr> FindParent(const std::string& path, std::string* name) const;
  Result<NodePtr> FindOrMakeFile(const std::string& path);
  Status WriteAt(const NodePtr& file, const std::string& path, uint64_t offset, ByteView bytes, double part);
  uint64_t UsedBytes() const;
  void CrashFile(Node* file);
  void CrashDirectory(Node* directory);

  mutable std::mutex mutex_;
  std::condition_variable written_;
  NodePtr root_;
  uint64_t next_inode_ = 1;
  uint64_t generation_ = 0;  // one more with each crash: what was opened before is dead
  uint64_t calls_ = 0;
  uint64_t read_bytes_ = 0;
  uint64_t syncs_ = 0;
  int64_t now_us_ = 0;
  std::optional<uint64_t> capacity_;
  uint64_t fail_at_ = 0;  // of calls_; 0: never
  ErrorCode fail_code_ = ErrorCode::kIoError;
  bool power_cut_ = false;  // all calls from fail_at_ on fail
  std::mt19937_64 random_;
};

}  // namespace braid
