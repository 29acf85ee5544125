// What a pipeline still has to take from its nodes' SSTables, and what it took for which gap. Kept in STATE/backfills.
// Layout: docs/formats/backfills.md.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
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
  // Lets go of what ended, but for the last few, those that count for a gap of `open`, and what was cancelled of a
  // table with a past that is not known (`unknown`): it would be taken up again by itself.
  void Forget(const std::vector<Gap>& open, const std::function<bool(const TableId&)>& unknown);

  bool operator==(const BackfillTasks&) const = default;
};

// Which task is next. One that could not be done waits by itself, so that it holds no other one up. Not kept: whoever
// starts tries all of them.
class BackfillTurns {
 public:
  // The first that waits for nothing but its turn, or nullptr. A backfill of a table of which another one has a pause
  // waits with it: two in turn would each begin anew. `now_us` since 1970, as everywhere here.
  const BackfillTask* Next(const BackfillTasks& tasks, int64_t now_us) const;
  // It has no turn until then.
  void Wait(uint64_t task, int64_t until_us) { waits_[task].until_us = until_us; }
  // It failed for a reason that a person must cure: the longer it waits, the more often it has.
  void Fail(uint64_t task, int64_t now_us);
  // Nothing is held against it any more.
  void Forget(uint64_t task) { waits_.erase(task); }

 private:
  struct Pause {
    int64_t until_us = 0;
    int64_t pause_us = 0;
  };
  std::map<uint64_t, Pause> waits_;
};

std::string BackfillsPath(const std::string& state);
// None if there is no file. Errors: kCorrupt, kUnsupported, kIoError, with the path.
Result<BackfillTasks> ReadBackfills(FileSystem* files, const std::string& state);
// Replaces the file whole.
Status WriteBackfills(FileSystem* files, const std::string& state, const BackfillTasks& tasks);

// Adds what the gaps ask for that no task covers: for each gap, every table of `tables` (or the one that it names). A
// task that waits and of which nothing was read (`begun` says so) takes them up, so that however many gaps there are,
// each table is read once more. True if there was anything. `now_us` since 1970.
bool AddForGaps(const std::vector<Gap>& open, const std::vector<const TableSchema*>& tables, int64_t now_us,
                const std::function<bool(const BackfillTask&)>& begun, BackfillTasks* tasks);

// Those of `open` whose every table has been taken from the SSTables since: they may be closed.
std::vector<Gap> Healed(const std::vector<Gap>& open, const std::vector<const TableSchema*>& tables,
                        const BackfillTasks& tasks);

}  // namespace braid
