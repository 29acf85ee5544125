// Any bytes as a configuration: the answer is a value that holds together, or mistakes that name a line each.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "control/config.h"
#include "control/status.h"

namespace braid {
namespace {

constexpr std::string_view kPath = "f.yaml:";

void CheckMistakes(std::string_view message) {
  while (!message.empty()) {
    const std::string_view line = message.substr(0, message.find('\n'));
    CHECK(line.starts_with(kPath));
    CHECK(line.size() > kPath.size() && line[kPath.size()] >= '1' && line[kPath.size()] <= '9');
    message.remove_prefix(std::min(message.size(), line.size() + 1));
  }
}

void Run(const std::string& text) {
  const Result<Config> config = ParseConfig(text, "f.yaml", ConfigUse::kAsk);
  if (!config.has_value()) return CheckMistakes(config.error().message);
  CHECK(!config->name.empty() && !config->nodes.empty() && !config->state.empty());
  CHECK(config->memory_bytes >= uint64_t{64} << 20 && config->shards >= 1);
  CHECK(config->reorder_window_us >= 0 && config->retention_us > 0 && config->http.port >= 0);
  for (const NodeFiles& node : config->nodes) CHECK(!node.cdc_raw.empty() && !node.data.empty());
  for (const StreamSpec& stream : config->streams) CHECK(!stream.name.empty() && !stream.tables.empty());
}

}  // namespace
}  // namespace braid

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  braid::Run(text);
  // What answers at the status page may be anything too.
  (void)braid::RenderStatus(text).has_value();
  return 0;
}
