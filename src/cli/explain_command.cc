#include <fmt/format.h>

#include <chrono>

#include "cli/commands.h"
#include "pipeline/explain/explain.h"

namespace braid {

int RunExplain(const ExplainArguments& arguments) {
  ExplainOptions options;
  options.table = arguments.table;
  options.key = arguments.key;
  options.nodes = arguments.nodes;
  options.on_corruption = arguments.on_corruption;
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  options.now = arguments.now.value_or(UnixSeconds{std::chrono::duration_cast<std::chrono::seconds>(wall).count()});
  const auto text = Explain(options);
  if (!text.has_value()) return Fail(text.error());
  fmt::print("{}", *text);
  return 0;
}

}  // namespace braid
