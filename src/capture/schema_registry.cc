#include "capture/schema_registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <utility>

#include "base/check.h"
#include "capture/journal_book.h"
#include "capture/schema_fold.h"
#include "capture/schema_plan.h"
#include "cassandra/commitlog/mutation_decoder.h"
#include "cassandra/schema/follower.h"

namespace braid {
namespace {

// So many Refreshes wait for files that keep changing or cannot be read, before the rest is believed without them; and
// for the second half of what looks like half of a change. A node flushes one schema table in some 30 ms.
constexpr int kPatience = 100;
// What a new registry gives files that are just being compacted.
constexpr int kLooksAtOpen = 8;
// So often others may be faster with what they write to the journal. Of those who all see the same change, each is
// faster at most once.
constexpr int kAttempts = 16;

class Registry : public SchemaRegistry {
 public:
  Registry(FileSystem* files, std::unique_ptr<SchemaJournal> journal, const Options& options)
      : options_(options), follower_(files, options.data_directories), journal_(std::move(journal)) {}

  Status Start();

  Result<std::vector<Event>> Refresh() override;
  uint64_t version() const override { return fold_.version() + version_.load(std::memory_order_acquire); }
  const TableSchema* FindTable(const TableId& id) const override { return fold_.FindTable(id); }
  const TableSchema* Find(SchemaId id) const override { return fold_.Find(id); }
  std::vector<const TableSchema*> CapturedTables() const override { return fold_.CapturedTables(); }
  std::string WhyUnreadable(const TableId& id) const override;
  bool HistoryKnown(const TableId& id) const override { return fold_.HistoryKnown(id); }
  Status MarkHistoryKnown(const TableId& id) override;
  Status MarkHistoryLogged(const TableId& id) override;
  Status MarkIntroduced() override;

 private:
  void ReportTroubles(const std::vector<Error>& troubles);
  // Takes in what the follower knows. `settled`: its last look was.
  Status Update(bool settled);
  SchemaPlan Plan(const ClusterSchema& schema, bool whole) const;
  Status Say(const SchemaPlan& plan);
  void Remember(const TableInfo& info);
  void Publish(SchemaPlan plan);
  Status ReadNew();
  // Takes in what the journal has given.
  SchemaFold::Outcome Take(const std::vector<SchemaRecord>& records);
  std::vector<Event> TakeEvents() { return std::exchange(untold_, {}); }
  void Log(bool alarm, const std::string& line) const {
    if (options_.log) options_.log(alarm, line);
  }

  const Options options_;
  // Held by whoever changes anything; what only they use is below it.
  std::mutex writing_;
  SchemaFollower follower_;
  std::unique_ptr<SchemaJournal> journal_;
  bool due_ = false;   // there is more to take in than the last Update did
  bool held_ = false;  // something waits for its other half
  bool was_complete_ = false;
  bool was_settled_ = false;
  int unsettled_ = 0;  // looks in a row
  int quiet_ = 0;      // looks in a row that found nothing new
  std::set<std::string> reported_;
  std::set<TableId> seen_;                        // in the nodes' files, since Open
  std::map<TableId, std::set<std::string>> had_;  // columns of these tables, other than keys
  std::set<TableId> unlogged_;                    // by the nodes' files
  std::map<TableId, SchemaWord> said_;            // of the nodes' files: the journal has it, or knew better
  std::vector<Event> untold_;

