#include "pipeline/backfill/table_files.h"

#include <filesystem>
#include <utility>

#include "cassandra/sstable/directory.h"

namespace braid {
namespace {

namespace fs = std::filesystem;

void AddIfThere(std::string directory, std::vector<std::string>* directories) {
  std::error_code error;
  if (fs::is_directory(directory, error)) directories->push_back(std::move(directory));
}

}  // namespace

Result<std::vector<std::string>> FindTableDirectories(const NodeHome& home, const TableSchema& table,
                                                      const FileChoice& choice) {
  std::vector<std::string> directories;
  const std::string keyspace = home.data_directory() + "/" + table.keyspace;
  std::error_code error;
  if (!fs::is_directory(keyspace, error)) return directories;
  ASSIGN_OR_RETURN(const std::vector<TableDirectory> tables, ListTableDirectories(keyspace));
  for (const TableDirectory& each : tables) {
    if (each.id != table.table_id) continue;
    AddIfThere(choice.snapshot.empty() ? each.path : each.path + "/snapshots/" + choice.snapshot, &directories);
    if (choice.backups) AddIfThere(each.path + "/backups", &directories);
  }
  return directories;
}

}  // namespace braid
