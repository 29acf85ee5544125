// What a node's capture gives, put on the way to the shards that it is for.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "capture/node_capture.h"
#include "capture/schema_registry.h"
#include "pipeline/feed/outlet.h"

namespace braid {

// Belongs to the thread that captures. All that it is made with must outlive it.
class Feeder : public CaptureSink {
 public:
  struct Options {
    NodeFiles files;
    std::vector<std::string> exclude;  // as NodeCapture::Options::exclude
    // How often the shards are told how far a node was read, if that moved, and of the watermark if it did not: each
    // word wakes them all.
    int64_t progress_every_us = 20'000;
    int64_t watermark_every_us = 100'000;
    std::function<void(const std::string& alarm)> tell;  // may be empty
  };
  Feeder(const Options& options, const SchemaRegistry* schemas, Outlet* outlet)
      : options_(options), schemas_(schemas), outlet_(outlet) {}

  Status OnTransaction(const Transaction& transaction) override;
  Status OnTruncation(const Truncation& truncation) override;
  Status OnGap(const Gap& gap) override;
  Status OnProgress(const CaptureProgress& progress) override;

  // At a start that goes on from `resume`: tells of each table that was truncated while nobody looked, in a segment
  // that is gone. The node's own tables still tell of it. Errors: the outlet's; kIoError, cdc_raw cannot be listed.
  Status TellMissedTruncations(FileSystem* files, const Position& resume);

 private:
  Status Push(const Transaction& transaction, bool again);
  bool IsCaptured(const TableId& id) const;
  void TellUnreadable(const char* where, const Error& error) const;
  Status PushTruncation(const Truncation& truncation);
  Status PushTruncationsWithin(const Gap& gap);

  const Options options_;
  const SchemaRegistry* const schemas_;
  Outlet* const outlet_;

  // What was told last: an idle node says the same again and again.
  Position told_;
  WriteTime told_watermark_;
  int64_t told_us_ = 0;
};

}  // namespace braid
