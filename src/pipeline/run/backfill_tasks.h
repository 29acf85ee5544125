// What a pipeline still has to take from its nodes' SSTables, and what it took for which gap. Kept in STATE/backfills.
// Layout: docs/formats/backfills.md.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "cassandra/sstable/token_range.h"
#include "model/gap.h"
#include "model/schema.h"

namespace braid {

// One table, or a part of its ring, to be read once and merged.
struct BackfillTask {
  enum class State : uint8_t {
    kWaiting = 0,  // or under way
    kPaused = 1,
    kDone = 2,
    kCancelled = 3,
  };
  enum class Cause : uint8_t {
    kAsked = 0,      // by a person
    kBootstrap = 1,  // the table has a past that its logs do not hold
    kGap = 2,
  };
  uint64_t id = 0;  // of the pipeline; never used again
  TableId table;
  std::string name;  // "keyspace.table"
  TokenRange tokens;
  Cause cause = Cause::kAsked;
  State state = State::kWaiting;
  // The gaps that it heals: those that were open when it was made.
  std::vector<uint64_t> gaps;
  // It only looks how the state differs (braid verify). Not kept in the file: whoever asked looks on.
  bool compares = false;
  int64_t asked_us = 0;  // since 1970

  bool ended() const { return state == State::kDone || state == State::kCancelled; }
  bool operator==(const BackfillTask&) const = default;
};

struct BackfillTasks {
  uint64_t next_id = 1;
  std::vector<BackfillTask> tasks;  // by id; those that ended stay as long as they say something (see Forget)

  BackfillTask* Find(uint64_t id);
  // The tasks that are not ended of this table.
  std::vector<BackfillTask*> Unfinished(const TableId& table);
  // Adds a task, under a new id.
  BackfillTask& Add(BackfillTask task);
  // Lets go of what ended, but for the last few and those that count for a gap of `open`.
  void Forget(const std::vector<Gap>& open);

  bool operator==(const BackfillTasks&) const = default;
};

std::string BackfillsPath(const std::string& state);
// None if there is no file. Errors: kCorrupt, kUnsupported, kIoError, with the path.
Result<BackfillTasks> ReadBackfills(FileSystem* files, const std::string& state);
// Replaces the file whole.
Status WriteBackfills(FileSystem* files, const std::string& state, const BackfillTasks& tasks);

// Adds what the gaps ask for that no task covers: for each gap, every table of `tables` (or the one that it names).
// True if there was anything. `now_us` since 1970.
bool AddForGaps(const std::vector<Gap>& open, const std::vector<const TableSchema*>& tables, int64_t now_us,
                BackfillTasks* tasks);

// Those of `open` whose every table has been taken from the SSTables since: they may be closed.
std::vector<Gap> Healed(const std::vector<Gap>& open, const std::vector<const TableSchema*>& tables,
                        const BackfillTasks& tasks);

}  // namespace braid
