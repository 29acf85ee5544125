// What a timeline promises when nothing goes wrong.
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <thread>

#include "base/testing/memory_file_system.h"
#include "timeline/testing/records.h"

namespace braid {
namespace {

using ::testing::HasSubstr;

constexpr const char* kDirectory = "/timeline/0";

std::unique_ptr<TimelineWriter> OpenWriter(FileSystem* files, uint64_t committed_end,
                                           TimelineWriter::Options options = {.directory = kDirectory}) {
  auto writer = TimelineWriter::Open(files, options, committed_end);
  EXPECT_TRUE(writer.has_value()) << writer.error().message;
  return writer.has_value() ? std::move(*writer) : nullptr;
}

std::unique_ptr<TimelineReader> OpenReader(FileSystem* files,
                                           TimelineReader::Options options = {.directory = kDirectory}) {
  auto reader = TimelineReader::Open(files, options);
  EXPECT_TRUE(reader.has_value()) << reader.error().message;
  return reader.has_value() ? std::move(*reader) : nullptr;
}

// Batches of 1 to `most` records until `end`, each a second later, published.
void Fill(uint64_t end, uint64_t most, Records* records, TimelineWriter* writer) {
  std::mt19937_64 random(end);
  while (writer->end() < end) {
    const uint64_t first = writer->end();
    AppendUntil(std::min(end, first + 1 + random() % most), records, writer);
    ASSERT_TRUE(writer->Sync(static_cast<int64_t>(first) * 1000).has_value());
    ASSERT_TRUE(writer->Publish().has_value());
  }
}

TEST(TimelineTest, GivesBackWhatWasAppended) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    MemoryFileSystem disk;
    Records records(seed, 1 + seed % 5);
    auto writer = OpenWriter(&disk, 1, {.directory = kDirectory, .partition = 3, .epoch = 7, .segment_bytes = 5'000});
    Fill(300, 1 + seed * 3, &records, writer.get());
    const auto reader = OpenReader(&disk);
    ASSERT_TRUE(ExpectRecords(reader.get(), 1, 300, &records));
    const auto none = reader->Next();
    ASSERT_TRUE(none.has_value());
    EXPECT_EQ(*none, nullptr);
    EXPECT_EQ(reader->next(), 300u);
    const auto bounds = *reader->Refresh();
    EXPECT_EQ(bounds.epoch, 7u);
    EXPECT_EQ(bounds.partition, 3u);
    EXPECT_EQ(bounds.first, 1u);
    EXPECT_EQ(bounds.committed, 300u);
    EXPECT_GT(writer->stats().segments, 1u);
    EXPECT_EQ(writer->stats().appended, 299u);
  }
}

TEST(TimelineTest, ShowsOnlyWhatIsPublished) {
  MemoryFileSystem disk;
  Records records(1);
  auto writer = OpenWriter(&disk, 1);
  const auto reader = OpenReader(&disk);
  AppendUntil(5, &records, writer.get());
  EXPECT_GT(writer->pending_bytes(), 0u);
  ASSERT_TRUE(writer->Sync(1).has_value());
  EXPECT_EQ(writer->pending_bytes(), 0u);
  EXPECT_EQ(*reader->Next(), nullptr);
  EXPECT_EQ(reader->EmittedAt().error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(writer->Publish().has_value());
  EXPECT_EQ(*reader->EmittedAt(), 1);
  ASSERT_TRUE(ExpectRecords(reader.get(), 1, 5, &records));
  EXPECT_EQ(*reader->Next(), nullptr);
}

TEST(TimelineTest, RollsBackToWhatIsPublished) {
  for (uint64_t limit : {1u, 3000u, 1u << 20}) {
    MemoryFileSystem disk;
    Records records(1);
    Records others(2);
    auto writer = OpenWriter(&disk, 1, {.directory = kDirectory, .segment_bytes = limit});
    Fill(10, 3, &records, writer.get());
    for (int round = 0; round < 3; ++round) {
      for (uint64_t end = 20; end < 50; end += 10) {
        AppendUntil(end, &others, writer.get());
        ASSERT_TRUE(writer->Sync(0).has_value());
      }
      AppendUntil(60, &others, writer.get());
      ASSERT_TRUE(writer->Rollback().has_value());
      ASSERT_EQ(writer->end(), 10 + static_cast<uint64_t>(round) * 5);
      Fill(15 + static_cast<uint64_t>(round) * 5, 3, &records, writer.get());
    }
    const auto reader = OpenReader(&disk);
    ASSERT_TRUE(ExpectRecords(reader.get(), 1, 25, &records));
    writer.reset();
    writer = OpenWriter(&disk, 25, {.directory = kDirectory, .segment_bytes = limit});
    ASSERT_NE(writer, nullptr);
  }
}

TEST(TimelineTest, IsCutBackToTheCommittedEnd) {
  for (uint64_t committed_end : {1u, 4u, 7u, 10u, 16u}) {
    MemoryFileSystem disk;
    Records records(1);
    const TimelineWriter::Options options{.directory = kDirectory, .segment_bytes = 1500};
    auto writer = OpenWriter(&disk, 1, options);
    for (uint64_t end = 4; end <= 16; end += 3) {
      AppendUntil(end, &records, writer.get());
      ASSERT_TRUE(writer->Sync(0).has_value());
      ASSERT_TRUE(writer->Publish().has_value());
    }
    writer = OpenWriter(&disk, committed_end, options);
    ASSERT_EQ(writer->end(), committed_end);
    Fill(30, 2, &records, writer.get());
    const auto reader = OpenReader(&disk);
    ASSERT_TRUE(ExpectRecords(reader.get(), 1, 30, &records)) << committed_end;
  }
}

TEST(TimelineTest, RefusesALogThatDoesNotFitTheState) {
  MemoryFileSystem disk;
  Records records(1);
  auto writer = OpenWriter(&disk, 1);
  Fill(10, 1, &records, writer.get());
  writer.reset();
  const auto error = [&disk](uint64_t end, uint32_t partition, uint64_t epoch) {
    const auto opened =
        TimelineWriter::Open(&disk, {.directory = kDirectory, .partition = partition, .epoch = epoch}, end);
    return opened.has_value() ? Error{ErrorCode::kTransient, "opened"} : opened.error();
  };
  EXPECT_EQ(error(11, 0, 1).code, ErrorCode::kCorrupt);
  EXPECT_THAT(error(11, 0, 1).message, HasSubstr("00000000000000000001.tl: at offset"));
  EXPECT_THAT(error(11, 0, 1).message, HasSubstr("records 10 to 10 were committed"));
  EXPECT_THAT(error(10, 1, 1).message, HasSubstr("is of partition 0, epoch 1"));
  EXPECT_THAT(error(10, 0, 2).message, HasSubstr("is of partition 0, epoch 1"));
  ASSERT_TRUE(disk.Remove(std::string(kDirectory) + "/00000000000000000001.tl").has_value());
  EXPECT_THAT(error(10, 0, 1).message, HasSubstr("there is no segment"));
}

TEST(TimelineTest, GivesOneTableWithoutReadingTheOthers) {
  MemoryFileSystem disk;
  Records records(5, 8);
  auto writer = OpenWriter(&disk, 1);
  Fill(4000, 1000, &records, writer.get());
  const TableSchema& wanted = *records.schemas()[2];
  const auto is_wanted = [&](const TableSchema& schema) { return schema.table_id == wanted.table_id; };

  const uint64_t before = disk.read_bytes();
  const auto filtered = OpenReader(&disk, {.directory = kDirectory, .wanted = is_wanted});
  for (uint64_t n = 1; n < 4000; ++n) {
    const TableSchema* table = records.TableOf(n);
    if (table != nullptr && !is_wanted(*table)) continue;
    const auto record = filtered->Next();
    ASSERT_TRUE(record.has_value()) << record.error().message;
    ASSERT_NE(*record, nullptr);
    ASSERT_EQ((*record)->sequence.n, n);
    ASSERT_EQ(Records::Text(**record), records.Expected(n));
  }
  EXPECT_EQ(*filtered->Next(), nullptr);
  EXPECT_EQ(filtered->next(), 4000u);
  const uint64_t one = disk.read_bytes() - before;

  ASSERT_TRUE(ExpectRecords(OpenReader(&disk).get(), 1, 4000, &records));
  const uint64_t all = disk.read_bytes() - before - one;
  EXPECT_LT(one, all / 3);
}

TEST(TimelineTest, SeeksByNumber) {
  MemoryFileSystem disk;
  Records records(3);
  auto writer = OpenWriter(&disk, 1, {.directory = kDirectory, .segment_bytes = 30'000, .index_every_bytes = 2000});
  Fill(1000, 7, &records, writer.get());
  const auto reader = OpenReader(&disk);
  std::mt19937_64 random(1);
  for (int i = 0; i < 300; ++i) {
    const uint64_t n = 1 + random() % 1000;
    ASSERT_TRUE(reader->Seek(n).has_value());
    EXPECT_EQ(reader->next(), n);
    ASSERT_TRUE(ExpectRecords(reader.get(), n, std::min<uint64_t>(1000, n + 10), &records)) << n;
  }
  EXPECT_EQ(reader->Seek(1001).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(reader->Seek(0).error().code, ErrorCode::kNotFound);
}

TEST(TimelineTest, SeeksByTime) {
  MemoryFileSystem disk;
  Records records(3);
  auto writer = OpenWriter(&disk, 1, {.directory = kDirectory, .segment_bytes = 30'000, .index_every_bytes = 2000});
  // Batches are emitted at 1000 times their first record, or at the same time as the one before.
  std::vector<std::pair<int64_t, uint64_t>> batches;
  std::mt19937_64 random(7);
  while (writer->end() < 1000) {
    const uint64_t first = writer->end();
    AppendUntil(first + 1 + random() % 9, &records, writer.get());
    const int64_t at = random() % 3 == 0 ? 0 : static_cast<int64_t>(first) * 1000;
    batches.emplace_back(std::max(batches.empty() ? 0 : batches.back().first, at), first);
    ASSERT_TRUE(writer->Sync(at).has_value());
    ASSERT_TRUE(writer->Publish().has_value());
  }
  const auto reader = OpenReader(&disk);
  for (int64_t time = -500; time < 1'010'000; time += 737) {
    const auto expected = std::ranges::lower_bound(batches, std::pair(time, uint64_t{0}));
    ASSERT_TRUE(reader->SeekTime(time).has_value());
    ASSERT_EQ(reader->next(), expected == batches.end() ? writer->end() : expected->second) << time;
  }
  ASSERT_TRUE(reader->SeekTime(500'000).has_value());
  EXPECT_GE(*reader->EmittedAt(), 500'000);
  ASSERT_TRUE(ExpectRecords(reader.get(), reader->next(), reader->next() + 20, &records));
}

TEST(TimelineTest, AnIndexIsOnlyAHint) {
  MemoryFileSystem disk;
  Records records(3);
  auto writer = OpenWriter(&disk, 1, {.directory = kDirectory, .index_every_bytes = 500});
  Fill(300, 3, &records, writer.get());
  const std::string path = std::string(kDirectory) + "/00000000000000000001.idx";
  const std::string good = *ReadAll(**disk.OpenForRead(path), 1 << 20);
  ASSERT_GT(good.size(), 1000u);
  std::mt19937_64 random(1);
  for (int i = 0; i < 200; ++i) {
    std::string bad = good;
    bad.resize(random() % (good.size() + 1));
    if (!bad.empty()) bad[random() % bad.size()] ^= static_cast<char>(1 + random() % 255);
    // Right entries in wrong places too.
    if (i % 3 == 0) bad = good.substr(28 * (random() % 20)) + good;
    ASSERT_TRUE(disk.ReplaceFile(path, bad).has_value());
    const uint64_t n = 1 + random() % 290;
    const auto reader = OpenReader(&disk);
    ASSERT_TRUE(reader->Seek(n).has_value());
    ASSERT_TRUE(ExpectRecords(reader.get(), n, n + 5, &records));
    ASSERT_TRUE(reader->SeekTime(100'000).has_value());
    ASSERT_GE(*reader->EmittedAt(), 100'000);
    ASSERT_TRUE(reader->Seek(reader->next() - 1).has_value());
    ASSERT_LT(*reader->EmittedAt(), 100'000);
  }
}

TEST(TimelineTest, RetainsByAge) {
  MemoryFileSystem disk;
  Records records(3);
  const TimelineWriter::Options options{.directory = kDirectory, .segment_bytes = 10'000};
  auto writer = OpenWriter(&disk, 1, options);
  Fill(600, 5, &records, writer.get());
  constexpr uint64_t kAny = UINT64_MAX;
  const uint64_t segments = writer->stats().segments;
  ASSERT_TRUE(writer->Retain(300'000, kAny, 100).has_value());
  EXPECT_LE(writer->stats().first, 100u) << "somebody needs record 100";
  EXPECT_GT(writer->stats().first, 1u);
  // Also of segments that the writer has not written itself.
  writer = OpenWriter(&disk, 600, options);
  ASSERT_TRUE(writer->Retain(300'000, kAny, writer->end()).has_value());
  const uint64_t first = writer->stats().first;
  EXPECT_GT(first, 200u);
  EXPECT_LT(writer->stats().segments, segments);
  const auto reader = OpenReader(&disk);
  ASSERT_TRUE(ExpectRecords(reader.get(), first, 600, &records));
  ASSERT_TRUE(reader->Seek(first).has_value());
  EXPECT_LT(*reader->EmittedAt(), 300'000);
  // All but the last goes in the end.
  ASSERT_TRUE(writer->Retain(INT64_MAX, kAny, writer->end()).has_value());
  EXPECT_EQ(writer->stats().segments, 1u);
}

TEST(TimelineTest, RetainsByBytes) {
  MemoryFileSystem disk;
  Records records(3);
  auto writer = OpenWriter(&disk, 1, {.directory = kDirectory, .segment_bytes = 10'000});
  Fill(600, 5, &records, writer.get());
  ASSERT_GT(writer->stats().bytes, 60'000u);
  ASSERT_TRUE(writer->Retain(0, 40'000, writer->end()).has_value());
  EXPECT_LE(writer->stats().bytes, 40'000u);
  EXPECT_GT(writer->stats().bytes, 25'000u);
  ASSERT_TRUE(ExpectRecords(OpenReader(&disk).get(), writer->stats().first, 600, &records));
  EXPECT_EQ(disk.List(kDirectory)->size(), 2 * writer->stats().segments + 1);
}

TEST(TimelineTest, TellsAReaderThatRetentionOvertook) {
  for (const bool between_segments : {false, true}) {
    MemoryFileSystem disk;
    Records records(3);
    auto writer = OpenWriter(&disk, 1, {.directory = kDirectory, .segment_bytes = 10'000});
    Fill(600, 5, &records, writer.get());
    const auto reader = OpenReader(&disk);
    if (between_segments) {
      ASSERT_TRUE(ExpectRecords(reader.get(), 1, 20, &records));
    }
    ASSERT_TRUE(writer->Retain(300'000, UINT64_MAX, writer->end()).has_value());
    const uint64_t first = writer->stats().first;
    uint64_t n = reader->next();
    for (;; ++n) {
      const auto record = reader->Next();
      if (!record.has_value()) {
        EXPECT_EQ(record.error().code, ErrorCode::kNotFound);
        EXPECT_THAT(record.error().message, HasSubstr("records " + std::to_string(n) + " to " +
                                                      std::to_string(first - 1) + " are no longer kept"));
        break;
      }
      ASSERT_LT(n, first);
      ASSERT_EQ((*record)->sequence.n, n);
    }
    EXPECT_EQ(reader->Seek(n).error().code, ErrorCode::kNotFound);
    ASSERT_TRUE(reader->Seek(first).has_value());
    ASSERT_TRUE(ExpectRecords(reader.get(), first, 600, &records));
  }
}

TEST(TimelineTest, OneSyncAndOneWriteACommit) {
  MemoryFileSystem disk;
  Records records(3);
  auto writer = OpenWriter(&disk, 1);
  Fill(10, 1, &records, writer.get());
  const uint64_t calls = disk.calls();
  const uint64_t syncs = disk.syncs();
  Fill(110, 1, &records, writer.get());
  EXPECT_EQ(disk.syncs() - syncs, 100u);
  EXPECT_LE(disk.calls() - calls, 100u * 3 + 5) << "append, sync, the committed file";
}

// On real files.
class PosixTimelineTest : public ::testing::Test {
 protected:
  PosixTimelineTest() {
    char path[] = "/tmp/braid_timeline_XXXXXX";
    directory_ = mkdtemp(path);
  }
  ~PosixTimelineTest() override { std::filesystem::remove_all(directory_); }

  // Reads to `end` as the records come; the longest wait.
  void Follow(uint64_t end, Records* records) {
    const auto reader = OpenReader(PosixFileSystem(), {.directory = directory_});
    while (reader->next() < end) {
      const auto bounds = reader->Refresh();
      ASSERT_TRUE(bounds.has_value()) << bounds.error().message;
      ASSERT_TRUE(ExpectRecords(reader.get(), reader->next(), bounds->committed, records));
      ASSERT_TRUE(reader->Wait(1000).has_value());
    }
  }

  std::string directory_;
};

TEST_F(PosixTimelineTest, IsReadWhileItIsWritten) {
  const TimelineWriter::Options options{.directory = directory_, .segment_bytes = 50'000};
  auto writer = OpenWriter(PosixFileSystem(), 1, options);
  std::thread thread([this] {
    Records records(9);
    Follow(600, &records);
  });
  const pid_t child = fork();
  if (child == 0) {
    Records records(9);
    Follow(600, &records);
    _exit(HasFailure() ? 1 : 0);
  }
  Records records(9);
  while (writer->end() < 600) {
    Fill(std::min<uint64_t>(600, writer->end() + 20), 3, &records, writer.get());
    // Now and then something that is never published, and is written over.
    AppendUntil(writer->end() + 3, &records, writer.get());
    ASSERT_TRUE(writer->Sync(1).has_value());
    ASSERT_TRUE(writer->Rollback().has_value());
  }
  thread.join();
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(PosixTimelineTest, WakesItsReadersAtOnce) {
  auto writer = OpenWriter(PosixFileSystem(), 1, {.directory = directory_});
  const auto reader = OpenReader(PosixFileSystem(), {.directory = directory_});
  Records records(9);
  std::atomic<int64_t> published_ns = 0;
  const auto now_ns = [] { return std::chrono::steady_clock::now().time_since_epoch().count(); };
  std::vector<int64_t> delays;
  for (uint64_t n = 1; n <= 50; ++n) {
    std::thread thread([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      records.Append(n, writer.get());
      ASSERT_TRUE(writer->Sync(1).has_value());
      published_ns = now_ns();
      ASSERT_TRUE(writer->Publish().has_value());
    });
    while (*reader->Next() == nullptr) ASSERT_TRUE(reader->Wait(10'000).has_value());
    delays.push_back(now_ns() - published_ns);
    thread.join();
  }
  std::ranges::sort(delays);
  EXPECT_LT(delays[25], 1'000'000) << "half of them within a millisecond";
}

TEST_F(PosixTimelineTest, SaysWhereThereIsNone) {
  const auto reader = TimelineReader::Open(PosixFileSystem(), {.directory = directory_});
  ASSERT_FALSE(reader.has_value());
  EXPECT_EQ(reader.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(reader.error().message, HasSubstr(directory_));
}

}  // namespace
}  // namespace braid
