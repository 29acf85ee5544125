#include "pipeline/verify/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "encode/json.h"
#include "pipeline/read/position.h"

namespace braid {
namespace {

constexpr const char* kNames[kFaults] = {"missing", "extra", "stale", "different", "broken"};

std::string SequenceText(const Sequence& sequence) {
  return fmt::format("{}:{}:{}", sequence.epoch, sequence.partition, sequence.n);
}

std::string FindingLine(const Finding& finding) {
  std::string line = fmt::format("  {:<9}  {} {}{}: {}", FaultName(finding.fault), finding.table,
                                 finding.is_static ? "static " : "", finding.key, finding.detail);
  if (!finding.columns.empty()) line += fmt::format(" ({})", fmt::join(finding.columns, ", "));
  if (finding.sequence.n != 0) line += ", at event " + SequenceText(finding.sequence);
  return line + "\n";
}

void AppendFindingJson(const Finding& finding, std::string* out) {
  *out += fmt::format(R"({{"kind":"finding","class":"{}","table":)", FaultName(finding.fault));
  AppendJsonString(finding.table, out);
  *out += fmt::format(R"(,"row":"{}","key":{},"sequence":)", finding.is_static ? "static" : "regular", finding.key);
  *out += finding.sequence.n == 0 ? "null" : '"' + SequenceText(finding.sequence) + '"';
  *out += ",\"columns\":[";
  for (const std::string& column : finding.columns) {
    if (out->back() != '[') out->push_back(',');
    AppendJsonString(column, out);
  }
  *out += "],\"detail\":";
  AppendJsonString(finding.detail, out);
  *out += "}\n";
}

}  // namespace

const char* FaultName(Fault fault) {
  return kNames[static_cast<size_t>(fault)];
}

bool TimelineVerdict::clean() const {
  return std::ranges::all_of(faults, [](uint64_t count) { return count == 0; });
}

std::string TimelineVerdict::Position() const {
  StreamPosition position{.epoch = epoch, .next = {}};
  for (const Shard& shard : shards) position.next.push_back(shard.end);
  return position.ToString();
}

WriteTime TimelineVerdict::Watermark() const {
  WriteTime least{std::numeric_limits<int64_t>::max()};
  for (const Shard& shard : shards) least = std::min(least, shard.watermark);
  return shards.empty() ? WriteTime::None() : least;
}

std::string VerdictText(const TimelineVerdict& verdict) {
  std::string text = fmt::format("timeline: {} events folded, {} rows compared with the state, up to position {}\n",
                                 verdict.events, verdict.rows, verdict.Position());
  if (verdict.unjudged > 0) {
    text += fmt::format("timeline: {} rows not judged: their last event is older than what retention kept\n",
                        verdict.unjudged);
  }
  if (verdict.clean()) return text + "timeline: it says what the state says\n";
  text += "timeline: IT DOES NOT SAY WHAT THE STATE SAYS:";
  for (size_t i = 0; i < kFaults; ++i) {
    if (verdict.faults[i] > 0) text += fmt::format(" {} {}", verdict.faults[i], kNames[i]);
  }
  text += '\n';
  for (const Finding& finding : verdict.findings) text += FindingLine(finding);
  const uint64_t all = std::accumulate(verdict.faults.begin(), verdict.faults.end(), uint64_t{0});
  if (all > verdict.findings.size()) text += fmt::format("  and {} more\n", all - verdict.findings.size());
  return text;
}

std::string VerdictJson(const TimelineVerdict& verdict) {
  std::string text;
  for (const Finding& finding : verdict.findings) AppendFindingJson(finding, &text);
  text +=
      fmt::format(R"({{"kind":"timeline","clean":{},"position":"{}","watermark_us":{})", verdict.clean(),
                  verdict.Position(), verdict.Watermark().none() ? "null" : fmt::format("{}", verdict.Watermark().us));
  text += fmt::format(R"(,"events":{},"rows":{},"unjudged":{})", verdict.events, verdict.rows, verdict.unjudged);
  for (size_t i = 0; i < kFaults; ++i) text += fmt::format(R"(,"{}":{})", kNames[i], verdict.faults[i]);
  text += ",\"shards\":[";
  for (const TimelineVerdict::Shard& shard : verdict.shards) {
    if (text.back() != '[') text += ',';
    text += fmt::format(R"({{"commit":{},"first":{},"end":{}}})", shard.commit, shard.first, shard.end);
  }
  return text + "]}\n";
}

}  // namespace braid