  SchemaFold fold_;
  mutable std::shared_mutex mutex_;  // of what follows, for those who hold writing_ only to write
  std::map<TableId, std::string> unreadable_;
  std::atomic<uint64_t> version_ = 0;
};

Status Registry::Start() {
  const std::lock_guard writing(writing_);
  CHECK(!journal_->shared() || options_.node.has_value());
  TRY(ReadNew());
  TakeEvents();  // nobody has seen less
  const bool is_new = fold_.empty();
  SchemaFollower::Look look;
  for (int i = 0; i < kLooksAtOpen; ++i) {
    look = follower_.LookAgain();
    if (look.settled) break;
  }
  if (is_new) {
    if (!look.troubles.empty()) return look.troubles.front();
    if (!follower_.any()) {
      // Says which directories and what to do.
      TRY(ReadSchema(options_.data_directories, ComputeSchemaId));
    }
  }
  ReportTroubles(look.troubles);
  quiet_ = kPatience;  // a schema that is just being changed is the exception
  return Update(look.settled);
}

// Each line once, until nothing is wrong.
void Registry::ReportTroubles(const std::vector<Error>& troubles) {
  if (troubles.empty()) reported_.clear();
  for (const Error& trouble : troubles) {
    if (reported_.size() > 1000 || !reported_.insert(trouble.message).second) continue;
    Log(true, fmt::format("schema: {}; what is known of the schema stands, and it is tried again", trouble.message));
  }
}

Result<std::vector<SchemaBook::Event>> Registry::Refresh() {
  const std::lock_guard writing(writing_);
  ASSIGN_OR_RETURN(const std::vector<SchemaRecord> arrived, journal_->ReadArrived());
  Take(arrived);
  const SchemaFollower::Look look = follower_.LookAgain();
  unsettled_ = look.settled ? 0 : unsettled_ + 1;
  quiet_ = look.grown ? 0 : std::min(quiet_ + 1, kPatience + 1);
  // Files that are compacted away while they are listed are everyday life.
  if (look.settled || unsettled_ == kPatience) ReportTroubles(look.troubles);
  due_ = due_ || look.grown || (held_ && quiet_ == kPatience) || follower_.complete() != was_complete_ ||
         (look.settled && !was_settled_);
  if (due_ && (look.settled || unsettled_ >= kPatience)) TRY(Update(look.settled));
  return TakeEvents();
}

Status Registry::Update(bool settled) {
  due_ = true;
  if (!follower_.any()) return {};
  const Result<ClusterSchema> schema = follower_.Build(ComputeSchemaId);
  if (!schema.has_value()) {
    ReportTroubles({schema.error()});
    return {};
  }
  TRY(ReadNew());
  SchemaPlan plan = Plan(*schema, settled && follower_.complete());
  // What is written is read back: whoever was faster with a table has the word, and the rest is planned on that.
  for (int i = 0; !plan.records.empty(); ++i) {
    if (i == kAttempts) {
      return Error{ErrorCode::kTransient,
                   "schema: others keep changing the definitions in the journal; it is tried again"};
    }
    TRY(Say(plan));
    Publish(std::move(plan));
    plan = Plan(*schema, settled && follower_.complete());
  }
  due_ = false;
  was_complete_ = follower_.complete();
  was_settled_ = settled;
  held_ = plan.held;
  said_ = plan.words;
  for (const TableInfo& info : schema->tables()) Remember(info);
  Publish(std::move(plan));
  return {};
}

SchemaPlan Registry::Plan(const ClusterSchema& schema, bool whole) const {
  const SchemaSight sight{
      .schema = &schema,
      .complete = follower_.complete(),
      .sure = quiet_ >= kPatience,
      .dropped_at = [this](std::string_view keyspace,
                           std::string_view table) { return follower_.DroppedAt(keyspace, table); },
      .seen = &seen_,
      .unreadable = &unreadable_,
      .shared = journal_->shared(),
      .had = &had_,
      .said = &said_,
  };
  SchemaPlan plan = PlanSchema(sight, fold_);
  const bool has_baseline = journal_->shared() ? fold_.HasBaselineOf(options_.node->host) : fold_.has_baseline();
  if (whole && !has_baseline) {
    SchemaRecord baseline{.kind = SchemaRecord::Kind::kBaseline};
    if (journal_->shared()) baseline.witness = options_.node;
    plan.records.push_back(baseline);
  }
  return plan;
}

// Appends what `plan` has for the journal and reads it back.
Status Registry::Say(const SchemaPlan& plan) {
  TRY(journal_->Append(plan.records));
  ASSIGN_OR_RETURN(const std::vector<SchemaRecord> records, journal_->ReadNew());
  const SchemaFold::Outcome outcome = Take(records);
  for (const SchemaRecord& record : plan.records) {
    if (record.kind != SchemaRecord::Kind::kDefinition) continue;
    const std::pair said(record.table, record.schema->id);
    if (std::ranges::find(outcome.definitions, said) == outcome.definitions.end()) continue;
    const auto word = plan.words.find(record.table);
    if (word != plan.words.end()) said_.insert_or_assign(record.table, word->second);
  }
  return {};
}

void Registry::Remember(const TableInfo& info) {
  seen_.insert(info.id);
  if (!journal_->shared() || info.schema == nullptr) return;
  std::set<std::string>& columns = had_[info.id];
  for (const auto* ids : {&info.schema->statics, &info.schema->regulars}) {
    for (const ColumnId id : *ids) columns.insert(info.schema->column(id).name);
  }
}

// What is in no journal.
void Registry::Publish(SchemaPlan plan) {
  Take(plan.own);
  unlogged_ = std::move(plan.unlogged);
  if (plan.unreadable != unreadable_) {
    const std::unique_lock lock(mutex_);
    unreadable_ = std::move(plan.unreadable);
    version_.fetch_add(1, std::memory_order_release);
  }
  for (const auto& [alarm, line] : plan.lines) Log(alarm, line);
}

Status Registry::ReadNew() {
  ASSIGN_OR_RETURN(const std::vector<SchemaRecord> records, journal_->ReadNew());
  Take(records);
  return {};
}

SchemaFold::Outcome Registry::Take(const std::vector<SchemaRecord>& records) {
  SchemaFold::Outcome outcome = fold_.Apply(records);
  for (const Event& event : outcome.events) {
    const TableSchema& table = event.table();
    if (IsSystemTableId(table.table_id)) continue;
    constexpr const char* kWords[] = {"is new", "has changed", "was dropped"};
    const bool off = event.after != nullptr && !table.cdc;
    Log(false, fmt::format("schema: {} {}{}", table.FullName(), kWords[static_cast<size_t>(event.kind)],
                           off ? " (cdc is off)" : ""));
    untold_.push_back(event);
  }
  // Who said so may not know that the table's keyspace does not log.
  for (const TableId& id : outcome.histories) due_ = due_ || unlogged_.contains(id);
  return outcome;
}

std::string Registry::WhyUnreadable(const TableId& id) const {
  const std::shared_lock lock(mutex_);
  const auto found = unreadable_.find(id);
  return found == unreadable_.end() ? "" : found->second;
}

Status Registry::MarkHistoryKnown(const TableId& id) {
  const std::lock_guard writing(writing_);
  if (unlogged_.contains(id)) return {};
  return AppendHistoryKnown(id, journal_.get(), fold_,
                            [this](const std::vector<SchemaRecord>& records) { Take(records); });
}

Status Registry::MarkHistoryLogged(const TableId& id) {
  const std::lock_guard writing(writing_);
  if (!journal_->shared()) return {};
  const SchemaFold::Table* const table = fold_.FindKnown(id);
  if (table == nullptr || !table->lives()) {
    return NotFound(fmt::format("no table with the id {} exists: its history cannot be in a log", id.ToString()));
  }
  if (table->history_known || !table->newest->cdc || unlogged_.contains(id)) return {};
  if (table->logged.hosts.contains(options_.node->host)) return {};
  TRY(journal_->Append({{.kind = SchemaRecord::Kind::kHistoryLogged, .table = id, .witness = options_.node}}));
  return ReadNew();
}

Status Registry::MarkIntroduced() {
  const std::lock_guard writing(writing_);
  if (!journal_->shared() || fold_.IsIntroduced(options_.node->host)) return {};
  TRY(journal_->Append({{.kind = SchemaRecord::Kind::kIntroduced, .witness = options_.node}}));
  return ReadNew();
}

}  // namespace

Status SchemaRegistry::MarkHistoryLogged(const TableId&) {
  return {};
}

Status SchemaRegistry::MarkIntroduced() {
  return {};
}

Result<std::unique_ptr<SchemaRegistry>> SchemaRegistry::Open(FileSystem* files, const Options& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<SchemaJournal> journal, OpenFileSchemaJournal(files, options.path));
  return Open(files, std::move(journal), options);
}

Result<std::unique_ptr<SchemaRegistry>> SchemaRegistry::Open(FileSystem* files, std::unique_ptr<SchemaJournal> journal,
                                                             const Options& options) {
  auto registry = std::make_unique<Registry>(files, std::move(journal), options);
  TRY(registry->Start());
  return std::unique_ptr<SchemaRegistry>(std::move(registry));
}

}  // namespace braid
