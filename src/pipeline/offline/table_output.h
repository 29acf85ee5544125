// The files of a replay: one NDJSON file a table, each of which appears under its name only when the whole run is good.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace braid {

class TableOutput {
 public:
  // Makes `directory` if it is not there, and a hidden working directory in it, which it holds locked. Working
  // directories that nobody holds, left by runs that were killed, are removed.
  static Result<std::unique_ptr<TableOutput>> Open(const std::string& directory);
  // Removes whatever was not published.
  ~TableOutput();
  TableOutput(const TableOutput&) = delete;
  TableOutput& operator=(const TableOutput&) = delete;

  // Ends the current file and begins that of the next table; `name` is its file's, e.g. "vault.titles.ndjson".
  Status BeginFile(const std::string& name);
  // Appends to the current file.
  Status Append(const std::string& lines);
  // Ends the last file, syncs all and gives them their names.
  Status Publish();

  // Where a run may keep what it spills; on the same volume as the output.
  const std::string& working_directory() const { return working_directory_; }

 private:
  TableOutput(std::string directory, std::string working_directory, int lock)
      : directory_(std::move(directory)), working_directory_(std::move(working_directory)), lock_(lock) {}

  Status Flush();
  Status EndFile();

  std::string directory_;
  std::string working_directory_;
  int lock_;
  std::vector<std::string> finished_;
  std::string current_;
  int descriptor_ = -1;
  std::string buffer_;
};

}  // namespace braid
