// Reading on: resuming, tailing and reading ahead of the sync give what one pass over the finished file gives.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/byte_source.h"
#include "base/testing.h"
#include "cassandra/commitlog/segment_reader.h"
#include "cassandra/commitlog/segment_test_util.h"

namespace braid {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Answer = SegmentReader::Answer;

constexpr std::optional<Compression> kPlain;
constexpr std::optional<Compression> kLayouts[] = {
    kPlain, Compression::kLz4, Compression::kSnappy, Compression::kDeflate, Compression::kZstd, Compression::kNoop};

// A file that somebody else writes to.
class GrowingSource : public ByteSource {
 public:
  Result<size_t> ReadAt(uint64_t offset, char* to, size_t size) const override {
    if (offset >= bytes.size()) return size_t{0};
    read += size;
    return bytes.copy(to, size, offset);
  }
  Result<uint64_t> Size() const override { return bytes.size(); }
  const std::string& name() const override { return name_; }

  std::string bytes;
  mutable uint64_t read = 0;

 private:
  std::string name_ = "growing";
};

struct Given {
  uint64_t end = 0;
  std::string payload;
  bool operator==(const Given&) const = default;
};

// Everything that can be had now. Damage counts as an entry of its own, "!" and its size, if something was lost by it.
std::vector<Given> Drain(SegmentReader* reader) {
  std::vector<Given> given;
  while (true) {
    const Answer answer = reader->Next().value();
    if (answer == Answer::kEnd || answer == Answer::kTorn) return given;
    if (answer == Answer::kEntry) {
      EXPECT_EQ(reader->position(), reader->end_offset());
      given.push_back({reader->end_offset(), std::string(reader->payload())});
    } else if (reader->damage().lost_bytes != 0) {
      given.push_back({reader->position(), "!" + std::to_string(reader->damage().lost_bytes)});
    }
  }
}

std::vector<Given> ReadWhole(const std::string& bytes, const SegmentOptions& options = {}) {
  const MemorySource source("whole", bytes);
  Result<SegmentReader> reader = SegmentReader::Open(source, options);
  return reader ? Drain(&*reader) : std::vector<Given>();
}

void Append(std::vector<Given>* to, std::vector<Given> more) {
  to->insert(to->end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

// A segment and, for each of its sections, where its marker stands in the file.
struct Sample {
  std::string bytes;
  std::vector<uint64_t> markers;  // and the end of the last section
  bool plain = true;
};

std::string Payload(std::mt19937* random) {
  const size_t size = (*random)() % 20 == 0 ? 5000 + (*random)() % 9000 : 10 + (*random)() % 300;
  std::string payload(size, '\0');
  for (char& c : payload) c = static_cast<char>((*random)() % 3);
  return payload;
}

Sample Make(std::optional<Compression> layout, std::mt19937* random) {
  SegmentBuilder builder(7, 5, layout);
  if ((*random)() % 2 == 0) builder.RawSection("");
  for (int i = static_cast<int>((*random)() % 6); i >= 0; --i) {
    std::vector<std::string> payloads((*random)() % 12);
    for (std::string& payload : payloads) payload = Payload(random);
    builder.Section(payloads);
  }
  Sample sample{.bytes = builder.Bytes(), .markers = {}, .plain = !layout};
  sample.markers.assign(builder.markers().begin(), builder.markers().end());
  sample.markers.push_back(sample.bytes.size());
  if (!layout) sample.bytes += std::string((*random)() % 20000, '\0');
  return sample;
}

// The sections of a real segment.
Sample Split(std::string bytes) {
  Sample sample;
  const MemorySource source("real", bytes);
  const SegmentReader reader = SegmentReader::Open(source).value();
  sample.plain = !reader.header().compression;
  uint64_t marker = 14 + LoadBigEndian<uint16_t>(bytes.data() + 12) + 4;
  while (marker + 8 <= bytes.size() && LoadBigEndian<uint32_t>(bytes.data() + marker) > marker) {
    sample.markers.push_back(marker);
    marker = LoadBigEndian<uint32_t>(bytes.data() + marker);
  }
  sample.markers.push_back(marker);
  // What was never synced is no part of the law.
  std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(std::min<uint64_t>(marker, bytes.size())), bytes.end(), '\0');
  sample.bytes = std::move(bytes);
  return sample;
}

// Real segments, one of each version and compressor; and recordings, where they are unpacked.
std::vector<std::pair<std::string, Sample>> RealSegments() {
  std::vector<std::pair<std::string, Sample>> samples;
  std::vector<std::filesystem::path> roots = {std::filesystem::path(__FILE__).parent_path() /
                                              "../../../tests/corpus/tiny"};
  if (const char* const recordings = std::getenv("BRAID_RECORDINGS")) roots.emplace_back(recordings);
  for (const auto& root : roots) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
      if (entry.path().extension() != ".log" || entry.file_size() > (4u << 20)) continue;
      Result<std::string> bytes = ReadFile(entry.path(), 4 << 20);
      if (!bytes || !SegmentReader::Open(MemorySource("probe", *bytes))) continue;
      samples.emplace_back(entry.path(), Split(std::move(*bytes)));
    }
  }
  return samples;
}

