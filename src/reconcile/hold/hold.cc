#include "reconcile/hold/hold.h"

#include <algorithm>
#include <limits>
#include <set>

#include "base/check.h"
#include "codec/mutation.h"
#include "reconcile/hold/evidence.h"

namespace braid {
namespace {

constexpr size_t kMajorityOfThree = 2;
// What a write takes besides its bytes, about.
constexpr size_t kEntryBytes = 400;

std::string NameOf(const Mutation& write) {
  std::string name(write.schema->table_id.view());
  name.append(write.partition_key);
  return name;
}

}  // namespace

Hold::Hold(const Options& options, const SchemaLookup* schemas, NewsCheck is_news, NodesNeeded nodes_needed)
    : options_(options), schemas_(schemas), is_news_(std::move(is_news)), nodes_needed_(std::move(nodes_needed)) {
  CHECK(!options_.quorum || is_news_);
}

Hold::Place Hold::PlaceOf(const Mutation& write) {
  const WriteOrder order = OrderOf(write);
  return {order.time, order.target, std::string(order.key), std::string(order.tie),
          write.schema->counter ? WriteTimeOf(write) : WriteTime{}};
}

Hold::RowName Hold::RowNameOf(const Place& place) {
  const bool of_row = place.target == Target::kRow || place.target == Target::kStatic;
  return {place.target, of_row ? place.key : std::string()};
}

Result<Mutation> Hold::Decode(ByteView bytes) {
  return DecodeMutation(bytes, *schemas_, &arena_);
}

Result<bool> Hold::IsNews(const Mutation& write) const {
  return options_.quorum ? is_news_(write) : true;
}

bool Hold::IsConfirmed(const Entry& entry) const {
  if (!options_.quorum || entry.known) return true;
  const auto whole = std::ranges::count_if(entry.witnesses, &Witness::whole);
  return static_cast<size_t>(whole) >= entry.nodes_needed;
}

bool Hold::IsSettled(const Entry& entry) const {
  return entry.stage == kTimedOut || IsConfirmed(entry);
}

Status Hold::Add(const Mutation& mutation, int64_t now_us, uint64_t number) {
  Advance(now_us);
  ready_.clear();  // what comes now may be first
  cut_arena_.Reset();
  writes_.clear();
  CutIntoWrites(mutation, &cut_arena_, &writes_);
  for (Mutation& write : writes_) {
    arena_.Reset();
    // Copies are alike but for where they were read.
    const Position position = write.position;
    write.position = {};
    TRY(AddWrite(write, position, now_us, number));
  }
  return {};
}

Status Hold::AddWrite(const Mutation& write, const Position& position, int64_t now_us, uint64_t number) {
  encoded_.clear();
  AppendMutation(&encoded_, write);
  const auto partition = partitions_.find(NameOf(write));
  Entry* entry = nullptr;
  if (partition != partitions_.end()) {
    const auto known = partition->second.writes.find(PlaceOf(write));
    if (known != partition->second.writes.end()) entry = &*known->second;
  }
  if (entry != nullptr) {
    TRY(JoinInto(entry, write, position, now_us));
  } else {
    ASSIGN_OR_RETURN(const bool news, IsNews(write));
    TRY(Insert(write, position, number, !news));
  }
  if (!options_.quorum) return {};
  return WitnessOthers(&partitions_.find(NameOf(write))->second, write, encoded_, position.node);
}

Status Hold::JoinInto(Entry* entry, const Mutation& write, const Position& position, int64_t now_us) {
  ++stats_.joined;
  if (encoded_ != entry->bytes) {
    // A late piece of a write that is merged waits by itself; copies of the rest are only a node's word.
    ASSIGN_OR_RETURN(const bool news, IsNews(write));
    if (!news) return {};
    ASSIGN_OR_RETURN(const Mutation held, Decode(entry->bytes));
    const Mutation copies[] = {write, held};
    ASSIGN_OR_RETURN(const Mutation joined, JoinCopies(copies, UnixSeconds{now_us / 1'000'000}, &arena_));
    std::string bytes;
    AppendMutation(&bytes, joined);
    if (bytes != entry->bytes) {
      // Those who had all of it may have less than all of what it is now.
      for (Witness& witness : entry->witnesses) {
        if (!witness.whole || internal::Covers(held, joined)) continue;
        witness.whole = false;
        witness.seen = entry->bytes;
      }
      entry->bytes = std::move(bytes);
      Recount(entry);
    }
  }
  entry->position = std::min(entry->position, position);
  return {};
}

Status Hold::Insert(const Mutation& write, const Position& position, uint64_t number, bool known) {
  Entry entry;
  entry.place = PlaceOf(write);
  entry.bytes = encoded_;
  entry.position = position;
  entry.arrived = clock_;
  entry.number = number;
  entry.known = known;
  if (options_.quorum) entry.nodes_needed = nodes_needed_ ? nodes_needed_(*write.schema) : kMajorityOfThree;
  Partition& partition = partitions_[NameOf(write)];
  entry.partition = &partition;
  if (partition.name.empty()) partition.name = NameOf(write);

  Entries& stage = stages_[kInWindow];
  stage.push_back(std::move(entry));
  const auto at = std::prev(stage.end());
  partition.writes.emplace(at->place, at);
  Recount(&*at);
  if (known) Force(&*at);
  if (!options_.quorum) return {};
  const Status witnessed = known ? Status() : WitnessByOthers(&*at, write);
  partition.by_row[RowNameOf(at->place)].push_back(&*at);
  return witnessed;
}

// Whoever logged what supersedes a write, and waits too, need not log the write itself.
Status Hold::WitnessByOthers(Entry* entry, const Mutation& write) {
  const auto look = [&](const RowName& name) -> Status {
    const auto found = entry->partition->by_row.find(name);
    if (found == entry->partition->by_row.end()) return {};
    for (const Entry* other : found->second) {
      if (std::ranges::none_of(other->witnesses, &Witness::whole)) continue;
      ASSIGN_OR_RETURN(const Mutation logged, Decode(other->bytes));
      if (!internal::Concerns(logged, write) || !internal::Covers(logged, write)) continue;
      for (const Witness& witness : other->witnesses) {
        const auto same = [&](const Witness& known) { return known.node == witness.node; };
        if (witness.whole && std::ranges::none_of(entry->witnesses, same)) {
          entry->witnesses.push_back({witness.node, true, {}});
        }
      }
    }
    return {};
  };
  const RowName row = RowNameOf(entry->place);
  TRY(look(row));
  if (row.first != Target::kRange) TRY(look({Target::kRange, {}}));
  if (row.first != Target::kPartition) TRY(look({Target::kPartition, {}}));
  return {};
}

Status Hold::WitnessOthers(Partition* partition, const Mutation& write, ByteView bytes, NodeIndex node) {
  const auto tell = [&](std::vector<Entry*>& entries) -> Status {
    for (Entry* entry : entries) {
      // Also of one that is confirmed: more may be joined to it.
      if (entry->known) continue;
      const auto same = [&](const Witness& witness) { return witness.node == node; };
      const auto witness = std::ranges::find_if(entry->witnesses, same);
      if (witness != entry->witnesses.end() && witness->whole) continue;
      if (entry->bytes == bytes) {
        if (witness != entry->witnesses.end()) {
          *witness = {node, true, {}};
        } else {
          entry->witnesses.push_back({node, true, {}});
        }
      } else {
        TRY(Witnessed(entry, write, node));
      }
      if (IsConfirmed(*entry)) MakeDue(entry->partition);
    }
    return {};
  };
  const Target target = TargetOf(write);
  if (target == Target::kPartition || target == Target::kRange) {
    for (auto& [name, entries] : partition->by_row) TRY(tell(entries));
    return {};
  }
  const auto row = partition->by_row.find({target, std::string(RowOf(write).key)});
  return row == partition->by_row.end() ? Status() : tell(row->second);
}

Status Hold::Witnessed(Entry* entry, const Mutation& write, NodeIndex node) {
  ASSIGN_OR_RETURN(const Mutation waiting, Decode(entry->bytes));
  if (!internal::Concerns(write, waiting)) return {};
  const auto same = [&](const Witness& witness) { return witness.node == node; };
  auto witness = std::ranges::find_if(entry->witnesses, same);
  bool whole = internal::Covers(write, waiting);
  std::string seen;
  if (!whole) {
    Mutation before;
    if (witness != entry->witnesses.end()) {
      ASSIGN_OR_RETURN(before, Decode(witness->seen));
    }
    const Mutation* known = witness != entry->witnesses.end() ? &before : nullptr;
    ASSIGN_OR_RETURN(const std::optional<Mutation> joined, internal::JoinEvidence(known, write, waiting, &arena_));
    if (!joined.has_value()) return {};
    whole = internal::Covers(*joined, waiting);
    if (!whole) AppendMutation(&seen, *joined);
  }
  if (witness == entry->witnesses.end()) witness = entry->witnesses.insert(witness, Witness{node, false, {}});
  witness->whole = whole;
  witness->seen = std::move(seen);
  Recount(entry);
  return {};
}

Result<const Hold::Held*> Hold::Next(int64_t now_us) {
  Advance(now_us);
  Ripen();
  while (ready_.empty()) {
    if (due_.empty()) {
      if (bytes_ <= options_.limit_bytes) return nullptr;
      ForceOldest();
    }
    Partition* partition = due_.front();
    Settle(partition);
    if (!ready_.empty()) break;
    due_.pop_front();
    partition->due = false;
    if (partition->writes.empty()) partitions_.erase(std::string(partition->name));
  }
  const Entry& entry = *ready_.front();
  arena_.Reset();
  ASSIGN_OR_RETURN(held_.write, Decode(entry.bytes));
  held_.write.position = entry.position;
  held_.confirmed = IsConfirmed(entry);
  held_.early = entry.early;
  return &held_;
}

void Hold::Pop() {
  CHECK(!ready_.empty());
  Entry* entry = ready_.front();
  ready_.pop_front();
  ++stats_.released;
  if (!IsConfirmed(*entry)) ++stats_.unconfirmed;
  if (entry->early) ++stats_.early;
  Remove(entry);
}

void Hold::Release(const TableId& table) {
  ready_.clear();
  for (auto& stage : stages_) {
    for (Entry& entry : stage) {
      if (!entry.partition->name.starts_with(table.view())) continue;
      Force(&entry);
    }
  }
}

const Hold::Entry* Hold::Oldest() const {
  const Entry* oldest = nullptr;
  for (const Entries& stage : stages_) {
    if (!stage.empty() && (oldest == nullptr || stage.front().number < oldest->number)) oldest = &stage.front();
  }
  return oldest;
}

std::optional<uint64_t> Hold::oldest_number() const {
  const Entry* oldest = Oldest();
  return oldest != nullptr ? std::optional(oldest->number) : std::nullopt;
}

std::optional<int64_t> Hold::due_us() const {
  if (!last_now_us_) return std::nullopt;
  if (!due_.empty() || bytes_ > options_.limit_bytes) return *last_now_us_;
  std::optional<int64_t> due;
  if (!stages_[kInWindow].empty()) due = stages_[kInWindow].front().arrived + options_.window_us;
  if (!stages_[kUnconfirmed].empty()) {
    const int64_t timeout = stages_[kUnconfirmed].front().arrived + options_.confirm_timeout_us;
    due = due ? std::min(*due, timeout) : timeout;
  }
  return due ? std::optional(*last_now_us_ + std::max<int64_t>(0, *due - clock_)) : std::nullopt;
}

Hold::Stats Hold::stats() const {
  Stats stats = stats_;
  for (const Entries& stage : stages_) stats.held += stage.size();
  stats.held_bytes = bytes_;
  return stats;
}

void Hold::Advance(int64_t now_us) {
  if (last_now_us_) clock_ += std::max<int64_t>(0, now_us - *last_now_us_);
  last_now_us_ = now_us;
}

// Takes what time has changed from stage to stage. Nothing moves while it is in ready_.
void Hold::Ripen() {
  const auto move = [&](Stage from, Stage to, int64_t wait_us) {
    Entries& entries = stages_[from];
    while (!entries.empty() && entries.front().arrived + wait_us <= clock_) {
      Entry& entry = entries.front();
      if (from == kInWindow && !entry.forced) ++entry.partition->ripe;
      entry.stage = to;
      stages_[to].splice(stages_[to].end(), entries, entries.begin());
      MakeDue(entry.partition);
    }
  };
  move(kInWindow, kUnconfirmed, options_.window_us);
  if (options_.quorum) move(kUnconfirmed, kTimedOut, options_.confirm_timeout_us);
}

void Hold::ForceOldest() {
  const Entry* oldest = Oldest();
  CHECK(oldest != nullptr);
  for (auto& [place, entry] : oldest->partition->writes) {
    entry->early = true;
    Force(&*entry);
    if (&*entry == oldest) break;
  }
}

void Hold::Force(Entry* entry) {
  if (!entry->forced && entry->stage == kInWindow) ++entry->partition->ripe;
  entry->forced = true;
  MakeDue(entry->partition);
}

void Hold::MakeDue(Partition* partition) {
  if (partition->due) return;
  partition->due = true;
  due_.push_back(partition);
}

// Finds what of the partition is to come out now, in order.
void Hold::Settle(Partition* partition) {
  // A write that waits for its confirmation keeps those behind it that arrived within the window of it, and these keep
  // others in turn.
  std::set<int64_t> stuck;
  const auto is_stuck = [&](const Entry& entry) {
    if (entry.forced) return false;
    if (!IsSettled(entry)) return true;
    const auto near = stuck.upper_bound(entry.arrived - options_.window_us);
    return near != stuck.end() && *near < entry.arrived + options_.window_us;
  };
  std::vector<Entry*> free;
  size_t due = 0;  // up to the last one that is due by itself, and older ones with it
  size_t ripe = partition->ripe;
  for (auto at = partition->writes.begin(); ripe > 0; ++at) {
    Entry& entry = *at->second;
    if (entry.forced || entry.stage != kInWindow) --ripe;
    if (is_stuck(entry)) {
      stuck.insert(entry.arrived);
      continue;
    }
    free.push_back(&entry);
    if (entry.stage != kInWindow && !entry.forced) due = free.size();
  }
  for (size_t i = 0; i < free.size(); ++i) {
    if (i >= due && !free[i]->forced) continue;
    if (IsAbsorbed(*free[i])) {
      ++stats_.joined;
      Remove(free[i]);
    } else {
      ready_.push_back(free[i]);
    }
  }
}

// True if a write that waits has all of this one, which is a piece of it.
bool Hold::IsAbsorbed(const Entry& entry) {
  const Place& place = entry.place;
  if (place.target != Target::kRow && place.target != Target::kStatic) return false;
  const auto& writes = entry.partition->writes;
  if (place.time.us == std::numeric_limits<int64_t>::max()) return false;
  const Place next{WriteTime{place.time.us + 1}, place.target, place.key, {}, {}};
  const auto is_next = [&](const Place& other) {
    return other.time == next.time && other.target == next.target && other.key == next.key;
  };
  for (auto at = writes.lower_bound(next); at != writes.end() && is_next(at->first); ++at) {
    arena_.Reset();
    const Result<Mutation> fragment = Decode(entry.bytes);
    const Result<Mutation> whole = Decode(at->second->bytes);
    if (fragment.has_value() && whole.has_value() && IsAbsorbedBy(*fragment, *whole)) return true;
  }
  return false;
}

void Hold::Remove(Entry* entry) {
  Partition* partition = entry->partition;
  if (options_.quorum) {
    const auto row = partition->by_row.find(RowNameOf(entry->place));
    std::erase(row->second, entry);
    if (row->second.empty()) partition->by_row.erase(row);
  }
  const auto found = partition->writes.find(entry->place);
  const Entries::iterator at = found->second;
  if (at->forced || at->stage != kInWindow) --partition->ripe;
  partition->writes.erase(found);
  bytes_ -= at->cost;
  stages_[at->stage].erase(at);
}

void Hold::Recount(Entry* entry) {
  bytes_ -= entry->cost;
  entry->cost = kEntryBytes + 2 * (entry->place.key.size() + entry->place.tie.size()) + entry->bytes.size() +
                entry->partition->name.size();
  for (const Witness& witness : entry->witnesses) entry->cost += sizeof(Witness) + witness.seen.size();
  bytes_ += entry->cost;
}

}  // namespace braid
