#include "pipeline/run/backfill_requests.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <sstream>

#include "capture/schema_log.h"
#include "pipeline/run/hosts.h"
#include "pipeline/run/node_table.h"
#include "pipeline/run/partition_key.h"

namespace braid {
namespace {

constexpr std::array<std::string_view, 5> kWords = {"begin", "verify", "pause", "resume", "cancel"};

// The newest definition that the pipeline knows. A name that is mistyped is told to whoever typed it, rather than to a
// log.
Result<TableSchemaPtr> FindTable(const std::string& state, const std::string& name) {
  FileSystem* files = PosixFileSystem();
  TRY(ReadIdentity(files, state));
  TRY(files->Info(SchemaLogPath(state)));
  ASSIGN_OR_RETURN(const auto records, SchemaLog::Read(files, SchemaLogPath(state)));
  TableSchemaPtr found;
  for (const SchemaRecord& record : records) {
    if (record.schema != nullptr && record.schema->FullName() == name) found = record.schema;
  }
  if (found == nullptr) return NotFound(fmt::format("this pipeline knows no table {}", name));
  return found;
}

}  // namespace

std::string EncodeRequest(const BackfillRequest& request) {
  return fmt::format("{} {} {} {}\n", kWords[static_cast<size_t>(request.what)], request.tokens.after.value,
                     request.tokens.through.value, request.table);
}

Result<BackfillRequest> DecodeRequest(std::string_view text) {
  std::istringstream from{std::string(text)};
  BackfillRequest request;
  std::string word;
  from >> word >> request.tokens.after.value >> request.tokens.through.value;
  from.ignore(1);
  std::getline(from, request.table);
  const auto found = std::ranges::find(kWords, word);
  if (!from || found == kWords.end() || request.table.empty()) return Corrupt("it is no request for a backfill");
  request.what = static_cast<BackfillRequest::What>(found - kWords.begin());
  return request;
}

Result<TokenRange> TokensOfKey(const std::string& state, const std::string& table, const std::string& key) {
  ASSIGN_OR_RETURN(const TableSchemaPtr schema, FindTable(state, table));
  ASSIGN_OR_RETURN(const std::string raw, ParsePartitionKey(*schema, key));
  return *RangeOfKeys(raw, raw);
}

Result<BackfillOutcome> AskBackfill(const std::string& state, const BackfillRequest& request) {
  FileSystem* files = PosixFileSystem();
  TRY(FindTable(state, request.table));
  TRY(files->MakeDirectory(RequestsPath(state)));
  TRY(files->ReplaceFile(
      fmt::format("{}/{}{:020}", RequestsPath(state), kBackfillRequestPrefix, static_cast<uint64_t>(WallClockUs())),
      EncodeRequest(request)));
  const auto lock = files->Lock(LockPath(state));
  if (lock.has_value()) return BackfillOutcome::kLeft;
  if (lock.error().code != ErrorCode::kTransient) return lock.error();
  return BackfillOutcome::kAsked;
}

}  // namespace braid
