// What holds of holding whatever the mutations and however they come.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <utility>

#include "codec/mutation.h"
#include "reconcile/hold/arrival_history.h"
#include "reconcile/hold/hold.h"
#include "reconcile/hold/news.h"
#include "reconcile/memory/memory_state.h"
#include "reconcile/reconciler.h"
#include "reconcile/testing/checking_sink.h"
#include "reconcile/testing/toy_change.h"
#include "reconcile/testing/toy_mutation.h"
#include "reconcile/testing/toy_random.h"
#include "reconcile/testing/toy_replay.h"
#include "reconcile/testing/toy_table.h"

namespace braid::testing {
namespace {

constexpr UnixSeconds kNow{ToyRandom::kFirstSecond};
constexpr uint16_t kNodes = 3;

// A mutation as a node logged it, and when it arrives.
struct Arrival {
  Mutation mutation;
  int64_t at_us = 0;
};

class World {
 public:
  World(uint64_t seed, bool counters) : random(seed), counters_(counters) {
    TableSchema schema = *ParseTable(counters ? ToyRandom::kCounterTable : ToyRandom::kTable);
    schema.id = ComputeSchemaId(schema);
    schema_ = std::make_shared<const TableSchema>(std::move(schema));
    schemas.Add(schema_);
  }

  std::vector<Mutation> Story(size_t n) {
    ToyReader reader;
    std::vector<Mutation> story;
    for (size_t i = 0; i < n; ++i) {
      const std::string line = counters_ ? random.CounterLine() : random.Line();
      RC_LOG() << line << "\n";
      story.push_back(reader.Read(*schema_, line, &arena));
    }
    return story;
  }

  // Each mutation as logged by at least `least` nodes, whole or cut into its writes.
  std::vector<Arrival> Copies(const std::vector<Mutation>& story, uint64_t least) {
    std::vector<Arrival> arrivals;
    uint64_t offset = 0;
    for (const Mutation& mutation : story) {
      const uint64_t first = random.Below(kNodes);
      for (uint64_t i = 0; i < kNodes; ++i) {
        if (i >= least && random.Below(3) == 0) continue;
        const NodeIndex node{static_cast<uint16_t>((first + i) % kNodes)};
        std::vector<Mutation> parts = {mutation};
        if (random.Below(4) == 0) {
          parts.clear();
          CutIntoWrites(mutation, &arena, &parts);
        }
        for (Mutation& part : parts) {
          part.position = {node, SegmentId{1}, ++offset};
          arrivals.push_back({part});
        }
      }
    }
    return arrivals;
  }

  template <typename T>
  void Shuffle(std::vector<T>* items) {
    for (size_t i = items->size(); i > 1; --i) std::swap((*items)[i - 1], (*items)[random.Below(i)]);
  }

  const TableSchema& schema() const { return *schema_; }

  ToyRandom random;
  SchemaSet schemas;
  Arena arena;

 private:
  const bool counters_;
  TableSchemaPtr schema_;
};

void Ensure(const Status& status) {
  if (!status.has_value()) RC_FAIL(status.error().message);
}

// Merges what comes out.
class Merger {
 public:
  Merger() : reconciler_({}, &state) {}

  void Drain(Hold* hold, int64_t now_us) {
    for (;;) {
      const Result<const Hold::Held*> held = hold->Next(now_us);
      if (!held.has_value()) RC_FAIL(held.error().message);
      if (*held == nullptr) return;
      if (on_held) on_held(**held);
      Ensure(reconciler_.ApplyWrite((*held)->write, kNow, sink));
      hold->Pop();
    }
  }
  void Apply(const std::vector<Mutation>& writes) {
    for (const Mutation& write : writes) Ensure(reconciler_.ApplyWrite(write, kNow, sink));
  }

  // Of each partition by itself: between them there is no order.
  std::map<char, std::vector<std::string>> Lines() const {
    std::map<char, std::vector<std::string>> lines;
    for (const std::string& line : sink.lines()) lines[line[2]].push_back(line);
    return lines;
  }

  Hold::NewsCheck News() {
    return [this](const Mutation& write) -> Result<bool> {
      Arena arena(1024);
      return IsNews(&state, write, &arena);
    };
  }

  MemoryState state;
  CheckingSink sink;
  std::function<void(const Hold::Held&)> on_held;

