#include "control/config.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "control/config_files.h"
#include "control/config_kafka.h"
#include "control/config_keys.h"
#include "control/config_streams.h"
#include "control/endpoint.h"
#include "control/section.h"
#include "control/yaml.h"

namespace braid {
namespace {

constexpr size_t kMostFileBytes = size_t{1} << 20;
constexpr size_t kMostNodes = 1000;
constexpr size_t kMostNameLength = 64;
constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kTiB = uint64_t{1} << 40;
constexpr int64_t kSecondUs = 1'000'000;
constexpr int64_t kHourUs = 3600 * kSecondUs;
constexpr int64_t kDayUs = 24 * kHourUs;

uint64_t MachineMemory() {
  const long pages = ::sysconf(_SC_PHYS_PAGES);
  const long page = ::sysconf(_SC_PAGESIZE);
  return pages > 0 && page > 0 ? static_cast<uint64_t>(pages) * static_cast<uint64_t>(page) : kTiB;
}

// One file's reading.
class Reader {
 public:
  Reader(const std::string& path, ConfigUse use) : use_(use) {
    config_.path = path;
    std::error_code error;
    const std::filesystem::path whole = std::filesystem::absolute(path, error);
    directory_ = (error ? std::filesystem::path(path) : whole).parent_path().string();
  }

  Result<Config> Read(const YamlValue& root) {
    const Section top(root, kTopKeys, kAllKeys, &mistakes_);
    if (root.kind == YamlValue::Kind::kMap) {
      on_kafka_ = top.has("kafka");
      ReadTop(top);
      ReadSource(top);
      ReadBackfill(top);
      ReadHttp(top);
      ReadState(top);
      ReadKafkaAndStreams(top);
    }
    if (!mistakes_.empty()) return InvalidArgument(mistakes_.Text(config_.path));
    return std::move(config_);
  }

 private:
  void ReadTop(const Section& top) {
    if (top.Require("name", "give the pipeline a name, e.g. name: movies") != nullptr) {
      top.TakeText("name", &config_.name);
      if (!config_.name.empty()) NoteBadName(top, config_.name);
    }
    top.TakeSize("memory", 64 * kMiB, MachineMemory(), &config_.memory_bytes);
    top.TakeSize("disk", 64 * kMiB, 1024 * kTiB, &config_.disk_bytes);
    top.TakeNumber("shards", 1, 256, &config_.shards);
    top.TakeDuration("reorder_window", 0, kHourUs, &config_.reorder_window_us);
    top.TakeWord<bool>("publish_when", {{"one", false}, {"quorum", true}}, &config_.publish_quorum);
    top.TakeDuration("confirm_timeout", 1000, kDayUs, &config_.confirm_timeout_us);
    top.TakeDuration("purge_slack", 0, 365 * kDayUs, &config_.purge_slack_us);
    top.TakeDuration("retention", kSecondUs, 36500 * kDayUs, &config_.retention_us);
  }

  void NoteBadName(const Section& section, const std::string& name) {
    const bool good = name.size() <= kMostNameLength && name.front() != '.' && name.front() != '-' &&
                      std::all_of(name.begin(), name.end(), IsNameCharacter);
    if (good) return;
    section.Note("name", fmt::format("a name has letters, digits, _, - and . (not first), {} at most; choose another",
                                     kMostNameLength));
  }

  // Whether this process looks into the nodes' directories.
  bool reads_nodes() const {
    return use_ == ConfigUse::kRun || use_ == ConfigUse::kCapture || use_ == ConfigUse::kValidate;
  }

  // Workers and their readers may be far from any node.
  bool needs_nodes() const { return use_ == ConfigUse::kRun || use_ == ConfigUse::kCapture || !on_kafka_; }

