// Any bytes as a commit-log segment. The first byte says how: 0 as a whole file; 1 to 5 as what is stored in the
// section of a segment of that compression, whose header and marker are right, so that the checksums do not keep
// everything out.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "cassandra/commitlog/mutation_test_util.h"
#include "cassandra/commitlog/segment_test_util.h"
#include "cassandra/commitlog/walk.h"

namespace braid {
namespace {

constexpr std::array kCompressions = {Compression::kNoop, Compression::kLz4, Compression::kSnappy,
                                      Compression::kDeflate, Compression::kZstd};

void Read(std::string bytes) {
  static const TablesForTest tables;
  MutationDecoder decoder(&tables);
  // Every answer stands for at least a byte, but for those about the file's end.
  const size_t most = bytes.size() + 2;
  const MemorySource source("fuzz", std::move(bytes));
  size_t answers = 0;
  const Status status =
      WalkSegment(source, NodeIndex{}, {.max_section_bytes = 1 << 26}, &decoder,
                  {.on_mutation = [&](const DecodedMutation&, ByteView) { CHECK(++answers <= 2 * most); },
                   .on_problem =
                       [&](const LogProblem& problem) {
                         CHECK(!problem.message.empty());
                         CHECK(++answers <= 2 * most);
                         return true;
                       }});
  CHECK(status || !status.error().message.empty());
}

}  // namespace
}  // namespace braid

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const size_t how = data[0] % 6;
  if (how == 0) {
    braid::Read(bytes);
  } else {
    braid::Read(braid::SegmentBuilder(7, 5, braid::kCompressions[how - 1]).StoredSection(bytes).Section({}).Bytes());
  }
  return 0;
}
