// The timeline's half of `braid verify`: what readers got, held against what the pipeline remembers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "pipeline/verify/verdict.h"

namespace braid {

struct VerifyOptions {
  std::string state;                // the pipeline's state directory
  std::vector<std::string> tables;  // keyspace.table; empty: all
  // What it may take, about, besides what the pipeline has not flushed to the state's files (those of one shard at a
  // time); a row whose events are larger is still read.
  uint64_t memory_bytes = uint64_t{256} << 20;
  // Where events go that do not fit: a temporary file without a name, as large as the timeline at most. Empty: the
  // state directory.
  std::string scratch;
  // As the pipeline has it: what a partition was told last may be forgotten once so much time has passed.
  int64_t purge_slack_us = int64_t{3} * 3600 * 1'000'000;
  size_t findings = 100;  // kept for people; all are counted
  // Called now and then with the part of the whole work that is done, 0 to 1. May be empty.
  std::function<void(const char* step, double done)> progress;
  // Asked often whether to end early; the answer is then kTransient. May be empty.
  std::function<bool()> stop;
};

// Takes each shard's state as of one commit, folds the records of its timeline that this commit was told of, and
// compares: row by row the last event with the state, as far as it was told (what has run out since, but was not
// announced, still counts); and event by event whether each follows from the one before it. Rows whose last event
// retention has let go are counted, not judged. Works beside a running pipeline, stops nothing and changes nothing.
//
// Errors, each with the file: kNotFound (no pipeline there, no such table), kTransient (stopped; the pipeline ended
// between a commit and its publication; its files change too fast), kCorrupt, kUnsupported, kIoError.
Result<TimelineVerdict> VerifyTimeline(const VerifyOptions& options);

}  // namespace braid
