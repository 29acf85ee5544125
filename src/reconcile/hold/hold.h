// What waits before it is merged: writes that are given time to be put in order (reorder_window), and writes of which
// a majority of the replicas is to speak first (publish_when: quorum). The room's door.
//
// Mutations go in as they arrive, their writes come out in the order in which they are to be applied. It only waits:
// whatever goes in comes out, once (copies joined), whatever happens. Single-threaded; it reads no clock. Of a pipeline
// that has neither option set there is nothing to hold: see Options::needed().
//
// The host's side of it, for each shard:
//  - it numbers its arrivals, one number for a mutation, rising; Add, then Next and Pop until there is none;
//  - a write is applied by Reconciler::ApplyWrite, and only then popped. With Held::confirmed false, the Changes that
//    applying it gives (but for those of cause kTtl) are `confirmed = false`;
//  - it never commits a source's position past a mutation of which a write waits: it commits everything that it knows
//    of its sources as of oldest_number() (arrival_history.h). After a restart those are read, and wait, again; what
//    had been merged is no news then, and says nothing;
//  - the time at which rows expire (the watermark) must be that as of oldest_number() too: a write that waits may be
//    the refresh of a row that is about to run out;
//  - before it takes in a TRUNCATE it has the table let go (Release), so that what was written before is told before.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/arena.h"
#include "base/result.h"
#include "codec/schema.h"
#include "model/mutation.h"
#include "model/position.h"
#include "model/schema.h"
#include "reconcile/lww/write.h"

namespace braid {

class Hold {
 public:
  struct Options {
    // A write waits this long; it comes out after those of its partition that are older by write time and arrived until
    // then, also if they did just now. 0: writes come out as they come in (or are confirmed).
    int64_t window_us = 0;
    // A write waits until as many nodes as a majority of its replicas have logged it, or what supersedes it.
    bool quorum = false;
    // But no longer than this (or the window, if that is longer): then it comes out unconfirmed.
    int64_t confirm_timeout_us = 30'000'000;
    // Memory for what waits, about. Past it, the oldest come out early.
    uint64_t limit_bytes = uint64_t{64} << 20;

    bool needed() const { return window_us > 0 || quorum; }
  };

  struct Stats {
    uint64_t held = 0;         // writes that wait now
    uint64_t held_bytes = 0;   // memory that they take, about
    uint64_t released = 0;     // writes that came out
    uint64_t joined = 0;       // copies and fragments that became part of a write that waited
    uint64_t unconfirmed = 0;  // writes that came out without a majority's word
    uint64_t early = 0;        // writes that came out before their time, for want of memory
  };

  // Whether applying the write would change the state (news.h). Needed with `quorum` only: what is no news is not held.
  using NewsCheck = std::function<Result<bool>(const Mutation& write)>;
  // How many nodes confirm a write of the table. If empty: 2, the majority of three replicas.
  using NodesNeeded = std::function<size_t(const TableSchema&)>;

  // `schemas` must know every definition by which mutations are added, and outlive the hold.
  Hold(const Options& options, const SchemaLookup* schemas, NewsCheck is_news, NodesNeeded nodes_needed = {});

  // Takes in the writes of `mutation`, which `mutation.position.node` logged, as arrival `number`; `now_us` is any
  // clock that counts microseconds (steps back of it do no harm). `mutation.schema` must be the newest that the host
  // knows of the table: it never goes back. Copies what it keeps. Errors: of the news check; kUnsupported, kCorrupt of
  // counters that cannot be merged, with the table. After an error the same may be added again.
  Status Add(const Mutation& mutation, int64_t now_us, uint64_t number);

  // A write that is due.
  struct Held {
    Mutation write;  // by the definition of its last copy; at the least position of its copies
    bool confirmed = true;
    bool early = false;
  };
  // The next one; nullptr if none is due by `now_us`. It stays here (Next gives it again) until Pop. Lives until the
  // next call of any method but stats. Errors: kCorrupt, kNotFound where `schemas` has lost a definition.
  Result<const Held*> Next(int64_t now_us);
  // Lets go of the write that Next gave last: it has been applied.
  void Pop();

