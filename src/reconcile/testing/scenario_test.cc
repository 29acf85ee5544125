// Runs tests/scenarios/*.scenario: see tests/scenarios/README.md.
#include <gtest/gtest.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "reconcile/memory/memory_state.h"
#include "reconcile/reconciler.h"
#include "reconcile/testing/toy_change.h"
#include "reconcile/testing/toy_mutation.h"
#include "reconcile/testing/toy_replay.h"
#include "reconcile/testing/toy_snapshot.h"
#include "reconcile/testing/toy_table.h"

namespace braid::testing {
namespace {

constexpr std::string_view kDirectory = BRAID_SCENARIOS;

std::vector<std::string> ScenarioNames() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kDirectory)) {
    if (entry.path().extension() == ".scenario") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string Joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

class Scenario : public ::testing::TestWithParam<std::string>, public Reconciler::SchemaFinder {
 protected:
  const TableSchema* Find(const TableId& table) override {
    return schema() != nullptr && schema()->table_id == table ? schema() : nullptr;
  }

  void Load() {
    std::ifstream file(std::filesystem::path(kDirectory) / (GetParam() + ".scenario"));
    bool expecting = false;
    for (std::string line; std::getline(file, line);) {
      if (line.empty() || line[0] == '#') continue;
      if (line == "----") {
        expecting = true;
      } else if (!expecting) {
        commands_.push_back(line);
      } else if (line.starts_with("stats ")) {
        wants_stats_ = line;
      } else {
        expected_.push_back(line);
      }
    }
    ASSERT_TRUE(expecting) << "no ---- line";
  }

  void Run() {
    for (const std::string& line : commands_) {
      const Status status = RunLine(line);
      if (!status.has_value()) sink_.lines.push_back("error: " + status.error().message);
    }
    if (replay_) Replay();
  }

  const TableSchema* schema() const { return schemas_.empty() ? nullptr : schemas_.back().get(); }

  std::string StatsText() const {
    const Reconciler::Stats& stats = reconciler().stats();
    std::ostringstream text;
    text << "stats copies=" << stats.copies << " overtaken=" << stats.overtaken << " silent=" << stats.silent
         << " late=" << stats.late;
    if (stats.rows_purged + stats.parts_purged + stats.partitions_purged > 0) {
      text << " purged=" << stats.partitions_purged << "/" << stats.rows_purged << "/" << stats.parts_purged;
    }
    return text.str();
  }

  const Reconciler& reconciler() const { return *reconciler_; }

  std::vector<std::string> expected_;
  std::string wants_stats_;
  TextSink sink_;

 private:
  Status RunLine(const std::string& line) {
    const size_t space = line.find(' ');
    const std::string word = line.substr(0, space);
    const std::string rest = space == std::string::npos ? "" : line.substr(space + 1);
    if (line == "table gone") {
      schemas_.push_back(nullptr);
    } else if (word == "table") {
      schemas_.push_back(ParseTable(rest));
    } else if (line == "history unknown") {
      options_.history_known = false;
    } else if (line == "clock partition") {
      options_.partition_clock = true;
    } else if (word == "chunk") {
      options_.rows_per_chunk = std::stoul(rest);
    } else if (word == "now") {
      now_ = UnixSeconds{std::stoll(rest)};
    } else if (line == "replay") {
      replay_ = true;
      options_.partition_clock = true;
    } else if (word == "expire") {
      return Expire(rest.empty() ? 1000 : std::stoul(rest));
    } else if (word == "purge") {
      return Purge(Split(rest, ' '));
    } else if (word == "sweep") {
      return Sweep(Split(rest, ' '));
    } else if (word == "truncate") {
      return Driver().Truncate(*schema(), WriteTime{std::stoll(rest)}, sink_);
    } else if (line == "has nothing") {
      held_.clear();
    } else if (word == "has") {
      held_.push_back(reader_.Read(*schema(), rest, &arena_));
    } else if (word == "snapshot" || word == "compare") {
      TRY(Snapshot(Split(rest, ' '), word == "compare"));
      return Finish();
    } else if (word == "begin") {
      return Snapshot(Split(rest, ' '), false);
    } else if (word == "step") {
      for (size_t n = rest.empty() ? 1 : std::stoul(rest); n > 0; --n) TRY(Step());
    } else if (word == "finish") {
      return Finish();
    } else if (word == "walk") {
      return Walk(std::stoul(rest));
    } else {
      mutations_.push_back(reader_.Read(*schema(), line, &arena_));
      if (!replay_) return Driver().Apply(mutations_.back(), now_, sink_);
    }
    return {};
  }

  // gc_grace=S passed=US [gap]
  PurgeLimits Limits(std::span<const std::string> words) const {
    PurgeLimits limits;
    limits.now = now_;
    limits.gc_grace_s = std::stoll(words[0].substr(9));
    limits.sources_passed = WriteTime{std::stoll(words[1].substr(7))};
    limits.open_gap = words.size() > 2;
    return limits;
  }

  // purge KEY gc_grace=S passed=US [gap]
  Status Purge(const std::vector<std::string>& words) {
    const std::string key = ValueBytes(*schema()->column(schema()->partition_key[0]).type, words.at(0));
    return Driver().PurgePartition(*schema(), Token{key.back()}, key, Limits(std::span(words).subspan(1)));
  }

  // sweep ROWS gc_grace=S passed=US [gap]
  Status Sweep(const std::vector<std::string>& words) {
    const PurgeLimits limits = Limits(std::span(words).subspan(1));
    return Repeat([&](Reconciler::Cursor* cursor) {
      const auto purge_of = [&](const TableId& table) { return Reconciler::TablePurge{Find(table), limits}; };
      return Driver().PurgeSome(cursor, purge_of, std::stoul(words.at(0)));
    });
  }

  // snapshot|compare|begin [partial] [repair] [purged] [touched=KEY|*] [rows=N] [call=N]
  Status Snapshot(const std::vector<std::string>& words, bool compares) {
    rules_ = {.whole = true, .repair = false, .touched = {}, .now = now_};
    compares_ = compares;
    snapshot_rows_ = 1000;
    rows_of_call_ = 1000;
    bool purged = false;
    for (const std::string& word : words) {
      if (word == "partial") rules_.whole = false;
      if (word == "repair") rules_.repair = true;
      if (word == "purged") purged = true;
      if (word.starts_with("rows=")) snapshot_rows_ = std::stoul(word.substr(5));
      if (word.starts_with("call=")) rows_of_call_ = std::stoul(word.substr(5));
      if (!word.starts_with("touched=")) continue;
      rules_.touched = [this, key = word.substr(8)](const PartitionRef& partition, const RowRef& row) {
        return key == "*" || KeyOf(partition, row) == key;
      };
    }
    const auto rows_of_piece = [this] { return snapshot_rows_; };
    pieces_ = SnapshotOf(held_, rows_of_piece, purged, now_, &arena_);
    piece_ = 0;
    cursor_ = {};
    return {};
  }

  // One call. True: there is more of the snapshot.
  Result<bool> Step() {
    if (piece_ < pieces_.size()) {
      const ToyPiece& piece = pieces_[piece_];
      ASSIGN_OR_RETURN(const bool more,
                       compares_ ? Driver().CompareSnapshotPiece(&cursor_, piece.mutation, piece.first, piece.last,
                                                                 rules_, rows_of_call_, differences_)
                                 : Driver().TakeSnapshotPiece(&cursor_, piece.mutation, piece.first, piece.last, rules_,
                                                              rows_of_call_, sink_));
      if (!more) ++piece_;
      return true;
    }
    const Token end{std::numeric_limits<int64_t>::max()};
    return compares_ ? Driver().CompareSnapshotRange(*schema(), &cursor_, end, rules_, rows_of_call_, differences_)
                     : Driver().EndSnapshotRange(*schema(), &cursor_, end, rules_, rows_of_call_, sink_);
  }

  Status Finish() {
    for (;;) {
      ASSIGN_OR_RETURN(const bool more, Step());
      if (!more) return {};
    }
  }

  // Of the row's partition key and first clustering value, an int: "7/1", or "7/static".
  std::string KeyOf(const PartitionRef& partition, const RowRef& row) const {
    const std::string key = KeyText(*schema(), partition.key, {});
    if (row.is_static) return key + "/static";
    for (int n = 0; n < 100; ++n) {
      if (row.key == RowKey(*schema(), {std::to_string(n)})) return key + "/" + std::to_string(n);
    }
    return key;
  }

  Status Walk(size_t rows) {
    const TableSchema& before = *schemas_.at(schemas_.size() - 2);
    return Repeat(
        [&](Reconciler::Cursor* cursor) { return Driver().WalkSchema(before, *schema(), now_, cursor, rows, sink_); });
  }

  // Goes on at the cursor, of which only what lasts is kept, until there is no more.
  template <typename Step>
  static Status Repeat(Step step) {
    std::string next;
    for (;;) {
      Reconciler::Cursor cursor{.next = next, .limits = {}};
      ASSIGN_OR_RETURN(const bool more, step(&cursor));
      if (more == cursor.next.empty()) return InvalidArgument("a walk that is not done must say where it goes on");
      if (!more) return {};
      next = cursor.next;
    }
  }

  Status Expire(size_t rows) {
    for (;;) {
      ASSIGN_OR_RETURN(const bool more, Driver().ExpireDue(now_, *this, sink_, rows));
      if (!more) return {};
    }
  }

  void Replay() {
    const Result<std::vector<Mutation>> writes = WritesInOrder(mutations_, &arena_);
    ASSERT_TRUE(writes.has_value()) << writes.error().message;
    for (const Mutation& write : *writes) {
      const Status status = Driver().ApplyWrite(write, UnixSeconds{1'000'000'000}, sink_);
      ASSERT_TRUE(status.has_value()) << status.error().message;
    }
    const Status status = Expire(1000);
    ASSERT_TRUE(status.has_value()) << status.error().message;
  }

  Reconciler& Driver() {
    if (reconciler_ == nullptr) reconciler_ = std::make_unique<Reconciler>(options_, &state_);
    return *reconciler_;
  }

  // Tells of differences among the changes.
  class DifferenceLines : public DifferenceSink {
   public:
    explicit DifferenceLines(std::vector<std::string>* lines) : lines_(*lines) {}
    Status Tell(Difference difference, const Change& repair) override {
      static constexpr const char* kTexts[] = {"missing", "extra", "stale", "different"};
      lines_.push_back(std::string(kTexts[static_cast<size_t>(difference)]) + " " + ChangeText(repair));
      return {};
    }

   private:
    std::vector<std::string>& lines_;
  };

  std::vector<std::string> commands_;
  std::vector<Mutation> held_;
  std::vector<ToyPiece> pieces_;
  size_t piece_ = 0;
  SnapshotRules rules_;
  size_t snapshot_rows_ = 0;  // of a piece
  size_t rows_of_call_ = 0;
  bool compares_ = false;
  SnapshotCursor cursor_;
  DifferenceLines differences_{&sink_.lines};
  std::vector<TableSchemaPtr> schemas_;
  Reconciler::Options options_;
  UnixSeconds now_{0};
  bool replay_ = false;
  Arena arena_;
  ToyReader reader_;
  std::vector<Mutation> mutations_;
  MemoryState state_;
  std::unique_ptr<Reconciler> reconciler_;
};

TEST_P(Scenario, GivesTheChangesThatItSays) {
  ASSERT_NO_FATAL_FAILURE(Load());
  ASSERT_NO_FATAL_FAILURE(Run());
  EXPECT_EQ(Joined(sink_.lines), Joined(expected_));
  if (!wants_stats_.empty()) {
    EXPECT_EQ(StatsText(), wants_stats_);
  }
}

INSTANTIATE_TEST_SUITE_P(Rules, Scenario, ::testing::ValuesIn(ScenarioNames()),
                         [](const auto& scenario) { return scenario.param; });

}  // namespace
}  // namespace braid::testing
