// What a timeline promises whatever goes wrong: at every call to the file system, at every byte of a file.
#include <gmock/gmock.h>

#include <algorithm>
#include <map>

#include "base/testing/memory_file_system.h"
#include "timeline/testing/records.h"

namespace braid {
namespace {

constexpr const char* kDirectory = "/state/timeline/0";

const TimelineWriter::Options kOptions{.directory = kDirectory, .segment_bytes = 1500, .index_every_bytes = 700};

// A host of a timeline: what it remembers outlasts crashes, as a database would keep it.
struct Host {
  uint64_t committed_end = 1;
};

// Commits batches until `until` or the first error. Records are numbered alike in every life.
Status Live(MemoryFileSystem* disk, Host* host, uint64_t until, uint64_t seed, Records* records) {
  ASSIGN_OR_RETURN(const auto writer, TimelineWriter::Open(disk, kOptions, host->committed_end));
  EXPECT_EQ(writer->end(), host->committed_end);
  std::mt19937_64 random(seed);
  while (writer->end() < until) {
    const uint64_t first = writer->end();
    AppendUntil(std::min(until, first + 1 + random() % 6), records, writer.get());
    TRY(writer->Sync(static_cast<int64_t>(first) * 1000));
    if (random() % 5 == 0) {
      // Perhaps a second batch, in another segment.
      AppendUntil(writer->end() + 2, records, writer.get());
      if (random() % 2 == 0) {
        TRY(writer->Sync(0));
      }
      TRY(writer->Rollback());
      if (writer->end() != host->committed_end) return IoError("the rollback went elsewhere");
      continue;
    }
    host->committed_end = writer->end();
    TRY(writer->Publish());
    if (random() % 16 == 0) {
      TRY(writer->Retain(0, 2500, writer->end()));
    }
  }
  return {};
}

void ExpectWhole(MemoryFileSystem* disk, const Host& host, Records* records) {
  const auto reader = TimelineReader::Open(disk, {.directory = kDirectory});
  ASSERT_TRUE(reader.has_value()) << reader.error().message;
  const auto bounds = (*reader)->Refresh();
  ASSERT_TRUE(bounds.has_value()) << bounds.error().message;
  ASSERT_EQ(bounds->committed, host.committed_end);
  ASSERT_TRUE(ExpectRecords(reader->get(), bounds->first, bounds->committed, records));
  const auto end = (*reader)->Next();
  ASSERT_TRUE(end.has_value()) << end.error().message;
  ASSERT_EQ(*end, nullptr);
}

// How many calls a whole life takes.
uint64_t CallsOfALife(uint64_t seed) {
  MemoryFileSystem disk;
  Host host;
  Records records(seed);
  EXPECT_TRUE(Live(&disk, &host, 60, seed, &records).has_value());
  return disk.calls();
}

TEST(TimelineLawTest, ACrashAtAnyCallLosesNothing) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    const uint64_t calls = CallsOfALife(seed);
    ASSERT_GT(calls, 60u);
    for (uint64_t at = 1; at <= calls; ++at) {
      SCOPED_TRACE(::testing::Message() << "seed " << seed << ", crash at call " << at);
      MemoryFileSystem disk;
      Host host;
      Records records(seed);
      disk.CutPowerAt(at, seed + at);
      (void)Live(&disk, &host, 60, seed, &records);
      disk.Crash(at * 7 + seed);
      // A second crash while the first is mended, now and then.
      if (at % 3 == 0) {
        disk.CutPowerAt(1 + at % 40, at);
        (void)Live(&disk, &host, 60, seed + 1, &records);
        disk.Crash(at * 13 + seed);
      }
      const Status again = Live(&disk, &host, 80, seed + 2, &records);
      ASSERT_TRUE(again.has_value()) << again.error().message;
      ExpectWhole(&disk, host, &records);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(TimelineLawTest, AfterAnErrorAtAnyCallItGoesOn) {
  for (const ErrorCode code : {ErrorCode::kNoSpace, ErrorCode::kIoError}) {
    for (uint64_t seed = 1; seed <= 3; ++seed) {
      const uint64_t calls = CallsOfALife(seed);
      for (uint64_t at = 1; at <= calls; ++at) {
        SCOPED_TRACE(::testing::Message() << ErrorCodeName(code) << ", seed " << seed << ", error at call " << at);
        MemoryFileSystem disk;
        Records records(seed);
        disk.FailAt(at, code, at);
        std::unique_ptr<TimelineWriter> writer;
        for (int tries = 0; writer == nullptr && tries < 2; ++tries) {
          auto opened = TimelineWriter::Open(&disk, kOptions, 1);
          if (opened.has_value()) writer = std::move(*opened);
        }
        ASSERT_NE(writer, nullptr);
        std::mt19937_64 random(seed);
        Host host;
        while (writer->end() < 60) {
          AppendUntil(std::min<uint64_t>(60, writer->end() + 1 + random() % 6), &records, writer.get());
          if (!writer->Sync(5).has_value()) {
            // Tried again, or given up.
            if (random() % 2 == 0) {
              ASSERT_TRUE(writer->Sync(5).has_value());
            } else {
              ASSERT_TRUE(writer->Rollback().has_value());
              ASSERT_EQ(writer->end(), host.committed_end);
              continue;
            }
          }
          host.committed_end = writer->end();
          if (!writer->Publish().has_value()) {
            ASSERT_TRUE(writer->Publish().has_value());
          }
          if (!writer->Retain(0, 6000, writer->end()).has_value()) {
            ASSERT_TRUE(writer->Retain(0, 6000, writer->end()).has_value());
          }
        }
        disk.StopFailing();
        ExpectWhole(&disk, host, &records);
        if (HasFatalFailure()) return;
        // And what stands on the disk is what it says, also after the machine crashed.
        writer.reset();
        disk.Crash(at);
        ASSERT_TRUE(Live(&disk, &host, 70, seed, &records).has_value());
        ExpectWhole(&disk, host, &records);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST(TimelineLawTest, AFullDiskIsSaidAndOvercome) {
  Records records(4);
  for (uint64_t capacity = 300; capacity < 8000; capacity += 61) {
    MemoryFileSystem disk;
    disk.SetCapacity(capacity);
    auto opened = TimelineWriter::Open(&disk, kOptions, 1);
    if (!opened.has_value()) {
      ASSERT_EQ(opened.error().code, ErrorCode::kNoSpace);
      continue;
    }
    TimelineWriter* writer = opened->get();
    Host host;
    bool was_full = false;
    while (writer->end() < 40) {
      AppendUntil(writer->end() + 2, &records, writer);
      for (;;) {
        const Status synced = writer->Sync(1);
        if (synced.has_value()) break;
        ASSERT_EQ(synced.error().code, ErrorCode::kNoSpace) << synced.error().message;
        was_full = true;
        // What readers may see is whole meanwhile.
        ExpectWhole(&disk, host, &records);
        if (HasFatalFailure()) return;
        disk.SetCapacity(capacity * 100);
      }
      ASSERT_TRUE(writer->Publish().has_value());
      host.committed_end = writer->end();
    }
    EXPECT_TRUE(was_full || capacity > 4000);
    ExpectWhole(&disk, host, &records);
    if (HasFatalFailure()) return;
  }
}

// A timeline of two segments, the first of which is damaged by tests.
class DamageTest : public ::testing::Test {
 protected:
  DamageTest() : records_(11, 2) {
    auto writer = *TimelineWriter::Open(&disk_, kOptions, 1);
    for (uint64_t end = 4; writer->end() < kEnd; end += 4) {
      AppendUntil(end, &records_, writer.get());
      EXPECT_TRUE(writer->Sync(static_cast<int64_t>(end)).has_value());
      EXPECT_TRUE(writer->Publish().has_value());
    }
    EXPECT_GE(writer->stats().segments, 2u);
    const std::vector<std::string> names = *disk_.List(kDirectory);
    for (const std::string& name : names) files_[name] = Read(name);
  }

  std::string Read(const std::string& name) {
    return *ReadAll(**disk_.OpenForRead(std::string(kDirectory) + "/" + name), 1 << 20);
  }

  // With `bytes` as the file's content, what every reader gives is right, or an error that says where. True if all of
  // it was right.
  bool RightOrRefused(const std::string& name, const std::string& bytes) {
    EXPECT_TRUE(disk_.ReplaceFile(std::string(kDirectory) + "/" + name, bytes).has_value());
    bool whole = true;
    for (const uint64_t from : {uint64_t{1}, uint64_t{10}}) {
      auto opened = TimelineReader::Open(&disk_, {.directory = kDirectory});
      if (!opened.has_value()) return Refused(opened.error());
      TimelineReader* reader = opened->get();
      const Status sought = reader->Seek(from);
      if (!sought.has_value()) return Refused(sought.error());
      uint64_t n = from;
      for (;; ++n) {
        const auto record = reader->Next();
        if (!record.has_value()) {
          whole = Refused(record.error());
          break;
        }
        if (*record == nullptr) break;
        EXPECT_EQ((*record)->sequence.n, n);
        EXPECT_EQ(Records::Text(**record), records_.Expected(n));
        if (HasFailure()) return false;
      }
    }
    return whole;
  }

  static bool Refused(const Error& error) {
    EXPECT_TRUE(error.code == ErrorCode::kCorrupt || error.code == ErrorCode::kUnsupported) << error.message;
    EXPECT_THAT(error.message, ::testing::HasSubstr(kDirectory));
    return false;
  }

  static constexpr uint64_t kEnd = 24;
  MemoryFileSystem disk_;
  Records records_;
  std::map<std::string, std::string> files_;
};

TEST_F(DamageTest, OfAnyByteIsFound) {
  for (const auto& [name, good] : files_) {
    const bool must_be_found = name.ends_with(".tl");
    for (size_t at = 0; at < good.size(); ++at) {
      for (const char flip : {'\x01', '\x80'}) {
        std::string bad = good;
        bad[at] = static_cast<char>(bad[at] ^ flip);
        const bool right = RightOrRefused(name, bad);
        ASSERT_FALSE(HasFailure()) << name << ", byte " << at;
        ASSERT_FALSE(right && must_be_found) << name << ", byte " << at;
      }
    }
    ASSERT_TRUE(RightOrRefused(name, good));
  }
}

TEST_F(DamageTest, ByCuttingIsFound) {
  for (const auto& [name, good] : files_) {
    for (size_t size = 0; size < good.size(); ++size) {
      const bool right = RightOrRefused(name, good.substr(0, size));
      ASSERT_FALSE(HasFailure()) << name << ", cut at " << size;
      ASSERT_FALSE(right && name.ends_with(".tl")) << name << ", cut at " << size;
    }
    ASSERT_TRUE(RightOrRefused(name, good));
  }
}

TEST_F(DamageTest, ByAMissingSegmentIsFound) {
  for (const auto& [name, good] : files_) {
    if (!name.ends_with(".tl")) continue;
    ASSERT_TRUE(disk_.Remove(std::string(kDirectory) + "/" + name).has_value());
    EXPECT_FALSE(RightOrRefused("another", "file"));
    ASSERT_FALSE(HasFailure());
    ASSERT_TRUE(disk_.ReplaceFile(std::string(kDirectory) + "/" + name, good).has_value());
  }
}

TEST_F(DamageTest, OfACommittedPartIsNoTornEnd) {
  // What the writer cuts off is what was not committed, and nothing else.
  const auto last = std::ranges::find_if(files_.rbegin(), files_.rend(),
                                         [](const auto& file) { return file.first.ends_with(".tl"); });
  const auto& [name, good] = *last;
  for (size_t size = 0; size < good.size(); size += 7) {
    ASSERT_TRUE(disk_.ReplaceFile(std::string(kDirectory) + "/" + name, good.substr(0, size)).has_value());
    const auto opened = TimelineWriter::Open(&disk_, kOptions, kEnd);
    ASSERT_FALSE(opened.has_value());
    EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(opened.error().message, ::testing::HasSubstr(name));
  }
}

}  // namespace
}  // namespace braid
