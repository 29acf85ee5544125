// The records read or written last, within a number of bytes: most copies of a write come soon after it.
#pragma once

#include <cstddef>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace braid {

class RecordCache {
 public:
  explicit RecordCache(size_t capacity_bytes) : capacity_bytes_(capacity_bytes) {}

  // What is known of the record: nullptr if nothing is; an empty optional if it is known not to be there. Lives until
  // the next Put, Erase or Clear.
  const std::optional<std::string>* Find(std::string_view key) {
    const auto found = index_.find(key);
    if (found == index_.end()) return nullptr;
    records_.splice(records_.begin(), records_, found->second);
    return &found->second->value;
  }

  // Returns the value's place, which lives as Find's.
  const std::optional<std::string>& Put(std::string_view key, std::optional<std::string> value) {
    const auto found = index_.find(key);
    if (found != index_.end()) {
      Record& record = *found->second;
      bytes_ -= Size(record);
      record.value = std::move(value);
      bytes_ += Size(record);
      records_.splice(records_.begin(), records_, found->second);
    } else {
      records_.push_front({std::string(key), std::move(value)});
      index_.emplace(records_.front().key, records_.begin());
      bytes_ += Size(records_.front());
    }
    // The one just put always stays.
    while (bytes_ > capacity_bytes_ && records_.size() > 1) {
      bytes_ -= Size(records_.back());
      index_.erase(records_.back().key);
      records_.pop_back();
    }
    return records_.front().value;
  }

  void Clear() {
    index_.clear();
    records_.clear();
    bytes_ = 0;
  }

 private:
  struct Record {
    std::string key;
    std::optional<std::string> value;
  };
  // With what the list and the index take for it.
  static size_t Size(const Record& record) {
    return sizeof(Record) + 64 + record.key.size() + (record.value.has_value() ? record.value->size() : 0);
  }

  const size_t capacity_bytes_;
  size_t bytes_ = 0;
  std::list<Record> records_;  // the latest first
  std::unordered_map<std::string_view, std::list<Record>::iterator> index_;
};

}  // namespace braid
