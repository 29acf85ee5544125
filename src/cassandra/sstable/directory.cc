#include "cassandra/sstable/directory.h"

#include <fmt/format.h>

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

// "nb-12-big" of "nb-12-big-Data.db": what goes before the third dash; all of a name with fewer.
std::string BaseOf(const std::string& name) {
  size_t dash = 0;
  for (int i = 0; i < 3 && dash != std::string::npos; ++i) dash = name.find('-', i == 0 ? 0 : dash + 1);
  return name.substr(0, dash);
}

// The transactions of a table, by the name that each one's logs share.
using Transactions = std::map<std::string, TransactionLog>;

// Adds what the logs in a directory say. Cassandra writes a transaction's records to its log in one directory after the
// other: the last record may not yet be in all.
Status ReadTransactions(const std::string& directory, Transactions* transactions) {
  ASSIGN_OR_RETURN(const std::vector<Entry> entries, ListEntries(directory));
  for (const Entry& entry : entries) {
    if (entry.directory || !IsTransactionLogName(entry.name)) continue;
    const std::string path = directory + "/" + entry.name;
    ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxTransactionLogBytes));
    Result<TransactionLog> log = ParseTransactionLog(text);
    if (!log.has_value()) return log.error().At(path);
    TransactionLog& all = (*transactions)[entry.name];
    all.committed = all.committed || log->committed;
    all.aborted = all.aborted || log->aborted;
    all.added.insert(all.added.end(), log->added.begin(), log->added.end());
    all.removed.insert(all.removed.end(), log->removed.begin(), log->removed.end());
  }
  return {};
}

// Until it is finished a transaction deletes nothing, so that what it will remove must be whole: but one SSTable's
// record stands in every data directory's log, and its files only in one.
Status CheckUnfinished(const std::string& directory, const std::string& name, const TransactionLog& transaction,
                       const std::map<std::string, int64_t>& files_of) {
  for (const LoggedSstable& sstable : transaction.removed) {
    const auto found = files_of.find(sstable.base);
    if (found == files_of.end() || found->second >= sstable.files) continue;
    return Corrupt(
        fmt::format("{}/{}: the unfinished transaction is to remove {}, of which {} files are left of {}; the "
                    "directory was copied while it changed: copy it again, or use a snapshot",
                    directory, name, sstable.base, found->second, sstable.files));
  }
  return {};
}

// The first component that reading needs and `components` lacks, or nullptr.
const char* FirstMissing(const std::set<std::string>& components) {
  if (!components.contains("Data.db")) return "Data.db";
  if (!components.contains("Statistics.db")) return "Statistics.db";
  if (!components.contains("CompressionInfo.db") && !components.contains("CRC.db")) {
    return "CompressionInfo.db or CRC.db";
  }
  return nullptr;
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

Result<SstableListing> ListSstables(const std::vector<std::string>& table_directories) {
  std::map<std::string, std::vector<Entry>> entries_of;
  std::map<std::string, int64_t> files_of;
  for (const std::string& directory : table_directories) {
    ASSIGN_OR_RETURN(std::vector<Entry> entries, ListEntries(directory));
    for (const Entry& entry : entries) {
      if (!entry.directory) ++files_of[BaseOf(entry.name)];
    }
    entries_of[directory] = std::move(entries);
  }
  // The logs are looked for after the files: a log is there before the first file of which it tells, and goes after the
  // last. So there is none that would have spoken of a file seen, but those of transactions that are over.
  Transactions transactions;
  for (const std::string& directory : table_directories) TRY(ReadTransactions(directory, &transactions));
  std::set<std::string> out_of_force;
  for (const auto& [name, transaction] : transactions) {
    const std::vector<LoggedSstable>& dead = transaction.committed ? transaction.removed : transaction.added;
    for (const LoggedSstable& sstable : dead) out_of_force.insert(sstable.base);
    if (transaction.committed || transaction.aborted) continue;
    TRY(CheckUnfinished(table_directories.front(), name, transaction, files_of));
  }

  std::map<Descriptor, std::set<std::string>> found;
  for (const auto& [directory, entries] : entries_of) {
    for (const Entry& entry : entries) {
      if (entry.directory || out_of_force.contains(BaseOf(entry.name))) continue;
      ASSIGN_OR_RETURN(const std::optional<ComponentName> name, ParseComponentName(directory, entry.name));
      if (name.has_value()) found[name->descriptor].insert(name->component);
    }
  }
  SstableListing listing;
  for (const auto& [descriptor, components] : found) {
    const char* missing = FirstMissing(components);
    if (missing == nullptr) {
      listing.whole.push_back(descriptor);
    } else if (components.contains("Data.db") || components.contains("Statistics.db")) {
      listing.incomplete.push_back({descriptor, missing});
    }
    // With neither of the two it is a stray file.
  }
  return listing;
}

Result<std::vector<Descriptor>> ListSstables(const std::string& table_directory) {
  ASSIGN_OR_RETURN(SstableListing listing, ListSstables(std::vector<std::string>{table_directory}));
  for (const SstableListing::Incomplete& sstable : listing.incomplete) {
    // Without data there is nothing to read: what is left of a deletion.
    if (sstable.missing != "Data.db") return MissingComponent(sstable);
  }
  return std::move(listing.whole);
}

Error MissingComponent(const SstableListing::Incomplete& sstable) {
  return Corrupt(sstable.descriptor.ComponentPath("Data.db") + ": the SSTable has no " + sstable.missing +
                 "; restore the missing file, or move the SSTable's files away to read without it");
}

}  // namespace braid