 private:
  Reconciler reconciler_;
};

std::vector<Mutation> InOrder(const std::vector<Arrival>& arrivals, Arena* arena) {
  std::vector<Mutation> mutations;
  for (const Arrival& arrival : arrivals) mutations.push_back(arrival.mutation);
  const Result<std::vector<Mutation>> writes = WritesInOrder(mutations, arena);
  if (!writes.has_value()) RC_FAIL(writes.error().message);
  return *writes;
}

RC_GTEST_PROP(HoldLaws, AnyOrderWithinAWindowGivesWhatAReplayGives, (uint64_t seed, bool counters)) {
  World world(seed, counters);
  std::vector<Arrival> arrivals = world.Copies(world.Story(1 + world.random.Below(25)), 1);
  Merger replay;
  replay.Apply(InOrder(arrivals, &world.arena));

  world.Shuffle(&arrivals);
  Hold hold({.window_us = 1000}, &world.schemas, {});
  Merger merger;
  uint64_t number = 0;
  int64_t now = 0;
  for (const Arrival& arrival : arrivals) {
    if (now < 999) now += static_cast<int64_t>(world.random.Below(20));
    if (now > 999) now = 999;
    Ensure(hold.Add(arrival.mutation, now, ++number));
    merger.Drain(&hold, now);
  }
  RC_ASSERT(merger.sink.lines().empty());
  for (; now < 3000; now += 100) merger.Drain(&hold, now);
  RC_ASSERT(!hold.oldest_number().has_value());
  RC_ASSERT(hold.stats().held_bytes == 0u);
  RC_ASSERT(merger.Lines() == replay.Lines());
}

// As in life: writes go on for longer than the window, and each copy comes less than a window after its write.
RC_GTEST_PROP(HoldLaws, DelaysShorterThanTheWindowDoNotShow, (uint64_t seed)) {
  World world(seed, false);
  const std::vector<Mutation> story = world.Story(1 + world.random.Below(40));
  std::vector<Mutation> writes;
  for (const Mutation& mutation : story) CutIntoWrites(mutation, &world.arena, &writes);
  std::vector<Arrival> arrivals = world.Copies(writes, 1);
  constexpr int64_t kWindow = 1'500'000;
  for (Arrival& arrival : arrivals) {
    std::vector<Mutation> parts;
    CutIntoWrites(arrival.mutation, &world.arena, &parts);
    arrival.at_us = static_cast<int64_t>(world.random.Below(kWindow));
    for (const Mutation& part : parts) arrival.at_us = std::max(arrival.at_us, WriteTimeOf(part).us + arrival.at_us);
  }
  std::ranges::stable_sort(arrivals, {}, &Arrival::at_us);
  Merger replay;
  replay.Apply(InOrder(arrivals, &world.arena));

  Hold hold({.window_us = kWindow}, &world.schemas, {});
  Merger merger;
  uint64_t number = 0;
  for (const Arrival& arrival : arrivals) {
    Ensure(hold.Add(arrival.mutation, arrival.at_us, ++number));
    merger.Drain(&hold, arrival.at_us);
  }
  merger.Drain(&hold, arrivals.empty() ? 0 : arrivals.back().at_us + kWindow);
  RC_ASSERT(!hold.oldest_number().has_value());
  RC_ASSERT(merger.Lines() == replay.Lines());
}

RC_GTEST_PROP(HoldLaws, WithoutOptionsAllPassesAtOnce, (uint64_t seed, bool counters)) {
  World world(seed, counters);
  const std::vector<Arrival> arrivals = world.Copies(world.Story(1 + world.random.Below(25)), 1);
  RC_ASSERT(!Hold::Options{}.needed());
  Hold hold({}, &world.schemas, {});
  Merger merger;
  Merger plain;
  MemoryState state;
  CheckingSink sink;
  Reconciler reconciler({}, &state);
  for (const Arrival& arrival : arrivals) {
    Ensure(hold.Add(arrival.mutation, 0, 1));
    merger.Drain(&hold, 0);
    Ensure(reconciler.Apply(arrival.mutation, kNow, sink));
  }
  RC_ASSERT(!hold.oldest_number().has_value());
  RC_ASSERT(merger.sink.lines() == sink.lines());
}

// The nodes for which `write` is no news after what they logged in `arrivals`.
size_t NodesThatHave(const Mutation& write, std::span<const Arrival> arrivals) {
  size_t nodes = 0;
  for (uint16_t node = 0; node < kNodes; ++node) {
    Merger of_node;
    TextSink ignored;
    Reconciler reconciler({}, &of_node.state);
    for (const Arrival& arrival : arrivals) {
      if (arrival.mutation.position.node.value != node) continue;
      Ensure(reconciler.Apply(arrival.mutation, UnixSeconds{0}, ignored));
    }
    Arena arena(1024);
    const Result<bool> news = IsNews(&of_node.state, write, &arena);
    if (!news.has_value()) RC_FAIL(news.error().message);
    if (!*news) ++nodes;
  }
  return nodes;
}

RC_GTEST_PROP(HoldLaws, AMajorityConfirmsAndNothingElse, (uint64_t seed, bool counters)) {
  World world(seed, counters);
  std::vector<Arrival> arrivals = world.Copies(world.Story(1 + world.random.Below(12)), 1);
  world.Shuffle(&arrivals);
  constexpr int64_t kTimeout = 40;
  Merger merger;
  Hold hold({.quorum = true, .confirm_timeout_us = kTimeout}, &world.schemas, merger.News());
  std::span<const Arrival> so_far;
  // When a write last came out; what came before has no part in its waiting again (with other cells).
  std::map<std::string, size_t> out;
  const auto name = [](const Mutation& write) {
    const WriteOrder order = OrderOf(write);
    return std::string(write.partition_key) + "/" + std::string(order.key) + "/" + std::string(order.tie) + "/" +
           std::to_string(static_cast<int>(order.target)) + "/" + std::to_string(order.time.us) + "/" +
           std::to_string(WriteTimeOf(write).us);
  };
  merger.on_held = [&](const Hold::Held& held) {
    const size_t since = std::exchange(out[name(held.write)], so_far.size());
    Arena arena(1024);
    const Result<bool> news = IsNews(&merger.state, held.write, &arena);
    if (!news.has_value()) RC_FAIL(news.error().message);
    if (!*news) return;
    const size_t nodes = NodesThatHave(held.write, so_far);
    if (held.confirmed && nodes < 2) RC_FAIL("confirmed by too few");
    if (held.confirmed) return;
    // Since the first copy of it arrived, too few nodes said anything.
    for (size_t i = since; i < so_far.size(); ++i) {
      Arena cut_arena;
      std::vector<Mutation> writes;
      CutIntoWrites(so_far[i].mutation, &cut_arena, &writes);
      if (std::ranges::none_of(writes, [&](const auto& write) { return name(write) == name(held.write); })) continue;
      if (NodesThatHave(held.write, so_far.subspan(i)) >= 2) RC_FAIL("a majority's word was not heard");
      break;
    }
  };
  int64_t now = 0;
  for (size_t i = 0; i < arrivals.size(); ++i) {
    now += static_cast<int64_t>(world.random.Below(6));
    arrivals[i].at_us = now;
    so_far = std::span(arrivals).first(i + 1);
    Ensure(hold.Add(arrivals[i].mutation, now, i + 1));
    merger.Drain(&hold, now);
  }
  merger.Drain(&hold, now + kTimeout);
  RC_ASSERT(!hold.oldest_number().has_value());
  RC_ASSERT(hold.stats().held_bytes == 0u);

  // Held or not, the rows are the same.
  MemoryState state;
  CheckingSink sink;
  Reconciler reconciler({}, &state);
  for (const Arrival& arrival : arrivals) Ensure(reconciler.Apply(arrival.mutation, kNow, sink));
  RC_ASSERT(merger.sink.rows() == sink.rows());
  if (!counters) {
    for (const auto& [write, times] : merger.sink.on_time()) RC_ASSERT(times == 1);
  }
}

// A host that crashes. What it wrote durably is the writes that it applied, and how far it had read.
class Host {
 public:
  Host(World* world, const Hold::Options& options, const std::vector<Arrival>& arrivals)
      : world_(*world), options_(options) {
    for (const Arrival& arrival : arrivals) logs_[arrival.mutation.position.node.value].push_back(arrival);
    Restart();
  }