  void ReadSource(const Section& top) {
    const YamlValue* value = needs_nodes()
                                 ? top.Require("source", "say which nodes to follow, see docs/configuration.md")
                                 : top.Find("source");
    if (value == nullptr) return;
    const Section source(*value, kSourceKeys, kAllKeys, &mistakes_);
    std::string kind = "cassandra";
    if (source.TakeText("kind", &kind) && kind != "cassandra") {
      source.Note("kind", "the only kind of source is cassandra; write that, or leave the key out");
    }
    ReadNodes(source);
    using Capture = NodeCapture;
    source.TakeWord<Capture::Tail>("tail", {{"synced", Capture::Tail::kSynced}, {"live", Capture::Tail::kLive}},
                                   &config_.tail);
    source.TakeWord<Capture::OnCorruption>(
        "on_corruption", {{"stop", Capture::OnCorruption::kStop}, {"skip", Capture::OnCorruption::kSkip}},
        &config_.on_corruption);
    source.TakeWord<Capture::OnOverflow>("on_overflow",
                                         {{"drop", Capture::OnOverflow::kDrop}, {"block", Capture::OnOverflow::kBlock}},
                                         &config_.on_overflow);
    source.TakeSize("cdc_total_space", kMiB, 1024 * kTiB, &config_.cdc_space_bytes);
    source.TakeDuration("sync_slack", 0, kHourUs, &config_.sync_slack_us);
    source.TakeDuration("schema_wait", 0, kDayUs, &config_.schema_wait_us);
    ReadExclude(source);
    // On Kafka other agents may have other nodes.
    if (config_.publish_quorum && config_.nodes.size() == 1 && !on_kafka_) {
      top.Note("publish_when", "a quorum needs a second node to confirm a write, and there is one; write one");
    }
  }

  void ReadExclude(const Section& source) {
    if (!source.TakeTexts("exclude", &config_.exclude)) return;
    std::vector<std::string> sorted = config_.exclude;
    std::sort(sorted.begin(), sorted.end());
    if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) {
      source.Note("exclude", "a column comes twice; keep one");
    }
    for (const std::string& column : config_.exclude) {
      const size_t first = column.find('.');
      const size_t second = first == std::string::npos ? first : column.find('.', first + 1);
      const bool good = second != std::string::npos && first > 0 && second > first + 1 && second + 1 < column.size();
      if (!good) source.Note("exclude", fmt::format("'{}' is no column; write keyspace.table.column", column));
    }
  }

  void ReadNodes(const Section& source) {
    const std::string cure = "list the nodes, e.g. nodes: [{name: n1, home: /var/lib/cassandra}]";
    const YamlValue* nodes = needs_nodes() ? source.Require("nodes", cure) : source.Find("nodes");
    if (nodes == nullptr) return;
    if (nodes->kind != YamlValue::Kind::kList || nodes->items.empty() || nodes->items.size() > kMostNodes) {
      source.Note("nodes", fmt::format("must be a list of 1 to {} nodes; {}", kMostNodes, cure));
      return;
    }
    for (const YamlValue& item : nodes->items) ReadNode(item);
  }

  void ReadNode(const YamlValue& item) {
    const Section section(item, kNodeKeys, kAllKeys, &mistakes_);
    if (item.kind != YamlValue::Kind::kMap) return;
    NodeFiles node;
    if (section.Require("name", "give the node a name, e.g. name: n1") != nullptr &&
        section.TakeText("name", &node.name)) {
      NoteBadName(section, node.name);
      NoteTwice(section, "name", node.name, &node_names_);
    }
    ReadNodeFiles(section, &node);
    if (reads_nodes() && use_ != ConfigUse::kCapture) {
      for (const std::string& mistake : CheckNodeDirectories(node)) mistakes_.Add(item.line, mistake);
    }
    config_.nodes.push_back(std::move(node));
  }

  void ReadNodeFiles(const Section& section, NodeFiles* node) {
    std::string home;
    const bool apart = section.has("cdc_raw") || section.has("commitlog") || section.has("data");
    if (section.has("home") && apart) {
      section.Note("home", "stands for cdc_raw, commitlog and data; give home alone, or cdc_raw and data without it");
      return;
    }
    if (section.has("home") || !apart) {
      if (section.Require("home", "give home: DIR, which holds cdc_raw, commitlog and data, or give those apart") &&
          TakePath(section, "home", &home)) {
        node->cdc_raw = home + "/cdc_raw";
        node->commitlog = home + "/commitlog";
        node->data = {home + "/data"};
        NoteTwice(section, "home", node->cdc_raw, &cdc_directories_);
      }
      return;
    }
    if (section.Require("cdc_raw", "give the node's cdc_raw_directory, as its cassandra.yaml says it") != nullptr &&
        TakePath(section, "cdc_raw", &node->cdc_raw)) {
      NoteTwice(section, "cdc_raw", node->cdc_raw, &cdc_directories_);
    }
    TakePath(section, "commitlog", &node->commitlog);
    if (section.Require("data", "give the node's data_file_directories: the schema is read there") != nullptr &&
        section.TakeTexts("data", &node->data)) {
      if (node->data.empty()) section.Note("data", "names no directory; give the node's data_file_directories");
      for (std::string& directory : node->data) Resolve(section, "data", &directory);
    }
  }

