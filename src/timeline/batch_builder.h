// The batch at hand of a writer: records go in, a batch's bytes come out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "model/change.h"
#include "model/gap.h"
#include "model/schema.h"
#include "timeline/format.h"

namespace braid::timeline {

// What a batch needs to know of the segment in which it will stand.
struct BatchPlace {
  uint64_t offset = 0;
  uint64_t definitions_at = 0;  // as Batch::definitions_at
};

class BatchBuilder {
 public:
  // The next record of an empty builder has number `first`.
  explicit BatchBuilder(uint64_t first) : first_(first) {}

  void Add(const Change& change);
  void Add(const Gap& gap);

  bool empty() const { return records_ == 0; }
  uint64_t first() const { return first_; }
  uint64_t end() const { return first_ + records_; }
  // Bytes of the records, uncompressed and without framing.
  size_t bytes() const { return bytes_; }
  // The definitions that the batch's Changes name, each once.
  const std::vector<SchemaId>& definitions() const { return definitions_; }

  // The batch's bytes, with `definitions` (canonical bytes by table) as its first blocks.
  struct Definition {
    TableId table;
    ByteView bytes;
  };
  std::string Encode(const BatchPlace& place, int64_t emitted_us, const std::vector<Definition>& definitions) const;

  // Begins an empty batch.
  void Reset(uint64_t first);

 private:
  struct OpenBlock {
    Block block;
    std::string raw;
    uint64_t next = 0;  // number, from first_, after its last record
  };

  // Where the next record of a table, or the next gap, goes: its place in blocks_, or nowhere yet.
  using Slot = std::optional<size_t>;

  // Adds record_ to the block in *slot, or to a new one.
  void AddRecord(Slot* slot, const Block& block);

  uint64_t first_;
  uint32_t records_ = 0;
  size_t bytes_ = 0;
  std::vector<OpenBlock> blocks_;
  std::unordered_map<TableId, Slot, TableIdHash> open_;
  Slot open_gaps_;
  std::vector<SchemaId> definitions_;
  std::string record_;
};

}  // namespace braid::timeline
