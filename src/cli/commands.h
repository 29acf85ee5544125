// The commands of `braid`: each turns its words into a call of a pipeline and the result into text. Give the exit code:
// 0, or, after one clear line on stderr, 1 for what went wrong and 2 for what was asked wrongly.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pipeline/backfill/backfill.h"
#include "pipeline/inspect/commitlog.h"
#include "pipeline/inspect/state.h"
#include "pipeline/replay/replay.h"
#include "pipeline/run/backfill_requests.h"

namespace braid {

int RunReplay(ReplayOptions options);
int RunBackfill(BackfillOptions options);

struct OnlineBackfillArguments {
  std::string config;
  std::vector<std::string> tables;
  TokenRange tokens;
  std::optional<std::string> key;  // only this partition
  BackfillRequest::What what = BackfillRequest::What::kBegin;
  bool wait = true;
};
int RunOnlineBackfill(const OnlineBackfillArguments& arguments);

struct VerifyArguments {
  std::string config;
  std::vector<std::string> tables;  // empty: all
  bool samples = false;             // print what differs, as JSON lines
  bool repair = false;              // backfill the tables that differ from what the nodes have
};
// Gives 1 also if something differs.
int RunVerify(const VerifyArguments& arguments);

int RunInspectCommitLog(const InspectCommitLogOptions& options);
int RunInspectSstable(const std::string& path);
int RunInspectSchema(const std::string& data_directory);
int RunInspectTimeline(const std::string& path);
int RunInspectState(const InspectStateOptions& options);

struct ExplainArguments {
  std::string table;
  std::string key;
  std::vector<std::string> nodes;
  OnCorruption on_corruption = OnCorruption::kStop;
  std::optional<UnixSeconds> now;
};
int RunExplain(const ExplainArguments& arguments);

int RunPipeline(const std::string& config_path);
int RunReconcile(const std::string& config_path);

struct CaptureArguments {
  std::string config;
  std::vector<std::string> nodes;  // their names; empty: all that are on this machine
};
int RunCapture(const CaptureArguments& arguments);

struct ReadArguments {
  std::string config;
  std::string stream;
  std::string from = "earliest";
  bool follow = false;
};
int RunRead(const ReadArguments& arguments);

int RunStatus(const std::string& config_path, bool json);
int RunValidate(const std::string& config_path);
int RunRetire(const std::string& config_path, const std::string& node);

// Prints an error as every command does; gives 1, or 2 if it is kInvalidArgument.
int Fail(const Error& error);

}  // namespace braid