  // Reads all logs, crashing now and then, and waits for what still waits.
  void Run() {
    while (read_[0] < logs_[0].size() || read_[1] < logs_[1].size() || read_[2] < logs_[2].size()) {
      const uint64_t what = world_.random.Below(20);
      if (what == 0) {
        Restart();
      } else if (what < 4) {
        Commit();
      } else {
        ReadOne();
      }
    }
    now_ += options_.window_us + options_.confirm_timeout_us;
    merger_->Drain(&*hold_, now_);
    Commit();
  }

  const std::vector<std::string>& lines() const { return lines_; }
  // Writes that changed something and were not confirmed.
  const std::vector<Mutation>& unconfirmed() const { return unconfirmed_; }
  const std::map<uint16_t, std::vector<Arrival>>& logs() const { return logs_; }
  const CheckingSink& sink() const { return merger_->sink; }

 private:
  void Restart() {
    merger_.emplace();
    merger_->Apply(applied_);
    RC_ASSERT(merger_->sink.lines() == lines_);
    pending_.clear();
    pending_unconfirmed_.clear();
    read_ = committed_;
    hold_.emplace(options_, &world_.schemas, merger_->News());
    history_.emplace(committed_);
    number_ = 0;
    merger_->on_held = [this](const Hold::Held& held) {
      Arena arena(1024);
      const Result<bool> news = IsNews(&merger_->state, held.write, &arena);
      RC_ASSERT(news.has_value());
      std::string bytes;
      AppendMutation(&bytes, held.write);
      const Result<Mutation> kept = DecodeMutation(world_.arena.Copy(bytes), world_.schemas, &world_.arena);
      RC_ASSERT(kept.has_value());
      pending_.push_back(*kept);
      if (*news && !held.confirmed) pending_unconfirmed_.push_back(*kept);
    };
  }