// The same file as Cassandra writes it through a mapping: at its full size from the start, entries filled in any order
// within the section, the section's marker when all of them stand; its checksum after its offset.
void CheckMappedTail(const Sample& sample, bool live, std::mt19937* random) {
  const std::vector<Given> truth = ReadWhole(sample.bytes);
  GrowingSource file;
  file.bytes.assign(sample.bytes.size(), '\0');
  file.bytes.replace(0, sample.markers[0], sample.bytes, 0, sample.markers[0]);
  std::vector<Given> given;
  Result<SegmentReader> opened = SegmentReader::Open(file, {.limit = live ? UINT64_MAX : 0, .live = live});
  ASSERT_TRUE(opened.has_value());
  std::optional<SegmentReader> reader(std::move(*opened));
  uint64_t limit = 0;
  const auto look = [&] {
    if ((*random)() % 3 == 0) return;
    if ((*random)() % 8 == 0) {
      const uint64_t start = reader->position();
      reader.emplace(
          SegmentReader::Open(file, {.limit = live ? UINT64_MAX : limit, .start = start, .live = live}).value());
    } else {
      ASSERT_TRUE(reader->Refresh(live ? UINT64_MAX : limit).has_value());
    }
    if ((*random)() % 4 == 0) {
      // Not everything at once.
      if (reader->Next().value() == Answer::kEntry) {
        given.push_back({reader->end_offset(), std::string(reader->payload())});
      }
      return;
    }
    Append(&given, Drain(&*reader));
    ASSERT_LE(given.size(), truth.size());
    ASSERT_TRUE(std::equal(given.begin(), given.end(), truth.begin()));
  };
  for (size_t i = 0; i + 1 < sample.markers.size(); ++i) {
    const uint64_t marker = sample.markers[i];
    const uint64_t end = sample.markers[i + 1];
    // Pieces that may cut entries anywhere; now and then one is written before the one in front of it.
    for (uint64_t at = marker + 8; at < end;) {
      const uint64_t first = std::min<uint64_t>(end - at, 1 + (*random)() % 3000);
      const uint64_t second = std::min<uint64_t>(end - at - first, (*random)() % 2 == 0 ? 0 : (*random)() % 500);
      file.bytes.replace(at + first, second, sample.bytes, at + first, second);
      if (second != 0) look();
      file.bytes.replace(at, first, sample.bytes, at, first);
      look();
      at += first + second;
    }
    file.bytes.replace(marker, 4, sample.bytes, marker, 4);
    look();
    file.bytes.replace(marker + 4, 4, sample.bytes, marker + 4, 4);
    look();
    if ((*random)() % 3 != 0) limit = end;
    look();
  }
  ASSERT_TRUE(reader->Refresh().has_value());
  Append(&given, Drain(&*reader));
  EXPECT_TRUE(given == truth) << given.size() << " of " << truth.size();
}

