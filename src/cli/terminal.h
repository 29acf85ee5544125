// What commands share that work for a while: a progress bar, and signals that end them cleanly.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

#include "base/result.h"

namespace braid {

// A progress bar on stderr, for people only: nothing is printed where stderr is no terminal.
class ProgressBar {
 public:
  ProgressBar();

  void Clear();
  // `done` is from 0 to 1. Draws ten times a second at most.
  void Draw(const char* step, double done);

 private:
  const bool shown_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point last_;
};

// While it lives, the first SIGINT or SIGTERM asks the work to stop and clean up; a second one ends the program.
class StopOnSignal {
 public:
  StopOnSignal();
  ~StopOnSignal();
  StopOnSignal(const StopOnSignal&) = delete;
  StopOnSignal& operator=(const StopOnSignal&) = delete;

  // 0: none.
  static int caught() { return caught_; }

 private:
  static inline std::atomic<int> caught_ = 0;
};

// Prints the error of work that may have been stopped by a signal. Then the signal ends the program, so that whoever
// started it sees that; else gives the exit code.
int FailOrDie(const Error& error);

// "1 write", "2 writes".
std::string Plural(uint64_t count, const char* noun);

}  // namespace braid
