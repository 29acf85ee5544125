#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>
#include <vector>

#include "control/quantity.h"
#include "control/status.h"
#include "control/words.h"

namespace braid {
namespace {

using Json = nlohmann::json;

constexpr int64_t kSecondUs = 1'000'000;
constexpr size_t kMostGapsShown = 20;
constexpr size_t kMostBackfillsShown = 20;

// What is there, of the kind that is wanted; else a default. Another version may have made the JSON.
const Json& At(const Json& json, const char* key) {
  static const Json kNothing;
  const auto found = json.is_object() ? json.find(key) : json.end();
  return json.is_object() && found != json.end() ? *found : kNothing;
}

std::string Text(const Json& json, const char* key) {
  const Json& value = At(json, key);
  return value.is_string() ? value.get<std::string>() : "";
}

// Of a number that may be missing, negative or beyond int64.
int64_t Number(const Json& json, const char* key) {
  const Json& value = At(json, key);
  if (value.is_number_unsigned()) {
    return static_cast<int64_t>(std::min<uint64_t>(value.get<uint64_t>(), std::numeric_limits<int64_t>::max()));
  }
  return value.is_number_integer() ? value.get<int64_t>() : 0;
}

bool Truth(const Json& json, const char* key) {
  return At(json, key) == Json(true);
}

std::string Size(const Json& json, const char* key) {
  return FormatSize(static_cast<uint64_t>(std::max<int64_t>(0, Number(json, key))));
}

// To the second, in UTC.
std::string Time(int64_t us) {
  const std::time_t seconds = us / kSecondUs;
  std::tm parts = {};
  if (::gmtime_r(&seconds, &parts) == nullptr) return "?";
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", parts);
}

std::string Percent(int64_t part, int64_t whole) {
  if (whole <= 0) return "-";
  return fmt::format("{:.0f} %", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

// Columns as wide as their widest text: the first few (words) to the left, the others (numbers) to the right.
class Table {
 public:
  explicit Table(size_t words) : words_(words) {}
  void Row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }

  std::string Render() const {
    std::vector<size_t> widths;
    for (const auto& row : rows_) {
      widths.resize(std::max(widths.size(), row.size()));
      for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
    }
    std::string text;
    for (const auto& row : rows_) {
      for (size_t i = 0; i < row.size(); ++i) {
        const std::string space(widths[i] - Width(row[i]), ' ');
        text += i < words_ ? "  " + row[i] + space : "  " + space + row[i];
      }
      text.erase(text.find_last_not_of(' ') + 1);
      text += '\n';
    }
    return text;
  }

 private:
  // Characters, not bytes, of UTF-8.
  static size_t Width(const std::string& text) {
    return static_cast<size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
  }

  const size_t words_;
  std::vector<std::vector<std::string>> rows_;
};

std::string PositionText(const Json& position) {
  if (!position.is_object()) return "-";
  const bool whole = At(position, "offset").is_null();
  return whole ? fmt::format("{}:end", Number(position, "segment"))
               : fmt::format("{}:{}", Number(position, "segment"), Number(position, "offset"));
}

std::string NodeState(const Json& node) {
  if (Truth(node, "retired")) return "retired";
  if (At(node, "reachable") == Json(false)) return "UNREACHABLE";
  return Truth(node, "waiting_for_schema") ? "waits for schema" : "ok";
}

std::string Head(const Json& json) {
  const int64_t up_us = Number(json, "now_us") - Number(json, "started_us");
  const std::string state =
      Truth(json, "ready") ? "ready" : fmt::format("NOT READY: {}", OneLine(Text(json, "not_ready")));
  return fmt::format("{}: {}\n  braid {}, up {}\n", OneLine(Text(json, "name")), state, Text(json, "version"),
                     FormatDuration(up_us));
}

std::string Alarms(const Json& json) {
  const Json& alarms = At(json, "alarms");
  if (!alarms.is_array() || alarms.empty()) return "";
  std::string text = "\nAlarms\n";
  for (const Json& alarm : alarms) {
    if (alarm.is_string()) text += fmt::format("  ! {}\n", OneLine(alarm.get<std::string>()));
  }
  return text;
}

std::string Nodes(const Json& json) {
  Table table(2);
  table.Row({"Nodes", "state", "lag", "unread", "cdc_raw", "of", "position", "mutations", "corrupt", "gaps"});
  for (const Json& node : At(json, "nodes")) {
    const int64_t limit = Number(node, "cdc_raw_limit_bytes");
    table.Row({OneLine(Text(node, "name")), NodeState(node),
               Truth(node, "retired") ? "-" : FormatDuration(Number(node, "lag_us")), Size(node, "unread_bytes"),
               Size(node, "cdc_raw_bytes"),
               fmt::format("{} ({})", FormatSize(static_cast<uint64_t>(std::max<int64_t>(0, limit))),
                           Percent(Number(node, "cdc_raw_bytes"), limit)),
               PositionText(At(node, "position")), std::to_string(Number(node, "mutations")),
               std::to_string(Number(node, "corrupt")), std::to_string(Number(node, "gaps"))});
  }
  return "\n" + table.Render();
}

// Of an agent: what it puts into Kafka.
std::string Outlet(const Json& json) {
  const Json& outlet = At(json, "outlet");
  if (!outlet.is_object()) return "";
  const int64_t silent_us = Number(outlet, "silent_us");
  return fmt::format("\nKafka: {} records acknowledged, {} wait ({}){}\n", Number(outlet, "acknowledged"),
                     Number(outlet, "queued"), Size(outlet, "queue_bytes"),
                     silent_us < kSecondUs ? "" : ", no broker has answered for " + FormatDuration(silent_us));
}

std::string Shards(const Json& json) {
  if (At(json, "shards").empty()) return "";
  Table table(1);
  table.Row({"Shards", "changes", "late", "expired", "copies", "overtaken", "held", "queue", "state", "cache hits",
             "timeline", "kept"});
  for (const Json& shard : At(json, "shards")) {
    const int64_t oldest_us = Number(shard, "timeline_oldest_us");
    table.Row({std::to_string(Number(shard, "shard")), std::to_string(Number(shard, "changes")),
               std::to_string(Number(shard, "late_changes")), std::to_string(Number(shard, "expired_changes")),
               std::to_string(Number(shard, "copies_absorbed")), std::to_string(Number(shard, "overtaken")),
               std::to_string(Number(shard, "held_mutations")), Size(shard, "queue_bytes"), Size(shard, "state_bytes"),
               Percent(Number(shard, "state_cache_hits"), Number(shard, "state_reads")), Size(shard, "timeline_bytes"),
               oldest_us == 0 ? "-" : FormatDuration(Number(json, "now_us") - oldest_us)});
  }
  return "\n" + table.Render();
}

std::string Streams(const Json& json) {
  const Json& streams = At(json, "streams");
  if (!streams.is_array() || streams.empty()) return "";
  Table table(2);
  table.Row({"Streams", "tables"});
  for (const Json& stream : streams) {
    std::string tables;
    for (const Json& name : At(stream, "tables")) {
      if (name.is_string()) tables += (tables.empty() ? "" : ", ") + name.get<std::string>();
    }
    table.Row({OneLine(Text(stream, "name")), tables.empty() ? "none yet" : OneLine(tables)});
  }
  return "\n" + table.Render();
}

std::string Gaps(const Json& json) {
  const Json& gaps = At(json, "open_gaps");
  if (!gaps.is_array() || gaps.empty()) return "\nOpen gaps: none\n";
  std::string text = fmt::format("\nOpen gaps: {}\n", gaps.size());
  for (size_t i = 0; i < std::min(gaps.size(), kMostGapsShown); ++i) {
    const Json& gap = gaps[i];
    const std::string table = Text(gap, "table");
    text += fmt::format("  ! {} {} {} {} to {}, seen {}\n      {}\n", OneLine(Text(gap, "node")), Text(gap, "reason"),
                        table.empty() ? "every table" : OneLine(table), PositionText(At(gap, "from")),
                        PositionText(At(gap, "to")), Time(Number(gap, "seen_us")), OneLine(Text(gap, "detail")));
  }
  if (gaps.size() > kMostGapsShown) text += fmt::format("  and {} more: --json\n", gaps.size() - kMostGapsShown);
  return text;
}

// How long the rest takes if it goes on as it went; "-" if that cannot be known.
std::string TimeLeft(const Json& backfill) {
  const int64_t read = Number(backfill, "read_bytes");
  const int64_t left = std::max<int64_t>(0, Number(backfill, "total_bytes") - read);
  if (read <= 0) return "-";
  return FormatDuration(static_cast<int64_t>(static_cast<double>(Number(backfill, "running_us")) /
                                             static_cast<double>(read) * static_cast<double>(left)));
}

// Which backfills are shown, by id: what runs, then what has not ended, then the newest of those that have.
std::vector<const Json*> ShownBackfills(const Json& backfills) {
  const auto rank = [](const Json& backfill) {
    const std::string state = Text(backfill, "state");
    if (state == "running") return 0;
    return state == "done" || state == "cancelled" ? 2 : 1;
  };
  std::vector<const Json*> shown;
  for (const Json& backfill : backfills) shown.push_back(&backfill);
  const auto id = [](const Json* backfill) { return Number(*backfill, "id"); };
  std::ranges::stable_sort(shown, [&](const Json* a, const Json* b) {
    if (rank(*a) != rank(*b)) return rank(*a) < rank(*b);
    return rank(*a) == 2 ? id(a) > id(b) : id(a) < id(b);
  });
  shown.resize(std::min(shown.size(), kMostBackfillsShown));
  std::ranges::stable_sort(shown, {}, id);
  return shown;
}

std::string Backfills(const Json& json) {
  const Json& backfills = At(json, "backfills");
  if (!backfills.is_array() || backfills.empty()) return "";
  Table table(4);
  table.Row({"Backfills", "table", "cause", "state", "read", "of", "left"});
  const std::vector<const Json*> shown = ShownBackfills(backfills);
  for (const Json* each : shown) {
    const Json& backfill = *each;
    const bool running = Text(backfill, "state") == "running";
    const std::string part = OneLine(Text(backfill, "part"));
    const std::string name = OneLine(Text(backfill, "table"));
    table.Row({std::to_string(Number(backfill, "id")), part.empty() ? name : name + ", " + part,
               Text(backfill, "cause"), Text(backfill, "state"), running ? Size(backfill, "read_bytes") : "-",
               running ? Size(backfill, "total_bytes") : "-", running ? TimeLeft(backfill) : "-"});
  }
  const size_t more = backfills.size() - shown.size();
  return "\n" + table.Render() + (more == 0 ? "" : fmt::format("  and {} more: --json\n", more));
}

std::string Resources(const Json& json) {
  const Json& latency = At(json, "write_to_publish");
  std::string text = "\n";
  if (Number(latency, "count") > 0) {
    text += fmt::format("Write to publish: half within {}, 99 % within {}, 99.9 % within {}\n",
                        FormatDuration(Number(latency, "p50_us")), FormatDuration(Number(latency, "p99_us")),
                        FormatDuration(Number(latency, "p999_us")));
  }
  // Not every stage has limits of its own.
  const bool has_disk = Number(json, "disk_limit_bytes") > 0;
  const bool has_memory = Number(json, "memory_limit_bytes") > 0;
  text +=
      fmt::format("Disk: {} {}used, {} free on the volume\n", Size(json, "disk_used_bytes"),
                  has_disk ? fmt::format("of {} ", Size(json, "disk_limit_bytes")) : "", Size(json, "disk_free_bytes"));
  text += fmt::format("Memory: {} resident{}\n", Size(json, "resident_bytes"),
                      has_memory ? fmt::format(", {} configured", Size(json, "memory_limit_bytes")) : "");
  if (const int64_t retention_us = Number(json, "retention_us"); retention_us > 0) {
    text += fmt::format("Retention: {}, within the disk\n", FormatDuration(retention_us));
  }
  return text;
}

}  // namespace

Result<std::string> RenderStatus(const std::string& json) {
  const Json parsed = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object()) return Corrupt("the status is no JSON object; is it a Braid that answers there?");
  return Head(parsed) + Alarms(parsed) + Nodes(parsed) + Outlet(parsed) + Shards(parsed) + Streams(parsed) +
         Gaps(parsed) + Backfills(parsed) + Resources(parsed);
}

}  // namespace braid