  // Makes all writes of the table due now.
  void Release(const TableId& table);

  // The number of the oldest arrival of which something waits; nullopt if nothing does.
  std::optional<uint64_t> oldest_number() const;
  // When Next will have something, by the clock of the last call, if nothing is added until then; nullopt if never.
  std::optional<int64_t> due_us() const;
  Stats stats() const;

 private:
  // Where a write stands among those of its partition; copies and fragments of one write stand in one place.
  struct Place {
    WriteTime time;
    Target target = Target::kPartition;
    std::string key;
    std::string tie;
    WriteTime write_time;
    auto operator<=>(const Place&) const = default;
  };
  // What a node is known to have logged of a write.
  struct Witness {
    NodeIndex node;
    bool whole = false;  // all of it, or what supersedes it
    std::string seen;    // if not: what there was of it
  };
  struct Partition;
  enum Stage : uint8_t { kInWindow, kUnconfirmed, kTimedOut, kStages };
  struct Entry {
    Partition* partition = nullptr;
    Place place;
    std::string bytes;  // codec form, without position
    Position position;
    int64_t arrived = 0;  // by clock_
    uint64_t number = 0;
    size_t nodes_needed = 1;
    std::vector<Witness> witnesses;
    Stage stage = kInWindow;
    bool forced = false;  // due whatever else
    bool early = false;
    bool known = false;  // no news: applying it says nothing
    size_t cost = 0;
  };
  using Entries = std::list<Entry>;
  using RowName = std::pair<Target, std::string>;
  struct Partition {
    std::string name;
    std::map<Place, Entries::iterator> writes;
    // The same by row, deletions under an empty key: what a write may concern. Only with quorum.
    std::map<RowName, std::vector<Entry*>> by_row;
    size_t ripe = 0;   // how many are past their window or forced: only those, and older ones, can be due
    bool due = false;  // it is in due_
  };

  static Place PlaceOf(const Mutation& write);
  static RowName RowNameOf(const Place& place);
  Status AddWrite(const Mutation& write, const Position& position, int64_t now_us, uint64_t number);
  Status JoinInto(Entry* entry, const Mutation& write, const Position& position, int64_t now_us);
  Status Insert(const Mutation& write, const Position& position, uint64_t number, bool known);
  Status WitnessByOthers(Entry* entry, const Mutation& write);
  Status WitnessOthers(Partition* partition, const Mutation& write, ByteView bytes, NodeIndex node);
  Status Witnessed(Entry* entry, const Mutation& write, NodeIndex node);
  Result<Mutation> Decode(ByteView bytes);
  Result<bool> IsNews(const Mutation& write) const;
  bool IsConfirmed(const Entry& entry) const;
  bool IsSettled(const Entry& entry) const;

  void Advance(int64_t now_us);
  void Ripen();
  void Force(Entry* entry);
  void ForceOldest();
  void MakeDue(Partition* partition);
  void Settle(Partition* partition);
  bool IsAbsorbed(const Entry& entry);
  void Remove(Entry* entry);
  void Recount(Entry* entry);
  const Entry* Oldest() const;

  const Options options_;
  const SchemaLookup* const schemas_;
  const NewsCheck is_news_;
  const NodesNeeded nodes_needed_;

  std::unordered_map<std::string, Partition> partitions_;
  // Each in order of arrival. What is in its window; what is past it and waits to be confirmed; what waited in vain.
  Entries stages_[kStages];
  std::deque<Partition*> due_;  // of which some writes may be due
  std::deque<Entry*> ready_;    // of the first of those: in order

  int64_t clock_ = 0;  // time that has passed; never goes back
  std::optional<int64_t> last_now_us_;
  uint64_t bytes_ = 0;
  Stats stats_;

  Arena cut_arena_;
  Arena arena_;
  std::vector<Mutation> writes_;
  std::string encoded_;
  Held held_;
};

}  // namespace braid
