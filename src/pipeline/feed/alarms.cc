#include "pipeline/feed/alarms.h"

#include <utility>

namespace braid {

void Alarms::Set(const std::string& what, const std::string& message) {
  {
    const std::lock_guard lock(mutex_);
    if (message.empty()) {
      if (alarms_.erase(what) == 0) return;
    } else {
      const auto [alarm, is_new] = alarms_.insert_or_assign(what, message);
      if (!is_new) return;
    }
  }
  if (log_) log_(!message.empty(), message.empty() ? what + ": over" : message);
}

std::vector<std::string> Alarms::List() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> messages;
  messages.reserve(alarms_.size());
  for (const auto& [what, message] : alarms_) messages.push_back(message);
  return messages;
}

}  // namespace braid
