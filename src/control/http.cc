#include "control/http.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fmt/format.h>
#include <httplib.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "control/metrics.h"
#include "control/status.h"

namespace braid {
namespace {

constexpr size_t kThreads = 4;
constexpr size_t kMostWaiting = 32;
constexpr int kBacklog = 128;
constexpr time_t kTimeoutS = 2;
constexpr size_t kMostBodyBytes = 1024;
constexpr char kText[] = "text/plain; charset=utf-8";

// A few threads and a short queue. While the queue is full no connection is accepted: the system's own backlog holds
// those that wait.
class BoundedPool : public httplib::TaskQueue {
 public:
  BoundedPool() {
    for (size_t i = 0; i < kThreads; ++i) threads_.emplace_back([this] { Work(); });
  }

  void enqueue(std::function<void()> task) override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return tasks_.size() < kMostWaiting; });
    tasks_.push_back(std::move(task));
    changed_.notify_all();
  }

  void shutdown() override {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
      changed_.notify_all();
    }
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  void Work() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return closed_ || !tasks_.empty(); });
      if (tasks_.empty()) return;
      const std::function<void()> task = std::move(tasks_.front());
      tasks_.pop_front();
      changed_.notify_all();
      lock.unlock();
      task();
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  bool closed_ = false;
  std::vector<std::thread> threads_;
};

// The local port of a socket, 0 if it is none of TCP.
int PortOf(int file) {
  sockaddr_storage address = {};
  socklen_t size = sizeof address;
  if (::getsockname(file, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  if (address.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6*>(&address)->sin6_port);
  return 0;
}

// Ends every connection that clients have to our port. The library does not tell its sockets, and a client that sends a
// byte now and then would hold a thread for hours.
void CutConnections(int port) {
  DIR* directory = ::opendir("/proc/self/fd");
  if (directory == nullptr) return;
  while (const dirent* entry = ::readdir(directory)) {
    int file = 0;
    const std::string_view name = entry->d_name;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), file);
    if (error == std::errc() && PortOf(file) == port) ::shutdown(file, SHUT_RDWR);
  }
  ::closedir(directory);
}

class Server : public HttpServer {
 public:
  explicit Server(StatsFunction stats) : stats_(std::move(stats)) {
    http_.new_task_queue = [] { return new BoundedPool; };
    // Not the library's default, which lets a second process share the port in silence.
    http_.set_socket_options([this](socket_t socket) {
      listening_ = socket;
      const int yes = 1;
      ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    http_.set_keep_alive_max_count(1);
    http_.set_keep_alive_timeout(kTimeoutS);
    http_.set_read_timeout(kTimeoutS);
    http_.set_write_timeout(kTimeoutS);
    http_.set_payload_max_length(kMostBodyBytes);
    http_.set_default_headers({{"Cache-Control", "no-store"}, {"X-Content-Type-Options", "nosniff"}});
    http_.set_exception_handler([](const httplib::Request&, httplib::Response& response, const std::exception_ptr&) {
      response.status = 500;
      response.set_content("the answer could not be made; the log may say why\n", kText);
    });
    AddPages();
  }

  ~Server() override {
    if (!thread_.joinable()) return;
    // The library forgets a stop that comes before its loop began, and must not be told twice.
    while (!http_.is_running() && !ended_) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    http_.stop();
    while (!ended_) {
      CutConnections(port_);
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, std::chrono::milliseconds(20), [this] { return ended_.load(); });
    }
    thread_.join();
  }

  Status Listen(const std::string& host, int port) {
    errno = 0;
    port_ = port == 0 ? http_.bind_to_any_port(host) : (http_.bind_to_port(host, port) ? port : -1);
    if (port_ < 0) {
      const char* reason = errno == 0 ? "no such address" : std::strerror(errno);
      return InvalidArgument(
          fmt::format("http: cannot listen at {}:{} ({}); change listen in the configuration, or end "
                      "the program that has the port",
                      host, port, reason));
    }
    // The library asks for a backlog of 5 and takes no other number: a few askers at once would wait for seconds.
    ::listen(listening_, kBacklog);
    thread_ = std::thread([this] {
      http_.listen_after_bind();
      const std::lock_guard lock(mutex_);
      ended_ = true;
      changed_.notify_all();
    });
    return {};
  }

  int port() const override { return port_; }

 private:
  RunStats Stats() {
    const std::lock_guard lock(stats_mutex_);
    return stats_();
  }

  void AddPages() {
    http_.Get("/livez",
              [](const httplib::Request&, httplib::Response& response) { response.set_content("alive\n", kText); });
    http_.Get("/readyz", [this](const httplib::Request&, httplib::Response& response) {
      const RunStats stats = Stats();
      response.status = stats.ready ? 200 : 503;
      response.set_content(stats.ready ? "ready\n" : "not ready: " + stats.not_ready + "\n", kText);
    });
    http_.Get("/metrics", [this](const httplib::Request&, httplib::Response& response) {
      response.set_content(RenderMetrics(Stats()), kMetricsContentType);
    });
    http_.Get("/status", [this](const httplib::Request&, httplib::Response& response) {
      response.set_content(RenderStatusJson(Stats()), "application/json");
    });
    http_.set_error_handler([](const httplib::Request&, httplib::Response& response) {
      if (response.body.empty())
        response.set_content("there are /livez, /readyz, /metrics and /status, by GET\n", kText);
    });
  }

  const StatsFunction stats_;
  std::mutex stats_mutex_;
  httplib::Server http_;
  int listening_ = -1;
  int port_ = -1;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<bool> ended_ = false;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::Start(const std::string& host, int port, StatsFunction stats) {
  auto server = std::make_unique<Server>(std::move(stats));
  TRY(server->Listen(host, port));
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace braid
