// Takes what is found in one shard: counts all, keeps the first for people.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "model/change.h"
#include "pipeline/verify/verdict.h"

namespace braid {

class Findings {
 public:
  // `verdict` must outlive it.
  Findings(uint32_t shard, size_t most, TimelineVerdict* verdict) : shard_(shard), most_(most), verdict_(verdict) {}

  // `row`: schema, kind and key of the row; `n`: the number of its event that shows it, 0 if there is none.
  void Add(Fault fault, const Change& row, uint64_t n, std::string detail, std::span<const ColumnId> columns = {});

 private:
  uint32_t shard_;
  size_t most_;
  TimelineVerdict* verdict_;
};

}  // namespace braid
