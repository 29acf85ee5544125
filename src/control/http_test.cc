#include "control/http.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "control/metrics.h"
#include "control/stats_test_util.h"
#include "control/status.h"

namespace braid {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class HttpTest : public ::testing::Test {
 protected:
  HttpTest() {
    auto server = HttpServer::Start("127.0.0.1", 0, [this] {
      ++calls_;
      RunStats stats = SomeStats();
      stats.ready = ready_;
      stats.not_ready = ready_ ? "" : "n1 is behind";
      return stats;
    });
    EXPECT_TRUE(server.has_value());
    server_ = *std::move(server);
  }

  httplib::Result Get(const std::string& path) { return httplib::Client("127.0.0.1", server_->port()).Get(path); }

  // A connection that has sent `bytes` and nothing more.
  int Connect(const std::string& bytes) {
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(server_->port()));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
    return socket;
  }

  // All that the server says until it closes.
  static std::string ReadAll(int socket) {
    std::string text;
    char buffer[4096];
    for (ssize_t n; (n = ::recv(socket, buffer, sizeof buffer, 0)) > 0;) text.append(buffer, static_cast<size_t>(n));
    ::close(socket);
    return text;
  }

  std::atomic<bool> ready_ = true;
  std::atomic<int> calls_ = 0;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpTest, EveryPageAnswers) {
  EXPECT_EQ(Get("/livez")->status, 200);
  EXPECT_EQ(calls_, 0);
  EXPECT_EQ(Get("/readyz")->status, 200);
  const auto metrics = Get("/metrics");
  EXPECT_EQ(metrics->status, 200);
  EXPECT_EQ(metrics->get_header_value("Content-Type"), kMetricsContentType);
  EXPECT_EQ(metrics->get_header_value("Cache-Control"), "no-store");
  EXPECT_EQ(metrics->body, RenderMetrics(SomeStats()));
  const auto status = Get("/status");
  EXPECT_EQ(status->get_header_value("Content-Type"), "application/json");
  EXPECT_EQ(status->body, RenderStatusJson(SomeStats()));
  EXPECT_EQ(calls_, 3);
}

TEST_F(HttpTest, WhatIsNotReadySaysWhy) {
  ready_ = false;
  const auto answer = Get("/readyz");
  EXPECT_EQ(answer->status, 503);
  EXPECT_EQ(answer->body, "not ready: n1 is behind\n");
  EXPECT_EQ(Get("/livez")->status, 200);
}

TEST_F(HttpTest, WhatThereIsNotIsSaid) {
  EXPECT_EQ(Get("/")->status, 404);
  EXPECT_THAT(Get("/etc/passwd")->body, HasSubstr("/livez, /readyz, /metrics and /status"));
  httplib::Client client("127.0.0.1", server_->port());
  EXPECT_EQ(client.Post("/status", "x", "text/plain")->status, 404);
  EXPECT_EQ(client.Post("/status", std::string(100'000, 'x'), "text/plain")->status, 413);
  EXPECT_THAT(ReadAll(Connect("nonsense\r\n\r\n")), HasSubstr("400"));
  EXPECT_THAT(ReadAll(Connect("GET /" + std::string(100'000, 'a') + " HTTP/1.1\r\n\r\n")), StartsWith("HTTP/1.1 41"));
  EXPECT_EQ(Get("/livez")->status, 200);
}

TEST_F(HttpTest, ManyAskAtOnceAndStatsAreAskedOneByOne) {
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 50; ++i) {
    threads.emplace_back([&] {
      const auto answer = Get("/status");
      if (answer && answer->status == 200) ++good;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 50);
}

TEST_F(HttpTest, ClientsThatSayNothingAreCutOff) {
  const auto begin = std::chrono::steady_clock::now();
  std::vector<int> sockets;
  for (int i = 0; i < 4; ++i) sockets.push_back(Connect("GET /livez HTTP/1.1\r\n"));
  EXPECT_EQ(Get("/livez")->status, 200);
  for (const int socket : sockets) ReadAll(socket);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

TEST_F(HttpTest, ItStopsPromptlyWhateverClientsDo) {
  std::atomic<bool> over = false;
  std::vector<std::thread> drips;
  for (int i = 0; i < 6; ++i) {
    drips.emplace_back([&] {
      const int socket = Connect("GET /livez HTTP/1.1\r\nX: ");
      while (!over && ::send(socket, "a", 1, MSG_NOSIGNAL) == 1) {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
      }
      ::close(socket);
    });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  const auto begin = std::chrono::steady_clock::now();
  server_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  over = true;
  for (std::thread& drip : drips) drip.join();
}

TEST_F(HttpTest, ItCanBeStoppedAtOnce) {
  for (int i = 0; i < 20; ++i) {
    auto server = HttpServer::Start("127.0.0.1", 0, [] { return RunStats(); });
    ASSERT_TRUE(server.has_value());
  }
}

TEST_F(HttpTest, APortThatIsTakenIsRefusedAndThenFree) {
  const int port = server_->port();
  const auto second = HttpServer::Start("127.0.0.1", port, [] { return RunStats(); });
  ASSERT_FALSE(second.has_value());
  EXPECT_THAT(second.error().message, HasSubstr("cannot listen at 127.0.0.1:" + std::to_string(port)));
  EXPECT_THAT(second.error().message, HasSubstr("Address already in use"));
  EXPECT_FALSE(HttpServer::Start("203.0.113.1", 0, [] { return RunStats(); }).has_value());
  EXPECT_EQ(Get("/livez")->status, 200);
  server_.reset();
  EXPECT_TRUE(HttpServer::Start("127.0.0.1", port, [] { return RunStats(); }).has_value());
}

}  // namespace
}  // namespace braid
