// Writes a node's commit log as a running Cassandra does, without one: mapped segments of 32 MiB that are linked into
// cdc_raw, entries in place at a steady rate, section markers every 100 ms, now and then a sync with its _cdc.idx. The
// table is bench.events, as tests/recorder/bulk makes it; its column count holds the microsecond at which the entry was
// written, so that whoever sees the change knows how long it took.
//
//   braid_live_feeder HOME RATE SECONDS SYNC_MS
//
// HOME has commitlog/ and cdc_raw/. After each sync it prints "sync SEGMENT OFFSET US", at the end "written N".
#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "base/check.h"
#include "cassandra/commitlog/segment_test_util.h"
#include "cassandra/rows/rows_test_util.h"

namespace braid {
namespace {

constexpr size_t kSegmentBytes = 32 << 20;
constexpr int64_t kMarkerUs = 100'000;
constexpr size_t kMarkerBytes = 8;
// Entries differ by their partition keys: so many rows there are.
constexpr uint64_t kRows = 100'000;

[[noreturn]] void Fail(const std::string& what) {
  std::fprintf(stderr, "braid_live_feeder: %s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(1);
}

int64_t NowUs() {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

void SleepUntil(int64_t us) {
  const timespec until{us / 1'000'000, us % 1'000'000 * 1000};
  while (clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, nullptr) == EINTR) {
  }
}

// An insert of all eight columns into row `number`, as Cassandra logs it.
std::string Payload(uint64_t number, int64_t now_us) {
  constexpr uint8_t kRowEstimate = 16;
  constexpr uint8_t kRowTimestampAllColumns = 4 | 32;
  constexpr uint8_t kRowsTime = 8;
  constexpr uint8_t kEnd = 1;
  static constexpr std::string_view kTable("\x5a\x1c\x39\x5e\xb4\x1f\x11\xe5\x9f\x22\xba\x0b\xe0\x48\x3c\x18", 16);
  RowBytes id;
  id.I64(static_cast<int64_t>((number % kRows) * 0x9E3779B97F4A7C15)).I64(static_cast<int64_t>(0x8000000000000000));
  RowBytes bytes;
  bytes.Vint(1).Raw(kTable).Text(id).U8(kRowEstimate).Stats(now_us);
  bytes.Columns({"actor", "count", "flag", "note", "price", "rating", "seen", "title"}).Vint(1);
  bytes.U8(kRowTimestampAllColumns).Vint(0).I64(0x1000).I64(static_cast<int64_t>(0x8000000000000000)).Vint(0);
  bytes.U8(kRowsTime).Text("actor-000001");
  bytes.U8(kRowsTime).I64(now_us);
  bytes.U8(kRowsTime).U8(1);
  bytes.U8(kRowsTime).Text("a note of twenty let");
  bytes.U8(kRowsTime).I64(0x3FF8000000000000);
  bytes.U8(kRowsTime).I32(static_cast<int32_t>(number % 10));
  bytes.U8(kRowsTime).I64(now_us / 1000);
  bytes.U8(kRowsTime).Text("a title of some 24 chars");
  return bytes.U8(kEnd).bytes();
}

class Segment {
 public:
  Segment(const std::string& home, int64_t id) : id_(id), builder_(7, id, "{}") {
    const std::string name = "/CommitLog-7-" + std::to_string(id);
    const std::string path = home + "/commitlog" + name + ".log";
    index_path_ = home + "/cdc_raw" + name + "_cdc.idx";
    const int file = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600);
    if (file < 0 || ftruncate(file, kSegmentBytes) != 0) Fail(path);
    void* mapped = mmap(nullptr, kSegmentBytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (mapped == MAP_FAILED) Fail(path);
    close(file);
    memory_ = static_cast<char*>(mapped);
    const std::string header = builder_.Bytes();
    std::memcpy(memory_, header.data(), header.size());
    marker_ = header.size();
    end_ = marker_ + kMarkerBytes;
    if (link(path.c_str(), (home + "/cdc_raw" + name + ".log").c_str()) != 0) Fail(path);
  }
  ~Segment() { munmap(memory_, kSegmentBytes); }
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  int64_t id() const { return id_; }

  // False if the entry has no room.
  bool Append(std::string_view entry) {
    if (end_ + entry.size() + kMarkerBytes > kSegmentBytes) return false;
    std::memcpy(memory_ + end_, entry.data(), entry.size());
    end_ += entry.size();
    return true;
  }

  // Closes the section, if it has entries: first where the next marker will be, then the checksum.
  void Mark() {
    if (end_ == marker_ + kMarkerBytes) return;
    StoreBigEndian(memory_ + marker_, static_cast<uint32_t>(end_));
    StoreBigEndian(memory_ + marker_ + 4, builder_.MarkerCrc(static_cast<uint32_t>(marker_)));
    marker_ = end_;
    end_ += kMarkerBytes;
  }

  // What is marked is on the disk, and the index says so. Returns the offset.
  size_t Sync(bool completed) {
    Mark();
    if (msync(memory_, kSegmentBytes, MS_SYNC) != 0) Fail("msync");
    const std::string text = std::to_string(marker_) + (completed ? "\nCOMPLETED\n" : "");
    const int file = open(index_path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (file < 0 || write(file, text.data(), text.size()) != static_cast<ssize_t>(text.size())) Fail(index_path_);
    if (fsync(file) != 0) Fail(index_path_);
    close(file);
    return marker_;
  }

 private:
  const int64_t id_;
  const SegmentBuilder builder_;
  std::string index_path_;
  char* memory_ = nullptr;
  size_t marker_ = 0;  // of the section at hand
  size_t end_ = 0;
};

void Sync(Segment* segment, bool completed) {
  const size_t offset = segment->Sync(completed);
  std::printf("sync %lld %zu %lld\n", static_cast<long long>(segment->id()), offset, static_cast<long long>(NowUs()));
  std::fflush(stdout);
}

void Feed(const std::string& home, int64_t rate, int64_t seconds, int64_t sync_us) {
  const int64_t start_us = NowUs();
  auto segment = std::make_unique<Segment>(home, start_us / 1000);
  int64_t next_mark_us = start_us + kMarkerUs;
  int64_t next_sync_us = start_us + sync_us;
  const int64_t count = rate * seconds;
  for (int64_t i = 0; i < count; ++i) {
    SleepUntil(start_us + i * 1'000'000 / rate);
    int64_t now_us = NowUs();
    if (!segment->Append(SegmentBuilder::Entry(Payload(static_cast<uint64_t>(i), now_us)))) {
      Sync(segment.get(), true);
      segment = std::make_unique<Segment>(home, segment->id() + 1);
      now_us = NowUs();
      CHECK(segment->Append(SegmentBuilder::Entry(Payload(static_cast<uint64_t>(i), now_us))));
    }
    if (now_us >= next_sync_us) {
      Sync(segment.get(), false);
      next_sync_us += sync_us;
    } else if (now_us >= next_mark_us) {
      segment->Mark();
    }
    if (now_us >= next_mark_us) next_mark_us += kMarkerUs;
  }
  Sync(segment.get(), true);
  std::printf("written %lld\n", static_cast<long long>(count));
}

int64_t Number(const char* text) {
  int64_t value = 0;
  const char* const end = text + std::strlen(text);
  if (std::from_chars(text, end, value).ptr != end || value <= 0) {
    std::fprintf(stderr, "braid_live_feeder: %s is no number from 1 on\n", text);
    std::exit(2);
  }
  return value;
}

}  // namespace
}  // namespace braid

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: %s HOME RATE SECONDS SYNC_MS\n", argv[0]);
    return 2;
  }
  braid::Feed(argv[1], braid::Number(argv[2]), braid::Number(argv[3]), braid::Number(argv[4]) * 1000);
  return 0;
}