  // Notes a value that an earlier node or stream has too.
  void NoteTwice(const Section& section, std::string_view key, const std::string& value,
                 std::map<std::string, int>* seen) {
    const auto [earlier, fresh] = seen->emplace(value, section.LineOf(key));
    if (!fresh) section.Note(key, fmt::format("line {} has the same; each node has its own", earlier->second));
  }

  bool Resolve(const Section& section, std::string_view key, std::string* path) {
    const Result<std::string> resolved = ResolvePath(directory_, *path);
    if (!resolved.has_value()) {
      section.Note(key, resolved.error().message);
      return false;
    }
    *path = *resolved;
    return true;
  }

  bool TakePath(const Section& section, std::string_view key, std::string* path) {
    std::string text;
    if (!section.TakeText(key, &text) || !Resolve(section, key, &text)) return false;
    *path = text;
    return true;
  }

  void ReadState(const Section& top) {
    if (top.Require("state", "name a directory for all that Braid keeps, e.g. state: /var/lib/braid/movies") == nullptr)
      return;
    if (!TakePath(top, "state", &config_.state)) return;
    const std::string mistake = reads_nodes() ? CheckStateDirectory(config_.state, config_.nodes) : "";
    if (!mistake.empty()) top.Note("state", mistake);
  }

  void ReadBackfill(const Section& top) {
    const YamlValue* value = top.Find("backfill");
    if (value == nullptr) return;
    const Section backfill(*value, kBackfillKeys, kAllKeys, &mistakes_);
    backfill.TakeWord<bool>("bootstrap", {{"auto", true}, {"none", false}}, &config_.backfill.bootstrap);
    backfill.TakeWord<bool>("gaps", {{"auto", true}, {"none", false}}, &config_.backfill.gaps);
    backfill.TakeSize("rate", kMiB / 16, kTiB, &config_.backfill.rate_bytes);
  }

  void ReadKafkaAndStreams(const Section& top) {
    if (use_ == ConfigUse::kCapture || use_ == ConfigUse::kReconcile) {
      top.Require("kafka", "a stage alone hands over by Kafka: say where it is, see docs/configuration.md");
    }
    const ConfigFiles files = {.directory = directory_, .read_secrets = use_ != ConfigUse::kAsk};
    KafkaReader kafka(files, &mistakes_);
    kafka.ReadGroup(top, config_.name, config_.shards);
    ReadStreams(top, files, &kafka, &mistakes_, &config_.streams);
    config_.kafka = kafka.Finish();
  }

  void ReadHttp(const Section& top) {
    const YamlValue* value = top.Find("http");
    if (value == nullptr) return;
    const Section http(*value, kHttpKeys, kAllKeys, &mistakes_);
    std::string listen;
    http.Require("listen", "give an address and a port, e.g. listen: 127.0.0.1:8080");
    if (!http.TakeText("listen", &listen)) return;
    const Result<Endpoint> endpoint = ParseEndpoint(listen);
    if (!endpoint.has_value()) {
      http.Note("listen", endpoint.error().message + "; for this machine alone write 127.0.0.1:8080 or [::1]:8080");
      return;
    }
    config_.http = {endpoint->host, endpoint->port};
  }

  const ConfigUse use_;
  std::string directory_;
  bool on_kafka_ = false;
  Mistakes mistakes_;
  Config config_;
  std::map<std::string, int> node_names_;
  std::map<std::string, int> cdc_directories_;
};

Result<std::string> ReadText(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    return NotFound(fmt::format("{}: there is no such file; give the configuration's path with --config", path));
  }
  if (!std::filesystem::is_regular_file(path, error)) {
    return IoError(fmt::format("{}: is no plain file; give the configuration's path with --config", path));
  }
  std::ifstream file(path, std::ios::binary);
  std::string text(kMostFileBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad()) {
    return IoError(fmt::format("{}: cannot be read ({}); check its permissions", path, std::strerror(errno)));
  }
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kMostFileBytes) return InvalidArgument(path + ":1: is longer than 1 MiB: no configuration is");
  return text;
}

}  // namespace

Result<Config> ReadConfig(const std::string& path, ConfigUse use) {
  ASSIGN_OR_RETURN(const std::string text, ReadText(path));
  return ParseConfig(text, path, use);
}

Result<Config> ParseConfig(const std::string& text, const std::string& path, ConfigUse use) {
  ASSIGN_OR_RETURN(const YamlValue root, ParseYaml(text, path));
  if (root.kind == YamlValue::Kind::kNothing) {
    return InvalidArgument(path + ":1: the file is empty; docs/configuration.md and examples/live/braid.yaml help");
  }
  return Reader(path, use).Read(root);
}

}  // namespace braid
