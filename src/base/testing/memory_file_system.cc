#include "base/testing/memory_file_system.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "base/check.h"

namespace braid {

// A file or a directory.
struct MemoryFileSystem::Node {
  // A change of a file's bytes that is not synced: `bytes` at `offset`, or, if `cut`, the end at `offset`.
  struct Write {
    uint64_t offset = 0;
    std::string bytes;
    bool cut = false;
  };

  bool directory = false;
  uint64_t inode = 0;
  int64_t modified_us = 0;
  bool locked = false;
  uint64_t writes = 0;  // how often it was written, for watchers

  std::string bytes;           // as it is
  std::string synced;          // as it lasts
  std::vector<Write> pending;  // what leads from `synced` to `bytes`

  std::map<std::string, NodePtr> names;
  std::map<std::string, NodePtr> synced_names;

  static void Apply(const Write& write, std::string* to) {
    if (write.cut) {
      to->resize(write.offset);
      return;
    }
    if (to->size() < write.offset + write.bytes.size()) to->resize(write.offset + write.bytes.size());
    to->replace(write.offset, write.bytes.size(), write.bytes);
  }

  void Change(Write write) {
    Apply(write, &bytes);
    pending.push_back(std::move(write));
    ++writes;
  }

  void Sync() {
    for (const Write& write : pending) Apply(write, &synced);
    pending.clear();
  }
};

class MemoryFileSystem::Source : public ByteSource {
 public:
  Source(MemoryFileSystem* disk, NodePtr file, std::string path)
      : disk_(disk), file_(std::move(file)), path_(std::move(path)), generation_(disk->generation_) {}

  Result<size_t> ReadAt(uint64_t offset, char* to, size_t size) const override {
    const std::lock_guard lock(disk_->mutex_);
    TRY(Check());
    if (offset >= file_->bytes.size()) return size_t{0};
    const size_t count = std::min<size_t>(size, file_->bytes.size() - offset);
    file_->bytes.copy(to, count, offset);
    disk_->read_bytes_ += count;
    return count;
  }

  Result<uint64_t> Size() const override {
    const std::lock_guard lock(disk_->mutex_);
    TRY(Check());
    return file_->bytes.size();
  }

  const std::string& name() const override { return path_; }

 private:
  Status Check() const {
    if (generation_ != disk_->generation_) return IoError(path_ + ": was opened before the crash");
    return disk_->Enter(path_, Need::kNothing);
  }

  MemoryFileSystem* disk_;
  NodePtr file_;
  std::string path_;
  uint64_t generation_;
};

class MemoryFileSystem::Writer : public WritableFile {
 public:
  Writer(MemoryFileSystem* disk, NodePtr file, std::string path)
      : disk_(disk), file_(std::move(file)), path_(std::move(path)), generation_(disk->generation_) {}

  Status Append(ByteView bytes) override {
    const std::lock_guard lock(disk_->mutex_);
    double part = 1;
    Status entered = Check(Need::kSpace, &part);
    if (!Alive()) return entered;
    const Status written = disk_->WriteAt(file_, path_, file_->bytes.size(), bytes, part);
    return entered.has_value() ? written : entered;
  }

  Status Sync() override {
    const std::lock_guard lock(disk_->mutex_);
    TRY(Check(Need::kSpace, nullptr));
    file_->Sync();
    ++disk_->syncs_;
    return {};
  }

  Status Truncate(uint64_t size) override {
    const std::lock_guard lock(disk_->mutex_);
    TRY(Check(Need::kNothing, nullptr));
    file_->Change({.offset = size, .cut = true});
    file_->modified_us = disk_->now_us_;
    disk_->written_.notify_all();
    return {};
  }

  uint64_t size() const override {
    const std::lock_guard lock(disk_->mutex_);
    return file_->bytes.size();
  }

 private:
  bool Alive() const { return generation_ == disk_->generation_; }

  Status Check(Need need, double* part) const {
    if (!Alive()) return IoError(path_ + ": was opened before the crash");
    return disk_->Enter(path_, need, part);
  }

  MemoryFileSystem* disk_;
  NodePtr file_;
  std::string path_;
  uint64_t generation_;
};

class MemoryFileSystem::Held : public FileLock {
 public:
  Held(MemoryFileSystem* disk, NodePtr file) : disk_(disk), file_(std::move(file)), generation_(disk->generation_) {}
  ~Held() override {
    const std::lock_guard lock(disk_->mutex_);
    if (generation_ == disk_->generation_) file_->locked = false;
  }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;

