// Real logs: what capture gives, in small steps and over restarts, is what one walk over the segments gives.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/byte_source.h"
#include "capture/capture_test_util.h"
#include "capture/node_capture.h"
#include "cassandra/commitlog/file_name.h"
#include "cassandra/commitlog/walk.h"

namespace braid {
namespace {

struct Given {
  Position position;
  std::string table;
  std::string key;
  size_t rows = 0;
  size_t cells = 0;
  bool operator==(const Given&) const = default;
};

void Take(const Transaction& transaction, std::vector<Given>* to) {
  for (const Mutation& mutation : transaction.mutations) {
    if (!mutation.schema->cdc) continue;
    Given given{mutation.position, mutation.schema->FullName(), std::string(mutation.partition_key),
                mutation.rows.size() + mutation.ranges.size(), 0};
    for (const RowUpdate& row : mutation.rows) given.cells += row.cells.size();
    to->push_back(std::move(given));
  }
}

class GivenSink : public CaptureSink {
 public:
  Status OnTransaction(const Transaction& transaction) override {
    Take(transaction, &given);
    return {};
  }
  Status OnTruncation(const Truncation&) override { return {}; }
  Status OnGap(const Gap& gap) override {
    ADD_FAILURE() << gap.detail;
    return {};
  }
  Status OnProgress(const CaptureProgress& now) override {
    progress = now;
    return {};
  }
  std::vector<Given> given;
  CaptureProgress progress;
};

// The segments of a directory by id, with what their indexes say.
std::map<int64_t, std::pair<std::string, std::optional<CdcIndex>>> Segments(const fs::path& cdc_raw) {
  std::map<int64_t, std::pair<std::string, std::optional<CdcIndex>>> segments;
  for (const auto& entry : fs::directory_iterator(cdc_raw)) {
    const auto name = ParseSegmentFileName(entry.path().string());
    if (!name) continue;
    auto& segment = segments[name->id.value];
    if (name->cdc_index) {
      segment.second = ParseCdcIndex(ReadFile(entry.path(), 1000).value());
    } else {
      segment.first = entry.path();
    }
  }
  return segments;
}

std::vector<Given> Walk(const fs::path& cdc_raw, bool live, SchemaRegistry* schemas) {
  std::vector<Given> given;
  MutationDecoder decoder(schemas);
  const auto segments = Segments(cdc_raw);
  for (const auto& [id, segment] : segments) {
    SegmentOptions options{.live = live};
    const bool last = id == segments.rbegin()->first || std::next(segments.find(id))->second.second == std::nullopt;
    if (!live && last)
      options.limit = segment.second ? (segment.second->completed ? UINT64_MAX : segment.second->offset) : 0;
    const auto source = OpenFile(segment.first).value();
    const Status walked = WalkSegment(
        *source, {}, options, &decoder,
        {.on_mutation = [&](const DecodedMutation& mutation, ByteView) { Take(mutation.transaction, &given); },
         .on_problem = [](const LogProblem&) { return true; }});
    EXPECT_TRUE(walked || walked.error().code == ErrorCode::kIncomplete) << walked.error().message;
  }
  return given;
}

void Check(const fs::path& cdc_raw, const fs::path& data) {
  SCOPED_TRACE(cdc_raw);
  const NodeForTest scratch;
  const auto schemas =
      SchemaRegistry::Open(PosixFileSystem(),
                           {.path = scratch.commitlog() / "schema", .data_directories = {data}, .log = {}})
          .value();
  for (const bool live : {false, true}) {
    const std::vector<Given> truth = Walk(cdc_raw, live, schemas.get());
    EXPECT_FALSE(truth.empty());
    NodeCapture::Options options;
    options.files = {.name = "n1", .cdc_raw = cdc_raw, .commitlog = "", .data = {}};
    options.tail = live ? NodeCapture::Tail::kLive : NodeCapture::Tail::kSynced;
    options.schema_wait_us = 0;
    GivenSink sink;
    int64_t now_us = kSecondUs;
    bool more = true;
    for (size_t restarts = 0; more; ++restarts) {
      const auto capture = NodeCapture::Open(PosixFileSystem(), schemas.get(), options).value();
      const size_t before = sink.given.size();
      for (size_t i = 0; more && i < 1 + restarts % 5; ++i) {
        const Result<bool> step = capture->Step(now_us += 1000, 3000 * (1 + restarts % 7), &sink);
        ASSERT_TRUE(step.has_value()) << step.error().message;
        more = *step;
      }
      ASSERT_TRUE(!more || sink.given.size() > before || sink.progress.position != options.resume)
          << "it stands still at " << sink.progress.position.offset;
      if (!sink.progress.position.none()) options.resume = sink.progress.position;
    }
    EXPECT_EQ(sink.given.size(), truth.size()) << (live ? "live" : "synced");
    EXPECT_TRUE(sink.given == truth);
  }
}

TEST(NodeCaptureCorpus, GivesWhatOneWalkGives) {
  const fs::path tiny = fs::path(__FILE__).parent_path() / "../../tests/corpus/tiny";
  for (const auto& entry : fs::directory_iterator(tiny)) {
    const NodeForTest node;
    for (const auto& file : fs::directory_iterator(entry.path())) {
      if (ParseSegmentFileName(file.path().string())) fs::copy(file.path(), node.cdc_raw());
    }
    Check(node.cdc_raw(), entry.path() / "data");
  }
}

// Of unpacked recordings; tests/integration/capture_test.py runs it on the corpus.
TEST(NodeCaptureCorpus, DISABLED_GivesWhatOneWalkGivesOfRecordings) {
  const char* const root = std::getenv("BRAID_RECORDINGS");
  ASSERT_NE(root, nullptr) << "BRAID_RECORDINGS names no directory of unpacked recordings";
  for (const auto& recording : fs::directory_iterator(root)) {
    if (!fs::exists(recording.path() / "nodes")) continue;
    for (const auto& node : fs::directory_iterator(recording.path() / "nodes")) {
      if (!fs::exists(node.path() / "cdc_raw") || Segments(node.path() / "cdc_raw").empty()) continue;
      // A copy: what was read is removed.
      const NodeForTest copy;
      fs::copy(node.path() / "cdc_raw", copy.cdc_raw());
      Check(copy.cdc_raw(), node.path() / "data");
    }
  }
}

}  // namespace
}  // namespace braid
