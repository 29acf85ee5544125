// Random mutations, as text, so that a failing test can be read. Times, keys and values are few, so that ties and
// overlaps are frequent.
#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <string>

namespace braid::testing {

class ToyRandom {
 public:
  explicit ToyRandom(uint64_t seed) : random_(seed) {}

  // A table with a column of every sort, one of them dropped, and mutations of it: inserts, updates, all deletions,
  // TTLs, batches.
  static constexpr const char* kTable =
      "t (id int key, n int clustering, s text static, ss set<int> static, a text, b int, gone text dropped@104000000, "
      "l list<text>, m map<text,int>, st set<text>, u udt<text,int>)";
  std::string Line();

  // A table of counters and increments of them, without deletions: those do not commute in Cassandra either.
  static constexpr const char* kCounterTable = "c (id int key, n int clustering, x counter, y counter)";
  std::string CounterLine();

  // 0 to n - 1.
  uint64_t Below(uint64_t n) { return random_() % n; }

  // All times of lines are from this second to less than kSpan later; what expires does so by kLastExpiry.
  static constexpr int64_t kFirstSecond = 100;
  static constexpr int64_t kSpan = 10;
  static constexpr int64_t kLastExpiry = 120;
  static constexpr int kPartitions = 2;
  static constexpr int kRows = 4;

 private:
  std::string Time();
  std::string Assignments(bool is_static);
  std::string Assignment(uint64_t column);
  std::string RowPart(const std::string& partition);
  std::string Part(const std::string& partition);

  std::mt19937_64 random_;
  struct Shard {
    int64_t clock = 0;
    int64_t count = 0;
  };
  // By partition, row, column and leader.
  std::array<Shard, kPartitions * kRows * 2 * 3> shards_;
  int64_t counter_clock_ = 1000;
};

}  // namespace braid::testing
