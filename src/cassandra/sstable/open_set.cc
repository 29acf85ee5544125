#include "cassandra/sstable/open_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <system_error>
#include <utility>

#include "base/byte_source.h"
#include "cassandra/sstable/directory.h"
#include "cassandra/sstable/file_limit.h"
#include "cassandra/sstable/trie_index.h"

namespace braid {
namespace {

// What is damaged, or contradicts itself, is looked at so often before it is believed: it may have been half written.
constexpr int kLooksAtDamage = 8;

int64_t PauseMs(int attempt) {
  return attempt < 9 ? int64_t{1} << attempt : 500;
}

// The tokens of an SSTable that cannot be opened, as far as its index says.
TokenRange TokensOf(const Descriptor& descriptor) {
  const bool big = descriptor.format == SstableFormat::kBig;
  const auto index = OpenFile(descriptor.ComponentPath(big ? "Summary.db" : "Partitions.db"));
  if (!index.has_value()) return {};
  const std::optional<TokenRange> tokens =
      big ? ReadIndexSummary(**index).tokens : PartitionTrie(index->get(), nullptr).Tokens();
  return tokens.value_or(TokenRange{});
}

bool AllThere(const std::vector<std::string>& directories) {
  return std::all_of(directories.begin(), directories.end(), [](const std::string& directory) {
    std::error_code error;
    return std::filesystem::is_directory(directory, error);
  });
}

// One after another look at the directories, until two in a row agree and all that they show is open.
class Opener {
 public:
  Opener(const std::vector<std::string>& directories, const SstableSetOptions& options)
      : directories_(directories), options_(options) {}

  // Looks once. True if all is open; false if it must be looked again, for the reason last_.
  Result<bool> Look();

  // Only after Look() gave true.
  std::vector<std::unique_ptr<Sstable>> TakeSstables();
  std::vector<UnreadableSstable> TakeUnreadable() { return std::move(unreadable_); }

  const Error& last() const { return *last_; }

 private:
  bool Again(Error why) {
    last_ = std::move(why);
    return false;
  }
  // Whether there were looks enough at what may be damage.
  bool Believed() { return ++looks_at_damage_ >= kLooksAtDamage; }
  // Opens what is not open yet. False if a file has vanished.
  Result<bool> OpenAll(const SstableListing& listing);

  const std::vector<std::string>& directories_;
  const SstableSetOptions& options_;
  // They stay open from one look to the next: only what is new is opened then.
  std::map<Descriptor, std::unique_ptr<Sstable>> open_;
  std::vector<UnreadableSstable> unreadable_;
  int looks_at_damage_ = 0;
  std::optional<Error> last_;
};

Result<bool> Opener::OpenAll(const SstableListing& listing) {
  std::map<Descriptor, std::unique_ptr<Sstable>> wanted;
  unreadable_.clear();
  const auto unopened = std::count_if(listing.whole.begin(), listing.whole.end(),
                                      [this](const Descriptor& descriptor) { return !open_.contains(descriptor); });
  const std::string what = fmt::format("the {} SSTables of {}", listing.whole.size(), directories_.front());
  TRY(MakeRoomForFiles(static_cast<uint64_t>(unopened) * Sstable::kMaxFiles, what));
  for (const Descriptor& descriptor : listing.whole) {
    const auto found = open_.find(descriptor);
    if (found != open_.end()) {
      wanted[descriptor] = std::move(found->second);
      continue;
    }
    Result<std::unique_ptr<Sstable>> sstable = Sstable::Open(descriptor);
    if (sstable.has_value()) {
      wanted[descriptor] = *std::move(sstable);
    } else if (sstable.error().code == ErrorCode::kNotFound) {
      wanted.merge(open_);
      open_ = std::move(wanted);
      return Again(sstable.error());
    } else {
      unreadable_.push_back({descriptor, sstable.error(), TokensOf(descriptor)});
    }
  }
  for (const SstableListing::Incomplete& sstable : listing.incomplete) {
    unreadable_.push_back({sstable.descriptor, MissingComponent(sstable), TokensOf(sstable.descriptor)});
  }
  // What is no longer in force is closed.
  open_ = std::move(wanted);
  return true;
}

Result<bool> Opener::Look() {
  Result<SstableListing> listing = ListSstables(directories_);
  if (!listing.has_value()) {
    const Error& error = listing.error();
    if (error.code == ErrorCode::kNotFound && AllThere(directories_)) {
      // A log vanished: its transaction ended meanwhile.
      return Again(error);
    }
    if (error.code != ErrorCode::kCorrupt || Believed()) return error;
    return Again(error);
  }
  if (options_.listed) options_.listed();
  ASSIGN_OR_RETURN(const bool opened, OpenAll(*listing));
  if (!opened) return false;
  // A listing is not of one moment: an SSTable may have been replaced by one whose place in the directory had been
  // passed already. But then the second does not show the same. Where both do, and all of it could be opened between
  // them, it was in force at the moment between them: else an SSTable would have come within the one and gone within
  // the other.
  const Result<SstableListing> after = ListSstables(directories_);
  if (!after.has_value()) return Again(after.error());
  if (*after != *listing) {
    return Again(Corrupt(fmt::format("{}: SSTables came or went while they were opened", directories_.front())));
  }
  if (unreadable_.empty() || Believed()) return true;
  return Again(unreadable_.front().error);
}

std::vector<std::unique_ptr<Sstable>> Opener::TakeSstables() {
  std::vector<std::unique_ptr<Sstable>> sstables;
  sstables.reserve(open_.size());
  for (auto& [descriptor, sstable] : open_) sstables.push_back(std::move(sstable));
  open_.clear();
  return sstables;
}

}  // namespace

Result<SstableSet> SstableSet::Open(const std::vector<std::string>& table_directories,
                                    const SstableSetOptions& options) {
  if (table_directories.empty()) return InvalidArgument("no directory was named to read SSTables of");
  Opener opener(table_directories, options);
  for (int attempt = 0; attempt < options.tries; ++attempt) {
    if (attempt > 0 && options.pause) options.pause(PauseMs(attempt));
    ASSIGN_OR_RETURN(const bool opened, opener.Look());
    if (!opened) continue;
    SstableSet set;
    set.sstables_ = opener.TakeSstables();
    set.unreadable_ = opener.TakeUnreadable();
    for (const auto& sstable : set.sstables_) set.data_bytes_ += sstable->chunks().length();
    return set;
  }
  return Error{ErrorCode::kTransient,
               fmt::format("{}: could not open its SSTables at one moment in {} tries, because the node compacts all "
                           "the time; try again, or read a snapshot (last: {})",
                           table_directories.front(), options.tries, opener.last().message)};
}

}  // namespace braid
