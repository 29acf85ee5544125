// Files and directories, behind an interface: what lasts is written through it, so that a simulator can stand in for
// the disk and lose what was not synced.
//
// Every error's message names the path. All calls are thread-safe; a WritableFile belongs to one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/byte_source.h"
#include "base/bytes.h"
#include "base/result.h"

namespace braid {

struct FileInfo {
  uint64_t size_bytes = 0;
  int64_t modified_us = 0;  // since 1970
  uint64_t inode = 0;       // with `device` the file's identity: hard links share it
  uint64_t device = 0;
  uint32_t links = 1;  // how many names it has
  bool directory = false;
};

// A file that grows at its end. Closed, not synced, when it goes.
class WritableFile {
 public:
  virtual ~WritableFile() = default;
  // All of `bytes`, or an error (kIoError; kNoSpace if the disk is full) after which only Truncate or an end helps.
  virtual Status Append(ByteView bytes) = 0;
  // Makes what was appended outlast a crash of the machine.
  virtual Status Sync() = 0;
  // Cuts the file; what follows is appended there.
  virtual Status Truncate(uint64_t size) = 0;
  virtual uint64_t size() const = 0;
};

// Held as long as it lives; the system lets go of it when the process ends, however that comes.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

// Wakes whoever waits for a file to be written. Belongs to one thread.
class FileWatch {
 public:
  virtual ~FileWatch() = default;
  // Sleeps until the file was written after the last Wait began to sleep (at first: after the watch was made), until a
  // signal comes, or until `timeout_ms` have passed. May wake without a cause.
  virtual Status Wait(int timeout_ms) = 0;
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;

  // The names in a directory, sorted, without "." and "..". Errors: kNotFound, kIoError.
  virtual Result<std::vector<std::string>> List(const std::string& directory) = 0;
  // kNotFound if there is no such file.
  virtual Result<FileInfo> Info(const std::string& path) = 0;
  virtual Result<std::unique_ptr<ByteSource>> OpenForRead(const std::string& path) = 0;
  // Appends to the file, which is made (mode 0600) if it is not there. Whoever makes one syncs the directory.
  virtual Result<std::unique_ptr<WritableFile>> OpenForAppend(const std::string& path) = 0;
  // Writes a small file whole, so that readers see the old content or the new: to a name of its own, synced, renamed,
  // and the directory synced.
  virtual Status ReplaceFile(const std::string& path, ByteView content) = 0;
  // Writes `content` over the beginning of the file, which is made if it is not there, in one call and without sync.
  virtual Status Overwrite(const std::string& path, ByteView content) = 0;
  // kNotFound if there is none.
  virtual Status Remove(const std::string& path) = 0;
  // With its parents, mode 0700; what is made outlasts a crash of the machine. No error if it is there.
  virtual Status MakeDirectory(const std::string& path) = 0;
  virtual Status SyncDirectory(const std::string& path) = 0;
  // Bytes that may still be written on the volume that holds `path`.
  virtual Result<uint64_t> FreeBytes(const std::string& path) = 0;
  // The size of that volume.
  virtual Result<uint64_t> VolumeBytes(const std::string& path) = 0;
  // Locks the file, which is made if it is not there. kTransient if another process has it.
  virtual Result<std::unique_ptr<FileLock>> Lock(const std::string& path) = 0;
  // Watches one file for appends, overwrites and cuts, by any process. kNotFound if there is none.
  virtual Result<std::unique_ptr<FileWatch>> Watch(const std::string& path) = 0;
};

// The operating system's. Lives for ever.
FileSystem* PosixFileSystem();

}  // namespace braid
