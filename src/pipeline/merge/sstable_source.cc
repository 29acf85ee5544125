#include "pipeline/merge/sstable_source.h"

#include <algorithm>
#include <utility>

namespace braid {
namespace {

// Below this, pieces and reads are hardly more than their own overhead.
constexpr size_t kLeastBytes = 16 << 10;

}  // namespace

ScanOptions ScanWithin(size_t bytes, size_t sources) {
  ScanOptions options;
  const size_t half_of_each = bytes / std::max<size_t>(sources, 1) / 2;
  options.piece_bytes = std::clamp(half_of_each, kLeastBytes, options.piece_bytes);
  options.window_bytes = std::clamp(half_of_each, kLeastBytes, options.window_bytes);
  return options;
}

Result<std::unique_ptr<SstableSource>> SstableSource::Open(const Sstable* sstable, TableSchemaPtr schema,
                                                           ScanOptions options) {
  std::unique_ptr<SstableSource> source(new SstableSource(sstable, std::move(schema), std::move(options)));
  TRY(source->FindFirstToken());
  return source;
}

Status SstableSource::FindFirstToken() {
  ScanOptions options = options_;
  options.piece_rows = 1;
  ASSIGN_OR_RETURN(const auto scanner, SstableScanner::Open(sstable_, schema_, std::move(options)));
  const Result<const SstablePiece*> piece = scanner->Next();
  if (!piece.has_value()) return {};  // met again, and told, when the merge begins
  first_token_ = *piece == nullptr ? kGreatestToken : (*piece)->mutation.token;
  return {};
}

Result<const SstablePiece*> SstableSource::Next() {
  if (scanner_ == nullptr) {
    ASSIGN_OR_RETURN(scanner_, SstableScanner::Open(sstable_, schema_, options_));
  }
  return scanner_->Next();
}

}  // namespace braid
