#include <fmt/format.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "capture/node_capture.h"

namespace braid {

namespace {

// What a node does in its directories: it makes, links, removes and rewrites files.
constexpr uint32_t kEvents = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_MODIFY | IN_CLOSE_WRITE;

class InotifyWatcher : public Watcher {
 public:
  explicit InotifyWatcher(int descriptor) : descriptor_(descriptor) {}
  ~InotifyWatcher() override { ::close(descriptor_); }
  InotifyWatcher(const InotifyWatcher&) = delete;
  InotifyWatcher& operator=(const InotifyWatcher&) = delete;

  Status Add(const std::string& directory) override {
    // The same directory gets the same watch again, also after it was made anew.
    if (::inotify_add_watch(descriptor_, directory.c_str(), kEvents | IN_ONLYDIR) >= 0) return {};
    const int error = errno;
    const std::string message =
        error == ENOSPC
            ? fmt::format("{}: cannot be watched: too many watches (fs.inotify.max_user_watches)", directory)
            : fmt::format("{}: cannot be watched: {}", directory, std::strerror(error));
    return error == ENOENT ? NotFound(message) : IoError(message);
  }

  bool Wait(int timeout_ms) override {
    pollfd poll{.fd = descriptor_, .events = POLLIN, .revents = 0};
    if (::poll(&poll, 1, timeout_ms) <= 0) return false;
    // What happened does not matter, only that something did.
    alignas(inotify_event) std::array<char, 4096> events;
    bool any = false;
    while (::read(descriptor_, events.data(), events.size()) > 0) any = true;
    return any;
  }

 private:
  int descriptor_;
};

}  // namespace

Result<std::unique_ptr<Watcher>> Watcher::Make() {
  const int descriptor = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (descriptor < 0) return IoError(fmt::format("inotify: {}", std::strerror(errno)));
  return std::unique_ptr<Watcher>(std::make_unique<InotifyWatcher>(descriptor));
}

}  // namespace braid
