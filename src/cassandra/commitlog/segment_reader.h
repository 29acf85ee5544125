// Reads the entries of a commit-log segment, in order.
//
// docs/formats/commitlog.md has the layout. Learned from org.apache.cassandra.db.commitlog.CommitLogSegmentReader,
// CommitLogReader and CommitLogDescriptor.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>

#include "base/byte_source.h"
#include "base/bytes.h"
#include "base/result.h"
#include "cassandra/compress/compress.h"
#include "cassandra/rows/header.h"
#include "model/position.h"

namespace braid {

struct SegmentHeader {
  int32_t version = 0;  // of the log's format: 7 or 8
  SegmentId id;
  std::optional<Compression> compression;  // nullopt: plain

  // How the mutations within are written: messaging version 12 (log version 7) or 13 (8).
  DeletionTimes times() const { return version >= 8 ? DeletionTimes::kUnsigned : DeletionTimes::kSigned; }
};

// Memory that readers of one segment after another use again. Must outlive them; one reader at a time.
class SegmentBuffers {
 public:
  class Buffer {
   public:
    // Room for `size` bytes, of which the first `kept` (at most as many as there were) hold what they held.
    char* Reserve(size_t size, size_t kept);
    char* data() const { return bytes_.get(); }

   private:
    std::unique_ptr<char[]> bytes_;
    size_t capacity_ = 0;
  };

  Buffer window;  // of the file
  Buffer raw;     // a decompressed section
};

struct SegmentOptions {
  // Entries that end beyond this logical offset are not given: the offset of a _cdc.idx that is not yet completed.
  uint64_t limit = std::numeric_limits<uint64_t>::max();
  // Entries that end at or before this logical offset are not given, nor is damage before it told of: where an earlier
  // reader of the segment stood, see position(). Sections that end before it are stepped over, not decompressed.
  uint64_t start = 0;
  // Of a plain segment: entries behind the last sync marker are given too, as far as they are whole. One that is not
  // may still be in writing, so it is no damage: the answer is kEnd, and Refresh() looks again.
  bool live = false;
  // A compressed section that claims to hold more is corrupt. Cassandra's own limit is commitlog_segment_size.
  uint64_t max_section_bytes = uint64_t{1} << 30;
  SegmentBuffers* buffers = nullptr;  // nullptr: the reader has its own
};

// What was lost, or cannot be read yet.
struct SegmentDamage {
  uint64_t offset = 0;      // in the file, of the marker or entry (of a compressed section: of its marker)
  uint64_t lost_bytes = 0;  // of the file, from there to where reading can go on
  std::string what;         // without file and offset

  // "PATH: offset N: WHAT; M bytes cannot be read".
  std::string Describe(const std::string& file) const;
};

// Memory: a window of 1 MiB, or as large as the largest entry of a plain segment; of a compressed one the largest
// section, compressed and not. Not thread-safe. The file is read by ByteSource::ReadAt only.
class SegmentReader {
 public:
  enum class Answer : uint8_t {
    kEntry,    // payload() and end_offset() are set
    kEnd,      // all that was synced has been given, and nothing else is in the file
    kTorn,     // what follows was never finished: see damage(). A live segment may have more later, a dead one lost it.
               // The answer stays until Refresh()
    kCorrupt,  // bytes contradict their checksum or format: see damage(). The next call goes on behind them
  };

  // Reads the header of `source`, which must outlive the reader. Errors: kIncomplete if there is no whole header (a
  // segment just created), kCorrupt, kUnsupported (another version, encryption, an unknown compressor), kIoError.
  static Result<SegmentReader> Open(const ByteSource& source, const SegmentOptions& options = {});

  SegmentReader(SegmentReader&&) = default;

  const SegmentHeader& header() const { return header_; }

  // Goes to the next entry. Error: kIoError only.
  Result<Answer> Next();

  // The file may have grown or been written to since: after this, Next() goes on where it stood, with what is there
  // now, up to `limit`. It gives then what a new reader with this limit would give behind position(). Ends the life of
  // payload(). Error: kIoError.
  Status Refresh(uint64_t limit = std::numeric_limits<uint64_t>::max());

  // After kEntry: the entry's content. Valid until the next call of Next().
  ByteView payload() const { return payload_; }
  // After kEntry: the logical offset of the entry's end, which is Cassandra's position of a mutation.
  uint64_t end_offset() const { return end_offset_; }
  // After kTorn or kCorrupt.
  const SegmentDamage& damage() const { return damage_; }
  // The logical offset up to which everything was given, told of as damage, or was before `start`: the end of an entry
  // or of a section. What SegmentOptions::start takes.
  uint64_t position() const { return in_section_ ? at_ : logical_marker_; }
  // The logical offset up to which sync markers cover the segment, as far as it was read. Entries that end behind it
  // were given because of SegmentOptions::live.
  uint64_t covered_end() const { return logical_marker_; }
  // Whether nothing but zeroes stands in the few KiB behind position(), as they are now: no write has come that cannot
  // be read yet because one before it is unfinished. To be called after kEnd. Error: kIoError.
  Result<bool> QuietBehind();

