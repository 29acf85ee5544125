// The commands of `braid`: each turns its words into a call of a pipeline and the result into text. Give the exit code:
// 0, or 1 after one clear line on stderr.
#pragma once

#include <string>
#include <vector>

#include "pipeline/replay/replay.h"

namespace braid {

int RunReplay(ReplayOptions options);

struct InspectCommitLogArguments {
  std::string path;                 // a segment, or a directory of segments
  std::string schema_directory;     // a node's data/
  std::vector<std::string> tables;  // empty: all
  bool count = false;
  int repeat = 1;
};
int RunInspectCommitLog(const InspectCommitLogArguments& arguments);
int RunInspectSstable(const std::string& path);
int RunInspectSchema(const std::string& data_directory);

struct ExplainArguments {
  std::string table;
  std::string key;
  std::vector<std::string> nodes;
  OnCorruption on_corruption = OnCorruption::kStop;
  std::optional<UnixSeconds> now;
};
int RunExplain(const ExplainArguments& arguments);

// Prints an error as every command does; gives 1.
int Fail(const Error& error);

}  // namespace braid