 private:
  MemoryFileSystem* disk_;
  NodePtr file_;
  uint64_t generation_;
};

class MemoryFileSystem::Watcher : public FileWatch {
 public:
  Watcher(MemoryFileSystem* disk, NodePtr file) : disk_(disk), file_(std::move(file)), seen_(file_->writes) {}

  Status Wait(int timeout_ms) override {
    std::unique_lock lock(disk_->mutex_);
    disk_->written_.wait_for(lock, std::chrono::milliseconds(timeout_ms), [this] { return file_->writes != seen_; });
    seen_ = file_->writes;
    return {};
  }

 private:
  MemoryFileSystem* disk_;
  NodePtr file_;
  uint64_t seen_;
};

MemoryFileSystem::MemoryFileSystem() : root_(std::make_shared<Node>()) {
  root_->directory = true;
}

uint64_t MemoryFileSystem::calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}

uint64_t MemoryFileSystem::read_bytes() const {
  const std::lock_guard lock(mutex_);
  return read_bytes_;
}

uint64_t MemoryFileSystem::syncs() const {
  const std::lock_guard lock(mutex_);
  return syncs_;
}

void MemoryFileSystem::FailAt(uint64_t n, ErrorCode code, uint64_t seed) {
  const std::lock_guard lock(mutex_);
  fail_at_ = calls_ + n;
  fail_code_ = code;
  power_cut_ = false;
  random_.seed(seed);
}

void MemoryFileSystem::CutPowerAt(uint64_t n, uint64_t seed) {
  FailAt(n, ErrorCode::kIoError, seed);
  const std::lock_guard lock(mutex_);
  power_cut_ = true;
}

void MemoryFileSystem::StopFailing() {
  const std::lock_guard lock(mutex_);
  fail_at_ = 0;
  power_cut_ = false;
}

void MemoryFileSystem::SetCapacity(uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  capacity_ = bytes;
}

void MemoryFileSystem::SetTime(int64_t now_us) {
  const std::lock_guard lock(mutex_);
  now_us_ = now_us;
}

void MemoryFileSystem::Crash(uint64_t seed) {
  const std::lock_guard lock(mutex_);
  random_.seed(seed);
  ++generation_;
  fail_at_ = 0;
  power_cut_ = false;
  CrashDirectory(root_.get());
}

void MemoryFileSystem::CrashDirectory(Node* directory) {
  std::set<std::string> names;
  for (const auto& [name, node] : directory->names) names.insert(name);
  for (const auto& [name, node] : directory->synced_names) names.insert(name);
  std::map<std::string, NodePtr> left;
  for (const std::string& name : names) {
    const bool after = random_() % 2 == 0;
    const auto& from = after ? directory->names : directory->synced_names;
    const auto found = from.find(name);
    if (found != from.end()) left.insert(*found);
  }
  directory->names = left;
  directory->synced_names = left;
  for (const auto& [name, node] : left) {
    if (node->directory) {
      CrashDirectory(node.get());
    } else {
      CrashFile(node.get());
    }
  }
}

void MemoryFileSystem::CrashFile(Node* file) {
  const uint64_t whole = random_() % (file->pending.size() + 1);
  for (uint64_t i = 0; i < file->pending.size() && i <= whole; ++i) {
    Node::Write write = file->pending[i];
    if (i == whole) {
      if (write.cut) break;
      write.bytes.resize(random_() % (write.bytes.size() + 1));
    }
    // The file's length may last where the bytes do not.
    if (!write.bytes.empty() && write.offset >= file->synced.size() && random_() % 4 == 0) {
      std::fill(write.bytes.begin() + static_cast<int64_t>(random_() % write.bytes.size()), write.bytes.end(), '\0');
    }
    Node::Apply(write, &file->synced);
  }
  file->pending.clear();
  file->bytes = file->synced;
  file->locked = false;
}

Status MemoryFileSystem::Enter(const std::string& path, Need need, double* part) {
  ++calls_;
  if (fail_at_ == 0 || calls_ < fail_at_) return {};
  if (fail_code_ == ErrorCode::kNoSpace && need != Need::kSpace) return {};
  const bool first = calls_ == fail_at_ || !power_cut_;
  if (part != nullptr) *part = first ? static_cast<double>(random_() % 1024) / 1023 : 0;
  if (!power_cut_) fail_at_ = 0;
  return Error{fail_code_, path + (power_cut_ ? ": the power is cut" : ": this call was made to fail")};
}