 private:
  SegmentReader(const ByteSource& source, const SegmentOptions& options, const SegmentHeader& header,
                uint64_t first_marker, uint64_t size);

  // The bytes [offset, offset + size) of the file, or fewer at its end. Valid until the next call.
  Result<ByteView> Window(uint64_t offset, size_t size);

  // Whether a marker of this segment stands at `offset`, by its checksum.
  bool MarkerFits(uint64_t offset, ByteView marker) const;

  // The next answer, whether it is wanted or was before options_.start.
  Result<Answer> Advance();

  // Moves into the section at marker_; kEntry means that it can be read.
  Result<Answer> EnterSection();
  Result<Answer> EnterPlain(uint64_t next);
  Result<Answer> EnterCompressed(uint64_t next);
  // Into what no marker covers yet.
  Result<Answer> EnterOpen();
  // Steps over the compressed section up to `next` if its entries are all before options_.start.
  Result<bool> StepOver(uint64_t next);
  // The raw length that the compressed section from its marker at `section` to `next` states, or 0 if there is reason
  // to doubt it.
  Result<uint64_t> ClaimedLength(uint64_t section, uint64_t next);
  // Goes back to the beginning, to read what was stepped over.
  void StartOver();
  Status Unpack(ByteView stored);
  // What is said at a marker of zeroes: kEnd, or kTorn if entries follow that no marker covers.
  Result<Answer> AtUnwrittenMarker();

  // The next entry of the section; kEnd at its end.
  Result<Answer> NextInSection();
  // The same where no marker covers it: kEnd, which stays, at whatever is no whole entry.
  Result<Answer> NextInOpen();
  // Looks whether a marker covers now what did not have one; kEntry means that reading goes on as before.
  Result<Answer> CloseOpen();
  void SetSectionEnd();
  // The bytes [offset, offset + size) of the section, both logical. They are known to lie within it.
  Result<ByteView> InSection(uint64_t offset, size_t size);
  Result<Answer> AtZeroSize();
  // Moves on to the entry at that logical offset: all before it is sound.
  void GoTo(uint64_t entry);

  Answer Torn(uint64_t offset, std::string what);
  // Reports damage at the file offset `from` and finds where to go on: at the section's end if a marker stands there,
  // else at the next marker anywhere.
  Result<Answer> Damaged(uint64_t from, std::string what, uint64_t section_end);
  Result<Answer> DamagedInSection(uint64_t logical, std::string what);
  Result<uint64_t> FindMarker(uint64_t from);

  const ByteSource* source_;
  SegmentOptions options_;
  SegmentHeader header_;
  std::optional<Decompressor> decompressor_;
  uint64_t file_size_;
  uint64_t first_marker_;

  uint64_t marker_;          // file offset of the marker to read next
  uint64_t logical_marker_;  // its logical offset
  bool in_section_ = false;
  bool open_ = false;            // the section has no marker yet; marker_ is where it will stand
  bool look_at_marker_ = false;  // of the open section: it may have come since
  bool step_over_;               // sections before options_.start are not decompressed
  bool stepped_ = false;         // there were such
  bool met_start_ = false;       // options_.start is where an entry or a section ends
  uint64_t section_next_ = 0;    // file offset of the plain section's end, as its marker says
  bool section_cut_ = false;     // the file ends before the section does
  uint64_t section_marker_ = 0;  // file offset of the marker of the section that is being read
  uint64_t good_end_ = 0;        // file offset up to which everything was found sound
  uint64_t at_ = 0;              // logical offset in it of the next entry
  uint64_t section_end_ = 0;     // logical

  std::unique_ptr<SegmentBuffers> own_buffers_;
  SegmentBuffers* buffers_;
  size_t read_ahead_;  // bytes that the window reads at once; fewer after a jump or a refresh
  uint64_t window_offset_ = 0;
  size_t window_bytes_ = 0;
  size_t raw_bytes_ = 0;  // of the decompressed section, from the logical offset raw_start_
  uint64_t raw_start_ = 0;

  ByteView payload_;
  uint64_t end_offset_ = 0;
  SegmentDamage damage_;
  std::optional<Answer> final_;  // kEnd or kTorn: the answer stays
};

}  // namespace braid