// The same file as it grows at its end: a compressed segment, or a copy.
void CheckGrowingTail(const Sample& sample, std::mt19937* random) {
  const std::vector<Given> truth = ReadWhole(sample.bytes);
  GrowingSource file;
  file.bytes = sample.bytes.substr(0, sample.markers[0]);
  std::optional<SegmentReader> reader(SegmentReader::Open(file, {}).value());
  std::vector<Given> given;
  while (file.bytes.size() < sample.bytes.size()) {
    file.bytes = sample.bytes.substr(0, file.bytes.size() + 1 + (*random)() % 9000);
    if ((*random)() % 8 == 0) {
      const uint64_t start = reader->position();
      reader.emplace(SegmentReader::Open(file, {.start = start}).value());
    } else {
      ASSERT_TRUE(reader->Refresh().has_value());
    }
    Append(&given, Drain(&*reader));
  }
  EXPECT_TRUE(given == truth) << given.size() << " of " << truth.size();
}

// From every place at which a reader can stand, a new one gives the rest.
void CheckResume(const Sample& sample, size_t every) {
  const std::vector<Given> truth = ReadWhole(sample.bytes);
  const MemorySource source("resumed", sample.bytes);
  SegmentReader reader = SegmentReader::Open(source).value();
  size_t passed = 0;
  for (size_t i = 0;; ++i) {
    if (i % every == 0) {
      const std::vector<Given> rest = ReadWhole(sample.bytes, {.start = reader.position()});
      ASSERT_TRUE(
          std::equal(rest.begin(), rest.end(), truth.begin() + static_cast<std::ptrdiff_t>(passed), truth.end()))
          << "from " << reader.position() << ": " << rest.size() << " and not " << truth.size() - passed;
    }
    const Answer answer = reader.Next().value();
    if (answer == Answer::kEnd || answer == Answer::kTorn) break;
    passed += answer == Answer::kEntry || reader.damage().lost_bytes != 0 ? 1 : 0;
  }
  EXPECT_THAT(ReadWhole(sample.bytes, {.start = reader.position()}), IsEmpty());
}

