#include "cassandra/compress/compress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cassandra/compress/compress_test_util.h"

namespace braid {
namespace {

using ::testing::HasSubstr;

constexpr Compression kAll[] = {Compression::kNoop, Compression::kLz4, Compression::kSnappy, Compression::kDeflate,
                                Compression::kZstd};

std::string Sample(size_t size) {
  std::string sample;
  while (sample.size() < size) sample += "Fargo " + std::to_string(sample.size() * sample.size());
  sample.resize(size);
  return sample;
}

TEST(CompressionOfClass, TakesSimpleAndFullNames) {
  for (const Compression compression : kAll) {
    EXPECT_EQ(CompressionOfClass(CompressionName(compression)).value(), compression);
    EXPECT_EQ(
        CompressionOfClass(std::string("org.apache.cassandra.io.compress.") + CompressionName(compression)).value(),
        compression);
  }
}

TEST(CompressionOfClass, NamesWhatItDoesNotKnowAndTheCure) {
  const Result<Compression> result = CompressionOfClass("com.example.SecretCompressor");
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(result.error().message, HasSubstr("com.example.SecretCompressor"));
  EXPECT_THAT(result.error().message, HasSubstr("upgradesstables"));
}

TEST(Decompressor, GivesBackWhatWasCompressed) {
  for (const Compression compression : kAll) {
    Decompressor decompressor(compression);
    for (const size_t size : {size_t{1}, size_t{100}, size_t{70000}}) {
      const std::string raw = Sample(size);
      const std::string block = CompressBlock(compression, raw);
      ASSERT_GE(decompressor.RawLengthLimit(block).value(), size);
      std::string to(size + 3, '#');
      ASSERT_EQ(decompressor.Decompress(block, to.data(), to.size()).value(), size) << CompressionName(compression);
      EXPECT_EQ(to, raw + "###") << CompressionName(compression);
    }
  }
}

TEST(Decompressor, NeverWritesMoreThanThereIsRoomFor) {
  const std::string raw = Sample(5000);
  for (const Compression compression : kAll) {
    Decompressor decompressor(compression);
    std::string to(raw.size(), '#');
    const Result<size_t> made = decompressor.Decompress(CompressBlock(compression, raw), to.data(), raw.size() - 1);
    ASSERT_FALSE(made.has_value()) << CompressionName(compression);
    EXPECT_EQ(made.error().code, ErrorCode::kCorrupt);
    EXPECT_EQ(to.back(), '#') << CompressionName(compression);
  }
}

TEST(Decompressor, RefusesClaimsThatNoBlockCouldKeep) {
  std::string lz4 = CompressBlock(Compression::kLz4, Sample(100));
  lz4[3] = '\x7F';  // nearly 2 GiB
  EXPECT_FALSE(Decompressor(Compression::kLz4).RawLengthLimit(lz4).has_value());
  EXPECT_FALSE(Decompressor(Compression::kSnappy).RawLengthLimit("\xFF\xFF\xFF\xFF\x0F").has_value());
  EXPECT_LE(Decompressor(Compression::kDeflate).RawLengthLimit("0123456789").value(), 10400u);
}

TEST(Decompressor, SurvivesDamage) {
  const std::string raw = Sample(300);
  std::string to(raw.size(), '\0');
  for (const Compression compression : kAll) {
    Decompressor decompressor(compression);
    const std::string block = CompressBlock(compression, raw);
    for (size_t i = 0; i < block.size(); ++i) {
      const Result<size_t> cut = decompressor.Decompress(block.substr(0, i), to.data(), to.size());
      EXPECT_TRUE(!cut || *cut < raw.size()) << CompressionName(compression) << " cut at " << i;
      std::string flipped = block;
      flipped[i] = static_cast<char>(flipped[i] ^ 0x40);
      const Result<size_t> made = decompressor.Decompress(flipped, to.data(), to.size());
      EXPECT_TRUE(!made || *made <= to.size());
    }
  }
}

}  // namespace
}  // namespace braid
