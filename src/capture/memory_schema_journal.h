// A journal in memory that many write, for tests and simulators: each process has a MemorySchemaJournal of its own over
// one list of records.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "capture/schema_journal.h"

namespace braid {

class MemorySchemaJournal : public SchemaJournal {
 public:
  // `records`, what everyone appended, must outlive it. `before_append`, unless empty, is called first in each Append:
  // others may write then, and what it returns, if it is an error, comes out, without anything appended.
  explicit MemorySchemaJournal(std::vector<SchemaRecord>* records, std::function<Status()> before_append = {})
      : records_(records), before_append_(std::move(before_append)) {}

  bool shared() const override { return true; }
  Result<std::vector<SchemaRecord>> ReadNew() override {
    std::vector<SchemaRecord> fresh(records_->begin() + static_cast<std::ptrdiff_t>(read_), records_->end());
    read_ = records_->size();
    return fresh;
  }
  Result<std::vector<SchemaRecord>> ReadArrived() override { return ReadNew(); }
  Status Append(const std::vector<SchemaRecord>& records) override {
    if (before_append_) TRY(before_append_());
    records_->insert(records_->end(), records.begin(), records.end());
    return {};
  }

 private:
  std::vector<SchemaRecord>* records_;
  std::function<Status()> before_append_;
  size_t read_ = 0;
};

}  // namespace braid
