// What holds of reconciliation whatever the mutations and however they come.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "reconcile/lww/image.h"
#include "reconcile/lww/merge.h"
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

constexpr UnixSeconds kNow{ToyRandom::kFirstSecond + 5};
constexpr UnixSeconds kEnd{ToyRandom::kLastExpiry};

std::string Text(const Deletion& deletion) {
  return deletion.live() ? "-" : std::to_string(deletion.at.us) + "!" + std::to_string(deletion.local.s);
}

std::string Hex(ByteView bytes) {
  std::string text;
  for (const char byte : bytes) {
    text += "0123456789abcdef"[static_cast<uint8_t>(byte) >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

std::string Text(const RowContent& row) {
  std::string text =
      std::to_string(row.liveness.at.us) + "~" + std::to_string(row.liveness.expires.s) + " " + Text(row.deletion);
  for (const ComplexDeletion& complex : row.complex_deletions) {
    text += " x" + std::to_string(complex.column.value) + ":" + Text(complex.deletion);
  }
  for (const Cell& cell : row.cells) {
    text += " " + std::to_string(cell.column.value) + "[" + Hex(cell.path) + "]=" + Hex(cell.value) + "@" +
            std::to_string(cell.at.us) + "~" + std::to_string(cell.local_deletion.s) + "k" +
            std::to_string(static_cast<int>(cell.kind));
  }
  return text;
}

// One table's story and the world in which it is told.
class World {
 public:
  World(uint64_t seed, bool counters)
      : random_(seed),
        counters_(counters),
        schema_(ParseTable(counters ? ToyRandom::kCounterTable : ToyRandom::kTable)) {}

  std::vector<std::string> Lines(size_t n) {
    std::vector<std::string> lines;
    for (size_t i = 0; i < n; ++i) lines.push_back(counters_ ? random_.CounterLine() : random_.Line());
    return lines;
  }

  std::vector<Mutation> Read(const std::vector<std::string>& lines) {
    ToyReader reader;
    std::vector<Mutation> mutations;
    for (const std::string& line : lines) mutations.push_back(reader.Read(*schema_, line, &arena_));
    return mutations;
  }

  // The mutation in several, part by part and cell by cell.
  void Split(const Mutation& mutation, std::vector<Mutation>* to) {
    std::vector<Mutation> writes;
    CutIntoWrites(mutation, &arena_, &writes);
    for (const Mutation& write : writes) {
      const Target target = TargetOf(write);
      if (target == Target::kPartition || target == Target::kRange || random_.Below(2) == 0) {
        to->push_back(write);
        continue;
      }
      std::vector<RowUpdate> parts(1 + random_.Below(3), RowOf(write));
      std::vector<std::vector<Cell>> cells(parts.size());
      for (const Cell& cell : RowOf(write).cells) cells[random_.Below(cells.size())].push_back(cell);
      for (size_t i = 0; i < parts.size(); ++i) {
        parts[i].cells = arena_.CopyArray(cells[i]);
        if (i > 0) parts[i].liveness = {};
        if (i != parts.size() - 1) parts[i].complex_deletions = {};
        if (i != 1 && parts.size() > 1) parts[i].deletion = {};
        const RowUpdate* part = arena_.CopyArray(std::span<const RowUpdate>(&parts[i], 1)).data();
        Mutation fragment = write;
        (target == Target::kStatic ? fragment.static_row : (fragment.rows = {part, 1}, fragment.static_row)) =
            target == Target::kStatic ? part : nullptr;
        to->push_back(fragment);
      }
    }
  }

  template <typename T>
  void Shuffle(std::vector<T>* items) {
    for (size_t i = items->size(); i > 1; --i) std::swap((*items)[i - 1], (*items)[random_.Below(i)]);
  }

  ToyRandom& random() { return random_; }
  Arena* arena() { return &arena_; }
  const TableSchema& schema() const { return *schema_; }

 private:
  ToyRandom random_;
  const bool counters_;
  TableSchemaPtr schema_;
  Arena arena_;
};

// A reconciler with its state and sink.
class Run : public Reconciler::SchemaFinder {
 public:
  Run(const World& world, const Reconciler::Options& options) : world_(world), reconciler_(options, &state_) {}

  const TableSchema* Find(const TableId&) override { return &world_.schema(); }

  void Apply(const std::vector<Mutation>& mutations, bool are_writes = false) {
    for (const Mutation& mutation : mutations) {
      const Status status =
          are_writes ? reconciler_.ApplyWrite(mutation, kNow, sink) : reconciler_.Apply(mutation, kNow, sink);
      if (!status.has_value()) RC_FAIL(status.error().message);
    }
  }
  void Expire() {
    const Result<bool> status = reconciler_.ExpireDue(kEnd, *this, sink);
    if (!status.has_value()) RC_FAIL(status.error().message);
  }

  // Everything that merges, of all partitions, and the images of rows that exist.
  std::string Dump() {
    std::string text;
    for (int i = 0; i < ToyRandom::kPartitions; ++i) {
      const std::string key = ValueBytes(*SimpleType(TypeKind::kInt), std::to_string(i));
      const PartitionRef partition{world_.schema().table_id, Token{key.back()}, key};
      if (const PartitionHeader* header = *state_.ReadHeader(partition, nullptr)) {
        text += "partition " + std::to_string(i) + " " + Text(header->deletion);
        for (const RangeDeletion& range : header->ranges) {
          text += " [" + Hex(range.start.cut) + "," + Hex(range.end.cut) + ")" + Text(range.deletion);
        }
        text += "\n";
      }
      std::vector<RowEntry> rows;
      if (const RowState* row = *state_.ReadRow(partition, {true, {}}, nullptr)) rows.push_back({{true, {}}, *row});
      (void)state_.ReadRows(partition, {{}, {}, true}, 100, nullptr, &rows);
      for (const RowEntry& row : rows) {
        if (ContentOf(row.state).empty()) continue;
        text += Hex(row.ref.key) + " " + Text(ContentOf(row.state)) + "\n";
      }
    }
    for (const auto& [row, image] : sink.rows()) text += row + " " + image + "\n";
    return text;
  }

  const Reconciler::Stats& stats() const { return reconciler_.stats(); }

  CheckingSink sink;

 private:
  const World& world_;
  MemoryState state_;
  Reconciler reconciler_;
};

Reconciler::Options SmallChunks() {
  Reconciler::Options options;
  options.rows_per_chunk = 1;
  return options;
}

RC_GTEST_PROP(Laws, AnyOrderOfAnyCopiesAndFragmentsGivesOneState, (uint64_t seed, bool counters)) {
  World world(seed, counters);
  const std::vector<std::string> lines = world.Lines(1 + world.random().Below(30));
  const std::vector<Mutation> mutations = world.Read(lines);
  Run plain(world, {});
  plain.Apply(mutations);
  plain.Expire();

  std::vector<Mutation> mixed;
  for (const Mutation& mutation : mutations) {
    for (uint64_t copies = 1 + world.random().Below(3); copies > 0; --copies) world.Split(mutation, &mixed);
  }
  world.Shuffle(&mixed);
  Run other(world, SmallChunks());
  other.Apply(mixed);
  other.Expire();
  for (const std::string& line : lines) RC_LOG() << line << "\n";
  RC_ASSERT(plain.Dump() == other.Dump());
}

RC_GTEST_PROP(Laws, CopiesSayNothing, (uint64_t seed, bool counters)) {
  World world(seed, counters);
  const std::vector<Mutation> mutations = world.Read(world.Lines(1 + world.random().Below(30)));
  std::vector<Mutation> doubled;
  for (size_t i = 0; i < mutations.size(); ++i) {
    doubled.push_back(mutations[i]);
    for (uint64_t again = world.random().Below(4); again > 0; --again) {
      doubled.push_back(mutations[world.random().Below(i + 1)]);
    }
  }
  Run once(world, {});
  once.Apply(mutations);
  Run often(world, SmallChunks());
  often.Apply(doubled);
  RC_ASSERT(once.sink.lines() == often.sink.lines());
  // Nor where most of them are known by hash; so small a filter forgets some.
  Reconciler::Options filtering;
  filtering.copy_filter_bytes = 256;
  Run filtered(world, filtering);
  filtered.Apply(doubled);
  RC_ASSERT(once.sink.lines() == filtered.sink.lines());
}

RC_GTEST_PROP(Laws, AReplayTellsEachWriteOnceAndNoneLate, (uint64_t seed, bool counters)) {
  World world(seed, counters);
  const std::vector<std::string> lines = world.Lines(1 + world.random().Below(30));
  std::vector<Mutation> mixed;
  for (const Mutation& mutation : world.Read(lines)) {
    mixed.push_back(mutation);
    for (uint64_t copies = world.random().Below(3); copies > 0; --copies) mixed.push_back(mutation);
  }
  world.Shuffle(&mixed);
  const Result<std::vector<Mutation>> writes = WritesInOrder(mixed, world.arena());
  RC_ASSERT(writes.has_value());
  for (const std::string& line : lines) RC_LOG() << line << "\n";
  Reconciler::Options options;
  options.partition_clock = true;
  Run run(world, options);
  run.Apply(*writes, /*are_writes=*/true);
  RC_ASSERT(run.sink.late() == 0u);
  for (const auto& [write, times] : run.sink.writes()) {
    RC_LOG() << write << "\n";
    // Different leaders' increments may carry one timestamp.
    if (!counters) RC_ASSERT(times == 1);
  }
  // With everything in order nothing is overtaken but by deletions of the same time.
  run.Expire();
  Run plain(world, {});
  plain.Apply(mixed);
  plain.Expire();
  RC_ASSERT(run.sink.rows() == plain.sink.rows());
}

RC_GTEST_PROP(Laws, EveryAcknowledgedLiveWriteIsTold, (uint64_t seed)) {
  World world(seed, false);
  std::vector<std::string> lines;
  for (const std::string& line : world.Lines(30)) {
    // Without TTLs, deletions, and the column that does not count: then every write must show.
    if (line.find_first_of("~-(,") == std::string::npos && line.find("delete") == std::string::npos &&
        line.find("null") == std::string::npos && line.find("gone") == std::string::npos) {
      lines.push_back(line);
    }
  }
  const Result<std::vector<Mutation>> writes = WritesInOrder(world.Read(lines), world.arena());
  RC_ASSERT(writes.has_value());
  Run run(world, {});
  run.Apply(*writes, /*are_writes=*/true);
  for (const std::string& line : lines) RC_LOG() << line << "\n";
  RC_ASSERT(run.sink.lines().size() == writes->size());
}

RC_GTEST_PROP(Laws, IncompleteRowsKeepTheLawsToo, (uint64_t seed)) {
  World world(seed, false);
  const std::vector<Mutation> mutations = world.Read(world.Lines(1 + world.random().Below(30)));
  std::vector<Mutation> doubled;
  for (const Mutation& mutation : mutations) {
    doubled.push_back(mutation);
    doubled.push_back(mutation);
  }
  Reconciler::Options options;
  options.history_known = false;
  TextSink once;
  TextSink twice;
  MemoryState state;
  MemoryState other_state;
  Reconciler reconciler(options, &state);
  options.rows_per_chunk = 1;
  Reconciler other(options, &other_state);
  for (const Mutation& mutation : mutations) RC_ASSERT(reconciler.Apply(mutation, kNow, once).has_value());
  for (const Mutation& mutation : doubled) RC_ASSERT(other.Apply(mutation, kNow, twice).has_value());
  RC_ASSERT(once.lines == twice.lines);
}

}  // namespace
}  // namespace braid::testing