uint64_t MemoryFileSystem::UsedBytes() const {
  uint64_t used = 0;
  std::vector<const Node*> left = {root_.get()};
  while (!left.empty()) {
    const Node* node = left.back();
    left.pop_back();
    used += node->bytes.size();
    for (const auto& [name, child] : node->names) left.push_back(child.get());
  }
  return used;
}

Status MemoryFileSystem::WriteAt(const NodePtr& file, const std::string& path, uint64_t offset, ByteView bytes,
                                 double part) {
  ByteView put = bytes.substr(0, static_cast<size_t>(part * static_cast<double>(bytes.size())));
  const uint64_t grown = offset + put.size() > file->bytes.size() ? offset + put.size() - file->bytes.size() : 0;
  bool full = false;
  if (capacity_ && grown > 0) {
    const uint64_t used = UsedBytes();
    const uint64_t left = *capacity_ > used ? *capacity_ - used : 0;
    full = grown > left;
    if (full) put = put.substr(0, put.size() - (grown - left));
  }
  if (!put.empty()) file->Change({.offset = offset, .bytes = std::string(put)});
  file->modified_us = now_us_;
  written_.notify_all();
  if (full) return NoSpace(path + ": cannot write: the disk is full");
  return {};
}

Result<MemoryFileSystem::NodePtr> MemoryFileSystem::Find(const std::string& path) const {
  CHECK(path.starts_with('/'));
  NodePtr node = root_;
  for (size_t at = 0; at < path.size();) {
    const size_t end = std::min(path.find('/', at), path.size());
    if (end > at) {
      const auto found = node->names.find(path.substr(at, end - at));
      if (found == node->names.end()) return NotFound(path + ": there is none");
      node = found->second;
    }
    at = end + 1;
  }
  return node;
}

Result<MemoryFileSystem::NodePtr> MemoryFileSystem::FindParent(const std::string& path, std::string* name) const {
  const size_t slash = path.rfind('/');
  CHECK(slash != std::string::npos && slash + 1 < path.size());
  *name = path.substr(slash + 1);
  ASSIGN_OR_RETURN(NodePtr parent, Find(path.substr(0, slash + 1)));
  if (!parent->directory) return IoError(path + ": stands in a file");
  return parent;
}

Result<MemoryFileSystem::NodePtr> MemoryFileSystem::FindOrMakeFile(const std::string& path) {
  std::string name;
  ASSIGN_OR_RETURN(const NodePtr parent, FindParent(path, &name));
  NodePtr& file = parent->names[name];
  if (file == nullptr) {
    file = std::make_shared<Node>();
    file->inode = next_inode_++;
    file->modified_us = now_us_;
  }
  if (file->directory) return IoError(path + ": is a directory");
  return file;
}

Result<std::vector<std::string>> MemoryFileSystem::List(const std::string& directory) {
  const std::lock_guard lock(mutex_);
  TRY(Enter(directory, Need::kNothing));
  ASSIGN_OR_RETURN(const NodePtr node, Find(directory));
  if (!node->directory) return IoError(directory + ": is a file");
  std::vector<std::string> names;
  for (const auto& [name, child] : node->names) names.push_back(name);
  return names;
}

Result<FileInfo> MemoryFileSystem::Info(const std::string& path) {
  const std::lock_guard lock(mutex_);
  TRY(Enter(path, Need::kNothing));
  ASSIGN_OR_RETURN(const NodePtr node, Find(path));
  return FileInfo{.size_bytes = node->bytes.size(),
                  .modified_us = node->modified_us,
                  .inode = node->inode,
                  .directory = node->directory};
}

Result<std::unique_ptr<ByteSource>> MemoryFileSystem::OpenForRead(const std::string& path) {
  const std::lock_guard lock(mutex_);
  TRY(Enter(path, Need::kNothing));
  ASSIGN_OR_RETURN(NodePtr file, Find(path));
  if (file->directory) return IoError(path + ": is a directory");
  return std::unique_ptr<ByteSource>(std::make_unique<Source>(this, std::move(file), path));
}

