// An SSTable as a source of a merge.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "base/result.h"
#include "cassandra/sstable/scan.h"
#include "cassandra/sstable/sstable.h"
#include "model/schema.h"
#include "pipeline/merge/piece_source.h"

namespace braid {

// How large the pieces and the windows of each of `sources` SSTables may be, so that those of all together take about
// `bytes` of data. (Decoded, data of many small cells takes several times its size; and whatever is given, a source
// that is being read takes some 150 KiB and a chunk of its file.)
ScanOptions ScanWithin(size_t bytes, size_t sources);

// Scans one SSTable for a TableMerge. Takes memory only from where the merge comes to its first partition.
class SstableSource : public PieceSource {
 public:
  // Reads the first partition's key, so that first_token() is what the data say, not what an index without checksum
  // does. `sstable` must outlive the source. Errors: those of SstableScanner::Open; what is damaged is told by Next.
  static Result<std::unique_ptr<SstableSource>> Open(const Sstable* sstable, TableSchemaPtr schema,
                                                     ScanOptions options);

  Result<const SstablePiece*> Next() override;
  Result<std::optional<uint64_t>> SkipDamage() override { return scanner_->SkipDamage(); }
  const std::string& name() const override { return sstable_->name(); }
  Token first_token() const override { return first_token_; }
  uint64_t position() const override { return scanner_ == nullptr ? 0 : scanner_->position(); }

 private:
  SstableSource(const Sstable* sstable, TableSchemaPtr schema, ScanOptions options)
      : sstable_(sstable), schema_(std::move(schema)), options_(std::move(options)) {}

  Status FindFirstToken();

  const Sstable* sstable_;
  TableSchemaPtr schema_;
  ScanOptions options_;
  Token first_token_ = kLeastToken;
  std::unique_ptr<SstableScanner> scanner_;  // once it is asked
};

}  // namespace braid
