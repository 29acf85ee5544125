// A Cassandra node, as far as its commit log shows it: writes segments into a FileSystem as Cassandra does, linked into
// cdc_raw, synced late, closed, discarded, and linked again after a restart.
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <vector>

#include "base/testing/memory_file_system.h"
#include "capture/node_capture.h"
#include "cassandra/commitlog/segment_test_util.h"

namespace braid::sim {

class NodeModel {
 public:
  // Its directories are made in `files`, which must outlive it. Compressed segments grow at each sync; others have
  // their full size from the start, and a write is in them at once.
  NodeModel(MemoryFileSystem* files, std::string name, bool compressed);

  const NodeFiles& files() const { return node_; }

  // Logs a mutation's bytes; the write is not synced yet. `half`: for now only a part of it is in the file.
  void Log(const std::string& payload, bool half);
  // Closes the section with a marker. `tell`: and says so in the _cdc.idx.
  void Sync(bool tell);
  // Says in the _cdc.idx what is synced, or, if `cut`, a part of that.
  void WriteIndex(bool cut);
  // Closes the segment and begins a new one.
  void Roll();
  // The tables are flushed: closed segments are not needed any more.
  void Flush();
  // Killed and started again. Gives the payloads that were not synced: this node has lost them.
  std::vector<std::string> Restart();

 private:
  struct Segment {
    int64_t id = 0;
    std::string bytes;      // of the file
    size_t marker = 0;      // where the next marker will stand
    size_t at = 0;          // where the next entry will: of a mapped segment
    uint64_t logical = 0;   // synced up to here
    std::string waiting;    // entries of a compressed segment that are not synced
    bool captured = false;  // it holds something: then it has an index
    std::vector<std::string> unsynced;
  };

  static constexpr size_t kSegmentBytes = 4096;

  std::string Path(const std::string& directory, const Segment& segment, const char* end) const;
  SegmentBuilder Builder(int64_t id) const;
  void Begin();
  void Complete();
  void Close();
  void Write(const Segment& segment);
  void WriteIndexOf(const Segment& segment, const std::string& text);

  MemoryFileSystem* const disk_;
  const NodeFiles node_;
  const bool compressed_;
  int64_t next_id_ = 1000;
  Segment current_;
  std::list<Segment> closed_;  // of which the original is still there
  size_t half_from_ = 0;       // the last entry is in the file up to here only; 0: it is whole
};

}  // namespace braid::sim
