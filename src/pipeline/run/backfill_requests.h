// What `braid backfill` and `braid verify` ask of the pipeline on a state directory, running or to come.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cassandra/sstable/token_range.h"

namespace braid {

struct BackfillRequest {
  enum class What : uint8_t { kBegin, kVerify, kPause, kResume, kCancel };
  What what = What::kBegin;
  std::string table;  // "keyspace.table"
  TokenRange tokens;  // of kBegin and kVerify
};

enum class BackfillOutcome : uint8_t {
  kAsked,  // a process runs on this state, and does it within seconds
  kLeft,   // none does: it is done when one starts
};

// Leaves the request for the pipeline. Errors: kNotFound (no pipeline is kept there, or it has no such table),
// kIoError, kNoSpace.
Result<BackfillOutcome> AskBackfill(const std::string& state, const BackfillRequest& request);

// The token of one partition of `table`, as a range: `key` as ParsePartitionKey reads it, by the newest definition that
// the pipeline knows. Errors: kNotFound as above, kInvalidArgument (it is no key of the table).
Result<TokenRange> TokensOfKey(const std::string& state, const std::string& table, const std::string& key);

// Within pipeline/run: a request as it lies in its file, and back. kCorrupt if it is none.
std::string EncodeRequest(const BackfillRequest& request);
Result<BackfillRequest> DecodeRequest(std::string_view text);

// The name that files of such requests begin with; the rest sorts by when they were made.
inline constexpr std::string_view kBackfillRequestPrefix = "backfill-";

}  // namespace braid
