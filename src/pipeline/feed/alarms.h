// What is wrong now with a process that streams, each thing under a name of its own.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace braid {

// Thread-safe.
class Alarms {
 public:
  // Told when an alarm begins (true) and when it is over (false), with a line for people. May be empty.
  using Log = std::function<void(bool alarm, const std::string& message)>;

  explicit Alarms(Log log) : log_(std::move(log)) {}

  // `what` is wrong, for the reason `message`; an empty one: no more. Tells only what is new: while an alarm stands its
  // message may change, which shows in List alone.
  void Set(const std::string& what, const std::string& message);

  // The messages of what is wrong now.
  std::vector<std::string> List() const;

 private:
  const Log log_;
  mutable std::mutex mutex_;
  std::map<std::string, std::string> alarms_;
};

}  // namespace braid