  void ReadOne() {
    const auto node = static_cast<uint16_t>(world_.random.Below(kNodes));
    if (read_[node] == logs_[node].size()) return;
    now_ += static_cast<int64_t>(world_.random.Below(20));
    history_->Note(number_ + 1, read_);
    Ensure(hold_->Add(logs_[node][read_[node]].mutation, now_, ++number_));
    ++read_[node];
    merger_->Drain(&*hold_, now_);
  }

  void Commit() {
    const std::optional<uint64_t> oldest = hold_->oldest_number();
    committed_ = oldest ? history_->AsOf(*oldest) : read_;
    applied_.insert(applied_.end(), pending_.begin(), pending_.end());
    unconfirmed_.insert(unconfirmed_.end(), pending_unconfirmed_.begin(), pending_unconfirmed_.end());
    pending_.clear();
    pending_unconfirmed_.clear();
    lines_ = merger_->sink.lines();
  }

  using Read = std::map<uint16_t, size_t>;

  World& world_;
  const Hold::Options options_;
  std::map<uint16_t, std::vector<Arrival>> logs_;
  int64_t now_ = 0;
  // Durable.
  Read committed_;
  std::vector<Mutation> applied_;
  std::vector<Mutation> unconfirmed_;
  std::vector<std::string> lines_;
  // Not.
  Read read_;
  uint64_t number_ = 0;
  std::optional<Merger> merger_;
  std::optional<Hold> hold_;
  std::optional<ArrivalHistory<Read>> history_;
  std::vector<Mutation> pending_;
  std::vector<Mutation> pending_unconfirmed_;
};

RC_GTEST_PROP(HoldLaws, ACrashLosesNothingRepeatsNothingAndForgetsNoConfirmation, (uint64_t seed, bool window)) {
  World world(seed, false);
  std::vector<Arrival> arrivals = world.Copies(world.Story(1 + world.random.Below(20)), 1);
  world.Shuffle(&arrivals);
  Hold::Options options;
  options.quorum = true;
  options.window_us = window ? 100 : 0;
  options.confirm_timeout_us = 1'000'000;  // longer than all of it
  Host host(&world, options, arrivals);
  host.Run();

  MemoryState state;
  CheckingSink sink;
  Reconciler reconciler({}, &state);
  for (const Arrival& arrival : arrivals) Ensure(reconciler.Apply(arrival.mutation, kNow, sink));
  RC_ASSERT(host.sink().rows() == sink.rows());
  for (const auto& [write, times] : host.sink().on_time()) RC_ASSERT(times == 1);
  // Whoever logged the write itself came while it waited, before or after a crash.
  for (const Mutation& write : host.unconfirmed()) {
    std::vector<Arrival> copies;
    for (const Arrival& arrival : arrivals) {
      std::vector<Mutation> parts;
      CutIntoWrites(arrival.mutation, &world.arena, &parts);
      for (const Mutation& part : parts) {
        if (part.partition_key == write.partition_key && SameWrite(part, write)) copies.push_back({part});
      }
    }
    RC_ASSERT(NodesThatHave(write, copies) < 2);
  }
}

}  // namespace
}  // namespace braid::testing
