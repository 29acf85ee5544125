#include "pipeline/spill/sorter.h"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <span>
#include <utility>

#include "base/check.h"
#include "pipeline/spill/run_merger.h"

namespace braid {
namespace {

using spill::Record;

// The sizes in a record's header have 32 bits, and blocks (of one record at least) are well within LZ4's limit.
constexpr size_t kMostRecordBytes = size_t{1} << 30;

// How far ahead of the reader records are fetched into the cache: they lie in the order of Add.
constexpr size_t kPrefetchDistance = 12;

}  // namespace

// What fitted into memory.
class MemoryRecords : public SortedRecords {
 public:
  MemoryRecords(std::unique_ptr<char[]> memory, std::span<const Sorter::Entry> entries)
      : memory_(std::move(memory)), entries_(entries) {}

  Result<bool> Next() override {
    if (next_ == entries_.size()) return false;
    if (next_ + kPrefetchDistance < entries_.size()) {
      __builtin_prefetch(memory_.get() + entries_[next_ + kPrefetchDistance].offset);
    }
    record_ = spill::LoadRecord(memory_.get() + entries_[next_++].offset);
    return true;
  }

 private:
  std::unique_ptr<char[]> memory_;
  std::span<const Sorter::Entry> entries_;  // in memory_
  size_t next_ = 0;
};

namespace {

// What went to disk.
class MergedRecords : public SortedRecords {
 public:
  MergedRecords(std::unique_ptr<spill::RunFile> file, std::span<const spill::Run> runs)
      : file_(std::move(file)), merger_(file_.get(), runs) {}

  Result<bool> Next() override {
    ASSIGN_OR_RETURN(const bool more, merger_.Next());
    record_ = more ? merger_.record() : Record{};
    return more;
  }

 private:
  std::unique_ptr<spill::RunFile> file_;
  spill::RunMerger merger_;
};

}  // namespace

Sorter::Sorter(Options options) : options_(std::move(options)) {
  options_.memory_bytes = std::max(options_.memory_bytes, kLeastMemory);
  block_bytes_ = std::clamp(options_.memory_bytes / 32, size_t{4} << 10, size_t{256} << 10);
  // Besides the records, spilling needs a block to fill and one to pack it into.
  capacity_ = (options_.memory_bytes - 3 * block_bytes_) / sizeof(Entry) * sizeof(Entry);
}

bool Sorter::Fits(size_t record_bytes) const {
  return record_bytes + sizeof(Entry) <= capacity_ - record_bytes_ - entries_ * sizeof(Entry);
}

Status Sorter::Add(ByteView key, ByteView value) {
  const Record record{key, value};
  const size_t size = record.size();
  if (!Fits(size)) {
    if (size + sizeof(Entry) > capacity_ || size > kMostRecordBytes) {
      return InvalidArgument(fmt::format("cannot sort a record of {} bytes in {} bytes of memory: allow more", size,
                                         options_.memory_bytes));
    }
    TRY(Spill());
  }
  // Left as the system gives it: what is not used takes no room.
  if (memory_ == nullptr) memory_.reset(new (std::nothrow) char[capacity_]);
  if (memory_ == nullptr) {
    return IoError(fmt::format("cannot get {} bytes of memory for the sort: allow less", capacity_));
  }
  spill::StoreRecord(memory_.get() + record_bytes_, record);
  ++entries_;
  new (memory_.get() + capacity_ - entries_ * sizeof(Entry)) Entry{spill::PrefixOf(key), record_bytes_};
  record_bytes_ += size;
  ++stats_.records;
  return {};
}

void Sorter::SortEntries() {
  Entry* const first = reinterpret_cast<Entry*>(memory_.get() + capacity_) - entries_;
  const char* const records = memory_.get();
  std::sort(first, first + entries_, [records](const Entry& a, const Entry& b) {
    if (a.prefix != b.prefix) return a.prefix < b.prefix;
    return spill::LoadRecord(records + a.offset) < spill::LoadRecord(records + b.offset);
  });
}

Status Sorter::Spill() {
  if (file_ == nullptr) {
    ASSIGN_OR_RETURN(file_, spill::RunFile::Create(options_.directory));
  }
  SortEntries();
  const std::span<const Entry> sorted(reinterpret_cast<const Entry*>(memory_.get() + capacity_) - entries_, entries_);
  spill::RunWriter writer(file_.get(), block_bytes_);
  const uint64_t size_before = file_->size();
  for (const Entry& entry : sorted) TRY(writer.Add(spill::LoadRecord(memory_.get() + entry.offset).stored()));
  ASSIGN_OR_RETURN(const spill::Run run, writer.Finish());
  runs_.push_back(run);
  largest_block_bytes_ = std::max(largest_block_bytes_, writer.largest_block_bytes());
  stats_.written_bytes += file_->size() - size_before;
  ++stats_.runs;
  record_bytes_ = 0;
  entries_ = 0;
  return {};
}

size_t Sorter::MaxRunsAtOnce() const {
  const size_t left = options_.memory_bytes - 3 * block_bytes_;
  return std::max<size_t>(2, left / std::max(block_bytes_, largest_block_bytes_));
}

Status Sorter::ReduceRuns() {
  const size_t most = MaxRunsAtOnce();
  while (runs_.size() > most) {
    ASSIGN_OR_RETURN(auto merged_file, spill::RunFile::Create(options_.directory));
    std::vector<spill::Run> merged_runs;
    for (size_t i = 0; i < runs_.size(); i += most) {
      const size_t count = std::min(most, runs_.size() - i);
      spill::RunMerger merger(file_.get(), std::span(runs_).subspan(i, count));
      spill::RunWriter writer(merged_file.get(), block_bytes_);
      for (;;) {
        ASSIGN_OR_RETURN(const bool more, merger.Next());
        if (!more) break;
        TRY(writer.Add(merger.record().stored()));
      }
      ASSIGN_OR_RETURN(const spill::Run run, writer.Finish());
      merged_runs.push_back(run);
    }
    stats_.written_bytes += merged_file->size();
    ++stats_.passes;
    file_ = std::move(merged_file);
    runs_ = std::move(merged_runs);
  }
  return {};
}

Result<std::unique_ptr<SortedRecords>> Sorter::Finish() {
  if (file_ == nullptr) {
    if (entries_ > 0) SortEntries();
    const Entry* const end = reinterpret_cast<const Entry*>(memory_.get() + (memory_ == nullptr ? 0 : capacity_));
    const std::span<const Entry> sorted(end - entries_, entries_);
    return std::unique_ptr<SortedRecords>(std::make_unique<MemoryRecords>(std::move(memory_), sorted));
  }
  if (entries_ > 0) TRY(Spill());
  memory_.reset();
  TRY(ReduceRuns());
  return std::unique_ptr<SortedRecords>(std::make_unique<MergedRecords>(std::move(file_), runs_));
}

}  // namespace braid
