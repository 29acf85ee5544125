#include "cassandra/schema/follower.h"

#include <algorithm>
#include <utility>

#include "cassandra/sstable/directory.h"

namespace braid {
namespace {

// Within one look: files that come while others are read.
constexpr int kMaxPasses = 4;
// After a directory changed.
constexpr int kListsAfterChange = 6;
// A directory is listed at least once in so many looks, whatever its time of change says.
constexpr uint64_t kLooksBetweenLists = 256;

}  // namespace

SchemaFollower::SchemaFollower(FileSystem* files, const std::vector<std::string>& data_directories) : files_(files) {
  for (const std::string& path : data_directories) {
    data_.push_back({.path = path, .stamp = {}, .tables = {}, .read_whole = false});
  }
}

bool SchemaFollower::complete() const {
  return std::all_of(data_.begin(), data_.end(), [](const DataDirectory& data) { return data.read_whole; });
}

SchemaFollower::Look SchemaFollower::LookAgain() {
  Look look;
  bool changed = true;
  // What is stable between two passes was all there at one moment: a change of schema goes to several tables, and a
  // node flushes them one after another.
  for (int pass = 0; pass < kMaxPasses && changed; ++pass) {
    changed = false;
    look.settled = true;
    look.troubles.clear();
    for (DataDirectory& data : data_) changed = ScanData(&data, &look) || changed;
    look.grown = look.grown || changed;
  }
  if (changed) look.settled = false;
  return look;
}

bool SchemaFollower::ScanData(DataDirectory* data, Look* look) {
  const size_t troubles = look->troubles.size();
  const Result<bool> listed = ListTables(data);
  if (!listed.has_value()) {
    look->troubles.push_back(listed.error());
    data->stamp.lists_to_come = kListsAfterChange;
    // A node that is away is no reason to wait: it takes nothing back.
    if (listed.error().code != ErrorCode::kNotFound) look->settled = false;
    return false;
  }
  bool changed = *listed;
  for (auto& [path, table] : data->tables) {
    const Result<bool> scanned = ScanTable(path, &table, look);
    if (scanned.has_value()) {
      changed = *scanned || changed;
      continue;
    }
    look->troubles.push_back(scanned.error());
    look->settled = false;
    table.stamp.lists_to_come = kListsAfterChange;
  }
  if (look->troubles.size() == troubles) data->read_whole = true;
  return changed;
}

// Brings `data->tables` up to date. True if a directory came or went.
Result<bool> SchemaFollower::ListTables(DataDirectory* data) {
  const std::string path = data->path + "/" + std::string(kSchemaKeyspace);
  const Result<FileInfo> info = files_->Info(path);
  if (!info.has_value()) {
    if (info.error().code != ErrorCode::kNotFound) return info.error();
    TRY(files_->Info(data->path));  // one of a node's several disks may be without a schema
    const bool had_tables = !data->tables.empty();
    data->tables.clear();
    data->stamp = {};
    return had_tables;
  }
  if (!MustList(*info, &data->stamp)) return false;
  ASSIGN_OR_RETURN(const std::vector<TableDirectory> directories, ListTableDirectories(path));
  std::map<std::string, Table> tables;
  bool changed = false;
  for (const TableDirectory& directory : directories) {
    SystemTable* const to = tables_.Find(directory.table);
    if (to == nullptr) continue;
    auto known = data->tables.extract(directory.path);
    changed = changed || known.empty();
    tables.emplace(directory.path,
                   known.empty() ? Table{.to = to, .stamp = {}, .read = {}} : std::move(known.mapped()));
  }
  changed = changed || !data->tables.empty();
  data->tables = std::move(tables);
  return changed;
}

// Reads what is new in a table's directory. True if there was anything.
Result<bool> SchemaFollower::ScanTable(const std::string& path, Table* table, Look* look) {
  const uint64_t inode_before = table->stamp.inode;
  ASSIGN_OR_RETURN(const FileInfo info, files_->Info(path));
  if (!MustList(info, &table->stamp)) return false;
  // Another directory of that name: its SSTables may have the names of old ones.
  if (info.inode != inode_before) table->read.clear();
  ASSIGN_OR_RETURN(const std::vector<Descriptor> sstables, ListSstables(path));
  std::set<Descriptor> read;
  bool changed = false;
  for (const Descriptor& sstable : sstables) {
    if (!table->read.contains(sstable)) {
      const Status added = table->to->Add(sstable);
      // One that was not found was compacted away since it was listed: what replaced it is there at the next pass.
      const bool gone = !added.has_value() && added.error().code == ErrorCode::kNotFound;
      changed = changed || added.has_value() || gone;
      if (!added.has_value()) {
        table->stamp.lists_to_come = kListsAfterChange;
        if (!gone) look->troubles.push_back(added.error());
        if (!gone) look->settled = false;
        continue;
      }
      any_ = true;
    }
    read.insert(sstable);
  }
  table->read = std::move(read);
  return changed;
}

bool SchemaFollower::MustList(const FileInfo& info, Stamp* stamp) {
  if (info.inode != stamp->inode || info.modified_us != stamp->modified_us) {
    stamp->inode = info.inode;
    stamp->modified_us = info.modified_us;
    stamp->lists_to_come = kListsAfterChange;
  }
  const bool now_and_then = ++stamp->looks % kLooksBetweenLists == 0;
  if (stamp->lists_to_come == 0 && !now_and_then) return false;
  if (stamp->lists_to_come > 0) --stamp->lists_to_come;
  return true;
}

}  // namespace braid
