// What VerifyTimeline found, and how it is told.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "model/position.h"
#include "model/time.h"

namespace braid {

// How what readers got differs from what the pipeline remembers.
enum class Fault : uint8_t {
  kMissing = 0,    // the row lives in the state; the timeline, folded, has none
  kExtra = 1,      // the timeline tells of a row that lives, or of a revision, that the state does not have
  kStale = 2,      // the timeline ends at an older revision of the row
  kDifferent = 3,  // the same revision, but another image
  kBroken = 4,     // events of one row or partition that do not follow from one another
};
inline constexpr size_t kFaults = 5;
// "missing", …; static lifetime.
const char* FaultName(Fault fault);

struct Finding {
  Fault fault = Fault::kMissing;
  std::string table;  // keyspace.table
  bool is_static = false;
  std::string key;                   // of the row (or, of an order, of the partition) as JSON, like the events' "key"
  Sequence sequence;                 // of the row's event that shows it; n is 0 where there is none
  std::vector<std::string> columns;  // of kDifferent and of a broken `before`: by name
  std::string detail;                // one line for people
};

struct TimelineVerdict {
  // What was held against each other: the state as of a commit, and the records of the timeline that it was told.
  struct Shard {
    uint64_t commit = 0;
    uint64_t first = 1;   // the oldest record that is kept
    uint64_t end = 1;     // the first that the state was not told of
    WriteTime watermark;  // all nodes that are not retired were read up to here; none: nothing can be said
  };
  uint64_t epoch = 1;
  std::vector<Shard> shards;

  uint64_t events = 0;    // folded
  uint64_t rows = 0;      // compared
  uint64_t unjudged = 0;  // rows whose last event is older than what is kept
  std::array<uint64_t, kFaults> faults{};
  std::vector<Finding> findings;  // the first of them

  bool clean() const;
  uint64_t count(Fault fault) const { return faults[static_cast<size_t>(fault)]; }
  // The place in every stream up to which all is judged, as `braid read --from` takes it.
  std::string Position() const;
  // The least of the shards' watermarks.
  WriteTime Watermark() const;
};

// For people: a few lines, then one for each finding. Ends with a line end.
std::string VerdictText(const TimelineVerdict& verdict);
// For programs: a JSON object a line for each finding ("kind":"finding"), then one for the whole ("kind":"timeline").
std::string VerdictJson(const TimelineVerdict& verdict);

}  // namespace braid
