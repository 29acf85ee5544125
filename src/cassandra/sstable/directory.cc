#include "cassandra/sstable/directory.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/byte_source.h"
#include "cassandra/sstable/transaction_log.h"

namespace braid {
namespace {

namespace fs = std::filesystem;

// Far more than any transaction writes.
constexpr uint64_t kMaxTransactionLogBytes = 64 << 20;

struct Entry {
  std::string name;
  bool directory = false;
};

Result<std::vector<Entry>> ListEntries(const std::string& path) {
  std::error_code error;
  fs::directory_iterator iterator(path, error);
  std::vector<Entry> entries;
  while (!error && iterator != fs::directory_iterator()) {
    std::error_code ignored;  // a file that vanishes meanwhile is no directory
    entries.push_back({.name = iterator->path().filename().string(), .directory = iterator->is_directory(ignored)});
    iterator.increment(error);
  }
  if (error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory) {
    return NotFound(path + ": no such directory");
  }
  if (error) return IoError(path + ": cannot list the directory: " + error.message());
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.name < b.name; });
  return entries;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

std::optional<TableId> ParseHexId(std::string_view hex) {
  TableId id;
  if (hex.size() != 2 * id.bytes.size()) return std::nullopt;
  for (size_t i = 0; i < id.bytes.size(); ++i) {
    const int high = HexDigit(hex[2 * i]);
    const int low = HexDigit(hex[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    id.bytes[i] = static_cast<uint8_t>(high << 4 | low);
  }
  return id;
}

// The files of one directory: how many each SSTable has, and which SSTables are not in force.
struct Files {
  std::map<std::string, int64_t> count_by_base;
  std::set<std::string> out_of_force;
};

// "nb-12-big" of "nb-12-big-Data.db": what goes before the third dash; all of a name with fewer.
std::string BaseOf(const std::string& name) {
  size_t dash = 0;
  for (int i = 0; i < 3 && dash != std::string::npos; ++i) dash = name.find('-', i == 0 ? 0 : dash + 1);
  return name.substr(0, dash);
}

Status ApplyTransactionLog(const std::string& path, Files* files) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxTransactionLogBytes));
  Result<TransactionLog> log = ParseTransactionLog(text);
  if (!log.has_value()) return log.error().At(path);
  const std::vector<LoggedSstable>& dead = log->committed ? log->removed : log->added;
  for (const LoggedSstable& sstable : dead) files->out_of_force.insert(sstable.base);
  if (log->committed || log->aborted) return {};
  // Until it is finished a transaction deletes nothing, so that what it will remove must be whole: but one SSTable's
  // record stands in every data directory's log, and its files only in one.
  for (const LoggedSstable& sstable : log->removed) {
    const auto found = files->count_by_base.find(sstable.base);
    if (found != files->count_by_base.end() && found->second < sstable.files) {
      return Corrupt(path + ": the unfinished transaction is to remove " + sstable.base + ", of which " +
                     std::to_string(found->second) + " files are left of " + std::to_string(sstable.files) +
                     "; the directory was copied while it changed: copy it again, or use a snapshot");
    }
  }
  return {};
}

bool Has(const std::set<std::string>& components, const char* name) {
  return components.contains(name);
}

Status CheckComplete(const Descriptor& descriptor, const std::set<std::string>& components) {
  const char* missing = nullptr;
  if (!Has(components, "Statistics.db")) missing = "Statistics.db";
  if (!Has(components, "CompressionInfo.db") && !Has(components, "CRC.db")) missing = "CompressionInfo.db or CRC.db";
  if (missing == nullptr) return {};
  return Corrupt(descriptor.ComponentPath("Data.db") + ": the SSTable has no " + missing +
                 "; restore the missing file, or move the SSTable's files away to read without it");
}

}  // namespace

Result<std::vector<TableDirectory>> ListTableDirectories(const std::string& keyspace_directory) {
  ASSIGN_OR_RETURN(const std::vector<Entry> entries, ListEntries(keyspace_directory));
  std::vector<TableDirectory> tables;
  for (const Entry& entry : entries) {
    const size_t dash = entry.name.rfind('-');
    if (!entry.directory || dash == std::string::npos) continue;
    const std::optional<TableId> id = ParseHexId(std::string_view(entry.name).substr(dash + 1));
    if (!id.has_value()) continue;
    tables.push_back({.path = keyspace_directory + "/" + entry.name, .table = entry.name.substr(0, dash), .id = *id});
  }
  return tables;
}

Result<std::vector<Descriptor>> ListSstables(const std::string& table_directory) {
  ASSIGN_OR_RETURN(const std::vector<Entry> entries, ListEntries(table_directory));
  Files files;
  for (const Entry& entry : entries) {
    if (!entry.directory) ++files.count_by_base[BaseOf(entry.name)];
  }
  for (const Entry& entry : entries) {
    if (entry.directory || !IsTransactionLogName(entry.name)) continue;
    TRY(ApplyTransactionLog(table_directory + "/" + entry.name, &files));
  }
  std::map<Descriptor, std::set<std::string>> found;
  for (const Entry& entry : entries) {
    if (entry.directory || files.out_of_force.contains(BaseOf(entry.name))) continue;
    ASSIGN_OR_RETURN(const std::optional<ComponentName> name, ParseComponentName(table_directory, entry.name));
    if (name.has_value()) found[name->descriptor].insert(name->component);
  }
  std::vector<Descriptor> sstables;
  for (const auto& [descriptor, components] : found) {
    // Without data there is nothing to read: what is left of a deletion, or a stray file.
    if (!Has(components, "Data.db")) continue;
    TRY(CheckComplete(descriptor, components));
    sstables.push_back(descriptor);
  }
  return sstables;
}

}  // namespace braid
