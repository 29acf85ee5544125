#include "reconcile/testing/toy_replay.h"

#include <algorithm>

namespace braid::testing {
namespace {

struct Entry {
  TableId table;
  Token token;
  ByteView key;
  WriteOrder order;
  WriteTime time;
  const Mutation* write = nullptr;

  auto place() const { return std::tie(table, token, key, order, time); }
};

}  // namespace

Result<std::vector<Mutation>> WritesInOrder(std::span<const Mutation> mutations, Arena* arena) {
  std::vector<Mutation> cut;
  for (const Mutation& mutation : mutations) CutIntoWrites(mutation, arena, &cut);
  std::vector<Entry> entries;
  entries.reserve(cut.size());
  for (const Mutation& write : cut) {
    entries.push_back(
        {write.schema->table_id, write.token, write.partition_key, OrderOf(write), WriteTimeOf(write), &write});
  }
  std::ranges::stable_sort(entries, [](const Entry& a, const Entry& b) { return a.place() < b.place(); });
  std::vector<Mutation> joined;
  for (size_t i = 0; i < entries.size();) {
    std::vector<Mutation> copies;
    const auto place = entries[i].place();
    for (; i < entries.size() && entries[i].place() == place; ++i) copies.push_back(*entries[i].write);
    ASSIGN_OR_RETURN(const Mutation write, JoinCopies(copies, UnixSeconds{0}, arena));
    // A deletion that belongs to this write stands before it, among the writes that are 1 µs older.
    std::erase_if(joined, [&](const Mutation& earlier) {
      return earlier.schema->table_id == write.schema->table_id && earlier.partition_key == write.partition_key &&
             IsAbsorbedBy(earlier, write);
    });
    joined.push_back(write);
  }
  return joined;
}

}  // namespace braid::testing