TEST(SegmentReaderTail, GivesWhatOnePassGives) {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    SCOPED_TRACE(seed);
    const Sample plain = Make(kPlain, &random);
    CheckMappedTail(plain, /*live=*/false, &random);
    CheckMappedTail(plain, /*live=*/true, &random);
    CheckGrowingTail(plain, &random);
    const Sample packed = Make(kLayouts[1 + seed % 5], &random);
    CheckGrowingTail(packed, &random);
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(SegmentReaderTail, GivesTheRestFromEveryPlace) {
  for (uint32_t seed = 0; seed < 60; ++seed) {
    std::mt19937 random(seed);
    SCOPED_TRACE(seed);
    CheckResume(Make(kLayouts[seed % 6], &random), 1);
    // With damage, also to what says how long a section is.
    for (int flips = 0; flips < 20; ++flips) {
      Sample sample = Make(kLayouts[seed % 6], &random);
      const uint64_t at = sample.markers[0] + random() % (sample.markers.back() - sample.markers[0]);
      sample.bytes[at] = static_cast<char>(sample.bytes[at] ^ (1 << random() % 8));
      CheckResume(sample, 1);
    }
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(SegmentReaderTail, HoldsForRealSegments) {
  const auto samples = RealSegments();
  ASSERT_FALSE(samples.empty());
  std::mt19937 random(7);
  for (const auto& [path, sample] : samples) {
    SCOPED_TRACE(path);
    if (sample.plain) {
      CheckMappedTail(sample, /*live=*/false, &random);
      CheckMappedTail(sample, /*live=*/true, &random);
    }
    CheckGrowingTail(sample, &random);
    CheckResume(sample, 50);
  }
}

TEST(SegmentReaderTail, WaitsAtAnEntryThatIsBeingWritten) {
  const std::string a = SegmentBuilder::Entry(std::string(20, 'a'));
  const std::string b = SegmentBuilder::Entry(std::string(20, 'b'));
  GrowingSource file;
  file.bytes = SegmentBuilder(7, 5).Bytes(4096);
  file.bytes.replace(28 + a.size(), b.size(), b);  // the second stands before the first
  SegmentReader reader = SegmentReader::Open(file, {.live = true}).value();
  EXPECT_THAT(Drain(&reader), IsEmpty());
  EXPECT_FALSE(reader.QuietBehind().value());
  file.bytes.replace(28, 24, a, 0, 24);  // its checksum is missing
  ASSERT_TRUE(reader.Refresh().has_value());
  EXPECT_THAT(Drain(&reader), IsEmpty());
  file.bytes.replace(28, a.size(), a);
  EXPECT_THAT(Drain(&reader), IsEmpty()) << "nothing is new before Refresh()";
  ASSERT_TRUE(reader.Refresh().has_value());
  EXPECT_EQ(Drain(&reader).size(), 2u);
  EXPECT_TRUE(reader.QuietBehind().value());
  EXPECT_EQ(reader.covered_end(), 20u);
}

TEST(SegmentReaderTail, TellsWhatMarkersCover) {
  SegmentBuilder builder(7, 5);
  const std::string whole = builder.Section({std::string(20, 'a')}).Section({std::string(20, 'b')}).Bytes(100);
  GrowingSource file;
  file.bytes = whole;
  file.bytes.replace(builder.markers()[1], 8, 8, '\0');
  SegmentReader reader = SegmentReader::Open(file, {.live = true}).value();
  EXPECT_EQ(Drain(&reader).size(), 2u);
  EXPECT_EQ(reader.covered_end(), builder.markers()[1]);
  file.bytes = whole;
  ASSERT_TRUE(reader.Refresh().has_value());
  EXPECT_THAT(Drain(&reader), IsEmpty()) << "nothing comes twice when its marker comes";
  EXPECT_EQ(reader.covered_end(), whole.size() - 100);
}

TEST(SegmentReaderTail, TellsOfAMarkerThatComesDamaged) {
  SegmentBuilder builder(7, 5);
  const std::string whole = builder.Section({std::string(20, 'a')})
                                .Section({std::string(20, 'b')})
                                .Section({std::string(20, 'c')})
                                .Bytes(100);
  for (const int damaged : {3, 7}) {
    GrowingSource file;
    file.bytes = whole.substr(0, builder.markers()[2]) + std::string(200, '\0');
    file.bytes.replace(builder.markers()[1], 8, 8, '\0');
    SegmentReader reader = SegmentReader::Open(file, {.live = true}).value();
    EXPECT_EQ(Drain(&reader).size(), 2u);
    file.bytes = whole;
    char& byte = file.bytes[builder.markers()[1] + static_cast<uint32_t>(damaged)];
    byte = damaged == 3 ? static_cast<char>(builder.markers()[1] + 9) : static_cast<char>(byte ^ 1);
    ASSERT_TRUE(reader.Refresh().has_value());
    const std::vector<Given> given = Drain(&reader);
    ASSERT_EQ(given.size(), 2u) << "the damage, and what follows; nothing twice";
    EXPECT_EQ(given[0].payload[0], '!');
    EXPECT_EQ(reader.damage().offset, builder.markers()[1]);
    EXPECT_EQ(given[1].payload, std::string(20, 'c'));
  }
}

TEST(SegmentReaderTail, StepsOverSectionsWithoutReadingThem) {
  SegmentBuilder builder(7, 5, Compression::kNoop);
  for (int i = 0; i < 8; ++i) builder.Section({std::string(1 << 20, 'x')});
  GrowingSource file;
  file.bytes = builder.Section({std::string(20, 'y')}).Bytes();
  SegmentReader first = SegmentReader::Open(file).value();
  uint64_t before_last = 0;
  for (int i = 0; i < 8; ++i) {
    ASSERT_EQ(first.Next().value(), Answer::kEntry);
    before_last = first.end_offset();
  }
  file.read = 0;
  SegmentReader reader = SegmentReader::Open(file, {.start = before_last}).value();
  EXPECT_EQ(Drain(&reader).size(), 1u);
  EXPECT_LT(file.read, 200u << 10);
}

TEST(SegmentReaderTail, LooksAtLittleWhenNothingIsNew) {
  GrowingSource file;
  file.bytes = SegmentBuilder(7, 5).Section(std::vector<std::string>(5000, std::string(500, 'x'))).Bytes(30 << 20);
  for (const bool live : {false, true}) {
    SegmentReader reader = SegmentReader::Open(file, {.live = live}).value();
    EXPECT_EQ(Drain(&reader).size(), 5000u);
    file.read = 0;
    for (int i = 0; i < 10; ++i) {
      ASSERT_TRUE(reader.Refresh().has_value());
      EXPECT_THAT(Drain(&reader), IsEmpty());
    }
    EXPECT_LE(file.read, 10u * 2 * 4096);
  }
}

}  // namespace
}  // namespace braid
