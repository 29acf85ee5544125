#include "pipeline/shard/past.h"

#include <fmt/format.h>

#include <algorithm>

#include "reconcile/reconciler.h"

namespace braid {
namespace {

bool Concerns(const Gap& gap, const TableSchema& table) {
  return gap.table.empty() || gap.table == table.FullName();
}

const ShardMark::Snapshot* PassOf(const ShardMark& mark, const TableId& table) {
  const auto found = mark.snapshots.find(table);
  return found == mark.snapshots.end() ? nullptr : &found->second;
}

// Whether all that the pass has come by is still known: a gap that opens, and a table that is not captured for a while,
// move its beginning (ShardMark::Snapshot::known).
bool Holds(const ShardMark::Snapshot& pass, const TableSchema& table, const TokenRange& tokens) {
  return pass.known == Reconciler::SnapshotFrom(table, tokens.after).known;
}

bool IsRead(const ShardMark& mark, const TableSchema& table, const TokenRange& tokens) {
  const ShardMark::Snapshot* pass = PassOf(mark, table.table_id);
  return pass != nullptr && pass->done && Holds(*pass, table, tokens) && pass->next > pass->known;
}

}  // namespace

TokenRange TokensOf(uint32_t shard, uint32_t shards) {
  // The least place, as ShardOf counts places, of a shard.
  const auto begin = [&](uint64_t number) { return (((number << 32) + shards - 1) / shards) << 32; };
  const auto token = [](uint64_t place) { return Token{static_cast<int64_t>(place ^ (uint64_t{1} << 63))}; };
  TokenRange range;
  if (shard != 0) range.after = token(begin(shard) - 1);
  if (shard + 1 != shards) range.through = token(begin(shard + 1) - 1);
  return range;
}

Result<std::vector<PastNeed>> NeedsOf(const ShardMark& mark, const SchemaBook& schemas, const PastRules& rules) {
  std::vector<PastNeed> needs;
  for (const TableSchema* table : schemas.CapturedTables()) {
    const bool history = schemas.HistoryKnown(table->table_id);
    const bool in_gap = std::ranges::any_of(mark.gaps, [&](const Gap& gap) { return Concerns(gap, *table); });
    const bool wanted = (rules.gaps && in_gap) || (rules.bootstrap && !history);
    if (!wanted || IsRead(mark, *table, rules.tokens)) continue;
    PastNeed need{.table = table, .task = 1, .repair = history, .from = rules.tokens.after};
    if (const ShardMark::Snapshot* pass = PassOf(mark, table->table_id)) {
      const bool goes_on = !pass->done && Holds(*pass, *table, rules.tokens);
      need.task = goes_on ? pass->task : pass->task + 1;
      // Only one that went before can have made it known.
      need.repair = history || need.task > 1;
      if (goes_on) {
        ASSIGN_OR_RETURN(need.from, Reconciler::SnapshotToken({.next = pass->next, .known = {}, .deletion = {}}));
      }
    }
    needs.push_back(need);
  }
  return needs;
}

std::vector<Gap> HealedGaps(const ShardMark& mark, const SchemaBook& schemas, const TokenRange& tokens) {
  const std::vector<const TableSchema*> tables = schemas.CapturedTables();
  std::vector<Gap> healed;
  // Nothing is known yet of what the gap may concern.
  if (tables.empty()) return healed;
  for (const Gap& gap : mark.gaps) {
    const auto is_closed = [&](const TableSchema* table) {
      return !Concerns(gap, *table) || IsRead(mark, *table, tokens);
    };
    if (std::ranges::all_of(tables, is_closed)) healed.push_back(gap);
  }
  return healed;
}

Message HealedMessage(const Gap& gap) {
  Message message;
  message.kind = Message::Kind::kGap;
  message.gap = gap;
  message.gap.open = false;
  message.gap.detail = fmt::format(
      "healed from SSTables: the rows are as the nodes have them; what was written and overwritten within the gap is "
      "lost history. It was: {}",
      gap.detail);
  return message;
}

}  // namespace braid
