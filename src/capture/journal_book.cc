#include "capture/journal_book.h"

#include <fmt/format.h>

#include <utility>

namespace braid {
namespace {

// So often a table may be altered between what was read of it and what is said of it.
constexpr int kAttempts = 16;

}  // namespace

Result<std::unique_ptr<JournalBook>> JournalBook::Open(std::unique_ptr<SchemaJournal> journal) {
  std::unique_ptr<JournalBook> book(new JournalBook(std::move(journal)));
  TRY(book->ReadNew());
  return book;
}

Result<std::vector<SchemaBook::Event>> JournalBook::ReadNew() {
  const std::lock_guard writing(writing_);
  ASSIGN_OR_RETURN(const std::vector<SchemaRecord> records, journal_->ReadNew());
  return Take(records);
}

Result<std::vector<SchemaBook::Event>> JournalBook::ReadArrived() {
  const std::lock_guard writing(writing_);
  ASSIGN_OR_RETURN(const std::vector<SchemaRecord> records, journal_->ReadArrived());
  return Take(records);
}

std::vector<SchemaBook::Event> JournalBook::Take(const std::vector<SchemaRecord>& records) {
  std::vector<Event> events = std::exchange(untold_, {});
  const SchemaFold::Outcome outcome = fold_.Apply(records);
  events.insert(events.end(), outcome.events.begin(), outcome.events.end());
  for (const TableId& id : outcome.histories) {
    const TableSchema* const table = fold_.FindTable(id);
    if (table != nullptr) events.push_back({.kind = Event::Kind::kChanged, .before = table, .after = table});
  }
  return events;
}

Status JournalBook::MarkHistoryKnown(const TableId& id) {
  const std::lock_guard writing(writing_);
  return AppendHistoryKnown(id, journal_.get(), fold_, [&](const std::vector<SchemaRecord>& records) {
    const SchemaFold::Outcome outcome = fold_.Apply(records);
    untold_.insert(untold_.end(), outcome.events.begin(), outcome.events.end());
  });
}

Status AppendHistoryKnown(const TableId& id, SchemaJournal* journal, const SchemaFold& fold,
                          const std::function<void(const std::vector<SchemaRecord>&)>& take) {
  for (int i = 0; i < kAttempts; ++i) {
    const SchemaFold::Table* const table = fold.FindKnown(id);
    if (table == nullptr || !table->lives()) {
      return NotFound(fmt::format("no table with the id {} exists: its history cannot be known", id.ToString()));
    }
    if (table->history_known || !table->newest->cdc) return {};
    SchemaRecord record{.kind = SchemaRecord::Kind::kHistoryKnown, .table = id};
    if (journal->shared()) record.base = table->newest->id;
    TRY(journal->Append({record}));
    ASSIGN_OR_RETURN(const std::vector<SchemaRecord> records, journal->ReadNew());
    take(records);
  }
  return Error{ErrorCode::kTransient, fmt::format("the table {} was altered again and again while it was said that its "
                                                  "history is known; try again",
                                                  id.ToString())};
}

}  // namespace braid
