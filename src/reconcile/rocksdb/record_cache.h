// The records read or written last, within a number of bytes, and all that were written and are not committed yet: most
// copies of a write come soon after it, and most reads are of what was just written.
//
// Made for one lookup and no allocation where a record is known: on this path lies every write of a pipeline. A record
// is one piece of memory with its key, in a list by last use and in a table with open addressing.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory_resource>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/checksum.h"

namespace braid {

class RecordCache {
 public:
  struct Record {
    std::string value;
    bool exists = false;  // false: it is known not to be there
    bool is_row = false;  // of those written: as Write was told
    bool dirty = false;   // written, and not taken out by TakeRows or SetCommitted

    ByteView key() const { return {reinterpret_cast<const char*>(this + 1), key_size}; }

   private:
    friend class RecordCache;
    uint64_t hash = 0;
    size_t key_size = 0;
    size_t counted = 0;  // bytes, in bytes_ or dirty_bytes_
    Record* newer = nullptr;
    Record* older = nullptr;
  };

  // What is not dirty is kept within `capacity_bytes`.
  explicit RecordCache(size_t capacity_bytes) : capacity_bytes_(capacity_bytes), table_(1024) {}
  ~RecordCache() { Clear(); }
  RecordCache(const RecordCache&) = delete;
  RecordCache& operator=(const RecordCache&) = delete;

  // What is known of the record; nullptr if nothing is. Lives until the next call but Find.
  const Record* Find(ByteView key) {
    Record* const record = table_[SlotOf(key, Hash64(key))];
    if (record == nullptr) return nullptr;
    if (!record->dirty && record != newest_) {
      Unlink(record);
      Link(record);
    }
    return record;
  }

  bool IsDirty(ByteView key) const {
    const Record* const record = table_[SlotOf(key, Hash64(key))];
    return record != nullptr && record->dirty;
  }

  // Remembers what the store has of a record that is not dirty. The result lives as Find's.
  const Record* Read(ByteView key, bool exists, ByteView value) {
    const auto [record, is_new] = FindOrAdd(key);
    if (!is_new) RemoveClean(record);
    record->exists = exists;
    record->value.assign(value);
    AddClean(record);
    Trim();
    return record;
  }

  // The record's new value (none if it is to go), to be committed.
  void Write(ByteView key, bool is_row, bool exists, ByteView value) {
    const auto [record, is_new] = FindOrAdd(key);
    if (record->dirty) {
      dirty_bytes_ -= record->counted;
    } else {
      if (!is_new) RemoveClean(record);
      record->dirty = true;
      dirty_.push_back(record);
    }
    record->is_row = is_row;
    record->exists = exists;
    record->value.assign(value);
    record->counted = record->key_size + record->value.size();
    dirty_bytes_ += record->counted;
    has_dirty_rows_ = has_dirty_rows_ || is_row;
  }

  const std::vector<Record*>& dirty() const { return dirty_; }
  size_t dirty_bytes() const { return dirty_bytes_; }
  bool has_dirty_rows() const { return has_dirty_rows_; }
  void SortDirty() {
    std::ranges::sort(dirty_, std::less(), [](const Record* record) { return record->key(); });
  }

  // Gives each dirty row to `take`, who has it from now on: it is dirty no more.
  template <typename Take>
  void TakeRows(Take take) {
    CleanIf([&](const Record& record) {
      if (record.is_row) take(record);
      return record.is_row;
    });
    has_dirty_rows_ = false;
    Trim();
  }

  // What was dirty is committed.
  void SetCommitted() {
    CleanIf([](const Record&) { return true; });
    has_dirty_rows_ = false;
    Trim();
  }

  // Forgets the dirty records whose keys begin with `prefix`, and everything that is not dirty.
  void Forget(ByteView prefix) {
    CleanIf([&](const Record& record) { return record.key().starts_with(prefix); });
    while (oldest_ != nullptr) Drop(oldest_);
  }
  void Clear() { Forget({}); }

 private:
  // With what the table and the allocator take.
  static constexpr size_t kOverhead = sizeof(Record) + 48;

  // Where the record is, or the empty place where it would be.
  size_t SlotOf(ByteView key, uint64_t hash) const {
    const size_t mask = table_.size() - 1;
    size_t slot = hash & mask;
    for (; table_[slot] != nullptr; slot = (slot + 1) & mask) {
      if (table_[slot]->hash == hash && table_[slot]->key() == key) break;
    }
    return slot;
  }

  // A new one is in no list yet.
  std::pair<Record*, bool> FindOrAdd(ByteView key) {
    const uint64_t hash = Hash64(key);
    size_t slot = SlotOf(key, hash);
    if (table_[slot] != nullptr) return {table_[slot], false};
    if (++size_ * 2 > table_.size()) {
      std::vector<Record*> old(table_.size() * 2);
      old.swap(table_);
      for (Record* record : old) {
        if (record != nullptr) table_[SlotOf(record->key(), record->hash)] = record;
      }
      slot = SlotOf(key, hash);
    }
    Record* const record = new (memory_->allocate(sizeof(Record) + key.size(), alignof(Record))) Record();
    record->hash = hash;
    record->key_size = key.size();
    if (!key.empty()) std::memcpy(reinterpret_cast<char*>(record + 1), key.data(), key.size());
    table_[slot] = record;
    return {record, true};
  }

  void Drop(Record* record) {
    RemoveClean(record);
    const size_t mask = table_.size() - 1;
    size_t hole = SlotOf(record->key(), record->hash);
    // Those behind it move up as far as their own places allow.
    for (size_t i = (hole + 1) & mask; table_[i] != nullptr; i = (i + 1) & mask) {
      if (((i - table_[i]->hash) & mask) < ((i - hole) & mask)) continue;
      table_[hole] = table_[i];
      hole = i;
    }
    table_[hole] = nullptr;
    --size_;
    const size_t size_bytes = sizeof(Record) + record->key_size;
    record->~Record();
    memory_->deallocate(record, size_bytes, alignof(Record));
  }

  template <typename IsDone>
  void CleanIf(IsDone is_done) {
    std::erase_if(dirty_, [&](Record* record) {
      if (!is_done(*record)) return false;
      dirty_bytes_ -= record->counted;
      record->dirty = false;
      AddClean(record);
      return true;
    });
  }

  void AddClean(Record* record) {
    record->counted = kOverhead + record->key_size + record->value.capacity();
    bytes_ += record->counted;
    Link(record);
  }
  void RemoveClean(Record* record) {
    bytes_ -= record->counted;
    Unlink(record);
  }
  // The last used always stays.
  void Trim() {
    while (bytes_ > capacity_bytes_ && oldest_ != newest_) Drop(oldest_);
  }

  void Link(Record* record) {
    record->newer = nullptr;
    record->older = newest_;
    (newest_ == nullptr ? oldest_ : newest_->newer) = record;
    newest_ = record;
  }
  void Unlink(Record* record) {
    (record->newer == nullptr ? newest_ : record->newer->older) = record->older;
    (record->older == nullptr ? oldest_ : record->older->newer) = record->newer;
  }

  std::pmr::memory_resource* const memory_ = std::pmr::new_delete_resource();
  const size_t capacity_bytes_;
  size_t bytes_ = 0;  // of what is clean
  size_t dirty_bytes_ = 0;
  size_t size_ = 0;  // of all
  bool has_dirty_rows_ = false;
  std::vector<Record*> table_;  // a power of two of places, at most half of them taken
  std::vector<Record*> dirty_;
  Record* newest_ = nullptr;  // of the clean
  Record* oldest_ = nullptr;
};

}  // namespace braid