Result<std::unique_ptr<WritableFile>> MemoryFileSystem::OpenForAppend(const std::string& path) {
  const std::lock_guard lock(mutex_);
  TRY(Enter(path, Need::kSpace));
  ASSIGN_OR_RETURN(NodePtr file, FindOrMakeFile(path));
  return std::unique_ptr<WritableFile>(std::make_unique<Writer>(this, std::move(file), path));
}

Status MemoryFileSystem::ReplaceFile(const std::string& path, ByteView content) {
  const std::lock_guard lock(mutex_);
  TRY(Enter(path, Need::kSpace));
  std::string name;
  ASSIGN_OR_RETURN(const NodePtr parent, FindParent(path, &name));
  if (capacity_ && UsedBytes() + content.size() > *capacity_) {
    return NoSpace(path + ": cannot write: the disk is full");
  }
  auto file = std::make_shared<Node>();
  file->inode = next_inode_++;
  file->modified_us = now_us_;
  file->bytes = file->synced = std::string(content);
  parent->names[name] = parent->synced_names[name] = file;
  ++syncs_;
  return {};
}

Status MemoryFileSystem::Overwrite(const std::string& path, ByteView content) {
  const std::lock_guard lock(mutex_);
  double part = 1;
  Status entered = Enter(path, Need::kSpace, &part);
  if (!entered.has_value() && part == 0) return entered;
  ASSIGN_OR_RETURN(const NodePtr file, FindOrMakeFile(path));
  const Status written = WriteAt(file, path, 0, content, part);
  return entered.has_value() ? written : entered;
}

Status MemoryFileSystem::Remove(const std::string& path) {
  const std::lock_guard lock(mutex_);
  TRY(Enter(path, Need::kNothing));
  std::string name;
  ASSIGN_OR_RETURN(const NodePtr parent, FindParent(path, &name));
  const auto found = parent->names.find(name);
  if (found == parent->names.end()) return NotFound(path + ": there is none");
  if (found->second->directory) return IoError(path + ": is a directory");
  parent->names.erase(found);
  return {};
}

Status MemoryFileSystem::MakeDirectory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  TRY(Enter(path, Need::kSpace));
  CHECK(path.starts_with('/'));
  NodePtr node = root_;
  for (size_t at = 0; at < path.size();) {
    const size_t end = std::min(path.find('/', at), path.size());
    if (end > at) {
      const std::string name = path.substr(at, end - at);
      NodePtr& child = node->names[name];
      if (child == nullptr) {
        child = std::make_shared<Node>();
        child->directory = true;
        child->inode = next_inode_++;
        node->synced_names[name] = child;
      }
      if (!child->directory) return IoError(path + ": is a file, or stands in one");
      node = child;
    }
    at = end + 1;
  }
  return {};
}

Status MemoryFileSystem::SyncDirectory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  TRY(Enter(path, Need::kSpace));
  ASSIGN_OR_RETURN(const NodePtr node, Find(path));
  if (!node->directory) return IoError(path + ": is a file");
  node->synced_names = node->names;
  ++syncs_;
  return {};
}

Result<uint64_t> MemoryFileSystem::FreeBytes(const std::string& path) {
  const std::lock_guard lock(mutex_);
  TRY(Enter(path, Need::kNothing));
  if (!capacity_) return uint64_t{1} << 40;
  const uint64_t used = UsedBytes();
  return *capacity_ > used ? *capacity_ - used : 0;
}

Result<uint64_t> MemoryFileSystem::VolumeBytes(const std::string& path) {
  const std::lock_guard lock(mutex_);
  TRY(Enter(path, Need::kNothing));
  return capacity_.value_or(uint64_t{1} << 40);
}

Result<std::unique_ptr<FileLock>> MemoryFileSystem::Lock(const std::string& path) {
  const std::lock_guard lock(mutex_);
  TRY(Enter(path, Need::kSpace));
  ASSIGN_OR_RETURN(NodePtr file, FindOrMakeFile(path));
  if (file->locked) return Error{ErrorCode::kTransient, path + ": another holds the lock"};
  file->locked = true;
  return std::unique_ptr<FileLock>(std::make_unique<Held>(this, std::move(file)));
}

Result<std::unique_ptr<FileWatch>> MemoryFileSystem::Watch(const std::string& path) {
  const std::lock_guard lock(mutex_);
  TRY(Enter(path, Need::kNothing));
  ASSIGN_OR_RETURN(NodePtr file, Find(path));
  return std::unique_ptr<FileWatch>(std::make_unique<Watcher>(this, std::move(file)));
}

}  // namespace braid
