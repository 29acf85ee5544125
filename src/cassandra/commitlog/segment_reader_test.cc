#include "cassandra/commitlog/segment_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "base/byte_source.h"
#include "cassandra/commitlog/segment_test_util.h"

namespace braid {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Answer = SegmentReader::Answer;

constexpr std::optional<Compression> kPlain;
constexpr std::optional<Compression> kLayouts[] = {
    kPlain, Compression::kLz4, Compression::kSnappy, Compression::kDeflate, Compression::kZstd, Compression::kNoop};

// Everything that a reader said of some bytes.
struct Story {
  std::optional<Error> refused;
  std::vector<std::string> payloads;
  std::vector<uint64_t> ends;
  std::vector<SegmentDamage> corrupt;
  std::optional<SegmentDamage> torn;

  bool clean() const { return !refused && corrupt.empty() && !torn; }
};

Story Read(const std::string& bytes, const SegmentOptions& options = {}, const std::string& name = "segment") {
  const MemorySource source(name, bytes);
  Story story;
  Result<SegmentReader> reader = SegmentReader::Open(source, options);
  if (!reader) {
    story.refused = reader.error();
    return story;
  }
  // Every answer but the last moves on by at least a byte.
  for (size_t steps = 0; steps <= bytes.size() + 1; ++steps) {
    const Answer answer = reader->Next().value();
    switch (answer) {
      case Answer::kEntry:
        story.payloads.emplace_back(reader->payload());
        story.ends.push_back(reader->end_offset());
        break;
      case Answer::kCorrupt:
        story.corrupt.push_back(reader->damage());
        break;
      case Answer::kTorn:
        story.torn = reader->damage();
        [[fallthrough]];
      case Answer::kEnd:
        EXPECT_EQ(reader->Next().value(), answer) << "the last answer stays";
        return story;
    }
  }
  ADD_FAILURE() << "the reader does not come to an end";
  return story;
}

std::string Payload(char c, size_t size = 20) {
  return std::string(size, c);
}

std::string ThreeSections(std::optional<Compression> compression, size_t padding) {
  return SegmentBuilder(7, 5, compression)
      .Section({Payload('a'), Payload('b', 300)})
      .Section({Payload('c')})
      .Section({Payload('d'), Payload('e')})
      .Bytes(padding);
}

TEST(SegmentReader, GivesTheEntriesOfEveryLayout) {
  for (const auto& layout : kLayouts) {
    const Story story = Read(ThreeSections(layout, layout ? 0 : 100));
    EXPECT_TRUE(story.clean());
    EXPECT_THAT(story.payloads, ElementsAre(Payload('a'), Payload('b', 300), Payload('c'), Payload('d'), Payload('e')));
    const uint64_t header = layout ? story.ends[0] - 40 : 20;
    // Logical offsets are the same however the sections are stored.
    EXPECT_THAT(story.ends, ElementsAre(header + 40, header + 352, header + 392, header + 432, header + 464));
  }
}

TEST(SegmentReader, KnowsVersionIdAndCompression) {
  const MemorySource plain("s", SegmentBuilder(8, 42).Bytes());
  const SegmentReader reader = SegmentReader::Open(plain).value();
  EXPECT_EQ(reader.header().version, 8);
  EXPECT_EQ(reader.header().id, SegmentId{42});
  EXPECT_EQ(reader.header().compression, std::nullopt);
  EXPECT_EQ(reader.header().times(), DeletionTimes::kUnsigned);
  const MemorySource full_name(
      "s", SegmentBuilder(7, 42, R"({"compressionClass":"org.apache.cassandra.io.compress.LZ4Compressor"})").Bytes());
  EXPECT_EQ(SegmentReader::Open(full_name).value().header().compression, Compression::kLz4);
  EXPECT_EQ(SegmentReader::Open(full_name).value().header().times(), DeletionTimes::kSigned);
}

TEST(SegmentReader, WaitsForAHeaderThatIsNotYetWritten) {
  const std::string bytes = ThreeSections(kPlain, 0);
  for (const std::string& young : {std::string(), std::string(1000, '\0'), bytes.substr(0, 13), bytes.substr(0, 19)}) {
    ASSERT_TRUE(Read(young).refused.has_value());
    EXPECT_EQ(Read(young).refused->code, ErrorCode::kIncomplete) << Read(young).refused->message;
  }
}

TEST(SegmentReader, RefusesOtherVersionsByName) {
  EXPECT_THAT(Read(SegmentBuilder(6, 1).Bytes()).refused->message,
              AllOf(HasSubstr("segment"), HasSubstr("version 6"), HasSubstr("3.x")));
  EXPECT_THAT(Read(SegmentBuilder(9, 1).Bytes()).refused->message,
              AllOf(HasSubstr("version 9"), HasSubstr("newer Braid")));
  EXPECT_EQ(Read(SegmentBuilder(6, 1).Bytes()).refused->code, ErrorCode::kUnsupported);
  EXPECT_EQ(Read(SegmentBuilder(-1, 1).Bytes()).refused->code, ErrorCode::kUnsupported);
}

TEST(SegmentReader, RefusesEncryptionAndUnknownCompressors) {
  const Story encrypted = Read(SegmentBuilder(7, 1, R"({"encCipher":"AES/CBC/PKCS5Padding","encIV":"00"})").Bytes());
  EXPECT_EQ(encrypted.refused->code, ErrorCode::kUnsupported);
  EXPECT_THAT(encrypted.refused->message, HasSubstr("encrypted"));
  const Story unknown = Read(SegmentBuilder(7, 1, R"({"compressionClass":"XorCompressor"})").Bytes());
  EXPECT_EQ(unknown.refused->code, ErrorCode::kUnsupported);
  EXPECT_THAT(unknown.refused->message, HasSubstr("XorCompressor"));
  EXPECT_EQ(Read(SegmentBuilder(7, 1, R"({"compressionClass":7})").Bytes()).refused->code, ErrorCode::kCorrupt);
  EXPECT_EQ(Read(SegmentBuilder(7, 1, "[]").Bytes()).refused->code, ErrorCode::kCorrupt);
  EXPECT_EQ(Read(SegmentBuilder(7, 1, "{").Bytes()).refused->code, ErrorCode::kCorrupt);
}

TEST(SegmentReader, RefusesAHeaderThatDoesNotMatchItsChecksumOrItsName) {
  std::string bytes = ThreeSections(kPlain, 0);
  EXPECT_TRUE(Read(bytes, {}, "/x/CommitLog-7-5.log").clean());
  EXPECT_EQ(Read(bytes, {}, "/x/CommitLog-7-6.log").refused->code, ErrorCode::kCorrupt);
  bytes[11] ^= 1;
  EXPECT_EQ(Read(bytes).refused->code, ErrorCode::kCorrupt);
}

TEST(SegmentReader, EndsAtZeroesAtTheFilesEndAndAtEmptySections) {
  SegmentBuilder builder(7, 5);
  EXPECT_TRUE(Read(builder.Bytes()).clean());
  EXPECT_TRUE(Read(builder.Bytes(7)).clean());
  EXPECT_TRUE(Read(builder.Bytes(8)).clean());
  builder.RawSection("").Section({Payload('a')}).RawSection("");
  EXPECT_TRUE(Read(builder.Bytes()).clean());
  EXPECT_THAT(Read(builder.Bytes(1 << 20)).payloads, ElementsAre(Payload('a')));
  SegmentBuilder compressed(7, 5, Compression::kLz4);
  EXPECT_TRUE(Read(compressed.RawSection("").Section({Payload('a')}).RawSection("").Bytes()).clean());
}

TEST(SegmentReader, StopsAtTheLimit) {
  for (const auto& layout : {kPlain, std::optional(Compression::kLz4)}) {
    const std::string bytes = ThreeSections(layout, 0);
    const std::vector<uint64_t> ends = Read(bytes).ends;
    EXPECT_EQ(Read(bytes, {.limit = ends[4]}).payloads.size(), 5u);
    EXPECT_EQ(Read(bytes, {.limit = ends[4] - 1}).payloads.size(), 4u);
    EXPECT_EQ(Read(bytes, {.limit = ends[1]}).payloads.size(), 2u);
    EXPECT_EQ(Read(bytes, {.limit = 0}).payloads.size(), 0u);
    EXPECT_TRUE(Read(bytes, {.limit = ends[1]}).clean());
  }
}

TEST(SegmentReader, TellsOfWritesThatWereNeverSynced) {
  const std::string synced = SegmentBuilder(7, 5).Section({Payload('a')}).Bytes();
  const Story story = Read(synced + std::string(8, '\0') + SegmentBuilder::Entry(Payload('b')) + std::string(64, '\0'));
  EXPECT_THAT(story.payloads, ElementsAre(Payload('a')));
  ASSERT_TRUE(story.torn.has_value());
  EXPECT_EQ(story.torn->offset, synced.size());
  EXPECT_EQ(story.torn->lost_bytes, 8u + 32u) << "the padding is not counted";
}

TEST(SegmentReader, TellsOfAMarkerThatIsHalfWritten) {
  SegmentBuilder builder(7, 5);
  std::string bytes = builder.Section({Payload('a')}).Section({Payload('b')}).Bytes(16);
  const uint32_t marker = builder.markers()[1];
  for (int i = 4; i < 8; ++i) bytes[marker + i] = 0;
  const Story story = Read(bytes);
  EXPECT_THAT(story.payloads, ElementsAre(Payload('a')));
  EXPECT_EQ(story.torn->offset, marker);
}

TEST(SegmentReader, GivesWholeEntriesOfASectionThatIsCutShort) {
  SegmentBuilder builder(7, 5);
  const std::string bytes = builder.Section({Payload('a'), Payload('b'), Payload('c')}).Bytes();
  const Story story = Read(bytes.substr(0, bytes.size() - 1));
  EXPECT_THAT(story.payloads, ElementsAre(Payload('a'), Payload('b')));
  EXPECT_EQ(story.torn->offset, bytes.size() - 32);
  EXPECT_EQ(story.torn->lost_bytes, 31u);
}

TEST(SegmentReader, SkipsOneEntryThatDoesNotMatchItsChecksum) {
  std::string bytes = ThreeSections(kPlain, 50);
  bytes[20 + 8 + 8 + 3] ^= 1;  // in the payload of 'a'
  const Story story = Read(bytes);
  EXPECT_THAT(story.payloads, ElementsAre(Payload('b', 300), Payload('c'), Payload('d'), Payload('e')));
  ASSERT_EQ(story.corrupt.size(), 1u);
  EXPECT_EQ(story.corrupt[0].offset, 28u);
  EXPECT_EQ(story.corrupt[0].lost_bytes, 32u);
  EXPECT_THAT(story.corrupt[0].Describe("/x/f.log"),
              AllOf(HasSubstr("/x/f.log"), HasSubstr("offset 28"), HasSubstr("checksum"), HasSubstr("32 bytes")));
}

TEST(SegmentReader, GoesOnAtTheNextMarkerAfterASizeThatDoesNotMatch) {
  std::string bytes = ThreeSections(kPlain, 50);
  bytes[28 + 2] ^= 1;  // in the size of 'a'
  const Story story = Read(bytes);
  EXPECT_THAT(story.payloads, ElementsAre(Payload('c'), Payload('d'), Payload('e')));
  ASSERT_EQ(story.corrupt.size(), 1u);
  EXPECT_EQ(story.corrupt[0].offset, 28u);
  EXPECT_EQ(story.corrupt[0].lost_bytes, 32u + 312u);
}

TEST(SegmentReader, FindsTheNextMarkerWhereOneIsDamaged) {
  for (const auto& layout : kLayouts) {
    SegmentBuilder builder(7, 5, layout);
    builder.Section({Payload('a')}).Section({Payload('b')}).Section({Payload('c')});
    for (int byte = 0; byte < 8; ++byte) {
      std::string bytes = builder.Bytes(layout ? 0 : 64);
      bytes[builder.markers()[1] + byte] ^= 0x01;
      const Story story = Read(bytes);
      EXPECT_FALSE(story.clean());
      ASSERT_GE(story.payloads.size(), 2u);
      EXPECT_EQ(story.payloads.front(), Payload('a'));
      EXPECT_EQ(story.payloads.back(), Payload('c'));
    }
  }
}

TEST(SegmentReader, DoesNotTrustASectionsEndThatRunsIntoThePadding) {
  SegmentBuilder builder(7, 5);
  builder.Section({Payload('a')}).Section({Payload('b')}).Section({Payload('c')});
  std::string bytes = builder.Bytes(1 << 17);
  bytes[builder.markers()[0] + 1] ^= 1;  // the first section now ends 64 KiB later, among zeroes
  const Story story = Read(bytes);
  EXPECT_THAT(story.payloads, ElementsAre(Payload('a'), Payload('b'), Payload('c')));
  ASSERT_EQ(story.corrupt.size(), 1u);
  EXPECT_EQ(story.corrupt[0].lost_bytes, 0u);
}

TEST(SegmentReader, PassesOverRoomThatNobodyFilled) {
  const std::string entry = SegmentBuilder::Entry(Payload('a'));
  const Story quiet =
      Read(SegmentBuilder(7, 5).RawSection(entry + std::string(40, '\0')).Section({Payload('b')}).Bytes());
  EXPECT_TRUE(quiet.clean());
  EXPECT_THAT(quiet.payloads, ElementsAre(Payload('a'), Payload('b')));
  const Story lossy =
      Read(SegmentBuilder(7, 5).RawSection(entry + std::string(40, '\0') + entry).Section({Payload('b')}).Bytes());
  EXPECT_EQ(lossy.corrupt.size(), 1u);
  EXPECT_THAT(lossy.payloads, ElementsAre(Payload('a'), Payload('b')));
}

TEST(SegmentReader, ReadsEntriesLargerThanItsWindow) {
  const std::string large(3 << 20, 'x');
  const Story story = Read(SegmentBuilder(7, 5).Section({Payload('a'), large, Payload('b')}).Bytes(1 << 20));
  EXPECT_TRUE(story.clean());
  ASSERT_EQ(story.payloads.size(), 3u);
  EXPECT_EQ(story.payloads[1], large);
  EXPECT_EQ(story.payloads[2], Payload('b'));
}

TEST(SegmentReader, TakesNoMemoryOnACompressedSectionsWord) {
  for (const auto& layout : kLayouts) {
    if (!layout) continue;
    SegmentBuilder builder(7, 5, layout);
    std::string bytes = builder.Section({Payload('a')}).Section({Payload('b')}).Bytes();
    bytes[builder.markers()[0] + 8] = 0x3F;  // claims nearly 1 GiB
    const Story story = Read(bytes);
    EXPECT_THAT(story.payloads, ElementsAre(Payload('b')));
    EXPECT_EQ(story.corrupt.size(), 1u);
  }
}

// Cut at every byte: what is given is a beginning of the truth; the missing is told of, unless nothing but zeroes is
// left behind a section, as in the padding of a plain segment.
TEST(SegmentReader, NeverHidesACut) {
  for (const auto& layout : kLayouts) {
    SegmentBuilder builder(7, 5, layout);
    builder.Section({Payload('a'), Payload('b')}).Section({Payload('c')});
    const std::string bytes = builder.Bytes();
    const Story whole = Read(bytes);
    for (size_t size = 0; size < bytes.size(); ++size) {
      const Story story = Read(bytes.substr(0, size));
      ASSERT_LE(story.payloads.size(), whole.payloads.size());
      EXPECT_TRUE(std::equal(story.payloads.begin(), story.payloads.end(), whole.payloads.begin()));
      bool quiet = false;
      for (const uint32_t marker : builder.markers()) {
        quiet = quiet || size == marker || (!layout && size > marker && size < marker + 4 && bytes[size - 1] == 0);
      }
      EXPECT_EQ(story.clean(), quiet) << "cut at " << size;
    }
  }
}

// Flip every bit: nothing that is given is untrue, and whatever is missing is told of.
TEST(SegmentReader, NeverHidesAFlip) {
  for (const auto& layout : kLayouts) {
    const std::string bytes = ThreeSections(layout, layout ? 0 : 40);
    const Story whole = Read(bytes);
    for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      std::string flipped = bytes;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
      const Story story = Read(flipped);
      if (story.refused) continue;
      size_t next = 0;
      for (const std::string& payload : story.payloads) {
        while (next < whole.payloads.size() && whole.payloads[next] != payload) ++next;
        ASSERT_LT(next++, whole.payloads.size()) << "bit " << bit;
      }
      EXPECT_TRUE(!story.clean() || story.payloads == whole.payloads) << "bit " << bit;
    }
  }
}

}  // namespace
}  // namespace braid
